"""Which members of a request that updates a service touch what the template of its stack sets."""

from collections.abc import Mapping
from typing import Any

from expressway.cloudformation.service_location import EXPRESS_TYPE, template_resources
from expressway.cloudformation.stack import StackState

_IDENTITY = frozenset({"cluster", "service", "serviceArn", "serviceName"})
_STARTS_TASKS = "forceNewDeployment"
_SETS: Mapping[str, tuple[str, ...]] = {
    "desiredCount": ("ScalingTarget",),
    "taskDefinition": ("PrimaryContainer", "TaskDefinitionArn", "Cpu", "Memory", "ExecutionRoleArn", "TaskRoleArn"),
    "taskDefinitionArn": ("PrimaryContainer", "TaskDefinitionArn", "Cpu", "Memory", "ExecutionRoleArn", "TaskRoleArn"),
    "networkConfiguration": ("NetworkConfiguration",),
    **{
        member: (f"{member[:1].upper()}{member[1:]}",)
        for member in (
            *("executionRoleArn", "taskRoleArn", "cpu", "memory"),
            *("healthCheckPath", "primaryContainer", "scalingTarget"),
        )
    },
}
"""Members of UpdateService and UpdateExpressGatewayService, and the properties of the template that say the same."""
_UPDATES = frozenset({"UpdateService", "UpdateExpressGatewayService"})


def is_update(operation: str) -> bool:
    """Whether the operation is one whose members are known here."""
    return operation in _UPDATES


def set_by_template(operation: str, parameters: Mapping[str, Any], stack: StackState) -> tuple[str, ...]:
    """The members of the request that would change what the stack's template says of its service.

    A member of the same value changes nothing. Without a template to look at, every known member counts.
    """
    service = _service(stack)
    return tuple(
        member
        for member, value in _asked(operation, parameters)
        if member in _SETS
        and (service is None or any(name in service for name in _SETS[member]))
        and (service is None or not _says(service, member, value))
    )


def unset_by_template(operation: str, parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """The members of an update that no template of ours says anything of."""
    return tuple(
        member for member, _ in _asked(operation, parameters) if member not in _SETS and member != _STARTS_TASKS
    )


def _asked(operation: str, parameters: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [item for item in parameters.items() if item[0] not in _IDENTITY] if is_update(operation) else []


def _service(stack: StackState) -> Mapping[str, Any] | None:
    for resource in template_resources(stack).values():
        if resource.get("Type") == EXPRESS_TYPE:
            return resource.get("Properties", {})
    return None


def _says(properties: Mapping[str, Any], member: str, value: Any) -> bool:
    name = f"{member[:1].upper()}{member[1:]}"
    return name in properties and _is_within(value, properties[name])


def _is_within(asked: Any, said: Any) -> bool:
    """Whether all that is asked is what is said already; texts and numbers are the same by their text."""
    if isinstance(asked, Mapping) and isinstance(said, Mapping):
        return all(_is_within(value, said.get(f"{key[:1].upper()}{key[1:]}")) for key, value in asked.items())
    if isinstance(asked, list) and isinstance(said, list):
        return len(asked) == len(said) and all(map(_is_within, asked, said))
    if isinstance(asked, Mapping | list) or isinstance(said, Mapping | list) or said is None:
        return False
    return str(asked) == str(said)
