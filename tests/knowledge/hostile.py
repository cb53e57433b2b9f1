"""Endpoints that behave badly, byte by byte: each answers every connection with the same handler."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


@dataclass
class Heard:
    """How often somebody connected, and every request that came."""

    url: str = ""
    connections: int = 0
    requests: list[bytes] = field(default_factory=list[bytes])
    over: threading.Event = field(default_factory=threading.Event)


Handler = Callable[[socket.socket, bytes, Heard], None]


@contextmanager
def hostile(handle: Handler) -> Iterator[Heard]:
    """`handle` is called with each request that comes, on a free port of this machine, until the block ends."""
    heard = Heard()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        heard.url = f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    heard.connections += 1
                    threading.Thread(target=_serve, args=(connection, handle, heard), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield heard
        finally:
            heard.over.set()
            listening.shutdown(socket.SHUT_RDWR)


def _serve(connection: socket.socket, handle: Handler, heard: Heard) -> None:
    with connection, suppress(OSError):
        while request := _request(connection):
            heard.requests.append(request)
            handle(connection, request, heard)


def _request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65_536)
        if not chunk:
            return b""
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def json_of(request: bytes) -> dict[str, Any]:
    return json.loads(request.partition(b"\r\n\r\n")[2] or b"{}")


def reply(connection: socket.socket, body: bytes, *, head: bytes = ANSWER) -> None:
    connection.sendall(head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)


def result(connection: socket.socket, request: bytes, content: Any, *, head: bytes = ANSWER) -> None:
    """A JSON-RPC result."""
    body = {"jsonrpc": "2.0", "id": json_of(request).get("id"), "result": content}
    reply(connection, json.dumps(body).encode(), head=head)


def never(_connection: socket.socket, _request: bytes, heard: Heard) -> None:
    """A black hole: it takes everything, and answers nothing."""
    heard.over.wait(300)


def trickling(connection: socket.socket, _request: bytes, heard: Heard) -> None:
    """It answers a byte at a time, often enough for every timeout that counts from the last one."""
    connection.sendall(STREAM)
    while not heard.over.wait(0.02):
        connection.sendall(b":\n")


def endless(connection: socket.socket, _request: bytes, heard: Heard) -> None:
    """One answer without an end."""
    connection.sendall(ANSWER + b"Transfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b'["' + b"x" * (0x10000 - 2) + b"\r\n"
    while not heard.over.is_set():
        connection.sendall(chunk)


def ten_megabytes(connection: socket.socket, request: bytes, _heard: Heard) -> None:
    """One event of a stream that is far too large."""
    text = json.dumps({"jsonrpc": "2.0", "id": json_of(request).get("id"), "result": {"x": "y" * 10_000_000}})
    connection.sendall(STREAM + b"event: message\ndata: " + text.encode() + b"\n\n")
    connection.close()


def flooding(connection: socket.socket, _request: bytes, heard: Heard) -> None:
    """Small events without an end, none of them the answer."""
    connection.sendall(STREAM)
    event = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x" * 1000}}
    while not heard.over.is_set():
        connection.sendall(f"event: message\ndata: {json.dumps(event)}\n\n".encode())


def dropping(connection: socket.socket, _request: bytes, _heard: Heard) -> None:
    """It breaks off in the middle of an event."""
    connection.sendall(STREAM + b'event: message\ndata: {"jsonrpc": "2.0", "id"')
    connection.close()


def resuming(connection: socket.socket, _request: bytes, _heard: Heard) -> None:
    """Every stream ends at once and asks to be taken up again at once, for ever."""
    connection.sendall(STREAM + b"id: 1\nretry: 0\ndata:\n\n")
    connection.close()


def bomb(connection: socket.socket, _request: bytes, _heard: Heard) -> None:
    """A few bytes that hold a hundred megabytes."""
    import gzip

    reply(connection, gzip.compress(b"0" * 100_000_000), head=ANSWER + b"Content-Encoding: gzip\r\n")


def nonsense(connection: socket.socket, _request: bytes, _heard: Heard) -> None:
    reply(connection, b"<html>no JSON</html>")


def not_http(connection: socket.socket, _request: bytes, _heard: Heard) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH\r\n")
    connection.close()


def deep(connection: socket.socket, _request: bytes, _heard: Heard) -> None:
    reply(connection, b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


def failing(connection: socket.socket, _request: bytes, _heard: Heard) -> None:
    reply(connection, b"", head=b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n")


def accepting(connection: socket.socket, _request: bytes, _heard: Heard) -> None:
    reply(connection, b"", head=b"HTTP/1.1 202 Accepted\r\n")


def lingering(connection: socket.socket, request: bytes, heard: Heard) -> None:
    """It speaks the protocol of before 2026 and answers, but never ends a session that a client takes leave of."""
    method = json_of(request).get("method", "")
    if request.startswith(b"DELETE"):
        heard.over.wait(300)
    elif request.startswith(b"GET"):
        reply(connection, b"", head=b"HTTP/1.1 405 Method Not Allowed\r\n")
    elif method == "initialize":
        offered = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}}
        content = {**offered, "serverInfo": {"name": "lingering", "version": "1"}}
        result(connection, request, content, head=ANSWER + b"Mcp-Session-Id: 1\r\n")
    elif method == "tools/call":
        result(connection, request, {"content": [{"type": "text", "text": "answered"}]})
    elif method == "notifications/initialized":
        reply(connection, b"", head=b"HTTP/1.1 202 Accepted\r\n")
    else:
        reply(connection, b"", head=b"HTTP/1.1 400 Bad Request\r\n")


def redirecting(location: str, status: int = 307) -> Handler:
    def handle(connection: socket.socket, _request: bytes, _heard: Heard) -> None:
        reply(connection, b"", head=f"HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\n".encode())

    return handle


def offering(tools: Any, answer: Any = None) -> Handler:
    """It speaks the protocol, but lists and answers what it likes."""

    def handle(connection: socket.socket, request: bytes, _heard: Heard) -> None:
        method = json_of(request).get("method", "")
        if method == "server/discover":
            capabilities = {"tools": {}}
            found = {"supportedVersions": ["2026-07-28"], "capabilities": capabilities, "resultType": "complete"}
            result(connection, request, {**found, "ttlMs": 0, "cacheScope": "private"})
        elif method == "tools/list":
            result(connection, request, {"tools": tools, "resultType": "complete", "ttlMs": 0, "cacheScope": "private"})
        else:
            result(connection, request, answer)

    return handle


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for another thread; fails when the condition never holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)
