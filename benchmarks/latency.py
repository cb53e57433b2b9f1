"""A proxy on loopback that makes every AWS call take longer, as over a network; it counts the calls.

A network holds as many calls as it is given. So this proxy reads of a call only where it ends, and sends bytes on as
they come: calls at the same time do not wait for each other here. A sandbox takes no request for another port than its
own, so each is signed anew.
"""

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from tests.sandbox_clients import signed_anew

from expressway.core.sandbox_key import find_key

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"


class SlowAws:
    """The running proxy: `endpoint_url` for clients, `calls` so far."""

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url
        self.calls = 0


@contextmanager
def slow_aws(upstream_url: str, *, delay_seconds: float) -> Generator[SlowAws]:
    """Pass requests on to `upstream_url`, each answered `delay_seconds` later than it would be."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    proxy = _Proxy(upstream_url, delay_seconds)
    try:
        asyncio.run_coroutine_threadsafe(proxy.open(), loop).result()
        yield proxy.running
    finally:
        asyncio.run_coroutine_threadsafe(proxy.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _Proxy:
    """One connection to the upstream for each of a client's; either end closes both."""

    def __init__(self, upstream_url: str, delay_seconds: float) -> None:
        upstream = urlsplit(upstream_url)
        self._upstream = upstream.hostname or "", upstream.port or 80
        self._upstream_url, self._key = upstream_url, find_key(upstream_url, {})
        self._delay_seconds = delay_seconds
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.running = SlowAws("")

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.running.endpoint_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _for_upstream(self, head: str, body: bytes) -> bytes:
        """A request as the upstream takes it."""
        first, *fields = head.split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name: value.strip() for name, _, value in (line.partition(":") for line in fields if line)}
        headers = signed_anew(method, path, headers, body, endpoint_url=self._upstream_url, key=self._key)
        headers["Content-Length"] = str(len(body))
        lines = [first, *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1") + body

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        answers: asyncio.Task[None] | None = None
        to_upstream: asyncio.StreamWriter | None = None
        try:
            upstream, to_upstream = await asyncio.open_connection(*self._upstream)
            answers = asyncio.create_task(_relay(upstream, to_client))
            while True:
                request = self._for_upstream(*await _request(client))
                self.running.calls += 1
                await asyncio.sleep(self._delay_seconds)
                to_upstream.write(request)
                await to_upstream.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            """The client has what it wanted."""
        finally:
            self._open.discard(task)
            if answers is not None:
                answers.cancel()
            for writer in (to_client, to_upstream):
                if writer is not None:
                    writer.close()


async def _request(client: asyncio.StreamReader) -> tuple[str, bytes]:
    """The head and the body of one whole request, as it was sent."""
    head = await client.readuntil(_END_OF_HEAD)
    lines = (line.lower() for line in head.split(b"\r\n"))
    length = next((int(line.removeprefix(_LENGTH)) for line in lines if line.startswith(_LENGTH)), 0)
    return head.decode("latin-1"), await client.readexactly(length)


async def _relay(upstream: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
    """Answers as they come, until the upstream closes the connection."""
    with suppress(ConnectionError):
        while chunk := await upstream.read(2**16):
            to_client.write(chunk)
            await to_client.drain()
    to_client.close()
