"""What the logs of a cluster's tasks tell: lines, counts, the commonest errors, and the groups they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from expressway.aws.values.log_event import LogEvent, LogSearch
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding, ranked
from expressway.diagnose.logs.places import ENTRIES_KEPT, LogPlace
from expressway.diagnose.logs.severity import patterns_of, severity_of
from expressway.diagnose.request import TroubleshootRequest
from expressway.privacy.untrusted import quoted

_PATTERNS_SHOWN = 10
_GROUPS_NAMED = 3


def answer_of(
    request: TroubleshootRequest,
    asked: Mapping[LogPlace, LogSearch | None],
    findings: Sequence[Finding],
    gaps: Sequence[str],
) -> dict[str, Any]:
    """What was found in each place; None for one that could not be read. `findings` are what the lines tell."""
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
