"""Answers that fit: an answer cut to a number of bytes, the least telling first, with what was left out counted."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expressway.model.quotation import OwnText
from expressway.model.shortened_text import shortened

SUMMARY_BYTES = 3_000
"""Leaves room under 4 kB for what a face adds: links, notes, marks around text that others wrote."""
FULL_BYTES = 100_000
"""What a model can still be given at once."""
_FIRST_TO_GO = ("raw_data", "data", "events", "log_entries", "log_groups", "failed_tasks", "failure_categories")


@dataclass(frozen=True, slots=True)
class _Limits:
    """How much is kept in one attempt: findings, pieces of evidence, elements of the lists that were asked for and of
    other lists, characters of texts."""

    findings: int
    evidence: int
    asked: int
    others: int
    characters: int

    def of(self, key: str) -> int:
        if key in _ASKED_FOR:
            return self.asked
        own = {"findings": self.findings, "evidence": self.evidence, **_SHORT}
        return own.get(key, self.others)


_SHORT = {"gaps": 6, "off": 12, "understood_as": 5, "named_services": 5}
"""Lists that cost little and say how to read the rest."""
_ASKED_FOR = frozenset({"events", "log_entries", "failed_tasks", "pattern_summary", "image_issues", "failure_reasons"})
_ATTEMPTS = (
    _Limits(20, 6, 100, 40, 600),
    _Limits(20, 6, 60, 10, 600),
    _Limits(20, 5, 30, 5, 400),
    _Limits(12, 4, 20, 2, 400),
    _Limits(12, 3, 12, 1, 400),
    _Limits(12, 3, 10, 0, 300),
    _Limits(10, 2, 8, 0, 300),
    _Limits(8, 2, 6, 0, 300),
    _Limits(6, 2, 5, 0, 240),
    _Limits(5, 1, 4, 0, 240),
    _Limits(4, 1, 3, 0, 200),
    _Limits(3, 1, 3, 0, 160),
    _Limits(2, 1, 1, 0, 160),
)
"""Raw data goes first, then evidence beyond the most telling, then findings beyond the gravest."""


def size_of(answer: object) -> int:
    """Bytes of an answer as compact JSON."""
    return len(json.dumps(answer, ensure_ascii=False, separators=(",", ":"), default=str).encode())


def summarised(answer: Mapping[str, Any], limit_bytes: int = SUMMARY_BYTES) -> dict[str, Any]:
    """The answer in at most `limit_bytes`; ``left_out`` counts what was cut, by the path of its list.

    An answer that fits comes back as it is. Findings, assessment and gaps outlive raw data; of a list the first
    elements are kept, except of events and log entries (``log_entries`` are in order of time: the newest are kept).
    """
    if size_of(answer) <= limit_bytes:
        return dict(answer)
    for limits in _ATTEMPTS:
        left_out: dict[str, int] = {}
        shown = _cut(answer, limits, left_out)
        if left_out:
            shown["left_out"] = left_out
        if size_of(shown) <= limit_bytes:
            return shown
    return _bare(answer)


def _cut(answer: Mapping[str, Any], limits: _Limits, left_out: dict[str, int]) -> dict[str, Any]:
    return {key: _cut_value(key, value, limits, left_out, key) for key, value in answer.items()}


def _cut_value(key: str, value: Any, limits: _Limits, left_out: dict[str, int], path: str) -> Any:
    if isinstance(value, str):
        whole = len(value) <= limits.characters or " " not in value  # an identifier is told whole or not at all
        if whole:
            return value
        short = shortened(value, limits.characters - 1)
        return OwnText(short) if isinstance(value, OwnText) else short
    if isinstance(value, Mapping):
        return {name: _cut_value(name, item, limits, left_out, f"{path}.{name}") for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return _cut_list(key, value, limits, left_out, path)
    return value


def _cut_list(key: str, items: Sequence[Any], limits: _Limits, left_out: dict[str, int], path: str) -> list[Any]:
    count = limits.of(key)
    if len(items) > count and key != "evidence":
        left_out[path] = left_out.get(path, 0) + len(items) - count
    kept = (items[-count:] if key == "log_entries" else items[:count]) if count else []
    return [_cut_value(key, one, limits, left_out, path) for one in kept]


def _bare(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What always fits: the plain values, and the first finding."""
    limits = _Limits(1, 1, 0, 0, 160)
    kept = {key: value for key, value in answer.items() if key not in _FIRST_TO_GO}
    left_out: dict[str, int] = {}
    shown = _cut(kept, limits, left_out)
    gone = {key: len(answer[key]) for key in _FIRST_TO_GO if answer.get(key)}
    return {**shown, "left_out": {**left_out, **gone}}
