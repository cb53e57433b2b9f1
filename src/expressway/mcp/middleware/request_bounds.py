"""Bounds on requests other than calls of tools: what a client names is not repeated whole, nor looked up for ever."""

from collections.abc import Mapping, Sequence
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, METHOD_NOT_FOUND
from pydantic import ValidationError

from expressway.privacy.untrusted import CLOSING, OPENING, cleaned, echoed, map_quotations

_LONGEST_NAME = 2_048
_NAMES = ("uri", "name")
_PROMPTS = "prompts/get"
_CALLS = "tools/call"
"""Its names are checked at the front desk, in the shape of a tool's error."""


async def bounded_requests(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Refuse names of methods, resources and prompts that are too long, and quote them where they are unknown.

    Raises:
        MCPError: invalid params or method not found.
    """
    if ctx.method == _CALLS:
        return await call_next(ctx)
    if len(ctx.method) > _LONGEST_NAME:
        raise MCPError(METHOD_NOT_FOUND, f"There is no method {marked(ctx.method)}.")
    names = _names_of(ctx.params)
    too_long = next((name for name in names if len(name) > _LONGEST_NAME), None)
    if too_long is not None:
        raise MCPError(INVALID_PARAMS, f"There is nothing of the name {marked(too_long)}.")
    try:
        return await call_next(ctx)
    except MCPError as error:
        raise _marking(error, names) from error
    except ValueError as error:
        if ctx.method != _PROMPTS or isinstance(error, ValidationError):
            raise
        raise MCPError(INVALID_PARAMS, f"There is no prompt {', '.join(map(marked, names))}.") from error


def _marking(error: MCPError, names: Sequence[str]) -> MCPError:
    """The error with the name that it repeats between marks."""
    repeated = next((name for name in names if name and name in error.error.message), None)
    if repeated is None:
        return error
    return MCPError(error.error.code, error.error.message.replace(repeated, marked(repeated)), error.error.data)


def _names_of(params: object) -> list[str]:
    if not isinstance(params, Mapping):
        return []
    values: list[Any] = [params.get(name) for name in _NAMES]
    return [value for value in values if isinstance(value, str)]


def marked(name: str) -> str:
    """A client's name as an error outside of a tool's answer repeats it: a short quotation between marks."""
    return map_quotations(echoed(name), lambda inside, _: f"{OPENING}{cleaned(inside)}{CLOSING}")
