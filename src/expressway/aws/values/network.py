"""A VPC as EC2 describes it: subnets, route tables, security groups, network ACLs, endpoints, gateways (plain values).

Words are EC2's own. Address ranges are CIDR notation, IPv4 and IPv6 alike; ports are inclusive ranges.
"""

from dataclasses import dataclass, replace
from typing import Literal

from expressway.aws.values.task_definition import TaskDefinition

RouteTargetKind = Literal[
    "local",
    "internet_gateway",
    "nat_gateway",
    "egress_only_gateway",
    "endpoint",
    "transit_gateway",
    "peering",
    "virtual_private_gateway",
    "network_interface",
    "other",
]


@dataclass(frozen=True, slots=True)
class Vpc:
    """One VPC; `dns_support` and `dns_hostnames` are None where they could not be read."""

    vpc_id: str
    cidr_blocks: tuple[str, ...] = ()
    is_default: bool = False
    dns_support: bool | None = None
    dns_hostnames: bool | None = None


@dataclass(frozen=True, slots=True)
class Subnet:
    """One subnet.

    Attributes:
        cidr_block: empty for a subnet of IPv6 only.
        free_address_count: IPv4 addresses that are left.
        internet_block_mode: of VPC Block Public Access: ``off``, ``block-bidirectional``, ``block-ingress``.
    """

    subnet_id: str
    vpc_id: str = ""
    zone: str = ""
    cidr_block: str = ""
    ipv6_cidr_blocks: tuple[str, ...] = ()
    free_address_count: int = 0
    auto_assign_public_ip: bool = False
    internet_block_mode: str = "off"


@dataclass(frozen=True, slots=True)
class Route:
    """Where packets to `destination` (a CIDR, or a prefix list's id) go; `state` is active or blackhole."""

    destination: str
    target: str
    kind: RouteTargetKind = "other"
    state: str = "active"

    @property
    def is_blackhole(self) -> bool:
        return self.state == "blackhole"


@dataclass(frozen=True, slots=True)
class RouteTable:
    """One route table; the main one of a VPC serves every subnet that is associated with no other."""

    route_table_id: str
    vpc_id: str = ""
    subnet_ids: tuple[str, ...] = ()
    is_main: bool = False
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class SecurityRule:
    """One permission of a security group, with every peer that it names.

    `protocol` is ``tcp``, ``udp``, ``icmp``, a number, or ``-1`` for all; then the ports are 0-65535.
    """

    protocol: str
    from_port: int = 0
    to_port: int = 65535
    cidr_blocks: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()
    prefix_list_ids: tuple[str, ...] = ()

    def covers_tcp(self, port: int) -> bool:
        return self.protocol == "-1" or (self.protocol in {"tcp", "6"} and self.from_port <= port <= self.to_port)


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """One security group: what it lets in and out."""

    group_id: str
    name: str = ""
    vpc_id: str = ""
    ingress: tuple[SecurityRule, ...] = ()
    egress: tuple[SecurityRule, ...] = ()


@dataclass(frozen=True, slots=True)
class AclEntry:
    """One rule of a network ACL; the lowest number that fits a packet decides. `protocol` as in SecurityRule."""

    number: int
    is_egress: bool
    is_allowed: bool
    protocol: str
    cidr_block: str
    from_port: int = 0
    to_port: int = 65535


