"""What the server lists: the names and parameters that agents know, honest hints, few bytes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from jsonschema import Draft202012Validator
from typing_extensions import is_typeddict

from expressway.knowledge.values import KNOWLEDGE_TOOLS, READ, RECOMMEND, SEARCH, KnowledgeTool
from expressway.mcp.server import OptionalTools, build_server
from expressway.mcp.tools.knowledge import MORE_BYTES, PREFIX, READ_INPUT, RECOMMEND_INPUT, SEARCH_INPUT
from mcp import Client
from tests.mcp.connections import ANSWERS, CLOSED, ERAS, OPEN, Era, connected, good_shape, misfits
from tests.mcp.fakes import FakeToolkit, source_of
from tests.mcp.known_tools import PARAMETERS
from tests.mcp.model_apis import objections, undescribed

WHOLE_LIST_BYTES = 15_000
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


def _schema_of(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "title": "Arguments", "$schema": "https://json-schema.org/x"}


LISTED_INPUT: dict[str, Mapping[str, Any]] = {SEARCH: SEARCH_INPUT, READ: READ_INPUT, RECOMMEND: RECOMMEND_INPUT}


def _longest_schema(ours: Mapping[str, Any], *, more: int = 0) -> dict[str, Any]:
    """A schema of the endpoint's with a description as long as may be listed in place of `ours`, and `more` bytes."""
    bare = {"type": "object", "properties": {"url": {"type": "string", "description": ""}}}
    room = _bytes(ours) + MORE_BYTES - _bytes(bare)
    return _schema_of({"url": {"type": "string", "description": "d" * (room + more)}})


def _bytes(schema: Mapping[str, Any]) -> int:
    return len(json.dumps(schema, separators=(",", ":")))


TOLD: dict[str, tuple[KnowledgeTool, ...]] = {
    "never asked": (),
    "endless words": tuple(
        KnowledgeTool(name, "word " * 6_000, _schema_of({f"p{n}": {"type": "string"} for n in range(60)}))
        for name in KNOWLEDGE_TOOLS
    ),
    "as long as it may be": tuple(
        KnowledgeTool(name, "w" * 90, _longest_schema(LISTED_INPUT[name])) for name in KNOWLEDGE_TOOLS
    ),
    "alternatives": tuple(
        KnowledgeTool(
            name, "Short.", _schema_of({"a": schema, "b": {"anyOf": [{"type": "integer"}, {"type": "null"}]}})
        )
        for name, schema in zip(
            KNOWLEDGE_TOOLS,
            (
                {"anyOf": [{"type": "string"}, {"type": "object"}], "description": "x"},
                {"type": ["array", "null"], "items": {"type": "object"}},
                {"type": "string", "format": "uri", "examples": ["x"], "exclusiveMinimum": 1, "const": "x"},
            ),
            strict=True,
        )
    ),
}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("told", TOLD)
@pytest.mark.parametrize("former", [False, True])
async def test_every_model_api_takes_the_whole_list(era: Era, told: str, former: bool) -> None:
    server = build_server(source_of(FakeToolkit()), OPEN, optional_tools=OptionalTools(TOLD[told], former_names=former))
    async with Client(server, mode=era) as client:
        listed = await client.list_tools()
    tools = [tool.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in listed.tools]
    assert [problem for tool in tools for problem in objections(tool)] == []
    assert [name for tool in tools for name in undescribed(tool["inputSchema"])] == []
    if not former:
        assert len(tools) == len(PARAMETERS)
        assert len(listed.model_dump_json(by_alias=True, exclude_none=True).encode()) <= WHOLE_LIST_BYTES


@pytest.mark.parametrize("name", KNOWLEDGE_TOOLS)
async def test_a_description_that_makes_a_schema_too_long_is_replaced_by_ours(name: str) -> None:
    ours = LISTED_INPUT[name]
    described: list[str] = []
    for more in (0, 1):
        told = (KnowledgeTool(name, "Short.", _longest_schema(ours, more=more)),)
        async with Client(build_server(source_of(FakeToolkit()), OPEN, optional_tools=OptionalTools(told))) as client:
            tools = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
        assert tools[PREFIX + name]["properties"].keys() == {"url"}
        described.append(tools[PREFIX + name]["properties"]["url"]["description"])
    assert set(described[0]) == {"d"}
    assert described[1] == ours["properties"].get("url", {}).get("description", "As the endpoint takes it.")


async def test_the_instructions_cost_few_bytes() -> None:
    async with connected(FakeToolkit(), "auto") as client:
        assert len(client.instructions or "") < 600


