"""What the server lists: the names and parameters that agents know, honest hints, few bytes."""

import json

import pytest
from jsonschema import Draft202012Validator

from tests.mcp.connections import CLOSED, ERAS, OPEN, Era, connected
from tests.mcp.fake_toolkit import FakeToolkit
from tests.mcp.known_tools import PARAMETERS

BYTES_PER_TOOL = 1_150
TARGET = {"profile": None, "region": None}
"""Every tool that reaches AWS takes them."""
LOCAL = {"synth_app", "containerize_app"}
PASSED_ON = {name for name in PARAMETERS if name.startswith("aws_knowledge_")}
"""Act on no account, and take what the endpoint takes."""
WRITES = {"build_and_push_image_to_ecr", "delete_app", "deploy_app", "ecs_resource_management", "containerize_app"}
DESTROYS = WRITES - {"build_and_push_image_to_ecr"}
REPEATING_MAY_CHANGE_MORE = {"ecs_resource_management"}


@pytest.mark.parametrize("era", ERAS)
async def test_the_tools_have_the_names_parameters_and_defaults_that_agents_know(era: Era) -> None:
    async with connected(FakeToolkit(), era) as client:
        tools = (await client.list_tools()).tools
    listed = {
        tool.name: {
            name: ... if name in tool.input_schema.get("required", []) else schema.get("default")
            for name, schema in tool.input_schema["properties"].items()
        }
        for tool in tools
    }
    assert listed == {name: own if name in LOCAL | PASSED_ON else {**own, **TARGET} for name, own in PARAMETERS.items()}


@pytest.mark.parametrize("era", ERAS)
async def test_the_whole_list_costs_few_bytes(era: Era) -> None:
    async with connected(FakeToolkit(), era) as client:
        listed = await client.list_tools()
        assert len(client.instructions or "") < 600
    assert len(listed.model_dump_json(by_alias=True, exclude_none=True).encode()) <= BYTES_PER_TOOL * len(listed.tools)


async def test_hints_tell_reading_from_changing_and_changing_from_destroying() -> None:
    async with connected(FakeToolkit(), "auto") as client:
        hints = {tool.name: tool.annotations for tool in (await client.list_tools()).tools}
    assert {name for name, hint in hints.items() if hint and not hint.read_only_hint} == WRITES
    assert {name for name, hint in hints.items() if hint and hint.destructive_hint} == DESTROYS
    assert {name for name, hint in hints.items() if hint and not hint.open_world_hint} == LOCAL
    assert {name for name, hint in hints.items() if not (hint and hint.idempotent_hint)} == REPEATING_MAY_CHANGE_MORE


async def test_every_tool_has_a_title_a_description_and_valid_schemas_without_alternatives_on_top() -> None:
    async with connected(FakeToolkit(), "auto") as client:
        tools = (await client.list_tools()).tools
    for tool in tools:
        assert tool.title
        assert len(tool.description or "") > 100
        assert "\n" not in (tool.description or "")
        for schema in (tool.input_schema, tool.output_schema):
            assert schema is not None
            assert schema["type"] == "object"
            assert not {"oneOf", "anyOf", "allOf", "title", "$defs"} & schema.keys()
            Draft202012Validator.check_schema(schema)
        for name, schema in tool.input_schema["properties"].items():
            assert "title" not in schema, name


async def test_an_error_fits_the_output_schema_of_every_tool_because_some_clients_check_it() -> None:
    error = {"code": "x", "message": "m", "hint": "h", "details": {"problems": []}, "withheld": "w"}
    async with connected(FakeToolkit(), "auto") as client:
        for tool in (await client.list_tools()).tools:
            Draft202012Validator(tool.output_schema or {}).validate(error)


async def test_closed_gates_hide_no_tool_so_that_an_agent_learns_why_it_may_not() -> None:
    async with connected(FakeToolkit(), "auto", CLOSED) as closed, connected(FakeToolkit(), "auto", OPEN) as opened:
        assert [tool.name for tool in (await closed.list_tools()).tools] == [
            tool.name for tool in (await opened.list_tools()).tools
        ]


async def test_the_order_and_the_text_of_the_list_never_vary() -> None:
    texts: set[str] = set()
    for _ in range(2):
        async with connected(FakeToolkit(), "auto") as client:
            listed = [tool.model_dump(by_alias=True, exclude_none=True) for tool in (await client.list_tools()).tools]
            texts.add(json.dumps(listed))
    assert len(texts) == 1
