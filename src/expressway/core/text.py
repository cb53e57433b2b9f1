"""Text cut so that no half of a secret is left: by half of one, nothing could tell any more that it is one."""

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 80


def near_names(given: str, known: Iterable[str], most: int, *, cutoff: float = 0.6) -> list[str]:
    """The nearest of the known names, at most `most`; none where what was given is no name by its length."""
    return get_close_matches(given, list(known), most, cutoff) if len(given) <= _LONGEST else []


def near_name(given: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The nearest of the known names; empty when none is near."""
    return next(iter(near_names(given, known, 1, cutoff=cutoff)), "")


_SIGNS = frozenset("\"'`<>")
"""What ends a word besides white space: no token has it, and no address with a password in it."""


def shortened(text: str, most: int) -> str:
    """At most `most` characters of the text, whole words only, and ``…`` where something is left out.

    Secrets are masked where an answer leaves; whatever cuts a text that was not masked yet has to cut here.
    """
    if len(text) <= most:
        return text
    at = min(most, len(text))
    if not _ends_word(text[at]):
        at = next((place for place in range(at, 0, -1) if _ends_word(text[place - 1])), 0)
    return f"{text[:at]}…"


def _ends_word(character: str) -> bool:
    return character.isspace() or character in _SIGNS
