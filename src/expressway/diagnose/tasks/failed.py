"""What ended failed tasks that no service's current deployment explains; similar tasks share one finding.

They ran in a version that a newer one has replaced, in a deleted service of the same name, or by themselves.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from expressway.aws.values.service import ServiceState, TaskState
from expressway.aws.values.task_definition import TaskDefinition
from expressway.core.clock import not_before
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.facts import DeploymentFacts, ServiceFacts
from expressway.diagnose.finding import Finding, Severity
from expressway.diagnose.messages import evidence_line
from expressway.diagnose.ports import TroubleshootPorts
from expressway.diagnose.service.collect import marked
from expressway.diagnose.service.log_tail import container_log
from expressway.diagnose.service.rules import cause_of_tasks
from expressway.image.context.excluded import ExcludedFrom, excluded_by_container

_NOTHING_LEFT = "Nothing needs to be done unless it happens again; then: "


def alike(tasks: Iterable[TaskState]) -> tuple[tuple[TaskState, ...], ...]:
    """The tasks by service and task definition, in their own order."""
    found: dict[tuple[str, str], list[TaskState]] = defaultdict(list)
    for task in tasks:
        found[task.service_name, task.task_definition_arn].append(task)
    return tuple(map(tuple, found.values()))


def findings_of_groups(
    groups: Iterable[tuple[TaskState, ...]],
    facts: DeploymentFacts,
    *,
    services: Iterable[ServiceState],
    definitions: Mapping[str, TaskDefinition | None],
    excluded_from: ExcludedFrom,
    now: datetime,
) -> tuple[Finding, ...]:
    """What ended each group of similar tasks; `facts` hold the cluster, logs and gaps of all of them."""
    by_name = {service.name: service for service in services}
    found: list[Finding | None] = []
    for group in groups:
        name, definition = group[0].service_name, definitions.get(group[0].task_definition_arn)
        failed = replace(
            facts,
            service_name=name,
            service=by_name.get(name),
            tasks=group,
            definition=definition,
            excluded=excluded_by_container(definition, excluded_from),
        )
        found.append(failed_tasks_finding(failed, now=now))
    return tuple(finding for finding in found if finding is not None)


def failed_tasks_finding(failed: DeploymentFacts, *, now: datetime) -> Finding | None:
    """What ended the tasks, and whether the service has all its tasks again.

    The service of `failed` is None for tasks that were run by themselves, and where it could not be read.
    """
    alone = replace(failed, service=None)
    facts = ServiceFacts(failed.cluster, failed.service_name, now, alone, tasks=failed.tasks, gaps=failed.gaps)
    found = _health_check(failed.tasks) or cause_of_tasks(facts)
    if found is None:
        return None
    number, name = len(failed.tasks), _name(failed.tasks[0].task_definition_arn)
    of = f"{number} task{'' if number == 1 else 's'} of {name} failed"
    is_over = _has_all_tasks(failed.service) and not _was_rolled_back(failed)
    return replace(
        found,
        severity=_severity(failed, is_over=is_over),
        cause=f"{found.cause.removesuffix('.')} ({of}){_since(failed)}.",
        remedy=f"{_NOTHING_LEFT}{found.remedy[:1].lower()}{found.remedy[1:]}" if is_over else found.remedy,
    )


def _is_current(failed: DeploymentFacts) -> bool:
    """Whether the tasks are of what the service is to run now."""
    service, task = failed.service, failed.tasks[0]
    if service is None or task.task_definition_arn != service.task_definition_arn:
        return False
    return not_before(task.created_at, service.created_at)


def _was_rolled_back(failed: DeploymentFacts) -> bool:
    """Whether the tasks are of a newer version than what the service runs."""
    service, task = failed.service, failed.tasks[0]
    if service is None or not not_before(task.created_at, service.created_at):
        return False
    family, number = _revision(task.task_definition_arn)
    runs, running = _revision(service.task_definition_arn)
    return family == runs and number > running


def _health_check(tasks: Sequence[TaskState]) -> Finding | None:
    """All of them were stopped because the load balancer found them unhealthy: no end of their own."""
    if not all(task.failed_health_check for task in tasks):
        return None
    return make_finding(
        code="health_check_failed",
        cause="The health check failed, and ECS stopped what did not pass it.",
        evidence=(evidence_line(tasks[0].stopped_reason),),
        resource=tasks[0].arn,
        confidence="medium",
    )


def _severity(failed: DeploymentFacts, *, is_over: bool) -> Severity:
    if is_over:
        return "info"
    service = failed.service
    down = service is not None and service.status == "ACTIVE" and not service.running_count and service.desired_count
    return "critical" if down and _is_current(failed) else "warning"


def _since(failed: DeploymentFacts) -> str:
    service = failed.service
    if service is None:
        return ""
    if service.status != "ACTIVE":
        return f"; the service {service.name} is {service.status}"
    run = f"{service.running_count} of {service.desired_count} tasks run, of {_name(service.task_definition_arn)}"
    if _was_rolled_back(failed):
        return f"; the service {service.name} went back to an earlier version ({run})"
    return f"; the service {service.name} {'serves now' if _has_all_tasks(service) else 'does not serve'} ({run})"


def _has_all_tasks(service: ServiceState | None) -> bool:
    return service is not None and service.status == "ACTIVE" and 0 < service.desired_count <= service.running_count


def _name(task_definition_arn: str) -> str:
    return task_definition_arn.rsplit("/", 1)[-1]


def _revision(task_definition_arn: str) -> tuple[str, int]:
    family, _, number = _name(task_definition_arn).rpartition(":")
    return family, int(number) if number.isdigit() else 0


_GROUPS_TOLD = 10
_LOGS_READ = 2
_LOG_LINES = 100


def unexplained_failures(
    cluster: str,
    failed: Sequence[TaskState],
    services: Sequence[ServiceState],
    ports: TroubleshootPorts,
    reads: ConcurrentReads,
) -> tuple[Finding, ...]:
    """What ended the tasks, newest first; of tasks that are alike once, of many kinds only the newest."""
    groups = alike(failed)[:_GROUPS_TOLD]
    definition_of = ports.ecs.task_definition
    asked_definitions = {
        arn: reads.ask("task definition", partial(definition_of, arn))
        for arn in dict.fromkeys(group[0].task_definition_arn for group in groups)
    }
    definitions = {arn: reads.take(future, None) for arn, future in asked_definitions.items()}
    marked_groups = [tuple(marked(task, definitions) for task in group) for group in groups]
    places = {
        task.task_id: container_log(definitions[task.task_definition_arn], task)
        for group in marked_groups
        for task in group[:_LOGS_READ]
    }
    asked_logs = {
        task_id: reads.ask("logs", partial(ports.logs.tail_events, *place, limit=_LOG_LINES))
        for task_id, place in places.items()
        if not isinstance(place, str)
    }
    logs = {
        task_id: tuple(one.message for one in reads.take(future, ()) or ()) for task_id, future in asked_logs.items()
    }
    unread = {task_id: place for task_id, place in places.items() if isinstance(place, str)}
    return findings_of_groups(
        marked_groups,
        DeploymentFacts(cluster, "", logs=logs, unread_logs=unread, gaps=tuple(reads.gaps)),
        services=services,
        definitions=definitions,
        excluded_from=ports.excluded_from,
        now=ports.now(),
    )
