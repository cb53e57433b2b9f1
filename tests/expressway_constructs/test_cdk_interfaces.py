"""The service wherever the CDK takes its interfaces, and what ECS makes for it wherever a value is wanted."""

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm

from expressway_constructs.errors import ConstructError
from expressway_constructs.service.base import ExpressGatewayServiceBase
from expressway_constructs.service.gateway_service import RESOURCE_TYPE, ExpressGatewayService
from tests.expressway_constructs.conftest import Synth, only, resources
from tests.expressway_constructs.template_graph import circle

pytestmark = pytest.mark.process

ARN = "arn:aws:ecs:eu-west-1:111122223333:service/web/shop"


def service(stack: cdk.Stack, **settings: Any) -> ExpressGatewayService:
    return ExpressGatewayService(stack, "Web", **{"image": "nginx:1", **settings})


def imported(stack: cdk.Stack, **attributes: Any) -> ExpressGatewayServiceBase:
    return ExpressGatewayService.from_service_attributes(stack, "Imported", service_arn=ARN, **attributes)


def database(stack: cdk.Stack) -> rds.DatabaseInstance:
    vpc = ec2.Vpc(stack, "Vpc", max_azs=2, nat_gateways=0)
    engine = rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_16)
    public = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)
    return rds.DatabaseInstance(stack, "Database", engine=engine, vpc=vpc, vpc_subnets=public, iam_authentication=True)


def test_a_database_lets_the_service_in_by_itself(stack: cdk.Stack, synth: Synth) -> None:
    data = database(stack)
    web = service(stack, environment={"HOST": data.db_instance_endpoint_address})
    data.connections.allow_default_port_from(web)
    template = synth(stack)
    ingress = only(template, "AWS::EC2::SecurityGroupIngress")["Properties"]
    assert ingress["SourceSecurityGroupId"] == stack.resolve(web.security_group_ids[0])
    assert circle(template) == []


def test_an_imported_service_is_let_in_by_its_security_group(stack: cdk.Stack, synth: Synth) -> None:
    database(stack).connections.allow_default_port_from(imported(stack, security_group_ids=["sg-1"]))
    assert only(synth(stack), "AWS::EC2::SecurityGroupIngress")["Properties"]["SourceSecurityGroupId"] == "sg-1"


def test_rules_go_into_the_security_group_that_was_given(stack: cdk.Stack, synth: Synth) -> None:
    vpc = ec2.Vpc(stack, "Vpc", max_azs=2, nat_gateways=0)
    own = ec2.SecurityGroup(stack, "Own", vpc=vpc, allow_all_outbound=False)
    web = service(stack, security_groups=[own, "sg-2"])
    web.connections.allow_to(ec2.Peer.ipv4("192.0.2.0/24"), ec2.Port.tcp(443))
    web.connections.allow_default_port_from_any_ipv4()
    assert web.connections is web.connections
    groups = resources(synth(stack), "AWS::EC2::SecurityGroup")
    (group,) = [each["Properties"] for name, each in groups.items() if name.startswith("Own")]
    assert group["SecurityGroupEgress"][0]["CidrIp"] == "192.0.2.0/24"
    assert group["SecurityGroupIngress"][0]["FromPort"] == 8080


def test_services_let_each_other_in(stack: cdk.Stack, synth: Synth) -> None:
    web, api = service(stack), ExpressGatewayService(stack, "Api", image="nginx:1")
    api.connections.allow_from(web, ec2.Port.tcp(9000))
    api.connections.allow_default_port_from(web)
    ports = [
        each["Properties"]["FromPort"] for each in resources(synth(stack), "AWS::EC2::SecurityGroupIngress").values()
    ]
    assert sorted(ports) == [8080, 9000]


def grant_everything(stack: cdk.Stack, grantee: Any) -> None:
    """Grants of five services of AWS."""
    database(stack).grant_connect(grantee, "shop")
    s3.Bucket(stack, "Bucket").grant_read(grantee)
    secretsmanager.Secret(stack, "Secret").grant_read(grantee)
    key = dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING)
    dynamodb.Table(stack, "Table", partition_key=key).grant_read_write_data(grantee)


ACTIONS = ("rds-db:connect", "s3:GetObject*", "secretsmanager:GetSecretValue", "dynamodb:PutItem")


