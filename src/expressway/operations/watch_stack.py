"""Follow a stack operation to its end, telling every resource event as it comes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from expressway.errors import StackError
from expressway.model.clock import Clock, polling_delays
from expressway.model.progress import Phase, Progress, ProgressSink
from expressway.model.stack import StackEvent, StackState, first_failure

_STACK_TYPE = "AWS::CloudFormation::Stack"


class StackEvents(Protocol):
    """The reads that watching a stack needs."""

    def describe(self, stack_name: str) -> StackState | None: ...
    def events(self, stack_id: str, *, after_event_id: str | None = None) -> tuple[StackEvent, ...]: ...


@dataclass(frozen=True, slots=True)
class WatchedStack:
    """The stack at the end of the operation, and the operation's events in order of time."""

    stack: StackState
    events: tuple[StackEvent, ...]
    elapsed_seconds: float


def watch_stack(
    stack_id: str,
    *,
    stacks: StackEvents,
    phase: Phase,
    clock: Clock,
    progress: ProgressSink,
    after_event_id: str | None = None,
    on_failing: Callable[[StackEvent], None] | None = None,
    while_waiting: Callable[[], None] | None = None,
) -> WatchedStack:
    """Wait for the running operation of a stack to end; at most 1.5 s behind the last event.

    The wait has no limit of its own: a create may take hours on AWS, and the callers bound it by running it
    where it can be left alone. `after_event_id` is the last event before the operation was asked for: an end
    counts only once the stack has told it in a later event. `on_failing` is told the first failure,
    `while_waiting` runs at every poll.
    """
    started = clock.monotonic()
    seen: list[StackEvent] = []
    last = after_event_id
    failing = False
    for delay in polling_delays():
        stack = stacks.describe(stack_id)
        fresh = stacks.events(stack_id, after_event_id=last)
        for event in fresh:
            progress(_progress(event, phase, clock.monotonic() - started))
        seen.extend(fresh)
        last = seen[-1].event_id if seen else last
        cause = first_failure(tuple(seen))
        if cause is not None and not failing and on_failing is not None:
            failing = True
            on_failing(cause)
        if stack is None or _has_ended(stack, seen):
            return WatchedStack(stack or _vanished(stack_id), tuple(seen), clock.monotonic() - started)
        if while_waiting is not None:
            while_waiting()
        clock.sleep(delay)
    raise AssertionError("polling never ends by itself")


def stack_failure(watched: WatchedStack) -> StackError:
    """The error for an operation that did not end as wanted: the first real cause, not its consequences."""
    cause = first_failure(watched.events)
    stack = watched.stack
    because = f"{cause.logical_id}: {cause.reason}" if cause else stack.status_reason or "no reason given"
    return StackError(
        "stack_delete_failed" if stack.status == "DELETE_FAILED" else "stack_failed",
        f"{stack.name} ended in {stack.status}. First cause: {because}",
        _hint(stack.status),
        {"stack": stack.name, "status": stack.status, "resource": cause.logical_id if cause else None},
    )


def last_event_id(stacks: StackEvents, stack_id: str) -> str | None:
    """Where a stack's events stand now, to be taken before an operation is started."""
    events = stacks.events(stack_id)
    return events[-1].event_id if events else None


def _has_ended(stack: StackState, events: list[StackEvent]) -> bool:
    if stack.status == "DELETE_COMPLETE":
        return True  # a stack id never comes back
    if stack.in_progress or stack.status == "REVIEW_IN_PROGRESS":
        return False
    own = [event for event in events if event.resource_type == _STACK_TYPE and event.physical_id == stack.stack_id]
    return bool(own) and own[-1].status == stack.status


def _hint(status: str) -> str:
    if status == "UPDATE_ROLLBACK_FAILED":
        return "Mend what the rollback failed on, then pass --continue-rollback."
    if status == "DELETE_FAILED":
        return "Remove what holds the resource named above, then repeat the deletion: it continues."
    if "ROLLBACK" in status:
        return "The change was rolled back; correct the cause and repeat the command."
    return "Correct the cause and repeat the command."


def _vanished(stack_id: str) -> StackState:
    name = stack_id.split("/")[1] if stack_id.startswith("arn:") else stack_id
    return StackState(name=name, stack_id=stack_id, status="DELETE_COMPLETE")


def _progress(event: StackEvent, phase: Phase, elapsed_seconds: float) -> Progress:
    reason = f": {event.reason}" if event.reason and event.failed else ""
    return Progress(
        phase,
        f"{event.status} {event.logical_id}{reason}",
        elapsed_seconds,
        resource=event.resource_type,
        level="error" if event.failed and not event.is_consequence else "info",
    )
