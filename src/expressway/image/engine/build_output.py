"""What of a failed build's output tells why: the first line that names an error, not the last that repeats it."""

import re
from collections.abc import Sequence

_ERROR = re.compile(
    r"\berror(?:\[\w{1,20}\])?\s?[:!]|\berror TS\d|^\s?(?:npm|yarn) (?:error|ERR!)|^E: |^\s?\[ERROR\]|\bfatal:|"
    r"^[\w.]{0,200}(?:Error|Exception)\b|\.go:\d{1,6}:\d{1,6}: |command not found|: not found$|\bpanic: |"
    r"no such file or directory|permission denied|cannot find |could not find |"
    r"undefined reference|\bunable to (?:locate|find|resolve)|"
    r"^An error occurred|what went wrong:|\bkilled$",
    re.IGNORECASE,
)
_REPEATED = re.compile(
    r"^\s?npm (?:error|ERR!) (?:code|errno|syscall|path|A complete log)|complete log of this run|"
    r"error Command failed with exit code|\b0 errors?\b|did not complete successfully|returned a non-zero code",
    re.IGNORECASE,
)
"""Heads and ends of reports, which name no reason themselves."""
_LONGEST_LINE = 2_000
_BEFORE, _AFTER, _LAST = 2, 12, 12


def first_cause(lines: Sequence[str]) -> int | None:
    """The place of the first line that names an error; None when no line does."""
    told = (number for number, line in enumerate(lines) if names_error(line[:_LONGEST_LINE]))
    return next(told, None)


def names_error(line: str) -> bool:
    """Whether the line names a reason for a failure."""
    return bool(_ERROR.search(line)) and not _REPEATED.search(line)


def telling_part(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines about the first cause and the last ones, ``…`` where some are left out between them."""
    at = first_cause(lines)
    start = len(lines) - _LAST if at is None else at - _BEFORE
    first = range(max(0, start), min(len(lines), max(0, start) + _BEFORE + 1 + _AFTER))
    last = range(max(first.stop, len(lines) - _LAST), len(lines))
    between = ("…",) if last and last.start > first.stop else ()
    return (*(lines[number] for number in first), *between, *(lines[number] for number in last))
