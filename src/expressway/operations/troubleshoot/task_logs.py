"""The logs of a cluster's tasks, wherever their task definitions say that they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from expressway.diagnosis.log_severity import patterns_of, severity_of
from expressway.diagnosis.place_findings import place_findings
from expressway.model.finding import Finding
from expressway.model.log_event import LogEvent, LogSearch
from expressway.model.quotation import quoted
from expressway.model.service import LogConfiguration, TaskState
from expressway.operations.concurrent_reads import ConcurrentReads
from expressway.operations.troubleshoot.asked_once import or_none
from expressway.operations.troubleshoot.places import nothing_there, take_or_stop, was_read
from expressway.operations.troubleshoot.ports import SERVICES_A_CALL, TASKS_A_CALL, TroubleshootPorts
from expressway.operations.troubleshoot.request import TroubleshootRequest
from expressway.operations.troubleshoot.stopped_tasks import stopped_tasks

_THREADS = 12
_ENTRIES_KEPT = 1000
_PATTERNS_SHOWN = 10
_GROUPS_NAMED = 3


@dataclass(frozen=True, slots=True)
class _Place:
    """Where to look: a log group, and the beginning of the names of streams there, or whole names."""

    group: str
    prefixes: frozenset[str]
    streams: frozenset[str] = frozenset()


def fetch_task_logs(request: TroubleshootRequest, ports: TroubleshootPorts) -> Mapping[str, Any]:
    """Lines that the containers of a cluster (or of one task) wrote between two moments; the newest are kept.

    Log groups and streams are those of the task definitions: no name is guessed. `filter_pattern` is CloudWatch
    Logs' own. The logs of a task that ECS has forgotten are found by its id in the streams of the services' groups.

    Returns:
        status (``not_found`` where nothing logs to CloudWatch Logs, or ECS has no such task and no log is left of it;
            ``error`` where no log may be read), message, window.
        log_entries: timestamp (ISO, UTC), message, severity, stream, group; oldest first.
        log_groups: name, log_streams and number of entries of each, error where it could not be read.
        error_count, warning_count, info_count; pattern_summary: the commonest errors.
        findings, and gaps where there are any.

    Raises:
        UsageError: ``invalid_arguments`` for a filter_pattern that CloudWatch Logs does not understand.
    """
    with ConcurrentReads(_THREADS, name="task logs") as reads:
        asked_cluster = reads.ask("cluster", lambda: ports.cluster.cluster(request.cluster))
        asked_task = _ask_task(request, ports, reads) if request.task_id else None
        task = next(iter(reads.take(asked_task, ())), None) if asked_task else None
        arns = [task.task_definition_arn] if task else _whole_cluster(request, ports, reads)
        definitions = _configurations(arns, ports, reads)
        cluster = take_or_stop(reads, asked_cluster, None)
        if cluster is None and was_read(reads, "cluster"):
            found = place_findings(nothing_there(request, ports, reads, cluster=None))
            return _nothing(request, found[0].cause, found, reads.gaps)
        places = _places(definitions, request.task_id)
        if not places:
            return _nothing(request, *_no_logs(request, reads, task), reads.gaps)
        asked = {one: or_none(reads, f"log group {one.group}", _searching(one, request, ports)) for one in places}
        found_logs = {one: reads.take(future, None) for one, future in asked.items()}
    written = any(one is None or one.events for one in found_logs.values())
    if request.task_id and task is None and not written and was_read(reads, "task"):
        return _nothing(request, *_no_logs(request, reads, task), reads.gaps)
    return _answer(request, found_logs, reads.gaps)


# -- which logs ---------------------------------------------------------------------------------------------
def _ask_task(
    request: TroubleshootRequest, ports: TroubleshootPorts, reads: ConcurrentReads
) -> Future[tuple[TaskState, ...]]:
    return reads.ask("task", lambda: ports.cluster.tasks(request.cluster, [request.task_id]))


def _whole_cluster(request: TroubleshootRequest, ports: TroubleshootPorts, reads: ConcurrentReads) -> list[str]:
    """The task definitions of everything that runs in the cluster, or did until an hour ago."""
    asked_stopped = reads.ask("stopped tasks", lambda: stopped_tasks(request.cluster, ports))
    asked_running = reads.ask("running tasks", lambda: _running_tasks(request.cluster, ports))
    asked_names = reads.ask("services", lambda: ports.cluster.service_names(request.cluster))
    names = reads.take(asked_names, ())
    asked_services = [
        reads.ask(
            "services", lambda some=names[at : at + SERVICES_A_CALL]: ports.cluster.services(request.cluster, some)
        )
        for at in range(0, len(names), SERVICES_A_CALL)
    ]
    services = [one for future in asked_services for one in reads.take(future, ())]
    tasks = [*reads.take(asked_stopped, ()), *reads.take(asked_running, ())]
    return [*(one.task_definition_arn for one in services), *(one.task_definition_arn for one in tasks)]


def _running_tasks(cluster: str, ports: TroubleshootPorts) -> tuple[TaskState, ...]:
    arns = ports.cluster.task_arns(cluster, "RUNNING")
    batches = [arns[start : start + TASKS_A_CALL] for start in range(0, len(arns), TASKS_A_CALL)]
    return tuple(task for some in batches for task in ports.cluster.tasks(cluster, some))


def _configurations(
    arns: Iterable[str], ports: TroubleshootPorts, reads: ConcurrentReads
) -> tuple[LogConfiguration, ...]:
    asked = [
        reads.ask("task definition", lambda arn=arn: ports.cluster.task_definition(arn))
        for arn in dict.fromkeys(arns)
        if arn
    ]
    definitions = [reads.take(future, None) for future in asked]
    return tuple(dict.fromkeys(one for each in definitions if each for one in each.log_configurations))


def _places(configurations: Sequence[LogConfiguration], task_id: str) -> list[_Place]:
    by_group: dict[str, list[LogConfiguration]] = {}
    for one in configurations:
        by_group.setdefault(one.log_group, []).append(one)
    return [
        _Place(
            group,
            frozenset(f"{one.stream_prefix}/{one.container}/" for one in those),
            frozenset(one.stream(task_id) for one in those) if task_id else frozenset(),
        )
        for group, those in by_group.items()
    ]


def _searching(place: _Place, request: TroubleshootRequest, ports: TroubleshootPorts) -> _Search:
    return _Search(place, request, ports)


@dataclass(frozen=True, slots=True)
class _Search:
    """The search of one log group, to be called in a thread."""

    place: _Place
    request: TroubleshootRequest
    ports: TroubleshootPorts

    def __call__(self) -> LogSearch:
        prefix = next(iter(self.place.prefixes)) if len(self.place.prefixes) == 1 else ""
        return self.ports.logs.search(
            self.place.group,
            start=self.request.window.start,
            end=self.request.window.end,
            streams=sorted(self.place.streams),
            stream_prefix="" if self.place.streams else prefix,
            pattern=self.request.filter_pattern,
            limit=_ENTRIES_KEPT,
        )


# -- the answer ---------------------------------------------------------------------------------------------
def _answer(
    request: TroubleshootRequest, asked: Mapping[_Place, LogSearch | None], gaps: Sequence[str]
) -> dict[str, Any]:
    found = {place: one for place, one in asked.items() if one is not None}
    unread = [place.group for place in asked if place not in found]
    events = sorted((event for one in found.values() for event in one.events), key=lambda event: event.timestamp)
    left_out = max(0, len(events) - _ENTRIES_KEPT)
    kept = events[left_out:]
    severities = [severity_of(event.message) for event in kept]
    complete = not (left_out or unread) and all(one.complete or not one.group_exists for one in found.values())
    findings = [
        _missing_group(place.group) for place, one in found.items() if not one.group_exists and not place.streams
    ]
    answer: dict[str, Any] = {
        "status": "success" if found else "error",
        "message": _message(kept, severities, complete=complete, unread=unread),
        "findings": [one.to_dict() for one in findings],
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
    told = f" {_listed(unread)} could not be read (see gaps): what was written there is not known." if unread else ""
    if not kept and unread:
        return f"No line was found.{told}"
    if not kept:
        return "No line was written in the time asked for that fits; ask for a longer time_window or another pattern."
    counted = f"{severities.count('ERROR')} errors, {severities.count('WARN')} warnings"
    rest = "" if complete or unread else "; older lines of the time asked for are left out, narrow it to see them"
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


def _group(place: _Place, found: LogSearch | None) -> Mapping[str, Any]:
    if found is None:
        return {"name": place.group, "log_streams": [], "entries": 0, "error": "it could not be read; see gaps"}
    streams = list(dict.fromkeys(event.stream for event in found.events))
    shape: dict[str, Any] = {"name": place.group, "log_streams": streams, "entries": len(found.events)}
    return shape if found.group_exists else {**shape, "error": "the log group or its stream does not exist"}


def _missing_group(group: str) -> Finding:
    return Finding(
        code="log_group_missing",
        severity="critical",
        cause=f"The log group {group} that a task definition names does not exist.",
        remedy="Deploy the service stack, which makes it, or create it; the execution role cannot create log groups.",
        resource=group,
    )


def _no_logs(
    request: TroubleshootRequest, reads: ConcurrentReads, task: TaskState | None
) -> tuple[str, tuple[Finding, ...]]:
    if request.task_id and task is None and was_read(reads, "task"):
        finding = _missing_task(request)
        return f"{finding.cause} {finding.remedy}", (finding,)
    if reads.gaps:
        return "The task definitions, which say where logs are, could not be read (see gaps).", ()
    if request.task_id:
        return f"The task {request.task_id} does not log to CloudWatch Logs (awslogs driver).", ()
    return f"Nothing that runs in {request.cluster} logs to CloudWatch Logs (awslogs driver).", ()


def _missing_task(request: TroubleshootRequest) -> Finding:
    return Finding(
        code="task_not_found",
        severity="warning",
        cause=f"ECS knows no task {request.task_id} in the cluster {request.cluster}, and the log groups of its "
        "services hold no line of such a task in the time asked for.",
        remedy="Check the id and the cluster; ECS forgets a task about an hour after it stopped, but its log stays: "
        "ask for a longer time_window.",
        resource=request.task_id,
    )


def _nothing(
    request: TroubleshootRequest, message: str, findings: Sequence[Finding], gaps: Sequence[str]
) -> dict[str, Any]:
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
