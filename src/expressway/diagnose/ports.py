"""What diagnosis reads; the clients and fakes of the same shapes satisfy these Protocols.

Every method raises TargetError where the read is refused. What does not exist is None or left out. No method reads the
value of a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from expressway.diagnose.service_cache import ServiceCache
from expressway.image.context.excluded import ExcludedFrom, nothing_excluded

if TYPE_CHECKING:  # loaded by the actions that need these values
    from expressway.aws.values.dependencies import AlarmFact, QuotaFact, ScalingFact
    from expressway.aws.values.network import (
        Endpoint,
        InternetGateway,
        LoadBalancer,
        NatGateway,
        NetworkAcl,
        NetworkInterface,
        PrefixList,
        RouteTable,
        SecurityGroup,
        ServicePlacement,
        Subnet,
        TargetGroup,
        Vpc,
    )
    from expressway.aws.values.service import (
        ClusterState,
        DeploymentState,
        ExpressService,
        LogEvent,
        LogSearch,
        RevisionState,
        ServiceState,
        TargetHealth,
        TaskState,
    )
    from expressway.aws.values.target import Target
    from expressway.aws.values.task_definition import TaskDefinition
    from expressway.cloudformation.history import StackHistory
    from expressway.core.concurrent_reads import ConcurrentReads
    from expressway.image.ports import ImageRegistry, RepositoryReads
    from expressway.plan.ports import Identities, LogGroups, Secrets

SERVICES_A_CALL = 10
TASKS_A_CALL = 100
REVISIONS_A_CALL = 20
DnsAttribute = Literal["enableDnsSupport", "enableDnsHostnames"]


class EcsReads(Protocol):
    """Clusters with their services, tasks, deployments and revisions, one round trip a method (aws.ecs.client.Ecs)."""

    def cluster(self, name: str) -> ClusterState | None: ...
    def cluster_names(self) -> tuple[str, ...]: ...
    def service_names(self, cluster: str) -> tuple[str, ...]: ...
    def services(self, cluster: str, names: Sequence[str]) -> tuple[ServiceState, ...]: ...
    def task_arns(self, cluster: str, desired_status: str, *, service_name: str = "") -> tuple[str, ...]: ...
    def tasks(self, cluster: str, arns: Sequence[str]) -> tuple[TaskState, ...]: ...
    def deployment_briefs(self, cluster: str, service: str, *, limit: int = 5) -> tuple[DeploymentState, ...]: ...
    def deployments(self, arns: Sequence[str]) -> tuple[DeploymentState, ...]: ...
    def revisions(self, revision_arns: Sequence[str]) -> tuple[RevisionState, ...]: ...
    def task_definition(self, task_definition: str) -> TaskDefinition | None: ...
    def express_service(self, service_arn: str) -> ExpressService | None: ...
    def families(self, family_prefix: str, *, limit: int) -> tuple[str, ...]: ...
    def placements(self, cluster: str, names: Sequence[str]) -> tuple[ServicePlacement, ...]: ...
    def newest_revision_arn(self, cluster: str, service: str) -> str: ...
    def revision_placements(self, revision_arns: Sequence[str]) -> Mapping[str, ServicePlacement]: ...
    def interface_ids(self, cluster: str) -> tuple[str, ...]: ...


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


class LoadBalancerReads(Protocol):
    """Load balancers, their rules, and target groups with the health of their targets (aws.elbv2.LoadBalancers)."""

    def health(self, target_group_arns: Sequence[str]) -> tuple[TargetHealth, ...]: ...
    def load_balancers(self, arns: Sequence[str]) -> tuple[LoadBalancer, ...]: ...
    def load_balancers_of(self, vpc_ids: Sequence[str]) -> tuple[LoadBalancer, ...]: ...
    def target_groups(self, arns: Sequence[str]) -> tuple[TargetGroup, ...]: ...
    def missing_rules(self, rule_arns: Sequence[str]) -> tuple[str, ...]: ...


class NetworkReads(Protocol):
    """VPCs and what is in them (aws.ec2.client.Network)."""

    def vpcs(self, vpc_ids: Sequence[str]) -> tuple[Vpc, ...]: ...
    def dns_attribute(self, vpc_id: str, attribute: DnsAttribute) -> bool | None: ...
    def subnets(self, subnet_ids: Sequence[str]) -> tuple[Subnet, ...]: ...
    def subnets_of(self, vpc_ids: Sequence[str]) -> tuple[Subnet, ...]: ...
    def security_groups(self, group_ids: Sequence[str]) -> tuple[SecurityGroup, ...]: ...
    def default_groups(self, vpc_ids: Sequence[str]) -> tuple[SecurityGroup, ...]: ...
    def route_tables(self, vpc_ids: Sequence[str]) -> tuple[RouteTable, ...]: ...
    def network_acls(self, vpc_ids: Sequence[str]) -> tuple[NetworkAcl, ...]: ...
    def endpoints(self, vpc_ids: Sequence[str]) -> tuple[Endpoint, ...]: ...
    def nat_gateways(self, vpc_ids: Sequence[str]) -> tuple[NatGateway, ...]: ...
    def internet_gateways(self, vpc_ids: Sequence[str]) -> tuple[InternetGateway, ...]: ...
    def network_interfaces(self, interface_ids: Sequence[str]) -> tuple[NetworkInterface, ...]: ...
    def prefix_lists(self, prefix_list_ids: Sequence[str]) -> tuple[PrefixList, ...]: ...


class StackHistoryReads(Protocol):
    """Histories and resources of stacks (cloudformation.history_reader.StackHistories)."""

    def history(self, stack_name_or_id: str) -> StackHistory | None: ...
    def names(self) -> tuple[str, ...]: ...
    def deleted_id(self, stack_name: str) -> str: ...
    def resource_ids(self, stack_name: str, resource_types: Sequence[str]) -> tuple[str, ...] | None: ...


@dataclass(frozen=True, slots=True)
class NetworkPorts:
    """What the network of a cluster is read through; `region` is the target's."""

    region: str
    ecs: EcsReads
    network: NetworkReads
    load_balancers: LoadBalancerReads


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyPorts:
    """What the dependencies of a service are read through.

    `scaling` takes cluster and service, `alarms` names; `quotas` gives those that Fargate tasks count against.
    """

    target: Target
    task_definition: Callable[[str], TaskDefinition | None]
    images: ImageRegistry
    repositories: RepositoryReads
    roles: Identities
    secrets: Secrets
    log_groups: LogGroups
    scaling: Callable[[str, str], ScalingFact | None]
    alarms: Callable[[Sequence[str]], tuple[AlarmFact, ...]]
    quotas: Callable[[], tuple[QuotaFact, ...]]


