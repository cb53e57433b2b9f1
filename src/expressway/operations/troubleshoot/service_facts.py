"""Gather everything about one service at the same time: about four round trips deep, whatever there is to read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta

from expressway.diagnosis.deployment_course import Course, course_to_explain
from expressway.diagnosis.facts import DeploymentFacts
from expressway.diagnosis.service_facts import ServiceFacts
from expressway.diagnosis.settled import is_settled
from expressway.model.log_event import LogEvent
from expressway.model.service import (
    DeploymentState,
    ExpressService,
    RevisionState,
    ServiceEvent,
    ServiceState,
    TargetHealth,
    TaskState,
    tasks_of_revision,
)
from expressway.model.service_dependencies import DependencySubject
from expressway.model.task_definition import TaskDefinition
from expressway.operations.concurrent_reads import ConcurrentReads
from expressway.operations.explain import not_before
from expressway.operations.troubleshoot.dependency_subject import subject_of
from expressway.operations.troubleshoot.places import take_or_stop
from expressway.operations.troubleshoot.ports import TASKS_A_CALL, TroubleshootPorts

_LOGS_READ = 3
_DEFINITIONS_READ = 3
_LOG_LINES = 100
_EVENTS_COUNT_FOR = timedelta(hours=1)
"""How long an event still tells of the state of a service whose deployment is done."""


@dataclass(frozen=True, slots=True)
class KnownService:
    """What somebody has read of the service already, so that it is not read again."""

    state: ServiceState
    stopped_tasks: tuple[TaskState, ...] | None = None


Begin = Callable[[DependencySubject, bool], None]
"""Told what the service depends on as soon as that is known, so that it can be read beside the rest; and whether what
is known by then settles the matter (`expressway.diagnosis.settled`)."""


def gather_service(
    cluster: str,
    service_name: str,
    ports: TroubleshootPorts,
    reads: ConcurrentReads,
    *,
    known: KnownService | None = None,
    begin: Begin | None = None,
) -> ServiceFacts:
    """The facts about one service; what may not be read becomes a gap of `reads`.

    Raises:
        TargetError: nothing at all can be asked (``credentials_expired``, ``connection_failed``, …).
    """
    return _Gathering(cluster, service_name, ports, reads, known, begin).gather()


class _Gathering:
    def __init__(
        self,
        cluster: str,
        service_name: str,
        ports: TroubleshootPorts,
        reads: ConcurrentReads,
        known: KnownService | None,
        begin: Begin | None,
    ) -> None:
        self._cluster = cluster
        self._name = service_name
        self._ports = ports
        self._reads = reads
        self._known = known
        self._begin = begin
        self._now = ports.now()

    def gather(self) -> ServiceFacts:
        asked_briefs = self._reads.ask(
            "deployments", lambda: self._ports.cluster.deployment_briefs(self._cluster, self._name)
        )
        asked_tasks = self._ask_tasks()
        service = self._service()
        asked_definitions: dict[str, Future[TaskDefinition | None]] = {}
        self._ask_definitions(asked_definitions, [service.task_definition_arn] if service else [])
        groups = service.target_group_arns if service else ()
        asked_targets = self._ask_targets(groups)
        briefs = self._reads.take(asked_briefs, ())
        calm = service is not None and _looks_calm(service, briefs)
        asked_express = None if calm else self._ask_express(service)
        asked_described = self._reads.ask("deployments", lambda: _described(self._ports, briefs))
        asked_revisions = self._reads.ask("revisions", lambda: self._revisions([] if calm and groups else briefs))
        tasks = self._tasks(asked_tasks)
        self._ask_definitions(asked_definitions, (task.task_definition_arn for task in tasks))
        described = {one.arn: one for one in self._reads.take(asked_described, ())}
        revisions = {one.arn: one for one in self._reads.take(asked_revisions, ())}
        course = course_to_explain([described.get(one.arn, one) for one in briefs], revisions)
        mine = self._own_tasks(service, course, tasks)
        further = set(course.revision.target_group_arns if course.revision else ()) - set(groups)
        asked_further = self._ask_targets(tuple(sorted(further)))
        failed = any(task.failed for task in mine)
        if asked_express is None and failed:
            asked_express = self._ask_express(service)
        definitions = {arn: self._reads.take(asked, None) for arn, asked in asked_definitions.items()}
        asked_logs = self._ask_logs(definitions, mine) if failed or not calm else {}
        targets = (*self._reads.take(asked_targets, ()), *self._reads.take(asked_further, ()))
        express = self._reads.take(asked_express, None) if asked_express else None
        if self._begin is not None and service is not None:
            settled = is_settled(service, course.deployment, mine, targets)
            self._begin(subject_of(service, express, course.deployment, course.revision, mine), settled)
        if calm and not failed and not _all_well(targets, mine):
            asked_logs = self._ask_logs(definitions, mine)
            express = self._reads.take(self._ask_express(service), None)
        logs = {task_id: self._reads.take(asked, ()) for task_id, asked in asked_logs.items()}
        return self._facts(service, express, course, tasks, mine, targets, logs, definitions)

    def _facts(
        self,
        service: ServiceState | None,
        express: ExpressService | None,
        course: Course,
        tasks: tuple[TaskState, ...],
        mine: tuple[TaskState, ...],
        targets: tuple[TargetHealth, ...],
        logs: Mapping[str, tuple[LogEvent, ...]],
        definitions: Mapping[str, TaskDefinition | None],
    ) -> ServiceFacts:
        story = DeploymentFacts(
            cluster=self._cluster,
            service_name=self._name,
            service=service,
            express=express,
            deployment=course.deployment,
            revision=course.revision,
            tasks=mine,
            events=self._events(service, course),
            logs={task_id: tuple(event.message for event in events) for task_id, events in logs.items()},
            targets=targets,
            gaps=tuple(self._reads.gaps),
        )
        running = course.revision.task_definition_arn if course.revision else ""
        return ServiceFacts(
            cluster=self._cluster,
            service_name=self._name,
            now=self._now,
            story=story,
            definition=definitions.get(running or (service.task_definition_arn if service else "")),
            tasks=tasks,
            log_events=logs,
            restored=course.restored,
            gaps=story.gaps,
        )

    # -- single reads ---------------------------------------------------------------------------------------
    def _service(self) -> ServiceState | None:
        if self._known is not None:
            return self._known.state
        asked = self._reads.ask("service", lambda: self._ports.cluster.services(self._cluster, [self._name]))
        return next(iter(take_or_stop(self._reads, asked, ())), None)

    def _ask_express(self, service: ServiceState | None) -> "Future[ExpressService | None]":
        read = self._ports.express.express_service
        return self._reads.ask("express service", lambda: read(service.arn) if service and service.is_express else None)

    def _ask_targets(self, groups: Sequence[str]) -> "Future[tuple[TargetHealth, ...]]":
        return self._reads.ask("target health", lambda: self._ports.targets.health(groups) if groups else ())

    def _ask_logs(
        self, definitions: Mapping[str, TaskDefinition | None], tasks: tuple[TaskState, ...]
    ) -> "dict[str, Future[tuple[LogEvent, ...]]]":
        return {
            task.task_id: self._reads.ask("logs", lambda task=task: self._tail(definitions, task))
            for task in _worth_reading(tasks)
        }

    def _revisions(self, briefs: Sequence[DeploymentState]) -> tuple[RevisionState, ...]:
        arns = list(dict.fromkeys(one.target_revision_arn for one in briefs if one.target_revision_arn))
        return self._ports.express.revisions(arns) if arns else ()

    def _ask_tasks(self) -> "list[Future[tuple[TaskState, ...]]]":
        known = self._known.stopped_tasks if self._known else None
        statuses = ("RUNNING",) if known is not None else ("RUNNING", "STOPPED")
        return [self._reads.ask("tasks", lambda status=status: self._read_tasks(status)) for status in statuses]

    def _read_tasks(self, desired_status: str) -> tuple[TaskState, ...]:
        arns = self._ports.cluster.task_arns(self._cluster, desired_status, service_name=self._name)[:TASKS_A_CALL]
        return self._ports.cluster.tasks(self._cluster, arns) if arns else ()

    def _tasks(self, asked: "Sequence[Future[tuple[TaskState, ...]]]") -> tuple[TaskState, ...]:
        known = (self._known.stopped_tasks if self._known else None) or ()
        found = {task.arn: task for task in known}
        for future in asked:
            found.update({task.arn: task for task in self._reads.take(future, ())})
        mine = (task for task in found.values() if task.service_name in {self._name, ""})
        return tuple(sorted(mine, key=lambda one: one.created_at.timestamp() if one.created_at else 0.0, reverse=True))

    def _ask_definitions(self, asked: "dict[str, Future[TaskDefinition | None]]", arns: Iterable[str]) -> None:
        read = self._ports.cluster.task_definition
        for arn in dict.fromkeys(arns):
            if arn and arn not in asked and len(asked) < _DEFINITIONS_READ:
                asked[arn] = self._reads.ask("task definition", lambda arn=arn: read(arn))

    def _tail(self, definitions: Mapping[str, TaskDefinition | None], task: TaskState) -> tuple[LogEvent, ...]:
        """The end of the log of the task's container that failed, or of its first container."""
        definition = definitions.get(task.task_definition_arn)
        exited = {container.name for container in task.containers if container.exit_code not in (None, 0)}
        configurations = definition.log_configurations if definition else ()
        ordered = sorted(configurations, key=lambda one: one.container not in exited)
        if not ordered:
            return ()
        return self._ports.logs.tail_events(ordered[0].log_group, ordered[0].stream(task.task_id), limit=_LOG_LINES)

    # -- what belongs to the story --------------------------------------------------------------------------
    def _own_tasks(
        self, service: ServiceState | None, course: Course, tasks: tuple[TaskState, ...]
    ) -> tuple[TaskState, ...]:
        """The tasks of the revision; of what runs now, where no revision was read."""
        current = RevisionState("", service.task_definition_arn) if service else None
        return tasks_of_revision(tasks, course.revision or current, service)

    def _events(self, service: ServiceState | None, course: Course) -> tuple[ServiceEvent, ...]:
        """The scheduler's events that belong to the story; where the deployment is done, those of the last hour."""
        start = course.deployment.created_at if course.deployment else None
        if course.deployment is None or course.deployment.successful:
            hour_ago = self._now - _EVENTS_COUNT_FOR
            start = max(start, hour_ago) if start else hour_ago
        return tuple(one for one in (service.events if service else ()) if not_before(one.created_at, start))


