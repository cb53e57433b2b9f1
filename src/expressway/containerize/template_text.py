"""Fills in a template: ``$name`` in a line, and lines that are a name alone, which stand for any number of lines."""

import re
from collections.abc import Mapping, Sequence
from string import Template

Slot = str | Sequence[str]

_ALONE = re.compile(r"^\$(?:\{(\w+)\}|(\w+))$")
_BLANKS = re.compile(r"\n{3,}")


def fill(text: str, slots: Mapping[str, Slot]) -> str:
    """`text` with its slots filled in. A line that is a slot alone vanishes when that is empty.

    Raises:
        KeyError: a slot that the template names and nobody filled.
    """
    lines: list[str] = []
    for line in text.splitlines():
        alone = _ALONE.match(line)
        value = slots[alone[1] or alone[2]] if alone else None
        if value is None:
            lines.append(Template(line).substitute({name: _one(slot) for name, slot in slots.items()}))
        elif isinstance(value, str):
            lines += [value] if value else []
        else:
            lines += value
    return _BLANKS.sub("\n\n", "\n".join(lines)).strip() + "\n"


def fill_words(words: Sequence[str], slots: Mapping[str, Slot]) -> tuple[str, ...]:
    """Each word with its slots filled in."""
    return tuple(Template(word).substitute({name: _one(slot) for name, slot in slots.items()}) for word in words)


def _one(slot: Slot) -> str:
    return slot if isinstance(slot, str) else "\n".join(slot)
