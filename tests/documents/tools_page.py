"""The reference of MCP tools, generated from the list that the server gives to clients."""

from collections.abc import Mapping
from typing import Any

import anyio
from mcp.types import Tool

from tests.documents.tables import code, table
from tests.mcp.connections import OPEN, connected
from tests.mcp.fakes import FakeToolkit

_HEAD = """# Tools

What the MCP server lists, in the words that an agent reads. [Agents](../guides/agents.md) explains the gates. A tool
that is not read-only needs `ALLOW_WRITE=true`; `containerize_app` and `ecs_resource_management` need it only for calls
that write.
"""


async def _listed() -> list[Tool]:
    async with connected(FakeToolkit(), "auto", OPEN) as client:
        return (await client.list_tools()).tools


def tools_page() -> str:
    """Every tool with its description, its effect and its parameters."""
    tools = anyio.run(_listed)
    overview = table(
        ("tool", "what it does", "effect"),
        ((f"[{code(one.name)}](#{one.name})", one.title or "", _effect(one)) for one in tools),
    )
    return "\n".join([_HEAD, overview + "\n", *(_section(tool) for tool in tools)])


def _effect(tool: Tool) -> str:
    hints = tool.annotations
    assert hints is not None
    if hints.read_only_hint:
        return "reads"
    return "changes, may remove" if hints.destructive_hint else "changes"


def _section(tool: Tool) -> str:
    schema = tool.input_schema
    required = set(schema.get("required", ()))
    rows = [
        (code(name), _type(part), _default(part, required=name in required), part.get("description", ""))
        for name, part in schema["properties"].items()
    ]
    parameters = table(("parameter", "type", "default", "meaning"), rows)
    return f"## {tool.name}\n\n{(tool.description or '').strip()}\n\n{parameters}\n"


def _type(part: Mapping[str, Any]) -> str:
    if "enum" in part:
        return ", ".join(code(value) for value in part["enum"])
    kind = part.get("type", "")
    return ", ".join(kind) if isinstance(kind, list) else kind


def _default(part: Mapping[str, Any], *, required: bool) -> str:
    if required:
        return "required"
    value = part.get("default")
    return "" if value is None else code(str(value).lower() if isinstance(value, bool) else value)
