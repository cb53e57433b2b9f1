"""Every tool acts where the call says, within what the operator allows, and with credentials that are still good."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from expressway.errors import TargetError
from expressway.mcp.server import build_server
from expressway.privacy.gates import Gates
from expressway.toolkit import Toolkit
from mcp import Client
from tests.mcp.connections import ERAS, Era, connected, error_shape, shape_of
from tests.mcp.fakes import LONG, FakeToolkit, source_of, write_app

THERE = {"profile": "stage", "region": "eu-west-1"}
EXPIRED = TargetError("credentials_expired", "The credentials have expired.", "Renew them.")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("get_deployment_status", {"app_name": "shop"}),
        ("list_apps", {}),
        ("delete_app", {"app_name": "shop"}),
        ("wait_for_service_ready", {"cluster": "default", "service_name": "shop"}),
        ("validate_ecs_express_mode_prerequisites", {"image_uri": "shop"}),
    ],
)
async def test_a_call_acts_where_it_says(era: Era, tool: str, arguments: dict[str, Any]) -> None:
    toolkit = FakeToolkit()
    async with connected(toolkit, era) as client:
        assert not (await client.call_tool(tool, {**arguments, **THERE})).is_error
    assert toolkit.calls[0] == ("at", ("stage", "eu-west-1"))


@pytest.mark.parametrize("era", ERAS)
async def test_deploying_and_building_act_where_the_call_says(era: Era, tmp_path: Path) -> None:
    app = write_app(tmp_path)
    for tool, arguments in (
        ("deploy_app", {"app_path": str(app)}),
        ("diff_app", {"app_path": str(app)}),
        ("build_and_push_image_to_ecr", {"app_name": "shop", "app_path": str(app)}),
    ):
        toolkit = FakeToolkit()
        async with connected(toolkit, era) as client:
            assert not (await client.call_tool(tool, {**arguments, "region": "eu-west-1"})).is_error
        assert toolkit.calls[0] == ("at", (None, "eu-west-1"))


async def test_one_call_leaves_no_target_behind_for_the_next() -> None:
    toolkit = FakeToolkit()
    async with connected(toolkit, "auto") as client:
        await client.call_tool("list_apps", THERE)
        await client.call_tool("list_apps", {})
    assert [name for name, _ in toolkit.calls] == ["at", "list_apps", "list_apps"]


async def test_the_same_app_at_two_targets_is_two_operations(tmp_path: Path) -> None:
    toolkit = FakeToolkit()
    toolkit.go_on.clear()
    arguments = {"app_path": str(write_app(tmp_path)), "wait_seconds": 0}
    async with connected(toolkit, "auto") as client:
        for region in ("eu-west-1", "us-east-1"):
            assert not (await client.call_tool("deploy_app", {**arguments, "region": region})).is_error
        toolkit.go_on.set()
        with anyio.fail_after(LONG):
            while [name for name, _ in toolkit.calls].count("deploy") < 2:
                await anyio.sleep(0.01)


@pytest.mark.parametrize("era", ERAS)
async def test_a_target_that_is_no_name_is_told_with_the_other_problems(era: Era) -> None:
    async with connected(FakeToolkit(), era) as client:
        error = error_shape(await client.call_tool("get_deployment_status", {"region": 7}))
    assert error["code"] == "invalid_arguments"
    assert {problem["path"] for problem in error["details"]["problems"]} == {"region", "app_name"}


@pytest.mark.parametrize("era", ERAS)
async def test_what_the_operator_did_not_allow_is_refused(era: Era, tmp_path: Path) -> None:
    environ = {"EXPRESSWAY_HOME": str(tmp_path), "AWS_REGION": "eu-west-1"}
    with Toolkit(environ=environ, only_listed_targets=True) as toolkit:
        async with Client(build_server(source_of(toolkit), Gates()), mode=era) as client:
            asked = {"app_name": "shop", "region": "us-east-1"}
            error = error_shape(await client.call_tool("get_deployment_status", asked))
    assert error["code"] == "region_not_allowed"
    assert "EXPRESSWAY_REGIONS" in error["hint"]


async def test_a_read_is_done_again_with_renewed_credentials() -> None:
    toolkit = FakeToolkit(fails=EXPIRED)
    async with connected(toolkit, "auto") as client:
        shape = shape_of(await client.call_tool("get_deployment_status", {"app_name": "shop"}))
    assert shape["status"] == "ready"
    assert [name for name, _ in toolkit.calls] == ["status", "renew_credentials", "status"]


async def test_work_that_changes_is_not_repeated_by_itself_but_the_next_call_has_new_credentials(
    tmp_path: Path,
) -> None:
    toolkit = FakeToolkit(fails=EXPIRED)
    arguments = {"app_path": str(write_app(tmp_path))}
    async with connected(toolkit, "auto") as client:
        assert error_shape(await client.call_tool("deploy_app", arguments))["code"] == "credentials_expired"
        assert shape_of(await client.call_tool("deploy_app", arguments))["status"] == "deployed"
    assert [name for name, _ in toolkit.calls] == ["deploy", "renew_credentials", "deploy"]


@pytest.mark.parametrize("era", ERAS)
async def test_apps_are_listed_in_the_regions_asked_for_or_in_all_that_are_allowed(era: Era) -> None:
    toolkit = FakeToolkit()
    async with connected(toolkit, era) as client:
        await client.call_tool("list_apps", {"regions": ["eu-north-1"]})
        await client.call_tool("list_apps", {"all_regions": True})
    assert [what for _, what in toolkit.calls] == [("eu-north-1",), ("us-east-1", "eu-west-1")]


@pytest.mark.parametrize("given", [{"regions": ["us-east-1"]}, {"all_regions": True}])
async def test_a_listing_of_regions_beside_the_calls_own_region_is_refused(given: dict[str, Any]) -> None:
    toolkit = FakeToolkit()
    async with connected(toolkit, "auto") as client:
        shape = error_shape(await client.call_tool("list_apps", {"region": "eu-west-1", **given}))
    assert shape["code"] == "invalid_arguments"
    assert "eu-west-1" in shape["message"]
    assert "list_apps" not in toolkit.names
