"""EC2 answers become our values here: no dictionary of AWS's leaves the adapter."""

from collections.abc import Iterable, Mapping
from typing import Any

from expressway.aws.values.vpc import (
    AclEntry,
    Endpoint,
    InternetGateway,
    NatGateway,
    NetworkAcl,
    NetworkInterface,
    Route,
    RouteTable,
    RouteTargetKind,
    SecurityGroup,
    SecurityRule,
    Subnet,
    Vpc,
)

Raw = Mapping[str, Any]

_ROUTE_MEMBERS: tuple[tuple[str, RouteTargetKind], ...] = (
    ("NatGatewayId", "nat_gateway"),
    ("EgressOnlyInternetGatewayId", "egress_only_gateway"),
    ("TransitGatewayId", "transit_gateway"),
    ("VpcPeeringConnectionId", "peering"),
    ("NetworkInterfaceId", "network_interface"),
    ("InstanceId", "network_interface"),
    ("CoreNetworkArn", "other"),
    ("LocalGatewayId", "other"),
    ("CarrierGatewayId", "other"),
    ("OdbNetworkArn", "other"),
)
_GATEWAY_KINDS: tuple[tuple[str, RouteTargetKind], ...] = (
    ("local", "local"),
    ("igw-", "internet_gateway"),
    ("vgw-", "virtual_private_gateway"),
    ("vpce-", "endpoint"),
)
_ALL_PORTS = (0, 65535)


def vpc(raw: Raw) -> Vpc:
    """One element of DescribeVpcs.Vpcs."""
    associated = _associated(raw.get("CidrBlockAssociationSet", ()), "CidrBlock", "CidrBlockState")
    ipv6 = _associated(raw.get("Ipv6CidrBlockAssociationSet", ()), "Ipv6CidrBlock", "Ipv6CidrBlockState")
    blocks = dict.fromkeys([raw.get("CidrBlock", ""), *associated, *ipv6])
    return Vpc(
        vpc_id=raw.get("VpcId", ""),
        cidr_blocks=tuple(block for block in blocks if block),
        is_default=raw.get("IsDefault", False),
    )


def subnet(raw: Raw) -> Subnet:
    """One element of DescribeSubnets.Subnets."""
    blocked: Raw = raw.get("BlockPublicAccessStates") or {}
    ipv6 = _associated(raw.get("Ipv6CidrBlockAssociationSet", ()), "Ipv6CidrBlock", "Ipv6CidrBlockState")
    return Subnet(
        subnet_id=raw.get("SubnetId", ""),
        vpc_id=raw.get("VpcId", ""),
        zone=raw.get("AvailabilityZone", ""),
        cidr_block=raw.get("CidrBlock", ""),
        ipv6_cidr_blocks=tuple(ipv6),
        free_address_count=raw.get("AvailableIpAddressCount", 0),
        auto_assign_public_ip=raw.get("MapPublicIpOnLaunch", False),
        internet_block_mode=blocked.get("InternetGatewayBlockMode", "off"),
    )


def _associated(raw: Iterable[Raw], member: str, state_member: str) -> list[str]:
    """CIDR blocks that are associated, or whose state is not told."""
    gone = {"disassociating", "disassociated", "failing", "failed"}
    return [one[member] for one in raw if one.get(member) and (one.get(state_member) or {}).get("State") not in gone]


def route_table(raw: Raw) -> RouteTable:
    """One element of DescribeRouteTables.RouteTables."""
    associations: list[Raw] = list(raw.get("Associations", ()))
    return RouteTable(
        route_table_id=raw.get("RouteTableId", ""),
        vpc_id=raw.get("VpcId", ""),
        subnet_ids=tuple(one["SubnetId"] for one in associations if one.get("SubnetId")),
        is_main=any(one.get("Main") for one in associations),
        routes=tuple(_route(one) for one in raw.get("Routes", ())),
    )


def _route(raw: Raw) -> Route:
    destinations = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
    target, kind = _route_target(raw)
    return Route(
        destination=next((raw[member] for member in destinations if raw.get(member)), ""),
        target=target,
        kind=kind,
        state=raw.get("State", "active"),
    )


def _route_target(raw: Raw) -> tuple[str, RouteTargetKind]:
    gateway = raw.get("GatewayId") or ""
    for prefix, kind in _GATEWAY_KINDS:
        if gateway.startswith(prefix):
            return gateway, kind
    for member, kind in _ROUTE_MEMBERS:
        if raw.get(member):
            return raw[member], kind
    return gateway, "other"


