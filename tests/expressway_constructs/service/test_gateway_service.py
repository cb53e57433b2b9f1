"""The service construct in somebody else's app: each trap of the CloudFormation type, and each CDK value it takes."""

import inspect
import json
import re
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm

from expressway_constructs.errors import ConstructError
from expressway_constructs.image import ExpressImage
from expressway_constructs.service.gateway_service import RESOURCE_TYPE, ExpressGatewayService
from expressway_constructs.service.start_order import STACK_TAGS_WARNING
from tests.expressway_constructs.conftest import Synth, only, resources

pytestmark = pytest.mark.process

ARN = "arn:aws:ecs:eu-west-1:111122223333:service/web/shop"


def service(stack: cdk.Stack, **settings: Any) -> ExpressGatewayService:
    return ExpressGatewayService(stack, "Web", **{"image": "nginx:1", **settings})


def properties(template: dict[str, Any]) -> dict[str, Any]:
    return only(template, RESOURCE_TYPE)["Properties"]


# The traps


def test_every_value_is_emitted_since_the_documented_defaults_contradict_the_schema(
    stack: cdk.Stack, synth: Synth
) -> None:
    service(stack)
    found = properties(synth(stack))
    assert (found["Cluster"], found["Cpu"], found["Memory"]) == ("default", "256", "512")
    assert found["HealthCheckPath"] == "/"
    assert found["PrimaryContainer"]["ContainerPort"] == 8080
    assert found["ScalingTarget"] == {
        "MinTaskCount": 1,
        "MaxTaskCount": 3,
        "AutoScalingMetric": "AVERAGE_CPU",
        "AutoScalingTargetValue": 60,
    }


def test_the_environment_and_the_secrets_are_sorted_by_name(stack: cdk.Stack, synth: Synth) -> None:
    arn = "arn:aws:ssm:eu-west-1:111122223333:parameter/x"
    service(stack, environment={"B": "2", "A": "1"}, secrets={"D": arn, "C": arn})
    container = properties(synth(stack))["PrimaryContainer"]
    assert [each["Name"] for each in container["Environment"]] == ["A", "B"]
    assert [each["Name"] for each in container["Secrets"]] == ["C", "D"]


def test_empties_are_left_out_since_they_start_deployments_without_end(stack: cdk.Stack, synth: Synth) -> None:
    service(stack, environment={}, secrets={}, command=[], subnets=[], security_groups=[])
    found = properties(synth(stack))
    assert not {"Environment", "Secrets", "Command"} & set(found["PrimaryContainer"])
    assert "NetworkConfiguration" not in found


def test_tags_of_the_app_never_reach_the_service_since_they_would_replace_it(
    app: cdk.App, stack: cdk.Stack, synth: Synth
) -> None:
    service(stack)
    cdk.Tags.of(app).add("team", "blue")
    template = synth(stack)
    assert "Tags" not in properties(template)
    assert all("Tags" in role["Properties"] for role in resources(template, "AWS::IAM::Role").values())


def warnings(app: cdk.App, stack: cdk.Stack) -> list[str]:
    app.synth(force=True)
    told = [entry for construct in stack.node.find_all() for entry in construct.node.metadata]
    return [str(entry.data) for entry in told if entry.type == "aws:cdk:warning" and "expressway" in str(entry.data)]


def test_tags_of_the_stack_are_warned_of_since_cloudformation_hands_them_to_the_service(
    app: cdk.App, stack: cdk.Stack
) -> None:
    service(stack)
    cdk.Tags.of(app).add("team", "blue")
    (warning,) = warnings(app, stack)
    assert "a change of them replaces the service and its URL" in warning
    assert "[ack: expressway:stackTags]" in warning


def test_tags_that_leave_the_stack_out_are_not_warned_of(app: cdk.App, stack: cdk.Stack) -> None:
    service(stack)
    cdk.Tags.of(app).add("team", "blue", exclude_resource_types=["aws:cdk:stack"])
    assert warnings(app, stack) == []
    assert not app.synth().get_stack_by_name(stack.stack_name).tags


