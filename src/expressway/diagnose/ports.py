"""What troubleshooting asks of the world; the adapters of the same names satisfy these ports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from expressway.diagnose.service.seen import SeenServices
from expressway.image.context.excluded import ExcludedFrom, nothing_excluded

if TYPE_CHECKING:  # models of networks and dependencies are loaded by what reads them
    from expressway.aws.values.log_event import LogEvent, LogSearch
    from expressway.aws.values.service import (
        ClusterState,
        DeploymentState,
        ExpressService,
        RevisionState,
        ServiceState,
        TaskState,
    )
    from expressway.aws.values.target import Target
    from expressway.aws.values.task_definition import TaskDefinition
    from expressway.diagnose.dependencies.ports import DependencyPorts, ImagePullPorts
    from expressway.diagnose.network.ports import NetworkPorts
    from expressway.diagnose.service.ports import TargetReads
    from expressway.diagnose.stack.ports import StackHistoryReads

SERVICES_A_CALL = 10
TASKS_A_CALL = 100


class ServiceStateReads(Protocol):
    """The services of a cluster and their tasks, one round trip a method (aws.ecs.client.Ecs)."""

    def services(self, cluster: str, names: Sequence[str]) -> tuple[ServiceState, ...]: ...
    def task_arns(self, cluster: str, desired_status: str, *, service_name: str = "") -> tuple[str, ...]: ...
    def tasks(self, cluster: str, arns: Sequence[str]) -> tuple[TaskState, ...]: ...
    def deployment_briefs(self, cluster: str, service: str, *, limit: int = 5) -> tuple[DeploymentState, ...]: ...
    def deployments(self, arns: Sequence[str]) -> tuple[DeploymentState, ...]: ...
    def task_definition(self, task_definition: str) -> TaskDefinition | None: ...


class ClusterReads(ServiceStateReads, Protocol):
    """A cluster as a whole, one round trip a method (aws.ecs.client.Ecs)."""

    def cluster(self, name: str) -> ClusterState | None: ...
    def cluster_names(self) -> tuple[str, ...]: ...
    def service_names(self, cluster: str) -> tuple[str, ...]: ...


class ExpressReads(Protocol):
    """The Express side of services (aws.ecs.client.Ecs)."""

    def express_service(self, service_arn: str) -> ExpressService | None: ...
    def revisions(self, revision_arns: Sequence[str]) -> tuple[RevisionState, ...]: ...


class LogSearches(Protocol):
    """Logs with their times (aws.logs.Logs)."""

    def tail_events(self, log_group: str, stream: str, *, limit: int = 60) -> tuple[LogEvent, ...] | None: ...
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
    ) -> LogSearch: ...


@dataclass(frozen=True, kw_only=True)
class ServiceFactPorts:
    """What the facts about one service are read from; `now` gives the present moment in UTC.

    `seen` remembers the services that were asked about, `excluded_from` what this machine kept out of images.
    """

    target: Target | None
    now: Callable[[], datetime]
    cluster: ServiceStateReads
    express: ExpressReads
    logs: LogSearches
    targets: TargetReads | None
    seen: SeenServices = field(default_factory=SeenServices)
    excluded_from: ExcludedFrom = nothing_excluded


@dataclass(frozen=True, kw_only=True)
class TroubleshootPorts(ServiceFactPorts):
    """Everything that the seven actions read. What not every action needs is made when it is asked for."""

    target: Target
    cluster: ClusterReads
    targets: TargetReads
    network: Callable[[], NetworkPorts]
    dependencies: Callable[[], DependencyPorts]
    image_pulls: Callable[[], ImagePullPorts]
    stacks: Callable[[], StackHistoryReads]
