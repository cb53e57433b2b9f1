"""The files that Expressway kept out of a build, which of them a program misses, and how to include them."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from expressway.aws.values.task_definition import TaskDefinition
from expressway.errors import ImageError
from expressway.image.context.protected_files import including_line
from expressway.image.context.values import BuildContext
from expressway.privacy.untrusted import named

_MISSING = re.compile(
    r"no module named|module ?not ?found|cannot find|can't find|no such file|enoent|not found|does not exist|"
    r"filenotfound|(?:could not|cannot|can't|unable to|failed to|error) (?:open|load|read|find|resolve|import|opening|"
    r"loading|reading)",
    re.IGNORECASE,
)
_PLACE = re.compile(r"[\w@~./-]{1,1024}")
_MODULE = re.compile(r"no module named [\"'`]?([\w.]{1,200})", re.IGNORECASE)
_MOST_LINES = 200
_LONGEST_LINE = 2_000


@dataclass(frozen=True, slots=True)
class ExcludedFiles:
    """What was kept out of a build context, and the file in which a ``!`` line includes it."""

    paths: tuple[str, ...] = ()
    ignore_file: str = ".dockerignore"

    def missed_by(self, lines: Iterable[str]) -> tuple[str, ...]:
        """Those that a program's output names as missing: a file, module or folder of that name.

        Only the last part of a path counts, since programs have paths of their own. What belongs into a home directory
        (.aws, .ssh) does not count: a program looks for it in the home directory of its container.
        """
        missing = {part for line in list(lines)[:_MOST_LINES] for part in _missing_names(line[:_LONGEST_LINE])}
        return tuple(path for path in self.paths if _names_of(path) & missing and not _is_of_home(path))

    def remedy(self, missed: Sequence[str]) -> str:
        """How to include them."""
        lines = " and ".join(named(including_line(path)) for path in missed)
        return f"If the image needs it, add {lines} to {named(self.ignore_file)}, and build again."


ExcludedFrom = Callable[[str], ExcludedFiles]
"""What was kept out of an image, by its reference; nothing where that is not known."""


RecordExcluded = Callable[[str, ExcludedFiles, Callable[[str], None]], None]
"""Records what was kept out of an image, by its reference; the last argument takes a warning where that fails."""


def nothing_excluded(image: str) -> ExcludedFiles:
    """Nothing is known of any image."""
    del image
    return ExcludedFiles()


def excluded_by_container(
    definition: TaskDefinition | None, excluded_from: ExcludedFrom
) -> Mapping[str, ExcludedFiles]:
    """What was kept out of the images that a task runs, by container."""
    containers = definition.containers if definition is not None else ()
    known = {each.name: excluded_from(each.image) for each in containers if each.image}
    return {name: excluded_files for name, excluded_files in known.items() if excluded_files.paths}


def _missing_names(line: str) -> set[str]:
    """Every part of every path or module in a line that says that something is missing."""
    if not _MISSING.search(line):
        return set()
    modules = {part for found in _MODULE.finditer(line) for part in found[1].split(".")}
    places = [found[0].split("/") for found in _PLACE.finditer(line)]
    return modules | {part for parts in places if not any(map(_is_of_home, parts)) for part in parts if part}


def _is_of_home(path: str) -> bool:
    name = path.rstrip("/").rpartition("/")[2]
    return name.startswith(".") and name.strip(".") != "" and not name.startswith(".env")


def _names_of(path: str) -> set[str]:
    """What a program may call it: its name, and a module's without its ending."""
    name = path.rstrip("/").rpartition("/")[2]
    stem = name.partition(".")[0]
    return {name, stem} if stem and path.endswith((".json", ".yaml", ".yml")) else {name}


_COPYING = re.compile(r"\b(?:COPY|ADD) (?P<flags>(?:--\S+ +)*)(?P<words>.+)")
# The classic builder's words, then BuildKit's.
_MISSED = re.compile(r'stat (?P<plain>[^\s:]+): (?:file does not exist|no such file)|"/(?P<quoted>[^"]+)":? not found')


def with_excluded_files(error: ImageError, context: BuildContext) -> ImageError:
    """The error of a failed build, with the excluded files; where these made it fail, with how to include them.

    ``excluded_files`` in the details lists all of it, ``excluded_but_copied`` what the failed step copies,
    ``excluded_but_missed`` what its output says is missing.
    """
    if error.code != "build_failed" or not context.excluded_files:
        return error
    details = {**error.details, "excluded_files": [named(path) for path in context.excluded_files]}
    sources = tuple(_sources(str(error.details.get("step", "")), error.message))
    copied = [path for path in context.excluded_files if any(_names(source, path) for source in sources)]
    excluded_files = ExcludedFiles(context.excluded_files, context.ignore_file)
    missed = copied or excluded_files.missed_by(error.details.get("output", ()))
    if not missed:
        return ImageError(error.code, error.message, error.hint, details)
    why = "the Dockerfile copies it" if copied else "the step that failed says that it is missing"
    names = [named(path) for path in missed]
    hint = (
        f"Expressway kept {', '.join(names)} out of the build, since it may hold secrets or history, and {why}. "
        f"{excluded_files.remedy(missed)}"
    )
    kind = "excluded_but_copied" if copied else "excluded_but_missed"
    return ImageError(error.code, error.message, hint, {**details, kind: names})


def _sources(step: str, message: str) -> Iterator[str]:
    """What the failed step copies out of the context, and what the builder says it did not find there."""
    for found in _MISSED.finditer(message):
        yield _relative(found["plain"] or found["quoted"])
    copying = _COPYING.search(step)
    if copying is not None and "--from=" not in copying["flags"]:
        yield from (_relative(word) for word in _words(copying["words"])[:-1])


def _words(arguments: str) -> list[str]:
    if arguments.startswith("["):
        try:
            return [str(word) for word in json.loads(arguments)]
        except (ValueError, RecursionError):
            pass
    return arguments.split()


def _relative(path: str) -> str:
    return path.removeprefix("./").strip("/")


def _names(source: str, path: str) -> bool:
    """Whether `source` (with wildcards, which cross no slash) is `path`, or lies inside that folder."""
    parts, wanted = source.split("/"), path.rstrip("/").split("/")
    return len(parts) >= len(wanted) and all(fnmatchcase(part, pattern) for pattern, part in zip(parts, wanted))  # noqa: B905 - as far as `wanted` goes
