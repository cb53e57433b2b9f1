"""Routes, rules, subnets and load balancers: what keeps packets from arriving."""

from tests.e2e.scenarios.recorded.collection import recorded
from tests.e2e.scenarios.recorded.healthy import Situation
from tests.e2e.scenarios.recorded.world import ACCOUNT, REGION, Record

_FAILING = "tasks_missing deployment_in_progress deployment_stuck deployment_failed crash_loop registry_unreachable"
_UNHEALTHY = "deployment_in_progress deployment_stuck health_check_failed tasks_missing"
_PULL_TIMEOUT = (
    "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from "
    "Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. "
    "RequestError: "
    f'send request failed caused by: Post "https://api.ecr.{REGION}.amazonaws.com/": dial tcp 192.0.2.10:443: i/o '
    "timeout"
)


def _private(situation: Situation) -> Record:
    """Take the way to the internet away; the route table, for another way."""
    table = situation.world.one("ec2.route_tables")
    table["Routes"] = [one for one in table["Routes"] if one["GatewayId"] == "local"]
    _without_public_ip(situation)
    return table


def _without_public_ip(situation: Situation) -> None:
    for record in (situation.service, situation.service["deployments"][0], situation.revision):
        record["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] = "DISABLED"
    for subnet in situation.world.all("ec2.subnets"):
        subnet["MapPublicIpOnLaunch"] = False
    for interface in situation.world.all("ec2.network_interfaces"):
        interface.pop("Association", None)


def _internal(situation: Situation) -> None:
    """A load balancer inside, as ECS makes it for subnets without a way to the internet."""
    situation.world.one("elbv2.load_balancers")["Scheme"] = "internal"
    path = situation.revision["ecsManagedResources"]["ingressPaths"][0]
    path["accessType"] = "PRIVATE"
    path["loadBalancer"]["scheme"] = "internal"
    situation.configuration["ingressPaths"][0]["accessType"] = "PRIVATE"


@recorded(
    "private subnets without NAT or endpoints",
    finds="no_internet_route",
    also=_FAILING,
    words=r"no (?:route|nat|way)|connection issue between the task and amazon ecr|i/o timeout",
    symptoms="tasks cannot pull the image, timeout",
)
def no_route_out(situation: Situation) -> None:
    _private(situation)
    _internal(situation)
    situation.tasks_fail(stopped_reason=_PULL_TIMEOUT)


@recorded(
    "public subnets, no public IP",
    finds="no_public_ip",
    also=_FAILING,
    words=r"public ip|connection issue between the task and amazon ecr|i/o timeout",
)
def no_public_ip(situation: Situation) -> None:
    _without_public_ip(situation)
    situation.tasks_fail(stopped_reason=_PULL_TIMEOUT)


@recorded(
    "the task's security group lets nothing out",
    finds="egress_blocked",
    also=_FAILING,
    words=r"egress|outbound|connection issue between the task and amazon ecr|i/o timeout",
)
def no_egress(situation: Situation) -> None:
    group = next(one for one in situation.world.all("ec2.security_groups") if one["GroupName"] == "task")
    group["IpPermissionsEgress"] = []
    situation.tasks_fail(stopped_reason=_PULL_TIMEOUT)


@recorded(
    "the NAT gateway of the route is gone",
    finds="blackhole_route",
    also=_FAILING,
    words=r"black ?hole|nat gateway|connection issue between the task and amazon ecr|i/o timeout",
)
def route_is_a_blackhole(situation: Situation) -> None:
    table = _private(situation)
    _internal(situation)
    gone = {
        "DestinationCidrBlock": "0.0.0.0/0",
        "NatGatewayId": "nat-0aaaaaaaaaaaaaaaa",
        "State": "blackhole",
        "Origin": "CreateRoute",
    }
    table["Routes"].append(gone)
    situation.tasks_fail(stopped_reason=_PULL_TIMEOUT)


@recorded("private subnets with every endpoint: nothing is wrong", finds="", words=r"no issues|healthy|steady")
def private_with_endpoints(situation: Situation) -> None:
    table = _private(situation)
    _internal(situation)
    network = situation.network
    table["Routes"].append(
        {
            "DestinationPrefixListId": "pl-63a5400a",
            "GatewayId": f"vpce-{situation.id('s3')}",
            "State": "active",
            "Origin": "CreateRoute",
        }
    )
    https = [
        {
            "IpProtocol": "tcp",
            "FromPort": 443,
            "ToPort": 443,
            "UserIdGroupPairs": [{"GroupId": network.task_group, "UserId": ACCOUNT}],
        }
    ]
    group = f"sg-{situation.id('sg', 'endpoints')}"
    situation.world.add(
        "ec2.security_groups",
        {
            "GroupId": group,
            "GroupName": "endpoints",
            "VpcId": network.vpc,
            "Description": "endpoints",
            "IpPermissions": https,
            "IpPermissionsEgress": [],
        },
    )
    for service in ("ecr.api", "ecr.dkr", "logs"):
        situation.world.add(
            "ec2.vpc_endpoints",
            {
                "VpcEndpointId": f"vpce-{situation.id(service)}",
                "VpcId": network.vpc,
                "ServiceName": f"com.amazonaws.{REGION}.{service}",
                "VpcEndpointType": "Interface",
                "State": "Available",
                "SubnetIds": network.subnets,
                "PrivateDnsEnabled": True,
                "Groups": [{"GroupId": group, "GroupName": "endpoints"}],
            },
        )
    situation.world.add(
        "ec2.vpc_endpoints",
        {
            "VpcEndpointId": f"vpce-{situation.id('s3')}",
            "VpcId": network.vpc,
            "ServiceName": f"com.amazonaws.{REGION}.s3",
            "VpcEndpointType": "Gateway",
            "State": "Available",
            "RouteTableIds": [network.route_table],
        },
    )


@recorded(
    "the endpoints' security group is closed",
    finds="endpoint_blocked",
    also=_FAILING,
    words=r"endpoint[^.\"]{0,120}(?:block|closed|not (?:let|allow)|denie)",
)
def endpoints_closed(situation: Situation) -> None:
    private_with_endpoints(situation)
    group = next(one for one in situation.world.all("ec2.security_groups") if one["GroupName"] == "endpoints")
    group["IpPermissions"] = []
    situation.tasks_fail(stopped_reason=_PULL_TIMEOUT)


@recorded(
    "a network ACL lets no answers in",
    finds="network_acl_denies",
    also=_FAILING,
    words=r"acl[^.\"]{0,120}(?:block|denie|not (?:let|allow))",
)
def acl_denies_answers(situation: Situation) -> None:
    [acl] = situation.world.all("ec2.network_acls")
    https = {
        "CidrBlock": "0.0.0.0/0",
        "Egress": False,
        "Protocol": "6",
        "RuleAction": "allow",
        "RuleNumber": 100,
        "PortRange": {"From": 443, "To": 443},
    }
    acl["Entries"] = [one for one in acl["Entries"] if one["Egress"] or one["RuleNumber"] != 100] + [https]
    situation.tasks_fail(stopped_reason=_PULL_TIMEOUT)


@recorded("private subnets with a NAT gateway: nothing is wrong", finds="", words=r"no issues|healthy|steady")
def private_with_nat(situation: Situation) -> None:
    """Tasks in subnets of their own behind a NAT gateway; the load balancer stays in the public ones."""
    network, number = situation.network, situation.network.number
    private = [f"subnet-{situation.id('private', zone)}" for zone in ("a", "b")]
    for third, (subnet, zone) in enumerate(zip(private, ("us-east-1a", "us-east-1b"), strict=True), start=10):
        situation.world.add(
            "ec2.subnets",
            {
                "SubnetId": subnet,
                "VpcId": network.vpc,
                "AvailabilityZone": zone,
                "CidrBlock": f"10.{number}.{third}.0/24",
                "AvailableIpAddressCount": 250,
                "MapPublicIpOnLaunch": False,
                "State": "available",
            },
        )
        situation.world.all("ec2.network_acls")[0]["Associations"].append(
            {"NetworkAclAssociationId": f"aclassoc-{subnet}", "NetworkAclId": f"acl-{number}", "SubnetId": subnet}
        )
    nat = f"nat-{situation.id('nat')}"
    situation.world.add(
        "ec2.nat_gateways",
        {
            "NatGatewayId": nat,
            "VpcId": network.vpc,
            "SubnetId": network.subnets[0],
            "State": "available",
            "ConnectivityType": "public",
        },
    )
    routes = [
        {
            "DestinationCidrBlock": f"10.{number}.0.0/16",
            "GatewayId": "local",
            "State": "active",
            "Origin": "CreateRouteTable",
        },
        {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": nat, "State": "active", "Origin": "CreateRoute"},
    ]
    table = f"rtb-{situation.id('private')}"
    associations = [
        {"RouteTableAssociationId": f"rtbassoc-{subnet}", "RouteTableId": table, "SubnetId": subnet, "Main": False}
        for subnet in private
    ]
    situation.world.add(
        "ec2.route_tables",
        {"RouteTableId": table, "VpcId": network.vpc, "Routes": routes, "Associations": associations},
    )
    for record in (situation.service, situation.service["deployments"][0], situation.revision):
        record["networkConfiguration"] = {
            "awsvpcConfiguration": {
                "subnets": private,
                "securityGroups": [network.task_group],
                "assignPublicIp": "DISABLED",
            }
        }
    situation.configuration["networkConfiguration"]["subnets"] = private
    for interface in situation.world.all("ec2.network_interfaces"):
        interface["SubnetId"] = private[0]
        interface.pop("Association", None)


@recorded(
    "the task's group does not let the load balancer in",
    finds="load_balancer_blocked",
    also=_UNHEALTHY,
    words=r"security group[^.]{0,120}(?:block|not (?:let|allow)|does not|lacks)",
)
def group_blocks_load_balancer(situation: Situation) -> None:
    group = next(one for one in situation.world.all("ec2.security_groups") if one["GroupName"] == "task")
    group["IpPermissions"][0].update(FromPort=80, ToPort=80)
    situation.fails_health_check("Target.Timeout", "Request timed out")


@recorded(
    "both subnets lie in one zone",
    finds="subnets_one_zone",
    also="subnets_unfit infrastructure_failed tasks_missing deployment_in_progress deployment_stuck",
    words=r"(?:one|same|single|two|different) (?:availability )?zones?",
)
def subnets_in_one_zone(situation: Situation) -> None:
    for subnet in situation.world.all("ec2.subnets"):
        subnet["AvailabilityZone"] = "us-east-1a"
    situation.stop_serving()
    path = situation.revision["ecsManagedResources"]["ingressPaths"][0]
    refused = "At least two subnets in two different Availability Zones must be specified"
    path["loadBalancer"] = {"status": "FAILED", "statusReason": refused, "updatedAt": situation.ago(8)}
    for waiting in ("listener", "rule"):
        path[waiting] = {"status": "PROVISIONING", "updatedAt": situation.ago(8)}
    for gone in ("elbv2.load_balancers", "elbv2.listeners", "elbv2.rules"):
        situation.world.remove(gone)
    situation.world.one("elbv2.target_groups")["LoadBalancerArns"] = []
    situation.deployment["lifecycleStage"] = "PRE_SCALE_UP"


@recorded(
    "the subnets have no free addresses",
    finds="subnet_full",
    also="tasks_missing deployment_in_progress deployment_stuck",
    words=r"free (?:ip )?addresses|InsufficientFreeAddresses",
)
def no_free_addresses(situation: Situation) -> None:
    for subnet in situation.world.all("ec2.subnets"):
        subnet["AvailableIpAddressCount"] = 0
    situation.stop_serving()
    subnet = situation.network.subnets[0]
    situation.say(
        "(service web) failed to launch a task with (error InsufficientFreeAddressesInSubnet: The specified subnet "
        f"{subnet} has insufficient free IP addresses to satisfy the request.)."
    )


@recorded(
    "a public load balancer in subnets without a way to the internet",
    finds="load_balancer_no_internet_route",
    words=r"internet[ -](?:gateway|facing|route)[^.]{0,80}(?:no|without|missing)",
    symptoms="the URL does not answer",
)
def load_balancer_without_internet(situation: Situation) -> None:
    nat = f"nat-{situation.id('nat')}"
    table = _private(situation)
    table["Routes"].append(
        {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": nat, "State": "active", "Origin": "CreateRoute"}
    )
    situation.world.add(
        "ec2.nat_gateways",
        {"NatGatewayId": nat, "VpcId": situation.network.vpc, "State": "available", "ConnectivityType": "public"},
    )
