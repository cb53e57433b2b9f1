"""Follows every call and writes the audit log: intents before the first change, outcomes, ends of outlived work."""

import logging
import secrets
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar, cast

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolRequestParams, CallToolResult

from expressway.aws.values.target import Target
from expressway.errors import ExpresswayError
from expressway.mcp.audit.record import AuditedCall, CallOutcome, Where, end_record, intent_record, outcome_record
from expressway.mcp.background import BackgroundOperation, in_thread
from expressway.privacy.gates import Gates

_LOG = logging.getLogger(__name__)
ParametersT = ParamSpec("ParametersT")
ResultT = TypeVar("ResultT")

AuditSink = Callable[[Mapping[str, Any]], None]
"""Takes one record and returns once it is on disk; raises an ExpresswayError when it cannot be kept."""


class AuditTrail:
    """The audited calls of one server process that are not over yet.

    `caller` says as whom the process runs: EXPRESSWAY_CALLER or the user, and the user of the operating system.
    """

    def __init__(self, sink: AuditSink, caller: Mapping[str, str] | None = None) -> None:
        self._sink = sink
        self._caller = dict(caller or {})
        self._open: dict[str, RequestAudit] = {}
        self._lock = threading.Lock()

    def begin(self, call: AuditedCall, client: Mapping[str, str]) -> "RequestAudit":
        """Follow one call; `client` is what the MCP client says of itself."""
        audit = RequestAudit(self, call, {**self._caller, **client})
        self.follow(audit)
        return audit

    def close(self) -> None:
        """Write down that the process ends: of calls without an answer, and of work that would have outlived them."""
        for audit in self.unfinished():
            audit.stopped()

    def unfinished(self) -> "tuple[RequestAudit, ...]":
        """The calls that are not over."""
        with self._lock:
            return tuple(self._open.values())

    def write(self, record: Mapping[str, Any]) -> None:
        """Keep a record; where that fails, the call succeeds nevertheless and the failure is logged."""
        try:
            self._sink(record)
        except ExpresswayError as error:
            name = f"The {record['event']} of {record['tool']} {record['call_id']}"
            _LOG.error("%s (%s) is missing in the audit log: %s", name, record.get("outcome", "to be done"), error)

    def follow(self, audit: "RequestAudit") -> None:
        """Remember the call as one that is not over."""
        with self._lock:
            self._open[audit.call_id] = audit

    def forget(self, audit: "RequestAudit") -> None:
        """The call's last line is written."""
        with self._lock:
            self._open.pop(audit.call_id, None)


class RequestAudit:
    """One call: what was written of it, and what is still to be. Threads may share it."""

    def __init__(self, trail: AuditTrail, call: AuditedCall, who: Mapping[str, str]) -> None:
        self.call_id = secrets.token_hex(8)
        self._trail = trail
        self._call = call
        self._who = who
        self._where = Where()
        self._operation: BackgroundOperation | None = None
        self._intended = self._works = False
        self._answer: CallOutcome | None = None
        self._end: str | None = None
        self._lock = threading.RLock()

    def intend(self, target: Callable[[], Target], profile: str | None, region: str | None) -> None:
        """Write the intent, once, and only for a call that may change something; returns when it is on disk.

        A target that cannot be read is no reason to refuse: the call itself meets the same error.
        """
        with self._lock:
            if self._intended or not self._call.may_change:
                return
            self._intended = True
            self._where = Where("this machine") if self._call.local else _where(target, profile, region)
            self._trail.write(intent_record(self.call_id, self._call, self._where, self._who))

    def followed(self, work: Callable[ParametersT, ResultT]) -> Callable[ParametersT, ResultT]:
        """`work`, which may outlive the call; its end is written where the call's answer did not include it."""

        def follow(*arguments: ParametersT.args, **named: ParametersT.kwargs) -> ResultT:
            self._works = True
            self._trail.follow(self)
            end = "internal_error"
            try:
                result = work(*arguments, **named)
                end = _code_of(result)
            except ExpresswayError as error:
                end = error.code
                raise
            finally:
                self._ended(end)
            return result

        return follow

    def joins(self, operation: BackgroundOperation) -> None:
        """The operation that the call began or joined."""
        self._operation = operation

    def answered(self, outcome: CallOutcome) -> None:
        """Write how the call ended; only its first answer counts."""
        with self._lock:
            if self._answer is not None:
                return
            self._answer = outcome
            record = outcome_record(
                self.call_id, self._call, self._completed(outcome), where=self._where, who=self._who
            )
            if record is not None:
                self._trail.write(record)
            self._close()

    def stopped(self) -> None:
        """The process ends: what was not answered never will be, what still works is cut short."""
        with self._lock:
            if self._answer is None:
                self.answered(CallOutcome("server_stopped"))
            self._ended("interrupted")

    def _ended(self, code: str) -> None:
        with self._lock:
            if self._works:
                self._works, self._end = False, code
            self._close()

    def _close(self) -> None:
        if self._answer is None or self._works:
            return
        if self._end is not None and not self._answer.is_final and self._call.may_change:
            outcome = self._completed(CallOutcome(self._end))
            self._trail.write(end_record(self.call_id, self._call, outcome, where=self._where, who=self._who))
        self._end = None
        self._trail.forget(self)

    def _completed(self, outcome: CallOutcome) -> CallOutcome:
        """The outcome with what the operation knows of itself."""
        operation = self._operation
        return replace(
            outcome,
            target=outcome.target or (operation.target if operation else None) or "",
            operation_id=outcome.operation_id or (operation.operation_id if operation else None) or "",
        )


_CURRENT: ContextVar[RequestAudit | None] = ContextVar("audited_request", default=None)


def current_audit() -> RequestAudit | None:
    """The audit of the call that runs, if there is any. Ask on the event loop: worker threads do not know it."""
    return _CURRENT.get()


@contextmanager
def auditing(audit: RequestAudit) -> Generator[None]:
    """Let the call inside be the one that `current_audit` gives."""
    token = _CURRENT.set(audit)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def _where(target: Callable[[], Target], profile: str | None, region: str | None) -> Where:
    try:
        known = target()
    except ExpresswayError as error:
        return Where(f"unknown ({error.code})", region=region or "", profile=profile or "")
    return Where(known.describe(), known.account_id, known.region, profile or "", known.caller_arn or "")


def _code_of(result: object) -> str:
    errors = cast("Mapping[str, Any]", result).get("errors") if isinstance(result, Mapping) else None
    return str(errors[0].get("code", "failed")) if errors else "ok"


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
