"""Sees every call and its result, and has those written down that change AWS, show text of others, or were refused."""

from collections.abc import Mapping
from typing import Any

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolRequestParams, CallToolResult

from expressway.mcp.audit.record import AuditedCall, CallOutcome
from expressway.mcp.audit.trail import AuditTrail, auditing
from expressway.mcp.executor import in_thread
from expressway.privacy.gates import Gates


class AuditMiddleware(Extension):
    """The outermost of the extensions, so that refusals are seen as well."""

    identifier = "io.github.expressway/audit"

    def __init__(self, tools: Mapping[str, Tool], gates: Gates, trail: AuditTrail) -> None:
        self._tools = tools
        self._gates = gates
        self._trail = trail

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        audit = self._trail.begin(self._call(params.name, params.arguments or {}), _client(ctx))
        try:
            with auditing(audit):
                result = await call_next(ctx)
        except BaseException as error:
            cancelled = isinstance(error, anyio.get_cancelled_exc_class())
            audit.answered(CallOutcome("cancelled" if cancelled else "failed"))
            raise
        outcome = self._outcome(result) if isinstance(result, CallToolResult) else CallOutcome("unknown")
        await in_thread(lambda: audit.answered(outcome))  # waits for the disk
        return result

    def _call(self, name: str, arguments: Mapping[str, Any]) -> AuditedCall:
        tool = self._tools.get(name)
        if tool is None or tool.annotations is None:
            return AuditedCall(name, arguments, writes=False)
        writes = tool.annotations.read_only_hint is False
        if "write" in tool.parameters["properties"]:  # only asked to does it write
            writes = bool(arguments.get("write"))
        local = tool.annotations.open_world_hint is False
        return AuditedCall(name, arguments, writes, local=local, is_allowed=self._gates.allow_write)

    def _outcome(self, result: CallToolResult) -> CallOutcome:
        content: Mapping[str, Any] = result.structured_content or {}
        status = "running" if content.get("status") == "running" else "ok"
        touches = content.get("touches")
        return CallOutcome(
            code=str(content.get("code", "failed")) if result.is_error else status,
            is_open=self._gates.allow_sensitive_data,
            marked="untrusted" in content,
            operation_id=str(content.get("operation_id", "")),
            target=str(content.get("target", "")),
            touches=touches if isinstance(touches, list) else (),
        )


def _client(ctx: ServerRequestContext[Any, Any]) -> Mapping[str, str]:
    """What the client calls itself; nothing proves it."""
    said = ctx.session.client_params
    return {"client": said.client_info.name, "client_version": said.client_info.version} if said else {}
