"""Where the logs of a cluster's tasks are, as their task definitions say, and how they are searched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from expressway.aws.values.log_event import LogSearch
from expressway.aws.values.service import LogConfiguration, ServiceState, TaskState
from expressway.aws.values.task_definition import TaskDefinition
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.ports import SERVICES_A_CALL, TASKS_A_CALL, TroubleshootPorts
from expressway.diagnose.request import TroubleshootRequest
from expressway.diagnose.tasks.stopped import stopped_tasks

ENTRIES_KEPT = 1000
"""Lines that are read of a log group, and shown of all of them."""


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where to look: a log group, and the beginning of the names of streams there, or whole names."""

    group: str
    prefixes: frozenset[str]
    streams: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SeenInCluster:
    """Everything that runs in a cluster, or did until an hour ago; `stopped` with the newest stop first."""

    services: tuple[ServiceState, ...] = ()
    stopped: tuple[TaskState, ...] = ()
    running: tuple[TaskState, ...] = ()

    @property
    def definitions(self) -> tuple[str, ...]:
        """The ARNs of their task definitions."""
        every = (*self.services, *self.stopped, *self.running)
        return tuple(dict.fromkeys(one.task_definition_arn for one in every if one.task_definition_arn))


def seen_in_cluster(request: TroubleshootRequest, ports: TroubleshootPorts, reads: ConcurrentReads) -> SeenInCluster:
    """What may have written logs; what may not be read is left out, and a gap."""
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
    services = tuple(one for future in asked_services for one in reads.take(future, ()))
    return SeenInCluster(services, reads.take(asked_stopped, ()), reads.take(asked_running, ()))


def _running_tasks(cluster: str, ports: TroubleshootPorts) -> tuple[TaskState, ...]:
    arns = ports.cluster.task_arns(cluster, "RUNNING")
    batches = [arns[start : start + TASKS_A_CALL] for start in range(0, len(arns), TASKS_A_CALL)]
    return tuple(task for some in batches for task in ports.cluster.tasks(cluster, some))


def task_definitions(
    arns: Iterable[str], ports: TroubleshootPorts, reads: ConcurrentReads
) -> dict[str, TaskDefinition]:
    """Task definitions by ARN; one that may not be read is left out, and a gap."""
    asked = {
        arn: reads.ask("task definition", lambda arn=arn: ports.cluster.task_definition(arn))
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
