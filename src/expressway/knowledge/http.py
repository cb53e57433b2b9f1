"""An HTTP client for an endpoint that may be hostile: what one exchange may receive is bounded, and remembered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass

import httpx2

EXCHANGE_BYTES = 2 * 2**20
EXCHANGE_REQUESTS = 16
_CONNECTIONS = 8


class TooMuchError(httpx2.StreamError):
    """The endpoint sends more than is read. One of the client's own kinds, so that it ends one answer, no more."""


@dataclass(slots=True)
class Exchange:
    """What one exchange has received: everything that a call causes, reconnections included."""

    received_bytes: int = 0
    requests: int = 0
    status: int | None = None
    location: str = ""
    too_much: bool = False

    def receive(self, size_bytes: int) -> None:
        """Count bytes.

        Raises:
            TooMuchError: that is more than an exchange may receive.
        """
        self.received_bytes += size_bytes
        if self.received_bytes > EXCHANGE_BYTES:
            self.too_much = True
            raise TooMuchError(f"more than {EXCHANGE_BYTES} bytes")


CURRENT_EXCHANGE: ContextVar[Exchange] = ContextVar("expressway_exchange")
"""Set by the task that asks; the SDK hands contexts on to the tasks that send."""


def bounded_client(*, user_agent: str, timeout_seconds: float) -> httpx2.AsyncClient:
    """A client whose exchanges are bounded. Proxies are those of the environment, as for the SDK's own client.

    Compressed answers are refused: a few bytes of them can hold gigabytes.
    """
    return httpx2.AsyncClient(
        headers={"User-Agent": user_agent, "Accept-Encoding": "identity"},
        timeout=httpx2.Timeout(timeout_seconds),
        limits=httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=2, keepalive_expiry=30.0),
        event_hooks={"request": [_before_request], "response": [_before_answer]},
    )


async def _before_request(request: httpx2.Request) -> None:
    exchange = CURRENT_EXCHANGE.get()
    exchange.requests += 1
    if exchange.requests > EXCHANGE_REQUESTS:
        raise httpx2.RemoteProtocolError("the endpoint makes a call take too many requests", request=request)


async def _before_answer(response: httpx2.Response) -> None:
    exchange = CURRENT_EXCHANGE.get()
    exchange.status = response.status_code
    exchange.location = _place(response) if response.has_redirect_location else ""
    if response.headers.get("content-encoding", "identity").lower() not in {"", "identity"}:
        raise httpx2.RemoteProtocolError("the endpoint compresses what must not be", request=response.request)
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _CountedStream(response.stream, exchange)


def _place(response: httpx2.Response) -> str:
    """Where a redirect leads: scheme and host, without anything that could carry a state or a message."""
    try:
        url = response.request.url.join(response.headers["location"])
    except (httpx2.InvalidURL, ValueError):
        return "a place that is no URL"
    return f"{url.scheme}://{url.host}"


class _CountedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, exchange: Exchange) -> None:
        self._stream = stream
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._exchange.receive(len(chunk))
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