def test_tags_of_the_stack_may_be_accepted_or_dropped(app: cdk.App) -> None:
    accepted, dropped = cdk.Stack(app, "Accepted"), cdk.Stack(app, "Dropped")
    cdk.Annotations.of(service(accepted)).acknowledge_warning(STACK_TAGS_WARNING)
    service(dropped, drop_stack_tags=True)
    cdk.Tags.of(app).add("team", "blue")
    assert warnings(app, accepted) + warnings(app, dropped) == []
    tags = [dict(app.synth().get_stack_by_name(stack.stack_name).tags or {}) for stack in (accepted, dropped)]
    assert tags == [{"team": "blue"}, {}]


def test_tags_of_the_stack_around_a_nested_one_are_warned_of(app: cdk.App, stack: cdk.Stack) -> None:
    service(cdk.NestedStack(stack, "Nested"))
    stack.tags.set_tag("team", "blue")
    assert len(warnings(app, stack)) == 1


def test_the_service_waits_for_policies_that_are_granted_even_after_it_was_made(stack: cdk.Stack, synth: Synth) -> None:
    web = service(stack)
    assert web.execution_role is not None
    statement = iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])
    web.execution_role.add_to_principal_policy(statement)
    template = synth(stack)
    (policy,) = resources(template, "AWS::IAM::Policy")
    assert policy in only(template, RESOURCE_TYPE)["DependsOn"]


def test_the_service_refers_to_its_roles_and_log_group_and_so_waits_for_them(stack: cdk.Stack, synth: Synth) -> None:
    service(stack)
    template = synth(stack)
    text = json.dumps(properties(template))
    named = [*resources(template, "AWS::IAM::Role"), *resources(template, "AWS::Logs::LogGroup")]
    assert len(named) == 3  # the execution role, the infrastructure role and the log group
    assert [name for name in named if f'"{name}"' not in text] == []


