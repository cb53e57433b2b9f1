"""AWS's wire formats, driven by botocore's service models: requests in, answers out.

An answer that the model does not know (a member too many, a wrong type) is an error, so that a record can never
have a shape that AWS would not send. Spoken: json, query and ec2, which the services used here resolve to.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

_SERVICES = (
    "application-autoscaling",
    "cloudformation",
    "cloudwatch",
    "ec2",
    "ecr",
    "ecs",
    "elbv2",
    "iam",
    "kms",
    "logs",
    "resourcegroupstaggingapi",
    "secretsmanager",
    "service-quotas",
    "ssm",
    "sts",
)
_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_SCALARS: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "character": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "timestamp": datetime,
}


class UnknownCallError(Exception):
    """A request that no model of the services spoken here describes."""


class ShapeError(Exception):
    """A record that AWS could not have sent."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, understood: `service` as boto3 names it, `parameters` as one would pass them to boto3."""

    service: str
    operation: OperationModel
    parameters: Mapping[str, Any]
    region: str

    @property
    def name(self) -> str:
        return f"{self.service}:{self.operation.name}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes of an answer."""

    status: int
    content_type: str
    body: bytes


def read_call(headers: Mapping[str, str], body: bytes) -> Call:
    """Which operation is asked for, by the signature's scope and the protocol's own naming.

    Raises:
        UnknownCallError: no service or operation of that name is spoken here.
    """
    scope = _SCOPE.search(headers.get("Authorization", ""))
    if scope is None:
        raise UnknownCallError("the request is not signed")
    service = _models_by_signing_name().get(scope["service"])
    if service is None:
        raise UnknownCallError(f"no records are kept for the service {scope['service']!r}")
    name, model = service, _model(service)
    if "X-Amz-Target" in headers:
        operation = _operation(model, headers["X-Amz-Target"].rpartition(".")[2])
        return Call(name, operation, json.loads(body or b"{}"), scope["region"])
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    operation = _operation(model, form.get("Action", ""))
    shape = operation.input_shape
    parameters = _from_form(shape, form, "", ec2=model.resolved_protocol == "ec2") if shape else {}
    return Call(name, operation, parameters or {}, scope["region"])


def write_answer(call: Call, value: Mapping[str, Any]) -> Answer:
    """The answer in the service's protocol.

    Raises:
        ShapeError: the value does not fit the operation's output.
    """
    shape, model = call.operation.output_shape, call.operation.service_model
    if model.resolved_protocol == "json":
        answer = json.dumps(_to_json(shape, value, call.name) if shape else {})
        return Answer(200, f"application/x-amz-json-{model.metadata.get('jsonVersion', '1.1')}", answer.encode())
    body = _to_xml(shape, value, call.name, ec2=model.resolved_protocol == "ec2") if shape else ""
    name = call.operation.name
    if model.resolved_protocol == "ec2":
        text = f"<{name}Response><requestId>recorded</requestId>{body}</{name}Response>"
    else:
        wrapper = shape.serialization.get("resultWrapper", f"{name}Result") if shape else f"{name}Result"
        text = f"<{name}Response><{wrapper}>{body}</{wrapper}></{name}Response>"
    return Answer(200, "text/xml", text.encode())


