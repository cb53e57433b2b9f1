"""DescribeStackResources by PhysicalResourceId, the way from a resource to its stack; ministack only goes the other.

API reference of DescribeStackResources: either StackName or PhysicalResourceId; with the latter, all resources of
the stack that holds it.
"""

from collections.abc import Callable
from typing import Any

from expressway_sandbox import emulator
from expressway_sandbox.emulator import Answer

Handler = Callable[[dict[str, Any]], Answer]


def describe_stack_resources(original: Handler) -> Handler:
    """`original`, which knows stacks by name only, for resources as well."""

    def handle(parameters: dict[str, Any]) -> Answer:
        asked = parameters.get("PhysicalResourceId", [""])[0]
        if not asked or parameters.get("StackName"):
            return original(parameters)
        return original({**parameters, "StackName": [_stack_of(asked) or asked]})

    return handle


def _stack_of(physical_id: str) -> str | None:
    stacks: list[Any] = list(emulator.module("services.cloudformation")._stacks.values())
    for stack in stacks:
        resources: dict[str, Any] = stack.get("_resources") or {}
        if any(one.get("PhysicalResourceId") == physical_id for one in resources.values()):
            return str(stack["StackName"])
    return None
