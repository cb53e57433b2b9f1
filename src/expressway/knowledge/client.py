"""AWS Knowledge over MCP's streamable HTTP, with the SDK's client. Nothing is opened before something is asked.

Each exchange is a session of its own, so that a hostile answer spoils nothing but itself; connections are kept for
the next one. Which protocol the endpoint speaks is remembered.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from expressway import __version__
from expressway.core.progress import Cancellation
from expressway.knowledge.portal import LoopThread
from expressway.knowledge.schema_guard import is_listable, is_shallow, without_header_notes
from expressway.knowledge.values import (
    DESCRIPTION_CHARACTERS,
    SCHEMA_CHARACTERS,
    KnowledgeAnswer,
    KnowledgeTool,
)

if TYPE_CHECKING:
    import httpx2
    from mcp.types import CallToolResult, DiscoverResult, Tool

    from mcp import Client

ResultT = TypeVar("ResultT")

_LISTING_PAGES = 5
_FAREWELL_SECONDS = 2.0


class KnowledgeClient:
    """Blocks; threads may share it. Every method is bounded by the deadline that it is given (seconds)."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread = LoopThread("expressway knowledge")
        self._http: httpx2.AsyncClient | None = None
        self._mode = "auto"
        self._discovered: DiscoverResult | None = None

    def tools(self, *, deadline_seconds: float, cancellation: Cancellation) -> tuple[KnowledgeTool, ...]:
        """What the endpoint lists, but for tools whose schema must not be; a description that is too long is empty.

        Raises:
            ExpresswayError: ``knowledge_*``, see `knowledge_errors`.
        """
        return self._exchange(_tools, deadline_seconds, cancellation)

    def call(
        self, tool: str, arguments: Mapping[str, Any], *, deadline_seconds: float, cancellation: Cancellation
    ) -> KnowledgeAnswer:
        """What a tool of the endpoint's answers.

        Raises:
            ExpresswayError: ``knowledge_*``, see `knowledge_errors`.
        """
        return self._exchange(lambda client: _call(client, tool, arguments), deadline_seconds, cancellation)

    def close(self) -> None:
        """Let go of the connections; a later call opens new ones."""
        http, self._http = self._http, None
        self._thread.close(http.aclose if http else None)

    def _exchange(
        self, ask: Callable[[Client], Awaitable[ResultT]], deadline_seconds: float, cancellation: Cancellation
    ) -> ResultT:
        from expressway.knowledge.errors import map_knowledge_error
        from expressway.knowledge.http import CURRENT_EXCHANGE, Exchange

        exchange = Exchange()

        async def work(answer: asyncio.Future[ResultT]) -> None:
            CURRENT_EXCHANGE.set(exchange)
            await self._session(ask, answer, deadline_seconds)

        try:
            return self._thread.run(work, deadline_seconds=deadline_seconds, cancellation=cancellation)
        except Exception as exc:
            raise map_knowledge_error(exc, exchange, url=self._url, deadline_seconds=deadline_seconds) from exc

    async def _session(
        self,
        ask: Callable[[Client], Awaitable[ResultT]],
        answer: asyncio.Future[ResultT],
        deadline_seconds: float,
    ) -> None:
        from mcp.client.streamable_http import streamable_http_client
        from mcp.types import Implementation

        from mcp import Client

        if self._http is None:
            from expressway.knowledge.http import bounded_client

            self._http = bounded_client(user_agent=f"expressway/{__version__}", timeout_seconds=deadline_seconds)
        self._http.cookies.clear()  # one exchange tells the endpoint nothing of another
        client = Client(
            streamable_http_client(self._url, http_client=self._http),
            mode=self._mode,
            prior_discover=self._discovered,
            client_info=Implementation(name="expressway", version=__version__),
            cache=None,
        )
        farewell = asyncio.timeout(None)
        try:
            async with farewell, client:
                self._remember(client)
                answer.set_result(await ask(client))
                farewell.reschedule(asyncio.get_running_loop().time() + _FAREWELL_SECONDS)
        except BaseException:
            if not answer.done():
                self._mode, self._discovered = "auto", None  # what was remembered may be what was wrong
            raise

    def _remember(self, client: Client) -> None:
        """The negotiated protocol saves the next session a round trip."""
        discovered = client.session.discover_result
        self._mode = client.protocol_version if discovered else "legacy"
        self._discovered = discovered


async def _tools(client: Client) -> tuple[KnowledgeTool, ...]:
    found: list[KnowledgeTool] = []
    cursor: str | None = None
    for _ in range(_LISTING_PAGES):
        page = await client.list_tools(cursor=cursor)
        found.extend(_tool(tool) for tool in page.tools if _can_be_listed(tool))
        cursor = page.next_cursor
        if cursor is None:
            break
    return tuple(found)


def _can_be_listed(tool: Tool) -> bool:
    """Whether the schema does no harm in a client's list, and does not fill a model's context."""
    return (
        is_listable(tool.input_schema)
        and len(json.dumps(tool.input_schema)) <= SCHEMA_CHARACTERS
        and _is_json_schema(tool.input_schema)
    )


def _is_json_schema(schema: Mapping[str, Any]) -> bool:
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError:
        return False
    return True


def _tool(tool: Tool) -> KnowledgeTool:
    description = tool.description or ""
    shown = description if len(description) <= DESCRIPTION_CHARACTERS else ""
    return KnowledgeTool(tool.name, shown, without_header_notes(tool.input_schema))


async def _call(client: Client, name: str, arguments: Mapping[str, Any]) -> KnowledgeAnswer:
    from mcp.shared.exceptions import MCPError
    from mcp.types import HEADER_MISMATCH

    try:
        return _answer(await _send_call(client, name, arguments))
    except MCPError as exc:
        if exc.code != HEADER_MISMATCH:
            raise
        await _tools(client)  # the listing tells the SDK which arguments the endpoint wants to see in headers
        return _answer(await _send_call(client, name, arguments))


async def _send_call(client: Client, name: str, arguments: Mapping[str, Any]) -> CallToolResult:
    """The SDK's own `call_tool` would hold the answer against the endpoint's schema, whose regular expressions could
    keep Python's one interpreter lock for ever. What is shown is not typed by that schema, so nothing is lost."""
    from mcp.types import CallToolRequest, CallToolRequestParams, CallToolResult

    request = CallToolRequest(params=CallToolRequestParams(name=name, arguments=dict(arguments)))
    return await client.session.send_request(request, CallToolResult)


def _answer(result: CallToolResult) -> KnowledgeAnswer:
    """Structured content when there is some, else the texts; pictures, links and other kinds are not passed on."""
    from mcp.types import TextContent

    refused = bool(result.is_error)
    if isinstance(result.structured_content, dict) and result.structured_content:
        if not is_shallow(result.structured_content):
            raise ValueError("structured content is nested too deeply")
        return KnowledgeAnswer(result.structured_content, refused)
    contents = [_parsed(block.text) for block in result.content if isinstance(block, TextContent)]
    return KnowledgeAnswer(contents[0] if len(contents) == 1 else contents, refused)


def _parsed(text: str) -> Any:
    """JSON as what it is, so that it is not escaped a second time; anything else stays text."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        parsed = json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return text
    return parsed if is_shallow(parsed) else text


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON, and many clients fail over it")
