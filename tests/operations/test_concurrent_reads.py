"""What was refused is a gap; what would meet every other read is an error."""

from typing import NoReturn

import pytest

from expressway.errors import TargetError
from expressway.operations.concurrent_reads import ConcurrentReads


def _fails_with(code: str) -> NoReturn:
    raise TargetError(code, f"It ended with {code}.", "Mend it.")


@pytest.mark.parametrize("code", ["access_denied", "throttled", "service_unavailable", "aws_error", "quota_exceeded"])
def test_a_refused_read_is_a_gap(code: str) -> None:
    with ConcurrentReads(2, name="test") as reads:
        asked = reads.ask("tasks", lambda: _fails_with(code))
        assert reads.take(asked, "nothing") == "nothing"
    assert reads.gaps == [f"tasks: It ended with {code}."]


@pytest.mark.parametrize(
    "code", ["credentials_expired", "credentials_missing", "credentials_invalid", "connection_failed", "clock_skewed"]
)
def test_what_would_meet_every_read_is_an_error(code: str) -> None:
    with pytest.raises(TargetError) as caught, ConcurrentReads(2, name="test") as reads:
        reads.take(reads.ask("tasks", lambda: _fails_with(code)), None)
    assert caught.value.code == code


def test_a_failure_is_told_even_where_nothing_can_explain_it() -> None:
    with ConcurrentReads(2, name="test", beside_a_failure=True) as reads:
        assert reads.take(reads.ask("tasks", lambda: _fails_with("credentials_expired")), ()) == ()
    assert len(reads.gaps) == 1
