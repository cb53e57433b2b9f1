"""What the sandbox knows of an Express Mode service: the service, its revisions and its deployments.

Records are shared by the threads that answer requests and the one that deploys; each holds `Service.lock`
while it changes them, and never while it talks to Docker or to another service of the emulator.
"""

import secrets
import threading
from dataclasses import dataclass, field
from typing import Any

from expressway_sandbox import emulator
from expressway_sandbox.services.configuration import Configuration

SERVICE_DEPLOYMENT_END = frozenset({"SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"})


@dataclass(slots=True)
class ManagedResource:
    """One AWS resource that ECS manages for the service; `status` as in ManagedResourceStatus."""

    arn: str = ""
    status: str = "PROVISIONING"
    status_reason: str = ""
    updated_at: float = field(default_factory=emulator.now)

    @property
    def name(self) -> str:
        """The last part of the ARN: the id of a security group."""
        return self.arn.rsplit("/", 1)[-1]

    def mark(self, status: str, reason: str = "", *, arn: str | None = None) -> None:
        self.status = status
        self.status_reason = reason
        self.arn = self.arn if arn is None else arn
        self.updated_at = emulator.now()


@dataclass(slots=True)
class ManagedResources:
    """Everything that ECS set up around the service, as DescribeServiceRevisions lists it."""

    load_balancer: ManagedResource = field(default_factory=ManagedResource)
    load_balancer_security_group: ManagedResource = field(default_factory=ManagedResource)
    certificate: ManagedResource = field(default_factory=ManagedResource)
    listener: ManagedResource = field(default_factory=ManagedResource)
    rule: ManagedResource = field(default_factory=ManagedResource)
    target_groups: list[ManagedResource] = field(default_factory=lambda: [ManagedResource(), ManagedResource()])
    scalable_target: ManagedResource = field(default_factory=ManagedResource)
    scaling_policy: ManagedResource = field(default_factory=ManagedResource)
    metric_alarm: ManagedResource = field(default_factory=ManagedResource)
    service_security_group: ManagedResource = field(default_factory=ManagedResource)
    log_group: ManagedResource = field(default_factory=ManagedResource)


@dataclass(slots=True)
class Revision:
    """A service revision: one configuration with the task definition made from it."""

    arn: str
    configuration: Configuration
    created_at: float
    task_definition_arn: str = ""
    owns_task_definition: bool = True
    container_name: str = "Main"
    container_port: int = 80
    image: str = ""
    image_digest: str | None = None
    target_group_index: int = 0


@dataclass(slots=True)
class ServiceDeployment:
    """A service deployment: the way from one revision to the next, and whether it worked."""

    arn: str
    target: Revision
    source: Revision | None
    created_at: float
    ecs_id: str = field(default_factory=lambda: f"ecs-svc/{secrets.randbelow(10**19):019d}")
    started_at: float | None = None
    finished_at: float | None = None
    stopped_at: float | None = None
    updated_at: float = 0.0
    status: str = "PENDING"
    status_reason: str = ""
    lifecycle_stage: str = "RECONCILE_SERVICE"
    rollback_reason: str = ""
    rollback_started_at: float | None = None
    failed_tasks: int = 0
    breaker_threshold: int = 3
    breaker_triggered: bool = False
    cause: str = ""
    stop_type: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def has_ended(self) -> bool:
        return self.status in SERVICE_DEPLOYMENT_END

    def move(self, status: str, reason: str = "") -> None:
        self.status = status
        self.status_reason = reason or self.status_reason
        self.updated_at = emulator.now()


@dataclass(slots=True)
class ServiceEvent:
    event_id: str
    created_at: float
    message: str


@dataclass(slots=True)
class Service:
    """An Express Mode service of one account, region and cluster."""

    account: str
    region: str
    cluster: str
    name: str
    infrastructure_role_arn: str
    endpoint: str
    access_type: str
    vpc_id: str
    created_at: float
    updated_at: float
    tags: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    status: str = "ACTIVE"
    status_reason: str = ""
    removal_error: str = ""
    resources: ManagedResources = field(default_factory=ManagedResources)
    revisions: list[Revision] = field(default_factory=list[Revision])
    deployments: list[ServiceDeployment] = field(default_factory=list[ServiceDeployment])
    events: list[ServiceEvent] = field(default_factory=list[ServiceEvent])
    active: Revision | None = None
    desired_count: int = 1
    own_log_group: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    pulled_images: set[str] = field(default_factory=set[str])
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def arn(self) -> str:
        return f"arn:aws:ecs:{self.region}:{self.account}:service/{self.cluster}/{self.name}"

    @property
    def cluster_arn(self) -> str:
        return f"arn:aws:ecs:{self.region}:{self.account}:cluster/{self.cluster}"

    @property
    def group(self) -> str:
        """The `group` that ECS gives the tasks of a service."""
        return f"service:{self.name}"

    @property
    def all_security_groups(self) -> list[str]:
        """The security groups of its tasks: those that were given, and the one that ECS manages."""
        managed = self.resources.service_security_group
        return [*self.security_groups, *([managed.name] if managed.arn else [])]

    @property
    def vpc_configuration(self) -> dict[str, Any]:
        """AwsVpcConfiguration of its tasks."""
        return {
            "subnets": list(self.subnets),
            "securityGroups": self.all_security_groups,
            "assignPublicIp": "ENABLED" if self.access_type == "PUBLIC" else "DISABLED",
        }

    @property
    def current(self) -> ServiceDeployment | None:
        """The newest deployment."""
        return self.deployments[-1] if self.deployments else None

    def say(self, message: str) -> None:
        """Record a service event, newest first, as DescribeServices shows them."""
        event = ServiceEvent(_uuid(), emulator.now(), f"(service {self.name}) {message}")
        with self.lock:
            self.events.insert(0, event)
            del self.events[100:]

    def new_revision(self, configuration: Configuration) -> Revision:
        number = secrets.randbelow(10**19)
        arn = f"arn:aws:ecs:{self.region}:{self.account}:service-revision/{self.cluster}/{self.name}/{number:019d}"
        revision = Revision(arn, configuration, emulator.now())
        self.revisions.append(revision)
        return revision

    def new_deployment(self, target: Revision) -> ServiceDeployment:
        token = secrets.token_urlsafe(16)[:21]
        arn = f"arn:aws:ecs:{self.region}:{self.account}:service-deployment/{self.cluster}/{self.name}/{token}"
        deployment = ServiceDeployment(arn, target, self.active, emulator.now(), updated_at=emulator.now())
        self.deployments.append(deployment)
        return deployment


def _uuid() -> str:
    return str(emulator.module("core.responses").new_uuid())
