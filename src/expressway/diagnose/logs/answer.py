"""What was found in the logs of a cluster's tasks: lines, counts, the most frequent errors, and findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from expressway.aws.values.service import LogEvent, LogSearch, ServiceState, TaskState
from expressway.aws.values.task_definition import TaskDefinition
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.facts import DeploymentFacts
from expressway.diagnose.finding import Finding, ranked
from expressway.diagnose.log_lines import patterns_of, severity_of
from expressway.diagnose.request import TroubleshootRequest
from expressway.diagnose.service.collect import marked
from expressway.diagnose.service.log_tail import LogKey, container_log
from expressway.diagnose.tasks.failed import alike, findings_of_groups
from expressway.image.context.excluded import ExcludedFrom
from expressway.privacy.untrusted import quoted

_PATTERNS_SHOWN = 10
_GROUPS_NAMED = 3


def answer_of(
    request: TroubleshootRequest,
    asked: Mapping[LogPlace, LogSearch | None],
    findings: Sequence[Finding],
    gaps: Sequence[str],
) -> dict[str, Any]:
    """What was found in each place; None for one that could not be read. `findings` are about the lines."""
    found = {place: one for place, one in asked.items() if one is not None}
    unread = [place.group for place in asked if place not in found]
    events = sorted((event for one in found.values() for event in one.events), key=lambda event: event.timestamp)
    omitted = max(0, len(events) - ENTRIES_KEPT)
    kept = events[omitted:]
    severities = [severity_of(event.message) for event in kept]
    complete = not (omitted or unread) and all(one.complete or not one.group_exists for one in found.values())
    missing = [
        _missing_group(place.group) for place, one in found.items() if not one.group_exists and not place.streams
    ]
    answer: dict[str, Any] = {
        "status": "success" if found else "error",
        "message": _message(kept, severities, complete=complete, unread=unread),
        "findings": [one.to_dict() for one in ranked((*missing, *findings))],
        "error_count": severities.count("ERROR"),
        "warning_count": severities.count("WARN"),
        "info_count": severities.count("INFO"),
        "pattern_summary": [
            {"pattern": quoted(text), "count": count}
            for text, count in patterns_of(
                [event.message for event, severity in zip(kept, severities, strict=True) if severity == "ERROR"]
            )[:_PATTERNS_SHOWN]
        ],
        "log_entries": [_entry(event, severity) for event, severity in zip(kept, severities, strict=True)],
        "log_groups": [_group(place, one) for place, one in asked.items()],
        "complete": complete,
        "window": request.window.to_dict(),
    }
    return {**answer, "gaps": list(gaps)} if gaps else answer


def _message(kept: Sequence[LogEvent], severities: Sequence[str], *, complete: bool, unread: Sequence[str] = ()) -> str:
    told = f" {_listed(unread)} could not be read (see gaps): their content is unknown." if unread else ""
    if not kept and unread:
        return f"No line was found.{told}"
    if not kept:
        return "No line was written in the time asked for that fits; ask for a longer time_window or another pattern."
    counted = f"{severities.count('ERROR')} errors, {severities.count('WARN')} warnings"
    rest = "" if complete or unread else "; older lines of that time are omitted; narrow it to see them"
    return f"{len(kept)} lines ({counted}){rest}.{told}"


def _listed(groups: Sequence[str]) -> str:
    more = f" and {len(groups) - _GROUPS_NAMED} more" if len(groups) > _GROUPS_NAMED else ""
    return f"The log group{'s' if len(groups) > 1 else ''} {', '.join(groups[:_GROUPS_NAMED])}{more}"


def _entry(event: LogEvent, severity: str) -> Mapping[str, Any]:
    return {
        "timestamp": event.timestamp.isoformat(timespec="milliseconds"),
        "message": event.message,
        "severity": severity,
        "stream": event.stream,
        "group": event.group,
    }


def _group(place: LogPlace, found: LogSearch | None) -> Mapping[str, Any]:
    if found is None:
        return {"name": place.group, "log_streams": [], "entries": 0, "error": "it could not be read; see gaps"}
    streams = list(dict.fromkeys(event.stream for event in found.events))
    shape: dict[str, Any] = {"name": place.group, "log_streams": streams, "entries": len(found.events)}
    return shape if found.group_exists else {**shape, "error": "the log group or its stream does not exist"}


def _missing_group(group: str) -> Finding:
    return make_finding(
        code="log_group_missing",
        cause=f"The log group {group} that a task definition names does not exist.",
        resource=group,
    )


def answer_of_nothing(
    request: TroubleshootRequest, message: str, findings: Sequence[Finding], gaps: Sequence[str]
) -> dict[str, Any]:
    """The same shape where there is no log to be searched; `message` says why."""
    answer: dict[str, Any] = {
        "status": "not_found",
        "message": message,
        "findings": [one.to_dict() for one in findings],
        "log_groups": [],
        "log_entries": [],
        "error_count": 0,
        "warning_count": 0,
        "info_count": 0,
        "pattern_summary": [],
        "window": request.window.to_dict(),
    }
    return {**answer, "gaps": list(gaps)} if gaps else answer


_SHOWN = 3


def errors_in_log(group: str, events: Sequence[LogEvent]) -> Finding | None:
    """Lines of a log group that name errors, or none: a clue, since what wrote them did not end of it."""
    errors = [event.message for event in events if severity_of(event.message) == "ERROR"]
    if not errors:
        return None
    patterns = patterns_of(errors)
    number, most = len(errors), patterns[0][1]
    lines = (
        f"{number} line{'' if number == 1 else 's'} of the log group {group} name{'s' if number == 1 else ''} errors"
    )
    alike = f", {most} of them the same but for numbers and ids" if most > 1 else ""
    return make_finding(
        code="errors_in_log",
        cause=f"{lines}{alike}; no task of the cluster that ECS remembers as failed wrote them.",
        evidence=tuple(text for text, _ in patterns[:_SHOWN]),
        resource=group,
        confidence="medium",
    )


def findings_of_logs(
    request: TroubleshootRequest,
    seen: ClusterContents,
    definitions: Mapping[str, TaskDefinition],
    searches: Iterable[LogSearch | None],
    now: datetime,
    excluded_from: ExcludedFrom,
) -> tuple[Finding, ...]:
    """What ended the tasks that wrote the lines found, and which further lines name errors."""
    streams: dict[LogKey, list[LogEvent]] = defaultdict(list)
    for event in (event for one in searches if one is not None for event in one.events):
        streams[event.group, event.stream].append(event)
    failed = [
        marked(task, definitions) for task in seen.stopped if task.failed and request.window.contains(task.stopped_at)
    ]
    keys = {task.task_id: container_log(definitions.get(task.task_definition_arn), task) for task in failed}
    logs = {
        task_id: tuple(event.message for event in streams[key])
        for task_id, key in keys.items()
        if not isinstance(key, str) and key in streams
    }
    told = [group for group in alike(failed) if any(task.task_id in logs for task in group)]
    ended = findings_of_groups(
        (tuple(sorted(group, key=lambda task: task.task_id not in logs)) for group in told),
        DeploymentFacts(request.cluster, "", logs=logs),
        services=seen.services,
        definitions=definitions,
        excluded_from=excluded_from,
        now=now,
    )
    others = _others(streams, [task for group in told for task in group])
    errors = (errors_in_log(group, events) for group, events in others.items())
    return ranked(one for one in (*ended, *errors) if one is not None)


def _others(streams: Mapping[LogKey, list[LogEvent]], told: Iterable[TaskState]) -> dict[str, list[LogEvent]]:
    """By log group, the lines of streams that are not of these tasks (a stream's name ends with its task's id)."""
    ids = {task.task_id for task in told}
    found: dict[str, list[LogEvent]] = defaultdict(list)
    for (group, stream), events in streams.items():
        if stream.rsplit("/", 1)[-1] not in ids:
            found[group].extend(events)
    return found


ENTRIES_KEPT = 1000
"""Lines that are read of a log group, and shown of all of them."""


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where to look: a log group, and the beginning of the names of streams there, or whole names."""

    group: str
    prefixes: frozenset[str]
    streams: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ClusterContents:
    """Everything that runs in a cluster, or did until an hour ago; `stopped` with the newest stop first."""

    services: tuple[ServiceState, ...] = ()
    stopped: tuple[TaskState, ...] = ()
    running: tuple[TaskState, ...] = ()

    @property
    def definitions(self) -> tuple[str, ...]:
        """The ARNs of their task definitions."""
        every = (*self.services, *self.stopped, *self.running)
        return tuple(dict.fromkeys(one.task_definition_arn for one in every if one.task_definition_arn))
