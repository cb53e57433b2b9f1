"""What the gate does with each kind of request, without a running sandbox: pass it on whole, or answer it itself."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from expressway.core.sandbox_key import new_key
from expressway_sandbox.access.gate import Gate, Switches, private_token
from expressway_sandbox.ecr.tokens import TOKENS
from expressway_sandbox.emulator import Message, Receive, Scope, Send
from tests.sandbox_clients import signed

KEY = new_key()
PORT = 4566
URL = f"http://127.0.0.1:{PORT}/"
LIST_CLUSTERS = {
    "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters",
    "Content-Type": "application/x-amz-json-1.1",
}


@dataclass
class Emulator:
    """Notes the requests that reach it, and lets every page read its answer."""

    bodies: list[bytes] = field(default_factory=list[bytes])
    scopes: list[Scope] = field(default_factory=list[Scope])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        if scope["type"] == "http":
            self.bodies.append((await receive())["body"])
            headers = [(b"Access-Control-Allow-Origin", b"*"), (b"x-amzn-requestid", b"1")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"{}"})


@dataclass
class Exchange:
    """One request to the gate, and what came of it."""

    emulator: Emulator = field(default_factory=Emulator)
    sent: list[Message] = field(default_factory=list[Message])
    reads: int = 0
    leaves: bool = False

    async def ask(
        self, headers: Mapping[str, str] | list[tuple[str, str]], *, body: bytes = b"{}", **scope: Any
    ) -> "Exchange":
        pairs = list(headers.items()) if isinstance(headers, Mapping) else headers
        if not any(name.lower() == "host" for name, _ in pairs):
            pairs = [("host", f"127.0.0.1:{PORT}"), *pairs]
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
        full = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": fields, **scope}

        async def receive() -> Message:
            self.reads += 1
            return {"type": "http.disconnect"} if self.leaves else {"type": "http.request", "body": body}

        async def send(message: Message) -> None:
            self.sent.append(message)

        await Gate(self.emulator, PORT, KEY, Switches()).serve(full, receive, send)
        return self

    @property
    def status(self) -> int:
        return self.sent[0]["status"]

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode().lower(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def text(self) -> str:
        return b"".join(message.get("body", b"") for message in self.sent).decode()


def call(service: str = "ecs", headers: Mapping[str, str] = LIST_CLUSTERS, url: str = URL) -> dict[str, str]:
    return signed(url, KEY, service=service, headers=headers, body=b"{}")


async def test_a_signed_request_reaches_the_emulator_with_its_body_and_its_answer_is_for_no_page() -> None:
    done = await Exchange().ask(call())
    assert done.emulator.bodies == [b"{}"]
    assert (done.status, done.text) == (200, "{}")
    assert done.headers == {"x-amzn-requestid": "1"}


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
async def test_its_own_names_are_taken(name: str) -> None:
    headers = call(headers={**LIST_CLUSTERS, "Host": f"{name}:{PORT}"})
    assert (await Exchange().ask(headers)).emulator.bodies


@pytest.mark.parametrize(
    "headers",
    [
        [("host", "evil.example")],
        [("host", "127.0.0.1")],
        [("host", f"127.0.0.1:{PORT + 1}")],
        [("host", "")],
        [("host", f"127.0.0.1:{PORT}"), ("Host", f"127.0.0.1:{PORT}")],
        [("Origin", URL)],
        [("origin", "null")],
    ],
)
async def test_a_request_of_a_web_page_is_refused_unread_even_with_the_private_token(
    headers: list[tuple[str, str]],
) -> None:
    done = await Exchange().ask([*headers, ("X-Expressway-Sandbox-Token", private_token(KEY))])
    assert done.status == 403
    assert (done.reads, done.emulator.scopes) == (0, [])


async def test_a_refusal_names_the_hosts_that_are_taken_or_the_origin() -> None:
    host = await Exchange().ask({"host": "evil.example"})
    assert f"127.0.0.1:{PORT}, localhost:{PORT}, [::1]:{PORT}" in host.text
    assert "Origin" in (await Exchange().ask({"Origin": "null"})).text


async def test_the_server_starts_and_stops_with_the_emulator_and_websockets_are_closed() -> None:
    started = await Exchange().ask({"host": "evil.example"}, type="lifespan")
    assert [scope["type"] for scope in started.emulator.scopes] == ["lifespan"]
    closed = await Exchange().ask({}, type="websocket")
    assert closed.emulator.scopes == []
    assert closed.reads == 1
    assert [(message["type"], message["code"]) for message in closed.sent] == [("websocket.close", 1008)]


async def test_the_private_token_opens_everything_and_nothing_like_it_does() -> None:
    opened = await Exchange().ask({"X-Expressway-Sandbox-Token": private_token(KEY)}, path="/_ministack/health")
    assert opened.emulator.scopes
    for wrong in ("", "x", private_token(new_key()), KEY.secret_access_key, "é"):
        done = await Exchange().ask({"X-Expressway-Sandbox-Token": wrong}, path="/_ministack/health")
        assert (done.status, done.emulator.scopes) == (403, [])
    assert (await Exchange().ask(call(url=f"{URL}_ministack/health"), path="/_ministack/health")).status == 403


async def test_an_unsigned_request_is_refused_unread_in_the_words_of_aws() -> None:
    done = await Exchange().ask(LIST_CLUSTERS)
    assert (done.status, done.reads, done.emulator.scopes) == (400, 0, [])
    assert "MissingAuthenticationToken" in done.text
    assert done.headers["x-amzn-requestid"]


async def test_a_body_that_was_not_signed_is_refused() -> None:
    done = await Exchange().ask(call(), body=b"[]")
    assert (done.status, done.emulator.scopes) == (400, [])
    assert "InvalidSignatureException" in done.text


async def test_a_client_that_leaves_before_its_body_has_come_reaches_nothing() -> None:
    done = await Exchange(leaves=True).ask(call())
    assert (done.status, done.emulator.scopes) == (413, [])


@pytest.mark.parametrize("service", ["lambda", "s3"])
async def test_a_service_that_is_off_is_refused_to_those_who_sign(service: str) -> None:
    path = "/2015-03-31/functions/" if service == "lambda" else "/bucket"
    headers = call(service, {}, f"http://127.0.0.1:{PORT}{path}")
    done = await Exchange().ask(headers, path=path)
    assert (done.status >= 400, done.emulator.scopes) == (True, [])
    assert "--services" in done.text
    unsigned = await Exchange().ask({}, path=path)
    assert "--services" not in unsigned.text
    assert unsigned.headers["content-type"] == "text/xml"
    assert done.headers["content-type"] == ("application/json" if service == "lambda" else "application/xml")
    assert unsigned.emulator.scopes == []


async def test_the_registry_asks_for_a_login_and_takes_passwords_of_its_ecr() -> None:
    refused = await Exchange().ask({}, path="/v2/")
    assert refused.status == 401
    assert refused.headers["www-authenticate"] == f'Basic realm="{URL}",service="ecr.amazonaws.com"'
    assert json.loads(refused.text)["errors"][0]["code"] == "UNAUTHORIZED"
    assert refused.emulator.scopes == []
    password, _ = TOKENS.issue()
    login = {"Authorization": f"Basic {base64.b64encode(f'AWS:{password}'.encode()).decode()}"}
    for method in ("GET", "PUT"):
        assert (await Exchange().ask(login, path="/v2/team/web/manifests/1", method=method)).emulator.scopes


@pytest.mark.parametrize(("method", "opened"), [("GET", True), ("HEAD", True), ("PUT", False), ("DELETE", False)])
async def test_the_address_of_a_download_reads_and_never_writes(method: str, opened: bool) -> None:
    path = "/v2/team/web/blobs/sha256:1"
    query = TOKENS.sign_download(path).partition("?")[2].encode()
    done = await Exchange().ask({}, path=path, method=method, query_string=query)
    assert bool(done.emulator.scopes) is opened
    assert done.status == (200 if opened else 401)
