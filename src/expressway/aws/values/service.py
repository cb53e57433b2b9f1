"""A running service as AWS describes it: service, deployments, revisions, tasks, targets (plain values).

Status words are AWS's own. There is no FAILED among the statuses of a service deployment: every ROLLBACK_*
is a failed deployment (API reference of ServiceDeployment).
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ClusterState:
    """One cluster; counts are AWS's own. `status` is ACTIVE, PROVISIONING, DEPROVISIONING, FAILED or INACTIVE."""

    name: str
    arn: str
    status: str
    running_tasks: int = 0
    pending_tasks: int = 0
    active_services: int = 0
    container_instances: int = 0


FAILED_DEPLOYMENT_STATUSES = frozenset(
    {
        *("ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"),
        *("STOP_REQUESTED", "STOPPED", "FAILED"),
    }
)
"""FAILED is a rollout's own word, for one that the circuit breaker ended without a way back."""
ROLLOUT_PREFIX = "ecs-svc/"
"""How the ids of rollouts and task sets begin; tasks carry them as `started_by`."""
DEFAULT_HEALTH_PATH = "/"
"""What an Express service is asked for where nothing else is said. Source: CreateExpressGatewayService."""
RUNNING_DEPLOYMENT_STATUSES = frozenset({"PENDING", "IN_PROGRESS"})


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """One line of the service scheduler's diary."""

    created_at: datetime | None
    message: str
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Rollout:
    """One of ``deployments`` of DescribeServices, or of its ``taskSets`` where others deploy the service.

    `status` is PRIMARY, ACTIVE or DRAINING, `state` the rollout's own; empty for one that ECS does not steer.
    """

    deployment_id: str
    status: str
    state: str = ""
    state_reason: str = ""
    desired_count: int = 0
    running_count: int = 0
    pending_count: int = 0
    failed_count: int = 0
    task_definition_arn: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ServiceState:
    """What DescribeServices says; `events` newest first, at most the newest 20 unless more were asked for.

    `primary_deployment_id` is the ``ecs-svc/…`` id that tasks of the newest rollout carry as `started_by`;
    `target_group_arns` are those of a plain service's load balancers (an Express one's are its revisions').
    """

    name: str
    arn: str
    cluster: str
    status: str
    desired_count: int = 0
    running_count: int = 0
    pending_count: int = 0
    task_definition_arn: str = ""
    primary_deployment_id: str = ""
    is_express: bool = False
    created_at: datetime | None = None
    events: tuple[ServiceEvent, ...] = ()
    rollouts: tuple[Rollout, ...] = ()
    target_group_arns: tuple[str, ...] = ()
    grace_period_seconds: int = 0
    launch_type: str = ""


@dataclass(frozen=True, slots=True)
class DeploymentState:
    """One service deployment: a target revision on its way in; `rollback_revision_arn` is what it went back to.

    Where only a rollout of DescribeServices is known, `arn` is the service's, and the rollout's id stands for the
    revision.
    """

    arn: str
    status: str
    status_reason: str = ""
    target_revision_arn: str = ""
    requested_count: int = 0
    running_count: int = 0
    pending_count: int = 0
    lifecycle_stage: str = ""
    rollback_reason: str = ""
    rollback_revision_arn: str = ""
    circuit_breaker: str = ""
    triggered_alarms: tuple[str, ...] = ()
    created_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def failed(self) -> bool:
        return self.status in FAILED_DEPLOYMENT_STATUSES

    @property
    def is_rollout(self) -> bool:
        """Not a service deployment that can be stopped, but a rollout."""
        return self.target_revision_arn.startswith(ROLLOUT_PREFIX)

    @property
    def running(self) -> bool:
        return self.status in RUNNING_DEPLOYMENT_STATUSES

    @property
    def successful(self) -> bool:
        return self.status == "SUCCESSFUL"


@dataclass(frozen=True, slots=True)
class ManagedResource:
    """One piece of infrastructure that ECS made for an Express service (`kind` as in ecsManagedResources)."""

    kind: str
    arn: str
    status: str
    status_reason: str = ""


@dataclass(frozen=True, slots=True)
class RevisionState:
    """One service revision: what was to run, and how far its infrastructure got.

    `settings` is alike for two revisions of a service that differ in nothing but their task definitions; empty where
    it is not known. `container_port` is the one that load balancers send requests to, `health_check_path` what they ask
    an Express service for; 0 and empty where that is not known or not one.
    """

    arn: str
    task_definition_arn: str = ""
    images: tuple[str, ...] = ()
    target_group_arns: tuple[str, ...] = ()
    managed_resources: tuple[ManagedResource, ...] = ()
    created_at: datetime | None = None
    settings: str = ""
    container_port: int = 0
    health_check_path: str = ""

    @property
    def revision_id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way in; a PRIVATE one is reachable only from inside its network."""

    address: str
    access_type: str = "PUBLIC"


@dataclass(frozen=True, slots=True)
class ServiceConfiguration:
    """What one active revision of an Express service was asked to run."""

    revision_arn: str = ""
    image: str = ""
    container_port: int = 0
    health_check_path: str = ""
    log_group: str = ""
    log_stream_prefix: str = ""
    execution_role_arn: str = ""
    task_role_arn: str = ""
    task_definition_arn: str = ""
    min_task_count: int = 1
    max_task_count: int = 1
    endpoints: tuple[Endpoint, ...] = ()
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExpressService:
    """What DescribeExpressGatewayService says; `configurations` newest first."""

    arn: str
    name: str
    cluster: str
    status: str
    status_reason: str = ""
    current_deployment_arn: str = ""
    infrastructure_role_arn: str = ""
    configurations: tuple[ServiceConfiguration, ...] = ()

    @property
    def newest(self) -> ServiceConfiguration | None:
        return next(iter(self.configurations), None)

    @property
    def endpoint(self) -> Endpoint | None:
        """The way in that people use: the newest revision's, public before private."""
        endpoints = [
            endpoint
            for configuration in self.configurations
            for endpoint in configuration.endpoints
            if endpoint.address
        ]
        return next(iter(sorted(endpoints, key=lambda endpoint: endpoint.access_type != "PUBLIC")), None)


