"""Text of others inside our own: marked where it is read, so that it stays distinguishable from ours.

What containers, events, tags and build steps wrote is data, whatever it says. Between marks it travels through
sentences, errors, progress and the journal; since `quoted` takes the marks out of the text, nothing inside can end
the quotation. A face shows it marked, plain, or not at all. What may be shown to everybody, such as the output of a
local build, has marks of its own.
"""

import re
import unicodedata
from collections.abc import Callable

from expressway.core.text import shortened

OPENING, CLOSING = "⟦", "⟧"
PUBLIC_OPENING, PUBLIC_CLOSING = "⟪", "⟫"
_CLOSINGS = {OPENING: CLOSING, PUBLIC_OPENING: PUBLIC_CLOSING}
_SHOWN_CONTROLS = frozenset("\n\t")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"})
"""Controls, invisible and direction-changing characters, private use, unassigned, surrogates, odd line breaks."""
_ESCAPE = "\x1b"
_LONGEST_WORD = 32
_SHORT_WORD = re.compile(rf"[A-Za-z0-9_.:/@~!-]{{1,{_LONGEST_WORD}}}")
LONGEST_ECHO = 80
"""Characters of a name or value that a message repeats."""


class TrustedText(str):
    """A text in our own words that stands where others' is expected, such as a piece of evidence: names and numbers.

    Whatever is made of it is an ordinary text again, and taken for somebody else's.
    """

    __slots__ = ()


class QuotingText(str):
    """A text of ours with quotations in it, where others' text is expected: what its marks enclose was quoted by us.

    By its type, never by marks in a text: those an application can write too.
    """

    __slots__ = ()


def quoted(text: str, *, public: bool = False) -> str:
    """The text as a quotation: cleaned, and between marks; empty stays empty, a quotation is not quoted again."""
    if is_quoted(text):
        return text
    clean = cleaned(text).translate(_INNER_MARKS)
    opening = PUBLIC_OPENING if public else OPENING
    return f"{opening}{clean}{_CLOSINGS[opening]}" if clean.strip() else ""


def echoed(text: str, most: int = LONGEST_ECHO) -> str:
    """What a caller or a file gave, as a message repeats it: one line of at most `most` characters, as a quotation that
    everybody may see. Takes no longer for a huge text than for a short one."""
    line = " ".join(cleaned(shortened(text[: most + 1], most)).split())
    if line in {"", "…"}:
        return f"(a text of {len(text):,} characters)" if text else "(an empty text)"
    return quoted(line, public=True)


def named(text: str) -> str:
    """A name that a caller gave: as it is when it is one short word, else as a quotation."""
    return text if _SHORT_WORD.fullmatch(text[: _LONGEST_WORD + 1]) else echoed(text)


def without_marks(text: str) -> str:
    """The text with other brackets in place of marks: whoever wrote it may have written marks too."""
    return text.translate(_INNER_MARKS)


def is_quoted(text: str) -> bool:
    """Whether the whole text is one clean quotation."""
    closing = _CLOSINGS.get(text[:1])
    if closing is None or len(text) < 2 or not text.endswith(closing):
        return False
    inside = text[1:-1]
    return cleaned(inside).translate(_INNER_MARKS) == inside


def cleaned(text: str) -> str:
    """The text without terminal escapes and without characters that are not seen or that change what is seen."""
    if text.isascii() and text.isprintable():
        return text
    plain = _without_escapes(text) if _ESCAPE in text or "\x9b" in text else text
    return "".join(
        character
        for character in plain
        if character in _SHOWN_CONTROLS or unicodedata.category(character) not in _HIDDEN_CATEGORIES
    )


def map_quotations(text: str, change: Callable[[str, bool], str], own: Callable[[str], str] = str) -> str:
    """The text with every quotation (its inside, and whether it is public) put through `change`, the rest through
    `own`; a quotation that was cut off lasts to the end of the text."""
    parts: list[str] = []
    rest = text
    while True:
        at = min((found for mark in _CLOSINGS if (found := rest.find(mark)) >= 0), default=-1)
        parts.append(own(rest if at < 0 else rest[:at]))
        if at < 0:
            return "".join(parts)
        inside, _, after = rest[at + 1 :].partition(_CLOSINGS[rest[at]])
        parts.append(change(inside, rest[at] == PUBLIC_OPENING))
        rest = after


def plain(text: str) -> str:
    """The text with quotations but without their marks, for people at a terminal."""
    return map_quotations(text, lambda inside, _: inside)


def unquoted(text: str) -> str:
    """The inside of a quotation; any other text as it is."""
    return plain(text) if is_quoted(text) else text


def own_words(text: str) -> str:
    """The text without its quotations, and without the colon or the brackets that led to them."""
    bare = map_quotations(text, lambda _inside, _public: OPENING)
    for leading in (f" ({OPENING})", f": {OPENING}", f" {OPENING}", OPENING):
        bare = bare.replace(leading, "")
    return bare.strip()


def closed(sentence: str) -> str:
    """The sentence with a full stop at its end."""
    return sentence if sentence.endswith(".") else f"{sentence}."


def _without_escapes(text: str) -> str:
    """Without ANSI sequences (ECMA-48): CSI up to its final byte, OSC and its like up to BEL or ST, others of two."""
    kept: list[str] = []
    at, end = 0, len(text)
    while at < end:
        if text[at] not in {_ESCAPE, "\x9b"}:
            kept.append(text[at])
            at += 1
        else:
            at = _after_escape(text, at)
    return "".join(kept)


def _after_escape(text: str, at: int) -> int:
    end = len(text)
    kind = "[" if text[at] == "\x9b" else text[at + 1 : at + 2]
    at += 1 if text[at] == "\x9b" else 2
    if kind == "[":
        while at < end and "\x20" <= text[at] <= "\x3f":
            at += 1
        return at + 1 if at < end and "\x40" <= text[at] <= "\x7e" else at
    if kind and kind in "]PX^_":
        stops = [found for mark in ("\x07", "\x1b\\", "\x9c") if (found := text.find(mark, at)) >= 0]
        stop = min(stops, default=-1)
        return at if stop < 0 else stop + (2 if text[stop] == _ESCAPE else 1)
    return at


_INNER_MARKS = str.maketrans({OPENING: "[", CLOSING: "]", PUBLIC_OPENING: "[", PUBLIC_CLOSING: "]", "⦅": "(", "⦆": ")"})
