"""Explain a failed deployment: gather the facts at once, judge them once.

A fact that may not be read (a permission is missing) becomes a named gap; it never becomes a conclusion.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from expressway.aws.values.service import (
    DeploymentState,
    RevisionState,
    ServiceState,
    TaskState,
    tasks_of_revision,
)
from expressway.aws.values.task_definition import TaskDefinition
from expressway.cloudformation.stack import StackEvent
from expressway.core.clock import not_before
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.finding import Finding
from expressway.diagnose.service.deployment import definitions_to_compare, is_repair
from expressway.diagnose.service.facts import DeploymentFacts
from expressway.diagnose.service.ports import LogReads, ServiceReads, TargetReads
from expressway.diagnose.service.rollouts import rollout_deployment, rollout_revisions
from expressway.diagnose.service.rules import first_finding
from expressway.diagnose.service.service_facts import ServiceFacts
from expressway.diagnose.tasks.first_exit import culprit_of
from expressway.image.context.excluded import ExcludedFrom, excluded_by_container, nothing_excluded

_LOGS_READ = 3
_REFUSED = "could not be read"
_GONE = "is gone"
_ELSEWHERE = "is not kept in CloudWatch Logs"
_THREADS = 6


def explain_failure(
    *,
    cluster: str,
    service_name: str,
    ecs: ServiceReads,
    logs: LogReads,
    stack_events: Sequence[StackEvent] = (),
    targets: TargetReads | None = None,
    excluded_from: ExcludedFrom = nothing_excluded,
) -> Finding | None:
    """The first real cause of the service's newest failed or struggling deployment; None when none failed.

    `stack_events` are the events of the stack operation behind it, in order of time and from its beginning, so
    that older deployments of the service are left out.

    Works while a deployment fails, after its rollback, and for a while after the service was deleted (ECS
    remembers stopped tasks for about an hour). Reads only; about two round trips, each in parallel.
    """
    return first_finding(
        gather_facts(
            cluster=cluster,
            service_name=service_name,
            ecs=ecs,
            logs=logs,
            stack_events=stack_events,
            targets=targets,
            excluded_from=excluded_from,
        )
    )


def gather_facts(
    *,
    cluster: str,
    service_name: str,
    ecs: ServiceReads,
    logs: LogReads,
    stack_events: Sequence[StackEvent] = (),
    targets: TargetReads | None = None,
    excluded_from: ExcludedFrom = nothing_excluded,
) -> ServiceFacts:
    """All that can be read about the service's newest failed or running deployment."""
    since = start_of(stack_events)
    with ConcurrentReads(_THREADS, name="explain", beside_a_failure=True) as reads:
        asked_service = reads.ask("service", lambda: ecs.service(cluster, service_name))
        asked_deployments = reads.ask("deployments", lambda: ecs.newest_deployments(cluster, service_name))
        asked_tasks = reads.ask("tasks", lambda: ecs.service_tasks(cluster, service_name))
        service = reads.take(asked_service, None)
        asked_express = reads.ask("express service", lambda: ecs.express_service(service.arn) if service else None)
        remembered = reads.take(asked_deployments, ())
        deployments = [one for one in remembered if not_before(one.created_at, since)]
        asked_revisions = reads.ask("revisions", lambda: ecs.revisions(_target_arns(remembered)))
        made = service.created_at if service else None  # a deleted service of the same name had tasks of its own
        every_task = tuple(task for task in reads.take(asked_tasks, ()) if not_before(task.created_at, made))
        revisions: Mapping[str, RevisionState] = {one.arn: one for one in reads.take(asked_revisions, ())}
        if service is not None and not remembered and (rollout := rollout_deployment(service)) is not None:
            revisions = rollout_revisions(service)
            deployments = [rollout] if not_before(rollout.created_at, since) else []
            remembered = (rollout,)
        compared = _definitions(reads, ecs, definitions_to_compare(remembered, revisions))
        repaired = bool(deployments) and is_repair(remembered, revisions, compared)
        deployment = deployments[0] if repaired else _to_explain(deployments, revisions, every_task, service)
        revision = revisions.get(deployment.target_revision_arn) if deployment else None
        groups = revision.target_group_arns if revision else ()
        asked_targets = reads.ask("target health", lambda: targets.health(groups) if targets else ())
        start = deployment.created_at if deployment else since
        unreadable = any(gap.startswith("deployments:") for gap in reads.gaps)
        current = RevisionState("", service.task_definition_arn) if service and unreadable else None
        mine = tasks_of_revision(every_task, revision or current, service)
        if revision is None:  # then nothing tells whose a task is: only those made since count
            mine = tuple(task for task in mine if not_before(task.created_at, start))
        worth = _worth_reading(mine)
        definitions = _definitions(reads, ecs, (task.task_definition_arn for task in worth))
        mine = tuple(_marked(task, definitions) for task in mine)
        asked_logs = {
            task.task_id: reads.ask("logs", partial(_tail, logs, _marked(task, definitions), definition))
            for task in worth
            if (definition := definitions.get(task.task_definition_arn)) is not None
        }
        told = {task.task_id: _REFUSED for task in worth if task.task_definition_arn not in definitions}
        told = {**told, **{task_id: reads.take(asked, _REFUSED) for task_id, asked in asked_logs.items()}}
        definition = _definition_of(revision, mine, definitions)
        story = DeploymentFacts(
            cluster=cluster,
            service_name=service_name,
            service=service,
            express=reads.take(asked_express, None),
            deployment=deployment,
            revision=revision,
            tasks=mine,
            events=tuple(one for one in (service.events if service else ()) if not_before(one.created_at, start)),
            logs={task_id: lines for task_id, lines in told.items() if not isinstance(lines, str)},
            unread_logs={task_id: why for task_id, why in told.items() if isinstance(why, str)},
            targets=reads.take(asked_targets, ()),
            stack_events=tuple(stack_events),
            gaps=tuple(reads.gaps),
            definition=definition,
            excluded=excluded_by_container(definition, excluded_from),
        )
        return ServiceFacts(cluster, service_name, datetime.now(UTC), story, tasks=every_task, gaps=story.gaps)


