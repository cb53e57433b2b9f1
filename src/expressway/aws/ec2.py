"""Amazon EC2 behind a narrow port: VPCs and what is in them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from expressway.aws.errors import Raw, ask, ask_items
from expressway.aws.session import AwsSession
from expressway.aws.values.network import (
    AclEntry,
    Endpoint,
    InternetGateway,
    NatGateway,
    NetworkAcl,
    NetworkInterface,
    PrefixList,
    Route,
    RouteTable,
    RouteTargetKind,
    SecurityGroup,
    SecurityRule,
    Subnet,
    Vpc,
)

T = TypeVar("T")

_VALUES_A_FILTER = 200
_NO_VPC = frozenset({"InvalidVpcID.NotFound", "InvalidVpcID.Malformed", "InvalidVpcId.Malformed"})
_GONE_NAT_GATEWAY = "deleted"


class Network:
    """The VPCs of one account and region. Safe to share between threads.

    Everything is asked for by filters: an id that does not exist is then left out, where naming it would fail
    the whole call. Every method raises TargetError for what stands between us and EC2 (``access_denied``,
    ``throttled``, …).
    """

    def __init__(self, session: AwsSession) -> None:
        self._client = session.client("ec2")

    def vpcs(self, vpc_ids: Sequence[str]) -> tuple[Vpc, ...]:
        """The VPCs, without their DNS settings: see `dns_attribute`."""
        return self._named("describe_vpcs", "Vpcs", "vpc-id", vpc_ids, vpc)

    def dns_attribute(self, vpc_id: str, attribute: str) -> bool | None:
        """``enableDnsSupport`` or ``enableDnsHostnames`` of a VPC; None when there is no such VPC."""
        doing = f"describe {attribute} of {vpc_id}"
        call = self._client.describe_vpc_attribute
        answer = ask(call, doing, missing=_NO_VPC, VpcId=vpc_id, Attribute=attribute)
        member = attribute[0].upper() + attribute[1:]
        return None if answer is None else bool(answer.get(member, {}).get("Value", False))

    def subnets(self, subnet_ids: Sequence[str]) -> tuple[Subnet, ...]:
        found = self._named("describe_subnets", "Subnets", "subnet-id", subnet_ids, subnet)
        return tuple(subnet for subnet in found if subnet.subnet_id in subnet_ids)

    def subnets_of(self, vpc_ids: Sequence[str]) -> tuple[Subnet, ...]:
        return self._named("describe_subnets", "Subnets", "vpc-id", vpc_ids, subnet)

    def security_groups(self, group_ids: Sequence[str]) -> tuple[SecurityGroup, ...]:
        found = self._named("describe_security_groups", "SecurityGroups", "group-id", group_ids, security_group)
        return tuple(group for group in found if group.group_id in group_ids)

    def default_groups(self, vpc_ids: Sequence[str]) -> tuple[SecurityGroup, ...]:
        """The group that each VPC gives to what names none."""
        filters = [{"Name": "vpc-id", "Values": list(vpc_ids)}, {"Name": "group-name", "Values": ["default"]}]
        groups = self._items("describe_security_groups", "SecurityGroups", "describe security groups", Filters=filters)
        return tuple(map(security_group, groups))

    def route_tables(self, vpc_ids: Sequence[str]) -> tuple[RouteTable, ...]:
        return self._named("describe_route_tables", "RouteTables", "vpc-id", vpc_ids, route_table)

    def network_acls(self, vpc_ids: Sequence[str]) -> tuple[NetworkAcl, ...]:
        return self._named("describe_network_acls", "NetworkAcls", "vpc-id", vpc_ids, network_acl)

    def endpoints(self, vpc_ids: Sequence[str]) -> tuple[Endpoint, ...]:
        found = self._named("describe_vpc_endpoints", "VpcEndpoints", "vpc-id", vpc_ids, endpoint)
        return tuple(endpoint for endpoint in found if endpoint.vpc_id in vpc_ids)

    def nat_gateways(self, vpc_ids: Sequence[str]) -> tuple[NatGateway, ...]:
        """NAT gateways that are not deleted; EC2 remembers deleted ones for an hour."""
        found = self._named("describe_nat_gateways", "NatGateways", "vpc-id", vpc_ids, nat_gateway)
        return tuple(gateway for gateway in found if gateway.state != _GONE_NAT_GATEWAY)

    def internet_gateways(self, vpc_ids: Sequence[str]) -> tuple[InternetGateway, ...]:
        return self._named(
            "describe_internet_gateways", "InternetGateways", "attachment.vpc-id", vpc_ids, internet_gateway
        )

    def network_interfaces(self, interface_ids: Sequence[str]) -> tuple[NetworkInterface, ...]:
        found = self._named(
            "describe_network_interfaces", "NetworkInterfaces", "network-interface-id", interface_ids, network_interface
        )
        return tuple(interface for interface in found if interface.network_interface_id in interface_ids)

    def prefix_lists(self, prefix_list_ids: Sequence[str]) -> tuple[PrefixList, ...]:
        """Managed prefix lists with their entries, AWS's own included."""
        found = self._named(
            "describe_managed_prefix_lists", "PrefixLists", "prefix-list-id", prefix_list_ids, _prefix_list
        )
        return tuple(
            replace(prefix_list, cidr_blocks=self._entries(prefix_list.prefix_list_id))
            for prefix_list in found
            if prefix_list.prefix_list_id in prefix_list_ids
        )

    def _entries(self, prefix_list_id: str) -> tuple[str, ...]:
        doing = f"read the entries of {prefix_list_id}"
        entries = self._items("get_managed_prefix_list_entries", "Entries", doing, PrefixListId=prefix_list_id)
        return tuple(str(entry.get("Cidr", "")) for entry in entries)

    # -- asking ---------------------------------------------------------------------------------------------
    def _named(
        self, operation: str, key: str, name: str, values: Sequence[str], value_of: Callable[[Raw], T]
    ) -> tuple[T, ...]:
        """Everything of one kind whose `name` is among `values`; EC2 takes 200 values a filter."""
        found: list[T] = []
        for start in range(0, len(values), _VALUES_A_FILTER):
            wanted = [{"Name": name, "Values": list(values[start : start + _VALUES_A_FILTER])}]
            # This operation's parameter has another name than those of all others.
            parameter = "Filter" if operation == "describe_nat_gateways" else "Filters"
            doing = operation.replace("_", " ").replace("describe", "describe the", 1)
            found.extend(map(value_of, self._items(operation, key, doing, **{parameter: wanted})))
        return tuple(found)

    def _items(self, operation: str, key: str, doing: str, **arguments: Any) -> Iterator[Raw]:
        return ask_items(getattr(self._client, operation), key, doing, **arguments)


