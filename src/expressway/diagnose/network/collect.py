"""Read the network around services: each step begins every read whose ids are known by then."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import TypeVar

from expressway.aws.values.network import (
    Endpoint,
    LoadBalancer,
    NetworkInterface,
    SecurityGroup,
    ServicePlacement,
    Subnet,
    TargetGroup,
    Vpc,
)
from expressway.aws.values.task_definition import TaskDefinition
from expressway.core.concurrent_reads import ConcurrentReads, MemoizedReads, or_none
from expressway.diagnose.network.reachability import NetworkFacts
from expressway.diagnose.ports import REVISIONS_A_CALL, SERVICES_A_CALL, NetworkPorts, batches

_THREADS = 16


def gather_network(
    cluster: str, *, ports: NetworkPorts, service_names: Sequence[str] | None = None, vpc_id: str | None = None
) -> NetworkFacts:
    """Where services are and how they can be reached: of the named ones, or of the whole cluster.

    With `vpc_id`, only that VPC counts: services elsewhere are left out, and its subnets and load balancers are
    read whole. Reads only; about five round trips, each in parallel.
    """
    with ConcurrentReads(_THREADS, name="network") as reads:
        return NetworkGathering(reads, ports, cluster).run(service_names, vpc_id)


T = TypeVar("T")
_AskedRevisions = list[Future[Mapping[str, ServicePlacement]]]


class NetworkGathering:
    """Reads everything that the rules need; `reads` collects the gaps."""

    def __init__(self, reads: ConcurrentReads, ports: NetworkPorts, cluster: str) -> None:
        self._reads = reads
        self._ports = ports
        self._cluster = cluster
        network, balancers = ports.network, ports.load_balancers
        self._subnets = MemoizedReads[Subnet](reads, "subnets", network.subnets)
        self._groups = MemoizedReads[SecurityGroup](reads, "security groups", network.security_groups)
        self._default_groups = MemoizedReads[SecurityGroup](reads, "security groups", network.default_groups)
        self._interfaces = MemoizedReads[NetworkInterface](reads, "network interfaces", network.network_interfaces)
        self._balancers = MemoizedReads[LoadBalancer](reads, "load balancers", balancers.load_balancers)
        self._target_groups = MemoizedReads[TargetGroup](reads, "target groups", balancers.target_groups)
        self._prefix_lists = MemoizedReads(reads, "prefix lists", network.prefix_lists)
        self._vpcs = MemoizedReads[Vpc](reads, "vpcs", network.vpcs)
        self._route_tables = MemoizedReads(reads, "route tables", network.route_tables)
        self._acls = MemoizedReads(reads, "network acls", network.network_acls)
        self._endpoints = MemoizedReads[Endpoint](reads, "vpc endpoints", network.endpoints)
        self._nat_gateways = MemoizedReads(reads, "nat gateways", network.nat_gateways)
        self._internet_gateways = MemoizedReads(reads, "internet gateways", network.internet_gateways)
        self._vpc_balancers = MemoizedReads[LoadBalancer](reads, "load balancers", balancers.load_balancers_of)
        self._vpc_subnets = MemoizedReads[Subnet](reads, "subnets", network.subnets_of)
        self._rules = MemoizedReads(reads, "listener rules", balancers.missing_rules)
        self._needs: dict[str, Future[TaskDefinition | None]] = {}
        self._dns: dict[str, tuple[Future[bool | None], Future[bool | None]]] = {}
        self._targets = MemoizedReads(reads, "target health", balancers.health)

    def run(self, service_names: Sequence[str] | None, vpc_id: str | None) -> NetworkFacts:
        """Four rounds for services that serve: services, what they name, its VPC, and what that names."""
        ecs, everywhere = self._ports.ecs, service_names is None
        asked_tasks = self._reads.ask("tasks", lambda: ecs.interface_ids(self._cluster) if everywhere else ())
        services = self._described(service_names)
        self._ask_around(services)
        asked_revisions = self._ask_revisions(services)
        self._interfaces.ask(self._reads.take(asked_tasks, ()))
        self._ask_vpcs(vpc_id)
        services = self._with_revisions(services, asked_revisions)
        self._ask_around(services)
        self._ask_vpcs(vpc_id)
        self._ask_balancers()
        services = self._with_default_groups(services)
        self._ask_peers()
        needs = {arn: self._reads.take(asked, None) for arn, asked in self._needs.items()}
        services = tuple(replace(one, needs=needs.get(one.task_definition_arn)) for one in services)
        return self._facts(self._inside(services, vpc_id))

    # -- services -------------------------------------------------------------------------------------------
    def _described(self, service_names: Sequence[str] | None) -> tuple[ServicePlacement, ...]:
        reads, ecs = self._reads, self._ports.ecs
        names = service_names
        if names is None:
            asked_names = reads.ask("services", lambda: ecs.service_names(self._cluster))
            names = reads.take_or_stop(asked_names, ())
        asked = [
            reads.ask("services", lambda some=some: ecs.placements(self._cluster, some))
            for some in batches(names, SERVICES_A_CALL)
        ]
        return tuple(one for future in asked for one in reads.take_or_stop(future, ()))

    def _ask_revisions(self, services: Sequence[ServicePlacement]) -> _AskedRevisions:
        """Begin to read the current revisions; a first deployment that fails has none, so its own is looked up."""
        reads, ecs = self._reads, self._ports.ecs
        asked_arns = [
            reads.ask("deployments", lambda name=one.service_name: ecs.newest_revision_arn(self._cluster, name))
            for one in services
            if one.is_express and not one.revision_arns
        ]
        arns = [arn for one in services for arn in one.revision_arns]
        arns += [arn for asked in asked_arns if (arn := reads.take(asked, ""))]
        return [
            reads.ask("revisions", lambda some=some: ecs.revision_placements(some))
            for some in batches(arns, REVISIONS_A_CALL)
        ]

    def _with_revisions(
        self, services: Sequence[ServicePlacement], asked: _AskedRevisions
    ) -> tuple[ServicePlacement, ...]:
        known = [one for future in asked for one in self._reads.take(future, {}).values()]
        return tuple(
            _completed(one, [revision for revision in known if revision.service_arn == one.service_arn])
            for one in services
        )

    def _with_default_groups(self, services: tuple[ServicePlacement, ...]) -> tuple[ServicePlacement, ...]:
        """A service that names no security group has the default one of its VPC."""
        bare = [one for one in services if one.subnet_ids and not one.security_group_ids and not one.is_express]
        homes = {one.subnet_id: one.vpc_id for one in self._subnets.take() or ()}
        self._default_groups.ask(homes.get(one.subnet_ids[0], "") for one in bare)
        of_vpc = {one.vpc_id: one.group_id for one in self._default_groups.take() or ()}
        default_of = {one.service_arn: of_vpc.get(homes.get(one.subnet_ids[0], "")) for one in bare}
        return tuple(
            replace(one, security_group_ids=(group_id,)) if (group_id := default_of.get(one.service_arn)) else one
            for one in services
        )

    # -- what is around them --------------------------------------------------------------------------------
    def _ask_around(self, services: Sequence[ServicePlacement]) -> None:
        self._subnets.ask(subnet_id for one in services for subnet_id in one.subnet_ids)
        self._groups.ask(group_id for one in services for group_id in one.security_group_ids)
        self._balancers.ask(arn for one in services for arn in one.load_balancer_arns)
        arns = list(dict.fromkeys(binding.target_group_arn for one in services for binding in one.bindings))
        self._target_groups.ask(arns)
        for arn in arns:
            self._targets.ask([arn])
        self._rules.ask(arn for one in services for arn in one.rule_arns)
        read = self._ports.ecs.task_definition
        for arn in dict.fromkeys(one.task_definition_arn for one in services):
            if arn and arn not in self._needs:
                self._needs[arn] = self._reads.ask("task definitions", lambda arn=arn: read(arn))

    def _ask_vpcs(self, vpc_id: str | None) -> None:
        named = [one.vpc_id for one in self._subnets.take() or ()]
        interfaces = [one.vpc_id for one in self._interfaces.take() or ()]
        vpc_ids = [vpc_id] if vpc_id else list(dict.fromkeys([*named, *interfaces]))
        if vpc_id:
            self._vpc_subnets.ask(vpc_ids)
            self._vpc_balancers.ask(vpc_ids)
        for kind in (
            self._vpcs,
            self._route_tables,
            self._acls,
            self._endpoints,
            self._nat_gateways,
            self._internet_gateways,
        ):
            kind.ask(vpc_ids)
        dns = self._ports.network.dns_attribute
        for one in vpc_ids:
            if one not in self._dns:
                self._dns[one] = (
                    or_none(self._reads, "vpc dns", lambda one=one: dns(one, "enableDnsSupport")),
                    or_none(self._reads, "vpc dns", lambda one=one: dns(one, "enableDnsHostnames")),
                )

    def _ask_balancers(self) -> None:
        self._balancers.ask(arn for one in self._target_groups.take() or () for arn in one.load_balancer_arns)

    def _ask_peers(self) -> None:
        """Read what load balancers and endpoints name, and the prefix lists in all rules."""
        balancers = [*(self._balancers.take() or ()), *(self._vpc_balancers.take() or ())]
        self._subnets.ask(subnet_id for one in balancers for subnet_id in one.subnet_ids)
        self._groups.ask(group_id for one in balancers for group_id in one.security_group_ids)
        endpoints = self._endpoints.take() or ()
        self._groups.ask(group_id for one in endpoints for group_id in one.security_group_ids)
        self._subnets.ask(subnet_id for one in endpoints for subnet_id in one.subnet_ids)
        groups = self._groups.take() or ()
        self._prefix_lists.ask(
            list_id for group in groups for rule in (*group.ingress, *group.egress) for list_id in rule.prefix_list_ids
        )

    # -- the answer -----------------------------------------------------------------------------------------
    def _inside(self, services: tuple[ServicePlacement, ...], vpc_id: str | None) -> tuple[ServicePlacement, ...]:
        subnets = self._subnets.take()
        if vpc_id is None or subnets is None:
            return services
        elsewhere = {one.subnet_id for one in subnets if one.vpc_id != vpc_id}
        return tuple(one for one in services if not one.subnet_ids or not elsewhere.issuperset(one.subnet_ids))

    def _facts(self, services: tuple[ServicePlacement, ...]) -> NetworkFacts:
        return NetworkFacts(
            region=self._ports.region,
            services=services,
            vpcs=self._vpcs_with_dns(),
            subnets=_joined(self._subnets.take(), self._vpc_subnets.take()),
            route_tables=self._route_tables.take(),
            security_groups=_joined(self._groups.take(), self._default_groups.take()),
            network_acls=self._acls.take(),
            endpoints=self._endpoints.take(),
            nat_gateways=self._nat_gateways.take(),
            internet_gateways=self._internet_gateways.take(),
            prefix_lists=self._prefix_lists.take(),
            network_interfaces=self._interfaces.take(),
            load_balancers=_joined(self._balancers.take(), self._vpc_balancers.take()),
            target_groups=self._target_groups.take(),
            targets=self._targets.take(),
            missing_rule_arns=self._rules.take(),
            gaps=tuple(self._reads.gaps),
        )

    def _vpcs_with_dns(self) -> tuple[Vpc, ...] | None:
        vpcs = self._vpcs.take()
        settings = {
            vpc_id: (self._reads.take(support, None), self._reads.take(hostnames, None))
            for vpc_id, (support, hostnames) in self._dns.items()
        }
        if vpcs is None:
            return None
        nothing = (None, None)
        return tuple(
            replace(one, dns_support=support, dns_hostnames=hostnames)
            for one in vpcs
            for support, hostnames in (settings.get(one.vpc_id, nothing),)
        )


def _completed(service: ServicePlacement, revisions: Sequence[ServicePlacement]) -> ServicePlacement:
    for revision in revisions:
        service = service.completed_by(revision)
    return service


def _joined(first: tuple[T, ...] | None, second: tuple[T, ...] | None) -> tuple[T, ...] | None:
    return None if first is None or second is None else tuple(dict.fromkeys((*first, *second)))
