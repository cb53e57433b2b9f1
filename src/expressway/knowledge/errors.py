"""What went wrong between us and the documentation endpoint, in our own words.

Codes: ``knowledge_unavailable`` (no connection, or an HTTP error), ``knowledge_timeout``, ``knowledge_redirected``,
``knowledge_too_large``, ``knowledge_refused`` (the endpoint rejects the call), ``knowledge_invalid_answer``.
"""

from __future__ import annotations

import httpx2
from mcp.shared.exceptions import MCPError
from mcp.types import CONNECTION_CLOSED, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR

from expressway.core.text import shortened
from expressway.errors import ExpresswayError, TargetError
from expressway.knowledge.http import EXCHANGE_BYTES, Exchange
from expressway.knowledge.portal import DeadlinePassedError
from expressway.knowledge.values import KNOWLEDGE_VARIABLE
from expressway.privacy.untrusted import quoted

_WITHOUT_IT = "Go on without it, or try later; every other tool works."
_SETTING = f"A person can set {KNOWLEDGE_VARIABLE} to another endpoint, or to off. {_WITHOUT_IT}"
_QUOTED_CHARACTERS = 500
_FAULTS = frozenset({CONNECTION_CLOSED, INVALID_REQUEST, PARSE_ERROR})
"""The SDK's own codes for a stream that broke off, an answer of a wrong kind, and one that is no JSON."""


def map_knowledge_error(
    exc: BaseException, exchange: Exchange, *, url: str, deadline_seconds: float
) -> ExpresswayError:
    """The error for whatever the SDK, the HTTP client or the endpoint made of an exchange."""
    if isinstance(exc, ExpresswayError):
        return exc
    if exchange.too_much:
        return ExpresswayError(
            "knowledge_too_large",
            f"The documentation endpoint sends more than {EXCHANGE_BYTES // 2**20} MiB; it was cut off.",
            "Ask for less: a smaller limit, or max_length with start_index.",
        )
    if exchange.location:
        return TargetError(
            "knowledge_redirected",
            f"The documentation endpoint {url} redirects to {exchange.location}, which is not followed.",
            _SETTING,
        )
    cause = _first_cause(exc)
    if isinstance(cause, DeadlinePassedError | httpx2.TimeoutException):
        return TargetError(
            "knowledge_timeout",
            f"The documentation endpoint {url} gave no answer within {deadline_seconds:.0f} seconds.",
            _WITHOUT_IT,
        )
    return _unanswered(cause, exchange, url) or _misanswered(cause)


def _unanswered(cause: BaseException, exchange: Exchange, url: str) -> ExpresswayError | None:
    """The error when there was no connection, or HTTP itself told of a failure."""
    if exchange.status is not None and exchange.status >= 400 and not _is_rejection(cause):
        told = f"answers HTTP {exchange.status}"
    elif isinstance(cause, httpx2.TransportError | OSError) and not isinstance(cause, httpx2.RemoteProtocolError):
        told = f"cannot be reached ({type(cause).__name__})"
    elif exchange.requests == 0 and isinstance(cause, ValueError | ImportError | httpx2.InvalidURL):
        told = "cannot be reached (the proxy settings of the environment are wrong)"
    else:
        return None
    return TargetError("knowledge_unavailable", f"The documentation endpoint {url} {told}.", _SETTING)


def _misanswered(cause: BaseException) -> ExpresswayError:
    if isinstance(cause, MCPError) and cause.code not in _FAULTS:
        return ExpresswayError(
            "knowledge_refused",
            "The documentation endpoint rejects the call.",
            "Compare the arguments with the tool's schema; a URL must be one of AWS's documentation.",
            {"answer": quoted(shortened(str(cause), _QUOTED_CHARACTERS), public=True)},
        )
    return ExpresswayError(
        "knowledge_invalid_answer",
        "The documentation endpoint answered with something that is no valid MCP answer, or broke off.",
        _WITHOUT_IT,
    )


def _is_rejection(cause: BaseException) -> bool:
    return isinstance(cause, MCPError) and cause.code in {INVALID_PARAMS, METHOD_NOT_FOUND}


def _first_cause(exc: BaseException) -> BaseException:
    """The SDK's task groups wrap what happened in groups."""
    while isinstance(exc, BaseExceptionGroup):
        exc = exc.exceptions[0]
    return exc
