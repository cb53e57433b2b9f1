"""Where a service lives: VPC, subnets, security groups, and whether its load balancer faces the internet.

A default VPC has an internet gateway, a default route to it, and DNS host names (Amazon VPC guide, "Default VPCs");
ministack makes the gateway only.
"""

from collections.abc import Callable
from dataclasses import dataclass

from expressway_sandbox import emulator
from expressway_sandbox.emulator import AwsFault


def hook() -> None:
    """Complete the default VPC of every account and region."""
    emulator.wrap("services.ec2", _init_defaults=_open_default_vpc)
    _open_default_vpc(lambda: None)  # ministack has made that of its own account while it was imported


def _open_default_vpc(make_defaults: Callable[[], None]) -> None:
    make_defaults()
    ec2 = emulator.module("services.ec2")
    vpc = ec2._vpcs.get(ec2._DEFAULT_VPC_ID)
    table = ec2._route_tables.get(ec2._DEFAULT_RTB_ID)
    if vpc is not None:
        vpc.setdefault("EnableDnsHostnames", True)
    if table is not None and not any(route.get("DestinationCidrBlock") == "0.0.0.0/0" for route in table["Routes"]):
        way_out = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": ec2._DEFAULT_IGW_ID}
        table["Routes"].append({**way_out, "State": "active", "Origin": "CreateRoute"})


@dataclass(frozen=True, slots=True)
class Placement:
    """The VPC and subnets of a service; `access_type` is PUBLIC or PRIVATE."""

    vpc_id: str
    subnets: tuple[str, ...]
    access_type: str


def place(subnets: tuple[str, ...]) -> Placement:
    """Find the VPC for the subnets asked for, or the default VPC.

    ECS gives public subnets an internet-facing load balancer and others an internal one; ministack's subnets
    tell them apart by MapPublicIpOnLaunch. Express Mode documentation, "Networking defaults".

    Raises:
        AwsFault: InvalidParameterException for an unknown subnet, or fewer than two zones.
    """
    parameters = {f"SubnetId.{i}": subnet for i, subnet in enumerate(subnets, 1)}
    if not subnets:
        parameters = {"Filter.1.Name": "default-for-az", "Filter.1.Value.1": "true"}
    try:
        answer = emulator.call_query("ec2", "DescribeSubnets", parameters)
    except AwsFault as fault:
        raise AwsFault(
            "InvalidParameterException",
            f"Error retrieving subnet information for [{', '.join(subnets)}]: {fault.message} "
            f"(ErrorCode: {fault.code})",
        ) from fault
    found = answer.findall("./subnetSet/item")
    vpcs = {item.findtext("vpcId") or "" for item in found}
    if len(vpcs) != 1:
        raise AwsFault("InvalidParameterException", "The subnets must all belong to one VPC.")
    if len({item.findtext("availabilityZone") for item in found}) < 2:
        message = "At least two subnets in two different Availability Zones must be specified"
        raise AwsFault("InvalidParameterException", message)
    public = all(item.findtext("mapPublicIpOnLaunch") == "true" for item in found)
    return Placement(
        vpc_id=vpcs.pop(),
        subnets=tuple(item.findtext("subnetId") or "" for item in found),
        access_type="PUBLIC" if public else "PRIVATE",
    )


def check_security_groups(group_ids: tuple[str, ...]) -> None:
    """Refuse security groups that do not exist, with ECS's text.

    Raises:
        AwsFault: InvalidParameterException.
    """
    if not group_ids:
        return
    filters = {"Filter.1.Name": "group-id"} | {f"Filter.1.Value.{i}": group for i, group in enumerate(group_ids, 1)}
    answer = emulator.call_query("ec2", "DescribeSecurityGroups", filters)
    found = {item.findtext("groupId") for item in answer.findall("./securityGroupInfo/item")}
    missing = [group for group in group_ids if group not in found]
    if missing:
        raise AwsFault(
            "InvalidParameterException",
            f"Error retrieving security group information for [{', '.join(group_ids)}]: The security group "
            f"'{missing[0]}' does not exist (ErrorCode: InvalidGroup.NotFound)",
        )


def create_security_group(name: str, description: str, vpc_id: str) -> str:
    """Create a security group and return its id; one of that name is used again."""
    with emulator.tolerating("InvalidGroup.Duplicate"):
        request = {"GroupName": name, "GroupDescription": description, "VpcId": vpc_id}
        return emulator.call_query("ec2", "CreateSecurityGroup", request).findtext(".//groupId") or ""
    request = {"Filter.1.Name": "group-name", "Filter.1.Value.1": name}
    answer = emulator.call_query("ec2", "DescribeSecurityGroups", request)
    return answer.findtext(".//groupId") or ""


def allow_ingress(group_id: str, port: int, *, from_group: str | None = None) -> None:
    """Let TCP traffic to `port` in: from everywhere, or from another security group only."""
    request = {
        "GroupId": group_id,
        "IpPermissions.1.IpProtocol": "tcp",
        "IpPermissions.1.FromPort": str(port),
        "IpPermissions.1.ToPort": str(port),
    }
    if from_group:
        request["IpPermissions.1.Groups.1.GroupId"] = from_group
    else:
        request["IpPermissions.1.IpRanges.1.CidrIp"] = "0.0.0.0/0"
    with emulator.tolerating("InvalidPermission.Duplicate"):
        emulator.call_query("ec2", "AuthorizeSecurityGroupIngress", request)


def delete_security_group(group_id: str) -> None:
    """Delete a security group; one that is gone already is fine."""
    with emulator.tolerating("InvalidGroup.NotFound"):
        emulator.call_query("ec2", "DeleteSecurityGroup", {"GroupId": group_id})
