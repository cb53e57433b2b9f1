"""Any operation of ECS and ECR, called by its name; one round trip a call."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.errors import aws_error_code, map_aws_error
from expressway.aws.session import RETRIES, AwsSession
from expressway.ecs_api.operations import DEFAULT_PAGE, ApiOperation, Paging
from expressway.errors import TargetError
from expressway.privacy.redaction import ApiShape, ShapeTree


@cache
def answer_shapes(service: str, operation: str) -> ShapeTree:
    """What an operation answers. `service` as boto3 names it (``ecs``), `operation` as the API does
    (``DescribeTasks``).

    Raises:
        KeyError: the service has no such operation; ask the caller of operations first.
    """
    return _tree(service, operation, "output")


@cache
def request_shapes(service: str, operation: str) -> ShapeTree:
    """What an operation takes; see `answer_shapes`."""
    return _tree(service, operation, "input")


def _tree(service: str, operation: str, side: str) -> ShapeTree:
    model = service_model(service)
    root: str = model["operations"][operation].get(side, {}).get("shape", "")
    shapes: dict[str, ApiShape] = {}
    waiting = [root] if root else []
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shape = shapes[name] = _shape(model["shapes"][name])
            waiting.extend((*shape.members.values(), *filter(None, (shape.element,))))
    return ShapeTree(service, operation, root, shapes)


def _shape(raw: Mapping[str, Any]) -> ApiShape:
    members: Mapping[str, Mapping[str, Any]] = raw.get("members", {})
    element: Mapping[str, Any] = raw.get("member") or raw.get("value") or {}
    return ApiShape(
        type="document" if raw.get("document") else raw["type"],
        members={name: member["shape"] for name, member in members.items()},
        element=element.get("shape", ""),
        sensitive=bool(raw.get("sensitive")),
        is_enum="enum" in raw,
        required=tuple(raw.get("required", ())),
        words=tuple(raw.get("enum", ())),
        minimum=raw.get("min"),
        maximum=raw.get("max"),
    )


@cache
def service_model(service: str) -> Mapping[str, Any]:
    """A service's model as botocore ships it, read once."""
    from botocore.loaders import create_loader

    return create_loader().load_service_model(service, "service-2")


SERVICES = ("ecs", "ecr")
"""In this order: a name that both have means ECS unless something says otherwise."""

EXPRESS_LISTING = ApiOperation(
    "ecs", "ListExpressGatewayServices", Paging((("serviceArns",),)), served_from="ListServices"
)
"""AWS's documents name it, its API does not have it: it is answered from ListServices."""

_TOKEN, _SIZE = "nextToken", "maxResults"
_SMALL_PAGES: Mapping[str, int] = {"DescribeCapacityProviders": 10, "ListAccountSettings": 10}
"""Where ECS's API reference allows fewer than a hundred items in a page; its model does not say so."""


@cache
def api_operations() -> tuple[ApiOperation, ...]:
    """Every operation of both services, by service and name."""
    found = [_operation(service, name) for service in SERVICES for name in sorted(service_model(service)["operations"])]
    if not any(one.name == EXPRESS_LISTING.name for one in found):
        found.append(EXPRESS_LISTING)
    return tuple(found)


def shapes_taken(operation: ApiOperation) -> ShapeTree:
    """What an operation takes."""
    if not operation.served_from:
        return request_shapes(operation.service, operation.name)
    whole = request_shapes(operation.service, operation.served_from)
    members = {name: whole.shapes[whole.root].members[name] for name in ("cluster", _TOKEN, _SIZE)}
    root = f"{operation.name}Request"
    return ShapeTree(whole.service, operation.name, root, {**whole.shapes, root: ApiShape("structure", members)})


def shapes_answered(operation: ApiOperation) -> ShapeTree:
    """What an operation answers."""
    return answer_shapes(operation.service, operation.served_from or operation.name)


def _operation(service: str, name: str) -> ApiOperation:
    """Read off the model itself: whole trees of shapes for every operation would cost half a second."""
    model = service_model(service)
    taken, answered = (_members(model, name, side) for side in ("input", "output"))
    if _TOKEN not in taken or _TOKEN not in answered:
        return ApiOperation(service, name)
    size: Mapping[str, Any] = model["shapes"][taken[_SIZE]["shape"]] if _SIZE in taken else {}
    largest = int(size.get("max") or _SMALL_PAGES.get(name, DEFAULT_PAGE))
    keys: str | list[str] | None = _pagination(service).get(name, {}).get("result_key")
    if keys is None:
        lists = (member for member, shape in answered.items() if model["shapes"][shape["shape"]]["type"] == "list")
        keys = [member for member in lists if member != "failures"]
    paths = tuple(tuple(key.split(".")) for key in ([keys] if isinstance(keys, str) else keys))
    return ApiOperation(service, name, Paging(paths, largest))


def _members(model: Mapping[str, Any], operation: str, side: str) -> Mapping[str, Any]:
    shape: str = model["operations"][operation].get(side, {}).get("shape", "")
    return model["shapes"][shape].get("members", {}) if shape else {}


@cache
def _pagination(service: str) -> Mapping[str, Mapping[str, Any]]:
    from botocore.loaders import create_loader

    return create_loader().load_service_model(service, "paginators-1")["pagination"]


_UNANSWERED = frozenset({"connection_failed", "service_unavailable", "aws_error"})
_NOT_FOUND = ("NotFoundException", "NotFoundFault")
_WRONG = frozenset({"InvalidParameterException", "ClientException", "ValidationException"})


class AwsApi:
    """The operations of one account and region. Safe to share between threads."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    def operations(self) -> Sequence[ApiOperation]:
        """Every operation that can be named; asks nobody."""
        return api_operations()

    def shapes_taken(self, operation: ApiOperation) -> ShapeTree:
        """What an operation takes; asks nobody."""
        return shapes_taken(operation)

    def shapes_answered(self, operation: ApiOperation) -> ShapeTree:
        """What an operation answers; asks nobody."""
        return shapes_answered(operation)

    def call(self, operation: ApiOperation, parameters: Mapping[str, Any], *, repeatable: bool) -> Mapping[str, Any]:
        """AWS's answer to `parameters`, which fit the model. What is not `repeatable` is sent once and never again.

        Raises:
            TargetError: ``not_found``, ``invalid_parameters``, and what stands between us and AWS
                (``access_denied``, ``throttled``, ``connection_failed`` …).
        """
        client = self._session.client(operation.service, retries=RETRIES if repeatable else 0)
        try:
            answer: Mapping[str, Any] = getattr(client, operation.method)(**parameters)
        except (ClientError, BotoCoreError) as exc:
            raise _mapped(exc, operation, repeatable) from exc
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def _mapped(exc: ClientError | BotoCoreError, operation: ApiOperation, repeatable: bool) -> TargetError:
    error = map_aws_error(exc, f"carry out {operation.name}")
    code = aws_error_code(exc)
    if code.endswith(_NOT_FOUND):
        hint = "Names count in one cluster, account and region: list them with the matching List operation."
        return TargetError("not_found", error.message, hint, error.details)
    if code in _WRONG:
        return TargetError("invalid_parameters", error.message, "Correct what AWS names, and repeat it.", error.details)
    if not repeatable and error.code in _UNANSWERED and not (code and error.code == "aws_error"):
        hint = "It is not known whether AWS carried it out, so it was not sent again: look before you repeat it."
        return TargetError(error.code, error.message, hint, error.details)
    return error
