"""The logs of a cluster's tasks, wherever their task definitions say that they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

from expressway.aws.values.service import LogConfiguration, LogSearch, ServiceState, TaskState
from expressway.aws.values.task_definition import TaskDefinition
from expressway.core.concurrent_reads import ConcurrentReads, or_none
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.diagnose.logs.answer import (
    ENTRIES_KEPT,
    ClusterContents,
    LogPlace,
    answer_of,
    answer_of_nothing,
    findings_of_logs,
)
from expressway.diagnose.not_found import nothing_there, place_findings
from expressway.diagnose.ports import TroubleshootPorts
from expressway.diagnose.request import TroubleshootRequest


def cluster_contents(request: TroubleshootRequest, ports: TroubleshootPorts, reads: ConcurrentReads) -> ClusterContents:
    """What may have written logs; what may not be read is left out, and a gap."""
    asked_stopped = reads.ask("stopped tasks", lambda: ports.cluster_tasks(request.cluster, "STOPPED"))
    asked_running = reads.ask("running tasks", lambda: ports.cluster_tasks(request.cluster, "RUNNING"))
    asked_names = reads.ask("services", lambda: ports.ecs.service_names(request.cluster))
    services = ports.described_services(request.cluster, reads.take(asked_names, ()), reads)
    return ClusterContents(services, reads.take(asked_stopped, ()), reads.take(asked_running, ()))


def task_definitions(
    arns: Iterable[str], ports: TroubleshootPorts, reads: ConcurrentReads
) -> dict[str, TaskDefinition]:
    """Task definitions by ARN; one that may not be read is left out, and a gap."""
    asked = {
        arn: reads.ask("task definition", lambda arn=arn: ports.ecs.task_definition(arn))
        for arn in dict.fromkeys(arns)
        if arn
    }
    found = {arn: reads.take(future, None) for arn, future in asked.items()}
    return {arn: one for arn, one in found.items() if one is not None}


def log_places(definitions: Iterable[TaskDefinition], task_id: str) -> list[LogPlace]:
    """One place for each log group; with a task's id, its streams alone."""
    by_group: dict[str, list[LogConfiguration]] = {}
    for one in dict.fromkeys(one for each in definitions for one in each.log_configurations):
        by_group.setdefault(one.log_group, []).append(one)
    return [
        LogPlace(
            group,
            frozenset(f"{one.stream_prefix}/{one.container}/" for one in those),
            frozenset(one.stream(task_id) for one in those) if task_id else frozenset(),
        )
        for group, those in by_group.items()
    ]


@dataclass(frozen=True, slots=True)
class LogPlaceSearch:
    """The search of one log group, to be called in a thread."""

    place: LogPlace
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
            limit=ENTRIES_KEPT,
        )


_THREADS = 12


def fetch_task_logs(request: TroubleshootRequest, ports: TroubleshootPorts) -> Mapping[str, Any]:
    """Lines that the containers of a cluster (or of one task) wrote between two moments; the newest are kept.

    Log groups and streams are those of the task definitions: no name is guessed. `filter_pattern` is CloudWatch
    Logs' own. The logs of a task that ECS has forgotten are found by its id in the streams of the services' groups.

    Returns:
        status (``not_found`` where nothing logs to CloudWatch Logs, or ECS has no such task and no log is left of it;
            ``error`` where no log may be read), message, window.
        log_entries: timestamp (ISO, UTC), message, severity, stream, group; oldest first.
        log_groups: name, log_streams and number of entries of each, error where it could not be read.
        error_count, warning_count, info_count; pattern_summary: the most frequent errors.
        findings about what ended tasks that wrote such lines, and about logs that name errors otherwise; gaps.

    Raises:
        UsageError: ``invalid_arguments`` for a filter_pattern that CloudWatch Logs does not understand.
    """
    with ConcurrentReads(_THREADS, name="task logs") as reads:
        asked_cluster = reads.ask("cluster", lambda: ports.ecs.cluster(request.cluster))
        asked_task = _ask_task(request, ports, reads) if request.task_id else None
        task = next(iter(reads.take(asked_task, ())), None) if asked_task else None
        asked_service = _ask_service(request, ports, reads, task) if task else None
        seen = ClusterContents(stopped=(task,)) if task else cluster_contents(request, ports, reads)
        definitions = task_definitions(seen.definitions, ports, reads)
        if asked_service is not None:
            seen = replace(seen, services=reads.take(asked_service, ()))
        cluster = reads.take_or_stop(asked_cluster, None)
        if cluster is None and reads.was_read("cluster"):
            found = place_findings(nothing_there(request, ports, reads, cluster=None))
            return answer_of_nothing(request, found[0].cause, found, reads.gaps)
        places = log_places(definitions.values(), request.task_id)
        if not places:
            return answer_of_nothing(request, *_no_logs(request, reads, task), reads.gaps)
        asked = {one: or_none(reads, f"log group {one.group}", LogPlaceSearch(one, request, ports)) for one in places}
        found_logs = {one: reads.take(future, None) for one, future in asked.items()}
    written = any(one is None or one.events for one in found_logs.values())
    if request.task_id and task is None and not written and reads.was_read("task"):
        return answer_of_nothing(request, *_no_logs(request, reads, task), reads.gaps)
    findings = findings_of_logs(request, seen, definitions, found_logs.values(), ports.now(), ports.excluded_from)
    return answer_of(request, found_logs, findings, reads.gaps)


def _ask_task(
    request: TroubleshootRequest, ports: TroubleshootPorts, reads: ConcurrentReads
) -> Future[tuple[TaskState, ...]]:
    return reads.ask("task", lambda: ports.ecs.tasks(request.cluster, [request.task_id]))


def _ask_service(
    request: TroubleshootRequest, ports: TroubleshootPorts, reads: ConcurrentReads, task: TaskState
) -> Future[tuple[ServiceState, ...]] | None:
    """Begin to read the service of a task that failed: if it serves again, the failure is over."""
    if not task.failed or not task.service_name:
        return None
    return reads.ask("service", lambda: ports.ecs.services(request.cluster, [task.service_name]))


def _no_logs(
    request: TroubleshootRequest, reads: ConcurrentReads, task: TaskState | None
) -> tuple[str, tuple[Finding, ...]]:
    if request.task_id and task is None and reads.was_read("task"):
        finding = _missing_task(request)
        return f"{finding.cause} {finding.remedy}", (finding,)
    if reads.gaps:
        return "The task definitions, which say where logs are, could not be read (see gaps).", ()
    if request.task_id:
        return f"The task {request.task_id} does not log to CloudWatch Logs (awslogs driver).", ()
    return f"Nothing that runs in {request.cluster} logs to CloudWatch Logs (awslogs driver).", ()


def _missing_task(request: TroubleshootRequest) -> Finding:
    return make_finding(
        code="task_not_found",
        cause=f"ECS knows no task {request.task_id} in the cluster {request.cluster}, and the log groups of its "
        "services hold no line of such a task in the time asked for.",
        resource=request.task_id,
    )
