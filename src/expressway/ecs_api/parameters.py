"""The parameters of an API call, checked against AWS's service model: every problem at once, before anything is sent.

Callers write names as they know them (``serviceName``, ``ServiceName``, ``service_name``), times as ISO 8601 or epoch,
and numbers where the API wants text (``cpu: 256``); what can only mean one thing is taken as that.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from expressway.core.problems import MOST_SHOWN, told_problems
from expressway.core.text import near_name
from expressway.errors import UsageError
from expressway.privacy.redaction import ApiShape, ShapeTree
from expressway.privacy.untrusted import named

_MILLISECONDS_FROM = 100_000_000_000
"""As seconds, that is the year 5138: so large an epoch is meant in milliseconds."""
_WORDS_SHOWN = 12
_UNKNOWN = "that name"


@dataclass(frozen=True, slots=True)
class ParameterProblem:
    """What is wrong at `path` (``networkConfiguration.awsvpcConfiguration.subnets[0]``); quotes no value."""

    path: str
    expected: str
    got: str

    def to_dict(self) -> dict[str, str]:
        return {"path": self.path, "expected": self.expected, "got": self.got}


def fit_parameters(given: Mapping[str, Any], tree: ShapeTree) -> dict[str, Any]:
    """`given` as the API takes it; null means left out.

    Raises:
        UsageError: ``invalid_parameters``; ``details["problems"]`` has path, expected and got of each.
    """
    fitted, problems = fitted_parameters(given, tree)
    if problems:
        summary, details = told_problems([problem.to_dict() for problem in problems])
        known = tuple(tree.shapes[tree.root].members) if tree.root else ()
        listed = (
            f" {tree.operation} takes {_listed(known)}." if any(problem.got == _UNKNOWN for problem in problems) else ""
        )
        raise UsageError(
            "invalid_parameters",
            f"The parameters of {tree.operation} do not fit: {summary}.",
            f"Correct each of them and call again; nothing was sent to AWS.{listed}",
            details,
        )
    return fitted


def fitted_parameters(given: Mapping[str, Any], tree: ShapeTree) -> tuple[dict[str, Any], tuple[ParameterProblem, ...]]:
    """`given` as the API takes it as far as it fits, and everything that does not."""
    fit = _Fit(tree)
    if not tree.root:
        fitted = fit.structure(given, ApiShape("structure"), "")
    else:
        fitted = fit.structure(given, tree.shapes[tree.root], "")
    return fitted, tuple(fit.problems)


@dataclass(slots=True)
class _Fit:
    tree: ShapeTree
    problems: list[ParameterProblem] = field(default_factory=list[ParameterProblem])

    def value(self, value: Any, name: str, path: str) -> Any:
        shape = self.tree.shapes[name]
        if shape.type == "structure":
            return self.structure(value, shape, path)
        if shape.type == "list":
            return self._list(value, shape, path)
        if shape.type == "map":
            return self._map(value, shape, path)
        return self._scalar(value, shape, path)

    def structure(self, value: Any, shape: ApiShape, path: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            self._misfit(path, f"an object with {_listed(tuple(shape.members))}", value)
            return {}
        fitted: dict[str, Any] = {}
        by_key = {_key(member): member for member in reversed(list(shape.members))}
        for key, item in cast("Mapping[str, Any]", value).items():
            member = key if key in shape.members else by_key.get(_key(key))
            if member is None:
                expected = self._nearest(key, by_key, top=not path)
                self.problems.append(ParameterProblem(_below(path, named(key)), expected, _UNKNOWN))
            elif member in fitted:
                self.problems.append(ParameterProblem(_below(path, named(key)), f"{member} once", "it twice"))
            elif item is not None:
                fitted[member] = self.value(item, shape.members[member], _below(path, member))
        for member in shape.required:
            if member not in fitted:
                missing = self._words(self.tree.shapes[shape.members[member]])
                self.problems.append(ParameterProblem(_below(path, member), f"{missing} (it is required)", "nothing"))
        return fitted

    def _list(self, value: Any, shape: ApiShape, path: str) -> list[Any]:
        if isinstance(value, str) or not isinstance(value, Sequence):
            self._misfit(path, self._words(shape), value)
            return []
        items = cast("Sequence[Any]", value)
        self._measure(len(items), shape, path, "items")
        return [self.value(item, shape.element, f"{path}[{index}]") for index, item in enumerate(items)]

    def _map(self, value: Any, shape: ApiShape, path: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            self._misfit(path, self._words(shape), value)
            return {}
        entries = cast("Mapping[str, Any]", value)
        return {
            str(key): self.value(item, shape.element, _below(path, named(str(key)))) for key, item in entries.items()
        }

    def _scalar(self, value: Any, shape: ApiShape, path: str) -> Any:
        fitted = _READ.get(shape.type, _as_it_is)(value)
        if fitted is None:
            self._misfit(path, self._words(shape), value)
        elif shape.words:
            return self._word(cast("str", fitted), shape, path)
        elif isinstance(fitted, str):
            self._measure(len(fitted), shape, path, "characters")
        elif not isinstance(fitted, datetime | bool):
            self._measure(fitted, _page_size(shape) if path == _PAGE_SIZE else shape, path, "")
        return fitted

    def _word(self, word: str, shape: ApiShape, path: str) -> str:
        known = next((candidate for candidate in shape.words if candidate == word), None)
        known = known or next((candidate for candidate in shape.words if _key(candidate) == _key(word)), None)
        if known is None:
            near = near_name(word.upper(), shape.words)
            expected = self._words(shape) + (f" (was {near} meant?)" if near else "")
            self.problems.append(ParameterProblem(path, expected, "another word"))
        return known or word

    def _measure(self, size: float, shape: ApiShape, path: str, unit: str) -> None:
        low, high = shape.minimum, shape.maximum
        if (low is not None and size < low) or (high is not None and size > high):
            within = " and ".join(
                f"{word} {bound:g}" for word, bound in (("at least", low), ("at most", high)) if bound is not None
            )
            self.problems.append(ParameterProblem(path, f"{within} {unit}".strip(), f"{size}"))

    def _nearest(self, key: str, by_key: Mapping[str, str], *, top: bool) -> str:
        """What was probably meant; the names of an operation's own parameters are listed once, in the hint."""
        if len(self.problems) >= MOST_SHOWN:
            return ""
        near = near_name(_key(key), by_key)
        if near:
            return f"{by_key[near]} (was it meant?)"
        return "a parameter that it has" if top else f"one of {_listed(sorted(by_key.values()))}"

    def _misfit(self, path: str, expected: str, value: Any) -> None:
        self.problems.append(ParameterProblem(path or "parameters", expected, _kind(value)))

    def _words(self, shape: ApiShape) -> str:
        """What a value of this shape is, in words."""
        if shape.words:
            return f"one of {_listed(shape.words)}"
        if shape.type == "list":
            return f"a list, each item {self._words(self.tree.shapes[shape.element])}"
        if shape.type == "structure":
            return f"an object with {_listed(tuple(shape.members))}"
        return _TYPES.get(shape.type, shape.type)


