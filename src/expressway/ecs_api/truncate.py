"""An answer within a stated size: nulls and empties go first, then what is long and deep; what is left out is named.

Identifiers are never cut: a text is shortened only beyond a length that no ARN, image or name reaches.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from expressway.privacy.untrusted import is_quoted

SHORTEST_CUT_TEXT = 600
"""Texts up to this many characters are shown whole."""
_PATHS_NAMED, _LONGEST_PATH = 5, 80


@dataclass(frozen=True, slots=True)
class Omitted:
    """Somewhere in the answer (``services[].events``) only `shown` of `total` are there."""

    path: str
    shown: int
    total: int
    unit: str = "items"

    def __str__(self) -> str:
        path = self.path if len(self.path) <= _LONGEST_PATH else f"…{self.path[-_LONGEST_PATH:]}"
        return f"{path or 'answer'}: {self.shown} of {self.total} {self.unit}"


@dataclass(frozen=True, slots=True)
class CutAnswer:
    """What is shown, and what is not. `kept` counts the items that are left of each main list, by its path."""

    content: Any
    omitted: tuple[Omitted, ...] = ()
    kept: Mapping[str, int] = field(default_factory=dict[str, int])


def plain_json(value: Any, *, top: bool = True) -> Any:
    """The answer without nulls, empty members and ResponseMetadata, times in ISO 8601 UTC.

    Lists at the top stay when they are empty: that there is nothing is the answer then.
    """
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        kept = {key: plain_json(item, top=False) for key, item in members.items() if key != "ResponseMetadata"}
        return {key: item for key, item in kept.items() if not _is_empty(item) or (top and isinstance(item, list))}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain_json(item, top=False) for item in cast("Sequence[Any]", value)]
    if isinstance(value, datetime):
        return _iso(value)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def cut_answer(content: Any, *, max_bytes: int, main_lists: Collection[str] = ()) -> CutAnswer:
    """`content` (plain JSON) in at most `max_bytes` of compact JSON; as little as possible is left out.

    Lists inside, long texts and many members are shortened first, then the main lists (those at the top, and those
    of the paths `main_lists`), then depth.
    """
    for limits, fill in _STEPS:
        cutter = _Cutter(limits, max_bytes, frozenset(main_lists), fill)
        with suppress(_TooLargeError):
            shown = cutter.value(content, "", 0)
            return CutAnswer(shown, tuple(cutter.omitted.values())[:_PATHS_NAMED], cutter.kept)
    return CutAnswer({}, (Omitted("", 0, 1, "parts"),))


def json_bytes(value: Any) -> int:
    """The length of `value` as compact JSON in UTF-8."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


class _TooLargeError(Exception):
    """The budget is used up."""


@dataclass(frozen=True, slots=True)
class _Limits:
    items: int | None
    characters: int | None
    depth: int


_DEEPEST = 40
_MEMBERS = 60
"""More than any structure of the APIs has; what has more is a map that somebody filled."""
_STEPS = (
    *((_Limits(items, characters, _DEEPEST), False) for items, characters in ((None, None), (20, 2000), (10, 1000))),
    *((_Limits(items, SHORTEST_CUT_TEXT, _DEEPEST), False) for items in (5, 3, 1)),
    *((_Limits(1, 300, depth), True) for depth in (_DEEPEST, 5, 4, 3, 2, 1)),
)
"""What is tried in turn, and whether main lists take as many items as there is room for."""


@dataclass(slots=True)
class _Cutter:
    """One walk over the answer that stops as soon as the budget is used up, however much there is.

    With `fill`, main lists take as many items as there is room for.
    """

    limits: _Limits
    left: int
    main_lists: frozenset[str]
    fill: bool
    omitted: dict[str, Omitted] = field(default_factory=dict[str, Omitted])
    kept: dict[str, int] = field(default_factory=dict[str, int])

    def value(self, value: Any, path: str, depth: int) -> Any:
        if isinstance(value, dict):
            return self._object(cast("dict[str, Any]", value), path, depth)
        if isinstance(value, list):
            return self._list(cast("list[Any]", value), path, depth)
        if isinstance(value, str):
            value = self._text(value, path)
        self._spend(json_bytes(value))
        return value

    def _object(self, value: dict[str, Any], path: str, depth: int) -> Any:
        if depth >= self.limits.depth and value:
            return self._folded(path, len(value), "members")
        self._spend(2)
        most = _MEMBERS if self.limits.items is not None else len(value)
        shown: dict[str, Any] = {}
        for key, item in list(value.items())[:most]:
            self._spend(json_bytes(key) + (2 if shown else 1))
            shown[key] = self.value(item, f"{path}.{key}" if path else key, depth + 1)
        self._note(path, len(shown), len(value), "members")
        return shown

    def _list(self, value: list[Any], path: str, depth: int) -> Any:
        if depth <= 1 or path in self.main_lists:
            return self._main_list(value, path, depth)
        if depth >= self.limits.depth and value:
            return self._folded(path, len(value), "items")
        self._spend(2)
        shown: list[Any] = []
        for item in value[: self.limits.items]:
            self._spend(1 if shown else 0)
            shown.append(self.value(item, f"{path}[]", depth + 1))
        self._note(path, len(shown), len(value), "items")
        return shown

    def _main_list(self, value: list[Any], path: str, depth: int) -> list[Any]:
        self._spend(2)
        shown: list[Any] = []
        for item in value:
            left = self.left
            try:
                self._spend(1 if shown else 0)
                shown.append(self.value(item, f"{path}[]", depth + 1))
            except _TooLargeError:
                if not self.fill or not shown:
                    raise
                self.left = left
                break
        self.kept[path] = len(shown)
        self._note(path, len(shown), len(value), "items")
        return shown

    def _text(self, text: str, path: str) -> str:
        most = self.limits.characters
        if most is None or len(text) <= SHORTEST_CUT_TEXT:
            return text
        self._note(path, most, len(text), "characters")
        return f"{text[:most]}…{text[-1] if is_quoted(text) else ''}" if len(text) > most else text

    def _folded(self, path: str, count: int, unit: str) -> str:
        self._note(path, 0, count, unit)
        text = f"({count} {unit})"
        self._spend(json_bytes(text))
        return text

    def _note(self, path: str, shown: int, total: int, unit: str) -> None:
        if shown < total and (path not in self.omitted or self.omitted[path].total < total):
            self.omitted[path] = Omitted(path, shown, total, unit)

    def _spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise _TooLargeError


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, dict | list) and not value)


def _iso(time: datetime) -> str:
    utc = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    text = utc.isoformat(timespec="milliseconds").removesuffix("+00:00")
    return re.sub(r"\.000$", "", text) + "Z"
