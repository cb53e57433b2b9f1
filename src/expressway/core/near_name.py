"""Which known name was probably meant, asked in a time that no caller can stretch."""

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 80


def near_names(given: str, known: Iterable[str], most: int, *, cutoff: float = 0.6) -> list[str]:
    """The nearest of the known names, at most `most`; none where what was given is no name by its length."""
    return get_close_matches(given, list(known), most, cutoff) if len(given) <= _LONGEST else []


def near_name(given: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The nearest of the known names; empty when none is near."""
    return next(iter(near_names(given, known, 1, cutoff=cutoff)), "")
