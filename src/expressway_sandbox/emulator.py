"""The border to ministack: every touch of the untyped emulator goes through here.

The extension calls other services the way a client would, by operation name and request, only without the
network: `call_json` and `call_query` hand the request to the service's own handler and read its answer.
State that no operation shows (a task's container, a stack's template) is reached through `module`.
"""

import asyncio
import importlib
import json
from collections.abc import Awaitable, Callable, Generator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial, wraps
from typing import Any
from xml.etree import ElementTree

Answer = tuple[int, dict[str, str], bytes]

_JSON_TARGETS = {
    "acm": "CertificateManager",
    "ecs": "AmazonEC2ContainerServiceV20141113",
    "application-autoscaling": "AnyScaleFrontendService",
    "logs": "Logs_20140328",
}


class AwsFault(Exception):  # noqa: N818 - the name AWS models use for an error answer
    """An error answer of an AWS operation: what a handler raises and a client receives."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def module(name: str) -> Any:
    """The ministack module `name`, such as ``services.ecs``; untyped by nature."""
    return importlib.import_module(f"ministack.{name}")


def wrap(module_name: str, **wrappers: Callable[..., Any]) -> None:
    """Put each wrapper in the place of the function of that name; that function is its first argument."""
    wrap_entries(vars(module(module_name)), **wrappers)


def wrap_entries(table: dict[str, Any], **wrappers: Callable[..., Any]) -> None:
    """The same in a table of functions, such as that of a service's operations."""
    table.update({name: partial(wrapper, table[name]) for name, wrapper in wrappers.items()})


def call_json(service: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Call an operation of a JSON service of the emulator. Must run on a worker thread.

    Raises:
        AwsFault: when the operation answers with an error.
    """
    headers = {"x-amz-target": f"{_JSON_TARGETS[service]}.{operation}", "content-type": "application/x-amz-json-1.1"}
    status, body = _call(service, headers, json.dumps(request).encode())
    answer: dict[str, Any] = json.loads(body) if body else {}
    if status >= 400:
        code = str(answer.get("__type", "UnknownError")).rsplit("#", 1)[-1]
        raise AwsFault(code, str(answer.get("message", answer.get("Message", ""))), status)
    return answer


def call_query(service: str, operation: str, parameters: Mapping[str, str]) -> ElementTree.Element:
    """Call an operation of a query service (ELBv2, EC2, CloudWatch); the answer comes without namespaces."""
    from urllib.parse import urlencode

    body = urlencode({"Action": operation, **parameters}).encode()
    status, answer = _call(service, {"content-type": "application/x-www-form-urlencoded"}, body)
    root = ElementTree.fromstring(answer) if answer else ElementTree.Element("Empty")  # noqa: S314 - our own process
    for element in root.iter():
        element.tag = element.tag.rsplit("}", 1)[-1]
    if status >= 400:
        raise AwsFault(root.findtext(".//Code") or "UnknownError", root.findtext(".//Message") or "", status)
    return root


def _call(service: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    app = module("app")
    handler = app.SERVICE_HANDLERS[service]
    status, _, answer = app.call_service_handler_sync(handler, "POST", "/", headers, body, {})
    return int(status), answer if isinstance(answer, bytes) else str(answer).encode()


def answer_json(payload: Mapping[str, Any], status: int = 200) -> Answer:
    """A JSON answer in the shape that ministack's handlers return."""
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(payload).encode()


def fault_json(fault: AwsFault) -> Answer:
    """An error answer in the shape that ministack's handlers return."""
    answer: Answer = module("core.responses").error_response_json(fault.code, fault.message, fault.status)
    return answer


def answering(operation: Callable[..., Answer | dict[str, Any]]) -> Callable[..., Answer]:
    """`operation` as a handler of a JSON service: it may answer with the payload alone, and raise `AwsFault`."""

    @wraps(operation)
    def handle(*arguments: Any) -> Answer:
        try:
            answer = operation(*arguments)
        except AwsFault as fault:
            return fault_json(fault)
        return answer_json(answer) if isinstance(answer, dict) else answer

    return handle


@contextmanager
def tolerating(*codes: str) -> Generator[None]:
    """Go on after an error answer with one of these codes."""
    try:
        yield
    except AwsFault as fault:
        if fault.code not in codes:
            raise


def page(items: Sequence[Any], request: Mapping[str, Any], *, member: str, size: int) -> dict[str, Any]:
    """A page of a list operation's answer, with the token of the next one."""
    size, start = int(request.get("maxResults") or size), int(request.get("nextToken") or 0)
    answer: dict[str, Any] = {member: items[start : start + size]}
    return answer | ({"nextToken": str(start + size)} if start + size < len(items) else {})


def read_json(answer: Answer) -> dict[str, Any]:
    """The payload of a JSON answer."""
    payload: dict[str, Any] = json.loads(answer[2]) if answer[2] else {}
    return payload


def amending(change: Callable[[dict[str, Any], Any], dict[str, Any]]) -> Callable[..., Answer]:
    """A wrapper of an operation: `change` makes another payload of that of a successful answer, and the request."""

    def handle(original: Callable[[Any], Answer], request: Any) -> Answer:
        answer = original(request)
        return answer if answer[0] >= 400 else answer_json(change(read_json(answer), request))

    return handle


def account_id() -> str:
    """The account of the request that is being served."""
    return str(module("core.responses").get_account_id())


def region() -> str:
    """The region of the request that is being served."""
    return str(module("core.responses").get_region())


@contextmanager
def scope(account: str, region_name: str) -> Generator[None]:
    """Run in the state of `account` and `region_name`; background threads have no request to take them from."""
    with module("core.responses").request_scope(account, region_name):
        yield


def now() -> float:
    """The time in seconds since the epoch, the form of timestamps in JSON answers."""
    return datetime.now(UTC).timestamp()


def task_definition(arn: str) -> dict[str, Any]:
    """A registered task definition; empty when there is none. For threads that may not wait for another request."""
    ecs = module("services.ecs")
    definition: dict[str, Any] | None = ecs._task_defs.get(ecs._resolve_td_key(arn))
    return definition or {}


Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def header_fields(scope: Scope) -> dict[str, str]:
    """Field names in lower case; a repeated field becomes one, as RFC 9110 5.2 allows."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        separator = "; " if name == "cookie" else ", "
        headers[name] = headers[name] + separator + value if name in headers else value
    return headers


async def read_body(receive: Receive, limit: int | None = None) -> bytes | None:
    """The whole body; None when the client has gone or the body is longer than `limit` bytes."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if limit is not None and size > limit:
            return None
        if not message.get("more_body"):
            return b"".join(chunks)


def replayed(body: bytes, receive: Receive) -> Receive:
    """`receive` for an application whose request's body has been read already."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


async def refuse_websocket(receive: Receive, send: Send) -> None:
    """Close a WebSocket that a client opens."""
    await receive()
    await send({"type": "websocket.close", "code": 1008, "reason": "WebSockets are not part of the sandbox"})


async def plain(send: Send, status: int, text: str) -> None:
    """Answer with a line of text."""
    body = (text + "\n").encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    await asyncio.sleep(0)


def docker_errors() -> Any:
    """The exceptions of the engine's client, which is imported only when there is an engine."""
    import docker.errors

    return docker.errors
