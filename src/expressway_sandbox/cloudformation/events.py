"""DescribeEvents for every operation of a stack, and DescribeStackResources by PhysicalResourceId.

ministack only knows the events of failed validations, and the resources of a stack that is named. API reference of
DescribeEvents and OperationEvent: an event is a STACK_EVENT, or a PROVISIONING_ERROR when a resource failed;
Filters.FailedEvents keeps the failures. API reference of DescribeStackResources: either StackName or
PhysicalResourceId; with the latter, all resources of the stack that holds it.
"""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

from expressway_sandbox import emulator
from expressway_sandbox.emulator import Answer

Handler = Callable[[dict[str, Any]], Answer]
Event = dict[str, Any]

_OPERATIONS = {
    "REVIEW_IN_PROGRESS": "CREATE_CHANGESET",
    "CREATE_IN_PROGRESS": "CREATE_STACK",
    "UPDATE_IN_PROGRESS": "UPDATE_STACK",
    "DELETE_IN_PROGRESS": "DELETE_STACK",
}
_STORE = "_operation_events"
# The statuses that OperationEvent has a value for; a stack passes through more.
_STACK_ONLY = (
    "REVIEW_IN_PROGRESS",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
)


def describe_stack_resources(original: Handler, parameters: dict[str, Any]) -> Answer:
    """`original`, which knows stacks by name only, for resources as well."""
    physical_id = parameters.get("PhysicalResourceId", [""])[0]
    if not physical_id or parameters.get("StackName"):
        return original(parameters)
    return original({**parameters, "StackName": [_stack_of(physical_id) or physical_id]})


def _stack_of(physical_id: str) -> str | None:
    stacks: list[Any] = list(emulator.module("services.cloudformation")._stacks.values())
    for stack in stacks:
        resources: dict[str, Any] = stack.get("_resources") or {}
        if any(resource.get("PhysicalResourceId") == physical_id for resource in resources.values()):
            return str(stack["StackName"])
    return None


def describe_events(original: Handler, parameters: dict[str, Any]) -> Answer:
    """`original`, over all events of the stacks instead of the failed validations only."""
    stacks: list[Any] = list(emulator.module("services.cloudformation")._stacks.values())
    kept = [stack.get(_STORE) for stack in stacks]
    for stack, validations in zip(stacks, kept, strict=True):
        stack[_STORE] = _all_events(stack, validations or [])
    try:
        return original(parameters)
    finally:
        for stack, validations in zip(stacks, kept, strict=True):
            if validations is None:
                stack.pop(_STORE, None)
            else:
                stack[_STORE] = validations


def _all_events(stack: Any, validations: list[Event]) -> list[Event]:
    failed = [event for event in validations if event.get("EventType") == "VALIDATION_ERROR"]
    recorded: Any = emulator.module("services.cloudformation")._stack_events.get(stack["StackId"]) or []
    return failed + list(reversed(list(_operation_events(stack["StackId"], recorded))))


def _operation_events(stack_id: str, recorded: list[Event]) -> Iterator[Event]:
    operation_id, operation = _operation_id(stack_id, 0), "CREATE_STACK"
    for number, event in enumerate(recorded):
        status = str(event["ResourceStatus"])
        of_stack = event["LogicalResourceId"] == event["StackName"] and event.get("PhysicalResourceId") == stack_id
        if of_stack and status in _OPERATIONS:
            operation_id, operation = _operation_id(stack_id, number), _OPERATIONS[status]
        if status in _STACK_ONLY:
            continue
        has_failed = status.endswith("_FAILED")
        yield {
            **{name: value for name, value in event.items() if value},
            "OperationId": operation_id,
            "OperationType": operation,
            "OperationStatus": _operation_status(status, of_stack=of_stack),
            "EventType": "PROVISIONING_ERROR" if has_failed and not of_stack else "STACK_EVENT",
        }


def _operation_status(status: str, *, of_stack: bool) -> str:
    if status.endswith("_FAILED") or (of_stack and "ROLLBACK" in status):
        return "FAILED"
    return "SUCCEEDED" if of_stack and status.endswith("_COMPLETE") else "IN_PROGRESS"


def _operation_id(stack_id: str, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{stack_id}#{number}"))