@pytest.mark.parametrize(
    "schema",
    [
        {"definition": {"anyOf": [{"type": "object"}, {"type": "string"}], "description": "x"}},
        {"parameters": {"type": "object"}},
        {"limit": {"type": ["integer", "null"]}},
        {"topics": {"type": "array"}},
        {"a b": {"type": "string"}},
        {"n": {"type": "integer", "exclusiveMinimum": 0}},
    ],
)
def test_what_a_model_api_refuses_is_seen(schema: dict[str, Any]) -> None:
    tool = {"name": "a", "description": "d", "inputSchema": {"type": "object", "properties": schema}}
    assert objections(tool)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("ecs_troubleshooting_tool", {"parameters": {"ecs_cluster_name": "c", "nobody_named_this": [1]}}),
        ("ecs_resource_management", {"api_operation": "ListTasks", "api_params": {"family": "f"}}),
    ],
)
async def test_members_that_are_not_listed_are_passed_on(era: Era, tool: str, arguments: dict[str, Any]) -> None:
    toolkit = FakeToolkit()
    async with connected(toolkit, era) as client:
        good_shape(await client.call_tool(tool, arguments))
    assert arguments.get("parameters", arguments.get("api_params")) in toolkit.calls[0][1]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("definition", ["name: shop\nimage: a.b/c:1\n", {"name": "shop", "image": "a.b/c:1"}])
async def test_a_definition_is_taken_as_a_text_and_as_an_object(era: Era, definition: object, tmp_path: Path) -> None:
    async with connected(FakeToolkit(), era) as client:
        shape = good_shape(await client.call_tool("diff_app", {"app_path": str(tmp_path), "definition": definition}))
    assert shape["app_name"] == "shop"


async def test_hints_tell_reading_from_changing_and_changing_from_destroying() -> None:
    async with connected(FakeToolkit(), "auto") as client:
        hints = {tool.name: tool.annotations for tool in (await client.list_tools()).tools}
    assert {name for name, hint in hints.items() if hint and not hint.read_only_hint} == WRITES
    assert {name for name, hint in hints.items() if hint and hint.destructive_hint} == DESTROYS
    assert {name for name, hint in hints.items() if hint and hint.open_world_hint is False} == LOCAL
    repeatable = {name for name, hint in hints.items() if hint and hint.idempotent_hint}
    assert repeatable == WRITES - REPEATING_MAY_CHANGE_MORE, "of tools that only read, the protocol assumes it"


async def test_every_tool_has_a_title_a_description_and_valid_schemas_without_alternatives_on_top() -> None:
    async with connected(FakeToolkit(), "auto") as client:
        tools = (await client.list_tools()).tools
    for tool in tools:
        assert tool.title
        assert len(tool.description or "") > 100
        assert "\n" not in (tool.description or "")
        assert tool.input_schema["type"] == "object"
        assert not {"oneOf", "anyOf", "allOf", "title", "$defs"} & tool.input_schema.keys()
        Draft202012Validator.check_schema(tool.input_schema)
        for name, schema in tool.input_schema["properties"].items():
            assert "title" not in schema, name


LISTED_OUTPUTS = {"diff_app", "deploy_app", "get_deployment_status", "ecs_troubleshooting_tool"}
"""The list has no room for all."""


async def test_the_schemas_of_answers_are_those_of_the_declared_types_one_level_deep() -> None:
    async with connected(FakeToolkit(), "auto") as client:
        listed = {tool.name: tool.output_schema for tool in (await client.list_tools()).tools if tool.output_schema}
    assert listed.keys() == LISTED_OUTPUTS
    for name, schema in listed.items():
        Draft202012Validator.check_schema(schema)
        kinds = [kind for kind in (ANSWERS[name], *get_args(ANSWERS[name])) if is_typeddict(kind)]
        assert schema["properties"].keys() == {member for kind in kinds for member in get_type_hints(kind)}, name
        assert all(item.keys() <= {"type", "enum"} and item for item in schema["properties"].values()), name
    running = listed["deploy_app"]["properties"]
    assert running["status"] == {"enum": ["deployed", "running", "unchanged"]}
    assert (running["url"], running["stacks"]) == ({"type": "string"}, {"type": "object"})


@pytest.mark.parametrize(
    ("tool", "content"),
    [
        ("deploy_app", {"status": "running", "phase": "build", "message": "m"}),
        ("deploy_app", {"status": "gone", "phase": "build", "message": "m", "next": "n"}),
        ("list_apps", {"apps": [{"app_name": "shop"}], "regions": []}),
        ("list_apps", {"apps": [], "regions": [], "more": 1}),
        ("get_deployment_status", {"app_name": "shop", "status": "ready", "message": "m", "gaps": "none"}),
    ],
)
def test_an_answer_that_does_not_fit_its_type_is_seen(tool: str, content: dict[str, Any]) -> None:
    assert misfits(tool, content)


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
