"""The Express Mode services of the sandbox: each with its revisions and deployments, and the store of all.

Records are shared by the threads that answer requests and the one that deploys; each holds `Service.lock`
while it changes them, and never while it talks to Docker or to another service of the emulator.
"""

import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

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
        event = ServiceEvent(str(uuid4()), emulator.now(), f"(service {self.name}) {message}")
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


_CANCEL_SECONDS = 15.0


class ExpressStore:
    """Services by account, region, cluster and name; INACTIVE ones stay until their name is used again."""

    def __init__(self) -> None:
        self._services: dict[tuple[str, str, str, str], Service] = {}
        self._lock = threading.RLock()

    def add(self, service: Service) -> bool:
        """Keep a new service; False when an ACTIVE or DRAINING one holds the name."""
        key = (service.account, service.region, service.cluster, service.name)
        with self._lock:
            held = self._services.get(key)
            if held is not None and held.status != "INACTIVE":
                return False
            self._services[key] = service
        return True

    def find(self, cluster: str, name: str) -> Service | None:
        """The service of the calling account and region."""
        with self._lock:
            return self._services.get((emulator.account_id(), emulator.region(), cluster, name))

    def by_arn(self, arn: str) -> Service | None:
        return next((service for service in self.here() if service.arn == arn), None)

    def by_endpoint(self, endpoint: str) -> Service | None:
        """The service that answers at an endpoint name, whatever account it belongs to."""
        return next((s for s in self.everywhere() if s.endpoint == endpoint and s.status != "INACTIVE"), None)

    def here(self) -> list[Service]:
        """The services of the calling account and region."""
        account, region = emulator.account_id(), emulator.region()
        return [service for service in self.everywhere() if (service.account, service.region) == (account, region)]

    def everywhere(self) -> list[Service]:
        with self._lock:
            return list(self._services.values())

    def deployment(self, arn: str) -> tuple[Service, ServiceDeployment] | None:
        return next(((found, each) for found in self.here() for each in found.deployments if each.arn == arn), None)

    def revision(self, arn: str) -> tuple[Service, Revision] | None:
        return next(((found, each) for found in self.here() for each in found.revisions if each.arn == arn), None)

    def clear(self) -> None:
        """Forget every service, when their running deployments have noticed that they are cancelled.

        Those would otherwise go on making resources in an account that has just been emptied.
        """
        with self._lock:
            services = list(self._services.values())
            self._services.clear()
        for service in services:
            service.status = "INACTIVE"
            for deployment in service.deployments:
                deployment.cancelled.set()
        deadline = time.monotonic() + _CANCEL_SECONDS
        for deployment in (deployment for service in services for deployment in service.deployments):
            deployment.done.wait(max(0.0, deadline - time.monotonic()))


STORE = ExpressStore()
