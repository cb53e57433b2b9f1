"""AWS Knowledge over MCP's streamable HTTP, with the SDK's client. Nothing is opened before something is asked.

Each exchange has a thread, an event loop, a connection and a session of its own: a hostile answer spoils nothing but
itself, and the caller never waits longer than its deadline. Which protocol the endpoint speaks is remembered.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, InvalidStateError, wait
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from expressway import __version__
from expressway.core.bounded_data import DEEPEST, is_too_deep
from expressway.core.progress import Cancellation
from expressway.knowledge.schemas import is_listable
from expressway.knowledge.values import DESCRIPTION_CHARACTERS, KnowledgeAnswer, KnowledgeTool

if TYPE_CHECKING:
    from mcp.types import CallToolResult, DiscoverResult, Tool

    from expressway.knowledge.http import Exchange
    from mcp import Client

ResultT = TypeVar("ResultT")

_LISTING_PAGES = 5
_FAREWELL_SECONDS = 2.0
_LOOK_SECONDS = 0.1
_GRACE_SECONDS = 1.0


class KnowledgeClient:
    """Blocks; threads may share it. Every method is bounded by the deadline that it is given (seconds).

    Both raise ``knowledge_*`` errors, see `knowledge.http`.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._mode = "auto"
        self._discovered: DiscoverResult | None = None

    def tools(self, *, deadline_seconds: float, cancellation: Cancellation) -> tuple[KnowledgeTool, ...]:
        """What the endpoint lists, but for tools whose schema must not be; a description that is too long is empty."""
        return self._exchange(_tools, deadline_seconds, cancellation)

    def call(
        self, tool: str, arguments: Mapping[str, Any], *, deadline_seconds: float, cancellation: Cancellation
    ) -> KnowledgeAnswer:
        """What a tool of the endpoint's answers."""
        return self._exchange(lambda client: _call(client, tool, arguments), deadline_seconds, cancellation)

    def _exchange(
        self, ask: Callable[[Client], Awaitable[ResultT]], deadline_seconds: float, cancellation: Cancellation
    ) -> ResultT:
        from expressway.knowledge.http import Exchange

        exchange = Exchange(self._url, deadline_seconds)
        answer: Future[ResultT] = Future()
        threading.Thread(
            target=lambda: asyncio.run(self._answer(ask, exchange, answer)), name="expressway knowledge", daemon=True
        ).start()
        overdue = time.monotonic() + deadline_seconds + _GRACE_SECONDS
        try:
            while not wait([answer], timeout=_LOOK_SECONDS).done:
                cancellation.raise_if_cancelled()
                if time.monotonic() > overdue:  # the loop itself is busy: the caller must not wait for it
                    raise TimeoutError
            return answer.result()
        except Exception as exc:
            raise exchange.error(exc) from exc
        finally:
            answer.cancel()

    async def _answer(
        self, ask: Callable[[Client], Awaitable[ResultT]], exchange: Exchange, answer: Future[ResultT]
    ) -> None:
        """Settle `answer`; the farewell that follows it makes nobody wait, and its failures concern nobody."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def stop_if_cancelled(future: Future[ResultT]) -> None:
            if future.cancelled():
                with suppress(RuntimeError):  # the loop has ended already
                    loop.call_soon_threadsafe(task.cancel)

        answer.add_done_callback(stop_if_cancelled)
        try:
            await self._session(ask, exchange, answer)
        except BaseException as exc:  # noqa: BLE001 - whatever ends the exchange is the caller's to see
            if not answer.done():
                self._mode, self._discovered = "auto", None  # what was remembered may be what was wrong
            with suppress(InvalidStateError):
                answer.set_exception(exc)

    async def _session(
        self, ask: Callable[[Client], Awaitable[ResultT]], exchange: Exchange, answer: Future[ResultT]
    ) -> None:
        from mcp.client.streamable_http import streamable_http_client
        from mcp.types import Implementation

        from mcp import Client

        limit = asyncio.timeout(exchange.deadline_seconds)
        async with limit, exchange.http_client(user_agent=f"expressway/{__version__}") as http:
            client = Client(
                streamable_http_client(self._url, http_client=http),
                mode=self._mode,
                prior_discover=self._discovered,
                client_info=Implementation(name="expressway", version=__version__),
                cache=None,
            )
            async with client:
                self._discovered = client.session.discover_result  # saves the next session a round trip
                self._mode = client.protocol_version if self._discovered else "legacy"
                answer.set_result(await ask(client))
                limit.reschedule(asyncio.get_running_loop().time() + _FAREWELL_SECONDS)


async def _tools(client: Client) -> tuple[KnowledgeTool, ...]:
    listed: list[KnowledgeTool] = []
    cursor: str | None = None
    for _ in range(_LISTING_PAGES):
        page = await client.list_tools(cursor=cursor)
        listed.extend(_tool(tool) for tool in page.tools if is_listable(tool.input_schema))
        cursor = page.next_cursor
        if cursor is None:
            break
    return tuple(listed)


def _tool(tool: Tool) -> KnowledgeTool:
    description = tool.description or ""
    shown = description if len(description) <= DESCRIPTION_CHARACTERS else ""
    return KnowledgeTool(tool.name, shown, tool.input_schema)


async def _call(client: Client, name: str, arguments: Mapping[str, Any]) -> KnowledgeAnswer:
    from mcp.shared.exceptions import MCPError
    from mcp.types import HEADER_MISMATCH

    try:
        return _content(await _send_call(client, name, arguments))
    except MCPError as exc:
        if exc.code != HEADER_MISMATCH:
            raise
        await _tools(client)  # the listing tells the SDK which arguments the endpoint wants to see in headers
        return _content(await _send_call(client, name, arguments))


async def _send_call(client: Client, name: str, arguments: Mapping[str, Any]) -> CallToolResult:
    """The SDK's own `call_tool` would hold the answer against the endpoint's schema, whose regular expressions could
    keep Python's one interpreter lock for ever. What is shown is not typed by that schema, so nothing is lost."""
    from mcp.types import CallToolRequest, CallToolRequestParams, CallToolResult

    request = CallToolRequest(params=CallToolRequestParams(name=name, arguments=dict(arguments)))
    return await client.session.send_request(request, CallToolResult)


def _content(result: CallToolResult) -> KnowledgeAnswer:
    """Structured content when there is some, else the texts; pictures, links and other kinds are not passed on."""
    from mcp.types import TextContent

    refused = bool(result.is_error)
    if isinstance(result.structured_content, dict) and result.structured_content:
        if is_too_deep(result.structured_content):
            raise ValueError(f"structured content is nested deeper than {DEEPEST} levels")
        return KnowledgeAnswer(result.structured_content, refused)
    contents = [_parsed(block.text) for block in result.content if isinstance(block, TextContent)]
    return KnowledgeAnswer(contents[0] if len(contents) == 1 else contents, refused)


def _parsed(text: str) -> Any:
    """JSON as what it is, so that it is not escaped a second time; anything else stays text."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        parsed = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return text
    return text if is_too_deep(parsed) else parsed


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON, and many clients fail over it")
