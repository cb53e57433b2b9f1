"""A cluster in memory with the ports of troubleshooting over it; any of its reads can be refused."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NoReturn

from expressway.aws.values.service import (
    ClusterState,
    ContainerState,
    DeploymentState,
    Endpoint,
    ExpressService,
    LogConfiguration,
    LogEvent,
    LogSearch,
    RevisionState,
    Rollout,
    ServiceConfiguration,
    ServiceState,
    TargetHealth,
    TaskState,
)
from expressway.aws.values.target import Target
from expressway.aws.values.task_definition import ContainerDefinition, PortMapping, TaskDefinition
from expressway.diagnose.ports import TroubleshootPorts
from expressway.errors import TargetError
from expressway.image.context.excluded import ExcludedFrom, nothing_excluded
from tests.aws.ecs.fakes import ACCOUNT, START, arn

NOW = START + timedelta(minutes=30)
REGION = "us-east-1"
LOG_GROUP = "/anything/at-all"


@dataclass
class ServiceWorld:
    """All that AWS says about one service."""

    state: ServiceState
    express: ExpressService | None = None
    deployments: tuple[DeploymentState, ...] = ()
    revisions: tuple[RevisionState, ...] = ()
    tasks: tuple[TaskState, ...] = ()
    targets: tuple[TargetHealth, ...] = ()
    definition: TaskDefinition | None = None
    other_definitions: tuple[TaskDefinition, ...] = ()


@dataclass
class ClusterWorld:
    """Clusters with services; `denied` names reads that AWS refuses, `fails_with` the code of every refusal.

    What is around the services (network, dependencies, stacks) is always refused, and so becomes gaps.
    """

    services: dict[str, ServiceWorld] = field(default_factory=dict[str, ServiceWorld])
    clusters: dict[str, ClusterState] = field(
        default_factory=lambda: {
            "default": ClusterState("default", f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/default", "ACTIVE")
        }
    )
    log: dict[str, tuple[LogEvent, ...]] = field(default_factory=dict[str, tuple[LogEvent, ...]])
    groups: set[str] = field(default_factory=lambda: {LOG_GROUP})
    denied: set[str] = field(default_factory=set[str])
    denied_groups: set[str] = field(default_factory=set[str])
    unknown_families: set[str] = field(default_factory=set[str])
    fails_with: str = "access_denied"
    excluded_from: ExcludedFrom = nothing_excluded
    calls: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])

    # -- the ports ------------------------------------------------------------------------------------------
    def ports(self) -> TroubleshootPorts:
        return TroubleshootPorts(
            target=Target(ACCOUNT, REGION),
            now=lambda: NOW,
            ecs=_Clusters(self),
            logs=self,
            targets=self,
            network=self._nothing_around,
            dependencies=self._nothing_around,
            stacks=self._nothing_around,
            excluded_from=self.excluded_from,
        )

    def _nothing_around(self) -> NoReturn:
        raise TargetError("access_denied", "AWS did not describe what is around it", "Ask for the permission.")

    def _read(self, name: str, asked: Any = None) -> None:
        self.calls.append((name, asked))
        if name in self.denied:
            raise TargetError(self.fails_with, f"AWS did not answer {name}: not authorized", "Ask for the permission.")

    def asked(self, name: str) -> list[Any]:
        return [what for called, what in self.calls if called == name]

    # -- clusters -------------------------------------------------------------------------------------------
    def cluster(self, name: str) -> ClusterState | None:
        self._read("cluster", name)
        return self.clusters.get(name)

    def cluster_names(self) -> tuple[str, ...]:
        self._read("cluster_names")
        return tuple(self.clusters)

    def service_names(self, cluster: str) -> tuple[str, ...]:
        self._read("service_names", cluster)
        return tuple(name for name, one in self.services.items() if one.state.cluster == cluster)

    def services_of(self, cluster: str, names: Sequence[str]) -> tuple[ServiceState, ...]:
        self._read("services", tuple(names))
        assert len(names) <= 10
        found = (self.services[name].state for name in names if name in self.services)
        return tuple(one for one in found if one.cluster == cluster)

    def task_arns(self, cluster: str, desired_status: str, *, service_name: str = "") -> tuple[str, ...]:
        self._read("task_arns", (desired_status, service_name))
        return tuple(
            task.arn
            for name, one in self.services.items()
            for task in one.tasks
            if one.state.cluster == cluster and service_name in {"", name} and task.desired_status == desired_status
        )

    def tasks(self, cluster: str, arns: Sequence[str]) -> tuple[TaskState, ...]:
        self._read("tasks", tuple(arns))
        assert len(arns) <= 100
        return tuple(
            task for one in self.services.values() for task in one.tasks if {task.arn, task.task_id} & set(arns)
        )

    def deployment_briefs(self, cluster: str, service: str, *, limit: int = 5) -> tuple[DeploymentState, ...]:
        self._read("deployment_briefs", service)
        found = self.services[service].deployments[:limit] if service in self.services else ()
        return tuple(replace(one, rollback_reason="", triggered_alarms=(), circuit_breaker="") for one in found)

    def deployments(self, arns: Sequence[str]) -> tuple[DeploymentState, ...]:
        self._read("deployments", tuple(arns))
        return tuple(one for each in self.services.values() for one in each.deployments if one.arn in arns)

    def task_definition(self, arn_or_family: str) -> TaskDefinition | None:
        self._read("task_definition", arn_or_family)
        if arn_or_family in self.unknown_families:
            raise TargetError("aws_error", "Unable to describe task definition.", "See the AWS error code.")
        every = [each for one in self.services.values() for each in (one.definition, *one.other_definitions) if each]
        newest = [one for one in every if one.arn.rpartition(":")[0].endswith(f"/{arn_or_family}")]
        return next((one for one in (*every, *newest) if one.arn == arn_or_family or one in newest), None)

    def families(self, family_prefix: str, *, limit: int) -> tuple[str, ...]:
        self._read("families", family_prefix)
        arns = [one.definition.arn for one in self.services.values() if one.definition]
        named = dict.fromkeys(arn.rpartition("/")[2].partition(":")[0] for arn in arns)
        return tuple(name for name in named if name.startswith(family_prefix))[:limit]

    def express_service(self, service_arn: str) -> ExpressService | None:
        self._read("express_service", service_arn)
        return next((one.express for one in self.services.values() if one.state.arn == service_arn), None)

    def revisions(self, revision_arns: Sequence[str]) -> tuple[RevisionState, ...]:
        self._read("revisions", tuple(revision_arns))
        return tuple(one for each in self.services.values() for one in each.revisions if one.arn in revision_arns)

    # -- logs and targets -----------------------------------------------------------------------------------
    def tail_events(self, log_group: str, stream: str, *, limit: int = 60) -> tuple[LogEvent, ...]:
        self._read("tail_events", (log_group, stream))
        return self.log.get(stream, ())[-limit:]

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
        self._read("search", (log_group, tuple(streams), stream_prefix, pattern))
        if log_group in self.denied_groups:
            raise TargetError("access_denied", f"AWS did not search the log {log_group}", "Ask for the permission.")
        if log_group not in self.groups:
            return LogSearch(group_exists=False)
        matching = [
            event
            for stream, events in self.log.items()
            for event in events
            if (not streams or stream in streams)
            and stream.startswith(stream_prefix)
            and pattern in event.message
            and start <= event.timestamp <= end
        ]
        return LogSearch(tuple(matching[-limit:]), complete=len(matching) <= limit)

    def health(self, target_group_arns: Sequence[str]) -> tuple[TargetHealth, ...]:
        self._read("health", tuple(target_group_arns))
        return tuple(
            one for each in self.services.values() for one in each.targets if one.target_group_arn in target_group_arns
        )

    def write(self, task: TaskState, *lines: str, container: str = "Main") -> None:
        """Let a container of the task have written these lines, one a second from its start."""
        began = task.started_at or task.created_at or START
        stream = f"app/{container}/{task.task_id}"
        self.log[stream] = tuple(
            LogEvent(began + timedelta(seconds=number), line, stream, LOG_GROUP) for number, line in enumerate(lines, 1)
        )


class _Clusters:
    """The port of clusters over a world, whose own `services` are a dictionary."""

    def __init__(self, world: ClusterWorld) -> None:
        self.cluster = world.cluster
        self.cluster_names = world.cluster_names
        self.service_names = world.service_names
        self.services = world.services_of
        self.task_arns = world.task_arns
        self.tasks = world.tasks
        self.deployment_briefs = world.deployment_briefs
        self.deployments = world.deployments
        self.task_definition = world.task_definition
        self.express_service = world.express_service
        self.revisions = world.revisions
        self.families = world.families


def healthy(name: str = "web", *, cluster: str = "default", count: int = 1) -> ServiceWorld:
    """An Express service that serves: one successful deployment, all tasks running, all targets healthy."""
    definition = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/default-{name}:1"
    group = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/{name}/1"
    service_arn = arn(cluster, name)
    return ServiceWorld(
        state=ServiceState(
            name,
            service_arn,
            cluster,
            "ACTIVE",
            desired_count=count,
            running_count=count,
            task_definition_arn=definition,
            primary_deployment_id=f"ecs-svc/{name}1",
            is_express=True,
            rollouts=(Rollout(f"ecs-svc/{name}1", "PRIMARY", "COMPLETED", desired_count=count, running_count=count),),
        ),
        express=ExpressService(
            service_arn,
            name,
            cluster,
            "ACTIVE",
            configurations=(
                ServiceConfiguration(
                    f"{name}/rev/1",
                    container_port=8080,
                    health_check_path="/healthz",
                    endpoints=(Endpoint("e.on.aws"),),
                ),
            ),
        ),
        deployments=(
            DeploymentState(f"{name}/d/1", "SUCCESSFUL", target_revision_arn=f"{name}/rev/1", created_at=START),
        ),
        revisions=(RevisionState(f"{name}/rev/1", definition, target_group_arns=(group,)),),
        tasks=tuple(running(name, number) for number in range(1, count + 1)),
        targets=tuple(
            TargetHealth(f"10.0.0.{number}", 8080, "healthy", target_group_arn=group) for number in range(1, count + 1)
        ),
        definition=TaskDefinition(
            definition,
            "ACTIVE",
            frozenset({"FARGATE"}),
            (ContainerDefinition("Main", (PortMapping("main", 8080),), "registry.example/web:1"),),
            memory_mib=512,
            log_configurations=(LogConfiguration("Main", LOG_GROUP, "app"),),
        ),
    )


def running(name: str, number: int) -> TaskState:
    return TaskState(
        arn=f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/default/{name}-{number}",
        status="RUNNING",
        desired_status="RUNNING",
        task_definition_arn=f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/default-{name}:1",
        started_by=f"ecs-svc/{name}1",
        group=f"service:{name}",
        containers=(ContainerState("Main", "RUNNING"),),
        created_at=START + timedelta(seconds=number),
        started_at=START + timedelta(seconds=number + 1),
    )


def crashed(name: str, number: int, *, exit_code: int | None = 1, reason: str = "") -> TaskState:
    return replace(
        running(name, number),
        status="STOPPED",
        desired_status="STOPPED",
        stop_code="EssentialContainerExited",
        stopped_reason="Essential container in task exited",
        containers=(ContainerState("Main", "STOPPED", exit_code=exit_code, reason=reason),),
        stopped_at=START + timedelta(seconds=number + 3),
    )


def crashing(name: str = "web", *, tasks: int = 3, exit_code: int = 1) -> ServiceWorld:
    """An Express service whose first deployment failed: its tasks ended by themselves, the circuit breaker ended it."""
    made = healthy(name)
    made.state = replace(
        made.state,
        running_count=0,
        rollouts=(Rollout(f"ecs-svc/{name}1", "PRIMARY", "FAILED", desired_count=1, failed_count=tasks),),
    )
    made.deployments = (
        replace(
            made.deployments[0],
            status="ROLLBACK_FAILED",
            circuit_breaker="TRIGGERED",
            rollback_reason="Service deployment rolled back because the circuit breaker threshold was exceeded.",
        ),
    )
    made.tasks = tuple(crashed(name, number, exit_code=exit_code) for number in range(tasks, 0, -1))
    made.targets = ()
    return made
