"""The network around a healthy service: a VPC, its subnets and routes, and the load balancer in front of the tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.scenarios.recorded.names import PORT
from tests.e2e.scenarios.recorded.world import ACCOUNT, REGION, Record, World, arn

if TYPE_CHECKING:
    from tests.e2e.scenarios.recorded.healthy import Situation

_SECOND_OCTET = 10


class Network:
    """A VPC with two public subnets in two zones, an internet-facing load balancer, and groups that let it in."""

    def __init__(self, situation: Situation) -> None:
        self.number = _SECOND_OCTET
        self.vpc = f"vpc-{situation.id('vpc')}"
        self.subnets = [f"subnet-{situation.id('subnet', zone)}" for zone in ("a", "b")]
        self.balancer_group = f"sg-{situation.id('sg', 'balancer')}"
        self.task_group = f"sg-{situation.id('sg', 'task')}"
        self.gateway = f"igw-{situation.id('igw')}"
        self.route_table = f"rtb-{situation.id('rtb')}"
        short, long = situation.id("lb", length=8), situation.id("lb", length=16)
        self.load_balancer_arn = arn("elasticloadbalancing", f"loadbalancer/app/ecs-express-{short}/{long}")
        self.listener_arn = self.load_balancer_arn.replace(":loadbalancer/", ":listener/") + f"/{long}"
        self.rule_arn = self.listener_arn.replace(":listener/", ":listener-rule/") + f"/{long}"
        self.target_group_arn = arn("elasticloadbalancing", f"targetgroup/ecs-tg-{short}/{long}")
        self.endpoint = f"we-{situation.id('endpoint', length=12)}.ecs.{REGION}.on.aws"
        self._situation = situation
        self._add_ec2(situation.world)
        self._add_load_balancer(situation.world)

    def attachment(self, task_id: str, ip: str) -> Record:
        """The network interface of a task, as DescribeTasks shows it; EC2 knows it too."""
        interface = f"eni-{self._situation.id('interface', task_id)}"
        self._situation.world.add(
            "ec2.network_interfaces",
            {
                "NetworkInterfaceId": interface,
                "VpcId": self.vpc,
                "SubnetId": self.subnets[0],
                "Groups": [{"GroupId": self.task_group, "GroupName": "task"}],
                "PrivateIpAddress": ip,
                "Status": "in-use",
                "Association": {"PublicIp": f"198.51.100.{self.number % 250}"},
            },
        )
        details = {"subnetId": self.subnets[0], "networkInterfaceId": interface, "privateIPv4Address": ip}
        return {
            "id": self._situation.id("attachment", task_id, length=32),
            "type": "ElasticNetworkInterface",
            "status": "ATTACHED",
            "details": [{"name": name, "value": value} for name, value in details.items()],
        }

    def _add_ec2(self, world: World) -> None:
        block = f"10.{self.number}"
        world.add(
            "ec2.vpcs",
            {
                "VpcId": self.vpc,
                "CidrBlock": f"{block}.0.0/16",
                "State": "available",
                "CidrBlockAssociationSet": [
                    {"CidrBlock": f"{block}.0.0/16", "CidrBlockState": {"State": "associated"}}
                ],
                "IsDefault": False,
                "OwnerId": ACCOUNT,
            },
        )
        for third, (subnet, zone) in enumerate(zip(self.subnets, ("us-east-1a", "us-east-1b"), strict=True)):
            world.add(
                "ec2.subnets",
                {
                    "SubnetId": subnet,
                    "VpcId": self.vpc,
                    "AvailabilityZone": zone,
                    "CidrBlock": f"{block}.{third}.0/24",
                    "AvailableIpAddressCount": 240,
                    "MapPublicIpOnLaunch": True,
                    "State": "available",
                },
            )
        world.add(
            "ec2.internet_gateways",
            {"InternetGatewayId": self.gateway, "Attachments": [{"VpcId": self.vpc, "State": "attached"}]},
        )
        routes = [
            {
                "DestinationCidrBlock": f"{block}.0.0/16",
                "GatewayId": "local",
                "State": "active",
                "Origin": "CreateRouteTable",
            },
            {
                "DestinationCidrBlock": "0.0.0.0/0",
                "GatewayId": self.gateway,
                "State": "active",
                "Origin": "CreateRoute",
            },
        ]
        main = {
            "RouteTableAssociationId": f"rtbassoc-{self.number}",
            "RouteTableId": self.route_table,
            "Main": True,
            "AssociationState": {"State": "associated"},
        }
        world.add(
            "ec2.route_tables",
            {"RouteTableId": self.route_table, "VpcId": self.vpc, "Routes": routes, "Associations": [main]},
        )
        entries = [
            {"CidrBlock": "0.0.0.0/0", "Egress": egress, "Protocol": "-1", "RuleAction": action, "RuleNumber": number}
            for egress in (True, False)
            for number, action in ((100, "allow"), (32767, "deny"))
        ]
        associations = [
            {"NetworkAclAssociationId": f"aclassoc-{subnet}", "NetworkAclId": f"acl-{self.number}", "SubnetId": subnet}
            for subnet in self.subnets
        ]
        world.add(
            "ec2.network_acls",
            {
                "NetworkAclId": f"acl-{self.number}",
                "VpcId": self.vpc,
                "IsDefault": True,
                "Entries": entries,
                "Associations": associations,
            },
        )
        everywhere = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        https = [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        from_balancer = [
            {
                "IpProtocol": "tcp",
                "FromPort": PORT,
                "ToPort": PORT,
                "UserIdGroupPairs": [{"GroupId": self.balancer_group, "UserId": ACCOUNT}],
            }
        ]
        for group, name, ingress in (
            (self.balancer_group, "balancer", https),
            (self.task_group, "task", from_balancer),
        ):
            world.add(
                "ec2.security_groups",
                {
                    "GroupId": group,
                    "GroupName": name,
                    "VpcId": self.vpc,
                    "Description": name,
                    "OwnerId": ACCOUNT,
                    "IpPermissions": ingress,
                    "IpPermissionsEgress": everywhere,
                },
            )

    def _add_load_balancer(self, world: World) -> None:
        zones = [
            {"ZoneName": zone, "SubnetId": subnet}
            for subnet, zone in zip(self.subnets, ("us-east-1a", "us-east-1b"), strict=True)
        ]
        name = self.load_balancer_arn.split("/")[2]
        world.add(
            "elbv2.load_balancers",
            {
                "LoadBalancerArn": self.load_balancer_arn,
                "LoadBalancerName": name,
                "DNSName": f"{name}.{REGION}.elb.amazonaws.com",
                "Type": "application",
                "Scheme": "internet-facing",
                "VpcId": self.vpc,
                "State": {"Code": "active"},
                "AvailabilityZones": zones,
                "SecurityGroups": [self.balancer_group],
                "IpAddressType": "ipv4",
            },
        )
        forward = [{"Type": "forward", "TargetGroupArn": self.target_group_arn}]
        world.add(
            "elbv2.listeners",
            {
                "ListenerArn": self.listener_arn,
                "LoadBalancerArn": self.load_balancer_arn,
                "Port": 443,
                "Protocol": "HTTPS",
                "DefaultActions": forward,
            },
        )
        host = [{"Field": "host-header", "HostHeaderConfig": {"Values": [self.endpoint]}, "Values": [self.endpoint]}]
        world.add(
            "elbv2.rules",
            {
                "ListenerArn": self.listener_arn,
                "Rule": {
                    "RuleArn": self.rule_arn,
                    "Priority": "1",
                    "Conditions": host,
                    "Actions": forward,
                    "IsDefault": False,
                },
            },
        )
        world.add(
            "elbv2.target_groups",
            {
                "TargetGroupArn": self.target_group_arn,
                "Protocol": "HTTP",
                "Port": PORT,
                "TargetGroupName": self.target_group_arn.split("/")[1],
                "VpcId": self.vpc,
                "HealthCheckProtocol": "HTTP",
                "HealthCheckPort": "traffic-port",
                "HealthCheckEnabled": True,
                "HealthCheckPath": "/",
                "HealthCheckIntervalSeconds": 30,
                "HealthCheckTimeoutSeconds": 5,
                "HealthyThresholdCount": 5,
                "UnhealthyThresholdCount": 2,
                "Matcher": {"HttpCode": "200"},
                "TargetType": "ip",
                "LoadBalancerArns": [self.load_balancer_arn],
            },
        )
