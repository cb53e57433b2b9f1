"""A stack operation is followed closely, told as it goes, and its end is not mistaken for an older one."""

from dataclasses import dataclass, field

import pytest

from expressway.cloudformation.stack import StackEvent, StackState
from expressway.core.progress import Progress
from expressway.deploy.stack.watch import (
    WatchedStack,
    last_event_id,
    request_token,
    stack_failure,
    watch_stack,
)
from expressway.errors import TargetError
from tests.cloudformation.fakes import EPOCH, STACK_TYPE, ManualClock

STACK_ID = "arn:aws:cloudformation:us-east-1:000000000000:stack/hello/1"


@dataclass
class TimedStack:
    """A stack whose statuses and events come at given seconds; `faults` are raised by reads until then."""

    clock: ManualClock
    history: list[tuple[float, str, StackEvent]] = field(default_factory=list)
    polls: list[float] = field(default_factory=list)
    fault: tuple[float, float, TargetError] | None = None
    gone_at: float | None = None
    stale: str | None = None

    def at(self, second: float, status: str, logical_id: str = "hello", reason: str = "") -> "TimedStack":
        own = logical_id == "hello"
        event = StackEvent(
            EPOCH,
            logical_id,
            STACK_ID if own else "physical",
            STACK_TYPE if own else "AWS::ECR::Repository",
            status,
            reason,
            f"event-{len(self.history)}",
        )
        self.history.append((second, status if own else "", event))
        return self

    def describe(self, stack_name: str) -> StackState | None:
        self.polls.append(self.clock.now)
        if self.fault and self.fault[0] <= self.clock.now < self.fault[1]:
            raise self.fault[2]
        if self.gone_at is not None and self.clock.now >= self.gone_at:
            return None
        past = [status for second, status, _ in self.history if status and second <= self.clock.now]
        return StackState("hello", STACK_ID, past[-1] if past else self.stale or "REVIEW_IN_PROGRESS")

    def events(self, stack_id: str, *, after_event_id: str | None = None) -> tuple[StackEvent, ...]:
        past = [event for second, _, event in self.history if second <= self.clock.now]
        ids = [event.event_id for event in past]
        return tuple(past[ids.index(after_event_id) + 1 :] if after_event_id in ids else past)


class Cancelled(RuntimeError):
    """Raised for a caller that has gone."""


@dataclass
class CancelAt:
    clock: ManualClock
    second: float

    def raise_if_cancelled(self) -> None:
        if self.clock.now >= self.second:
            raise Cancelled


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def stack(clock: ManualClock) -> TimedStack:
    return TimedStack(clock)


def watch(stack: TimedStack, told: list[Progress] | None = None, **options: object) -> WatchedStack:
    sink = (told if told is not None else []).append
    return watch_stack(STACK_ID, stacks=stack, phase="service", clock=stack.clock, progress=sink, **options)  # type: ignore[arg-type]


def test_no_two_polls_are_further_apart_than_a_second_and_a_half(stack: TimedStack) -> None:
    stack.at(0, "CREATE_IN_PROGRESS").at(3600, "CREATE_COMPLETE")
    watched = watch(stack)
    gaps = [round(later - earlier, 6) for earlier, later in zip(stack.polls, stack.polls[1:], strict=False)]
    assert max(gaps) <= 1.5
    assert gaps[0] <= 0.1
    assert gaps == sorted(gaps)
    assert 3600 <= watched.elapsed_seconds <= 3601.5


def test_what_is_done_while_waiting_does_not_make_the_polls_rarer(stack: TimedStack) -> None:
    def slow(_: object) -> None:
        stack.clock.sleep(1.0)

    stack.at(0, "CREATE_IN_PROGRESS").at(60, "CREATE_COMPLETE")
    watch(stack, while_waiting=slow)
    gaps = [later - earlier for earlier, later in zip(stack.polls, stack.polls[1:], strict=False)]
    assert max(gaps) <= 1.5 + 1e-9


def test_every_event_is_told_once_in_order_with_its_time(stack: TimedStack) -> None:
    stack.at(0, "CREATE_IN_PROGRESS").at(2, "CREATE_IN_PROGRESS", "Repository").at(5, "CREATE_COMPLETE", "Repository")
    stack.at(6, "CREATE_COMPLETE")
    told: list[Progress] = []
    watch(stack, told)
    assert [one.message for one in told] == [
        "CREATE_IN_PROGRESS hello",
        "CREATE_IN_PROGRESS Repository",
        "CREATE_COMPLETE Repository",
        "CREATE_COMPLETE hello",
    ]
    assert [one.elapsed_seconds for one in told] == sorted(one.elapsed_seconds for one in told)
    assert all(0 <= one.elapsed_seconds - second <= 1.5 for one, second in zip(told, (0, 2, 5, 6), strict=True))


def test_an_old_end_status_right_after_executing_is_not_taken_for_the_end(stack: TimedStack) -> None:
    stack.at(-100, "CREATE_IN_PROGRESS").at(-90, "CREATE_COMPLETE")
    before = last_event_id(stack, STACK_ID)
    stack.at(4, "UPDATE_IN_PROGRESS").at(9, "UPDATE_COMPLETE")
    watched = watch(stack, after_event_id=before)
    assert watched.stack.status == "UPDATE_COMPLETE"
    assert [event.status for event in watched.events] == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
    assert watched.elapsed_seconds >= 9


