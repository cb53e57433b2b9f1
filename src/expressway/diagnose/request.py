"""The parameters of a troubleshooting action, read and checked all at once."""

import re
import unicodedata
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from expressway.aws.values.target import Arn, parse_arn
from expressway.core.problems import MOST_SHOWN, told_problems
from expressway.core.text import near_name
from expressway.errors import UsageError
from expressway.privacy.untrusted import echoed, named

DEFAULT_WINDOW_SECONDS = 3600
_LONGEST_WINDOW_SECONDS = 90 * 24 * 3600
_EPOCH_IN_MILLISECONDS = 100_000_000_000
"""Numbers from here on are milliseconds: as seconds they would lie in the year 5138."""
_READ = 100
"""Characters of a text that are looked at to repeat some of it."""
_NAME = re.compile(r"[\w-]{1,255}", re.ASCII)
"""Of clusters, services and tasks. Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html"""
_IN_CLUSTERS = ("ecs_service_name", "ecs_task_id")
DETAILS = ("summary", "full")
_FUTURE_ALLOWED = timedelta(minutes=5)

Problem = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """From `start` to `end`, both in UTC."""

    start: datetime
    end: datetime

    def contains(self, moment: datetime | None) -> bool:
        return moment is not None and self.start <= moment <= self.end

    def to_dict(self) -> Mapping[str, str]:
        return {"start": self.start.isoformat(timespec="seconds"), "end": self.end.isoformat(timespec="seconds")}


@dataclass(frozen=True, slots=True)
class TroubleshootRequest:
    """What was asked, ready to be carried out: names instead of ARNs, moments instead of texts.

    `named_places` is what every ARN among the parameters says of account, region and cluster.
    """

    cluster: str = ""
    service: str = ""
    task_id: str = ""
    stack_name: str = ""
    family_prefix: str = ""
    vpc_id: str = ""
    filter_pattern: str = ""
    symptoms: str = ""
    window: TimeWindow = field(default_factory=lambda: TimeWindow(datetime.min, datetime.max))
    named_places: tuple[Arn, ...] = ()
    detail: str = "summary"


def read_parameters(
    action: str,
    parameters: Mapping[str, Any],
    *,
    required: Sequence[str],
    optional: Sequence[str],
    either: Sequence[Sequence[str]] = (),
    now: datetime,
) -> TroubleshootRequest:
    """Check the parameters of `action` and read them.

    Args:
        either: groups of parameters of which at least one must be given whole.
        now: the present moment, in UTC.

    Raises:
        UsageError: ``invalid_arguments``; ``details["problems"]`` has path, expected and got of each.
    """
    known = (*required, *optional, "detail")
    parameters = _with_cluster(parameters, known)
    reader = _Reader(parameters, now)
    lacking = [name for name in known if not _given(parameters, name)]
    unknown = islice((name for name in parameters if name not in known), MOST_SHOWN)
    reader.problems.extend(_unknown(action, name, lacking) for name in unknown)
    reader.problems.extend(
        _problem(name, "a value: the action needs it", None) for name in required if not _given(parameters, name)
    )
    if either and not any(all(_given(parameters, name) for name in group) for group in either):
        ways = ", or ".join(" and ".join(group) for group in either)
        reader.problems.append(_problem("parameters", ways, parameters))
    request = reader.read()
    if reader.problems:
        told, details = told_problems(reader.problems)
        raise UsageError(
            "invalid_arguments",
            f"The parameters of {action} do not fit: {told}.",
            f"Correct them and call again; {action} takes {_listed(required, optional, either)}.",
            details,
        )
    return request


