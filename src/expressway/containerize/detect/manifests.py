"""Which packages an app depends on, read from the manifest of each language without running anything.

Names are in lower case; a manifest that cannot be parsed has no dependencies, and `unparsable` names it.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

from expressway.containerize.files import AppFiles
from expressway.core import linear_regex
from expressway.core.bounded_data import why_too_large
from expressway.privacy.untrusted import echoed, named

Names = frozenset[str]

_REQUIREMENT = re.compile(r"^[ \t]*([A-Za-z0-9][A-Za-z0-9._-]*)[ \t]*(\[[^\]\n]*\])?", re.MULTILINE)
_GEM = re.compile(r"^[ \t]*gem[ \t]+[\"']([\w-]+)[\"']", re.MULTILINE)
_LOCKED_GEM = re.compile(r"^ {4}([\w-]+) \(", re.MULTILINE)
_GO_MODULE = re.compile(r"^[ \t]*(?:require[ \t]+)?([a-z0-9.-]+\.[a-z]+/\S+)[ \t]+v", re.MULTILINE)
_ARTIFACT = re.compile(r"<artifactId>\s*([\w.-]+)\s*</artifactId>")
_LONG_KEY = r"""(?:(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')[ \t]*\.[ \t]*){32}"""
"""A dotted key of TOML that no manifest has: `tomllib` keeps each of its beginnings, gigabytes for a long one."""
_GRADLE = re.compile(r"""["']([\w.-]+):([\w.-]+)(?::[^"']*)?["']|\bid[ \t]*(?:\([ \t]*)?["']([\w.-]+)["']""")


def dependencies_of(files: AppFiles, language: str) -> Names:
    """Names of the packages that the app's manifests name, with ``name[extra]`` beside ``name`` for Python's extras."""
    reader = _READERS.get(language)
    return frozenset(name.lower() for name in reader(files)) if reader else frozenset()


def unparsable(files: AppFiles) -> tuple[str, ...]:
    """Manifests that are no JSON or TOML, as ``path: why``; a build would fail on them."""
    problems: list[str] = []
    for path, text in files.texts.items():
        parse: Callable[[str], object] | None = _PARSERS.get(path.rpartition("/")[2])
        try:
            if parse is not None:
                parse(text)
        except RecursionError:
            problems.append(f"{path}: it is nested too deeply")
        except ValueError as exc:
            problems.append(f"{named(path)}: {echoed(str(exc), 200)}")
    return tuple(problems)


def json_object(text: str) -> Mapping[str, Any]:
    """The object that a JSON text is; empty for anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def toml_table(text: str) -> Mapping[str, Any]:
    """The table that a TOML text is; empty for anything else."""
    try:
        return _toml(text)
    except (ValueError, RecursionError):
        return {}


def sections(value: Mapping[str, Any], key: str) -> tuple[Mapping[str, Any], ...]:
    """The mappings of the list below `key`; none where there is something else."""
    listed = value.get(key)
    items = cast("list[Any]", listed) if isinstance(listed, list) else []
    return tuple(item for item in items if isinstance(item, dict))


def _toml(text: str) -> Mapping[str, Any]:
    """`tomllib.loads`, in time and memory that grow with the text; no number is too long to be shown."""
    if linear_regex.search(_LONG_KEY, text):
        raise ValueError("a dotted key has more than 32 parts")
    table = tomllib.loads(text)
    if reason := why_too_large(table):
        raise ValueError(f"it has {reason}")
    return table


def section(value: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """The mapping below `keys`; empty when a step is missing or something else."""
    current: Any = value
    for key in keys:
        current = cast("Mapping[str, Any]", current).get(key) if isinstance(current, dict) else None
    return cast("Mapping[str, Any]", current) if isinstance(current, dict) else {}


def _python(files: AppFiles) -> Iterator[str]:
    for path in (*files.find("requirements*.txt"), *files.find("requirements/*.txt")):
        yield from _requirements(files.text(path))
    pyproject = toml_table(files.text("pyproject.toml"))
    listed = section(pyproject, "project").get("dependencies")
    if isinstance(listed, list):
        yield from _requirements("\n".join(str(item) for item in cast("list[object]", listed)))
    for name, wanted in section(pyproject, "tool", "poetry", "dependencies").items():
        yield name.replace("_", "-")
        extras = cast("Mapping[str, Any]", wanted).get("extras") if isinstance(wanted, dict) else None
        yield from (f"{name}[{extra}]" for extra in (cast("list[str]", extras) if isinstance(extras, list) else ()))


def _requirements(text: str) -> Iterator[str]:
    for match in _REQUIREMENT.finditer(text):
        name = match[1].replace("_", "-")
        yield name
        for extra in (match[2] or "").strip("[]").split(","):
            if extra.strip():
                yield f"{name}[{extra.strip()}]"


def _node(files: AppFiles) -> Iterator[str]:
    package = json_object(files.text("package.json"))
    yield from section(package, "dependencies")
    yield from section(package, "devDependencies")


def _java(files: AppFiles) -> Iterator[str]:
    for artifact in _ARTIFACT.findall(files.text("pom.xml")):
        yield artifact
        if artifact.startswith("spring-boot"):
            yield "spring-boot"
    for name in ("build.gradle", "build.gradle.kts"):
        for group, artifact, plugin in _GRADLE.findall(files.text(name)):
            yield from (group, artifact) if group else (plugin,)


_READERS: Mapping[str, Callable[[AppFiles], Iterable[str]]] = {
    "python": _python,
    "node": _node,
    "ruby": lambda files: _GEM.findall(files.text("Gemfile")) + _LOCKED_GEM.findall(files.text("Gemfile.lock")),
    "php": lambda files: section(json_object(files.text("composer.json")), "require"),
    "go": lambda files: _GO_MODULE.findall(files.text("go.mod")),
    "java": _java,
    "rust": lambda files: section(toml_table(files.text("Cargo.toml")), "dependencies"),
}
_PARSERS: Mapping[str, Callable[[str], object]] = {
    "package.json": json.loads,
    "composer.json": json.loads,
    "pyproject.toml": _toml,
    "Cargo.toml": _toml,
}