_PAGE_SIZE = "maxResults"


def _page_size(shape: ApiShape) -> ApiShape:
    """ECS's model names no least page; with one of nothing a list would never end."""
    return shape if shape.minimum is not None else replace(shape, minimum=1)


_TYPES = {
    "string": "a text",
    "integer": "a whole number",
    "long": "a whole number",
    "double": "a number",
    "float": "a number",
    "boolean": "true or false",
    "timestamp": "a time as ISO 8601 or epoch seconds",
    "map": "an object of names and values",
}


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return None
    return str(value) if isinstance(value, int | float) else value if isinstance(value, str) else None


def _whole(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"[+-]?[0-9]{1,18}", value.strip()) else None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) else None


def _number(value: Any) -> float | None:
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", value.strip()):
        return float(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _truth(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def read_time(value: Any) -> datetime | None:
    """A time written as ISO 8601 (UTC where it says nothing else) or as epoch seconds or milliseconds, or None."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    seconds = _number(value)
    try:
        if seconds is not None:
            return datetime.fromtimestamp(seconds / 1000 if abs(seconds) >= _MILLISECONDS_FROM else seconds, UTC)
        read = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
    return read.replace(tzinfo=UTC) if read is not None and read.tzinfo is None else read


def _as_it_is(value: Any) -> Any:
    return value


_READ = {
    "string": _text,
    "integer": _whole,
    "long": _whole,
    "double": _number,
    "float": _number,
    "boolean": _truth,
    "timestamp": read_time,
}


def _key(name: str) -> str:
    return re.sub(r"[-_]", "", name).lower()


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_WORDS_SHOWN])
    more = len(names) - _WORDS_SHOWN
    return f"{shown} and {more} others" if more > 0 else shown or "no members"


def _kind(value: Any) -> str:
    """What a value is, without its text: it may be a secret."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text" if value else "an empty text"
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, Sequence) else type(value).__name__
