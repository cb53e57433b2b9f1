"""The embedded AWS behind a door that closes on some of its services, as a VPC that has endpoints for only a few."""

import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from expressway.core.sandbox_key import find_key
from tests.sandbox_clients import signed_anew

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
"""The service that a request is signed for."""


@contextmanager
def without(services: frozenset[str], *, behind: str) -> Generator[str]:
    """The URL of the embedded AWS at `behind`, of which `services` (by their signing names) drop every connection."""
    place, key = urlsplit(behind), find_key(behind, {})

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            signed = _SCOPE.search(self.headers.get("Authorization", ""))
            if signed is not None and signed[1] in services:
                self.close_connection = True
                self.connection.close()
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            onward = HTTPConnection(place.hostname or "", place.port, timeout=60)
            headers = signed_anew(
                self.command, self.path, dict(self.headers.items()), body, endpoint_url=behind, key=key
            )
            onward.request(self.command, self.path, body, headers)
            answer = onward.getresponse()
            content = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            onward.close()

        do_GET = do_PUT = do_POST

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
