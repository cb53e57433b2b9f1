"""The types that CDK apps have beside an Express service: made, changed, and removed without a trace."""

from collections.abc import Iterator
from typing import Any

import pytest

from expressway_sandbox.services.configuration import Configuration, plain_size
from tests.expressway_sandbox.conftest import Cloud, wait_for_stack
from tests.expressway_sandbox.stack_templates import template

STACK = "ordinary-types"


def app(*, port: int = 5432, cidr: str = "192.0.2.0/24") -> dict[str, Any]:
    """Resources as the CDK writes them for a VPC with a NAT gateway and a database with a secret."""

    def resource(kind: str, **properties: Any) -> dict[str, Any]:
        return {"Type": f"AWS::{kind}", "Properties": properties}

    vpc, group = {"Ref": "Vpc"}, {"Fn::GetAtt": ["Group", "GroupId"]}
    secret = {"SecretStringTemplate": '{"username":"shop"}', "GenerateStringKey": "password"}
    return {
        "Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/16"),
        "Subnet": resource("EC2::Subnet", VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1a"),
        "Other": resource("EC2::Subnet", VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1b"),
        "Routes": resource("EC2::RouteTable", VpcId=vpc),
        "Address": resource("EC2::EIP", Domain="vpc"),
        "Nat": resource(
            "EC2::NatGateway",
            SubnetId={"Ref": "Subnet"},
            AllocationId={"Fn::GetAtt": ["Address", "AllocationId"]},
        ),
        "WayOut": resource(
            "EC2::Route",
            RouteTableId={"Ref": "Routes"},
            DestinationCidrBlock="0.0.0.0/0",
            NatGatewayId={"Ref": "Nat"},
        ),
        "Group": resource("EC2::SecurityGroup", GroupDescription="db", VpcId=vpc),
        "Ingress": resource(
            "EC2::SecurityGroupIngress",
            GroupId=group,
            IpProtocol="tcp",
            FromPort=port,
            ToPort=port,
            SourceSecurityGroupId=group,
        ),
        "Egress": resource("EC2::SecurityGroupEgress", GroupId=group, IpProtocol="-1", CidrIp=cidr),
        "Secret": resource("SecretsManager::Secret", GenerateSecretString=secret),
        "Subnets": resource(
            "RDS::DBSubnetGroup",
            DBSubnetGroupDescription="db",
            SubnetIds=[{"Ref": "Subnet"}, {"Ref": "Other"}],
        ),
        "Database": resource(
            "RDS::DBInstance",
            Engine="postgres",
            DBInstanceClass="db.t4g.micro",
            AllocatedStorage="20",
            DBSubnetGroupName={"Ref": "Subnets"},
            MasterUsername={"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:username::}}"},
            MasterUserPassword={"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:password::}}"},
            VPCSecurityGroups=[group],
        ),
        "Attachment": resource(
            "SecretsManager::SecretTargetAttachment",
            SecretId={"Ref": "Secret"},
            TargetId={"Ref": "Database"},
            TargetType="AWS::RDS::DBInstance",
        ),
        "Topic": resource("SNS::Topic"),
        "Alarm": resource(
            "CloudWatch::Alarm",
            Namespace="AWS/ECS",
            MetricName="CPUUtilization",
            Statistic="Average",
            Period=60,
            EvaluationPeriods=1,
            Threshold=90,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[{"Ref": "Topic"}],
        ),
    }


OUTPUTS = {
    "Secret": {"Ref": "Secret"},
    "Attachment": {"Ref": "Attachment"},
    "Group": {"Fn::GetAtt": ["Group", "GroupId"]},
    "Nat": {"Ref": "Nat"},
    "Host": {"Fn::GetAtt": ["Database", "Endpoint.Address"]},
}


@pytest.fixture
def outputs(cloud: Cloud) -> Iterator[dict[str, str]]:
    """The outputs of the stack, which is deleted after the test."""
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName=STACK, TemplateBody=template(app(), OUTPUTS))
    status = wait_for_stack(cloud, STACK)
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    failed = [each.get("ResourceStatusReason") for each in events if each["ResourceStatus"].endswith("_FAILED")]
    assert failed == []
    assert status == "CREATE_COMPLETE"
    stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    yield {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    cloudformation.delete_stack(StackName=STACK)


def rules(cloud: Cloud, group: str) -> tuple[list[Any], list[Any]]:
    found = cloud.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    ports = [each.get("FromPort") for each in found["IpPermissions"]]
    ranges = [each["CidrIp"] for rule in found["IpPermissionsEgress"] for each in rule["IpRanges"]]
    return ports, ranges


@pytest.mark.sandbox
@pytest.mark.engine
def test_an_app_with_a_network_and_a_database_is_made_changed_and_removed(
    cloud: Cloud, outputs: dict[str, str]
) -> None:
    secrets = cloud.client("secretsmanager")
    assert secrets.describe_secret(SecretId=outputs["Secret"])["ARN"] == outputs["Secret"] == outputs["Attachment"]
    assert outputs["Host"] in secrets.get_secret_value(SecretId=outputs["Secret"])["SecretString"]
    assert cloud.client("ec2").describe_nat_gateways(NatGatewayIds=[outputs["Nat"]])["NatGateways"]
    assert rules(cloud, outputs["Group"]) == ([5432], ["0.0.0.0/0", "192.0.2.0/24"])

    cloudformation = cloud.client("cloudformation")
    cloudformation.update_stack(StackName=STACK, TemplateBody=template(app(port=3306, cidr="198.51.100.0/24"), OUTPUTS))
    assert wait_for_stack(cloud, STACK) == "UPDATE_COMPLETE"
    assert rules(cloud, outputs["Group"]) == ([3306], ["0.0.0.0/0", "198.51.100.0/24"])
    assert secrets.describe_secret(SecretId=outputs["Secret"])["ARN"] == outputs["Secret"]

    bare = {name: resource for name, resource in app().items() if name in ("Vpc", "Group")}
    cloudformation.update_stack(StackName=STACK, TemplateBody=template(bare))
    assert wait_for_stack(cloud, STACK) == "UPDATE_COMPLETE"
    assert rules(cloud, outputs["Group"]) == ([], ["0.0.0.0/0"])
    assert outputs["Secret"] not in {each["ARN"] for each in secrets.list_secrets()["SecretList"]}


@pytest.mark.parametrize(
    ("given", "units"),
    [
        ("256", "256"),
        (512, "512"),
        (None, None),
        ("0.25 vCPU", "256"),
        ("1 vcpu", "1024"),
        ("16 vCPU", "16384"),
        ("0.5 GB", "512"),
        ("30GB", "30720"),
        ("0.3 vCPU", "0.3 vCPU"),
        ("many GB", "many GB"),
    ],
)
def test_sizes_are_taken_in_every_spelling_of_ecs(given: Any, units: str | None) -> None:
    assert plain_size(given) == units


def test_a_configuration_is_read_with_plain_sizes_and_a_sorted_environment() -> None:
    environment = [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]
    request: dict[str, Any] = {
        "cpu": "0.5 vCPU",
        "memory": "1 GB",
        "primaryContainer": {"image": "nginx:1", "environment": environment},
    }
    found = Configuration.read(request)
    assert (found.cpu, found.memory) == ("512", "1024")
    changed = found.updated({"cpu": "1 vCPU", "memory": "2 GB"})
    assert (changed.cpu, changed.memory) == ("1024", "2048")
    assert found.container is not None
    assert [each["name"] for each in found.container.answer()["environment"]] == ["A", "B"]


def test_an_update_that_names_an_empty_container_keeps_the_one_that_is_there() -> None:
    found = Configuration.read({"primaryContainer": {"image": "nginx:1"}})
    assert found.updated({"primaryContainer": {}, "cpu": "512"}).container == found.container
    own = Configuration.read({"taskDefinitionArn": "td:1"})
    assert own.updated({"primaryContainer": {}}).own_task_definition == "td:1"


def test_an_update_keeps_the_sizes_that_it_names_beside_an_own_task_definition() -> None:
    own = Configuration.read({"taskDefinitionArn": "td:1"})
    changed = own.updated({"cpu": "1 vCPU", "memory": "2 GB", "cpuArchitecture": "ARM64"})
    assert (changed.cpu, changed.memory, changed.cpu_architecture) == ("1024", "2048", "ARM64")
    assert changed.own_task_definition == "td:1"


def test_a_container_and_a_task_definition_replace_each_other() -> None:
    own = Configuration.read({"taskDefinitionArn": "td:1", "healthCheckPath": "/up"})
    container = own.updated({"primaryContainer": {"image": "nginx:1"}, "memory": "2 GB"})
    assert (container.cpu, container.memory, container.cpu_architecture) == ("256", "2048", "X86_64")
    assert (container.own_task_definition, container.health_check_path) == (None, "/up")
    assert container.updated({"taskDefinitionArn": "td:1"}) == own
