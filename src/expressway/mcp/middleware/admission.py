"""What happens to every call before a tool sees it: is there such a tool, may it run, do the arguments fit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolRequestParams, CallToolResult

from expressway.errors import ExpresswayError, RefusedError
from expressway.mcp.middleware.arguments import check_arguments, refuse_large_arguments, unknown_tool
from expressway.mcp.results import error_of_in_thread, internal_error
from expressway.mcp.target import selecting
from expressway.privacy.gates import Gates, decide


@dataclass(frozen=True, slots=True)
class Listed:
    """A tool and what the gates have to know of it; one that `proxied` its arguments checks them itself."""

    tool: Tool
    writes: bool
    sensitive: bool = False
    proxied: bool = False


class AdmissionMiddleware(Extension):
    """Refuses what must not run, in the one shape of an error; everything else goes on to its tool."""

    identifier = "io.github.expressway/errors"

    def __init__(self, tools: Mapping[str, Listed], gates: Gates) -> None:
        self._tools = tools
        self._gates = gates

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        arguments = params.arguments or {}
        try:
            self._check(params.name, arguments)
        except ExpresswayError as error:
            return await error_of_in_thread(error, self._gates)
        with selecting({} if self._tools[params.name].proxied else arguments):
            result = await call_next(ctx)
        if isinstance(result, CallToolResult) and result.is_error and result.structured_content is None:
            # In the SDK's own words, which are in its log already.
            return await error_of_in_thread(internal_error(params.name), self._gates)
        return result

    def _check(self, name: str, arguments: Mapping[str, Any]) -> None:
        listed = self._tools.get(name)
        if listed is None:
            raise unknown_tool(name, self._tools)
        decision = decide(name, self._gates, writes=listed.writes, sensitive=listed.sensitive)
        if not decision.allowed:
            raise RefusedError(decision.code, decision.message, decision.hint)
        refuse_large_arguments(arguments)
        if listed.proxied:
            return
        tool = listed.tool
        check_arguments(name, arguments, tool.parameters["properties"], tool.fn_metadata.validate_arguments)
