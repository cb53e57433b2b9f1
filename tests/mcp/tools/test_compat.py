"""Former names: listed where the operator wants them, answered by today's tools, and saying so."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from expressway.app.definition import AppDefinition
from expressway.mcp.server import OptionalTools, build_server, describe
from expressway.privacy.gates import Gates
from expressway.toolkit import AppSource
from mcp import Client
from tests.mcp.connections import CLOSED, ERAS, OPEN, Era, error_shape, good_shape
from tests.mcp.fakes import FakeToolkit, source_of, write_app

CREATE, DELETE = "create_ecs_infrastructure", "delete_ecs_infrastructure"
FORMER: Mapping[str, Mapping[str, Any]] = {
    CREATE: {
        "app_name": ...,
        "app_path": ...,
        "force_deploy": False,
        "deployment_step": None,
        "vpc_id": None,
        "subnet_ids": None,
        "route_table_ids": None,
        "cpu": None,
        "memory": None,
        "desired_count": None,
        "container_port": None,
        "health_check_path": None,
    },
    DELETE: {"app_name": ..., "ecr_template_path": None, "ecs_template_path": None},
}


@asynccontextmanager
async def former(toolkit: FakeToolkit, era: Era = "auto", gates: Gates = OPEN) -> AsyncGenerator[Client]:
    server = build_server(source_of(toolkit), gates, optional_tools=OptionalTools(former_names=True))
    async with Client(server, mode=era) as client:
        yield client


def dockerfile_in(folder: Path) -> str:
    (folder / "Dockerfile").write_text("FROM scratch\n")
    return str(folder)


def synthesized(toolkit: FakeToolkit) -> AppDefinition:
    """The definition of which templates were made."""
    ((_, source),) = [call for call in toolkit.calls if call[0] == "synth"]
    assert isinstance(source, AppSource)
    return source.definition


@pytest.mark.parametrize("era", ERAS)
async def test_they_are_listed_with_the_parameters_that_agents_know(era: Era) -> None:
    async with former(FakeToolkit(), era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    for name, parameters in FORMER.items():
        schema = tools[name].input_schema
        found = {
            parameter: ... if parameter in schema["required"] else described.get("default")
            for parameter, described in schema["properties"].items()
        }
        assert {key: found[key] for key in parameters} == parameters
        assert set(found) - set(parameters) == {"profile", "region"}
        assert (tools[name].description or "").startswith("Deprecated: use ")
        hints = tools[name].annotations
        assert hints is not None
        assert hints.destructive_hint


@pytest.mark.parametrize(("value", "listed"), [("true", True), ("1", True), ("", False), ("off", False)])
def test_the_operator_decides_whether_they_are_offered(value: str, listed: bool, tmp_path: Path) -> None:
    tools = describe({"COMPAT_TOOLS": value, "EXPRESSWAY_HOME": str(tmp_path)})["tools"]
    assert ({tool["name"] for tool in tools} >= set(FORMER)) is listed


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", FORMER)
async def test_they_need_permission_to_write(era: Era, name: str, tmp_path: Path) -> None:
    toolkit = FakeToolkit()
    arguments = {"app_name": "shop", "app_path": str(tmp_path)} if name == CREATE else {"app_name": "shop"}
    async with former(toolkit, era, CLOSED) as client:
        assert error_shape(await client.call_tool(name, arguments))["code"] == "write_not_allowed"
    assert toolkit.calls == []


@pytest.mark.parametrize("era", ERAS)
async def test_without_force_deploy_only_templates_are_made(era: Era, tmp_path: Path) -> None:
    toolkit = FakeToolkit()
    async with former(toolkit, era) as client:
        shape = good_shape(await client.call_tool(CREATE, {"app_name": "shop", "app_path": dockerfile_in(tmp_path)}))
    assert shape["operation"] == "generate_templates"
    assert "synth_app" in shape["deprecated"]
    assert [stack["stack_name"] for stack in shape["stacks"]] == ["shop-ecr-infrastructure", "shop-express-service"]
    assert toolkit.names == ["synth"]
    assert (synthesized(toolkit).name, synthesized(toolkit).container_port) == ("shop", 80)


async def test_the_arguments_become_a_definition(tmp_path: Path) -> None:
    toolkit = FakeToolkit()
    arguments = {
        "app_name": "shop",
        "app_path": dockerfile_in(tmp_path),
        "cpu": 512,
        "memory": 1024,
        "desired_count": 5,
        "container_port": 3000,
        "health_check_path": "/health",
        "vpc_id": "vpc-0123456789abcdef0",
        "subnet_ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
        "route_table_ids": ["rtb-0123456789abcdef0"],
    }
    async with former(toolkit) as client:
        shape = good_shape(await client.call_tool(CREATE, arguments))
    made = synthesized(toolkit)
    assert (made.cpu, made.memory_mib, made.container_port, made.health_check_path) == (512, 1024, 3000, "/health")
    assert (made.scaling.min, made.scaling.max) == (5, 5)
    assert list(made.network.subnets) == arguments["subnet_ids"]
    assert [told.partition(":")[0] for told in shape["unused_arguments"]] == ["vpc_id", "route_table_ids"]


async def test_a_definition_in_the_folder_stays_but_for_what_the_arguments_say(tmp_path: Path) -> None:
    toolkit = FakeToolkit()
    extra = "container_port: 3000\nenvironment: {A: b}\nscaling: {max: 9}\n"
    app = str(write_app(tmp_path, extra=extra))
    async with former(toolkit) as client:
        good_shape(await client.call_tool(CREATE, {"app_name": "shop", "app_path": app, "desired_count": 2}))
    made = synthesized(toolkit)
    assert (made.container_port, made.environment, made.scaling.min, made.scaling.max) == (3000, {"A": "b"}, 2, 9)
    assert made.image == "public.ecr.aws/docker/library/httpd:2.4"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("step", "asked", "next_step"), [(1, "build", 2), (2, "build", 3), (3, "deploy", None), (None, "deploy", None)]
)
async def test_each_step_of_former_days_is_done_by_todays_tools(
    era: Era, step: int | None, asked: str, next_step: int | None, tmp_path: Path
) -> None:
    toolkit = FakeToolkit()
    arguments = {"app_name": "shop", "app_path": dockerfile_in(tmp_path), "force_deploy": True, "deployment_step": step}
    async with former(toolkit, era) as client:
        shape = good_shape(await client.call_tool(CREATE, arguments))
    assert toolkit.names == [asked]
    assert (shape.get("step"), shape.get("next_step")) == (step, next_step)
    assert ("url" in shape) is (asked == "deploy")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"vpc_id": "vpc-0123456789abcdef0"}, "argument_without_equivalent"),
        ({"cpu": 300}, "invalid_definition"),
        ({"deployment_step": 4}, "invalid_arguments"),
        ({"app_name": "other"}, "app_name_mismatch"),
    ],
)
async def test_what_has_no_meaning_today_is_refused_before_anything_is_done(
    arguments: dict[str, Any], code: str, tmp_path: Path
) -> None:
    toolkit = FakeToolkit()
    call = {"app_name": "shop", "app_path": str(write_app(tmp_path)), "force_deploy": True, **arguments}
    async with former(toolkit) as client:
        assert error_shape(await client.call_tool(CREATE, call))["code"] == code
    assert toolkit.calls == []


@pytest.mark.parametrize("era", ERAS)
async def test_deleting_is_todays_deletion_whatever_templates_are_named(era: Era) -> None:
    toolkit = FakeToolkit()
    arguments = {"app_name": "shop", "ecr_template_path": "/a.json", "ecs_template_path": "/b.json"}
    async with former(toolkit, era) as client:
        shape = good_shape(await client.call_tool(DELETE, arguments))
    assert toolkit.calls == [("delete", ("shop", None))]
    assert shape["unused_arguments"] == ["ecr_template_path", "ecs_template_path"]
    assert "delete_app" in shape["deprecated"]
    assert {"service_deletion", "ecr_deletion", "summary", "errors"} <= shape.keys()


async def test_a_deletion_that_stopped_is_an_error_here_too() -> None:
    fault = {"code": "service_still_draining", "message": "It drains.", "hint": "Repeat."}
    async with former(FakeToolkit(delete_errors=[fault])) as client:
        shape = error_shape(await client.call_tool(DELETE, {"app_name": "shop"}))
    assert shape["code"] == "service_still_draining"
    assert "delete_app" in shape["deprecated"]