def test_what_is_granted_to_the_service_goes_to_a_task_role_that_is_made_for_it(stack: cdk.Stack, synth: Synth) -> None:
    web = service(stack)
    grant_everything(stack, web)
    template = synth(stack)
    (role,) = [name for name in resources(template, "AWS::IAM::Role") if name.startswith("WebTaskRole")]
    assert only(template, RESOURCE_TYPE)["Properties"]["TaskRoleArn"] == {"Fn::GetAtt": [role, "Arn"]}
    policy = json.dumps(only(template, "AWS::IAM::Policy")["Properties"])
    assert all(f'"{action}"' in policy for action in ACTIONS)
    assert circle(template) == []


def test_no_task_role_is_made_for_a_service_that_is_granted_nothing(stack: cdk.Stack, synth: Synth) -> None:
    web = service(stack)
    web.connections.allow_default_port_from_any_ipv4()
    assert "TaskRoleArn" not in only(synth(stack), RESOURCE_TYPE)["Properties"]
    assert web.task_role is None


def test_grants_go_to_the_task_role_that_was_given(stack: cdk.Stack, synth: Synth) -> None:
    role = iam.Role(stack, "Task", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
    grant_everything(stack, service(stack, task_role=role))
    assert only(synth(stack), "AWS::IAM::Policy")["Properties"]["Roles"] == [
        stack.resolve({"Ref": "Task0B4B0DF0"})
    ] or (only(synth(stack), "AWS::IAM::Policy")["Properties"]["Roles"] == [stack.resolve(role.role_name)])


def test_grants_go_to_the_role_of_a_task_definition(stack: cdk.Stack, synth: Synth) -> None:
    task = ecs.FargateTaskDefinition(stack, "Task")
    task.add_container("Main", image=ecs.ContainerImage.from_registry("nginx:1"))
    web = ExpressGatewayService(stack, "Web", task_definition=task)
    s3.Bucket(stack, "Bucket").grant_read(web)
    policy = only(synth(stack), "AWS::IAM::Policy")["Properties"]
    assert policy["Roles"] == [stack.resolve(task.task_role.role_name)]
    assert "TaskRoleArn" not in only(synth(stack), RESOURCE_TYPE)["Properties"]


def test_grants_go_to_the_task_role_of_an_imported_service(stack: cdk.Stack, synth: Synth) -> None:
    role = iam.Role.from_role_name(stack, "Task", "shop-task")
    s3.Bucket(stack, "Bucket").grant_read(imported(stack, task_role=role))
    assert only(synth(stack), "AWS::IAM::Policy")["Properties"]["Roles"] == ["shop-task"]


@pytest.mark.parametrize("kind", ["imported", "task definition"])
def test_a_service_whose_task_role_is_not_known_says_what_to_allow(app: cdk.App, stack: cdk.Stack, kind: str) -> None:
    arn = "arn:aws:ecs:eu-west-1:111122223333:task-definition/shop:1"
    web = imported(stack) if kind == "imported" else ExpressGatewayService(stack, "Web", task_definition=arn)
    ssm.StringParameter(stack, "Parameter", string_value="x").grant_read(web)
    artifact = app.synth(force=True).get_stack_by_name(stack.stack_name)
    assert any("ssm:GetParameters" in str(message.entry.data) for message in artifact.messages)


def test_updating_is_granted_with_a_task_role_that_is_made_later(stack: cdk.Stack, synth: Synth) -> None:
    web, user = service(stack), iam.User(stack, "Deployer")
    web.grant_update(user)
    s3.Bucket(stack, "Bucket").grant_read(web)
    assert web.task_role is not None
    policies = resources(synth(stack), "AWS::IAM::Policy")
    (policy,) = [each for name, each in policies.items() if name.startswith("Deployer")]
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    passed = [each["Resource"] for each in statements if each["Action"] == "iam:PassRole"]
    assert json.dumps(stack.resolve(web.task_role.role_arn)) in json.dumps(passed)


def test_a_service_may_be_granted_to_another(stack: cdk.Stack, synth: Synth) -> None:
    web, api = service(stack), ExpressGatewayService(stack, "Api", image="nginx:1")
    api.grant_describe(web)
    web.grant_update(api)
    assert circle(synth(stack)) == []


LISTS = (
    "target_group_arns",
    "metric_alarm_arns",
    "managed_log_group_arns",
    "scaling_policy_arns",
    "security_group_ids",
)
TEXTS = (
    *("service_arn", "service_name", "cluster_name", "endpoint", "url", "load_balancer_arn", "listener_arn"),
    *("listener_rule_arn", "certificate_arn", "target_group_arn", "metric_alarm_arn", "load_balancer_security_group"),
    *("scalable_target", "load_balancer_full_name", "target_group_full_name"),
)


@pytest.mark.parametrize("name", LISTS)
def test_entries_of_lists_are_texts_wherever_one_is_wanted(stack: cdk.Stack, synth: Synth, name: str) -> None:
    values = getattr(service(stack), name)
    cdk.CfnOutput(stack, "First", value=values[0])
    cdk.CfnOutput(stack, "Inside", value=f"first:{values[0]}")
    cdk.CfnOutput(stack, "Joined", value=cdk.Fn.join(",", values))
    outputs = synth(stack)["Outputs"]
    assert "Fn::Select" in outputs["First"]["Value"]
    assert "Fn::Join" in outputs["Inside"]["Value"]
    assert outputs["Joined"]["Value"]


def test_lists_that_were_given_as_tokens_can_be_asked_for_entries_too(stack: cdk.Stack, synth: Synth) -> None:
    groups = cdk.CfnParameter(stack, "Groups", type="List<AWS::EC2::SecurityGroup::Id>").value_as_list
    arns = cdk.Fn.split(",", cdk.Fn.import_value("TargetGroups"))
    web, other = (
        service(stack, security_groups=groups),
        imported(stack, security_group_ids=groups, target_group_arns=arns),
    )
    for each in (web, other):
        each.connections.allow_from_any_ipv4(ec2.Port.tcp(80))
    entries = [web.security_group_ids[0], other.security_group_ids[1], other.target_group_arn]
    for number, entry in enumerate(entries):
        cdk.CfnOutput(stack, f"Entry{number}", value=entry)
    values = [output["Value"] for output in synth(stack)["Outputs"].values()]
    first, second = ({"Fn::Select": [index, {"Ref": "Groups"}]} for index in (0, 1))
    imports = {"Fn::Select": [0, {"Fn::Split": [",", {"Fn::ImportValue": "TargetGroups"}]}]}
    assert values == [first, second, imports]


@pytest.mark.parametrize("index", [-1, slice(0, 1)])
def test_the_end_of_a_list_that_is_not_known_yet_cannot_be_asked_for(stack: cdk.Stack, index: Any) -> None:
    with pytest.raises(ConstructError, match="Expected an index of 0 or more") as caught:
        _ = service(stack).target_group_arns[index]
    assert caught.value.code == "unknown_length"


@pytest.mark.parametrize("name", TEXTS)
def test_scalars_are_texts_that_refer_to_the_type_alone(stack: cdk.Stack, synth: Synth, name: str) -> None:
    value = getattr(service(stack), name)
    cdk.CfnOutput(stack, "Text", value=value)
    assert isinstance(value, str)
    assert "Web" in json.dumps(synth(stack)["Outputs"]["Text"])


def test_target_groups_serve_in_alarms_dashboards_and_other_constructs(stack: cdk.Stack, synth: Synth) -> None:
    web = service(stack)
    group = elbv2.ApplicationTargetGroup.from_target_group_attributes(
        stack, "Group", target_group_arn=web.target_group_arn, load_balancer_arns=web.load_balancer_arn
    )
    group.metrics.healthy_host_count().create_alarm(stack, "Hosts", threshold=1, evaluation_periods=1)
    web.metric_server_errors().create_alarm(stack, "Errors", threshold=1, evaluation_periods=1)
    dashboard = cloudwatch.Dashboard(stack, "Dashboard")
    dashboard.add_widgets(cloudwatch.GraphWidget(left=[web.metric_request_count(), group.metrics.request_count()]))
    alarms = resources(synth(stack), "AWS::CloudWatch::Alarm").values()
    dimensions = [sorted(each["Name"] for each in alarm["Properties"]["Dimensions"]) for alarm in alarms]
    assert dimensions == [["LoadBalancer", "TargetGroup"]] * 2


def test_an_imported_service_gives_what_it_was_given(stack: cdk.Stack) -> None:
    arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333"
    found = imported(
        stack,
        listener_arn=f"{arn}:listener/app/alb/1/2",
        target_group_arns=[f"{arn}:targetgroup/one/1", f"{arn}:targetgroup/two/2"],
        load_balancer_security_group="sg-2",
    )
    assert found.target_group_arn == f"{arn}:targetgroup/one/1"
    assert found.load_balancer_security_group == "sg-2"
    for name in ("endpoint", "load_balancer_arn"):
        with pytest.raises(ValueError, match=f"{name} is not known"):
            getattr(found, name)
