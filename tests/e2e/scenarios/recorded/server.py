"""The loopback server of the records: one thread a connection, so that concurrent callers are answered so."""

import json
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.e2e.scenarios.recorded.answers import RefusedCallError, answer_to
from tests.e2e.scenarios.recorded.wire import (
    Answer,
    ShapeError,
    UnknownCallError,
    read_call,
    write_answer,
    write_error,
)
from tests.e2e.scenarios.recorded.world import World


class RecordedAws:
    """A running stand-in; `endpoint_url` is where clients are pointed, `world` what it answers from just now.

    `complaints` names the answers that AWS could not have sent and the requests that no model knows: a test of
    the records asserts that there are none. `calls` counts the operations, `requests` them with their
    parameters.
    """

    def __init__(self, endpoint_url: str, world: World) -> None:
        self.endpoint_url = endpoint_url
        self.world = world
        self.complaints: list[str] = []
        self.calls: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()


@contextmanager
def serve(world: World) -> Generator[RecordedAws]:
    """Answer on a free port of the loopback address while the block runs; at first from `world`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = _answer(running, dict(self.headers.items()), body)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: standard error belongs to the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    running = RecordedAws(f"http://127.0.0.1:{server.server_port}", world)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(running: RecordedAws, headers: dict[str, str], body: bytes) -> Answer:
    try:
        call = read_call(headers, body)
    except UnknownCallError as unknown:
        running.complaints.append(str(unknown))
        return Answer(404, "text/plain", str(unknown).encode())
    running.calls[call.name] += 1
    running.requests[f"{call.name} {json.dumps(call.parameters, sort_keys=True, default=str)}"] += 1
    try:
        return write_answer(call, answer_to(running.world, call))
    except RefusedCallError as refused:
        return write_error(call, refused.code, refused.message)
    except ShapeError as wrong:
        running.complaints.append(str(wrong))
        return write_error(call, "InternalFailure", str(wrong))