def write_error(call: Call, code: str, message: str) -> Answer:
    """An error in the service's protocol; the client sees `code` as the error's code."""
    protocol = call.operation.service_model.resolved_protocol
    if protocol == "json":
        return Answer(400, "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message}).encode())
    inside = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if protocol == "ec2":
        text = f"<Response><Errors><Error>{inside}</Error></Errors><RequestID>recorded</RequestID></Response>"
    else:
        text = f"<ErrorResponse><Error><Type>Sender</Type>{inside}</Error></ErrorResponse>"
    return Answer(400, "text/xml", text.encode())


@cache
def _models_by_signing_name() -> Mapping[str, str]:
    return {_model(name).signing_name: name for name in _SERVICES}


@cache
def _model(service: str) -> ServiceModel:
    return botocore.session.Session().get_service_model(service)


def _operation(model: ServiceModel, name: str) -> OperationModel:
    if name not in model.operation_names:
        raise UnknownCallError(f"{model.service_name} has no operation {name!r}")
    return model.operation_model(name)


def _from_form(shape: Shape, form: Mapping[str, str], prefix: str, *, ec2: bool) -> Any:
    """A parameter out of the flat form of the query protocols; None where it is not there."""
    if isinstance(shape, StructureShape):
        found: dict[str, Any] = {}
        for name, member in shape.members.items():
            value = _from_form(member, form, _joined(prefix, _form_name(name, member, ec2=ec2)), ec2=ec2)
            if value is not None:
                found[name] = value
        return found or None
    if isinstance(shape, ListShape):
        flat = ec2 or shape.serialization.get("flattened")
        start = prefix if flat else _joined(prefix, shape.member.serialization.get("name", "member"))
        values: list[Any] = []
        while (one := _from_form(shape.member, form, f"{start}.{len(values) + 1}", ec2=ec2)) is not None:
            values.append(one)
        return values or None
    text = form.get(prefix)
    if text is None:
        return None
    if shape.type_name in {"integer", "long"}:
        return int(text)
    return text == "true" if shape.type_name == "boolean" else text


def _form_name(name: str, member: Shape, *, ec2: bool) -> str:
    own: str = member.serialization.get("name", name)
    if isinstance(member, ListShape) and not ec2 and member.serialization.get("flattened"):
        own = member.member.serialization.get("name", own)
    return str(member.serialization.get("queryName", own[:1].upper() + own[1:])) if ec2 else own


def _joined(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _to_json(shape: Shape, value: Any, path: str) -> Any:
    if isinstance(shape, StructureShape):
        members = _members(shape, value, path)
        return {
            member.serialization.get("name", name): _to_json(member, value[name], f"{path}.{name}")
            for name, member in members.items()
        }
    if isinstance(shape, ListShape):
        return [_to_json(shape.member, one, f"{path}[]") for one in _sequence(value, path)]
    if isinstance(shape, MapShape):
        return {str(key): _to_json(shape.value, one, f"{path}.{key}") for key, one in value.items()}
    _check_scalar(shape, value, path)
    return value.timestamp() if isinstance(value, datetime) else value


def _to_xml(shape: Shape, value: Any, path: str, *, ec2: bool) -> str:
    """The inside of the element that stands for `value`."""
    if isinstance(shape, StructureShape):
        members = _members(shape, value, path)
        return "".join(_element(name, member, value[name], f"{path}.{name}", ec2) for name, member in members.items())
    if isinstance(shape, ListShape):
        tag = shape.member.serialization.get("name", "item" if ec2 else "member")
        parts = (_to_xml(shape.member, one, f"{path}[]", ec2=ec2) for one in _sequence(value, path))
        return "".join(f"<{tag}>{part}</{tag}>" for part in parts)
    if isinstance(shape, MapShape):
        entries = (
            f"<entry><key>{escape(str(key))}</key><value>{_to_xml(shape.value, one, path, ec2=ec2)}</value></entry>"
            for key, one in value.items()
        )
        return "".join(entries)
    _check_scalar(shape, value, path)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value).lower() if isinstance(value, bool) else escape(str(value))


def _element(name: str, member: Shape, value: Any, path: str, ec2: bool) -> str:
    tag = member.serialization.get("name", name)
    if isinstance(member, ListShape) and member.serialization.get("flattened"):
        parts = (_to_xml(member.member, one, path, ec2=ec2) for one in _sequence(value, path))
        return "".join(f"<{tag}>{part}</{tag}>" for part in parts)
    return f"<{tag}>{_to_xml(member, value, path, ec2=ec2)}</{tag}>"


def _members(shape: StructureShape, value: Any, path: str) -> dict[str, Shape]:
    """The members that are there, in the value's order."""
    if not isinstance(value, Mapping):
        raise ShapeError(f"{path}: expected a structure, got {type(value).__name__}")
    unknown = sorted(set(value) - set(shape.members))
    if unknown:
        raise ShapeError(f"{path}: {shape.name} has no {', '.join(unknown)}")
    return {name: shape.members[name] for name, one in value.items() if one is not None}


def _sequence(value: Any, path: str) -> Sequence[Any]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ShapeError(f"{path}: expected a list, got {type(value).__name__}")
    return value


def _check_scalar(shape: Shape, value: Any, path: str) -> None:
    expected = _SCALARS.get(shape.type_name)
    wrong_bool = isinstance(value, bool) and shape.type_name != "boolean"
    if expected is None or wrong_bool or not isinstance(value, expected):
        raise ShapeError(f"{path}: expected {shape.type_name}, got {type(value).__name__}")
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        raise ShapeError(f"{path}: {value!r} is none of {', '.join(allowed)}")
