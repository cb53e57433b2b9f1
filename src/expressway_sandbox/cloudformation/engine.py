"""Steps into ministack's CloudFormation engine: what a stack does with a service that fails or takes its time."""

from collections.abc import Awaitable, Callable
from typing import Any

from expressway_sandbox import emulator
from expressway_sandbox.cloudformation import express_type as cloudformation_express

_SLOW_TYPES = frozenset({cloudformation_express.TYPE, "AWS::ECS::Service", "AWS::ECS::Cluster"})


def hook() -> None:
    """Set the hooks."""
    stacks = emulator.module("services.cloudformation.stacks")
    stacks._runs_on_worker_thread = _on_worker_thread(stacks._runs_on_worker_thread)
    stacks._add_event = _with_physical_id(stacks._add_event)
    stacks._roll_back_operation = _taking_failed_services_along(stacks._roll_back_operation)
    handlers = emulator.module("services.cloudformation.handlers")
    handlers._roll_back_operation = stacks._roll_back_operation
    handlers._capabilities_enforced = _always


def _always() -> bool:
    """Capabilities are enforced like on AWS; ministack does so only when it checks credentials."""
    return True


def _on_worker_thread(original: Callable[[str], bool]) -> Callable[[str], bool]:
    """Services wait for containers; on the event loop they would stop every other request."""

    def runs_on_worker_thread(resource_type: str) -> bool:
        return resource_type in _SLOW_TYPES or original(resource_type)

    return runs_on_worker_thread


def _with_physical_id(original: Callable[..., None]) -> Callable[..., None]:
    """The event of a failed creation names the service that was made before it failed."""

    def add_event(
        stack_id: str, stack_name: str, logical_id: str, resource_type: str, status: str, *rest: Any, **named: Any
    ) -> None:
        if resource_type == cloudformation_express.TYPE and status.endswith("_FAILED") and len(rest) == 1:
            named.setdefault("physical_id", cloudformation_express.PENDING.get(stack_name, logical_id) or "")
        original(stack_id, stack_name, logical_id, resource_type, status, *rest, **named)

    return add_event


def _taking_failed_services_along(original: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """A rollback deletes the service whose creation failed; ministack would leave it."""

    async def roll_back(
        stack_name: str, stack_id: str, stack: dict[str, Any], operation: dict[str, Any], **named: Any
    ) -> None:
        logical_id = operation.get("failed_logical_id") or ""
        arn = cloudformation_express.PENDING.drop(stack_name, logical_id)
        if arn is not None:
            stack.setdefault("_resources", {})[logical_id] = {
                "PhysicalResourceId": arn,
                "ResourceType": cloudformation_express.TYPE,
                "ResourceStatus": "CREATE_FAILED",
                "LogicalResourceId": logical_id,
                "Properties": {},
                "Attributes": {},
                "Timestamp": emulator.module("core.responses").now_iso(),
            }
            operation["created"] = [*operation["created"], logical_id]
        await original(stack_name, stack_id, stack, operation, **named)

    return roll_back
