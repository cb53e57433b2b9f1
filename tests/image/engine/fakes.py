"""An engine that misbehaves on demand: it answers on a unix socket with prepared words."""

import json
import socketserver
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from expressway.image.engine.discovery import EngineAddress


class FakeEngine:
    """Answers ping and version; a build or a push gets the lines of `stream`.

    Args:
        stream: JSON values to stream; afterwards the stream ends as it should, or breaks off (`cut`), or nothing
            more comes until the client hangs up (`hang`; `gone` is set then).
        refusal: HTTP status and message instead of a stream.
        version: what ``GET /version`` says in addition.
        image: what it says of any image; none exists without.
        images: what it says of images by their names, where `image` says nothing.
        uncached: JSON values to stream to a build that may not use the cache, instead of `stream`.
    """

    def __init__(
        self,
        path: Path,
        *,
        stream: Sequence[Mapping[str, Any]] = (),
        cut: bool = False,
        hang: bool = False,
        refusal: tuple[int, str] | None = None,
        version: Mapping[str, Any] | None = None,
        image: Mapping[str, Any] | None = None,
        images: Mapping[str, Mapping[str, Any]] | None = None,
        uncached: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        self.image, self.images = image, dict(images or {})
        self.stream, self.cut, self.hang, self.refusal = stream, cut, hang, refusal
        self.uncached = stream if uncached is None else uncached
        self.version = {"Version": "29.0.0", "ApiVersion": "1.41", "Os": "linux", "Arch": "amd64", **(version or {})}
        self.gone = threading.Event()
        self.posts: list[str] = []
        self.address = EngineAddress(f"unix://{path}", "test")
        self._server = _Server(str(path), _Handler)
        self._server.engine = self
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    engine: FakeEngine


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server  # type: ignore[assignment]

    def do_GET(self) -> None:
        if "/images/" in self.path:
            name = self.path.rpartition("/images/")[2].removesuffix("/json")
            image = self.server.engine.image or self.server.engine.images.get(name)
            self._answer(200 if image else 404, json.dumps(image or {"message": "No such image"}).encode())
            return
        self._answer(200, b"OK" if self.path.endswith("/_ping") else json.dumps(self.server.engine.version).encode())

    def do_POST(self) -> None:
        self._read_body()
        self.server.engine.posts.append(self.path)
        refusal = self.server.engine.refusal
        if "/tag?" in self.path:
            self._answer(201, b"")
        elif refusal:
            self._answer(refusal[0], json.dumps({"message": refusal[1]}).encode())
        else:
            engine = self.server.engine
            self._stream(engine, engine.uncached if "nocache=True" in self.path else engine.stream)

    def _stream(self, engine: FakeEngine, lines: Sequence[Mapping[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in lines:
            data = json.dumps(line).encode() + b"\r\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        if engine.hang:
            self.connection.recv(1)  # returns when the client closes its side
            engine.gone.set()
        elif not engine.cut:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _read_body(self) -> None:
        if self.headers.get("Transfer-Encoding") != "chunked":
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline(), 16):
            self.rfile.read(size + 2)
        self.rfile.readline()

    def log_message(self, format: str, *args: object) -> None:
        return

    def address_string(self) -> str:
        return "unix"
