"""Standard input and output as transport, on which every request is answered: also one that cannot be read.

The SDK says nothing to a line that is no JSON to it (half of a surrogate pair, values nested hundreds of levels deep,
numbers of thousands of digits), and the client would wait for ever.
"""

import json
import re
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from typing import Any, cast

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from mcp.server import MCPServer
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import PARSE_ERROR, ErrorData, JSONRPCError
from pydantic import ValidationError

_UNREADABLE = (
    "The message was not read: it is no JSON, or it has half of a surrogate pair, values nested too deeply or a number "
    "of too many digits. Nothing was done."
)
_LONGEST_DIGITS = 18
_ENDS = 300
_ID = re.compile(r'"id"[ ]?:[ ]?(?:(?P<number>-?[0-9]{1,18})|"(?P<text>[^"\\]{1,200})")[ ]?[,}]')
"""Clients write it beside the other short members, before or after the parameters."""


def serve_stdio(server: MCPServer) -> None:
    """Serve one client until standard input ends."""
    anyio.run(_serve, server)


async def _serve(server: MCPServer) -> None:
    lowlevel = server._lowlevel_server  # pyright: ignore[reportPrivateUsage]
    async with stdio_server() as (read, write), anyio.create_task_group() as group:
        sending, receiving = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        group.start_soon(_pass_on, read, sending, write.send)
        await lowlevel.run(receiving, write, lowlevel.create_initialization_options())
        group.cancel_scope.cancel()


async def _pass_on(
    read: AsyncIterable[SessionMessage | Exception],
    sending: MemoryObjectSendStream[SessionMessage | Exception],
    answer: Callable[[SessionMessage], Awaitable[None]],
) -> None:
    async with sending:
        async for message in read:
            identifier = _unread_request(message) if isinstance(message, ValidationError) else None
            if identifier is None:
                await sending.send(message)
            else:
                error = ErrorData(code=PARSE_ERROR, message=_UNREADABLE)
                await answer(SessionMessage(JSONRPCError(jsonrpc="2.0", id=identifier, error=error)))


def _unread_request(failure: ValidationError) -> int | str | None:
    """The id of the request that the line was meant to be; None for what needs no answer."""
    line = failure.errors(include_url=False, include_context=False)[0]["input"]
    return request_id(line) if isinstance(line, str) else None


def request_id(line: str) -> int | str | None:
    """The id in a line that holds a request, if one can be made out."""
    try:
        message: Any = json.loads(line, parse_int=_short_number)
    except (ValueError, RecursionError):
        return _id_at_an_end(line)
    if not isinstance(message, dict) or "method" not in message:
        return None
    identifier: object = cast("Mapping[str, object]", message).get("id")
    return identifier if isinstance(identifier, int | str) and not isinstance(identifier, bool) else None


def _short_number(digits: str) -> int | None:
    return int(digits) if len(digits) <= _LONGEST_DIGITS else None


def _id_at_an_end(line: str) -> int | str | None:
    found = _ID.search(line[:_ENDS]) or _ID.search(line[-_ENDS:])
    if found is None:
        return None
    return int(found["number"]) if found["number"] else found["text"]
