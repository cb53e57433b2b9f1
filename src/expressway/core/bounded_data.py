"""Bounds on data that callers send, checked before anything walks through it: what is within them costs little."""

import math
from collections.abc import Iterable, Mapping
from typing import cast

MOST_CHARACTERS = 1_000_000
DEEPEST = 40
MOST_VALUES = 50_000
_LARGEST_NUMBER = 2**63


def why_too_large(data: object, *, numbers: bool = True) -> str:
    """What of `data` (as JSON or YAML give it) is too large, in words that repeat none of it; empty when nothing is.

    `numbers`: those of more than 64 bits, infinity among them, count as well.

    Takes a time within the bounds whatever `data` is, one that holds itself included.
    """
    pending: list[tuple[object, int]] = [(data, 0)]
    values = characters = 0
    while pending:
        value, depth = pending.pop()
        parts = _parts(value)
        values += 1
        characters += len(value) if isinstance(value, str | bytes) else 0
        if reason := _over(depth, values + len(pending) + len(parts), characters) or (numbers and _over_number(value)):
            return reason
        pending.extend((part, depth + 1) for part in parts)
    return ""


def is_too_deep(data: object) -> bool:
    """Whether values are nested deeper than `DEEPEST` levels. Its time grows with `data`, which has to end."""
    level = [data]
    for _ in range(DEEPEST + 1):
        level = [part for value in level for part in _members(value)]
    return bool(level)


def _members(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return cast("Mapping[object, object]", value).values()
    return cast("Iterable[object]", value) if isinstance(value, list | tuple) else ()


def _parts(value: object) -> list[object]:
    if isinstance(value, Mapping):
        entries = cast("Mapping[object, object]", value)
        return [*entries.keys(), *entries.values()] if len(entries) <= MOST_VALUES else [None] * len(entries)
    return list(cast("list[object]", value)[: MOST_VALUES + 1]) if isinstance(value, list | tuple) else []


def _over(depth: int, values: int, characters: int) -> str:
    if depth > DEEPEST:
        return f"values nested deeper than {DEEPEST} levels"
    if values > MOST_VALUES:
        return f"more than {MOST_VALUES:,} values"
    return f"more than {MOST_CHARACTERS:,} characters" if characters > MOST_CHARACTERS else ""


def _over_number(value: object) -> str:
    if not isinstance(value, int | float):
        return ""
    within = abs(value) < _LARGEST_NUMBER if isinstance(value, int) else math.isfinite(value)
    return "" if within else "a number of more than 64 bits"
