"""One exchange with an endpoint that may be hostile: bounds on what it receives, and an error for each kind of failure.

Codes: ``knowledge_unavailable`` (no connection, or an HTTP error), ``knowledge_timeout``, ``knowledge_redirected``,
``knowledge_too_large``, ``knowledge_refused`` (the endpoint rejects the call), ``knowledge_invalid_answer``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
from mcp.shared.exceptions import MCPError
from mcp.types import CONNECTION_CLOSED, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR

from expressway.core.text import shortened
from expressway.errors import ExpresswayError, TargetError
from expressway.knowledge.values import KNOWLEDGE_VARIABLE
from expressway.privacy.untrusted import quoted

_EXCHANGE_BYTES = 2 * 2**20
_EXCHANGE_REQUESTS = 16
_QUOTED_CHARACTERS = 500
_WITHOUT_IT = "Go on without it, or try later; every other tool works."
_SETTING = f"A person can set {KNOWLEDGE_VARIABLE} to another endpoint, or to off. {_WITHOUT_IT}"
_FAULTS = frozenset({CONNECTION_CLOSED, INVALID_REQUEST, PARSE_ERROR})
"""The SDK's own codes for a stream that broke off, an answer of a wrong kind, and one that is no JSON."""


class _TooMuchError(httpx2.StreamError):
    """The endpoint sends more than is read. One of the client's own kinds, so that it ends one answer, no more."""


@dataclass(slots=True)
class Exchange:
    """Everything that one call causes, reconnections included, and what was received of it."""

    url: str
    deadline_seconds: float
    received_bytes: int = 0
    requests: int = 0
    status: int | None = None
    redirected_to: str = ""

    def http_client(self, *, user_agent: str) -> httpx2.AsyncClient:
        """An HTTP client of this exchange's own. Proxies are those of the environment, as for the SDK's own client.

        Compressed answers are refused: a few bytes of them can hold gigabytes.
        """
        return httpx2.AsyncClient(
            headers={"User-Agent": user_agent, "Accept-Encoding": "identity"},
            timeout=httpx2.Timeout(self.deadline_seconds),
            event_hooks={"request": [self._before_request], "response": [self._before_answer]},
        )

    async def _before_request(self, request: httpx2.Request) -> None:
        self.requests += 1
        if self.requests > _EXCHANGE_REQUESTS:
            raise httpx2.RemoteProtocolError("the endpoint makes a call take too many requests", request=request)

    async def _before_answer(self, response: httpx2.Response) -> None:
        self.status = response.status_code
        self.redirected_to = _place(response) if response.has_redirect_location else ""
        if response.headers.get("content-encoding", "identity").lower() not in {"", "identity"}:
            raise httpx2.RemoteProtocolError("the endpoint compresses what must not be", request=response.request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _CountedStream(response.stream, self)

    def error(self, exc: BaseException) -> ExpresswayError:
        """The error for whatever the SDK, the HTTP client or the endpoint made of the exchange."""
        while isinstance(exc, BaseExceptionGroup):  # the SDK's task groups wrap what happened
            exc = exc.exceptions[0]
        if isinstance(exc, ExpresswayError):
            return exc
        if self.received_bytes > _EXCHANGE_BYTES:
            return ExpresswayError(
                "knowledge_too_large",
                f"The documentation endpoint sends more than {_EXCHANGE_BYTES // 2**20} MiB; it was cut off.",
                "Ask for less: a smaller limit, or max_length with start_index.",
            )
        if self.redirected_to:
            return TargetError(
                "knowledge_redirected",
                f"The documentation endpoint {self.url} redirects to {self.redirected_to}, which is not followed.",
                _SETTING,
            )
        if isinstance(exc, TimeoutError | httpx2.TimeoutException):
            return TargetError(
                "knowledge_timeout",
                f"The documentation endpoint {self.url} gave no answer within {self.deadline_seconds:.0f} seconds.",
                _WITHOUT_IT,
            )
        if reason := self._why_unavailable(exc):
            return TargetError("knowledge_unavailable", f"The documentation endpoint {self.url} {reason}.", _SETTING)
        return _misanswered(exc)

    def _why_unavailable(self, exc: BaseException) -> str:
        """What kept the endpoint from answering: no connection, or an HTTP error; empty where it answered."""
        is_rejection = isinstance(exc, MCPError) and exc.code in {INVALID_PARAMS, METHOD_NOT_FOUND}
        if self.status is not None and self.status >= 400 and not is_rejection:
            return f"answers HTTP {self.status}"
        if isinstance(exc, httpx2.TransportError | OSError) and not isinstance(exc, httpx2.RemoteProtocolError):
            return f"cannot be reached ({type(exc).__name__})"
        if self.requests == 0 and isinstance(exc, ValueError | ImportError | httpx2.InvalidURL):
            return "cannot be reached (the proxy settings of the environment are wrong)"
        return ""


def _place(response: httpx2.Response) -> str:
    """Where a redirect leads: scheme and host, without anything that could carry a state or a message."""
    try:
        url = response.request.url.join(response.headers["location"])
    except (httpx2.InvalidURL, ValueError):
        return "a place that is no URL"
    return f"{url.scheme}://{url.host}"


def _misanswered(exc: BaseException) -> ExpresswayError:
    if isinstance(exc, MCPError) and exc.code not in _FAULTS:
        return ExpresswayError(
            "knowledge_refused",
            "The documentation endpoint rejects the call.",
            "Compare the arguments with the tool's schema; a URL must be one of AWS's documentation.",
            {"answer": quoted(shortened(str(exc), _QUOTED_CHARACTERS), public=True)},
        )
    return ExpresswayError(
        "knowledge_invalid_answer",
        "The documentation endpoint answered with something that is no valid MCP answer, or broke off.",
        _WITHOUT_IT,
    )


class _CountedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, exchange: Exchange) -> None:
        self._stream = stream
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._exchange.received_bytes += len(chunk)
            if self._exchange.received_bytes > _EXCHANGE_BYTES:
                raise _TooMuchError(f"more than {_EXCHANGE_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
