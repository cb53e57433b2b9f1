"""What was refused is a gap; what would meet every other read is an error."""

from typing import NoReturn

import pytest

from expressway.core.concurrent_reads import ConcurrentReads
from expressway.errors import TargetError

REFUSALS = ["access_denied", "throttled", "service_unavailable", "aws_error", "quota_exceeded"]
OUT_OF_REACH = ["connection_failed", "credentials_invalid", "region_unknown"]


def _fails_with(code: str) -> NoReturn:
    raise TargetError(code, f"It ended with {code}.", "Mend it.")


@pytest.mark.parametrize("code", [*REFUSALS, *OUT_OF_REACH])
def test_a_read_that_is_refused_or_whose_service_is_out_of_reach_is_a_gap(code: str) -> None:
    with ConcurrentReads(2, name="test") as reads:
        asked = reads.ask("tasks", lambda: _fails_with(code))
        assert reads.take(asked, "nothing") == "nothing"
    assert reads.gaps == [f"tasks: It ended with {code}."]


@pytest.mark.parametrize(
    "code", ["credentials_expired", "credentials_missing", "configuration_invalid", "clock_skewed"]
)
def test_what_would_meet_every_read_is_an_error(code: str) -> None:
    with pytest.raises(TargetError) as caught, ConcurrentReads(2, name="test") as reads:
        reads.take(reads.ask("tasks", lambda: _fails_with(code)), None)
    assert caught.value.code == code


def test_a_failure_is_told_even_where_nothing_can_explain_it() -> None:
    with ConcurrentReads(2, name="test", beside_a_failure=True) as reads:
        assert reads.take(reads.ask("tasks", lambda: _fails_with("credentials_expired")), ()) == ()
    assert len(reads.gaps) == 1
