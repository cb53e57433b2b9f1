"""The definition file on disk: found, read and parsed, with every problem in one error.

Callers name any path. A file that is no definition, by its name or content, is named and never quoted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from expressway.app.definition import AppDefinition
from expressway.app.given_path import given_path, read_ordinary_file
from expressway.app.parse import parse_definition
from expressway.app.sections import SCHEMA
from expressway.app.yaml_text import MAX_CHARACTERS, load_yaml
from expressway.errors import DefinitionError
from expressway.hints import command
from expressway.privacy.untrusted import echoed

_SOURCES = frozenset({"build", "image", "task_definition_arn"})


def is_definition(data: object, *, whole: bool) -> bool:
    """Whether `data` has a key of an app's definition.

    `whole`, for a file of another name than FILE_NAMES: it must have both the name and the source of an app, and no
    more unknown keys than known ones.
    """
    if not isinstance(data, Mapping):
        return False
    keys = {key for key in cast("Mapping[Any, Any]", data) if isinstance(key, str)}
    known = keys & AppDefinition.model_fields.keys()
    if not whole:
        return bool(known & {"name", *_SOURCES})
    return "name" in known and bool(known & _SOURCES) and len(known) * 2 >= len(data)


FILE_NAMES = ("expressway.yaml", "expressway.yml")
_SUFFIXES = frozenset({".yaml", ".yml"})
_MOST_BYTES = 4 * MAX_CHARACTERS
_CONTAINERIZE = command("containerize", "FOLDER --write", mcp="with write: true")


@dataclass(frozen=True, slots=True)
class LoadedDefinition:
    """A definition and where it came from; paths inside it are relative to `base_dir` (absolute)."""

    definition: AppDefinition
    path: Path
    base_dir: Path


def load_definition(path: Path | str) -> LoadedDefinition:
    """Read the definition file at `path`, or the one named expressway.yaml in that folder.

    Raises:
        UsageError: ``invalid_path``.
        DefinitionError: ``definition_missing``, ``definition_outside`` (a link that leads out of its folder),
            ``definition_unreadable``, ``not_a_definition``, ``invalid_yaml`` (with line and column) or
            ``invalid_definition`` (with all problems); the details name the file.
    """
    file = _find(given_path(path))
    try:
        definition = parse_definition(_data_of(file))
    except DefinitionError as exc:
        exc.details.setdefault("file", str(file))
        raise
    return LoadedDefinition(definition, file, file.parent)


def is_folder(path: Path) -> bool:
    """Whether there is a folder at `path`.

    Raises:
        DefinitionError: ``definition_missing`` when none may look.
    """
    try:
        return path.is_dir()
    except OSError as exc:
        raise _not_reachable(path, exc) from exc


def has_definition(path: Path) -> bool:
    """Whether there is a file at `path`, or a definition by its name in that folder.

    Raises:
        DefinitionError: ``definition_missing`` when none may look.
    """
    return _found(path) is not None


def _found(path: Path) -> Path | None:
    candidates = [path / name for name in FILE_NAMES] if is_folder(path) else [path]
    try:
        return next((candidate for candidate in candidates if candidate.exists()), None)
    except OSError as exc:
        raise _not_reachable(path, exc) from exc


def _find(path: Path) -> Path:
    found = _found(path)
    if found is None:
        folder = is_folder(path)
        named = echoed(str(path))
        raise DefinitionError(
            "definition_missing",
            f"Expected {f'{FILE_NAMES[0]} in the folder {named}' if folder else f'a file or folder at {named}'}, "
            "found none.",
            "Name the app's folder or its definition file, or have one written: "
            f"{_CONTAINERIZE}. {SCHEMA} has every key.",
        )
    real = found.resolve()
    if real.suffix.lower() not in _SUFFIXES or found.suffix.lower() not in _SUFFIXES:
        raise _no_definition(found, "a file of another kind")
    if not real.is_relative_to(found.parent.resolve()):
        raise DefinitionError(
            "definition_outside",
            f"The definition {echoed(str(found))} is a link that leads out of its folder.",
            "Put the file itself there, or name the file that the link leads to.",
        )
    return real


def _not_reachable(path: Path, exc: OSError) -> DefinitionError:
    return DefinitionError(
        "definition_missing",
        f"Expected a file or folder at {echoed(str(path))}, got: {exc.strerror}.",
        "Name the app's folder or its definition file, and check that it may be read.",
    )


def _data_of(file: Path) -> object:
    content, why = read_ordinary_file(file, _MOST_BYTES)
    try:
        text = content.decode("utf-8-sig") if content is not None else None
    except UnicodeDecodeError:
        text, why = None, "it is no UTF-8"
    if text is None:
        raise DefinitionError(
            "definition_unreadable",
            f"Expected a readable UTF-8 text at {echoed(str(file))}, but {why}.",
            "Check that this is the definition of an app, its permissions and its encoding.",
        )
    data = load_yaml(text)
    if not is_definition(data, whole=file.name not in FILE_NAMES):
        raise _no_definition(file, "a text without its keys")
    return data


def _no_definition(file: Path, got: str) -> DefinitionError:
    return DefinitionError(
        "not_a_definition",
        f"Expected the definition of an app at {echoed(str(file))} (a YAML file with name and one of build, image and "
        f"task_definition_arn), got {got}.",
        "Name the app's folder, or its expressway.yaml.",
    )