def test_the_same_end_status_counts_only_when_told_anew(stack: TimedStack) -> None:
    stack.at(-90, "UPDATE_COMPLETE")
    before = last_event_id(stack, STACK_ID)
    stack.at(5, "UPDATE_IN_PROGRESS").at(8, "UPDATE_COMPLETE")
    assert watch(stack, after_event_id=before).elapsed_seconds >= 8


def test_a_rollback_is_watched_to_its_own_end(stack: TimedStack) -> None:
    stack.at(0, "UPDATE_IN_PROGRESS").at(1, "UPDATE_FAILED", "Service", "no").at(2, "UPDATE_ROLLBACK_IN_PROGRESS")
    stack.at(5, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS").at(7, "UPDATE_ROLLBACK_COMPLETE")
    watched = watch(stack)
    assert watched.stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert stack_failure(watched).details["resource"] == "Service"


def test_the_first_failure_that_is_no_consequence_is_told_once_with_all_that_went_before(stack: TimedStack) -> None:
    stack.at(0, "CREATE_IN_PROGRESS").at(1, "CREATE_FAILED", "LogGroup", "Resource creation cancelled")
    stack.at(5, "CREATE_FAILED", "Service", "it crashes").at(6, "CREATE_FAILED", "Role", "Access denied")
    stack.at(9, "ROLLBACK_COMPLETE")
    calls: list[tuple[StackEvent, ...]] = []
    watched = watch(stack, on_failing=calls.append)
    assert [[event.logical_id for event in events] for events in calls] == [["hello", "LogGroup", "Service"]]
    assert "Service: ⟦it crashes⟧" in stack_failure(watched).message


def test_a_deletion_ends_when_the_stack_is_gone(stack: TimedStack) -> None:
    stack.at(0, "DELETE_IN_PROGRESS")
    stack.gone_at = 7
    assert watch(stack).stack.status == "DELETE_COMPLETE"


def test_a_deletion_that_fails_names_what_held_it(stack: TimedStack) -> None:
    stack.at(0, "DELETE_IN_PROGRESS").at(3, "DELETE_FAILED", "Repository", "it has images").at(4, "DELETE_FAILED")
    failure = stack_failure(watch(stack))
    assert failure.code == "stack_delete_failed"
    assert "Repository: ⟦it has images⟧" in failure.message


def test_cancelling_stops_the_watching(stack: TimedStack) -> None:
    stack.at(0, "UPDATE_IN_PROGRESS")
    with pytest.raises(Cancelled):
        watch(stack, cancellation=CancelAt(stack.clock, 10))
    assert 10 <= stack.clock.now <= 11.5


@pytest.mark.parametrize("code", ["throttled", "connection_failed", "service_unavailable"])
def test_reads_that_fail_for_a_while_are_borne_and_told_once(code: str, stack: TimedStack) -> None:
    stack.at(0, "UPDATE_IN_PROGRESS").at(80, "UPDATE_COMPLETE")
    stack.fault = (5, 65, TargetError(code, "AWS did not describe the stack.", "Wait."))
    told: list[Progress] = []
    assert watch(stack, told).stack.status == "UPDATE_COMPLETE"
    warnings = [one.message for one in told if one.level == "warning"]
    assert len(warnings) == 1
    assert "continues" in warnings[0]


def test_reads_that_fail_for_long_end_the_watching_and_say_that_the_operation_goes_on(stack: TimedStack) -> None:
    stack.at(0, "UPDATE_IN_PROGRESS")
    stack.fault = (5, 1e9, TargetError("connection_failed", "No connection.", "Check the network."))
    with pytest.raises(TargetError) as failure:
        watch(stack)
    assert failure.value.code == "connection_failed"
    assert "continues in CloudFormation" in failure.value.message
    assert 300 <= stack.clock.now <= 320


def test_an_expired_token_ends_the_watching_at_once(stack: TimedStack) -> None:
    stack.at(0, "UPDATE_IN_PROGRESS")
    stack.fault = (5, 1e9, TargetError("credentials_expired", "Expired.", "Sign in."))
    with pytest.raises(TargetError) as failure:
        watch(stack)
    assert (failure.value.code, failure.value.hint) == ("credentials_expired", "Sign in.")
    assert stack.clock.now <= 7


def test_a_request_token_repeats_until_something_has_happened() -> None:
    token = request_token("delete", STACK_ID, "event-1")
    assert token == request_token("delete", STACK_ID, "event-1")
    others = [("delete", STACK_ID, "event-2"), ("clear", STACK_ID, "event-1"), ("delete", STACK_ID + "2", "event-1")]
    assert token not in {request_token(*other) for other in others}
    assert token.replace("-", "").isalnum()
    assert len(token) <= 128


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("UPDATE_ROLLBACK_FAILED", "--continue-rollback"),
        ("ROLLBACK_COMPLETE", "rolled back"),
        ("DELETE_FAILED", "Remove"),
    ],
)
def test_a_failure_says_what_to_do_next(status: str, advice: str) -> None:
    state = StackState("hello", STACK_ID, status, status_reason="why")
    failure = stack_failure(WatchedStack(state, (), 1.0))
    assert advice in failure.hint
    assert "why" in failure.message
