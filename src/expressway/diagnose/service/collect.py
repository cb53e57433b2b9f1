"""Gather everything about one service at the same time: two or three round trips deep, one where it was seen before.

What the first round tells decides what the second reads. What can be guessed before (ids of last time, an Express
service's ARN, where it logs) is read a round sooner; a wrong guess only costs its call.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from expressway.aws.values.dependencies import DependencySubject
from expressway.aws.values.service import (
    DeploymentState,
    ExpressService,
    LogEvent,
    RevisionState,
    ServiceEvent,
    ServiceState,
    TargetHealth,
    TaskState,
    tasks_of_revision,
)
from expressway.aws.values.task_definition import TaskDefinition
from expressway.cloudformation.stack import StackEvent
from expressway.core.clock import not_before
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.dependency_checks import subject_of
from expressway.diagnose.exits.rules import format_is_open
from expressway.diagnose.facts import DeploymentFacts, ServiceFacts
from expressway.diagnose.ports import ServiceFactPorts
from expressway.diagnose.service.deployment import (
    DeploymentContext,
    definitions_to_compare,
    deployment_to_explain,
    failed_deployment_to_explain,
    rollout_deployment,
    rollout_revisions,
)
from expressway.diagnose.service.health_status import is_settled
from expressway.diagnose.service.log_tail import has_expired_tasks
from expressway.diagnose.service.reads import KnownService, ServiceReads
from expressway.image.context.excluded import ExcludedFrom, excluded_by_container

_EVENTS_COUNT_FOR = timedelta(hours=1)
"""How long an event still tells of the state of a service whose deployment is done."""

Begin = Callable[[DependencySubject, bool], None]
"""Told what the service depends on as soon as that is known, so that it can be read beside the rest; and whether what
is known by then settles the matter (`expressway.diagnose.service.health_status`)."""


def gather_service(
    cluster: str,
    service_name: str,
    ports: ServiceFactPorts,
    reads: ConcurrentReads,
    *,
    known: KnownService | None = None,
    begin: Begin | None = None,
    failure: Sequence[StackEvent] | None = None,
) -> ServiceFacts:
    """The facts about one service; what may not be read becomes a gap of `reads`.

    `failure`, where one is to be explained: the events of the stack operation behind it, in order of time and from its
    beginning, so that older deployments and tasks are left out; empty where there was none.

    Raises:
        TargetError: nothing at all can be asked (``credentials_expired``, ``connection_failed``, …).
    """
    return begin_service(cluster, service_name, ports, reads, known=known, begin=begin, failure=failure).gather()


def begin_service(
    cluster: str,
    service_name: str,
    ports: ServiceFactPorts,
    reads: ConcurrentReads,
    *,
    known: KnownService | None = None,
    begin: Begin | None = None,
    failure: Sequence[StackEvent] | None = None,
) -> "ServiceGathering":
    """Begin to gather: the first round is on its way, and what is asked for after it comes after it."""
    now = ports.now()
    closer = failure is not None
    service_reads = ServiceReads(cluster, service_name, ports, reads, known=known, now=now, looks_closer=closer)
    service_reads.begin_initial_snapshot()
    return ServiceGathering(cluster, service_name, service_reads, reads, now, begin, ports.excluded_from, failure)


class ServiceGathering:
    """What is being gathered about one service."""

    def __init__(
        self,
        cluster: str,
        service_name: str,
        service_reads: ServiceReads,
        reads: ConcurrentReads,
        now: datetime,
        begin: Begin | None,
        excluded_from: ExcludedFrom,
        failure: Sequence[StackEvent] | None,
    ) -> None:
        self._cluster = cluster
        self._name = service_name
        self._of = service_reads
        self._reads = reads
        self._now = now
        self._begin = begin
        self._excluded_from = excluded_from
        self._failure = failure
        self._since = start_of(failure or ())

    def gather(self) -> ServiceFacts:
        """All facts; waits for them.

        Raises:
            TargetError: nothing at all can be asked (``credentials_expired``, ``connection_failed``, …).
        """
        of = self._of
        first = of.initial_snapshot()
        service, steady = first.service, first.is_steady_state
        of.begin_second_round(first)
        tasks = of.tasks(first)
        of.ask_definitions(task.task_definition_arn for task in tasks)
        described, revisions = of.deployments(first), of.revisions()
        deployments = [described.get(one.arn, one) for one in first.briefs]
        if service is not None and not deployments and (rollout := rollout_deployment(service)) is not None:
            deployments, revisions = [rollout], rollout_revisions(service)
        compared = of.compared_definitions(definitions_to_compare(deployments, revisions))
        context = self._context(service, deployments, revisions, compared, tasks)
        mine = self._own_tasks(service, context, tasks)
        failed = any(task.failed for task in mine)
        if not failed or any(task.running or task.failed_health_check for task in mine):
            of.ask_targets(context.revision.target_group_arns if context.revision else ())
        if failed or not steady:
            of.ask_express(service)
            of.ask_logs(mine)
        if (
            context.deployment is not None
            and context.revision is not None
            and has_expired_tasks(context.deployment, mine)
        ):
            of.ask_expired_task_log(context.deployment, context.revision.task_definition_arn)
        targets, express = of.targets(), of.express()
        if self._begin is not None and service is not None:
            settled = is_settled(service, context.deployment, mine, targets)
            if settled and failed:  # then nothing else is read meanwhile
                settled = not format_is_open(mine, _lines(of.logs()))
            self._begin(subject_of(service, express, context.deployment, context.revision, mine), settled)
        if steady and not failed and not _all_well(targets, mine):
            of.ask_express(service)
            of.ask_logs(mine)
            express = of.express()
        logs = of.logs()
        of.remember(first)
        definitions = of.definitions()
        mine = tuple(marked(task, definitions) for task in mine)
        return self._facts(service, express, context, tasks, mine, targets, logs, definitions)

    def _facts(
        self,
        service: ServiceState | None,
        express: ExpressService | None,
        context: DeploymentContext,
        tasks: tuple[TaskState, ...],
        mine: tuple[TaskState, ...],
        targets: tuple[TargetHealth, ...],
        logs: Mapping[str, tuple[LogEvent, ...]],
        definitions: Mapping[str, TaskDefinition | None],
    ) -> ServiceFacts:
        expired_task_log = self._of.expired_task_log()
        definition = definitions.get(self._task_definition_arn(service, context, mine))
        deployment = DeploymentFacts(
            cluster=self._cluster,
            service_name=self._name,
            service=service,
            express=express,
            state=context.deployment,
            revision=context.revision,
            tasks=mine,
            events=self._events(service, context),
            logs=_lines(logs),
            unread_logs=self._of.unread_logs,
            targets=targets,
            stack_events=tuple(self._failure or ()),
            gaps=tuple(self._reads.gaps),
            definition=definition,
            excluded=excluded_by_container(definition, self._excluded_from),
        )
        return ServiceFacts(
            cluster=self._cluster,
            service_name=self._name,
            now=self._now,
            deployment=deployment,
            tasks=tasks,
            log_events=logs,
            restored=context.restored,
            gaps=deployment.gaps,
            expired_task_log=expired_task_log,
        )

    def _context(
        self,
        service: ServiceState | None,
        deployments: Sequence[DeploymentState],
        revisions: Mapping[str, RevisionState],
        compared: Mapping[str, TaskDefinition | None],
        tasks: tuple[TaskState, ...],
    ) -> DeploymentContext:
        if self._failure is None:
            return deployment_to_explain(deployments, revisions, compared)
        return failed_deployment_to_explain(
            deployments, revisions, compared, since=self._since, tasks=tasks, service=service
        )

    # -- what belongs to the deployment --------------------------------------------------------------------------
    def _own_tasks(
        self, service: ServiceState | None, context: DeploymentContext, tasks: tuple[TaskState, ...]
    ) -> tuple[TaskState, ...]:
        """The tasks of the revision; where none was read, those of what runs now, or those since the failed deployment.

        What runs now is not what has failed.
        """
        if self._failure is not None and context.revision is None and not self._lacks_deployments():
            start = context.deployment.created_at if context.deployment else self._since
            return tuple(one for one in tasks_of_revision(tasks, None, service) if not_before(one.created_at, start))
        if context.revision is None and context.deployment is not None and context.deployment.failed:
            return tuple(task for task in tasks if not_before(task.created_at, context.deployment.created_at))
        current = RevisionState("", service.task_definition_arn) if service else None
        return tasks_of_revision(tasks, context.revision or current, service)

    def _lacks_deployments(self) -> bool:
        return any(gap.startswith("deployments:") for gap in self._reads.gaps)

    @staticmethod
    def _task_definition_arn(
        service: ServiceState | None, context: DeploymentContext, mine: Sequence[TaskState]
    ) -> str:
        """What the deployment's tasks run; empty where that is not known."""
        if context.revision is not None:
            return context.revision.task_definition_arn
        if context.deployment is None or not context.deployment.failed:
            return service.task_definition_arn if service else ""
        named = {task.task_definition_arn for task in mine}
        return named.pop() if len(named) == 1 else ""

    def _events(self, service: ServiceState | None, context: DeploymentContext) -> tuple[ServiceEvent, ...]:
        """The scheduler's events since the deployment began; of the last hour where it succeeded."""
        start = context.deployment.created_at if context.deployment else None
        if context.deployment is None or context.deployment.successful:
            hour_ago = self._now - _EVENTS_COUNT_FOR
            start = max(start, hour_ago) if start else hour_ago
        return tuple(one for one in (service.events if service else ()) if not_before(one.created_at, start))


def start_of(stack_events: Sequence[StackEvent]) -> datetime | None:
    """When the stack operation began, where its beginning is among the events; failures alone tell no start."""
    first = next(iter(stack_events), None)
    return first.timestamp if first is not None and not first.failed else None


def marked(task: TaskState, definitions: Mapping[str, TaskDefinition | None]) -> TaskState:
    """The task with what its definition says of its containers, where that was read."""
    definition = definitions.get(task.task_definition_arn)
    return definition.marked(task) if definition else task


def _lines(logs: Mapping[str, Sequence[LogEvent]]) -> dict[str, tuple[str, ...]]:
    return {task_id: tuple(event.message for event in events) for task_id, events in logs.items()}


def _all_well(targets: Sequence[TargetHealth], tasks: Sequence[TaskState]) -> bool:
    return not any(one.state == "unhealthy" for one in targets) and not any(
        task.running and task.health == "UNHEALTHY" for task in tasks
    )
