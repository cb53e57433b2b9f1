"""The tools that pass questions on to AWS Knowledge. Their docstrings are what is listed before it was ever asked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from pydantic import ConfigDict

from expressway.mcp.work import Worker
from expressway.model.knowledge import READ, RECOMMEND, SEARCH, KnowledgeTool

PREFIX = "aws_knowledge_"
"""Agents know these tools by the endpoint's names behind this prefix."""
ECS_GUIDANCE = (
    "For Amazon ECS look here before answering from memory: Express Mode, ECS's own blue/green and canary deployments "
    "and Managed Instances are newer than most training."
)
_URL = {"type": "string", "description": "A page of AWS's documentation."}
SEARCH_INPUT: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "search_phrase": {"type": "string"},
        "topics": {"type": "array", "items": {"type": "string"}},
        "limit": {"type": "integer"},
    },
    "required": ["search_phrase"],
}
READ_INPUT: Mapping[str, Any] = {
    "type": "object",
    "properties": {"url": _URL, "max_length": {"type": "integer"}, "start_index": {"type": "integer"}},
    "required": ["url"],
}
RECOMMEND_INPUT: Mapping[str, Any] = {"type": "object", "properties": {"url": _URL}, "required": ["url"]}
ANSWER: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "source": {"type": "string"},
        "content": {"anyOf": [{"type": "string"}, {"type": "object"}, {"type": "array"}]},
        "truncated": {"type": "object"},
    },
}


class PassedOnArguments(ArgModelBase):
    """Whatever a client sends, for a tool whose arguments somebody else checks."""

    model_config = ConfigDict(extra="allow")

    def model_dump_one_level(self) -> dict[str, Any]:
        return {"arguments": dict(self.model_extra or {})}


class KnowledgeListing:
    """The tools as they are listed: in our words, until the endpoint was asked for its own."""

    def __init__(self) -> None:
        self._tools: dict[str, Tool] = {}
        self._our_words: dict[str, str] = {}

    def attach(self, tools: Iterable[Tool]) -> None:
        """Let go through this listing what `update` is told of these tools."""
        self._tools = {tool.name.removeprefix(PREFIX): tool for tool in tools if tool.name.startswith(PREFIX)}
        self._our_words = {name: tool.description for name, tool in self._tools.items()}

    def update(self, told: Sequence[KnowledgeTool]) -> bool:
        """List the endpoint's tools with its own words and schemas, guidance for ECS added; whether that is news."""
        news = False
        for one in told:
            tool = self._tools.get(one.name)
            if tool is None:
                continue
            own = f"{one.description}\n\n{ECS_GUIDANCE}"
            description, parameters = own if one.description else self._our_words[one.name], dict(one.input_schema)
            if (tool.description, tool.parameters) != (description, parameters):
                tool.description, tool.parameters, news = description, parameters, True
        return news


@dataclass(frozen=True)
class KnowledgeTools:
    """Tools as methods, so that each finds the worker."""

    worker: Worker
    listing: KnowledgeListing = field(default_factory=KnowledgeListing)

    async def aws_knowledge_aws___search_documentation(
        self, ctx: Context, arguments: dict[str, Any]
    ) -> Mapping[str, Any]:
        """Search AWS's documentation, announcements and guides. Returns pages with title, URL and an excerpt.
        Next: aws_knowledge_aws___read_documentation."""
        return await self._consult(ctx, SEARCH, arguments)

    async def aws_knowledge_aws___read_documentation(
        self, ctx: Context, arguments: dict[str, Any]
    ) -> Mapping[str, Any]:
        """Read a page of AWS's documentation as Markdown. A long page comes in parts: go on with start_index."""
        return await self._consult(ctx, READ, arguments)

    async def aws_knowledge_aws___recommend(self, ctx: Context, arguments: dict[str, Any]) -> Mapping[str, Any]:
        """Find pages related to a page of AWS's documentation: similar, newer, or often read next."""
        return await self._consult(ctx, RECOMMEND, arguments)

    async def _consult(self, ctx: Context, tool: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        result = await self.worker.run(
            ctx,
            lambda toolkit, _, cancellation: toolkit.consult_knowledge(tool, arguments, cancellation=cancellation),
        )
        if self.listing.update(result.tools):
            await ctx.notify_tools_changed()  # to clients that subscribed (2026-07-28)
            await ctx.session.send_tool_list_changed()  # to clients of the handshake before it
        return result.to_dict()


def passed_on(tool: Tool, schema: Mapping[str, Any]) -> None:
    """Make `tool` one that takes any arguments, lists `schema` for them, and says what to ask it for about ECS."""
    tool.parameters = dict(schema)
    tool.description = f"{tool.description} {ECS_GUIDANCE}"
    tool.fn_metadata = FuncMetadata(arg_model=PassedOnArguments, output_schema=tool.fn_metadata.output_schema)
