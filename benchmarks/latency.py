"""A proxy on loopback that makes every AWS call take longer, as over a network; it counts the calls."""

import http.client
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class SlowAws:
    """The running proxy: `endpoint_url` for clients, `calls` so far."""

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url
        self.calls = 0


@contextmanager
def slow_aws(upstream_url: str, *, delay_seconds: float) -> Generator[SlowAws]:
    """Pass requests on to `upstream_url`, each answered `delay_seconds` later than it would be."""
    upstream = urlsplit(upstream_url)
    connections = threading.local()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            running.calls += 1
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            time.sleep(delay_seconds)
            status, headers, content = _ask(self.path, dict(self.headers.items()), body)
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: standard error shows the progress of the measurements."""

    def _ask(path: str, headers: dict[str, str], body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """One thread serves one connection of the client, and keeps one of its own to the upstream."""
        if not hasattr(connections, "upstream"):
            connections.upstream = http.client.HTTPConnection(upstream.hostname or "", upstream.port, timeout=60)
        connection: http.client.HTTPConnection = connections.upstream
        try:
            connection.request("POST", path, body=body, headers=headers)
            answer = connection.getresponse()
        except (http.client.HTTPException, ConnectionError):  # the upstream closed a connection that was idle
            connection.close()
            connection.request("POST", path, body=body, headers=headers)
            answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    running = SlowAws(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
