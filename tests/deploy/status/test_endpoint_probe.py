"""One bounded request; whatever the network does is an answer, never an exception."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from expressway.aws.values.target import Target
from expressway.deploy.status.endpoint import HttpProbe

SEEN: list[tuple[str, str]] = []


class Gateway(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        SEEN.append((self.path, self.headers["Host"]))
        self.send_response({"/down": 503, "/missing": 404}.get(self.path, 200))
        self.end_headers()
        self.wfile.write(b"x" * 10_000)

    def log_message(self, format: str, *args: object) -> None:
        return None


@pytest.fixture
def gateway() -> Iterator[str]:
    SEEN.clear()
    server = HTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def sandbox(url: str) -> HttpProbe:
    return HttpProbe(Target("000000000000", "us-east-1", sandbox_url=url))


def test_on_the_sandbox_the_gateway_is_asked_with_the_endpoint_as_host(gateway: str) -> None:
    answer = sandbox(gateway).fetch("ex-1.ecs.us-east-1.localhost", path="/healthz")

    assert SEEN == [("/healthz", "ex-1.ecs.us-east-1.localhost")]
    assert answer.status == 200
    assert answer.answers
    assert answer.url == f"http://ex-1.ecs.us-east-1.localhost:{gateway.rsplit(':', 1)[1]}/healthz"


def test_a_body_is_cut(gateway: str) -> None:
    assert len(sandbox(gateway).fetch("ex-1").body) == 2000


@pytest.mark.parametrize(("path", "answers"), [("/down", False), ("/missing", True)])
def test_the_load_balancers_own_errors_are_no_answer_of_the_application(gateway: str, path: str, answers: bool) -> None:
    assert sandbox(gateway).fetch("ex-1", path=path).answers is answers


def test_nothing_listening_is_an_answer_with_a_reason() -> None:
    with socket.socket() as deaf:  # it holds the port and does not listen
        deaf.bind(("127.0.0.1", 0))

        answer = sandbox(f"http://127.0.0.1:{deaf.getsockname()[1]}").fetch("ex-1")

    assert answer.status is None
    assert not answer.answers
    assert "refused" in answer.error


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()

        answer = sandbox(f"http://127.0.0.1:{silent.getsockname()[1]}").fetch("ex-1", timeout_seconds=0.2)

    assert answer.status is None
    assert "timed out" in answer.error


def test_on_aws_the_url_is_https() -> None:
    probe = HttpProbe(Target("111122223333", "eu-west-1"))

    assert probe.url("ex-1.ecs.eu-west-1.on.aws") == "https://ex-1.ecs.eu-west-1.on.aws/"


def test_a_name_that_does_not_resolve_is_an_answer_with_a_reason() -> None:
    probe = HttpProbe(Target("111122223333", "eu-west-1"))

    answer = probe.fetch("nothing.invalid", timeout_seconds=1)

    assert answer.status is None
    assert answer.error
