"""Clients of both protocol eras, in memory, which hold every answer against the type that its tool declares."""

import inspect
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal, get_args, get_type_hints

import anyio
from mcp.types import CallToolResult, TextContent
from pydantic import TypeAdapter, ValidationError
from typing_extensions import is_typeddict

from expressway.mcp.catalog import entries
from expressway.mcp.server import build_server
from expressway.mcp.tools.operate import TroubleshootingJson
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


ANSWERS: Mapping[str, Any] = {
    name: get_args(inspect.signature(function, eval_str=True).return_annotation)[0]
    for tools in inspect.signature(entries).parameters.values()
    for name, function in vars(tools.annotation).items()
    if inspect.iscoroutinefunction(function)
}
"""The type that each tool declares for the content of its answers, or the union of those."""
_NOTES = {"untrusted", "withheld"}
_OPEN = (TroubleshootingJson,)
"""Types of answers that have data of their own besides."""


def misfits(tool: str, content: Mapping[str, Any]) -> list[str]:
    """What of a tool's answer its declared type does not allow, for each of the types that it may be of."""
    declared = ANSWERS.get(tool)
    kinds = [kind for kind in (declared, *get_args(declared)) if is_typeddict(kind)]
    problems = [problem for kind in kinds if (problem := _misfit(kind, content))]
    return problems if len(problems) == len(kinds) else []


def _misfit(kind: Any, content: Mapping[str, Any]) -> str:
    types = get_type_hints(kind)
    null = {name: None for name, hint in types.items() if type(None) in get_args(hint)}  # left out of answers
    try:
        TypeAdapter(kind).validate_python({**null, **content}, strict=True)
    except ValidationError as error:
        return f"{kind.__name__}: {error}"
    unknown = content.keys() - types.keys() - _NOTES
    return f"{kind.__name__}: unknown {sorted(unknown)}" if unknown and kind not in _OPEN else ""


class CheckedClient(Client):
    """Refuses answers that do not fit; the SDK's client holds them against the listed schemas, too."""

    async def call_tool(self, name: str, *arguments: Any, **options: Any) -> CallToolResult:
        result = await super().call_tool(name, *arguments, **options)
        if not result.is_error:
            assert misfits(name, result.structured_content or {}) == []
        return result


@asynccontextmanager
async def connected(toolkit: FakeToolkit | Toolkit, era: Era, gates: Gates = OPEN) -> AsyncGenerator[Client]:
    async with CheckedClient(build_server(source_of(toolkit), gates), mode=era) as client:
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
