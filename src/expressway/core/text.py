"""Text cut so that no half of a secret is left: by half of one, nothing could tell any more that it is one."""

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
