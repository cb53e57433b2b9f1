"""Networks, load balancers and placements as the embedded AWS tells them, and what it cannot tell."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import botocore.session
import pytest

from expressway.aws import ec2
from expressway.aws.ec2 import Network
from expressway.aws.ecs.client import Ecs
from expressway.aws.elbv2 import LoadBalancers
from expressway.aws.session import AwsSession, open_session
from expressway.aws.values.network import AclEntry, Endpoint, NatGateway, Route, SecurityRule, TargetBinding
from expressway.aws.values.service import TargetHealth
from expressway.errors import TargetError
from tests.aws.fakes import AnsweringSession

if TYPE_CHECKING:
    from expressway_sandbox.lifecycle import SandboxInfo

GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/tg/0123456789abcdef"
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/lb/0123456789abcdef"
SERVICE = "arn:aws:ecs:us-east-1:123456789012:service/default/web"
REVISION = "arn:aws:ecs:us-east-1:123456789012:service-revision/default/web/1"
DEFINITION = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1"
RULE = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener-rule/app/lb/1/2/3"


def answering(**answers: Any) -> AwsSession:
    """A session that answers by ``service__operation``."""
    return cast("AwsSession", AnsweringSession({name.replace("__", "."): found for name, found in answers.items()}))


# -- on the embedded AWS ------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Site:
    """A VPC with a public and a private subnet, made through boto3."""

    session: AwsSession
    vpc_id: str
    public: str
    private: str
    group_id: str
    table_id: str
    gateway_id: str


@pytest.fixture(scope="module")
def site(embedded_aws: "SandboxInfo") -> Site:
    session = open_session(sandbox_url=embedded_aws.endpoint_url, environ={})
    ec2 = session.client("ec2")
    vpc_id = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc_id, CidrBlock=f"10.7.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"]
        for n, zone in enumerate("ab")
    ]
    group_id = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc_id)["GroupId"]
    table_id = ec2.create_route_table(VpcId=vpc_id)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table_id, SubnetId=subnets[0]["SubnetId"])
    gateway_id = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc_id)
    ec2.create_route(RouteTableId=table_id, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway_id)
    return Site(session, vpc_id, subnets[0]["SubnetId"], subnets[1]["SubnetId"], group_id, table_id, gateway_id)


@pytest.mark.sandbox
@pytest.mark.engine
class TestOnTheEmbeddedAws:
    def test_subnets_are_told_and_those_that_do_not_exist_are_left_out(self, site: Site) -> None:
        found = Network(site.session).subnets([site.public, "subnet-0123456789abcdef0"])

        assert [(one.subnet_id, one.vpc_id, one.zone, one.cidr_block) for one in found] == [
            (site.public, site.vpc_id, "us-east-1a", "10.7.0.0/24")
        ]
        assert found[0].free_address_count > 200
        assert {one.subnet_id for one in Network(site.session).subnets_of([site.vpc_id])} == {site.public, site.private}

    def test_route_tables_tell_their_subnets_and_where_routes_lead(self, site: Site) -> None:
        tables = Network(site.session).route_tables([site.vpc_id])

        mine = next(one for one in tables if one.route_table_id == site.table_id)
        main = next(one for one in tables if one.is_main)
        assert mine.subnet_ids == (site.public,)
        assert Route("0.0.0.0/0", site.gateway_id, "internet_gateway", "active") in mine.routes
        assert [one.kind for one in main.routes] == ["local"]

    def test_security_groups_tell_every_peer_of_their_rules(self, site: Site) -> None:
        ec2 = site.session.client("ec2")
        ec2.authorize_security_group_ingress(
            GroupId=site.group_id,
            IpPermissions=[
                {
                    "IpProtocol": "tcp",
                    "FromPort": 8000,
                    "ToPort": 9000,
                    "IpRanges": [{"CidrIp": "10.7.0.0/16"}],
                    "UserIdGroupPairs": [{"GroupId": site.group_id}],
                }
            ],
        )

        (group,) = Network(site.session).security_groups([site.group_id, "sg-0123456789abcdef1"])

        assert {(one.protocol, one.from_port, one.to_port) for one in group.ingress} == {("tcp", 8000, 9000)}
        assert {block for one in group.ingress for block in one.cidr_blocks} == {"10.7.0.0/16"}
        assert {peer for one in group.ingress for peer in one.group_ids} == {site.group_id}
        assert group.egress == (SecurityRule("-1", cidr_blocks=("0.0.0.0/0",)),)

    def test_the_default_group_of_a_vpc_is_found(self, site: Site) -> None:
        assert [one.name for one in Network(site.session).default_groups([site.vpc_id])] == ["default"]

    def test_network_acls_tell_their_entries_in_order(self, site: Site) -> None:
        (acl,) = Network(site.session).network_acls([site.vpc_id])

        assert [(one.number, one.is_allowed) for one in acl.entries if one.is_egress] == [(100, True), (32767, False)]

    def test_vpcs_endpoints_and_gateways_are_told(self, site: Site) -> None:
        ec2, network = site.session.client("ec2"), Network(site.session)
        ec2.create_vpc_endpoint(
            VpcId=site.vpc_id,
            ServiceName="com.amazonaws.us-east-1.s3",
            VpcEndpointType="Gateway",
            RouteTableIds=[site.table_id],
        )
        ec2.create_nat_gateway(SubnetId=site.public, ConnectivityType="private")

        assert [one.cidr_blocks for one in network.vpcs([site.vpc_id])] == [("10.7.0.0/16",)]
        assert network.dns_attribute(site.vpc_id, "enableDnsSupport")
        assert network.dns_attribute(site.vpc_id, "enableDnsHostnames") is False
        assert network.dns_attribute("vpc-0123456789abcdef0", "enableDnsSupport") is None
        (endpoint,) = network.endpoints([site.vpc_id])
        assert (endpoint.kind, endpoint.state, endpoint.route_table_ids) == ("Gateway", "available", (site.table_id,))
        (nat,) = network.nat_gateways([site.vpc_id])
        assert (nat.subnet_id, nat.is_public) == (site.public, False)
        assert [one.internet_gateway_id for one in network.internet_gateways([site.vpc_id])] == [site.gateway_id]

    def test_prefix_lists_come_with_their_entries(self, site: Site) -> None:
        ec2 = site.session.client("ec2")
        made = ec2.create_managed_prefix_list(
            PrefixListName="corp", MaxEntries=2, AddressFamily="IPv4", Entries=[{"Cidr": "198.51.100.0/24"}]
        )["PrefixList"]

        (found,) = Network(site.session).prefix_lists([made["PrefixListId"]])

        assert (found.name, found.cidr_blocks) == ("corp", ("198.51.100.0/24",))

    def test_a_target_group_names_the_load_balancer_whose_rule_forwards_to_it(self, site: Site) -> None:
        elbv2, balancers = site.session.client("elbv2"), LoadBalancers(site.session)
        balancer = elbv2.create_load_balancer(Name="lb-net", Subnets=[site.public, site.private], Scheme="internal")
        balancer_arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
        made = elbv2.create_target_group(Name="tg-net", Protocol="HTTP", Port=80, VpcId=site.vpc_id, TargetType="ip")
        group_arn = made["TargetGroups"][0]["TargetGroupArn"]
        answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
        listener = elbv2.create_listener(
            LoadBalancerArn=balancer_arn, Protocol="HTTP", Port=80, DefaultActions=[answer]
        )["Listeners"][0]["ListenerArn"]
        before = balancers.target_groups([group_arn])

        rule = elbv2.create_rule(
            ListenerArn=listener,
            Priority=1,
            Conditions=[{"Field": "path-pattern", "Values": ["/web"]}],
            Actions=[{"Type": "forward", "TargetGroupArn": group_arn}],
        )["Rules"][0]["RuleArn"]

        assert [one.load_balancer_arns for one in before] == [()]
        assert [one.load_balancer_arns for one in balancers.target_groups([group_arn])] == [(balancer_arn,)]
        assert balancers.missing_rules([rule, f"{rule}0"]) == (f"{rule}0",)
        (told,) = balancers.load_balancers([balancer_arn])
        assert (told.scheme, set(told.subnet_ids)) == ("internal", {site.public, site.private})

    def test_a_service_of_ones_own_tells_its_network(self, site: Site) -> None:
        ecs = site.session.client("ecs")
        ecs.create_cluster(clusterName="placed")
        ecs.register_task_definition(
            family="placed",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[
                {
                    "name": "web",
                    "image": "nginx",
                    "secrets": [{"name": "A", "valueFrom": "/web/a"}],
                    "logConfiguration": {
                        "logDriver": "awslogs",
                        "options": {"awslogs-group": "/web", "awslogs-region": "us-east-1"},
                    },
                }
            ],
        )
        network = {"subnets": [site.private], "securityGroups": [site.group_id], "assignPublicIp": "DISABLED"}
        ecs.create_service(
            cluster="placed",
            serviceName="web",
            taskDefinition="placed",
            desiredCount=0,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": network},
        )
        placements = Ecs(site.session)

        (placed,) = placements.placements("placed", placements.service_names("placed"))

        assert (placed.subnet_ids, placed.security_group_ids) == ((site.private,), (site.group_id,))
        assert (placed.assign_public_ip, placed.launch_type, placed.is_express) == (False, "FARGATE", False)
        definition = placements.task_definition(placed.task_definition_arn)
        assert definition is not None
        assert [one.image for one in definition.images] == ["nginx"]
        assert [one.value_from for one in definition.secrets] == ["/web/a"]
        assert [one.region for one in definition.log_configurations] == ["us-east-1"]
        assert placements.placements("placed", ["nobody"]) == ()
        assert placements.placements("nowhere", ["web"]) == ()


# -- what the embedded AWS cannot tell ----------------------------------------------------------------------
def test_an_interface_endpoint_tells_its_groups_and_its_dns() -> None:
    session = answering(
        ec2__describe_vpc_endpoints={
            "VpcEndpoints": [
                {
                    "VpcEndpointId": "vpce-1",
                    "VpcEndpointType": "Interface",
                    "VpcId": "vpc-1",
                    "ServiceName": "com.amazonaws.us-east-1.ecr.api",
                    "State": "PendingAcceptance",
                    "SubnetIds": ["subnet-1"],
                    "Groups": [{"GroupId": "sg-1", "GroupName": "endpoints"}],
                    "PrivateDnsEnabled": True,
                }
            ]
        }
    )

    assert Network(session).endpoints(["vpc-1"]) == (
        Endpoint(
            "vpce-1",
            "com.amazonaws.us-east-1.ecr.api",
            "vpc-1",
            "Interface",
            "pendingacceptance",
            ("subnet-1",),
            ("sg-1",),
            (),
            has_private_dns=True,
        ),
    )


@pytest.mark.parametrize(
    ("route", "target", "kind"),
    [
        ({"GatewayId": "local"}, "local", "local"),
        ({"GatewayId": "igw-1"}, "igw-1", "internet_gateway"),
        ({"GatewayId": "vgw-1"}, "vgw-1", "virtual_private_gateway"),
        ({"GatewayId": "vpce-1"}, "vpce-1", "endpoint"),
        ({"NatGatewayId": "nat-1"}, "nat-1", "nat_gateway"),
        ({"TransitGatewayId": "tgw-1"}, "tgw-1", "transit_gateway"),
        ({"VpcPeeringConnectionId": "pcx-1"}, "pcx-1", "peering"),
        ({"InstanceId": "i-1", "NetworkInterfaceId": "eni-1"}, "eni-1", "network_interface"),
        ({"EgressOnlyInternetGatewayId": "eigw-1"}, "eigw-1", "egress_only_gateway"),
        ({"CoreNetworkArn": "arn:core"}, "arn:core", "other"),
    ],
)
def test_a_route_leads_to_what_ec2_names(route: dict[str, str], target: str, kind: str) -> None:
    raw = {"DestinationCidrBlock": "0.0.0.0/0", "State": "blackhole", **route}
    session = answering(
        ec2__describe_route_tables={"RouteTables": [{"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Routes": [raw]}]}
    )

    (table,) = Network(session).route_tables(["vpc-1"])

    assert [(one.target, one.kind, one.is_blackhole) for one in table.routes] == [(target, kind, True)]


def test_every_page_is_read() -> None:
    def page(asked: dict[str, Any]) -> dict[str, Any]:
        second = asked.get("NextToken") == "more"
        one = {"NatGatewayId": "nat-2" if second else "nat-1", "State": "available", "VpcId": "vpc-1"}
        return {"NatGateways": [one]} if second else {"NatGateways": [one], "NextToken": "more"}

    found = Network(answering(ec2__describe_nat_gateways=page)).nat_gateways(["vpc-1"])

    assert found == (NatGateway("nat-1", "vpc-1"), NatGateway("nat-2", "vpc-1"))


def test_a_filter_takes_two_hundred_values_at_a_time() -> None:
    sizes: list[int] = []

    def subnets(asked: dict[str, Any]) -> dict[str, Any]:
        sizes.append(len(asked["Filters"][0]["Values"]))
        return {"Subnets": []}

    Network(answering(ec2__describe_subnets=subnets)).subnets([f"subnet-{n}" for n in range(450)])

    assert sizes == [200, 200, 50]


def test_ports_of_an_acl_and_ipv6_are_kept() -> None:
    entries = [
        {"RuleNumber": 200, "Egress": True, "RuleAction": "deny", "Protocol": "-1", "Ipv6CidrBlock": "::/0"},
        {
            "RuleNumber": 100,
            "Egress": False,
            "RuleAction": "allow",
            "Protocol": "6",
            "CidrBlock": "10.0.0.0/8",
            "PortRange": {"From": 1024, "To": 65535},
        },
    ]
    raw = {"NetworkAclId": "acl-1", "VpcId": "vpc-1", "Associations": [{"SubnetId": "subnet-1"}], "Entries": entries}

    (acl,) = Network(answering(ec2__describe_network_acls={"NetworkAcls": [raw]})).network_acls(["vpc-1"])

    assert acl.subnet_ids == ("subnet-1",)
    assert acl.entries == (
        AclEntry(100, False, True, "6", "10.0.0.0/8", 1024, 65535),
        AclEntry(200, True, False, "-1", "::/0"),
    )


def test_a_network_interface_tells_its_public_address() -> None:
    raw = {
        "NetworkInterfaceId": "eni-1",
        "SubnetId": "subnet-1",
        "VpcId": "vpc-1",
        "PrivateIpAddress": "10.0.0.5",
        "Association": {"PublicIp": "203.0.113.9"},
        "Groups": [{"GroupId": "sg-1"}],
        "Status": "in-use",
    }
    session = answering(ec2__describe_network_interfaces={"NetworkInterfaces": [raw]})

    (found,) = Network(session).network_interfaces(["eni-1"])

    assert (found.public_ip, found.private_ip, found.security_group_ids) == ("203.0.113.9", "10.0.0.5", ("sg-1",))


def test_a_refusal_is_told_with_its_code() -> None:
    session = answering(ec2__describe_subnets=("UnauthorizedOperation", "You are not authorized"))

    with pytest.raises(TargetError) as caught:
        Network(session).subnets(["subnet-1"])

    assert caught.value.code == "access_denied"
    assert "describe the subnets" in caught.value.message


def test_one_target_group_that_is_gone_does_not_hide_the_others() -> None:
    def groups(asked: dict[str, Any]) -> dict[str, Any] | tuple[str, str]:
        if f"{GROUP}-gone" in asked["TargetGroupArns"]:
            return "TargetGroupNotFound", "One or more target groups not found"
        return {"TargetGroups": [{"TargetGroupArn": GROUP, "HealthCheckPort": "traffic-port", "TargetType": "ip"}]}

    (found,) = LoadBalancers(answering(elbv2__describe_target_groups=groups)).target_groups([f"{GROUP}-gone", GROUP])

    assert (found.arn, found.health_check_port) == (GROUP, None)


def test_rules_that_are_gone_are_named() -> None:
    def rules(asked: dict[str, Any]) -> dict[str, Any] | tuple[str, str]:
        if f"{RULE}9" in asked["RuleArns"]:
            return "RuleNotFound", "One or more rules not found"
        return {"Rules": [{"RuleArn": arn} for arn in asked["RuleArns"]]}

    assert LoadBalancers(answering(elbv2__describe_rules=rules)).missing_rules([RULE, f"{RULE}9"]) == (f"{RULE}9",)


def test_targets_are_told_with_their_health() -> None:
    health = {
        "TargetHealthDescriptions": [
            {
                "Target": {"Id": "10.0.0.5", "Port": 8080},
                "TargetHealth": {"State": "unused", "Reason": "Target.NotInUse"},
            }
        ]
    }
    gone = answering(elbv2__describe_target_health=("TargetGroupNotFound", "not found"))

    assert LoadBalancers(answering(elbv2__describe_target_health=health)).health([GROUP]) == (
        TargetHealth("10.0.0.5", 8080, "unused", "Target.NotInUse", target_group_arn=GROUP),
    )
    assert LoadBalancers(gone).health([GROUP]) == ()


def test_the_load_balancers_of_a_vpc_are_picked_from_every_page() -> None:
    def page(asked: dict[str, Any]) -> dict[str, Any]:
        second = asked.get("Marker") == "more"
        one = {"LoadBalancerArn": f"{BALANCER}{2 if second else 1}", "VpcId": "vpc-1" if second else "vpc-2"}
        return {"LoadBalancers": [one]} if second else {"LoadBalancers": [one], "NextMarker": "more"}

    found = LoadBalancers(answering(elbv2__describe_load_balancers=page)).load_balancers_of(["vpc-1"])

    assert [one.arn for one in found] == [f"{BALANCER}2"]


def test_a_refused_load_balancer_read_is_told() -> None:
    session = answering(elbv2__describe_load_balancers=("AccessDenied", "not authorized"))

    with pytest.raises(TargetError) as caught:
        LoadBalancers(session).load_balancers_of(["vpc-1"])

    assert caught.value.code == "access_denied"


def test_a_revision_tells_what_ecs_manages() -> None:
    def resource(arn: str, status: str = "ACTIVE", **members: Any) -> dict[str, Any]:
        return {"arn": arn, "status": status, "updatedAt": datetime(2026, 11, 1, tzinfo=UTC), **members}

    raw = {
        "serviceRevisionArn": REVISION,
        "serviceArn": SERVICE,
        "taskDefinition": DEFINITION,
        "launchType": "FARGATE",
        "loadBalancers": [{"targetGroupArn": GROUP, "containerName": "Main", "containerPort": 8080}],
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-own"]}},
        "ecsManagedResources": {
            "ingressPaths": [
                {
                    "accessType": "PRIVATE",
                    "endpoint": "web.example",
                    "loadBalancer": resource(BALANCER, scheme="internal"),
                    "rule": resource(RULE, "PROVISIONING"),
                }
            ],
            "serviceSecurityGroups": [resource("arn:aws:ec2:us-east-1:123456789012:security-group/sg-managed")],
        },
    }
    session = answering(ecs__describe_service_revisions={"serviceRevisions": [raw]})

    found = Ecs(session).revision_placements([REVISION])[REVISION]

    assert found.security_group_ids == ("sg-own", "sg-managed")
    assert found.managed_group_ids == ("sg-managed",)
    assert (found.load_balancer_arns, found.rule_arns) == ((BALANCER,), ())
    assert (found.access_type, found.assign_public_ip) == ("PRIVATE", None)
    assert found.bindings == (TargetBinding(GROUP, 8080),)


def test_the_newest_deployment_tells_the_revision_on_its_way() -> None:
    listed = [
        {"targetServiceRevisionArn": f"{REVISION}{day}", "createdAt": datetime(2026, 11, day, tzinfo=UTC)}
        for day in (2, 3, 1)
    ]
    session = answering(ecs__list_service_deployments={"serviceDeployments": listed})
    none = answering(ecs__list_service_deployments={"serviceDeployments": []})

    assert Ecs(session).newest_revision_arn("default", "web") == f"{REVISION}3"
    assert Ecs(none).newest_revision_arn("default", "web") == ""


@pytest.mark.parametrize(
    ("raw", "launch_type"),
    [
        ({"launchType": "EC2"}, "EC2"),
        ({"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]}, "FARGATE"),
        ({"capacityProviderStrategy": [{"capacityProvider": "my-instances"}]}, "EC2"),
        ({"deployments": [{"status": "PRIMARY", "launchType": "FARGATE"}]}, "FARGATE"),
        ({}, ""),
    ],
)
def test_capacity_providers_stand_for_a_launch_type(raw: dict[str, Any], launch_type: str) -> None:
    service = {"serviceArn": SERVICE, "serviceName": "web", "status": "ACTIVE", **raw}

    (placed,) = Ecs(answering(ecs__describe_services={"services": [service]})).placements("default", ["web"])

    assert placed.launch_type == launch_type


def test_a_service_that_is_gone_has_no_place() -> None:
    service = {"serviceArn": SERVICE, "serviceName": "web", "status": "INACTIVE"}

    assert Ecs(answering(ecs__describe_services={"services": [service]})).placements("default", ["web"]) == ()


def test_secrets_of_containers_logs_and_registries_are_needed() -> None:
    definition = {
        "taskDefinitionArn": DEFINITION,
        "containerDefinitions": [
            {
                "name": "web",
                "image": "registry.example/web:1",
                "secrets": [{"name": "A", "valueFrom": "first"}],
                "repositoryCredentials": {"credentialsParameter": "second"},
                "logConfiguration": {"logDriver": "splunk", "secretOptions": [{"name": "t", "valueFrom": "third"}]},
            }
        ],
    }
    session = answering(ecs__describe_task_definition={"taskDefinition": definition})
    none = answering(ecs__describe_task_definition=("ClientException", "Unable to describe task definition."))

    found = Ecs(session).task_definition(DEFINITION)

    assert found is not None
    assert [one.image for one in found.images] == ["registry.example/web:1"]
    assert {one.value_from for one in found.secrets} == {"first", "second", "third"}
    assert found.log_configurations == ()
    assert Ecs(none).task_definition(DEFINITION) is None


def test_the_interfaces_of_tasks_are_found_once() -> None:
    attachment = {"type": "ElasticNetworkInterface", "details": [{"name": "networkInterfaceId", "value": "eni-1"}]}
    session = answering(
        ecs__list_tasks={"taskArns": ["arn:aws:ecs:us-east-1:123456789012:task/default/1"]},
        ecs__describe_tasks={"tasks": [{"attachments": [attachment, attachment]}]},
    )

    assert Ecs(session).interface_ids("default") == ("eni-1",)


def test_the_reference_names_every_permission_that_reading_a_network_takes() -> None:
    folder = Path(ec2.__file__).parent
    sources = [(folder / name).read_text() for name in ("ec2.py", "elbv2.py", "ecs/client.py")]
    asked = {name for text in sources for name in re.findall(r"\b((?:describe|list|get)_[a-z_]+)\b(?=[\"(,\n])", text)}
    operations = {name.title().replace("_", "") for name in asked} & known_operations()
    reference = (Path(__file__).parents[2] / "docs" / "reference" / "permissions.md").read_text()
    named = set(re.findall(r"`[\w-]+:(\w+)`", reference))

    assert len(operations) > 20
    assert operations - named == set()


def known_operations() -> set[str]:
    session = botocore.session.get_session()
    return {name for one in ("ec2", "elbv2", "ecs") for name in session.get_service_model(one).operation_names}
