"""The operations of ECS and ECR as botocore's service models tell them, and what they take and answer."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from expressway.adapters.api_shapes import answer_shapes, request_shapes, service_model
from expressway.model.api_operation import DEFAULT_PAGE, ApiOperation, Paging
from expressway.model.api_shape import ApiShape, ShapeTree

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
    taken, answered = request_shapes(service, name), answer_shapes(service, name)
    if not (_has(taken, _TOKEN) and _has(answered, _TOKEN)):
        return ApiOperation(service, name)
    size = taken.shapes[taken.shapes[taken.root].members[_SIZE]] if _has(taken, _SIZE) else ApiShape("integer")
    largest = int(size.maximum) if size.maximum else _SMALL_PAGES.get(name, DEFAULT_PAGE)
    return ApiOperation(service, name, Paging(_lists(service, name, answered), largest))


def _lists(service: str, name: str, answered: ShapeTree) -> tuple[tuple[str, ...], ...]:
    keys: str | list[str] | None = _pagination(service).get(name, {}).get("result_key")
    if keys is not None:
        return tuple(tuple(key.split(".")) for key in ([keys] if isinstance(keys, str) else keys))
    members = answered.shapes[answered.root].members
    lists = (member for member, shape in members.items() if answered.shapes[shape].type == "list")
    return tuple((member,) for member in lists if member != "failures")


def _has(tree: ShapeTree, member: str) -> bool:
    return bool(tree.root) and member in tree.shapes[tree.root].members


@cache
def _pagination(service: str) -> Mapping[str, Mapping[str, Any]]:
    from botocore.loaders import create_loader

    return create_loader().load_service_model(service, "paginators-1")["pagination"]