def _prefix_list(raw: Raw) -> PrefixList:
    return PrefixList(raw.get("PrefixListId", ""), raw.get("PrefixListName", ""))


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


def _present(items: Iterable[Raw], member: str) -> tuple[str, ...]:
    """The values of a member, of the items that have it."""
    return tuple(item[member] for item in items if item.get(member))


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
    """CIDR blocks that are associated, or whose state is unknown."""
    gone = {"disassociating", "disassociated", "failing", "failed"}
    blocks = (block for block in raw if (block.get(state_member) or {}).get("State") not in gone)
    return [block[member] for block in blocks if block.get(member)]


def route_table(raw: Raw) -> RouteTable:
    """One element of DescribeRouteTables.RouteTables."""
    associations: list[Raw] = list(raw.get("Associations", ()))
    return RouteTable(
        route_table_id=raw.get("RouteTableId", ""),
        vpc_id=raw.get("VpcId", ""),
        subnet_ids=_present(associations, "SubnetId"),
        is_main=any(association.get("Main") for association in associations),
        routes=tuple(map(_route, raw.get("Routes", ()))),
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
        ingress=tuple(map(_security_rule, raw.get("IpPermissions", ()))),
        egress=tuple(map(_security_rule, raw.get("IpPermissionsEgress", ()))),
    )


def _security_rule(raw: Raw) -> SecurityRule:
    every = raw.get("IpProtocol") == "-1"
    blocks = _present(raw.get("IpRanges", ()), "CidrIp")
    ipv6 = _present(raw.get("Ipv6Ranges", ()), "CidrIpv6")
    return SecurityRule(
        protocol=str(raw.get("IpProtocol", "-1")),
        from_port=_ALL_PORTS[0] if every else raw.get("FromPort", _ALL_PORTS[0]),
        to_port=_ALL_PORTS[1] if every else raw.get("ToPort", _ALL_PORTS[1]),
        cidr_blocks=(*blocks, *ipv6),
        group_ids=_present(raw.get("UserIdGroupPairs", ()), "GroupId"),
        prefix_list_ids=_present(raw.get("PrefixListIds", ()), "PrefixListId"),
    )


def network_acl(raw: Raw) -> NetworkAcl:
    """One element of DescribeNetworkAcls.NetworkAcls."""
    entries = sorted(map(_acl_entry, raw.get("Entries", ())), key=lambda entry: entry.number)
    return NetworkAcl(
        network_acl_id=raw.get("NetworkAclId", ""),
        vpc_id=raw.get("VpcId", ""),
        subnet_ids=_present(raw.get("Associations", ()), "SubnetId"),
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
        security_group_ids=_present(raw.get("Groups", ()), "GroupId"),
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
    states = {"available", "attached", "attaching"}
    attached = (attachment for attachment in raw.get("Attachments", ()) if attachment.get("State") in states)
    return InternetGateway(raw.get("InternetGatewayId", ""), tuple(attachment["VpcId"] for attachment in attached))


def network_interface(raw: Raw) -> NetworkInterface:
    """One element of DescribeNetworkInterfaces.NetworkInterfaces."""
    association: Raw = raw.get("Association") or {}
    return NetworkInterface(
        network_interface_id=raw.get("NetworkInterfaceId", ""),
        vpc_id=raw.get("VpcId", ""),
        subnet_id=raw.get("SubnetId", ""),
        security_group_ids=_present(raw.get("Groups", ()), "GroupId"),
        private_ip=raw.get("PrivateIpAddress", ""),
        public_ip=association.get("PublicIp", ""),
        status=raw.get("Status", ""),
    )
