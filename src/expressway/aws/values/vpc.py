"""A VPC as EC2 describes it: subnets, route tables, security groups, network ACLs, endpoints, gateways (plain values).

Words are EC2's own. Address ranges are CIDR notation, IPv4 and IPv6 alike; ports are inclusive ranges.
"""

from dataclasses import dataclass
from typing import Literal

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
