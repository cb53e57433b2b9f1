"""Amazon EC2 behind a narrow port: VPCs and what is in them."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.ec2.parse import (
    Raw,
    endpoint,
    internet_gateway,
    nat_gateway,
    network_acl,
    network_interface,
    route_table,
    security_group,
    subnet,
    vpc,
)
from expressway.aws.errors import aws_error_code, map_aws_error
from expressway.aws.session import AwsSession
from expressway.aws.values.vpc import (
    Endpoint,
    InternetGateway,
    NatGateway,
    NetworkAcl,
    NetworkInterface,
    PrefixList,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
)
from expressway.core.pages import pages

T = TypeVar("T")

_VALUES_A_FILTER = 200
_GONE_NAT_GATEWAY = {"deleted"}


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
        try:
            answer: Raw = self._client.describe_vpc_attribute(VpcId=vpc_id, Attribute=attribute)
        except ClientError as exc:
            if aws_error_code(exc) in {"InvalidVpcID.NotFound", "InvalidVpcID.Malformed", "InvalidVpcId.Malformed"}:
                return None
            raise map_aws_error(exc, f"describe {attribute} of {vpc_id}") from exc
        except BotoCoreError as exc:
            raise map_aws_error(exc, f"describe {attribute} of {vpc_id}") from exc
        member = attribute[0].upper() + attribute[1:]
        return bool(answer.get(member, {}).get("Value", False))

    def subnets(self, subnet_ids: Sequence[str]) -> tuple[Subnet, ...]:
        found = self._named("describe_subnets", "Subnets", "subnet-id", subnet_ids, subnet)
        return tuple(one for one in found if one.subnet_id in subnet_ids)

    def subnets_of(self, vpc_ids: Sequence[str]) -> tuple[Subnet, ...]:
        return self._named("describe_subnets", "Subnets", "vpc-id", vpc_ids, subnet)

    def security_groups(self, group_ids: Sequence[str]) -> tuple[SecurityGroup, ...]:
        found = self._named("describe_security_groups", "SecurityGroups", "group-id", group_ids, security_group)
        return tuple(one for one in found if one.group_id in group_ids)

    def default_groups(self, vpc_ids: Sequence[str]) -> tuple[SecurityGroup, ...]:
        """The group that each VPC gives to what names none."""
        filters = [{"Name": "vpc-id", "Values": list(vpc_ids)}, {"Name": "group-name", "Values": ["default"]}]
        pages = self._pages("describe_security_groups", "SecurityGroups", "describe security groups", Filters=filters)
        return tuple(security_group(raw) for raw in pages)

    def route_tables(self, vpc_ids: Sequence[str]) -> tuple[RouteTable, ...]:
        return self._named("describe_route_tables", "RouteTables", "vpc-id", vpc_ids, route_table)

    def network_acls(self, vpc_ids: Sequence[str]) -> tuple[NetworkAcl, ...]:
        return self._named("describe_network_acls", "NetworkAcls", "vpc-id", vpc_ids, network_acl)

    def endpoints(self, vpc_ids: Sequence[str]) -> tuple[Endpoint, ...]:
        found = self._named("describe_vpc_endpoints", "VpcEndpoints", "vpc-id", vpc_ids, endpoint)
        return tuple(one for one in found if one.vpc_id in vpc_ids)

    def nat_gateways(self, vpc_ids: Sequence[str]) -> tuple[NatGateway, ...]:
        """NAT gateways that are not deleted; EC2 remembers deleted ones for an hour."""
        found = self._named("describe_nat_gateways", "NatGateways", "vpc-id", vpc_ids, nat_gateway)
        return tuple(one for one in found if one.state not in _GONE_NAT_GATEWAY)

    def internet_gateways(self, vpc_ids: Sequence[str]) -> tuple[InternetGateway, ...]:
        return self._named(
            "describe_internet_gateways", "InternetGateways", "attachment.vpc-id", vpc_ids, internet_gateway
        )

    def network_interfaces(self, interface_ids: Sequence[str]) -> tuple[NetworkInterface, ...]:
        found = self._named(
            "describe_network_interfaces", "NetworkInterfaces", "network-interface-id", interface_ids, network_interface
        )
        return tuple(one for one in found if one.network_interface_id in interface_ids)

    def prefix_lists(self, prefix_list_ids: Sequence[str]) -> tuple[PrefixList, ...]:
        """Managed prefix lists with their entries, AWS's own included."""
        found = self._named(
            "describe_managed_prefix_lists", "PrefixLists", "prefix-list-id", prefix_list_ids, _prefix_list
        )
        return tuple(
            PrefixList(one.prefix_list_id, one.name, self._entries(one.prefix_list_id))
            for one in found
            if one.prefix_list_id in prefix_list_ids
        )

    def _entries(self, prefix_list_id: str) -> tuple[str, ...]:
        doing = f"read the entries of {prefix_list_id}"
        pages = self._pages("get_managed_prefix_list_entries", "Entries", doing, PrefixListId=prefix_list_id)
        return tuple(str(one.get("Cidr", "")) for one in pages)

    # -- asking ---------------------------------------------------------------------------------------------
    def _named(
        self, operation: str, key: str, name: str, values: Sequence[str], value_of: Callable[[Raw], T]
    ) -> tuple[T, ...]:
        """Everything of one kind whose `name` is among `values`; EC2 takes 200 values a filter."""
        found: list[T] = []
        for start in range(0, len(values), _VALUES_A_FILTER):
            wanted = [{"Name": name, "Values": list(values[start : start + _VALUES_A_FILTER])}]
            # The one operation of EC2's whose parameter is called otherwise.
            parameter = "Filter" if operation == "describe_nat_gateways" else "Filters"
            doing = operation.replace("_", " ").replace("describe", "describe the", 1)
            found.extend(value_of(raw) for raw in self._pages(operation, key, doing, **{parameter: wanted}))
        return tuple(found)

    def _pages(self, operation: str, key: str, doing: str, **arguments: Any) -> Iterator[Raw]:
        try:
            for page in pages(partial(getattr(self._client, operation), **arguments), doing=doing, by="NextToken"):
                yield from page.get(key, ())
        except (ClientError, BotoCoreError) as exc:
            raise map_aws_error(exc, doing) from exc


def _prefix_list(raw: Raw) -> PrefixList:
    return PrefixList(raw.get("PrefixListId", ""), raw.get("PrefixListName", ""))
