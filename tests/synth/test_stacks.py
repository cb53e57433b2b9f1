"""The two stacks of an app: what is promised about them."""

import inspect
import json
from typing import Any

import aws_cdk as cdk
import pytest

from expressway.app.definition import MEMORY_MIB_BY_CPU, AppDefinition, describe_memory
from expressway.app.parse import parse_definition
from expressway.aws.values.service import DEFAULT_HEALTH_PATH
from expressway.errors import DefinitionError
from expressway.image.lifecycle_policy import PROTECTED_PATTERN
from expressway.synth.stacks import PUSHER_PATTERN, add_app_stacks
from expressway_constructs import ExpressGatewayService, image_repository
from expressway_constructs.service import checks
from tests.expressway_constructs.conftest import Synth

pytestmark = pytest.mark.process

ROLE = "arn:aws:iam::111122223333:role/team/pipeline"


def definition(**settings: object) -> AppDefinition:
    return parse_definition({"name": "shop", "build": ".", **settings})


@pytest.fixture
def templates(app: cdk.App, synth: Synth) -> tuple[dict[str, Any], dict[str, Any]]:
    """Repository and service template of the plainest app."""
    repository, service = add_app_stacks(app, definition())
    assert repository is not None
    return synth(repository), synth(service)


def test_logical_ids_and_outputs_of_the_repository_stack_never_change(
    templates: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    repository, _ = templates
    assert {name: each["Type"] for name, each in repository["Resources"].items()} == {
        "Repository": "AWS::ECR::Repository",
        "PushPullRole": "AWS::IAM::Role",
    }
    assert set(repository["Parameters"]) == {"PusherArn", "PusherPermissionSet", "Origin"}
    assert set(repository["Conditions"]) == {"HasPusher", "HasPusherPermissionSet"}
    assert set(repository["Outputs"]) == {"RepositoryUri", "RepositoryArn", "PushPullRoleArn", "DeployedFrom"}


def test_the_constructs_have_the_default_health_path_of_a_definition() -> None:
    parameters = inspect.signature(ExpressGatewayService.__init__).parameters
    assert parameters["health_check_path"].default == definition().health_check_path == DEFAULT_HEALTH_PATH


def test_logical_ids_and_outputs_of_the_service_stack_never_change(
    templates: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    _, service = templates
    assert {name: each["Type"] for name, each in service["Resources"].items()} == {
        "Service": "AWS::ECS::ExpressGatewayService",
        "InfrastructureRole": "AWS::IAM::Role",
        "ExecutionRole": "AWS::IAM::Role",
        "LogGroup": "AWS::Logs::LogGroup",
    }
    assert set(service["Parameters"]) == {"ImageUri", "Origin"}
    assert set(service["Outputs"]) == {
        "DeployedFrom",
        "ServiceArn",
        "Endpoint",
        "Cluster",
        "InfrastructureRoleArn",
        "ExecutionRoleArn",
        "LogGroupName",
    }


def test_physical_names_are_those_that_agents_and_policies_know(
    templates: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    repository, service = (template["Resources"] for template in templates)
    assert repository["Repository"]["Properties"]["RepositoryName"] == "shop-repo"
    assert repository["PushPullRole"]["Properties"]["RoleName"] == "shop-ecr-push-pull-role"
    assert service["Service"]["Properties"]["ServiceName"] == "shop"
    assert service["InfrastructureRole"]["Properties"]["RoleName"] == "shop-express-infrastructure"
    assert service["ExecutionRole"]["Properties"]["RoleName"] == "shop-express-execution"
    assert service["LogGroup"]["Properties"]["LogGroupName"] == "/expressway/shop"


def test_the_image_is_a_parameter_that_defaults_to_the_definitions_own(app: cdk.App, synth: Synth) -> None:
    _, service = add_app_stacks(app, parse_definition({"name": "ready", "image": "nginx:1"}))
    template = synth(service)
    assert template["Parameters"]["ImageUri"]["Default"] == "nginx:1"
    assert template["Resources"]["Service"]["Properties"]["PrimaryContainer"]["Image"] == {"Ref": "ImageUri"}


def test_an_image_that_is_built_has_no_default(templates: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert "Default" not in templates[1]["Parameters"]["ImageUri"]


def trust(template: dict[str, Any]) -> list[Any]:
    return template["Resources"]["PushPullRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]


def test_without_principals_the_push_role_trusts_the_deployer_or_its_permission_set_or_else_those_with_the_tag(
    templates: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    (statement,) = trust(templates[0])
    condition, deployer, nobody_named = statement["Fn::If"]
    assert condition == "HasPusher"
    assert deployer["Principal"] == {"AWS": {"Ref": "PusherArn"}}
    condition, by_set, by_tag = nobody_named["Fn::If"]
    assert condition == "HasPusherPermissionSet"
    assert set(by_set["Condition"]["ArnLike"]) == {"aws:PrincipalArn"}
    assert by_tag["Condition"] == {"StringEquals": {"aws:PrincipalTag/expressway:push": "shop"}}


def test_with_principals_the_push_role_trusts_them_and_the_deployer_and_never_the_account(
    app: cdk.App, synth: Synth
) -> None:
    repository, _ = add_app_stacks(app, definition(repository={"push_principals": [ROLE]}))
    assert repository is not None
    named, deployer = trust(synth(repository))
    assert named["Principal"] == {"AWS": ROLE}
    _, given, by_set = deployer["Fn::If"]
    assert ":root" not in json.dumps([named, given])
    assert by_set["Fn::If"][2] == {"Ref": "AWS::NoValue"}


@pytest.mark.parametrize(
    ("arn", "taken"),
    [
        ("", True),
        (ROLE, True),
        ("arn:aws-us-gov:iam::111122223333:user/builder", True),
        ("arn:aws:iam::111122223333:root", False),
        ("*", False),
        ("111122223333", False),
    ],
)
def test_the_pusher_is_a_role_or_a_user_and_never_a_root(arn: str, *, taken: bool) -> None:
    import re

    assert bool(re.match(PUSHER_PATTERN, arn)) == taken


def test_tags_of_the_app_and_the_stack_never_reach_the_service(app: cdk.App, synth: Synth) -> None:
    _, service = add_app_stacks(app, definition())
    cdk.Tags.of(app).add("team", "blue", priority=900)
    cdk.Tags.of(service).add("stage", "test")
    template = synth(service)
    assert "Tags" not in template["Resources"]["Service"]["Properties"]
    assert template["Resources"]["LogGroup"]["Properties"]["Tags"]
    artifact = app.synth(force=True).get_stack_by_name(service.stack_name)
    assert dict(artifact.tags or {}) == {}


def test_removal_and_protection_follow_the_definition(app: cdk.App, synth: Synth) -> None:
    repository, service = add_app_stacks(app, definition(removal_policy="retain", termination_protection=True))
    assert repository is not None
    kept = [synth(repository)["Resources"]["Repository"], synth(service)["Resources"]["LogGroup"]]
    assert [each["DeletionPolicy"] for each in kept] == ["Retain", "Retain"]
    assert kept[0]["Properties"]["EmptyOnDelete"] is False
    assert [repository.termination_protection, service.termination_protection] == [True, True]


def test_an_app_that_may_go_takes_its_images_along(templates: tuple[dict[str, Any], dict[str, Any]]) -> None:
    repository = templates[0]["Resources"]["Repository"]
    assert repository["DeletionPolicy"] == "Delete"
    assert repository["Properties"]["EmptyOnDelete"] is True


def test_a_users_own_roles_are_used_and_neither_made_nor_changed(app: cdk.App, synth: Synth) -> None:
    roles = {"execution": ROLE, "infrastructure": ROLE, "task": ROLE}
    secrets = {"TOKEN": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:token-AbCdEf"}
    _, service = add_app_stacks(app, definition(roles=roles, secrets=secrets))
    template = synth(service)
    assert {each["Type"] for each in template["Resources"].values()} == {
        "AWS::ECS::ExpressGatewayService",
        "AWS::Logs::LogGroup",
    }
    properties = template["Resources"]["Service"]["Properties"]
    names = ("ExecutionRoleArn", "InfrastructureRoleArn", "TaskRoleArn")
    assert [properties[name] for name in names] == [ROLE, ROLE, ROLE]


def test_a_custom_task_definition_stands_alone(app: cdk.App, synth: Synth) -> None:
    arn = "arn:aws:ecs:eu-west-1:111122223333:task-definition/web:3"
    _, service = add_app_stacks(app, parse_definition({"name": "custom", "task_definition_arn": arn}))
    template = synth(service)
    properties = template["Resources"]["Service"]["Properties"]
    assert properties["TaskDefinitionArn"] == arn
    assert not {"PrimaryContainer", "Cpu", "Memory", "ExecutionRoleArn", "TaskRoleArn"} & set(properties)
    assert set(template["Parameters"]) == {"Origin"}
    assert "LogGroup" not in template["Resources"]


def test_nothing_is_bound_to_one_partition(templates: tuple[dict[str, Any], dict[str, Any]]) -> None:
    for template in templates:
        assert "arn:aws" not in json.dumps(template["Resources"])
        assert "amazonaws.com/" not in json.dumps(template).replace("role/aws-reserved/sso.amazonaws.com/", "")


@pytest.mark.parametrize("complete", [True, False])
def test_of_secret_arns_that_the_definition_says_are_complete_only_these_can_be_read(
    app: cdk.App, synth: Synth, complete: bool
) -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/api-secret-631cfd"
    _, service = add_app_stacks(app, definition(secrets={"A": arn}, complete_secret_arns=complete))
    (policy,) = synth(service)["Resources"]["ExecutionRole"]["Properties"]["Policies"]
    (read,) = (each for each in policy["PolicyDocument"]["Statement"] if "GetSecretValue" in each["Action"])
    assert read["Resource"] == (arn if complete else [arn, f"{arn}-??????"])


# What Expressway and the constructs each say, since neither imports the other's values


def test_what_a_construct_refuses_is_an_error_of_the_definition(app: cdk.App) -> None:
    wrong = definition().model_copy(update={"container_port": 99_999})
    with pytest.raises(DefinitionError, match="container_port: expected 1 to 65535, got 99999") as caught:
        add_app_stacks(app, wrong)
    assert caught.value.code == "invalid_service"
    assert caught.value.hint
    assert len(caught.value.details["problems"]) == 1


def test_definitions_and_constructs_know_the_same_task_sizes_and_protected_tags() -> None:
    assert checks.MEMORY_MIB_BY_CPU == MEMORY_MIB_BY_CPU
    for cpu in MEMORY_MIB_BY_CPU:
        assert checks.describe_memory(cpu) == describe_memory(cpu)
    assert image_repository.PROTECTED_PATTERN == PROTECTED_PATTERN