def _described(ports: TroubleshootPorts, briefs: Sequence[DeploymentState]) -> tuple[DeploymentState, ...]:
    """The deployments of which there is more to tell than that they succeeded."""
    arns = [one.arn for one in briefs if not one.successful]
    return ports.cluster.deployments(arns) if arns else ()


def _looks_calm(service: ServiceState, briefs: Sequence[DeploymentState]) -> bool:
    """All wanted tasks run and every deployment that is remembered succeeded: what serves needs no closer look."""
    enough = service.status == "ACTIVE" and 0 < service.desired_count <= service.running_count
    return enough and bool(briefs) and all(one.successful for one in briefs)


def _all_well(targets: Sequence[TargetHealth], tasks: Sequence[TaskState]) -> bool:
    return not any(one.state == "unhealthy" for one in targets) and not any(
        task.running and task.health == "UNHEALTHY" for task in tasks
    )


def _worth_reading(tasks: tuple[TaskState, ...]) -> tuple[TaskState, ...]:
    """The first task that failed and the newest ones; a running one where none did."""
    failed = [task for task in tasks if task.failed]
    running = [task for task in tasks if task.running]
    chosen = [failed[-1], *failed[: _LOGS_READ - 1]] if failed else running[:1]
    return tuple({task.arn: task for task in chosen}.values())
