"""Clients of both protocol eras, in memory."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import anyio
from mcp.types import CallToolResult, TextContent

from expressway.mcp.server import build_server
from expressway.privacy.gates import Gates
from expressway.toolkit import Toolkit
from mcp import Client
from tests.mcp.fakes import LONG, FakeToolkit, source_of

Era = Literal["auto", "legacy"]
ERAS: tuple[Era, ...] = ("auto", "legacy")
"""The 2026-07-28 protocol, and the handshake before it."""
OPEN = Gates(allow_write=True, allow_sensitive_data=False)
WIDE_OPEN = Gates(allow_write=True, allow_sensitive_data=True)
CLOSED = Gates()


@asynccontextmanager
async def connected(toolkit: FakeToolkit | Toolkit, era: Era, gates: Gates = OPEN) -> AsyncGenerator[Client]:
    async with Client(build_server(source_of(toolkit), gates), mode=era) as client:
        yield client


class ProgressWatch:
    """A progress callback that remembers; clients call it beside the answer, sometimes after it."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, str]] = []

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        self.seen.append((progress, message or ""))

    async def until(self, text: str) -> None:
        """Wait for progress that contains `text`."""
        with anyio.fail_after(LONG):
            while not any(text in message for _, message in self.seen):
                await anyio.sleep(0.01)


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
