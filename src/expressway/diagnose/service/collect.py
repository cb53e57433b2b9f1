"""Collect everything about one service in parallel: in two or three round trips, in one where it was read before.

The first round decides what the second reads. What can be guessed (ids of last time, an Express service's ARN, where it
logs) is read one round earlier; a wrong guess costs only its call.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from expressway.aws.values.dependencies import DependencySubject
from expressway.aws.values.service import (
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
from expressway.diagnose.facts import DeploymentFacts, ServiceFacts, are_expired
from expressway.diagnose.ports import ServiceFactPorts
from expressway.diagnose.service.deployment import (
    DeploymentContext,
    DeploymentHistory,
    rollout_deployment,
    rollout_revisions,
)
from expressway.diagnose.service.health_status import needs_dependency_checks
from expressway.diagnose.service.reads import InitialSnapshot, KnownService, ServiceReads
from expressway.image.context.excluded import excluded_by_container

_EVENTS_COUNT_FOR = timedelta(hours=1)
"""How long an event is relevant once the deployment is done."""

BeginChecks = Callable[[DependencySubject, bool], None]
"""Called as soon as it is known what the service depends on, so that this is read in parallel with the rest; and
whether it has to be checked (`expressway.diagnose.service.health_status.needs_dependency_checks`)."""


class ServiceCollector:
    """Collects the facts about one service; the first reads begin at once, before `collect` is called.

    Args:
        reads: what is refused becomes a gap of it.
        known: what was read of the service before.
        begin: see `BeginChecks`.
        failure: where a failure is to be explained: the events of the stack operation behind it, in order of time and
            from its beginning, so that older deployments and tasks are left out; empty where there was none.
    """

    def __init__(
        self,
        cluster: str,
        service_name: str,
        ports: ServiceFactPorts,
        reads: ConcurrentReads,
        *,
        known: KnownService | None = None,
        begin: BeginChecks | None = None,
        failure: Sequence[StackEvent] | None = None,
    ) -> None:
        self._cluster = cluster
        self._name = service_name
        self._reads = reads
        self._now = ports.now()
        self._begin = begin
        self._excluded_from = ports.excluded_from
        self._failure = failure
        self._since = start_of(failure or ())
        self._service_reads = ServiceReads(
            cluster, service_name, ports, reads, known=known, now=self._now, looks_closer=failure is not None
        )

    def collect(self) -> ServiceFacts:
        """Wait for all facts.

        Raises:
            TargetError: no read is possible (``credentials_expired``, ``connection_failed``, …).
        """
        read = self._service_reads
        first = read.initial_snapshot()
        service, steady = first.service, first.is_steady_state
        read.begin_second_round(first)
        tasks = read.tasks(first)
        read.ask_definitions(task.task_definition_arn for task in tasks)
        context = self._context(first, tasks)
        own_tasks = self._own_tasks(service, context, tasks)
        failed = any(task.failed for task in own_tasks)
        if not failed or any(task.running or task.failed_health_check for task in own_tasks):
            read.targets.ask(context.revision.target_group_arns if context.revision else ())
        if failed or not steady:
            read.ask_express(service)
            read.logs.ask(read.definitions(), own_tasks)
        if context.deployment and context.revision and are_expired(own_tasks, context.deployment):
            read.ask_expired_task_log(context.deployment, context.revision.task_definition_arn)
        targets = read.targets.take()
        if self._begin is not None and service is not None:
            needs_checks = needs_dependency_checks(service, context.deployment, own_tasks, targets)
            if failed and not needs_checks:  # then nothing else is read in the meantime
                needs_checks = format_is_open(own_tasks, _lines(read.logs.take()))
            self._begin(
                subject_of(service, read.express(), context.deployment, context.revision, own_tasks), needs_checks
            )
        if steady and not failed and _is_unhealthy(targets, own_tasks):
            read.ask_express(service)
            read.logs.ask(read.definitions(), own_tasks)
        return self._facts(first, context, tasks, own_tasks)

    def _context(self, first: InitialSnapshot, tasks: tuple[TaskState, ...]) -> DeploymentContext:
        read, service = self._service_reads, first.service
        described, revisions = read.deployments(first), read.revisions()
        deployments = [described.get(one.arn, one) for one in first.briefs]
        if service is not None and not deployments and (rollout := rollout_deployment(service)) is not None:
            deployments, revisions = [rollout], rollout_revisions(service)
        history = DeploymentHistory(deployments, revisions)
        history = replace(history, definitions=read.compared_definitions(history.definitions_to_compare()))
        if self._failure is None:
            return history.to_explain()
        return history.failed_to_explain(since=self._since, tasks=tasks, service=service)

    def _facts(
        self,
        first: InitialSnapshot,
        context: DeploymentContext,
        tasks: tuple[TaskState, ...],
        own_tasks: tuple[TaskState, ...],
    ) -> ServiceFacts:
        read, service = self._service_reads, first.service
        logs, express = read.logs.take(), read.express()
        read.remember(first)
        definitions = read.definitions()
        own_tasks = tuple(marked(task, definitions) for task in own_tasks)
        expired_task_log = read.expired_logs.take()
        definition = definitions.get(self._task_definition_arn(service, context, own_tasks))
        gaps = tuple(self._reads.gaps)
        deployment = DeploymentFacts(
            cluster=self._cluster,
            service_name=self._name,
            service=service,
            express=express,
            state=context.deployment,
            revision=context.revision,
            tasks=own_tasks,
            events=self._events(service, context),
            logs=_lines(logs),
            unread_logs=read.logs.unread,
            targets=read.targets.take(),
            stack_events=tuple(self._failure or ()),
            gaps=gaps,
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
            gaps=gaps,
            expired_task_log=expired_task_log,
        )

    def _own_tasks(
        self, service: ServiceState | None, context: DeploymentContext, tasks: tuple[TaskState, ...]
    ) -> tuple[TaskState, ...]:
        """The tasks of the revision. Where it was not read: those of what runs now, or since the failed deployment."""
        deployments_unread = any(gap.startswith("deployments:") for gap in self._reads.gaps)
        if self._failure is not None and context.revision is None and not deployments_unread:
            start = context.deployment.created_at if context.deployment else self._since
            return tuple(one for one in tasks_of_revision(tasks, None, service) if not_before(one.created_at, start))
        if context.revision is None and context.deployment is not None and context.deployment.failed:
            return tuple(task for task in tasks if not_before(task.created_at, context.deployment.created_at))
        current = RevisionState("", service.task_definition_arn) if service else None
        return tasks_of_revision(tasks, context.revision or current, service)

    @staticmethod
    def _task_definition_arn(
        service: ServiceState | None, context: DeploymentContext, own_tasks: Sequence[TaskState]
    ) -> str:
        if context.revision is not None:
            return context.revision.task_definition_arn
        if context.deployment is None or not context.deployment.failed:
            return service.task_definition_arn if service else ""
        named = {task.task_definition_arn for task in own_tasks}
        return named.pop() if len(named) == 1 else ""

    def _events(self, service: ServiceState | None, context: DeploymentContext) -> tuple[ServiceEvent, ...]:
        """The scheduler's events since the deployment began; of the last hour where it succeeded."""
        start = context.deployment.created_at if context.deployment else None
        if context.deployment is None or context.deployment.successful:
            hour_ago = self._now - _EVENTS_COUNT_FOR
            start = max(start, hour_ago) if start else hour_ago
        return tuple(one for one in (service.events if service else ()) if not_before(one.created_at, start))


def start_of(stack_events: Sequence[StackEvent]) -> datetime | None:
    """When the stack operation began; None where its beginning is not among the events."""
    first = next(iter(stack_events), None)
    return first.timestamp if first is not None and not first.failed else None


def marked(task: TaskState, definitions: Mapping[str, TaskDefinition | None]) -> TaskState:
    """The task with what its definition says of its containers, where that was read."""
    definition = definitions.get(task.task_definition_arn)
    return definition.marked(task) if definition else task


def _lines(logs: Mapping[str, Sequence[LogEvent]]) -> dict[str, tuple[str, ...]]:
    return {task_id: tuple(event.message for event in events) for task_id, events in logs.items()}


def _is_unhealthy(targets: Sequence[TargetHealth], tasks: Sequence[TaskState]) -> bool:
    return any(one.state == "unhealthy" for one in targets) or any(
        task.running and task.health == "UNHEALTHY" for task in tasks
    )
