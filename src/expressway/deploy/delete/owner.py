"""Which stack holds a resource: looked up before anything is deleted other than through its own stack."""

from collections.abc import Collection
from dataclasses import dataclass

from expressway.cloudformation.stack import StackState
from expressway.ecs_api.ports import Owners
from expressway.errors import RefusedError, TargetError
from expressway.hints import command
from expressway.plan.ports import StackReader


@dataclass(frozen=True, slots=True)
class OwnershipUnknown:
    """Which stack holds a resource may not be read; `reason` is AWS's answer."""

    reason: str


@dataclass(frozen=True, slots=True)
class OtherStack:
    """A stack that holds a resource and is none of those that may."""

    name: str
    app_name: str | None = None

    def __str__(self) -> str:
        return f"the stack {self.name}" + (f" of the app {self.app_name!r}" if self.app_name else "")


@dataclass(frozen=True, slots=True)
class OwnStack:
    """One of the stacks that may hold a resource does."""


Holder = OwnStack | OtherStack | OwnershipUnknown | None


def holder_of(
    physical_id: str, *, owners: Owners, stacks: StackReader, ours: Collection[StackState | None] = ()
) -> Holder:
    """The stack that holds the resource; None where none does.

    Raises:
        TargetError: anything but ``access_denied``.
    """
    try:
        stack_id = owners.stack_of(physical_id)
    except TargetError as error:
        if error.code != "access_denied":
            raise
        return OwnershipUnknown(error.message)
    if stack_id is None:
        return None
    if any(stack is not None and stack.stack_id == stack_id for stack in ours):
        return OwnStack()
    return OtherStack(stack_id.split("/")[1] if stack_id.count("/") else stack_id, _app_of(stack_id, stacks))


def why_it_stays(holder: Holder, otherwise: str) -> str:
    """Why something that no stack of the app holds is kept: another stack's, or `otherwise`, where no other has it."""
    if isinstance(holder, OtherStack):
        return f"it belongs to {holder}"
    if isinstance(holder, OwnershipUnknown):
        return f"which stack holds it may not be looked up ({holder.reason})"
    return otherwise


def refuse_other_holder(what: str, physical_id: str, holder: Holder) -> None:
    """Refuse to delete `what` (a phrase such as ``the service …``) where another stack holds it, or may.

    Raises:
        RefusedError: ``owned_by_stack``, ``owner_unknown``.
    """
    if isinstance(holder, OtherStack):
        raise RefusedError(
            "owned_by_stack",
            f"{what[:1].upper()}{what[1:]} belongs to {holder}; it was not deleted.",
            f"Delete it with its stack: {command('delete', holder.app_name, mcp=f'with app_name {holder.app_name}')}."
            if holder.app_name
            else f"If it is to go, delete the stack {holder.name} with the tool that made it.",
            {"resource": physical_id, "stack_name": holder.name},
        )
    if isinstance(holder, OwnershipUnknown):
        raise RefusedError(
            "owner_unknown",
            f"Which stack holds {what} may not be looked up, so it was not deleted. {holder.reason}",
            "Ask for the permission cloudformation:DescribeStackResources, then repeat the deletion.",
            {"resource": physical_id, "missing_permission": "cloudformation:DescribeStackResources"},
        )


def _app_of(stack_id: str, stacks: StackReader) -> str | None:
    """The app that the stack belongs to; None also where the stack may not be read: its name is enough."""
    try:
        stack = stacks.describe(stack_id)
    except TargetError:
        return None
    return stack.owner_app if stack is not None else None
