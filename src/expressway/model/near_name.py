"""Which known name was probably meant, asked in a time that no caller can stretch."""

from collections.abc import Collection
from difflib import get_close_matches

_LONGEST = 80


def near_name(given: str, known: Collection[str], *, cutoff: float = 0.6) -> str:
    """The nearest of the known names; empty when none is near, or when what was given is no name by its length."""
    if len(given) > _LONGEST:
        return ""
    return next(iter(get_close_matches(given, known, 1, cutoff)), "")
