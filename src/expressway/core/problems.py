"""How the problems of arguments are reported: the first of them, and the number of the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_SHOWN = 20


def told_problems(problems: Sequence[Mapping[str, Any]], *, count: int = 0) -> tuple[str, dict[str, Any]]:
    """The first problems (each with path, expected and got) in words, and the details of an error for them.

    `count` is that of all, where some are not among `problems`.
    """
    shown = list(problems[:MOST_SHOWN])
    more = max(count, len(problems)) - len(shown)
    summary = "; ".join(f"{problem['path']}: expected {problem['expected']}" for problem in shown)
    if more <= 0:
        return summary, {"problems": shown}
    return f"{summary}; and {more} more", {"problems": shown, "more_problems": more}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a definition.

    `reads` holds the paths that the rule looked at, so that a value that is already reported for another
    reason is not judged again. `known_keys`, of a key that nobody knows: the section, and the keys that it has.
    """

    path: str
    expected: str
    got: str
    message: str
    reads: frozenset[str] = frozenset()
    known_keys: tuple[str, tuple[str, ...]] | None = None

    def to_dict(self) -> dict[str, str]:
        return {"path": self.path, "expected": self.expected, "got": self.got, "message": self.message}
