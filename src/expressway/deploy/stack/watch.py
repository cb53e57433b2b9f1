"""Follow a stack operation to its end, telling every resource event as it comes."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from expressway.cloudformation.history import quoted_reason
from expressway.cloudformation.stack import STACK_TYPE, StackEvent, StackState, first_failure, is_leaving, own_events
from expressway.core.clock import Clock, polling_delays
from expressway.core.progress import Cancellation, NeverCancelled, Phase, Progress, ProgressSink
from expressway.core.write_once import write_once
from expressway.deploy.ports import Stacks
from expressway.error_codes import has_trait
from expressway.errors import StackError, TargetError
from expressway.hints import option

EventsSoFar = tuple[StackEvent, ...]
OnEvents = Callable[[EventsSoFar], None]
"""Told the operation's events so far, in order of time."""

_UNREADABLE_SECONDS = 300.0
_NEVER = NeverCancelled()


@dataclass(frozen=True, slots=True)
class WatchedStack:
    """The stack at the end of the operation, and the operation's events in order of time."""

    stack: StackState
    events: EventsSoFar
    elapsed_seconds: float


def watch_stack(
    stack_id: str,
    *,
    stacks: Stacks,
    phase: Phase,
    clock: Clock,
    progress: ProgressSink,
    cancellation: Cancellation = _NEVER,
    after_event_id: str | None = None,
    on_failing: OnEvents | None = None,
    while_waiting: OnEvents | None = None,
) -> WatchedStack:
    """Wait for the running operation of a stack to end; at most 1.5 s behind the last event.

    The wait has no limit of its own, since a create may take hours on AWS. Cancelling stops the watching, never the
    operation. While AWS cannot be read (throttled, no connection) the wait goes on for five minutes more.

    Args:
        after_event_id: the last event before the operation was requested; only a later event ends the wait.
        on_failing: called once, at the first failure that is no consequence of another.
        while_waiting: called at every poll that finds the operation still running.

    Raises:
        TargetError: AWS could not be read; the operation goes on in CloudFormation.
    """
    watch = _Watch(stack_id, stacks, phase, clock, progress, after_event_id)
    failing = False
    for delay in polling_delays():
        polled = clock.monotonic()
        ended = watch.poll()
        if on_failing is not None and not failing and watch.has_failed:
            failing = True
            on_failing(tuple(watch.seen))
        if ended is not None:
            return WatchedStack(ended, tuple(watch.seen), clock.monotonic() - watch.started)
        if while_waiting is not None:
            while_waiting(tuple(watch.seen))
        cancellation.raise_if_cancelled()
        clock.sleep(max(0.0, delay - (clock.monotonic() - polled)))
    raise AssertionError("polling never ends by itself")


@dataclass(slots=True)
class _Watch:
    stack_id: str
    stacks: Stacks
    phase: Phase
    clock: Clock
    progress: ProgressSink
    last_event: str | None
    seen: list[StackEvent] = field(default_factory=list[StackEvent])
    started: float = field(init=False)
    unreadable_since: float | None = None

    def __post_init__(self) -> None:
        self.started = self.clock.monotonic()

    @property
    def has_failed(self) -> bool:
        cause = first_failure(tuple(self.seen))
        return cause is not None and not cause.is_consequence

    def poll(self) -> StackState | None:
        """The stack if the operation has ended; reports new events."""
        try:
            stack = self.stacks.describe(self.stack_id)
            fresh = self.stacks.events(self.stack_id, after_event_id=self.last_event)
        except TargetError as error:
            self._bear(error)
            return None
        self.unreadable_since = None
        for event in fresh:
            self.progress(_progress(event, self.phase, self.clock.monotonic() - self.started))
            self.last_event = event.event_id
        self.seen.extend(fresh)
        if stack is None:
            return _vanished(self.stack_id)
        return stack if _has_ended(stack, self.seen) else None

    def _bear(self, error: TargetError) -> None:
        """Go on for a while when only the reading fails: the operation does not depend on being watched."""
        now, passes = self.clock.monotonic(), has_trait(error.code, "passes")
        if self.unreadable_since is None:
            self.unreadable_since = now
            if passes:
                text = f"{error.message} The operation continues; asking again."
                self.progress(Progress(self.phase, text, now - self.started, level="warning"))
        if not passes or now - self.unreadable_since > _UNREADABLE_SECONDS:
            raise TargetError(
                error.code, f"{error.message} The operation continues in CloudFormation.", error.hint, error.details
            ) from error


def stack_failure(watched: WatchedStack) -> StackError:
    """The error for an operation that did not end as wanted: the first real cause, not its consequences."""
    cause = first_failure(watched.events)
    stack = watched.stack
    because = (
        f"{cause.logical_id}: {quoted_reason(cause.reason, cause.resource_type)}"
        if cause
        else quoted_reason(stack.status_reason, STACK_TYPE)
    )
    return StackError(
        "stack_delete_failed" if stack.status == "DELETE_FAILED" else "stack_failed",
        f"{stack.name} ended in {stack.status}. First cause: {because or 'no reason given'}",
        _hint(stack.status),
        {"stack": stack.name, "status": stack.status, "resource": cause.logical_id if cause else None},
    )


def last_event_id(stacks: Stacks, stack_id: str) -> str | None:
    """The id of the stack's newest event, to be read before an operation is started."""
    events = stacks.events(stack_id)
    return events[-1].event_id if events else None


def request_token(purpose: str, stack_id: str, last_event: str | None) -> str:
    """The idempotency token of an operation on the current state of a stack.

    Asking again before anything has happened is the same request; asking after a failure is a new one, since
    CloudFormation ignores a token that it has seen.
    """
    state = hashlib.sha256(f"{stack_id} {last_event}".encode()).hexdigest()[:40]
    return f"expressway-{purpose}-{state}"


def start_deletion(purpose: str, stack_id: str, last_event: str | None, stacks: Stacks) -> None:
    """Ask CloudFormation to delete the stack; `last_event` as in `request_token`."""
    token = request_token(purpose, stack_id, last_event)
    write_once(
        lambda: stacks.delete_stack(stack_id, client_token=token),
        is_done=lambda: is_leaving(stacks.describe(stack_id)),
    )


def _has_ended(stack: StackState, events: list[StackEvent]) -> bool:
    if stack.status == "DELETE_COMPLETE":
        return True  # a stack id never comes back
    if stack.in_progress or stack.status == "REVIEW_IN_PROGRESS":
        return False
    own = own_events(events, stack.stack_id)
    return bool(own) and own[-1].status == stack.status


def _hint(status: str) -> str:
    if status == "UPDATE_ROLLBACK_FAILED":
        return f"Mend what the rollback failed on, then pass {option('continue_rollback')}."
    if status == "DELETE_FAILED":
        return "Remove what holds the resource named above, then repeat the deletion: it continues."
    if "ROLLBACK" in status:
        return "The change was rolled back; correct the cause and repeat the command."
    return "Correct the cause and repeat the command."


def _vanished(stack_id: str) -> StackState:
    name = stack_id.split("/")[1] if stack_id.startswith("arn:") else stack_id
    return StackState(name=name, stack_id=stack_id, status="DELETE_COMPLETE")


def _progress(event: StackEvent, phase: Phase, elapsed_seconds: float) -> Progress:
    reason = f": {quoted_reason(event.reason, event.resource_type)}" if event.reason and event.failed else ""
    return Progress(
        phase,
        f"{event.status} {event.logical_id}{reason}",
        elapsed_seconds,
        resource=event.resource_type,
        level="error" if event.failed and not (event.is_consequence or event.only_warns) else "info",
    )
