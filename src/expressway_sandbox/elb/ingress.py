"""The data plane: requests that name a service's endpoint go through its load balancer, whatever their path.

On AWS the endpoint of an Express Mode service is a bare host name, ``ex-<hash>.ecs.<region>.on.aws``, served over
HTTPS. Here it is ``ex-<hash>.ecs.<region>.localhost``. A client connects to the sandbox's port and sends
``Host: <endpoint>``, or opens ``http://<endpoint>:PORT/`` where ``*.localhost`` resolves (browsers, curl).

ministack answers ``/health`` and ``/v2/`` on any host itself, so those requests must not reach its router.
This is the outermost ASGI application; everything else is passed on to ministack.
"""

import re
import secrets
import threading
import time
from urllib.parse import parse_qs

from expressway_sandbox import emulator
from expressway_sandbox.elb import domains
from expressway_sandbox.emulator import Application, Receive, Scope, Send
from expressway_sandbox.services.model import STORE, Service

_ENDPOINT = re.compile(r"^ex-[0-9a-f]{32}\.ecs\.[a-z0-9-]+\.localhost$")


def new_endpoint(region: str) -> str:
    """A fresh endpoint name; like on AWS it cannot be predicted."""
    return f"ex-{secrets.token_hex(16)}.ecs.{region}.localhost"


def is_sandbox_endpoint(host: str) -> bool:
    """Whether a host name, with or without a port, is the endpoint of a sandbox service."""
    return _ENDPOINT.match(host.partition(":")[0].lower()) is not None


class Traffic:
    """Counts the requests in flight for each endpoint, so that a deployment can let them finish."""

    def __init__(self) -> None:
        self._generation: dict[str, int] = {}
        self._in_flight: dict[tuple[str, int], int] = {}
        self._changed = threading.Condition()

    def enter(self, endpoint: str) -> int:
        with self._changed:
            generation = self._generation.get(endpoint, 0)
            key = (endpoint, generation)
            self._in_flight[key] = self._in_flight.get(key, 0) + 1
            return generation

    def leave(self, endpoint: str, generation: int) -> None:
        with self._changed:
            key = (endpoint, generation)
            self._in_flight[key] -= 1
            if not self._in_flight[key]:
                del self._in_flight[key]
            self._changed.notify_all()

    def drain(self, endpoint: str, seconds: float) -> None:
        """Wait until the requests that came before this call are answered, or `seconds` have passed."""
        with self._changed:
            old = self._generation.get(endpoint, 0)
            self._generation[endpoint] = old + 1
            deadline = time.monotonic() + seconds
            while any(e == endpoint and g <= old for e, g in self._in_flight):
                left = deadline - time.monotonic()
                if left <= 0:
                    return
                self._changed.wait(left)


TRAFFIC = Traffic()


def with_ingress(application: Application) -> Application:
    """`application`, with the endpoints of Express Mode services served in front of it."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        host = _host(scope) if scope["type"] in ("http", "websocket") else ""
        own = is_sandbox_endpoint(host)
        endpoint = host.partition(":")[0].lower() if own else domains.endpoint_of(host)
        if endpoint is None:
            await application(scope, receive, send)
        elif scope["type"] == "http":
            await _serve_endpoint(endpoint, scope, receive, send)
        else:
            await emulator.refuse_websocket(receive, send)

    return serve


def _host(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")


async def _serve_endpoint(endpoint: str, scope: Scope, receive: Receive, send: Send) -> None:
    service = STORE.by_endpoint(endpoint)
    if service is None or service.active is None:
        await emulator.plain(send, 404 if service is None else 503, f"No Express Mode service answers at {endpoint}.")
        return
    body = await emulator.read_body(receive)
    if body is None:
        return
    generation = TRAFFIC.enter(endpoint)
    try:
        await _forward(service, scope, body, receive, send)
    finally:
        TRAFFIC.leave(endpoint, generation)


async def _forward(service: Service, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
    app, alb = emulator.module("app"), emulator.module("services.alb")
    headers = {**emulator.header_fields(scope), "host": _host(scope).lower()}
    query = scope.get("query_string", b"").decode("latin-1")
    with emulator.scope(service.account, service.region):
        balancer = alb._lbs.get(service.resources.load_balancer.arn)
        if balancer is None:
            await emulator.plain(send, 503, "The service is being set up or taken down.")
            return
        status, answer_headers, answer = await alb.dispatch_request(
            balancer,
            scope["method"],
            scope["path"],
            headers,
            body,
            parse_qs(query, keep_blank_values=True),
            443,
            client_ip=(scope.get("client") or ("127.0.0.1",))[0],
            raw_query_string=query,
            raw_path=scope["raw_path"].decode("ascii") if scope.get("raw_path") else None,
        )
    if isinstance(answer, emulator.module("core.responses").StreamingResponse):
        await app._send_streaming_response(send, receive, status, answer_headers, answer)
    else:
        await app._send_response(send, status, answer_headers, answer, head=scope["method"] == "HEAD")
