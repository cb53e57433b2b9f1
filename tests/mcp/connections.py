"""Clients of both protocol eras, in memory."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

from mcp.types import CallToolResult, TextContent

from expressway.mcp.server import build_server
from expressway.mcp.toolkit_port import ToolkitPort
from expressway.policy.gates import Gates
from mcp import Client

Era = Literal["auto", "legacy"]
ERAS: tuple[Era, ...] = ("auto", "legacy")
"""The 2026-07-28 protocol, and the handshake before it."""
OPEN = Gates(allow_write=True, allow_sensitive_data=False)
WIDE_OPEN = Gates(allow_write=True, allow_sensitive_data=True)
CLOSED = Gates()


@asynccontextmanager
async def connected(toolkit: ToolkitPort, era: Era, gates: Gates = OPEN) -> AsyncGenerator[Client]:
    async with Client(build_server(lambda: toolkit, gates), mode=era) as client:
        yield client


def shape_of(result: CallToolResult) -> Mapping[str, Any]:
    """The structured content, which the text repeats."""
    import json

    block = result.content[0]
    assert isinstance(block, TextContent)
    assert json.loads(block.text) == result.structured_content
    assert result.structured_content is not None
    return result.structured_content


def error_shape(result: CallToolResult) -> Mapping[str, Any]:
    """The structured content of an error result; fails when the call worked."""
    assert result.is_error, result.structured_content
    shape = shape_of(result)
    assert {"code", "message", "hint"} <= shape.keys()
    return shape


def good_shape(result: CallToolResult) -> Mapping[str, Any]:
    """The structured content of a result; fails when the call did not work."""
    assert not result.is_error, result.structured_content
    return shape_of(result)
