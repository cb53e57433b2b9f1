"""What is known about a deployment: gathered elsewhere, judged here."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from expressway.aws.values.service import (
    ClusterState,
    ContainerState,
    DeploymentState,
    ExpressService,
    LogEvent,
    RevisionState,
    ServiceEvent,
    ServiceState,
    TargetHealth,
    TaskState,
)
from expressway.aws.values.task_definition import MAIN_CONTAINER, ContainerDefinition, TaskDefinition
from expressway.cloudformation.stack import StackEvent
from expressway.diagnose.messages import Statement, mask_user_identifiers
from expressway.image.context.excluded import ExcludedFiles

SIGKILL_EXIT_CODE = 137
_SIGNALLED = frozenset({130, 143})
"""SIGINT and SIGTERM: how a container ends that ECS stops and that does not handle the signal."""
_SENT_BY_A_STOP = _SIGNALLED | {SIGKILL_EXIT_CODE}
_AT_ONCE = timedelta(seconds=1)
"""Within it no stop kills a container: the shortest stopTimeout that makes sense is longer."""
_OUT_OF_MEMORY = re.compile(r"OutOfMemory|killed due to memory usage|out of memory|oom.?kill", re.IGNORECASE)

_OF_MEMORY, _BY_ITSELF, _FINISHED, _KILLED, _TOLD_TO_STOP, _KILLED_LATE = range(6)


def killed_for_memory(text: str) -> bool:
    """Whether ECS's or a container runtime's words say that a container was killed for its memory."""
    return bool(_OUT_OF_MEMORY.search(mask_user_identifiers(text)))


def first_failed_container(task: TaskState) -> ContainerState | None:
    """The container that ended the task; None while it runs, and where it is unknown.

    One that was killed for its memory or exited with an error of its own comes before one that finished, and that
    before those that end as ECS's stop ends them. A container that is not essential ends no task, unless one that
    waits for it (dependsOn) could not start.
    """
    if task.status != "STOPPED":
        return None
    ended = [one for one in task.containers if one.exit_code is not None]
    essential = [one for one in ended if one.essential]
    could_not_start = any(one.exit_code is None and one.reason for one in task.containers)
    if could_not_start or not essential:
        essential = [one for one in essential or ended if _kind(task, one) <= _BY_ITSELF]
    return min(essential, key=lambda one: (_kind(task, one), one.name != MAIN_CONTAINER), default=None)


def other_candidates(first_failed: ContainerState, task: TaskState) -> tuple[ContainerState, ...]:
    """Further essential containers that may have ended first: ECS's facts do not decide it."""
    alike = {_OF_MEMORY, _BY_ITSELF, _KILLED if _kind(task, first_failed) == _FINISHED else _BY_ITSELF}
    ended = (one for one in task.containers if one.essential and one.exit_code is not None)
    return tuple(one for one in ended if one.name != first_failed.name and _kind(task, one) in alike)


def exited_container(task: TaskState) -> ContainerState | None:
    """The container whose own exit ended the task; None where a health check ended it, too."""
    return None if task.failed_health_check else first_failed_container(task)


def telling_reasons(task: TaskState) -> tuple[str, ...]:
    """ECS's reasons for the containers that explain the task, the first that failed first.

    What it says of a container that ended beside it, or that is not essential, is no reason of the task's.
    """
    first_failed = exited_container(task)
    if first_failed is None:
        told = [one for one in task.containers if one.essential or one.exit_code is None]
    else:
        told = [first_failed, *(one for one in task.containers if one.exit_code is None)]
    return tuple(one.reason for one in told if one.reason)


def _kind(task: TaskState, container: ContainerState) -> int:
    code = container.exit_code
    if killed_for_memory(container.reason):
        return _OF_MEMORY
    if code == 0:
        return _FINISHED
    if code not in _SENT_BY_A_STOP:
        return _BY_ITSELF
    if code in _SIGNALLED:
        return _TOLD_TO_STOP
    if task.stopping_at is None or task.execution_stopped_at is None:
        return _KILLED
    return _BY_ITSELF if task.execution_stopped_at - task.stopping_at < _AT_ONCE else _KILLED_LATE


SERVICE_RESOURCE_TYPE = "AWS::ECS::ExpressGatewayService"


