"""The documentation endpoint, good and hostile: whatever it does, a call ends in time, with an answer or one error."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from expressway.core.progress import Cancellation, NeverCancelled
from expressway.errors import ExpresswayError
from expressway.knowledge.client import KnowledgeClient
from expressway.knowledge.schemas import portable
from expressway.knowledge.values import KnowledgeAnswer
from tests.knowledge import hostile
from tests.knowledge.endpoint import SEARCH_DESCRIPTION, playing
from tests.knowledge.hostile import Handler, offering, redirecting, wait_until
from tests.knowledge.hostile import hostile as hostile_endpoint

SEARCH = "aws___search_documentation"
PATIENT, IMPATIENT = 60.0, 0.5
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"search_phrase": {"type": "string"}}}


@contextmanager
def client_of(url: str) -> Iterator[KnowledgeClient]:
    yield KnowledgeClient(url)


def tools_of(client: KnowledgeClient, seconds: float = PATIENT) -> dict[str, Any]:
    listed = client.tools(deadline_seconds=seconds, cancellation=NeverCancelled())
    return {tool.name: tool for tool in listed}


def call(
    client: KnowledgeClient,
    arguments: dict[str, Any] | None = None,
    *,
    seconds: float = PATIENT,
    cancellation: Cancellation | None = None,
) -> KnowledgeAnswer:
    return client.call(
        SEARCH,
        arguments or {"search_phrase": "x"},
        deadline_seconds=seconds,
        cancellation=cancellation or NeverCancelled(),
    )


def failure(handler: Handler, seconds: float = PATIENT) -> ExpresswayError:
    """The error of a call of an endpoint that behaves so."""
    with hostile_endpoint(handler) as heard, client_of(heard.url) as client:
        with pytest.raises(ExpresswayError) as caught:
            call(client, seconds=seconds)
        return caught.value


@pytest.mark.parametrize(
    "options",
    [{}, {"json_response": True}, {"legacy": True}, {"legacy": True, "stateless_http": True}],
    ids=["modern", "modern-json", "legacy", "legacy-stateless"],
)
def test_endpoints_of_both_protocol_eras_list_and_answer(options: dict[str, Any]) -> None:
    with playing(**options) as played, client_of(played.url) as client:
        assert tools_of(client)[SEARCH].description == SEARCH_DESCRIPTION
        for _ in range(2):
            assert call(client).content == {"content": {"result": [{"rank_order": 1, "title": "About x"}]}}
        assert call(client, {"search_phrase": "fail"}).refused


def test_a_second_question_costs_a_modern_endpoint_one_request() -> None:
    with playing() as played, client_of(played.url) as client:
        call(client)
        before = len(played.headers)
        call(client)
        assert len(played.headers) - before == 1


def test_cookies_of_one_exchange_do_not_reach_another() -> None:
    def marking(connection: socket.socket, _request: bytes, _heard: hostile.Heard) -> None:
        hostile.reply(connection, b"{}", head=hostile.ANSWER + b"Set-Cookie: mark=1; Path=/\r\n")

    with hostile_endpoint(marking) as heard, client_of(heard.url) as client:
        for _ in range(2):
            with pytest.raises(ExpresswayError):
                call(client)
        first_of_the_second = heard.requests[len(heard.requests) // 2]
        assert b"mark=1" not in first_of_the_second
        assert b"server/discover" in first_of_the_second


def test_nothing_is_connected_before_something_is_asked() -> None:
    earlier = set(threading.enumerate())  # closed loops end when they are done, not when they are told
    with hostile_endpoint(hostile.never) as heard, client_of(heard.url):
        assert heard.connections == 0
        begun = {thread.name for thread in set(threading.enumerate()) - earlier}
        assert "expressway knowledge" not in begun


def test_no_credentials_or_variables_leave_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    value = "planted" + "value" * 3
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.setenv(name, value)
    with hostile_endpoint(offering([{"name": SEARCH, "inputSchema": SCHEMA}])) as heard, client_of(heard.url) as client:
        tools_of(client)
        assert heard.requests
        assert not [request for request in heard.requests if value.encode() in request]
        assert not [request for request in heard.requests if b"\r\nauthorization:" in request.lower()]


@pytest.mark.parametrize("handler", [hostile.never, hostile.trickling], ids=lambda handler: handler.__name__)
def test_an_endpoint_that_never_answers_is_given_up_at_the_deadline(handler: Handler) -> None:
    error = failure(handler, IMPATIENT)
    assert error.code == "knowledge_timeout"
    assert error.exit_code == 4


@pytest.mark.parametrize(
    ("handler", "code"),
    [
        (hostile.endless, "knowledge_too_large"),
        (hostile.ten_megabytes, "knowledge_too_large"),
        (hostile.flooding, "knowledge_too_large"),
        (hostile.dropping, "knowledge_invalid_answer"),
        (hostile.resuming, "knowledge_invalid_answer"),
        (hostile.bomb, "knowledge_invalid_answer"),
        (hostile.nonsense, "knowledge_invalid_answer"),
        (hostile.not_http, "knowledge_invalid_answer"),
        (hostile.deep, "knowledge_invalid_answer"),
        (hostile.accepting, "knowledge_invalid_answer"),
        (hostile.failing, "knowledge_unavailable"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_each_misbehaviour_is_told_apart(handler: Handler, code: str) -> None:
    error = failure(handler)
    assert error.code == code
    assert error.hint
    assert error.__cause__ is not None


def test_a_stream_that_asks_to_be_resumed_for_ever_is_not() -> None:
    with hostile_endpoint(hostile.resuming) as heard, client_of(heard.url) as client:
        with pytest.raises(ExpresswayError):
            call(client)
        assert len(heard.requests) <= 20


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_not_followed(status: int) -> None:
    with hostile_endpoint(hostile.never) as other:
        error = failure(redirecting(f"{other.url}?steal=me", status))
        assert error.code == "knowledge_redirected"
        assert "steal" not in str(error)
        assert other.connections == 0


def test_a_redirect_loop_ends() -> None:
    assert failure(redirecting("/mcp")).code in {"knowledge_redirected", "knowledge_invalid_answer"}


def test_an_endpoint_that_is_not_there_is_unavailable() -> None:
    with client_of("http://127.0.0.1:9/mcp") as client, pytest.raises(ExpresswayError) as caught:
        call(client)
    assert caught.value.code == "knowledge_unavailable"


def test_a_proxy_setting_that_is_wrong_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "nonsense://127.0.0.1:1")
    with client_of("http://127.0.0.1:9/mcp") as client, pytest.raises(ExpresswayError) as caught:
        call(client)
    assert caught.value.code == "knowledge_unavailable"
    assert "proxy" in caught.value.message


def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile_endpoint(hostile.failing) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with client_of("http://127.0.0.1:9/mcp") as client, pytest.raises(ExpresswayError):
            call(client)
        assert proxy.requests[0].startswith(b"POST http://127.0.0.1:9/mcp ")


def test_after_a_failure_the_next_call_works() -> None:
    with playing() as played, client_of(played.url) as client:
        call(client)
        played.hold.clear()
        with pytest.raises(ExpresswayError) as caught:
            call(client, seconds=IMPATIENT)
        assert caught.value.code == "knowledge_timeout"
        played.hold.set()
        assert call(client).content


def test_calls_do_not_spoil_each_other() -> None:
    """One that hangs and one that is answered, at the same time."""
    with playing() as played, client_of(played.url) as client:
        played.hold.clear()
        hanging = threading.Thread(target=lambda: call(client, seconds=PATIENT))
        hanging.start()
        wait_until(lambda: bool(played.asked))
        assert tools_of(client)
        played.hold.set()
        hanging.join(PATIENT)
        assert not hanging.is_alive()


class _Cancelled:
    """Cancels once the endpoint was asked."""

    def __init__(self, asked: list[Any]) -> None:
        self._asked = asked

    def raise_if_cancelled(self) -> None:
        if self._asked:
            raise ExpresswayError("cancelled", "The client cancelled the request.")


def test_a_cancelled_call_ends_although_the_endpoint_hangs() -> None:
    with playing() as played, client_of(played.url) as client:
        played.hold.clear()
        with pytest.raises(ExpresswayError) as caught:
            call(client, cancellation=_Cancelled(played.asked))
    assert caught.value.code == "cancelled"


@pytest.mark.parametrize(
    "lie",
    [
        {"inputSchema": {"type": "object", "properties": []}},
        {"inputSchema": {"type": "object", "properties": {"a": {"type": "strnig"}}}},
        {"inputSchema": {"type": "object", "properties": {"a": {"$ref": "https://elsewhere.example/schema"}}}},
        {"inputSchema": {"type": "object", "properties": {"a b\n": {"type": "string"}}}},
        {"inputSchema": {"type": "object", "anyOf": [{"required": ["a"]}]}},
        {"inputSchema": {"type": "object", "properties": {"a": {"enum": ["x" * 40_000]}}}},
    ],
)
def test_a_tool_whose_schema_could_do_harm_is_not_listed(lie: dict[str, Any]) -> None:
    good = {"name": "aws___recommend", "inputSchema": SCHEMA}
    with hostile_endpoint(offering([{"name": SEARCH, **lie}, good])) as heard, client_of(heard.url) as client:
        assert list(tools_of(client)) == ["aws___recommend"]


@pytest.mark.parametrize(
    "tools",
    [
        None,
        "all",
        [{"name": SEARCH}],
        [{"name": 7, "inputSchema": SCHEMA}],
        [{"name": SEARCH, "inputSchema": {"type": "array"}}],
    ],
)
def test_a_listing_that_is_none_is_an_invalid_answer(tools: Any) -> None:
    with (
        hostile_endpoint(offering(tools)) as heard,
        client_of(heard.url) as client,
        pytest.raises(ExpresswayError) as caught,
    ):
        tools_of(client)
    assert caught.value.code == "knowledge_invalid_answer"


def test_a_description_that_would_fill_a_context_is_not_taken() -> None:
    long = {"name": SEARCH, "inputSchema": SCHEMA, "description": "x" * 40_000}
    with hostile_endpoint(offering([long])) as heard, client_of(heard.url) as client:
        assert tools_of(client)[SEARCH].description == ""


def exchanges() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "expressway knowledge"}


def test_the_thread_of_an_exchange_ends_with_it_and_never_holds_the_process() -> None:
    with playing() as played, client_of(played.url) as client:
        played.hold.clear()
        calling = threading.Thread(target=lambda: call(client))
        calling.start()
        wait_until(lambda: bool(played.asked))
        assert [thread.daemon for thread in exchanges()] == [True]
        played.hold.set()
        calling.join(PATIENT)
        wait_until(lambda: not exchanges())
        assert call(client).content


@pytest.mark.parametrize("handler", [hostile.never, hostile.trickling], ids=lambda handler: handler.__name__)
def test_at_the_deadline_the_exchange_is_broken_off(handler: Handler) -> None:
    with hostile_endpoint(handler) as heard, client_of(heard.url) as client:
        with pytest.raises(ExpresswayError):
            call(client, seconds=IMPATIENT)
        wait_until(lambda: not exchanges())


def test_a_farewell_that_hangs_does_not_hold_the_answer() -> None:
    with hostile_endpoint(hostile.lingering) as heard, client_of(heard.url) as client:
        assert call(client).content == "answered"
        wait_until(lambda: any(request.startswith(b"DELETE") for request in heard.requests))
        wait_until(lambda: not exchanges())


class BusyClient(KnowledgeClient):
    """Its exchanges keep their event loop busy, as a parser would that a hostile answer holds up."""

    release = threading.Event()

    async def _session(self, *_: Any) -> None:
        assert self.release.wait(PATIENT)


def test_an_exchange_that_keeps_its_loop_busy_does_not_hold_the_caller() -> None:
    with pytest.raises(ExpresswayError) as caught:
        call(BusyClient("http://127.0.0.1:9/mcp"), seconds=0.05)
    assert caught.value.code == "knowledge_timeout"
    assert not BusyClient.release.is_set()
    BusyClient.release.set()


def test_notes_on_headers_are_for_us_and_not_for_our_clients() -> None:
    noted = {"type": "object", "properties": {"search_phrase": {"type": "string", "x-mcp-header": "Phrase"}}}
    with hostile_endpoint(offering([{"name": SEARCH, "inputSchema": noted}])) as heard, client_of(heard.url) as client:
        assert portable(tools_of(client)[SEARCH].input_schema) == SCHEMA


def test_an_output_schema_that_could_keep_the_interpreter_busy_is_not_used() -> None:
    trap = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    tools = [{"name": SEARCH, "inputSchema": SCHEMA, "outputSchema": trap}]
    content = {"a": "a" * 60 + "!"}
    answer = {"content": [], "structuredContent": content, "resultType": "complete"}
    with hostile_endpoint(offering(tools, answer)) as heard, client_of(heard.url) as client:
        tools_of(client)
        assert call(client).content == content


def test_only_text_and_structured_content_are_passed_on() -> None:
    blocks = [
        {"type": "text", "text": "one"},
        {"type": "image", "data": "AAAA", "mimeType": "image/png"},
        {"type": "resource_link", "uri": "file:///etc/passwd", "name": "look"},
        {"type": "text", "text": "two"},
    ]
    answer = {"content": blocks, "resultType": "complete"}
    with hostile_endpoint(offering([], answer)) as heard, client_of(heard.url) as client:
        assert call(client).content == ["one", "two"]


@pytest.mark.parametrize(
    "content",
    [{"page": "x" * 1_000_001}, {"values": [0] * 60_000}],
    ids=lambda content: [*content],
)
def test_the_longest_page_and_long_lists_are_passed_on(content: dict[str, Any]) -> None:
    for answer in ({"content": [], "structuredContent": content}, {"content": [_text(json.dumps(content))]}):
        with (
            hostile_endpoint(offering([], {**answer, "resultType": "complete"})) as heard,
            client_of(heard.url) as client,
        ):
            assert call(client).content == content


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


@pytest.mark.parametrize("text", ['{"a": NaN}', "[" * 500 + "]" * 500, "{not JSON}", '{"a":' * 60 + "1" + "}" * 60])
def test_text_that_is_no_harmless_json_stays_text(text: str) -> None:
    answer = {"content": [{"type": "text", "text": text}], "resultType": "complete"}
    with hostile_endpoint(offering([], answer)) as heard, client_of(heard.url) as client:
        assert call(client).content == text


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {"content": "text", "resultType": "complete"},
        {"content": [], "structuredContent": json.loads('{"a":' * 60 + "1" + "}" * 60), "resultType": "complete"},
        {"resultType": "input_required", "inputRequests": {"a": {"method": "sampling/createMessage", "params": {}}}},
    ],
    ids=["nothing", "a list", "no blocks", "too deep", "asks the model back"],
)
def test_an_answer_of_a_wrong_shape_is_invalid(answer: Any) -> None:
    assert failure(offering([], answer)).code == "knowledge_invalid_answer"