@dataclass(frozen=True, kw_only=True)
class ServiceFactPorts:
    """What the facts about one service are read from; `now` gives the present moment in UTC.

    `cache` remembers what cannot change any more, `excluded_from` what this machine kept out of images.
    """

    target: Target | None
    now: Callable[[], datetime]
    ecs: EcsReads
    logs: LogSearches
    targets: LoadBalancerReads | None
    cache: ServiceCache = field(default_factory=ServiceCache)
    excluded_from: ExcludedFrom = nothing_excluded


@dataclass(frozen=True, kw_only=True)
class TroubleshootPorts(ServiceFactPorts):
    """Everything that the seven actions read. What not every action needs is made when it is asked for."""

    target: Target
    targets: LoadBalancerReads
    network: Callable[[], NetworkPorts]
    dependencies: Callable[[], DependencyPorts]
    stacks: Callable[[], StackHistoryReads]

    def cluster_tasks(self, cluster: str, desired_status: str) -> tuple[TaskState, ...]:
        """Every task of the cluster that ECS remembers in that status, the newest stop first."""
        arns = self.ecs.task_arns(cluster, desired_status)
        found = [task for some in batches(arns, TASKS_A_CALL) for task in self.ecs.tasks(cluster, some)]
        return tuple(
            sorted(found, key=lambda task: task.stopped_at.timestamp() if task.stopped_at else 0.0, reverse=True)
        )

    def described_services(
        self, cluster: str, names: Sequence[str], reads: ConcurrentReads
    ) -> tuple[ServiceState, ...]:
        """The services of these names, described in parallel; what is refused is a gap."""
        asked = [
            reads.ask("services", lambda some=some: self.ecs.services(cluster, some))
            for some in batches(names, SERVICES_A_CALL)
        ]
        return tuple(service for future in asked for service in reads.take(future, ()))


def batches(items: Sequence[str], size: int) -> list[list[str]]:
    """The items in lists of what one call takes."""
    return [list(items[start : start + size]) for start in range(0, len(items), size)]