def read_moment(value: object) -> datetime | None:
    """A moment given as ISO 8601, or as seconds or milliseconds since 1970; None for anything else.

    A time without a zone is UTC.
    """
    if isinstance(value, bool) or value is None:
        return None
    try:
        if isinstance(value, int | float) or (
            isinstance(value, str) and re.fullmatch(r"\d{9,13}(\.\d+)?", value.strip())
        ):
            seconds = float(value)
            return datetime.fromtimestamp(seconds / 1000 if seconds >= _EPOCH_IN_MILLISECONDS else seconds, UTC)
        moment = datetime.fromisoformat(str(value).strip())
    except (ValueError, OverflowError, OSError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class _Reader:
    def __init__(self, parameters: Mapping[str, Any], now: datetime) -> None:
        self._parameters = parameters
        self._now = now
        self.problems: list[Problem] = []
        self._places: list[Arn] = []

    def read(self) -> TroubleshootRequest:
        return TroubleshootRequest(
            cluster=self._name("ecs_cluster_name", "cluster"),
            service=self._name("ecs_service_name", "service"),
            task_id=self._name("ecs_task_id", "task"),
            stack_name=self._stack(),
            family_prefix=self._name_in_arn("family_prefix", "ecs", "task-definition"),
            vpc_id=self._name_in_arn("vpc_id", "ec2", "vpc"),
            filter_pattern=self._text("filter_pattern"),
            symptoms=self._text("symptoms_description"),
            window=self._window(),
            named_places=tuple(self._places),
            detail=self._detail(),
        )

    def _text(self, name: str) -> str:
        value = self._parameters.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.problems.append(_problem(name, "text", value))
            return ""
        text = value.strip()
        if any(unicodedata.category(one) == "Cc" and one not in "\t\n\r" for one in text):
            self.problems.append(_problem(name, "text without control characters", ascii(text[:_READ])))
            return ""
        return text

    def _name(self, name: str, kind: str) -> str:
        """A name, or the one in an ARN of ECS."""
        text = self._name_in_arn(name, "ecs", kind)
        if text and not _NAME.fullmatch(text):
            expected = f"the name or the ARN of a {kind} (letters, digits, hyphens and underscores)"
            self.problems.append(_problem(name, expected, ascii(text[:_READ])))
            return ""
        return text

    def _stack(self) -> str:
        """A stack's name or id; the id stays whole, since only by it a stack that is gone is known."""
        given = self._text_or_arn("cfn_stack_name", "cloudformation", "stack")
        return given.arn if isinstance(given, Arn) else given

    def _name_in_arn(self, name: str, service: str, kind: str) -> str:
        given = self._text_or_arn(name, service, kind)
        return given.name if isinstance(given, Arn) else given

    def _text_or_arn(self, name: str, service: str, kind: str) -> str | Arn:
        """What is given; an ARN taken apart and remembered, nothing for the ARN of something else."""
        text = self._text(name)
        if not text.startswith("arn:"):
            return text
        place = parse_arn(text)
        if place is None or (place.service, place.kind) != (service, kind):
            self.problems.append(_problem(name, f"the name or the ARN of a {kind}", text))
            return ""
        self._places.append(place)
        return place

    def _window(self) -> TimeWindow:
        end = self._moment("end_time") or self._now
        seconds = self._seconds()
        start = self._moment("start_time") or end - timedelta(seconds=seconds)
        if start >= end:
            self.problems.append(_problem("start_time", f"a moment before {end.isoformat()}", start.isoformat()))
        return TimeWindow(start, end)

    def _seconds(self) -> float:
        value = self._parameters.get("time_window")
        if value is None:
            return DEFAULT_WINDOW_SECONDS
        try:
            seconds = float("nan" if isinstance(value, bool) else value)
        except (OverflowError, TypeError, ValueError):
            seconds = float("nan")
        if 0 < seconds <= _LONGEST_WINDOW_SECONDS:
            return seconds
        self.problems.append(_problem("time_window", f"seconds from 1 to {_LONGEST_WINDOW_SECONDS}", value))
        return DEFAULT_WINDOW_SECONDS

    def _moment(self, name: str) -> datetime | None:
        value = self._parameters.get(name)
        if value is None or value == "":
            return None
        moment = read_moment(value)
        if moment is None:
            self.problems.append(_problem(name, "a time in ISO 8601, or seconds or milliseconds since 1970", value))
        elif name == "start_time" and moment > self._now + _FUTURE_ALLOWED:
            self.problems.append(_problem(name, f"a moment that is past ({self._now.isoformat()})", value))
            return None
        return moment

    def _detail(self) -> str:
        value = self._parameters.get("detail")
        if value is None:
            return "summary"
        if value not in DETAILS:
            self.problems.append(_problem("detail", " or ".join(DETAILS), value))
        return str(value)


def _with_cluster(parameters: Mapping[str, Any], known: Sequence[str]) -> Mapping[str, Any]:
    """The parameters with the cluster that the ARN of a service or task names, where none is given."""
    if _given(parameters, "ecs_cluster_name") or "ecs_cluster_name" not in known:
        return parameters
    named = (parse_arn(str(parameters.get(name, "")).strip()) for name in _IN_CLUSTERS)
    cluster = next((one.cluster for one in named if one is not None and one.cluster), "")
    return {**parameters, "ecs_cluster_name": cluster} if cluster else parameters


def _given(parameters: Mapping[str, Any], name: str) -> bool:
    return parameters.get(name) not in (None, "")


def _unknown(action: str, name: str, lacking: Sequence[str]) -> Problem:
    """The problem with an unknown parameter; the nearest name is suggested among those that are `lacking`."""
    near = near_name(name, lacking, cutoff=0.75)
    expected = f"the parameter {near}" if near else "a parameter that it takes"
    return _problem(named(name), f"{expected} ({action} knows no other)", name)


def _problem(path: str, expected: str, got: object) -> Problem:
    return {"path": path, "expected": expected, "got": None if got is None else _told(got)}


def _told(got: object) -> str:
    if isinstance(got, bool | int | float):
        return str(got)
    return echoed(got) if isinstance(got, str) else f"a value of {len(got)} parts" if isinstance(got, Sized) else "it"


def _listed(required: Sequence[str], optional: Sequence[str], either: Sequence[Sequence[str]]) -> str:
    parts: list[str] = []
    if required:
        parts.append(", ".join(required))
    if either:
        parts.append(" or ".join("+".join(group) for group in either))
    if optional:
        parts.append(f"and optionally {', '.join(optional)}")
    return " ".join(parts)
