"""Lines that name errors and belong to no task that failed are a clue, and no more."""

from datetime import UTC, datetime

import pytest

from expressway.aws.values.service import LogEvent
from expressway.diagnose.logs.answer import errors_in_log

AT = datetime(2026, 11, 1, tzinfo=UTC)


def events(*lines: str) -> list[LogEvent]:
    return [LogEvent(AT, line) for line in lines]


def test_the_commonest_errors_come_first_and_are_counted() -> None:
    finding = errors_in_log("/web", events("ERROR no db 1", "INFO ok", "KeyError: 'A'", "ERROR no db 2", "ready"))
    assert finding is not None
    assert (finding.code, finding.severity, finding.resource) == ("errors_in_log", "info", "/web")
    assert finding.cause.startswith("3 lines of the log group /web name errors, 2 of them the same but for numbers")
    assert finding.evidence == ("ERROR no db 1", "KeyError: 'A'")


@pytest.mark.parametrize("lines", [(), ("INFO ok", "ready", "0 errors")])
def test_a_log_without_errors_is_no_finding(lines: tuple[str, ...]) -> None:
    assert errors_in_log("/web", events(*lines)) is None


def test_one_error_is_told_in_the_singular() -> None:
    finding = errors_in_log("/web", events("ERROR no db"))
    assert finding is not None
    assert (
        finding.cause
        == "1 line of the log group /web names errors; no task of the cluster that ECS remembers as failed wrote them."
    )
