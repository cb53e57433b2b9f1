"""How the problems of arguments are told: so many of them, and the rest counted."""

from collections.abc import Mapping, Sequence
from typing import Any

MOST_SHOWN = 20


def told_problems(problems: Sequence[Mapping[str, Any]], *, count: int = 0) -> tuple[str, dict[str, Any]]:
    """The first problems (each with path, expected and got) in words, and the details of an error for them.

    `count` is that of all, where some are not among `problems`.
    """
    shown = list(problems[:MOST_SHOWN])
    more = max(count, len(problems)) - len(shown)
    told = "; ".join(f"{problem['path']}: expected {problem['expected']}" for problem in shown)
    if more <= 0:
        return told, {"problems": shown}
    return f"{told}; and {more} more", {"problems": shown, "more_problems": more}
