"""Delete one CloudFormation stack, or join a deletion that already runs, and wait until it is gone."""

from typing import Protocol

from expressway.errors import RefusedError
from expressway.model.clock import Clock, polling_delays
from expressway.model.progress import Cancellation, Progress, ProgressSink
from expressway.model.stack import StackState
from expressway.operations.watch_stack import StackEvents, last_event_id, stack_failure, watch_stack


class StackDeletion(StackEvents, Protocol):
    """What deleting needs of CloudFormation."""

    def delete_stack(self, stack_id: str, *, client_token: str) -> None: ...


class StackRemover:
    """The stacks of an account, as deleting an app sees them."""

    def __init__(self, stacks: StackDeletion, clock: Clock) -> None:
        self._stacks = stacks
        self._clock = clock

    def describe(self, stack_name: str) -> StackState | None:
        """The stack as it stands, or None when it does not exist."""
        return self._stacks.describe(stack_name)

    def delete(self, stack_name: str, *, progress: ProgressSink, cancellation: Cancellation) -> None:
        """Delete the stack and wait until it is gone; a stack that is not there is no error.

        Raises:
            RefusedError: ``stack_protected`` when termination protection is on.
            StackError: ``stack_delete_failed`` with the first real cause.
        """
        stack = self._settled(stack_name, progress, cancellation)
        if stack is None:
            return
        if stack.termination_protection:
            raise RefusedError(
                "stack_protected",
                f"Termination protection is on for the stack {stack.name}.",
                "Set termination_protection: false in the definition and deploy, then delete again.",
                {"stack": stack.name},
            )
        before = last_event_id(self._stacks, stack.stack_id)
        if stack.status != "DELETE_IN_PROGRESS":
            self._stacks.delete_stack(
                stack.stack_id, client_token=f"expressway-delete-{(before or stack.stack_id)[-36:]}"
            )
        watched = watch_stack(
            stack.stack_id,
            stacks=self._stacks,
            phase="delete",
            clock=self._clock,
            progress=progress,
            after_event_id=before,
        )
        if watched.stack.status != "DELETE_COMPLETE":
            raise stack_failure(watched)

    def _settled(self, stack_name: str, progress: ProgressSink, cancellation: Cancellation) -> StackState | None:
        delays = polling_delays()
        stack = self._stacks.describe(stack_name)
        while stack is not None and stack.in_progress and stack.status != "DELETE_IN_PROGRESS":
            progress(Progress("delete", f"waiting for {stack_name} to settle ({stack.status})"))
            cancellation.raise_if_cancelled()
            self._clock.sleep(next(delays))
            stack = self._stacks.describe(stack_name)
        return stack
