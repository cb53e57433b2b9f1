"""The shapes of AWS's requests and answers, read from botocore's service models; no client, no credentials."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from expressway.core.api_shape import ApiShape, ShapeTree


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
