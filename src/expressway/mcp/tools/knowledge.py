"""The tools that pass questions on to AWS Knowledge. Their docstrings are what is listed before it was ever asked."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from pydantic import ConfigDict

from expressway.knowledge.schemas import portable
from expressway.knowledge.values import READ, RECOMMEND, SEARCH, KnowledgeTool
from expressway.mcp.executor import ToolExecutor
from expressway.mcp.results import Answer
from expressway.mcp.schemas import number, text, texts

PREFIX = "aws_knowledge_"
"""Agents know these tools by the endpoint's names behind this prefix."""
ECS_GUIDANCE = "For ECS look here first: few models know Express Mode."
MORE_BYTES = 32
"""Bytes by which a schema of the endpoint's may be longer than ours: the whole list has at most 15 kB."""
_URL = text("Documentation page.")
SEARCH_INPUT: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "search_phrase": text("What to look for."),
        "topics": texts("Kinds of pages."),
        "limit": number("Most pages."),
    },
    "required": ["search_phrase"],
}
READ_INPUT: Mapping[str, Any] = {
    "type": "object",
    "properties": {"url": _URL, "max_length": number("Characters."), "start_index": number("Where to go on.")},
    "required": ["url"],
}
RECOMMEND_INPUT: Mapping[str, Any] = {"type": "object", "properties": {"url": _URL}, "required": ["url"]}


class PassedOnArguments(ArgModelBase):
    """Whatever a client sends, for a tool whose arguments somebody else checks."""

    model_config = ConfigDict(extra="allow")

    def model_dump_one_level(self) -> dict[str, Any]:
        return {"arguments": dict(self.model_extra or {})}


class KnowledgeListing:
    """The tools as they are listed: in our words, until the endpoint was asked for its own."""

    def __init__(self) -> None:
        self._tools: dict[str, Tool] = {}
        self._ours: dict[str, tuple[str, Mapping[str, Any]]] = {}

    def attach(self, tools: Iterable[Tool]) -> None:
        """Keep these tools, so that `update` can change how they are listed."""
        self._tools = {tool.name.removeprefix(PREFIX): tool for tool in tools if tool.name.startswith(PREFIX)}
        self._ours = {name: (tool.description, tool.parameters) for name, tool in self._tools.items()}

    def update(self, told: Sequence[KnowledgeTool]) -> bool:
        """List the endpoint's tools with its own words and schemas, guidance for ECS added; whether that is news.

        What is too long for a list that is sent in every conversation, or not for every model API, stays in our words.
        """
        news = False
        for one in told:
            tool = self._tools.get(one.name)
            if tool is None:
                continue
            our_words, our_schema = self._ours[one.name]
            told_words = f"{one.description}\n\n{ECS_GUIDANCE}"
            description = told_words if one.description and _bytes(told_words) <= _bytes(our_words) else our_words
            parameters = _listed_schema(one.input_schema, our_schema)
            if (tool.description, tool.parameters) != (description, parameters):
                tool.description, tool.parameters, news = description, parameters, True
        return news


def _listed_schema(told: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """The endpoint's schema, each parameter described, where every model API takes it and it is short; else ours.

    Where its descriptions make it too long, it is taken with ours.
    """
    schema = portable(told)
    if schema is None:
        return dict(ours)
    own = {name: item["description"] for name, item in ours["properties"].items()}
    short = {name: own.get(name, "As the endpoint takes it.") for name in schema["properties"]}
    full = {name: item.get("description") or short[name] for name, item in schema["properties"].items()}
    for descriptions in (full, short):
        described = {name: {**item, "description": descriptions[name]} for name, item in schema["properties"].items()}
        listed = {**schema, "properties": described}
        if _bytes(listed) <= _bytes(ours) + MORE_BYTES:
            return listed
    return dict(ours)


def _bytes(listed: Any) -> int:
    return len(json.dumps(listed, separators=(",", ":")))


@dataclass(frozen=True)
class KnowledgeTools:
    """Tools as methods, so that each finds the worker."""

    worker: ToolExecutor
    listing: KnowledgeListing = field(default_factory=KnowledgeListing)

    async def aws_knowledge_aws___search_documentation(
        self, ctx: Context, arguments: dict[str, Any]
    ) -> Answer[Mapping[str, Any]]:
        """Search AWS's documentation, announcements and guides. Returns pages with title, URL and an excerpt to read on
        with aws_knowledge_aws___read_documentation."""
        return await self._consult(ctx, SEARCH, arguments)

    async def aws_knowledge_aws___read_documentation(
        self, ctx: Context, arguments: dict[str, Any]
    ) -> Answer[Mapping[str, Any]]:
        """Read a page of AWS's documentation as Markdown. A long page comes in parts: go on with start_index."""
        return await self._consult(ctx, READ, arguments)

    async def aws_knowledge_aws___recommend(self, ctx: Context, arguments: dict[str, Any]) -> Answer[Mapping[str, Any]]:
        """Find pages related to one of AWS's documentation: similar, newer, or often read next."""
        return await self._consult(ctx, RECOMMEND, arguments)

    async def _consult(self, ctx: Context, tool: str, arguments: Mapping[str, Any]) -> Answer[Mapping[str, Any]]:
        result = await self.worker.run(
            ctx,
            lambda toolkit, _, cancellation: toolkit.consult_knowledge(tool, arguments, cancellation=cancellation),
        )
        if self.listing.update(result.tools):
            await ctx.notify_tools_changed()  # to clients that subscribed (2026-07-28)
            await ctx.session.send_tool_list_changed()  # to clients of the handshake before it
        return Answer(result.to_dict())


def passed_on(tool: Tool, schema: Mapping[str, Any]) -> None:
    """Make `tool` one that takes any arguments, lists `schema` for them, and says what to ask it for about ECS."""
    tool.parameters = dict(schema)
    tool.description = f"{tool.description} {ECS_GUIDANCE}"
    tool.fn_metadata = FuncMetadata(arg_model=PassedOnArguments)
