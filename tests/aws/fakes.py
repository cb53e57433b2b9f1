"""Answers of AWS without a network: botocore's own hook before sending, and its Stubber behind a real session."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import botocore.session
from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.stub import Stubber
from botocore.validate import validate_parameters

from expressway.aws.values.target import Target

Answer = Callable[[AWSPreparedRequest], AWSResponse]


class _Body:
    def __init__(self, text: str) -> None:
        self._text = text

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._text.encode()


def xml(text: str, status: int = 200) -> Answer:
    """An answer in the query protocol."""
    return lambda request: AWSResponse(request.url, status, {"Content-Type": "text/xml"}, _Body(text))


def refusal(code: str, message: str, status: int = 403) -> Answer:
    body = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return xml(body + "</ErrorResponse>", status)


def settings_that_answer(answers: dict[str, Answer], sent: list[AWSPreparedRequest] | None = None) -> Any:
    """Settings for open_session whose clients never send: `answers` by ``service.Operation``."""

    def answer(request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        if sent is not None:
            sent.append(request)
        return answers[event_name.removeprefix("before-send.")](request)

    def settings() -> botocore.session.Session:
        core = botocore.session.Session()
        core.register("before-send", answer)
        return core

    return settings


class StubbedSession:
    """An AwsSession whose one client is a Stubber's."""

    def __init__(self, service: str, region: str = "us-east-1") -> None:
        self.target = Target("111122223333", region)
        self._client = boto3.client(service, region_name=region, aws_access_key_id="test", aws_secret_access_key="test")
        self.stub = Stubber(self._client)
        self.stub.activate()

    def client(self, service: str, *, region: str | None = None) -> Any:
        return self._client


class AnsweringSession:
    """An AwsSession whose clients answer by ``service.operation`` (as Python names it), in any order of asking.

    An answer is the parsed output, an AWS error code with its message, or a function of the parameters that gives
    one of these; an operation without an answer is refused as an unknown one. Outputs are held to botocore's model.
    """

    def __init__(self, answers: dict[str, Any], *, region: str = "us-east-1", account_id: str = "123456789012") -> None:
        self.target = Target(account_id, region)
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self._answers = answers
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str, *, region: str | None = None) -> Any:
        key = (service, region or self.target.region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._made(*key)
            return self._clients[key]

    def _made(self, service: str, where: str) -> Any:
        client: Any = boto3.client(service, region_name=where, aws_access_key_id="test", aws_secret_access_key="test")

        def keep(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
            context["asked"] = params

        def answer(model: Any, context: dict[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
            name = f"{service}.{xform_name(model.name)}"
            self.asked.append((name, where, context["asked"]))
            found = self._answers.get(name, ("UnknownOperationException", f"{name} is not answered here"))
            return _parsed(found(context["asked"]) if callable(found) else found, model)

        client.meta.events.register("before-parameter-build", keep)
        client.meta.events.register("before-call", answer)
        return client


def _parsed(found: dict[str, Any] | tuple[str, str], model: Any) -> tuple[AWSResponse, dict[str, Any]]:
    if isinstance(found, tuple):
        return AWSResponse("", 400, {}, _Body("")), {"Error": {"Code": found[0], "Message": found[1]}}
    validate_parameters(found, model.output_shape)
    return AWSResponse("", 200, {}, _Body("")), found