@dataclass(frozen=True, slots=True)
class NetworkAcl:
    """One network ACL. It keeps no state: answers need rules of their own."""

    network_acl_id: str
    vpc_id: str = ""
    subnet_ids: tuple[str, ...] = ()
    entries: tuple[AclEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One VPC endpoint; `kind` is Interface, Gateway or another type of EC2's, `state` is EC2's in lower case."""

    endpoint_id: str
    service_name: str
    vpc_id: str = ""
    kind: str = "Interface"
    state: str = "available"
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    route_table_ids: tuple[str, ...] = ()
    has_private_dns: bool = True


@dataclass(frozen=True, slots=True)
class NatGateway:
    """One NAT gateway; a regional one lies in no subnet (`subnet_id` is empty)."""

    nat_gateway_id: str
    vpc_id: str = ""
    subnet_id: str = ""
    state: str = "available"
    is_public: bool = True


@dataclass(frozen=True, slots=True)
class InternetGateway:
    """One internet gateway and the VPCs that it is attached to."""

    internet_gateway_id: str
    vpc_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkInterface:
    """One network interface of a task."""

    network_interface_id: str
    vpc_id: str = ""
    subnet_id: str = ""
    security_group_ids: tuple[str, ...] = ()
    private_ip: str = ""
    public_ip: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class PrefixList:
    """One managed prefix list; `cidr_blocks` is None where its entries could not be read."""

    prefix_list_id: str
    name: str = ""
    cidr_blocks: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """One load balancer.

    Attributes:
        kind: ``application``, ``network`` or ``gateway``.
        scheme: ``internet-facing`` or ``internal``.
        security_group_ids: empty for a network load balancer that has none; it then filters nothing.
    """

    arn: str
    name: str = ""
    kind: str = "application"
    scheme: str = "internet-facing"
    state: str = "active"
    vpc_id: str = ""
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """One target group.

    Attributes:
        port: used for targets that are registered without one; ECS always registers the container's port.
        health_check_port: None for ``traffic-port``, which is each target's own.
        target_type: ``ip`` for tasks with a network interface of their own, ``instance`` for others.
        load_balancer_arns: the load balancers that have a listener or rule which forwards to it.
    """

    arn: str
    name: str = ""
    port: int = 0
    protocol: str = "HTTP"
    vpc_id: str = ""
    target_type: str = "ip"
    ip_address_type: str = "ipv4"
    health_check_port: int | None = None
    load_balancer_arns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetBinding:
    """A service registers `container_port` of its tasks in a target group."""

    target_group_arn: str
    container_port: int


@dataclass(frozen=True, slots=True)
class ServicePlacement:
    """Where a service's tasks are put, and how traffic is to reach them.

    Attributes:
        launch_type: FARGATE, EC2, EXTERNAL or MANAGED_INSTANCES; empty when unknown.
        subnet_ids, security_group_ids: as the newest revision has them, groups that ECS manages included.
        managed_group_ids: of these, the ones that ECS made for an Express service.
        assign_public_ip: None when nothing tells.
        bindings: the target groups of the newest revision.
        load_balancer_arns, rule_arns: those that ECS manages for an Express service.
        access_type: of an Express service's ingress: PUBLIC or PRIVATE; empty when unknown.
        task_definition_arn, revision_arns: what it runs; the revisions that are on their way or in service.
        needs: what its tasks need to start: the task definition; None when that could not be read.
    """

    service_arn: str
    service_name: str
    is_express: bool = False
    launch_type: str = "FARGATE"
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    managed_group_ids: tuple[str, ...] = ()
    assign_public_ip: bool | None = None
    bindings: tuple[TargetBinding, ...] = ()
    load_balancer_arns: tuple[str, ...] = ()
    rule_arns: tuple[str, ...] = ()
    access_type: str = ""
    task_definition_arn: str = ""
    revision_arns: tuple[str, ...] = ()
    needs: TaskDefinition | None = None

    def completed_by(self, revision: "ServicePlacement") -> "ServicePlacement":
        """This placement with what a revision tells besides: what ECS manages, above all.

        What the service itself says stands: an older revision that still serves may have other groups.
        """
        own_groups = self.security_group_ids or revision.security_group_ids
        return replace(
            self,
            launch_type=self.launch_type or revision.launch_type,
            subnet_ids=self.subnet_ids or revision.subnet_ids,
            security_group_ids=tuple(dict.fromkeys((*own_groups, *revision.managed_group_ids))),
            managed_group_ids=tuple(dict.fromkeys((*self.managed_group_ids, *revision.managed_group_ids))),
            assign_public_ip=revision.assign_public_ip if self.assign_public_ip is None else self.assign_public_ip,
            bindings=tuple(dict.fromkeys((*revision.bindings, *self.bindings))),
            load_balancer_arns=tuple(dict.fromkeys((*self.load_balancer_arns, *revision.load_balancer_arns))),
            rule_arns=tuple(dict.fromkeys((*self.rule_arns, *revision.rule_arns))),
            access_type=self.access_type or revision.access_type,
            task_definition_arn=self.task_definition_arn or revision.task_definition_arn,
        )
