"""Sees every call and its result, and has those written down that change AWS, show text of others, or were refused."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolRequestParams, CallToolResult

from expressway.errors import ExpresswayError
from expressway.policy.audit import AuditedCall, CallOutcome, audit_record
from expressway.policy.gates import Gates

_LOG = logging.getLogger(__name__)

AuditSink = Callable[[Mapping[str, Any]], None]
"""Takes one record; raises an ExpresswayError when it cannot be kept."""


class AuditDesk(Extension):
    """The outermost of the extensions, so that refusals are seen as well."""

    identifier = "io.github.expressway/audit"

    def __init__(self, tools: Mapping[str, Tool], gates: Gates, sink: AuditSink) -> None:
        self._tools = tools
        self._gates = gates
        self._sink = sink

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        call = AuditedCall(params.name, params.arguments or {}, self._writes(params.name))
        try:
            result = await call_next(ctx)
        except BaseException:
            self._keep(call, CallOutcome("cancelled"))
            raise
        if isinstance(result, CallToolResult):
            self._keep(call, self._outcome(result))
        return result

    def _writes(self, name: str) -> bool:
        tool = self._tools.get(name)
        return tool is not None and tool.annotations is not None and tool.annotations.read_only_hint is False

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

    def _keep(self, call: AuditedCall, outcome: CallOutcome) -> None:
        record = audit_record(call, outcome)
        if record is None:
            return
        try:
            self._sink(record)
        except ExpresswayError as error:
            # What was done is done, and its answer is owed to the client; the operator reads of it here.
            _LOG.error("%s (%s) is missing in the audit log: %s", call.tool, outcome.code, error)
