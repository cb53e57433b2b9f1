"""A network in memory, made of facts; any of its reads can be refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

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
from expressway.aws.values.service import TargetHealth
from expressway.aws.values.task_definition import TaskDefinition
from expressway.diagnose.network.reachability import NetworkFacts
from expressway.diagnose.ports import DnsAttribute, NetworkPorts
from expressway.errors import TargetError


class InMemoryNetwork:
    """All three ports of the network over facts; `refused` names methods that answer with AccessDenied.

    The service of the facts is told in two parts, as ECS does: its revision has what ECS manages.
    """

    def __init__(self, facts: NetworkFacts, *, refused: Sequence[str] = (), interface_ids: Sequence[str] = ()) -> None:
        self.facts = facts
        self.refused = set(refused)
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self._interface_ids = tuple(interface_ids)

    @property
    def ports(self) -> NetworkPorts:
        return NetworkPorts(self.facts.region, self, self, self)

    def _answer(self, name: str, *asked: Any) -> None:
        self.asked.append((name, asked))
        if name in self.refused:
            raise TargetError("access_denied", f"AWS did not answer {name}", "Ask for the permission.")

    # -- placements -----------------------------------------------------------------------------------------
    def service_names(self, cluster: str) -> tuple[str, ...]:
        self._answer("service_names", cluster)
        return tuple(one.service_name for one in self.facts.services)

    def placements(self, cluster: str, names: Sequence[str]) -> tuple[ServicePlacement, ...]:
        self._answer("placements", cluster, tuple(names))
        found = [one for one in self.facts.services if one.service_name in names]
        return tuple(
            replace(
                one,
                needs=None,
                load_balancer_arns=(),
                rule_arns=(),
                access_type="",
                revision_arns=(f"{one.service_arn}/1",),
            )
            for one in found
        )

    def newest_revision_arn(self, cluster: str, service: str) -> str:
        self._answer("newest_revision_arn", cluster, service)
        return next(f"{one.service_arn}/1" for one in self.facts.services if one.service_name == service)

    def revision_placements(self, revision_arns: Sequence[str]) -> Mapping[str, ServicePlacement]:
        self._answer("revision_placements", tuple(revision_arns))
        every = {f"{one.service_arn}/1": replace(one, needs=None) for one in self.facts.services}
        return {arn: every[arn] for arn in revision_arns if arn in every}

    def task_definition(self, task_definition: str) -> TaskDefinition | None:
        self._answer("task_definition", task_definition)
        return next(one.needs for one in self.facts.services if one.task_definition_arn == task_definition)

    def interface_ids(self, cluster: str) -> tuple[str, ...]:
        self._answer("interface_ids", cluster)
        return self._interface_ids

    # -- network --------------------------------------------------------------------------------------------
    def vpcs(self, vpc_ids: Sequence[str]) -> tuple[Vpc, ...]:
        found = self._of("vpcs", vpc_ids, lambda one: one.vpc_id)
        return tuple(replace(one, dns_support=None, dns_hostnames=None) for one in found)

    def dns_attribute(self, vpc_id: str, attribute: DnsAttribute) -> bool | None:
        self._answer("dns_attribute", vpc_id, attribute)
        vpc = self.facts.vpc(vpc_id)
        if vpc is None:
            return None
        return vpc.dns_support if attribute == "enableDnsSupport" else vpc.dns_hostnames

    def subnets(self, subnet_ids: Sequence[str]) -> tuple[Subnet, ...]:
        return self._of("subnets", subnet_ids, lambda one: one.subnet_id)

    def subnets_of(self, vpc_ids: Sequence[str]) -> tuple[Subnet, ...]:
        self._answer("subnets_of", tuple(vpc_ids))
        return tuple(one for one in self.facts.subnets or () if one.vpc_id in vpc_ids)

    def security_groups(self, group_ids: Sequence[str]) -> tuple[SecurityGroup, ...]:
        return self._of("security_groups", group_ids, lambda one: one.group_id)

    def default_groups(self, vpc_ids: Sequence[str]) -> tuple[SecurityGroup, ...]:
        self._answer("default_groups", tuple(vpc_ids))
        return tuple(one for one in self.facts.security_groups or () if one.name == "default" and one.vpc_id in vpc_ids)

    def route_tables(self, vpc_ids: Sequence[str]) -> tuple[RouteTable, ...]:
        return self._of("route_tables", vpc_ids, lambda one: one.vpc_id)

    def network_acls(self, vpc_ids: Sequence[str]) -> tuple[NetworkAcl, ...]:
        return self._of("network_acls", vpc_ids, lambda one: one.vpc_id)

    def endpoints(self, vpc_ids: Sequence[str]) -> tuple[Endpoint, ...]:
        return self._of("endpoints", vpc_ids, lambda one: one.vpc_id)

    def nat_gateways(self, vpc_ids: Sequence[str]) -> tuple[NatGateway, ...]:
        return self._of("nat_gateways", vpc_ids, lambda one: one.vpc_id)

    def internet_gateways(self, vpc_ids: Sequence[str]) -> tuple[InternetGateway, ...]:
        return self._of("internet_gateways", vpc_ids, lambda one: one.vpc_ids[0])

    def network_interfaces(self, interface_ids: Sequence[str]) -> tuple[NetworkInterface, ...]:
        return self._of("network_interfaces", interface_ids, lambda one: one.network_interface_id)

    def prefix_lists(self, prefix_list_ids: Sequence[str]) -> tuple[PrefixList, ...]:
        return self._of("prefix_lists", prefix_list_ids, lambda one: one.prefix_list_id)

    # -- load balancers -------------------------------------------------------------------------------------
    def load_balancers(self, arns: Sequence[str]) -> tuple[LoadBalancer, ...]:
        return self._of("load_balancers", arns, lambda one: one.arn)

    def load_balancers_of(self, vpc_ids: Sequence[str]) -> tuple[LoadBalancer, ...]:
        self._answer("load_balancers_of", tuple(vpc_ids))
        return tuple(one for one in self.facts.load_balancers or () if one.vpc_id in vpc_ids)

    def target_groups(self, arns: Sequence[str]) -> tuple[TargetGroup, ...]:
        return self._of("target_groups", arns, lambda one: one.arn)

    def health(self, target_group_arns: Sequence[str]) -> tuple[TargetHealth, ...]:
        self._answer("health", tuple(target_group_arns))
        return tuple(one for one in self.facts.targets or () if one.target_group_arn in target_group_arns)

    def missing_rules(self, rule_arns: Sequence[str]) -> tuple[str, ...]:
        self._answer("missing_rules", tuple(rule_arns))
        return tuple(one for one in self.facts.missing_rule_arns or () if one in rule_arns)

    def _of(self, name: str, asked: Sequence[str], key: Callable[[Any], str]) -> tuple[Any, ...]:
        self._answer(name, tuple(asked))
        return tuple(one for one in getattr(self.facts, name) or () if key(one) in asked)
