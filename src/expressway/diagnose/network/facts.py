"""What is known about the network around the services of a cluster: gathered elsewhere, judged in diagnosis."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """Everything a network rule may look at.

    A part that could not be read is None (and named in `gaps`), so that nothing is concluded from its absence;
    an empty one was read, and there is nothing. Subnets, groups and target groups that a service names and that
    are not in here do not exist.

    Attributes:
        region: where all this is.
        missing_rule_arns: listener rules that ECS manages and that no longer exist.
        gaps: what could not be read and why, one phrase each.
    """

    region: str = ""
    services: tuple[ServicePlacement, ...] = ()
    vpcs: tuple[Vpc, ...] | None = ()
    subnets: tuple[Subnet, ...] | None = ()
    route_tables: tuple[RouteTable, ...] | None = ()
    security_groups: tuple[SecurityGroup, ...] | None = ()
    network_acls: tuple[NetworkAcl, ...] | None = ()
    endpoints: tuple[Endpoint, ...] | None = ()
    nat_gateways: tuple[NatGateway, ...] | None = ()
    internet_gateways: tuple[InternetGateway, ...] | None = ()
    prefix_lists: tuple[PrefixList, ...] | None = ()
    network_interfaces: tuple[NetworkInterface, ...] | None = ()
    load_balancers: tuple[LoadBalancer, ...] | None = ()
    target_groups: tuple[TargetGroup, ...] | None = ()
    targets: tuple[TargetHealth, ...] | None = ()
    missing_rule_arns: tuple[str, ...] | None = ()
    gaps: tuple[str, ...] = ()

    # -- looking things up ----------------------------------------------------------------------------------
    def subnet(self, subnet_id: str) -> Subnet | None:
        return next((one for one in self.subnets or () if one.subnet_id == subnet_id), None)

    def security_group(self, group_id: str) -> SecurityGroup | None:
        return next((one for one in self.security_groups or () if one.group_id == group_id), None)

    def vpc(self, vpc_id: str) -> Vpc | None:
        return next((one for one in self.vpcs or () if one.vpc_id == vpc_id), None)

    def target_group(self, arn: str) -> TargetGroup | None:
        return next((one for one in self.target_groups or () if one.arn == arn), None)

    def load_balancer(self, arn: str) -> LoadBalancer | None:
        return next((one for one in self.load_balancers or () if one.arn == arn), None)

    def nat_gateway(self, nat_gateway_id: str) -> NatGateway | None:
        return next((one for one in self.nat_gateways or () if one.nat_gateway_id == nat_gateway_id), None)

    def prefix_list(self, prefix_list_id: str) -> PrefixList | None:
        return next((one for one in self.prefix_lists or () if one.prefix_list_id == prefix_list_id), None)

    def route_table_of(self, subnet: Subnet) -> RouteTable | None:
        """The subnet's own route table, or the main one of its VPC; None when unread."""
        tables = self.route_tables or ()
        own = next((one for one in tables if subnet.subnet_id in one.subnet_ids), None)
        return own or next((one for one in tables if one.is_main and one.vpc_id == subnet.vpc_id), None)

    def network_acl_of(self, subnet: Subnet) -> NetworkAcl | None:
        """The network ACL that the subnet is associated with; None when unread."""
        return next((one for one in self.network_acls or () if subnet.subnet_id in one.subnet_ids), None)