def security_group(raw: Raw) -> SecurityGroup:
    """One element of DescribeSecurityGroups.SecurityGroups."""
    return SecurityGroup(
        group_id=raw.get("GroupId", ""),
        name=raw.get("GroupName", ""),
        vpc_id=raw.get("VpcId", ""),
        ingress=tuple(_security_rule(one) for one in raw.get("IpPermissions", ())),
        egress=tuple(_security_rule(one) for one in raw.get("IpPermissionsEgress", ())),
    )


def _security_rule(raw: Raw) -> SecurityRule:
    every = raw.get("IpProtocol") == "-1"
    blocks = [one.get("CidrIp", "") for one in raw.get("IpRanges", ())]
    ipv6 = [one.get("CidrIpv6", "") for one in raw.get("Ipv6Ranges", ())]
    return SecurityRule(
        protocol=str(raw.get("IpProtocol", "-1")),
        from_port=_ALL_PORTS[0] if every else raw.get("FromPort", _ALL_PORTS[0]),
        to_port=_ALL_PORTS[1] if every else raw.get("ToPort", _ALL_PORTS[1]),
        cidr_blocks=tuple(block for block in (*blocks, *ipv6) if block),
        group_ids=tuple(one["GroupId"] for one in raw.get("UserIdGroupPairs", ()) if one.get("GroupId")),
        prefix_list_ids=tuple(one["PrefixListId"] for one in raw.get("PrefixListIds", ()) if one.get("PrefixListId")),
    )


def network_acl(raw: Raw) -> NetworkAcl:
    """One element of DescribeNetworkAcls.NetworkAcls."""
    entries = sorted((_acl_entry(one) for one in raw.get("Entries", ())), key=lambda one: one.number)
    return NetworkAcl(
        network_acl_id=raw.get("NetworkAclId", ""),
        vpc_id=raw.get("VpcId", ""),
        subnet_ids=tuple(one["SubnetId"] for one in raw.get("Associations", ()) if one.get("SubnetId")),
        entries=tuple(entries),
    )


def _acl_entry(raw: Raw) -> AclEntry:
    ports: Raw = raw.get("PortRange") or {}
    return AclEntry(
        number=raw.get("RuleNumber", 0),
        is_egress=raw.get("Egress", False),
        is_allowed=raw.get("RuleAction") == "allow",
        protocol=str(raw.get("Protocol", "-1")),
        cidr_block=raw.get("CidrBlock") or raw.get("Ipv6CidrBlock") or "",
        from_port=ports.get("From", _ALL_PORTS[0]),
        to_port=ports.get("To", _ALL_PORTS[1]),
    )


def endpoint(raw: Raw) -> Endpoint:
    """One element of DescribeVpcEndpoints.VpcEndpoints; EC2 writes its state in either case."""
    return Endpoint(
        endpoint_id=raw.get("VpcEndpointId", ""),
        service_name=raw.get("ServiceName", ""),
        vpc_id=raw.get("VpcId", ""),
        kind=raw.get("VpcEndpointType", ""),
        state=raw.get("State", "").lower(),
        subnet_ids=tuple(raw.get("SubnetIds", ())),
        security_group_ids=tuple(one["GroupId"] for one in raw.get("Groups", ()) if one.get("GroupId")),
        route_table_ids=tuple(raw.get("RouteTableIds", ())),
        has_private_dns=raw.get("PrivateDnsEnabled", False),
    )


def nat_gateway(raw: Raw) -> NatGateway:
    """One element of DescribeNatGateways.NatGateways."""
    return NatGateway(
        nat_gateway_id=raw.get("NatGatewayId", ""),
        vpc_id=raw.get("VpcId", ""),
        subnet_id=raw.get("SubnetId", ""),
        state=raw.get("State", ""),
        is_public=raw.get("ConnectivityType", "public") == "public",
    )


def internet_gateway(raw: Raw) -> InternetGateway:
    """One element of DescribeInternetGateways.InternetGateways; one being detached counts as detached."""
    attached = [one for one in raw.get("Attachments", ()) if one.get("State") in {"available", "attached", "attaching"}]
    return InternetGateway(raw.get("InternetGatewayId", ""), tuple(one["VpcId"] for one in attached))


def network_interface(raw: Raw) -> NetworkInterface:
    """One element of DescribeNetworkInterfaces.NetworkInterfaces."""
    association: Raw = raw.get("Association") or {}
    return NetworkInterface(
        network_interface_id=raw.get("NetworkInterfaceId", ""),
        vpc_id=raw.get("VpcId", ""),
        subnet_id=raw.get("SubnetId", ""),
        security_group_ids=tuple(one["GroupId"] for one in raw.get("Groups", ()) if one.get("GroupId")),
        private_ip=raw.get("PrivateIpAddress", ""),
        public_ip=association.get("PublicIp", ""),
        status=raw.get("Status", ""),
    )
