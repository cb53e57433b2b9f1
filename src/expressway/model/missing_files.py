"""A failure that follows from what was kept out of the image: a program says that it misses just that."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from expressway.model.protected_files import including_line
from expressway.model.quotation import named
from expressway.model.task_definition import TaskDefinition

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
class LeftOutFiles:
    """What was kept out of a build context, and the file in which a ``!`` line includes it."""

    paths: tuple[str, ...] = ()
    ignore_file: str = ".dockerignore"

    def missed_by(self, lines: Iterable[str]) -> tuple[str, ...]:
        """Those that a program says it misses: it names a file, module or folder of that name and that it is not there.

        Of a path the last part counts, as programs are told paths of their own. What belongs into a home directory
        (.aws, .ssh) does not count: a program looks for it in the home directory of its container.
        """
        missing = {part for line in list(lines)[:_MOST_LINES] for part in _missing_names(line[:_LONGEST_LINE])}
        return tuple(path for path in self.paths if _names_of(path) & missing and not _is_of_a_home(path))

    def remedy(self, missed: Sequence[str]) -> str:
        """How to include them."""
        lines = " and ".join(named(including_line(path)) for path in missed)
        return f"If the image needs it, add {lines} to {named(self.ignore_file)}, and build again."


ExcludedFrom = Callable[[str], LeftOutFiles]
"""What was kept out of an image, by its reference; nothing where that is not known."""


RecordExcluded = Callable[[str, LeftOutFiles, Callable[[str], None]], None]
"""Remembers what was kept out of an image, by its reference; tells a warning where that cannot be written down."""


def nothing_excluded(image: str) -> LeftOutFiles:
    """Nothing is known of any image."""
    del image
    return LeftOutFiles()


def excluded_by_container(definition: TaskDefinition | None, excluded_from: ExcludedFrom) -> Mapping[str, LeftOutFiles]:
    """What was kept out of the images that a task runs, by container."""
    containers = definition.containers if definition is not None else ()
    known = {one.name: excluded_from(one.image) for one in containers if one.image}
    return {name: left_out for name, left_out in known.items() if left_out.paths}


def _missing_names(line: str) -> set[str]:
    """Every part of every path or module in a line that says that something is missing."""
    if not _MISSING.search(line):
        return set()
    modules = {part for found in _MODULE.finditer(line) for part in found[1].split(".")}
    places = [found[0].split("/") for found in _PLACE.finditer(line)]
    return modules | {part for parts in places if not any(map(_is_of_a_home, parts)) for part in parts if part}


def _is_of_a_home(path: str) -> bool:
    name = path.rstrip("/").rpartition("/")[2]
    return name.startswith(".") and name.strip(".") != "" and not name.startswith(".env")


def _names_of(path: str) -> set[str]:
    """What a program may call it: its name, and a module's without its ending."""
    name = path.rstrip("/").rpartition("/")[2]
    stem = name.partition(".")[0]
    return {name, stem} if stem and path.endswith((".json", ".yaml", ".yml")) else {name}