def start_of(stack_events: Sequence[StackEvent]) -> datetime | None:
    """When the stack operation began, where its beginning is among the events; failures alone tell no start."""
    first = next(iter(stack_events), None)
    return first.timestamp if first is not None and not first.failed else None


def _target_arns(deployments: Sequence[DeploymentState]) -> list[str]:
    return list(dict.fromkeys(one.target_revision_arn for one in deployments if one.target_revision_arn))


def _to_explain(
    deployments: Sequence[DeploymentState],
    revisions: Mapping[str, RevisionState],
    tasks: tuple[TaskState, ...],
    service: ServiceState | None,
) -> DeploymentState | None:
    """The newest deployment that has failed, still runs, or lost all its tasks after it had succeeded.

    After a rollback by CloudFormation the newest deployment is the one that restored the old version; the
    one to explain lies behind it.
    """
    for deployment in deployments:
        revision = revisions.get(deployment.target_revision_arn)
        if not deployment.successful or (revision and _all_failed(tasks_of_revision(tasks, revision, service))):
            return deployment
    return next(iter(deployments), None)


def _all_failed(tasks: tuple[TaskState, ...]) -> bool:
    return any(task.failed for task in tasks) and not any(task.running for task in tasks)


def _definitions(reads: ConcurrentReads, ecs: ServiceReads, arns: Iterable[str]) -> dict[str, TaskDefinition]:
    """The task definitions by ARN; what could not be read is left out."""
    asked = {arn: reads.ask("task definition", partial(ecs.task_definition, arn)) for arn in dict.fromkeys(arns) if arn}
    found = {arn: reads.take(future, None) for arn, future in asked.items()}
    return {arn: one for arn, one in found.items() if one is not None}


def _definition_of(
    revision: RevisionState | None, tasks: Sequence[TaskState], definitions: Mapping[str, TaskDefinition]
) -> TaskDefinition | None:
    """What the revision runs; where it is not known, what its tasks run, if they agree."""
    named = {revision.task_definition_arn} if revision else {task.task_definition_arn for task in tasks}
    return definitions.get(named.pop()) if len(named) == 1 else None


def _tail(logs: LogReads, task: TaskState, definition: TaskDefinition) -> tuple[str, ...] | str:
    """The end of the log of the container that ended the task, or of the one that answers for the service; else why
    there is none."""
    culprit = None if task.failed_health_check else culprit_of(task)
    place = definition.log_of(culprit.name if culprit else definition.main_container)
    if place is None:
        return _ELSEWHERE
    lines = logs.tail(place.log_group, place.stream(task.task_id))
    return _GONE if lines is None else lines


def _marked(task: TaskState, definitions: Mapping[str, TaskDefinition]) -> TaskState:
    definition = definitions.get(task.task_definition_arn)
    return definition.marked(task) if definition else task


def _worth_reading(tasks: tuple[TaskState, ...]) -> tuple[TaskState, ...]:
    """The first tasks that failed; a running one where none did (its log may explain its health check)."""
    failed = sorted(
        (task for task in tasks if task.failed), key=lambda task: task.stopped_at.timestamp() if task.stopped_at else 0
    )
    running = [task for task in tasks if task.running]
    return tuple((failed or running)[:_LOGS_READ])