def are_expired(tasks: Sequence[TaskState], deployment: DeploymentState | None) -> bool:
    """Whether the deployment failed and ECS has forgotten its tasks, of which `tasks` are those that are known."""
    known = any(task.failed or task.running or task.pending for task in tasks)
    return deployment is not None and deployment.failed and not known


@dataclass(frozen=True, slots=True)
class DeploymentFacts:
    """Everything a rule may look at. Whatever could not be read is empty here and named in `gaps`.

    Attributes:
        state, revision: the newest deployment that has failed or still runs, and its target.
        definition: the task definition that its tasks run.
        tasks: the revision's own tasks, newest first.
        events: the scheduler's events since that deployment began, newest first.
        logs: the end of the log of some of the tasks, by task id, oldest line first; empty where a task wrote none.
        unread_logs: what is known of logs that are not in `logs`, by task id, as in "its log …".
        targets: the revision's targets as the load balancer sees them.
        stack_events: the events of the stack operation that caused the deployment, in order of time.
        gaps: what could not be read and why, one phrase each.
        excluded: what was kept out of the images that its tasks run, by container, as far as this machine knows.
    """

    cluster: str
    service_name: str
    service: ServiceState | None = None
    express: ExpressService | None = None
    state: DeploymentState | None = None
    revision: RevisionState | None = None
    tasks: tuple[TaskState, ...] = ()
    events: tuple[ServiceEvent, ...] = ()
    logs: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    unread_logs: Mapping[str, str] = field(default_factory=dict[str, str])
    targets: tuple[TargetHealth, ...] = ()
    stack_events: tuple[StackEvent, ...] = ()
    gaps: tuple[str, ...] = ()
    definition: TaskDefinition | None = None
    excluded: Mapping[str, ExcludedFiles] = field(default_factory=dict[str, ExcludedFiles])

    @property
    def reasons(self) -> tuple[str, ...]:
        """What the deployment says of its rollback and of its status."""
        texts = (self.state.rollback_reason, self.state.status_reason) if self.state else ()
        return tuple(text for text in texts if text)

    @property
    def failed_tasks(self) -> tuple[TaskState, ...]:
        """Tasks that stopped of their own fault, the first failure first."""
        failed = [task for task in self.tasks if task.failed]
        return tuple(sorted(failed, key=lambda task: task.stopped_at.timestamp() if task.stopped_at else 0.0))

    def log_of(self, task: TaskState) -> tuple[str, ...]:
        """The end of the task's log; empty where it wrote none, and where it was not read."""
        return self.logs.get(task.task_id, ())

    def task_statements(self) -> Iterator[Statement]:
        """What ECS says about why tasks stopped or cannot start, the first failure first."""
        waiting = tuple(task for task in self.tasks if not task.failed and task.status != "STOPPED")
        for task in (*self.failed_tasks, *waiting):
            for reason in telling_reasons(task):
                yield Statement(reason, task.arn)
            if task.stopped_reason:
                yield Statement(task.stopped_reason, task.arn)

    def infrastructure_statements(self) -> Iterator[Statement]:
        """What ECS says about the infrastructure of the revision that has failed or is stuck."""
        resources = self.revision.managed_resources if self.revision else ()
        for resource in sorted(resources, key=lambda one: one.status != "FAILED"):
            if resource.status_reason and resource.status in {"FAILED", "PROVISIONING"}:
                yield Statement(resource.status_reason, resource.arn or resource.kind)

    def service_statements(self) -> Iterator[Statement]:
        """What the scheduler and the service itself say, the oldest event first."""
        for event in reversed(self.events):
            yield Statement(event.message, self.service.arn if self.service else self.service_name)
        if self.express and self.express.status_reason:
            yield Statement(self.express.status_reason, self.express.arn)
        if self.state:
            for text in (self.state.status_reason, self.state.rollback_reason):
                if text:
                    yield Statement(text, self.state.arn)


RECENT = timedelta(hours=24)
"""How long a failed deployment without a successor is current."""