def test_the_infrastructure_role_has_the_reads_that_the_managed_policy_lacks(stack: cdk.Stack, synth: Synth) -> None:
    service(stack)
    roles = resources(synth(stack), "AWS::IAM::Role")
    (role,) = [each for name, each in roles.items() if "Infrastructure" in name]
    (policy,) = role["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["ec2:DescribeAccountAttributes", "ec2:DescribeInternetGateways"]
    assert "AmazonECSInfrastructureRoleforExpressGatewayServices" in json.dumps(role["Properties"]["ManagedPolicyArns"])
    trust = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert [each["Principal"] for each in trust] == [{"Service": "ecs.amazonaws.com"}]


def execution_role(template: dict[str, Any]) -> dict[str, Any]:
    (role,) = [each for name, each in resources(template, "AWS::IAM::Role").items() if "Execution" in name]
    return role["Properties"]


def test_only_tasks_of_this_account_may_use_the_execution_role(stack: cdk.Stack, synth: Synth) -> None:
    service(stack)
    (trust,) = execution_role(synth(stack))["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_execution_role_reads_exactly_the_secrets_named_and_decrypts_them_alone(
    stack: cdk.Stack, synth: Synth
) -> None:
    secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-AbCdEf"
    parameter = "arn:aws:ssm:eu-west-1:111122223333:parameter/key"
    service(stack, secrets={"A": f"{secret}:password::", "B": parameter, "C": secret})
    (policy,) = execution_role(synth(stack))["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    reads = {each["Action"]: each["Resource"] for each in statements if each["Action"] != "kms:Decrypt"}
    known_as = [secret, f"{secret}-??????"]  # a name may end like a complete ARN
    assert reads == {"secretsmanager:GetSecretValue": known_as, "ssm:GetParameters": parameter}
    contexts = [each["Condition"] for each in statements if each["Action"] == "kms:Decrypt"]
    expected = [
        {
            "StringLike": {
                "kms:ViaService": "secretsmanager.eu-west-1.*",
                "kms:EncryptionContext:SecretARN": known_as,
            },
        },
        {
            "StringLike": {"kms:ViaService": "ssm.eu-west-1.*"},
            "StringEquals": {"kms:EncryptionContext:PARAMETER_ARN": parameter},
        },
    ]
    assert sorted(contexts, key=str) == sorted(expected, key=str)


def test_the_service_has_a_log_group_of_its_own_that_expires(stack: cdk.Stack, synth: Synth) -> None:
    service(stack, log_retention=logs.RetentionDays.ONE_WEEK)
    template = synth(stack)
    (name,) = resources(template, "AWS::Logs::LogGroup")
    assert only(template, "AWS::Logs::LogGroup")["Properties"]["RetentionInDays"] == 7
    assert properties(template)["PrimaryContainer"]["AwsLogsConfiguration"] == {
        "LogGroup": {"Ref": name},
        "LogStreamPrefix": "express",
    }


def test_its_properties_are_those_of_the_typed_resource_in_the_installed_cdk(stack: cdk.Stack, synth: Synth) -> None:
    arn = "arn:aws:ssm:eu-west-1:111122223333:parameter/x"
    service(
        stack,
        image=ExpressImage.from_registry("registry.test/app:1", credentials=secretsmanager.Secret(stack, "Registry")),
        service_name="web",
        task_role=iam.Role.from_role_name(stack, "Task", "task"),
        command=["x"],
        environment={"A": "1"},
        secrets={"B": arn},
        subnets=["subnet-1", "subnet-2"],
        security_groups=["sg-1"],
    )
    typed = ecs.CfnExpressGatewayService
    found = properties(synth(stack))
    container = found["PrimaryContainer"]
    assert RESOURCE_TYPE == typed.CFN_RESOURCE_TYPE_NAME
    assert set(found) == _names(typed) - {"TaskDefinitionArn", "Tags"}
    assert set(container) == _names(typed.ExpressGatewayContainerProperty)
    assert set(container["Environment"][0]) == _names(typed.KeyValuePairProperty)
    assert set(container["Secrets"][0]) == _names(typed.SecretProperty)
    assert set(container["RepositoryCredentials"]) == _names(typed.ExpressGatewayRepositoryCredentialsProperty)
    assert set(container["AwsLogsConfiguration"]) == _names(typed.ExpressGatewayServiceAwsLogsConfigurationProperty)
    assert set(found["ScalingTarget"]) == _names(typed.ExpressGatewayScalingTargetProperty)
    assert set(found["NetworkConfiguration"]) == _names(typed.ExpressGatewayServiceNetworkConfigurationProperty)


def _names(typed: type) -> set[str]:
    return {_camel(name) for name in inspect.signature(typed.__init__).parameters} - {"Self", "Scope", "Id"}


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


# What CDK people pass


def test_an_image_of_a_repository_grants_pulling_and_nothing_more(stack: cdk.Stack, synth: Synth) -> None:
    repository = ecr.Repository(stack, "Images")
    service(stack, image=ExpressImage.from_ecr_repository(repository, "sha256:" + "0" * 64))
    policies = json.dumps(resources(synth(stack), "AWS::IAM::Policy"))
    assert "ecr:GetDownloadUrlForLayer" in policies
    assert "ecr:PutImage" not in policies


def test_a_private_registry_takes_its_credentials_from_a_secret(stack: cdk.Stack, synth: Synth) -> None:
    secret = secretsmanager.Secret(stack, "Registry")
    service(stack, image=ExpressImage.from_registry("registry.test/app:1", credentials=secret))
    template = synth(stack)
    (name,) = resources(template, "AWS::SecretsManager::Secret")
    container = properties(template)["PrimaryContainer"]
    assert container["RepositoryCredentials"] == {"CredentialsParameter": {"Ref": name}}
    assert "secretsmanager:GetSecretValue" in json.dumps(resources(template, "AWS::IAM::Policy"))


def test_secrets_are_taken_in_every_form_that_the_cdk_has(stack: cdk.Stack, synth: Synth) -> None:
    secret = secretsmanager.Secret(stack, "Database")
    parameter = ssm.StringParameter.from_secure_string_parameter_attributes(stack, "Key", parameter_name="/key")
    service(
        stack,
        secrets={
            "WHOLE": secret,
            "FIELD": ecs.Secret.from_secrets_manager(secret, "password"),
            "PARAMETER": parameter,
        },
    )
    template = synth(stack)
    names = [each["Name"] for each in properties(template)["PrimaryContainer"]["Secrets"]]
    assert names == ["FIELD", "PARAMETER", "WHOLE"]
    policies = json.dumps(resources(template, "AWS::IAM::Policy"))
    assert "secretsmanager:GetSecretValue" in policies
    assert "ssm:GetParameters" in policies


def reads(stack: cdk.Stack, synth: Synth, secret: Any) -> list[dict[str, Any]]:
    """The statements by which the execution role may read one secret."""
    service(stack, secrets={"A": secret})
    (policy,) = execution_role(synth(stack))["Policies"]
    return policy["PolicyDocument"]["Statement"]


def test_the_arn_of_a_secret_of_the_same_stack_grants_reading_that_secret(stack: cdk.Stack, synth: Synth) -> None:
    secret = secretsmanager.Secret(stack, "Database")
    read, decrypt = reads(stack, synth, secret.secret_arn)
    reference = stack.resolve(secret.secret_arn)
    assert (read["Action"], read["Resource"]) == ("secretsmanager:GetSecretValue", reference)
    assert decrypt["Condition"]["StringEquals"] == {"kms:EncryptionContext:SecretARN": reference}
    assert "Fn::Select" in json.dumps(decrypt["Resource"])


def test_a_json_key_may_follow_the_arn_of_a_secret(stack: cdk.Stack, synth: Synth) -> None:
    secret = secretsmanager.Secret(stack, "Database")
    read, _ = reads(stack, synth, f"{secret.secret_arn}:password::")
    assert (read["Action"], read["Resource"]) == ("secretsmanager:GetSecretValue", stack.resolve(secret.secret_arn))


def test_the_arn_of_a_secret_known_by_name_also_matches_the_suffix_that_it_really_has(
    stack: cdk.Stack, synth: Synth
) -> None:
    secret = secretsmanager.Secret.from_secret_name_v2(stack, "Database", "shop/database")
    read, decrypt = reads(stack, synth, secret.secret_arn)
    arn = stack.resolve(f"{secret.secret_arn}-??????")
    assert (read["Action"], read["Resource"]) == ("secretsmanager:GetSecretValue", arn)
    assert decrypt["Condition"]["StringLike"]["kms:EncryptionContext:SecretARN"] == arn


def test_the_arn_of_a_parameter_of_the_same_stack_grants_reading_that_parameter(stack: cdk.Stack, synth: Synth) -> None:
    parameter = ssm.StringParameter(stack, "Key", string_value="x")
    read, decrypt = reads(stack, synth, parameter.parameter_arn)
    arn = stack.resolve(parameter.parameter_arn)
    assert (read["Action"], read["Resource"]) == ("ssm:GetParameters", arn)
    assert decrypt["Condition"]["StringEquals"] == {"kms:EncryptionContext:PARAMETER_ARN": arn}


def test_an_arn_given_at_deploy_time_may_be_of_either_service_and_grants_that_arn_alone(
    stack: cdk.Stack, synth: Synth
) -> None:
    parameter = cdk.CfnParameter(stack, "Database")
    statements = reads(stack, synth, parameter.value_as_string)
    granted = {each["Action"]: each["Resource"] for each in statements if each["Action"] != "kms:Decrypt"}
    arn = {"Ref": "Database"}
    secret = [arn, {"Fn::Join": ["", [arn, "-??????"]]}]
    assert granted == {"secretsmanager:GetSecretValue": secret, "ssm:GetParameters": arn}
    contexts = [each["Condition"] for each in statements if each["Action"] == "kms:Decrypt"]
    assert contexts[0]["StringLike"]["kms:EncryptionContext:SecretARN"] == secret
    assert contexts[1]["StringEquals"] == {"kms:EncryptionContext:PARAMETER_ARN": arn}


def test_a_reference_that_gives_a_parameters_name_is_refused(stack: cdk.Stack) -> None:
    parameter = ssm.CfnParameter(stack, "Key", type="String", value="x")
    with pytest.raises(ConstructError, match=r"expected the ARN .* AWS::SSM::Parameter, which gives its name"):
        service(stack, secrets={"A": parameter.ref})


def test_what_is_no_secret_is_refused(stack: cdk.Stack) -> None:
    with pytest.raises(ConstructError, match=r"secrets.A: expected an ecs.Secret, .* got 3"):
        service(stack, secrets={"A": 3})


def test_a_vpc_gives_its_public_subnets_unless_others_are_selected(stack: cdk.Stack, synth: Synth) -> None:
    vpc = ec2.Vpc(stack, "Vpc", max_azs=2, nat_gateways=0)
    service(stack, vpc=vpc, security_groups=[ec2.SecurityGroup(stack, "Group", vpc=vpc)])
    network = properties(synth(stack))["NetworkConfiguration"]
    assert len(network["Subnets"]) == 2
    assert all("Public" in subnet["Ref"] for subnet in network["Subnets"])
    assert len(network["SecurityGroups"]) == 1


def test_cluster_roles_and_log_group_may_be_given(stack: cdk.Stack, synth: Synth) -> None:
    cluster = ecs.Cluster.from_cluster_arn(stack, "Cluster", "arn:aws:ecs:eu-west-1:111122223333:cluster/web")
    role = iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::111122223333:role/any", mutable=False)
    group = logs.LogGroup.from_log_group_name(stack, "Logs", "/mine")
    service(
        stack,
        cluster=cluster,
        infrastructure_role=role,
        execution_role=role,
        task_role=role,
        log_group=group,
        secrets={"A": "arn:aws:ssm:eu-west-1:111122223333:parameter/x"},
    )
    template = synth(stack)
    assert set(template["Resources"]) == set(resources(template, RESOURCE_TYPE))
    found = properties(template)
    assert found["Cluster"] == "arn:aws:ecs:eu-west-1:111122223333:cluster/web"
    assert found["TaskRoleArn"] == "arn:aws:iam::111122223333:role/any"
    assert found["PrimaryContainer"]["AwsLogsConfiguration"]["LogGroup"] == "/mine"


def test_a_given_role_that_may_change_is_allowed_what_the_service_needs(stack: cdk.Stack, synth: Synth) -> None:
    role = iam.Role(stack, "Mine", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
    service(stack, execution_role=role, secrets={"A": "arn:aws:ssm:eu-west-1:111122223333:parameter/x"})
    template = synth(stack)
    (policy,) = resources(template, "AWS::IAM::Policy")
    assert "ssm:GetParameters" in json.dumps(template["Resources"][policy])
    assert policy in only(template, RESOURCE_TYPE)["DependsOn"]


def test_values_that_are_known_only_at_deploy_time_are_taken_as_they_are(stack: cdk.Stack, synth: Synth) -> None:
    number = cdk.CfnParameter(stack, "Number", type="Number")
    text = cdk.CfnParameter(stack, "Text")
    service(
        stack,
        image=text.value_as_string,
        service_name=text.value_as_string,
        health_check_path=text.value_as_string,
        container_port=number.value_as_number,
        cpu=number.value_as_number,
        memory_limit_mib=number.value_as_number,
        max_task_count=number.value_as_number,
    )
    found = properties(synth(stack))
    assert found["Cpu"] == {"Ref": "Number"}
    assert found["PrimaryContainer"]["ContainerPort"] == {"Ref": "Number"}
    assert found["HealthCheckPath"] == {"Ref": "Text"}


def test_a_task_definition_of_the_cdk_is_taken(stack: cdk.Stack, synth: Synth) -> None:
    task = ecs.FargateTaskDefinition(stack, "Task")
    task.add_container("Main", image=ecs.ContainerImage.from_registry("nginx:1"))
    ExpressGatewayService(stack, "Web", task_definition=task)
    found = properties(synth(stack))
    assert set(found["TaskDefinitionArn"]) == {"Ref"}
    assert "PrimaryContainer" not in found


# What is wrong


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image": None}, "exactly one of image and task_definition"),
        ({"task_definition": "arn"}, "exactly one of image and task_definition"),
        (
            {"image": None, "task_definition": "arn", "command": ["x"]},
            "command: expected nothing together with task_definition",
        ),
        ({"image": None, "task_definition": "arn", "cpu": 256}, "cpu: expected nothing together with task_definition"),
        ({"service_name": "my shop"}, "service_name: expected 1 to 255 letters"),
        ({"service_name": "x" * 256}, "service_name: expected 1 to 255 letters"),
        ({"secrets": {"A": "database"}}, "secrets.A: expected the ARN of a Secrets Manager secret"),
        ({"secrets": {"A": "arn:aws:s3:::bucket"}}, "secrets.A: expected the ARN of a Secrets Manager secret"),
        ({"memory_limit_mib": 8192}, "memory_limit_mib: expected 512, 1024 or 2048 MiB for 256 CPU units"),
        ({"cpu": 300}, "cpu: expected one of 256"),
        ({"cpu": 256, "memory_limit_mib": 8192}, "memory_limit_mib: expected 512, 1024 or 2048 MiB"),
        ({"container_port": 99999}, "container_port: expected 1 to 65535"),
        ({"health_check_path": "health"}, "health_check_path: expected a path that starts with /"),
        ({"health_check_path": "/health?y=ü"}, "only printable ASCII characters, no whitespace"),
        ({"min_task_count": 4, "max_task_count": 2}, "min_task_count: expected at most max_task_count"),
        ({"min_task_count": 0}, "min_task_count: expected 1 or more"),
        ({"scaling_target": 101}, "scaling_target: expected 1 to 100 percent"),
        ({"scaling_metric": "CPU"}, "scaling_metric: expected one of"),
        ({"environment": {"A": "x"}, "secrets": {"A": "y"}}, "got A in both"),
        ({"subnets": ["subnet-1"]}, "subnets: expected two or more"),
    ],
)
def test_a_wrong_setting_is_told_with_the_construct_it_belongs_to(
    stack: cdk.Stack, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConstructError, match=re.escape(message)) as caught:
        service(stack, **settings)
    assert caught.value.code == "invalid_service"
    assert caught.value.message.startswith("Foreign/Web: ")


def test_every_wrong_setting_is_told_at_once(stack: cdk.Stack) -> None:
    with pytest.raises(ConstructError) as caught:
        service(stack, cpu=300, container_port=0, health_check_path="x y", min_task_count=0)
    assert len(caught.value.details["problems"]) == 4


def test_a_task_definition_excludes_every_setting_that_it_decides(stack: cdk.Stack) -> None:
    excluded: dict[str, Any] = {
        "container_port": 80,
        "cpu": 512,
        "memory_limit_mib": cdk.CfnParameter(stack, "Memory", type="Number").value_as_number,
        "environment": {"A": "1"},
        "command": ["x"],
        "execution_role_name": "mine",
        "log_retention": logs.RetentionDays.ONE_DAY,
        "log_stream_prefix": "web",
        "removal_policy": cdk.RemovalPolicy.RETAIN,
    }
    with pytest.raises(ConstructError) as caught:
        ExpressGatewayService(stack, "Web", task_definition="arn", **excluded)
    assert {problem.split(":")[0] for problem in caught.value.details["problems"]} == set(excluded)


# What others do with it


def test_an_imported_service_knows_what_its_arn_tells(stack: cdk.Stack) -> None:
    found = ExpressGatewayService.from_service_arn(stack, "Imported", ARN)
    assert stack.resolve([found.service_name, found.cluster_name]) == ["shop", "web"]
    with pytest.raises(ValueError, match="endpoint is not known"):
        _ = found.endpoint


def test_an_imported_service_knows_what_it_is_given(stack: cdk.Stack) -> None:
    found = ExpressGatewayService.from_service_attributes(
        stack, "Imported", service_arn=ARN, endpoint="shop.example.test", security_group_ids=["sg-1"]
    )
    assert stack.resolve(found.url) == "https://shop.example.test"
    assert len(found.connections.security_groups) == 1


def test_describing_and_updating_are_granted_with_exactly_its_own_roles(stack: cdk.Stack, synth: Synth) -> None:
    web = service(stack)
    user = iam.User(stack, "Deployer")
    web.grant_update(user)
    (policy,) = resources(synth(stack), "AWS::IAM::Policy").values()
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    (pass_role,) = [each for each in statements if each["Action"] == "iam:PassRole"]
    assert len(pass_role["Resource"]) == 2
    assert set(pass_role["Condition"]["StringEquals"]["iam:PassedToService"]) == {
        "ecs.amazonaws.com",
        "ecs-tasks.amazonaws.com",
    }
    (update,) = [each for each in statements if "ecs:UpdateExpressGatewayService" in each["Action"]]
    assert update["Resource"] == stack.resolve(web.service_arn)


def test_metrics_carry_the_dimensions_that_cloudwatch_has(stack: cdk.Stack) -> None:
    web = service(stack)
    cpu, requests = web.metric_cpu_utilization(), web.metric_request_count_per_target(period=cdk.Duration.minutes(1))
    assert (cpu.namespace, cpu.metric_name, set(cpu.dimensions or {})) == (
        "AWS/ECS",
        "CPUUtilization",
        {"ClusterName", "ServiceName"},
    )
    assert (requests.namespace, requests.statistic) == ("AWS/ApplicationELB", "Sum")
    assert set(requests.dimensions or {}) == {"LoadBalancer", "TargetGroup"}
    names = [
        web.metric_memory_utilization().metric_name,
        web.metric_request_count().metric_name,
        web.metric_target_response_time().metric_name,
        web.metric_server_errors().metric_name,
    ]
    assert names == ["MemoryUtilization", "RequestCount", "TargetResponseTime", "HTTPCode_Target_5XX_Count"]


def managed_attributes(web: ExpressGatewayService) -> dict[str, str]:
    return {
        "Endpoint": web.endpoint,
        "ECSManagedResourceArns.IngressPath.LoadBalancerArn": web.load_balancer_arn,
        "ECSManagedResourceArns.IngressPath.ListenerArn": web.listener_arn,
        "ECSManagedResourceArns.IngressPath.ListenerRuleArn": web.listener_rule_arn,
        "ECSManagedResourceArns.IngressPath.CertificateArn": web.certificate_arn,
        "ECSManagedResourceArns.AutoScaling.ScalableTarget": web.scalable_target,
        "ECSManagedResourceArns.IngressPath.TargetGroupArns": cdk.Fn.select(0, web.target_group_arns),
        "ECSManagedResourceArns.MetricAlarms": cdk.Fn.select(0, web.metric_alarm_arns),
        "ECSManagedResourceArns.ServiceSecurityGroups": web.security_group_ids[0],
    }


def test_managed_resources_are_read_as_attributes(stack: cdk.Stack, synth: Synth) -> None:
    values = managed_attributes(service(stack))
    for number, value in enumerate(values.values()):
        cdk.CfnOutput(stack, f"Output{number}", value=value)
    outputs = json.dumps(synth(stack)["Outputs"])
    assert [name for name in values if f'"{name}"' not in outputs] == []


@pytest.mark.skipif(
    not hasattr(ecs.CfnExpressGatewayService, "attr_endpoint"), reason="aws-cdk-lib types them since 2.233.0"
)
def test_managed_resources_are_attributes_of_the_type(stack: cdk.Stack) -> None:
    typed = {name for name in dir(ecs.CfnExpressGatewayService) if name.startswith("attr_")}
    assert [name for name in managed_attributes(service(stack)) if f"attr_{_snake(name)}" not in typed] == []


def _snake(name: str) -> str:
    words = re.findall(r"ECS|[A-Z][a-z]+", name)
    return "_".join(word.lower() for word in words)


def test_databases_can_let_the_service_in(stack: cdk.Stack, synth: Synth) -> None:
    vpc = ec2.Vpc(stack, "Vpc", max_azs=2, nat_gateways=0)
    database = ec2.SecurityGroup(stack, "Database", vpc=vpc)
    database.connections.allow_from(service(stack, vpc=vpc).connections, ec2.Port.tcp(5432))
    ingress = only(synth(stack), "AWS::EC2::SecurityGroupIngress")["Properties"]
    assert ingress["FromPort"] == 5432
    assert "ServiceSecurityGroups" in json.dumps(ingress["SourceSecurityGroupId"])


def test_late_aspects_have_the_priority_that_the_cdk_calls_readonly() -> None:
    from expressway_constructs.cdk_types import LAST

    assert cdk.AspectPriority.READONLY == LAST
