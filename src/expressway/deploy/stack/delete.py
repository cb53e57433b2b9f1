"""Delete one CloudFormation stack, or join a deletion that already runs, and wait until it is gone."""

from dataclasses import replace

from expressway.cloudformation.stack import StackState, running_operation_start
from expressway.core.clock import Clock, polling_delays
from expressway.core.progress import Cancellation, Progress, ProgressSink
from expressway.deploy.ports import Stacks
from expressway.deploy.stack.request import refuse_protected
from expressway.deploy.stack.watch import stack_failure, start_deletion, watch_stack
from expressway.errors import RefusedError


class StackRemover:
    """The stacks of an account, as deleting an app sees them."""

    def __init__(self, stacks: Stacks, clock: Clock) -> None:
        self._stacks = stacks
        self._clock = clock

    def describe(self, stack_name: str) -> StackState | None:
        return self._stacks.describe(stack_name)

    def change_set_names(self, stack_name: str) -> tuple[str, ...]:
        return self._stacks.change_set_names(stack_name)

    def delete(self, stack: StackState, *, progress: ProgressSink, cancellation: Cancellation) -> None:
        """Delete this very stack, as it was looked at, and wait until it is gone.

        One that is gone already is no error, and a younger stack of its name is none of ours to delete.

        Raises:
            RefusedError: ``stack_changed`` when it has another owner by now, ``stack_protected`` when termination
                protection is on.
            StackError: ``stack_delete_failed`` with the first real cause.
        """
        looked_at, stack = stack, self._settled(stack, progress, cancellation)
        if stack.status == "DELETE_COMPLETE":
            return
        _refuse_new_owner(stack, looked_at)
        refuse_protected(stack)
        events = self._stacks.events(stack.stack_id)
        if stack.status == "DELETE_IN_PROGRESS":
            before = running_operation_start(events, stack)
        else:
            before = events[-1].event_id if events else None
            start_deletion("delete", stack.stack_id, before, self._stacks)
        watched = watch_stack(
            stack.stack_id,
            stacks=self._stacks,
            phase="delete",
            clock=self._clock,
            progress=progress,
            cancellation=cancellation,
            after_event_id=before,
        )
        if watched.stack.status != "DELETE_COMPLETE":
            raise stack_failure(watched)

    def _settled(self, looked_at: StackState, progress: ProgressSink, cancellation: Cancellation) -> StackState:
        """The stack once nothing but its own deletion runs on it."""
        has_told = False
        for delay in polling_delays():
            stack = self._stacks.describe(looked_at.stack_id) or replace(looked_at, status="DELETE_COMPLETE")
            if not stack.in_progress or stack.status == "DELETE_IN_PROGRESS":
                return stack
            if not has_told:
                progress(Progress("delete", f"waiting for {looked_at.name} to settle ({stack.status})"))
                has_told = True
            cancellation.raise_if_cancelled()
            self._clock.sleep(delay)
        raise AssertionError("polling never ends by itself")


def _refuse_new_owner(stack: StackState, looked_at: StackState) -> None:
    if stack.owner_app == looked_at.owner_app:
        return
    whose = f"the app {stack.owner_app!r}" if stack.owner_app else "none of our apps"
    raise RefusedError(
        "stack_changed",
        f"The stack {stack.name} was changed while other things were deleted, and belongs to {whose} now; "
        "it is left alone.",
        "Look at it (status), and repeat the deletion if it still is to go.",
        {"stack": stack.name},
    )
