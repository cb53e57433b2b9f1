"""The circuit breaker: closed, open, trying; whatever happens in whatever order."""

from hypothesis import given
from hypothesis import strategies as st

from expressway.knowledge.service import CircuitBreaker

PAUSE_SECONDS = 60.0
EVENTS = st.lists(st.tuples(st.sampled_from(["begin", "succeed", "fail", "abandon"]), st.floats(0, 100)), max_size=40)


def after(events: list[tuple[str, float]]) -> tuple[CircuitBreaker, float]:
    """The breaker after events, each so many seconds after the one before; calls that are turned away do not begin."""
    breaker, now = closed(), 0.0
    for event, pause in events:
        now += pause
        if event == "fail":
            breaker.fail(now)
        elif event != "begin" or not breaker.wait_seconds(now):
            getattr(breaker, event)()
    return breaker, now


def closed() -> CircuitBreaker:
    return CircuitBreaker(failures_to_open=3, pause_seconds=PAUSE_SECONDS)


def opened() -> CircuitBreaker:
    return after([("fail", 0.0)] * 3)[0]


def test_it_opens_after_failures_in_a_row_and_not_before() -> None:
    assert after([("fail", 0.0)] * 2)[0].wait_seconds(0) == 0
    assert opened().wait_seconds(0) == 60
    assert opened().wait_seconds(59) == 1
    assert opened().wait_seconds(60) == 0


def test_a_success_forgets_the_failures_before_it() -> None:
    assert after([("fail", 0.0), ("fail", 0.0), ("succeed", 0.0), ("fail", 0.0), ("fail", 0.0)])[0].failures == 2


def test_after_the_pause_one_call_at_a_time_tries() -> None:
    trying = opened()
    trying.begin()
    assert trying.wait_seconds(60) > 0
    trying.abandon()
    assert trying.wait_seconds(60) == 0
    trying.begin()
    trying.succeed()
    assert trying == closed()


def test_a_try_that_fails_begins_the_pause_anew() -> None:
    again = opened()
    again.begin()
    again.fail(70)
    assert again.wait_seconds(70) == 60
    assert again.wait_seconds(130) == 0


def test_a_late_failure_of_an_earlier_call_does_not_lengthen_the_pause() -> None:
    breaker = opened()
    breaker.fail(30)
    assert breaker.wait_seconds(60) == 0


@given(EVENTS)
def test_calls_are_never_turned_away_for_longer_than_the_pause(events: list[tuple[str, float]]) -> None:
    breaker, now = after(events)
    assert 0 <= breaker.wait_seconds(now) <= PAUSE_SECONDS


@given(EVENTS)
def test_it_is_closed_unless_enough_failed_and_a_success_closes_it(events: list[tuple[str, float]]) -> None:
    breaker, now = after(events)
    if breaker.opened_at is not None:
        assert breaker.failures >= 3
    breaker.succeed()
    assert breaker.wait_seconds(now) == 0
