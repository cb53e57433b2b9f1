"""A question soon gives up an endpoint that nobody answers at; what changes AWS goes on trying."""

import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.exceptions import EndpointConnectionError, HTTPClientError, ReadTimeoutError

from expressway.aws.logs import Logs
from expressway.aws.session import AwsSession, open_session
from expressway.aws.transport import ATTEMPTS, UnreachableEndpointRetry
from expressway.errors import TargetError


class Listener:
    """Takes connections and closes each without a word."""

    def __init__(self) -> None:
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        self._socket.close()


@contextmanager
def listening() -> Generator[Listener]:
    listener = Listener()
    try:
        yield listener
    finally:
        listener.close()


def lost(session: AwsSession) -> str:
    with pytest.raises(TargetError) as caught:
        Logs(session).tail_events("/a/group", "a/stream/1")
    return caught.value.code


def test_a_sandbox_that_does_not_run_is_asked_once_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        nowhere = f"http://127.0.0.1:{held.getsockname()[1]}"
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    for session in (open_session(sandbox_url=nowhere), open_session(sandbox_url=nowhere).for_questions()):
        with pytest.raises(TargetError, match=nowhere) as caught:
            Logs(session).tail_events("/a/group", "a/stream/1")
        assert caught.value.code == "sandbox_not_running"
        assert "expressway sandbox start" in caught.value.hint
    assert waits == []


def test_a_question_is_asked_twice() -> None:
    with listening() as listener:
        assert lost(open_session(sandbox_url=listener.url).for_questions()) == "connection_failed"
        assert listener.connections == ATTEMPTS


def test_a_question_is_not_asked_at_all_again_in_the_same_seconds() -> None:
    with listening() as listener:
        client = open_session(sandbox_url=listener.url).client("logs")
        UnreachableEndpointRetry(lambda: 100.0).watch(client)
        for _ in range(2):
            with pytest.raises((BotoConnectionError, HTTPClientError)):
                client.describe_log_groups()
            assert listener.connections == ATTEMPTS


def test_one_service_out_of_reach_says_nothing_of_another() -> None:
    with listening() as listener:
        session = open_session(sandbox_url=listener.url).for_questions()
        lost(session)
        with pytest.raises(Exception, match="onnection"):
            session.client("ecs").list_clusters()
        assert listener.connections == 2 * ATTEMPTS


def test_a_client_for_all_else_tries_as_often_as_ever() -> None:
    with listening() as listener:
        session = open_session(sandbox_url=listener.url)
        assert session.for_questions().target == session.target
        with pytest.raises(Exception, match="onnection"):
            session.client("logs", retries=ATTEMPTS + 1).describe_log_groups()
        assert listener.connections > ATTEMPTS


class Told:
    """A client's events, called by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.handlers: dict[str, Any] = {}
        endpoint = UnreachableEndpointRetry(lambda: self.now)
        client: Any = self
        self.meta = self
        self.events = self
        self.service_model = self
        self.service_id = self
        endpoint.watch(client)

    def hyphenize(self) -> str:
        return "logs"

    def register_first(self, event: str, handler: Any) -> None:
        self.handlers[event.partition(".")[0]] = handler

    def retry(self, attempts: int, error: Exception | None) -> None:
        self.handlers["needs-retry"](attempts=attempts, caught_exception=error, response=None)

    def send(self) -> None:
        self.handlers["before-send"](request=None)


LOST = EndpointConnectionError(endpoint_url="https://logs")


def test_a_lost_endpoint_is_tried_again_after_a_while() -> None:
    told = Told()
    told.send()
    told.retry(1, LOST)
    with pytest.raises(EndpointConnectionError):
        told.retry(ATTEMPTS, LOST)
    with pytest.raises(EndpointConnectionError):
        told.send()
    told.now += 6
    told.send()
    told.retry(1, LOST)


def test_an_answer_is_left_to_the_retries_of_throttling() -> None:
    told = Told()
    for attempts in (1, ATTEMPTS, ATTEMPTS + 3):
        told.retry(attempts, None)
    told.send()


def test_one_slow_answer_does_not_close_the_endpoint() -> None:
    told = Told()
    with pytest.raises(ReadTimeoutError):
        told.retry(ATTEMPTS, ReadTimeoutError(endpoint_url="https://logs"))
    told.send()
