"""An ECS in memory whose services change as the test's clock moves on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from expressway.aws.values.service import (
    ROLLOUT_PREFIX,
    ContainerState,
    DeploymentState,
    Endpoint,
    ExpressService,
    LogConfiguration,
    LogEvent,
    LogSearch,
    RevisionState,
    ServiceConfiguration,
    ServiceState,
    TargetHealth,
    TaskState,
)
from expressway.aws.values.task_definition import ContainerDefinition, PortMapping, TaskDefinition
from expressway.errors import ServiceError, TargetError

ACCOUNT = "000000000000"
START = datetime(2026, 11, 1, 12, tzinfo=UTC)
ENDPOINT = "ex-0123.ecs.us-east-1.on.aws"


def arn(cluster: str, name: str) -> str:
    return f"arn:aws:ecs:us-east-1:{ACCOUNT}:service/{cluster}/{name}"


@dataclass
class ManualClock:
    """A clock that only moves when somebody sleeps."""

    now: float = 0.0
    sleeps: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


def running_task(number: int = 1, *, revision: int = 1, health: str = "UNKNOWN", ip: str = "") -> TaskState:
    return TaskState(
        arn=f"arn:aws:ecs:us-east-1:{ACCOUNT}:task/default/t{number}",
        status="RUNNING",
        desired_status="RUNNING",
        task_definition_arn=f"td:{revision}",
        started_by=f"ecs-svc/{revision}",
        group="service:web",
        health=health,
        containers=(ContainerState("Main", "RUNNING", health=health, private_ip=ip),),
        created_at=START,
    )


def crashed_task(number: int = 1, *, revision: int = 1, exit_code: int = 1) -> TaskState:
    return replace(
        running_task(number, revision=revision),
        status="STOPPED",
        desired_status="STOPPED",
        stop_code="EssentialContainerExited",
        stopped_reason="Essential container in task exited",
        containers=(ContainerState("Main", "STOPPED", exit_code=exit_code),),
        stopped_at=START + timedelta(seconds=number),
    )


@dataclass
class World:
    """One service of one cluster. `at` schedules changes; `denied` names reads that AWS refuses."""

    clock: ManualClock = field(default_factory=ManualClock)
    cluster: str = "default"
    name: str = "web"
    clusters: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"default": ("web",)})
    state: ServiceState | None = None
    express: ExpressService | None = None
    deployment: tuple[DeploymentState, ...] = ()
    revision: tuple[RevisionState, ...] = (RevisionState("rev/1", "td:1"), RevisionState("rev/2", "td:2"))
    task: tuple[TaskState, ...] = ()
    target: tuple[TargetHealth, ...] = ()
    log: dict[str, tuple[str, ...]] = field(default_factory=dict)
    log_group_is_gone: bool = False
    definitions: dict[str, TaskDefinition] = field(default_factory=dict[str, TaskDefinition])
    denied: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    url_status: int | None = 200
    fetched: list[str] = field(default_factory=list)
    patience: list[float] = field(default_factory=list[float])
    schedule: list[tuple[float, Callable[["World"], None]]] = field(default_factory=list)
    draining_seconds: float = 2.0
    refuses_delete: str = ""
    restarted: int = 0
    restart_seconds: float = 30.0
    restart_ends: str = "SUCCESSFUL"

    def at(self, seconds: float, change: Callable[["World"], None]) -> None:
        self.schedule.append((seconds, change))

    def _read(self, name: str) -> None:
        due = [one for one in self.schedule if one[0] <= self.clock.now]
        self.schedule = [one for one in self.schedule if one[0] > self.clock.now]
        for _, change in due:
            change(self)
        self.calls.append(name)
        if name in self.denied:
            raise TargetError("access_denied", f"AWS did not {name}: not authorized", "Ask for the permission.")
        if self.broken:
            raise TargetError(self.broken.pop(0), "no answer", "")

    # -- ECS ------------------------------------------------------------------------------------------------
    def cluster_exists(self, cluster: str) -> bool:
        self._read("cluster_exists")
        return cluster in self.clusters

    def cluster_names(self) -> tuple[str, ...]:
        self._read("cluster_names")
        return tuple(self.clusters)

    def service_names(self, cluster: str) -> tuple[str, ...]:
        self._read("service_names")
        return self.clusters.get(cluster, ())

    def service(self, cluster: str, service_name: str) -> ServiceState | None:
        self._read("service")
        return self.state if (cluster, service_name) == (self.cluster, self.name) else None

    def express_service(self, service_arn: str) -> ExpressService | None:
        self._read("express_service")
        return self.express if self.express and self.express.arn == service_arn else None

    def newest_deployments(self, cluster: str, service: str, *, limit: int = 5) -> tuple[DeploymentState, ...]:
        self._read("deployments")
        return self.deployment[:limit]

    def revisions(self, revision_arns: Sequence[str]) -> tuple[RevisionState, ...]:
        self._read("revisions")
        if rollouts := [one for one in revision_arns if one.startswith(ROLLOUT_PREFIX)]:
            raise TargetError("aws_error", f"InvalidParameterException: {rollouts} are no ARNs of revisions.", "")
        return tuple(one for one in self.revision if one.arn in revision_arns)

    def service_tasks(self, cluster: str, service_name: str) -> tuple[TaskState, ...]:
        self._read("tasks")
        return self.task

    def services(self, cluster: str, names: Sequence[str]) -> tuple[ServiceState, ...]:
        found = [self.service(cluster, name) for name in names]
        return tuple(one for one in found if one is not None)

    def task_arns(self, cluster: str, desired_status: str, *, service_name: str = "") -> tuple[str, ...]:
        self._read("tasks")
        return tuple(one.arn for one in self.task if (one.status == "STOPPED") is (desired_status == "STOPPED"))

    def tasks(self, cluster: str, arns: Sequence[str]) -> tuple[TaskState, ...]:
        self._read("tasks")
        return tuple(one for one in self.task if one.arn in arns)

    def deployment_briefs(self, cluster: str, service: str, *, limit: int = 5) -> tuple[DeploymentState, ...]:
        return self.newest_deployments(cluster, service, limit=limit)

    def deployments(self, arns: Sequence[str]) -> tuple[DeploymentState, ...]:
        self._read("deployments")
        return tuple(one for one in self.deployment if one.arn in arns)

    def task_definition(self, task_definition: str) -> TaskDefinition | None:
        self._read("task_definition")
        return self.definitions.get(task_definition) or TaskDefinition(
            task_definition,
            "ACTIVE",
            frozenset({"FARGATE"}),
            (ContainerDefinition("Main", (PortMapping("main", 8080),), log_driver="awslogs"),),
            log_configurations=(LogConfiguration("Main", "/expressway/web", "app"),),
        )

    def delete_express_service(self, service_arn: str) -> None:
        self._read("delete_express_service")
        if self.refuses_delete:
            raise ServiceError("service_delete_refused", self.refuses_delete, "")
        self.drain()

    def restart(self, cluster: str, service_arn: str) -> None:
        """A new deployment of the same version, whose task replaces the others after `restart_seconds`."""
        self._read("restart")
        assert self.state is not None
        number = len(self.deployment) + 1
        self.restarted += 1
        self.deployment = (deployment("IN_PROGRESS", revision=number), *self.deployment)
        self.revision = (*self.revision, RevisionState(f"rev/{number}", f"td:{number}"))
        self.at(self.clock.now + self.restart_seconds, self.end_restart)

    def end_restart(self, _: "World") -> None:
        assert self.state is not None
        number = len(self.deployment)
        ended = replace(self.deployment[0], status=self.restart_ends)
        self.deployment = (ended, *self.deployment[1:])
        if ended.successful:
            definition = {"primary_deployment_id": f"ecs-svc/{number}", "task_definition_arn": f"td:{number}"}
            self.state = replace(self.state, **definition)  # type: ignore[arg-type]
            self.task = (running_task(100 + number, revision=number),)

    def drain(self) -> None:
        assert self.state is not None
        self.state = replace(self.state, status="DRAINING")
        self.at(self.clock.now + self.draining_seconds, World.go)

    def go(self) -> None:
        assert self.state is not None
        self.state = replace(self.state, status="INACTIVE")
        self.clusters[self.cluster] = ()

    # -- logs, targets, URL ---------------------------------------------------------------------------------
    def tail_events(self, log_group: str, stream: str, *, limit: int = 60) -> tuple[LogEvent, ...] | None:
        self._read("tail")
        if self.log_group_is_gone:
            return None
        assert (log_group, stream.rsplit("/", 1)[0]) == ("/expressway/web", "app/Main")
        return tuple(LogEvent(START, line, stream) for line in self.log.get(stream.rsplit("/", 1)[-1], ()))

    def search(
        self,
        log_group: str,
        *,
        start: datetime,
        end: datetime,
        streams: Sequence[str] = (),
        stream_prefix: str = "",
        pattern: str = "",
        limit: int = 200,
    ) -> LogSearch:
        self._read("search")
        return LogSearch(())

    def health(self, target_group_arns: Sequence[str]) -> tuple[TargetHealth, ...]:
        self._read("health")
        return self.target

    def url(self, endpoint: str) -> str:
        return f"https://{endpoint}/"

    def fetch(self, endpoint: str, *, path: str = "/", timeout_seconds: float = 5.0) -> "Answer":
        self._read("fetch")
        self.fetched.append(path)
        self.patience.append(timeout_seconds)
        return Answer(f"https://{endpoint}{path}", self.url_status)


@dataclass(frozen=True)
class Answer:
    url: str
    status: int | None
    elapsed_seconds: float = 0.01
    error: str = "connection refused"

    @property
    def answers(self) -> bool:
        return self.status is not None and self.status not in {502, 503, 504}


def deployed_world(status: str = "SUCCESSFUL", *, revision: int = 1) -> World:
    """A service with one deployment of the given status and one running task of its revision."""
    world = World()
    world.state = ServiceState(
        "web",
        arn("default", "web"),
        "default",
        "ACTIVE",
        desired_count=1,
        running_count=1,
        task_definition_arn=f"td:{revision}",
        primary_deployment_id=f"ecs-svc/{revision}",
        is_express=True,
    )
    world.express = ExpressService(
        arn("default", "web"),
        "web",
        "default",
        "ACTIVE",
        configurations=(
            ServiceConfiguration(
                f"rev/{revision}",
                image="000000000000.dkr.ecr.us-east-1.amazonaws.com/web-repo@sha256:" + "a" * 64,
                container_port=8080,
                health_check_path="/healthz",
                endpoints=(Endpoint(ENDPOINT),),
            ),
        ),
        infrastructure_role_arn=f"arn:aws:iam::{ACCOUNT}:role/web-express-infrastructure",
    )
    world.deployment = (deployment(status, revision=revision),)
    world.task = (running_task(revision=revision),)
    return world


def deployment(status: str, *, revision: int = 1, **changes: object) -> DeploymentState:
    made = DeploymentState(
        f"deployment/{revision}",
        status,
        target_revision_arn=f"rev/{revision}",
        requested_count=1,
        running_count=1,
        created_at=START,
    )
    return replace(made, **changes)  # type: ignore[arg-type]
