"""The operations of ECS and ECR as botocore's service models describe them, and what they take and answer."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from expressway.ecs_api.operations import DEFAULT_PAGE, ApiOperation, Paging
from expressway.privacy.redaction import ApiShape, ShapeTree


@cache
def shape_tree(service: str, operation: str, side: Literal["input", "output"]) -> ShapeTree:
    """What an operation takes or answers. `service` as boto3 names it (``ecs``), `operation` as the API does.

    Raises:
        KeyError: the service has no such operation.
    """
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
    if not any(operation.name == EXPRESS_LISTING.name for operation in found):
        found.append(EXPRESS_LISTING)
    return tuple(found)


def shapes_taken(operation: ApiOperation) -> ShapeTree:
    """What an operation takes."""
    if not operation.served_from:
        return shape_tree(operation.service, operation.name, "input")
    whole = shape_tree(operation.service, operation.served_from, "input")
    members = {name: whole.shapes[whole.root].members[name] for name in ("cluster", _TOKEN, _SIZE)}
    root = f"{operation.name}Request"
    return ShapeTree(whole.service, operation.name, root, {**whole.shapes, root: ApiShape("structure", members)})


def shapes_answered(operation: ApiOperation) -> ShapeTree:
    """What an operation answers."""
    return shape_tree(operation.service, operation.served_from or operation.name, "output")


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
