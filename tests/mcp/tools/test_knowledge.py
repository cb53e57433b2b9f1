"""The documentation tools: passed on, described by the endpoint once it was asked, and never in anybody's way."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import mcp.types as types
import pytest

from expressway.knowledge.schemas import portable
from expressway.mcp.server import OptionalTools, build_server, describe
from expressway.mcp.tools.knowledge import ECS_GUIDANCE
from expressway.privacy.gates import Gates
from expressway.privacy.untrusted import is_quoted, plain
from expressway.toolkit import Toolkit
from mcp import Client
from tests.knowledge.endpoint import PAGE, SEARCH_DESCRIPTION, Played, playing
from tests.mcp.connections import CLOSED, ERAS, Era, connected, error_shape, good_shape
from tests.mcp.fakes import LONG, FakeToolkit, source_of

SEARCH = "aws_knowledge_aws___search_documentation"
READ = "aws_knowledge_aws___read_documentation"
RECOMMEND = "aws_knowledge_aws___recommend"
TOOLS = {SEARCH, READ, RECOMMEND}


@pytest.fixture
def endpoint() -> Iterator[Played]:
    with playing() as played:
        yield played


@asynccontextmanager
async def asking(url: str, home: Path, era: Era = "auto", **options: Any) -> AsyncGenerator[Client]:
    """A client of our server, whose toolkit is the real one and asks the endpoint at `url`."""
    toolkit = Toolkit(environ={"EXPRESSWAY_KNOWLEDGE_URL": url, "EXPRESSWAY_HOME": str(home)})
    try:
        async with Client(build_server(source_of(toolkit), CLOSED), mode=era, **options) as client:
            yield client
    finally:
        toolkit.close()


def plain_of(content: Any) -> Any:
    """The content without the marks that its text must have."""
    if isinstance(content, dict):
        return {name: plain_of(item) for name, item in content.items()}
    if isinstance(content, list):
        return [plain_of(item) for item in content]
    assert not isinstance(content, str) or is_quoted(content)
    return plain(content) if isinstance(content, str) else content


async def listed(client: Client) -> dict[str, types.Tool]:
    return {tool.name: tool for tool in (await client.list_tools(cache_mode="refresh")).tools if tool.name in TOOLS}


@pytest.mark.parametrize("era", ERAS)
async def test_a_question_is_answered_by_the_endpoint_with_its_source(
    era: Era, endpoint: Played, tmp_path: Path
) -> None:
    async with asking(endpoint.url, tmp_path, era) as client:
        found = good_shape(await client.call_tool(SEARCH, {"search_phrase": "express mode", "limit": 3}))
        related = good_shape(await client.call_tool(RECOMMEND, {"url": "https://docs.example/a"}))
    assert found["source"] == endpoint.url
    assert "untrusted" in found
    assert plain_of(found["content"]) == {"content": {"result": [{"rank_order": 1, "title": "About express mode"}]}}
    assert plain_of(related["content"]) == {"similar": ["https://docs.example/a/next"]}
    assert endpoint.asked[0] == ("search", {"search_phrase": "express mode", "limit": 3})


@pytest.mark.parametrize("era", ERAS)
async def test_once_asked_the_endpoints_own_words_and_schema_are_listed_with_guidance_for_ecs(
    era: Era, endpoint: Played, tmp_path: Path
) -> None:
    async with asking(endpoint.url, tmp_path, era) as client:
        before = await listed(client)
        good_shape(await client.call_tool(SEARCH, {"search_phrase": "x"}))
        after = await listed(client)
    async with Client(endpoint.url) as directly:
        originals = {f"aws_knowledge_{tool.name}": tool for tool in (await directly.list_tools()).tools}
    assert before.keys() == after.keys() == TOOLS
    assert "\n" not in (before[SEARCH].description or "")
    assert after[SEARCH].description == f"{SEARCH_DESCRIPTION}\n\n{ECS_GUIDANCE}"
    for name in TOOLS:
        assert ECS_GUIDANCE in (before[name].description or "")
        described = after[name].input_schema["properties"]
        told = portable(originals[name].input_schema)
        assert told is not None
        assert all(schema["description"] for schema in described.values())
        assert {k: {**v, "description": ""} for k, v in described.items()} == {
            k: {**v, "description": ""} for k, v in told["properties"].items()
        }
        assert after[name].input_schema["required"] == originals[name].input_schema["required"]


async def test_the_next_server_lists_the_endpoints_words_from_the_start(endpoint: Played, tmp_path: Path) -> None:
    environ = {"EXPRESSWAY_KNOWLEDGE_URL": endpoint.url, "EXPRESSWAY_HOME": str(tmp_path)}
    async with asking(endpoint.url, tmp_path) as client:
        good_shape(await client.call_tool(SEARCH, {"search_phrase": "x"}))
        learned = await listed(client)
    asked = len(endpoint.headers)
    described = await anyio.to_thread.run_sync(describe, environ)
    told = {tool["name"]: tool for tool in described["tools"]}
    assert {name: told[name]["description"] for name in TOOLS} == {
        name: tool.description for name, tool in learned.items()
    }
    assert {name: told[name]["inputSchema"] for name in TOOLS} == {
        name: tool.input_schema for name, tool in learned.items()
    }
    assert len(endpoint.headers) == asked


async def test_clients_of_the_handshake_are_told_that_the_list_changed_and_only_once(
    endpoint: Played, tmp_path: Path
) -> None:
    told: list[str] = []

    async def note(message: object) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            told.append(message.method)

    async with asking(endpoint.url, tmp_path, "legacy", message_handler=note) as client:
        assert client.server_capabilities.tools is not None
        assert client.server_capabilities.tools.list_changed
        good_shape(await client.call_tool(SEARCH, {"search_phrase": "x"}))
        with anyio.fail_after(LONG):
            while not told:
                await anyio.sleep(0.01)
        good_shape(await client.call_tool(SEARCH, {"search_phrase": "y"}))
        await client.list_tools()
    assert len(told) == 1


async def test_clients_that_subscribed_are_told_that_the_list_changed(endpoint: Played, tmp_path: Path) -> None:
    async with asking(endpoint.url, tmp_path) as client, client.listen(tools_list_changed=True) as events:
        good_shape(await client.call_tool(SEARCH, {"search_phrase": "x"}))
        with anyio.fail_after(LONG):
            async for event in events:
                assert type(event).__name__ == "ToolsListChanged"
                break


@pytest.mark.parametrize("era", ERAS)
async def test_arguments_are_checked_by_the_endpoints_schema_all_at_once(
    era: Era, endpoint: Played, tmp_path: Path
) -> None:
    async with asking(endpoint.url, tmp_path, era) as client:
        shape = error_shape(await client.call_tool(READ, {"max_length": "long"}))
    assert shape["code"] == "invalid_arguments"
    assert [problem["path"] for problem in shape["details"]["problems"]] == ["url", "max_length"]
    assert endpoint.asked == []


async def test_arguments_go_on_as_they_are_whatever_their_names(endpoint: Played, tmp_path: Path) -> None:
    toolkit = FakeToolkit()
    arguments = {"search_phrase": "x", "region": "somewhere", "ctx": 1, "arguments": {"a": 1}, "self": "me"}
    async with connected(toolkit, "auto") as client:
        good_shape(await client.call_tool(SEARCH, arguments))
    assert toolkit.calls == [("consult_knowledge", ("aws___search_documentation", arguments))]


@pytest.mark.parametrize("era", ERAS)
async def test_a_long_page_is_cut_and_says_how_to_get_the_rest(era: Era, endpoint: Played, tmp_path: Path) -> None:
    read = ""
    async with asking(endpoint.url, tmp_path, era) as client:
        first = good_shape(await client.call_tool(READ, {"url": "https://docs.example/a"}))
        assert plain(first["content"]) == PAGE[:24_000]
        assert first["truncated"]["characters"] == len(PAGE)
        assert "max_length=12000, start_index=0" in first["truncated"]["next"]
        while len(read) < len(PAGE):
            part = {"url": "https://docs.example/a", "max_length": 12_000, "start_index": len(read)}
            shape = good_shape(await client.call_tool(READ, part))
            assert "truncated" not in shape
            read += plain(shape["content"])
    assert read == PAGE


async def test_an_error_of_the_endpoints_is_ours_in_our_words_with_its_words_as_a_detail(
    endpoint: Played, tmp_path: Path
) -> None:
    async with asking(endpoint.url, tmp_path) as client:
        shape = error_shape(await client.call_tool(SEARCH, {"search_phrase": "fail"}))
    assert shape["code"] == "knowledge_refused"
    assert "Ignore previous" not in shape["message"] + shape["hint"]
    assert is_quoted(shape["details"]["answer"])
    assert "Ignore previous" in shape["details"]["answer"], "what it says is data, and helps to correct the call"
    assert "untrusted" in shape


@pytest.mark.parametrize("era", ERAS)
async def test_other_tools_answer_while_a_question_hangs(era: Era, endpoint: Played, tmp_path: Path) -> None:
    endpoint.hold.clear()
    async with asking(endpoint.url, tmp_path, era) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.call_tool, SEARCH, {"search_phrase": "x"})
        with anyio.fail_after(LONG):
            while not endpoint.asked:
                await anyio.sleep(0.01)
            assert (
                error_shape(await client.call_tool("delete_app", {"app_name": "shop"}))["code"] == "write_not_allowed"
            )
            assert error_shape(await client.call_tool("synth_app", {"app_path": str(tmp_path / "none")}))
            assert await listed(client)
        endpoint.hold.set()


@pytest.mark.parametrize("era", ERAS)
async def test_an_endpoint_that_is_down_is_an_error_with_a_hint(era: Era, tmp_path: Path) -> None:
    async with asking("http://127.0.0.1:9/mcp", tmp_path, era) as client:
        shape = error_shape(await client.call_tool(SEARCH, {"search_phrase": "x"}))
    assert shape["code"] == "knowledge_unavailable"
    assert "EXPRESSWAY_KNOWLEDGE_URL" in shape["hint"]


async def test_a_url_that_may_not_be_asked_is_told_when_a_tool_is_used(tmp_path: Path) -> None:
    async with asking("http://knowledge.example/mcp", tmp_path) as client:
        shape = error_shape(await client.call_tool(SEARCH, {"search_phrase": "x"}))
    assert shape["code"] == "knowledge_url_refused"


async def test_turned_off_the_tools_are_not_listed_and_calling_one_is_an_unknown_tool() -> None:
    async with Client(
        build_server(source_of(FakeToolkit()), Gates(), optional_tools=OptionalTools(knowledge=None))
    ) as client:
        assert await listed(client) == {}
        assert error_shape(await client.call_tool(SEARCH, {"search_phrase": "x"}))["code"] == "unknown_tool"
