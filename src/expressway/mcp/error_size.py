"""The most that an error tells: whatever went into it, a model can read it."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from expressway.core.text import shortened

_LONGEST_SENTENCES = 8_000
_LONGEST_TEXT = 2_000
_MOST_ITEMS = 50
_DEEPEST = 8
_SENTENCES = frozenset({"message", "hint"})


def bounded_error(error: Mapping[str, Any]) -> dict[str, Any]:
    """The error with long texts cut between words, and long lists and objects cut with a count of the rest."""
    return {
        name: shortened(value, _LONGEST_SENTENCES) if name in _SENTENCES and isinstance(value, str) else _cut(value, 0)
        for name, value in error.items()
    }


def _cut(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else shortened(value, _LONGEST_TEXT)
    if isinstance(value, Mapping):
        return _cut_members(cast("Mapping[str, Any]", value), depth)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        items = cast("Sequence[Any]", value)
        more = len(items) - _MOST_ITEMS
        cut = [_cut(item, depth + 1) for item in items[:_MOST_ITEMS]] if depth < _DEEPEST else []
        return [*cut, f"… and {more} more"] if more > 0 else cut
    return value


def _cut_members(members: Mapping[str, Any], depth: int) -> dict[str, Any]:
    kept = list(members.items())[:_MOST_ITEMS] if depth < _DEEPEST else []
    cut = {shortened(str(name), _LONGEST_TEXT): _cut(item, depth + 1) for name, item in kept}
    more = len(members) - _MOST_ITEMS
    return cut | {"…": f"and {more} more"} if more > 0 else cut
