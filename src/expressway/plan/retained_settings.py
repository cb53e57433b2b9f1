"""What an Express service may keep although its template names it no more.

An update of the service passes on what the template holds, and a member that is left out is one that nothing is said
of. ECS documents of none that leaving it out clears it, and of ``cpuArchitecture`` that the service keeps it. Source:
Amazon ECS API reference, ``UpdateExpressGatewayService``.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from expressway.cloudformation.service_location import EXPRESS_TYPE
from expressway.plan.diff import PropertyChange, ResourceChange, StackChange

_NETWORK = "NetworkConfiguration"
_TASK_DEFINITION = "TaskDefinitionArn"
_ABSENT: tuple[Any, ...] = (None, {"Ref": "AWS::NoValue"})
_SENTENCES = {
    "TaskRoleArn": (
        "ECS may keep the task role, and all that it permits, that the definition does not name any more "
        "(TaskRoleArn): nothing in an update takes it away. Name another, such as a role without permissions"
    ),
    f"{_NETWORK}.SecurityGroups": (
        "ECS may keep the security groups that the definition does not name any more "
        f"({_NETWORK}.SecurityGroups): nothing in an update takes them away. Name others, such as one without rules"
    ),
    f"{_NETWORK}.Subnets": (
        "ECS may keep the subnets that the definition does not name any more "
        f"({_NETWORK}.Subnets): nothing in an update takes them away. Name those that the tasks shall run in"
    ),
}
_OTHERWISE = ", or delete the app and deploy it again (its URL then changes)."


def kept_settings(stacks: Iterable[StackChange]) -> tuple[str, ...]:
    """A sentence for each setting that these changes drop and that ECS may keep; a replaced service keeps nothing."""
    dropped = {
        path
        for stack in stacks
        for resource in stack.resources
        if resource.resource_type == EXPRESS_TYPE and resource.action == "update"
        for path in _dropped(resource)
    }
    return tuple(sentence + _OTHERWISE for path, sentence in _SENTENCES.items() if path in dropped)


def _dropped(service: ResourceChange) -> Iterator[str]:
    """The paths that go from a value to none."""
    brings_task_role = any(item.path == _TASK_DEFINITION and not _is_absent(item.after) for item in service.properties)
    for item in service.properties:
        if _is_absent(item.after) and not (item.path == "TaskRoleArn" and brings_task_role):
            yield from _paths(item)


def _paths(item: PropertyChange) -> Iterator[str]:
    """The path of a property that had a value; of the network, those of its parts that had one."""
    parts = item.before if item.path == _NETWORK and isinstance(item.before, Mapping) else None
    if parts is not None:
        yield from (f"{_NETWORK}.{name}" for name, before in parts.items() if not _is_absent(before))
    elif not _is_absent(item.before):
        yield item.path


def _is_absent(value: Any) -> bool:
    return value in _ABSENT or value == [] or value == ""