@dataclass(frozen=True, slots=True)
class ExpiredTaskLog:
    """The end of the log of the last task of a deployment whose tasks ECS has forgotten, oldest line first.

    `is_only` says that the container is its task's only one, so that nothing else can have ended it.
    """

    container: str
    lines: tuple[str, ...]
    is_only: bool


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """Everything that the rules about a service may look at. What could not be read is empty, and named in `gaps`.

    Attributes:
        deployment: the deployment to explain: the newest that failed or still runs, else the one that serves.
        tasks: every task of the service that ECS remembers, of any revision.
        log_events: the deployment's logs with their times, by task id, oldest line first.
        now: when the facts were read.
        restored: the deployment's deployment failed, and the service went back to what it ran before.
        expired_task_log: what is left of the deployment's tasks where ECS has forgotten them.
    """

    cluster: str
    service_name: str
    now: datetime
    deployment: DeploymentFacts
    tasks: tuple[TaskState, ...] = ()
    log_events: Mapping[str, tuple[LogEvent, ...]] = field(default_factory=dict[str, tuple[LogEvent, ...]])
    restored: bool = False
    gaps: tuple[str, ...] = field(default=())
    expired_task_log: ExpiredTaskLog | None = None

    @property
    def service(self) -> ServiceState | None:
        return self.deployment.service

    @property
    def definition(self) -> TaskDefinition | None:
        """The task definition that the deployment's tasks run."""
        return self.deployment.definition

    @property
    def resource(self) -> str:
        """The service's ARN, or its name where the ARN is unknown."""
        return self.service.arn if self.service else self.service_name

    def lacks(self, read: str) -> bool:
        """Whether something could not be read, by the name of its gap: nothing is concluded from its absence."""
        return any(gap.startswith(f"{read}:") for gap in self.gaps)

    @property
    def serves(self) -> bool:
        """All wanted tasks run, no target is unhealthy, and no deployment has failed or is in progress."""
        unhealthy = self.has_unhealthy_targets or any(one.running and one.health == "UNHEALTHY" for one in self.tasks)
        return self.has_enough_tasks and self.deployment_is_well and not unhealthy

    @property
    def has_enough_tasks(self) -> bool:
        service = self.service
        return service is not None and service.status == "ACTIVE" and self.running_count >= service.desired_count

    @property
    def running_count(self) -> int:
        """How many tasks run; none where ECS names tasks of which none runs, whatever the service counted.

        Of a service whose tasks crash repeatedly, each is counted for a moment.
        """
        all_read = bool(self.tasks) and not self.lacks("tasks")
        if all_read and not any(task.running for task in self.tasks):
            return 0
        return self.service.running_count if self.service else 0

    @property
    def deployment_is_well(self) -> bool:
        deployment = self.deployment.state
        return deployment is None or deployment.successful

    @property
    def has_unhealthy_targets(self) -> bool:
        return any(target.state == "unhealthy" for target in self.deployment.targets)

    def container_definition(self, name: str) -> ContainerDefinition:
        """What the task definition says of the container; one without any limits where it is not known."""
        containers = self.definition.containers if self.definition else ()
        return next((one for one in containers if one.name == name), ContainerDefinition(name))

    @property
    def is_recent(self) -> bool:
        """Whether the deployment's deployment is of the last day."""
        deployment = self.deployment.state
        moment = (deployment.finished_at or deployment.created_at) if deployment else None
        return moment is None or self.now - moment <= RECENT


@dataclass(frozen=True, slots=True)
class AskedPlace:
    """What was asked for, and what is there instead: the facts behind "no such cluster" and "no such service".

    Attributes:
        place: the account and region that were asked, in words.
        cluster: None when ECS knows none of that name.
        cluster_names, service_names: what there is; None where it may not be listed.
        elsewhere: other clusters that have a service of that name.
        arn: the ARN among the parameters that does not fit; empty where all do.
        foreign: the account and region that it names, where they are others; else empty.
        named_cluster: the cluster that it names, where it is another; else empty.
    """

    place: str
    cluster_name: str
    service_name: str = ""
    cluster: ClusterState | None = None
    service_exists: bool = True
    cluster_names: tuple[str, ...] | None = ()
    service_names: tuple[str, ...] | None = ()
    elsewhere: tuple[str, ...] = ()
    arn: str = ""
    foreign: str = ""
    named_cluster: str = ""
