"""Find the task definitions of a service, a task, a stack or families, with their tasks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from expressway.aws.values.dependencies import DependencySubject
from expressway.aws.values.service import ServiceState, TaskState
from expressway.cloudformation.stack import EXPRESS_TYPE, STACK_TYPE, parse_service_arn
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.ports import TroubleshootPorts

_TASKS_READ = 100
_DEPLOYMENTS_READ = 3
_FAMILIES_READ = 20
_STACK_DEPTH = 3
_DEFINITION_TYPE = "AWS::ECS::TaskDefinition"
_TYPES = (_DEFINITION_TYPE, "AWS::ECS::Service", EXPRESS_TYPE, STACK_TYPE)


@dataclass(frozen=True, slots=True)
class PullSubject:
    """A task definition, by ARN or family, and the tasks that were made of it."""

    task_definition: str
    subject: DependencySubject
    tasks: tuple[TaskState, ...] = ()


class PullSubjects:
    """Searches that return None where the service, task or stack does not exist."""

    def __init__(self, ports: TroubleshootPorts, reads: ConcurrentReads) -> None:
        self._ports = ports
        self._reads = reads

    def of_service(self, cluster: str, service_name: str) -> tuple[PullSubject, ...] | None:
        """What the service runs, and what its newest deployments were to run."""
        reads = self._reads
        asked = reads.ask("service", lambda: self._services(cluster, service_name))
        asked_stopped = reads.ask("stopped tasks", lambda: self._tasks(cluster, "STOPPED", service_name))
        asked_running = reads.ask("tasks", lambda: self._tasks(cluster, "RUNNING", service_name))
        asked_revisions = reads.ask("deployments", lambda: self._deployed(cluster, service_name))
        found = reads.take_or_stop(asked, None)
        if not found:
            return None if found is not None else ()
        service = found[0]
        definitions = dict.fromkeys((*reads.take(asked_revisions, ()), *_definitions(service)))
        tasks = (*reads.take(asked_running, ()), *reads.take(asked_stopped, ()))
        return tuple(_subject(one, service, tasks) for one in definitions if one)

    def of_task(self, cluster: str, task_id: str) -> tuple[PullSubject, ...] | None:
        """The task definition of one task, running or stopped within the last hour."""
        asked = self._reads.ask("task", lambda: self._task(cluster, task_id))
        tasks = self._reads.take_or_stop(asked, None)
        if not tasks:
            return None if tasks is not None else ()
        task = tasks[0]
        subject = DependencySubject(
            cluster,
            task.service_name or task.task_id,
            task.arn,
            task.task_definition_arn,
            desired_count=1,
            running_count=int(task.running),
            has_failed=task.failed,
            task_statements=_statements(tasks),
        )
        return (PullSubject(task.task_definition_arn, subject, tasks),)

    def of_stack(self, stack_name: str) -> tuple[PullSubject, ...] | None:
        """The task definitions and the services of a stack and those nested in it."""
        asked = self._reads.ask("stack", lambda: self._resources(stack_name, _STACK_DEPTH))
        ids = self._reads.take_or_stop(asked, ())
        if ids is None:
            return None
        found = {one.task_definition: one for one in self._of_services(ids)}
        for arn in ids:
            if ":task-definition/" in arn and arn not in found:
                found[arn] = PullSubject(arn, DependencySubject("", "", arn, arn))
        return tuple(found.values())

    def of_families(self, family_prefix: str) -> tuple[PullSubject, ...]:
        """The newest active revision of every family of that prefix, the first twenty."""
        asked = self._reads.ask("families", lambda: self._ports.ecs.families(family_prefix, limit=_FAMILIES_READ))
        families = self._reads.take_or_stop(asked, ())
        return tuple(PullSubject(one, DependencySubject("", "", one, one)) for one in families)

    def _services(self, cluster: str, service_name: str) -> tuple[ServiceState, ...] | None:
        return self._ports.ecs.services(cluster, [service_name])

    def _task(self, cluster: str, task_id: str) -> tuple[TaskState, ...] | None:
        return self._ports.ecs.tasks(cluster, [task_id])

    def _of_services(self, ids: Sequence[str]) -> Iterator[PullSubject]:
        for arn in ids:
            service = parse_service_arn(arn)
            if service is not None:
                yield from self.of_service(service.cluster, service.name) or ()

    def _resources(self, stack_name: str, depth: int) -> tuple[str, ...] | None:
        ids = self._ports.stacks().resource_ids(stack_name, _TYPES)
        if ids is None or not depth:
            return ids
        nested = [one for one in ids if ":cloudformation:" in one]
        below = [found for one in nested for found in self._resources(one, depth - 1) or ()]
        return (*(one for one in ids if one not in nested), *below)

    def _deployed(self, cluster: str, service_name: str) -> tuple[str, ...]:
        """The task definitions of the newest deployments: after a rollback the service no longer names the failed."""
        briefs = self._ports.ecs.deployment_briefs(cluster, service_name, limit=_DEPLOYMENTS_READ)
        arns = list(dict.fromkeys(one.target_revision_arn for one in briefs if one.target_revision_arn))
        return tuple(one.task_definition_arn for one in self._ports.ecs.revisions(arns)) if arns else ()

    def _tasks(self, cluster: str, desired_status: str, service_name: str) -> tuple[TaskState, ...]:
        arns = self._ports.ecs.task_arns(cluster, desired_status, service_name=service_name)[:_TASKS_READ]
        return self._ports.ecs.tasks(cluster, arns) if arns else ()


def _definitions(service: ServiceState) -> tuple[str, ...]:
    return (service.task_definition_arn, *(one.task_definition_arn for one in service.rollouts))


def _subject(task_definition_arn: str, service: ServiceState, tasks: Sequence[TaskState]) -> PullSubject:
    """A task definition of a service; one that the service no longer runs does not count as serving."""
    own_tasks = tuple(task for task in tasks if task.task_definition_arn == task_definition_arn)
    running = sum(1 for task in own_tasks if task.running)
    is_current = task_definition_arn == service.task_definition_arn
    return PullSubject(
        task_definition_arn,
        DependencySubject(
            service.cluster,
            service.name,
            service.arn,
            task_definition_arn,
            desired_count=service.desired_count if is_current else 1,
            running_count=running,
            has_failed=any(task.failed for task in own_tasks),
            task_statements=_statements(own_tasks),
        ),
        own_tasks,
    )


def _statements(tasks: Sequence[TaskState]) -> tuple[str, ...]:
    texts = (text for one in tasks for text in (*(part.reason for part in one.containers), one.stopped_reason))
    return tuple(dict.fromkeys(text for text in texts if text))
