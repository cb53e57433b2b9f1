"""The ECS API through the server, on the embedded AWS with a running Express Mode service that an app's stack owns."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from expressway.cloudformation.stack import OWNERSHIP_KEY
from expressway.privacy.gates import Gates
from expressway.toolkit import Toolkit
from tests.expressway_sandbox.stack_templates import service_resources
from tests.mcp.connections import CLOSED, ERAS, OPEN, Era, connected, error_shape, good_shape

if TYPE_CHECKING:
    from expressway_sandbox.lifecycle import SandboxInfo

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

APP = "owned"
STACK = f"{APP}-express-service"
SECRET = "hunter2-" + "x" * 12
SERVE = f"mkdir /www; echo {SECRET} > /www/health; exec httpd -f -p 8080 -h /www"
TOOL = "ecs_resource_management"


@dataclass
class Owned:
    """A service, and the toolkit that reaches it."""

    toolkit: Toolkit
    arn: str


@pytest.fixture(scope="module")
def owned(busybox_image: str, embedded_aws: "SandboxInfo") -> Iterator[Owned]:
    from expressway.aws.session import open_session

    container = {
        "Image": busybox_image,
        "ContainerPort": 8080,
        "Command": ["sh", "-c", SERVE],
        "Environment": [{"Name": "KEY", "Value": SECRET}],
    }
    body = {
        "Metadata": {OWNERSHIP_KEY: {"App": APP, "Schema": 1}},
        "Resources": service_resources(APP, busybox_image, PrimaryContainer=container),
    }
    cloudformation = open_session(sandbox_url=embedded_aws.endpoint_url).client("cloudformation")
    cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps(body), Capabilities=["CAPABILITY_IAM"])
    patience = {"Delay": 1, "MaxAttempts": 120}
    cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig=patience)
    held = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    arn = next(one["PhysicalResourceId"] for one in held if one["LogicalResourceId"] == "Service")
    with Toolkit(sandbox_url=embedded_aws.endpoint_url) as toolkit:
        yield Owned(toolkit, arn)
    cloudformation.delete_stack(StackName=STACK)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig=patience)


async def answered(owned: Owned, era: Era, operation: str, gates: Gates = CLOSED, **more: Any) -> dict[str, Any]:
    async with connected(owned.toolkit, era, gates) as client:
        return dict(good_shape(await client.call_tool(TOOL, {"api_operation": operation, **more})))


@pytest.mark.parametrize("era", ERAS)
async def test_express_services_are_listed_over_all_clusters_and_over_one(owned: Owned, era: Era) -> None:
    everywhere = await answered(owned, era, "ListExpressGatewayServices")
    here = await answered(owned, era, "ListExpressGatewayServices", api_params={"cluster": "default"})
    assert owned.arn in everywhere["serviceArns"]
    assert owned.arn in here["serviceArns"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_read_needs_no_gate_and_shows_no_value(owned: Owned, era: Era) -> None:
    parameters = {"serviceArn": owned.arn}
    shape = await answered(owned, era, "DescribeExpressGatewayService", api_params=parameters)
    assert shape["service"]["serviceArn"] == owned.arn
    assert shape["service"]["createdAt"].endswith("Z")
    assert SECRET not in str(shape)
    assert "environment value" in shape["withheld"]
    named = await answered(
        owned,
        era,
        "DescribeExpressGatewayService",
        api_params=parameters,
        query="service.activeConfigurations[0].primaryContainer.environment[].name",
    )
    assert named["result"] == ["KEY"]


@pytest.mark.parametrize("era", ERAS)
async def test_what_the_apps_stack_owns_is_neither_changed_nor_deleted(owned: Owned, era: Era) -> None:
    changes: dict[str, dict[str, Any]] = {
        "DeleteExpressGatewayService": {"serviceArn": owned.arn},
        "UpdateExpressGatewayService": {"serviceArn": owned.arn, "cpu": 512},
        "DeleteService": {"service": APP},
    }
    async with connected(owned.toolkit, era, OPEN) as client:
        for operation, parameters in changes.items():
            asked = {"api_operation": operation, "api_params": parameters}
            error = error_shape(await client.call_tool(TOOL, asked))
            assert error["code"] == "owned_by_stack"
            assert ("delete_app" if operation.startswith("Delete") else "deploy_app") in error["hint"]
            assert (error["details"]["app_name"], error["details"]["stack_name"]) == (APP, STACK)
    shape = await answered(owned, era, "DescribeServices", api_params={"services": [APP]})
    assert shape["services"][0]["status"] == "ACTIVE"


@pytest.mark.parametrize("era", ERAS)
async def test_the_task_definition_that_an_apps_service_runs_is_kept_and_another_one_goes(
    owned: Owned, era: Era
) -> None:
    service = (await answered(owned, era, "DescribeServices", api_params={"services": [APP]}))["services"][0]
    used = service["taskDefinition"]
    container = {"name": "Main", "image": "nowhere/none:1"}
    free = await answered(
        owned,
        era,
        "RegisterTaskDefinition",
        OPEN,
        api_params={"family": f"free-{era}", "containerDefinitions": [container]},
    )
    other = free["taskDefinition"]["taskDefinitionArn"]
    async with connected(owned.toolkit, era, OPEN) as client:
        for operation, named in (
            ("DeregisterTaskDefinition", {"taskDefinition": used}),
            ("DeleteTaskDefinitions", {"taskDefinitions": [other, used]}),
        ):
            error = error_shape(await client.call_tool(TOOL, {"api_operation": operation, "api_params": named}))
            assert (error["code"], error["details"]["app_name"]) == ("used_by_app", APP)
    gone = await answered(owned, era, "DeregisterTaskDefinition", OPEN, api_params={"taskDefinition": other})
    assert gone["taskDefinition"]["status"] == "INACTIVE"
    kept = await answered(owned, era, "DescribeTaskDefinition", api_params={"taskDefinition": used})
    assert kept["taskDefinition"]["status"] == "ACTIVE"


@pytest.mark.parametrize("era", ERAS)
async def test_the_cluster_that_an_app_runs_in_is_kept_and_the_app_is_named(owned: Owned, era: Era) -> None:
    async with connected(owned.toolkit, era, OPEN) as client:
        asked = {"api_operation": "DeleteCluster", "api_params": {"cluster": "default"}}
        error = error_shape(await client.call_tool(TOOL, asked))
    assert error["code"] == "used_by_app"
    assert APP in error["details"]["app_names"]
    assert f"service {APP} in cluster default" in error["details"]["touches"]
    kept = await answered(owned, era, "DescribeClusters", api_params={"clusters": ["default"]})
    assert kept["clusters"][0]["status"] == "ACTIVE"


@pytest.mark.parametrize("era", ERAS)
async def test_what_nobody_owns_is_made_changed_and_deleted(owned: Owned, era: Era) -> None:
    name = f"free-{era}"
    made = await answered(owned, era, "CreateCluster", OPEN, api_params={"clusterName": name})
    assert made["touches"] == [f"cluster {name}"]
    settings = [{"name": "containerInsights", "value": "enabled"}]
    changed = await answered(
        owned, era, "UpdateClusterSettings", OPEN, api_params={"cluster": name, "settings": settings}
    )
    assert changed["cluster"]["settings"] == settings
    gone = await answered(owned, era, "DeleteCluster", OPEN, api_params={"cluster": name})
    assert gone["cluster"]["status"] == "INACTIVE"


@pytest.mark.parametrize("era", ERAS)
async def test_repositories_and_images_are_read_with_the_same_tool(owned: Owned, era: Era) -> None:
    from expressway.aws.session import open_session

    name = f"read/{era}"
    session = open_session(sandbox_url=owned.toolkit.target.sandbox_url)
    session.client("ecr").create_repository(repositoryName=name)
    shape = await answered(owned, era, "DescribeRepositories", api_params={"repositoryNames": [name]})
    arn = shape["repositories"][0]["repositoryArn"]
    assert (await answered(owned, era, "ListImages", api_params={"repositoryName": name})) == {"imageIds": []}
    assert (await answered(owned, era, "ListTagsForResource", api_params={"resourceArn": arn})) == {"tags": []}
    session.client("ecr").delete_repository(repositoryName=name)