@dataclass(frozen=True, slots=True)
class ContainerState:
    """One container of a task; `exit_code` is None while it runs, or when it never started.

    `essential` is what its task definition says, where that was read (`TaskDefinition.marked`).
    """

    name: str
    status: str = ""
    image: str = ""
    exit_code: int | None = None
    reason: str = ""
    health: str = "UNKNOWN"
    private_ip: str = ""
    essential: bool = True


@dataclass(frozen=True, slots=True)
class TaskState:
    """One task, running or stopped (ECS remembers stopped ones for about an hour).

    `stopping_at` is when ECS began to stop it, `execution_stopped_at` when its last container had ended.
    """

    arn: str
    status: str
    desired_status: str = ""
    task_definition_arn: str = ""
    started_by: str = ""
    group: str = ""
    health: str = "UNKNOWN"
    stop_code: str = ""
    stopped_reason: str = ""
    containers: tuple[ContainerState, ...] = ()
    created_at: datetime | None = None
    stopped_at: datetime | None = None
    started_at: datetime | None = None
    stopping_at: datetime | None = None
    execution_stopped_at: datetime | None = None

    @property
    def service_name(self) -> str:
        """The service that the task belongs to; empty for one that was run by itself."""
        return self.group.removeprefix("service:") if self.group.startswith("service:") else ""

    @property
    def task_id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    @property
    def running(self) -> bool:
        return self.status == "RUNNING" and self.desired_status != "STOPPED"

    @property
    def pending(self) -> bool:
        """True on the way to RUNNING."""
        return self.status in {"PROVISIONING", "PENDING", "ACTIVATING"} and self.desired_status != "STOPPED"

    @property
    def lifetime_seconds(self) -> float | None:
        """How long it ran; None for one that still does or never did."""
        if self.started_at is None or self.stopped_at is None:
            return None
        return (self.stopped_at - self.started_at).total_seconds()

    @property
    def failed_health_check(self) -> bool:
        return self.status == "STOPPED" and "health check" in self.stopped_reason.lower()

    @property
    def failed(self) -> bool:
        """True for a task that stopped of its own fault; one stopped by scaling or a newer deployment did not."""
        own_fault = self.stop_code in {"TaskFailedToStart", "EssentialContainerExited"}
        return self.status == "STOPPED" and (own_fault or self.failed_health_check)


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """One target of a target group, as the load balancer sees it."""

    target_id: str
    port: int
    state: str
    reason: str = ""
    description: str = ""
    target_group_arn: str = ""


@dataclass(frozen=True, slots=True)
class LogConfiguration:
    """Where a container of a task definition writes its log (awslogs driver).

    `region` is empty where the definition names none; `creates_group` is ``awslogs-create-group``.
    """

    container: str
    log_group: str
    stream_prefix: str = ""
    region: str = ""
    creates_group: bool = False

    def stream(self, task_id: str) -> str:
        """The stream's name as the awslogs driver forms it: prefix/container/task id."""
        return f"{self.stream_prefix}/{self.container}/{task_id}"


def tasks_of_revision(
    tasks: tuple[TaskState, ...], revision: RevisionState | None, service: ServiceState | None
) -> tuple[TaskState, ...]:
    """The tasks that belong to `revision`, so that old ones never count for a new deployment.

    A task carries the id of the rollout that started it (``ecs-svc/…``) and its task definition; two revisions
    may share a task definition, so the id decides where the service's own rollout is known.
    """
    if revision is None:
        return tasks
    carries_ids = any(task.started_by.startswith(ROLLOUT_PREFIX) for task in tasks)
    if carries_ids and revision.arn.startswith(ROLLOUT_PREFIX):
        return tuple(task for task in tasks if task.started_by == revision.arn)
    matching = tuple(task for task in tasks if task.task_definition_arn == revision.task_definition_arn)
    primary = service.primary_deployment_id if service else ""
    same_rollout = service is not None and service.task_definition_arn == revision.task_definition_arn
    if primary and same_rollout and carries_ids:
        return tuple(task for task in matching if task.started_by == primary)
    return matching


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group; `retention_days` is None for one that never expires."""

    name: str
    retention_days: int | None = None


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event of CloudWatch Logs; `message` is what the application wrote."""

    timestamp: datetime
    message: str
    stream: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class LogSearch:
    """The newest events that a search found, oldest first; `complete` is False when older matches were left out."""

    events: tuple[LogEvent, ...] = ()
    complete: bool = True
    group_exists: bool = True
