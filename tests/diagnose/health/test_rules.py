"""Why health checks fail, told apart: the answer, the port, the interface, the time."""

import pytest

from expressway.aws.values.service import ServiceEvent
from expressway.diagnose.service.rules import service_findings
from tests.diagnose.service.situations import (
    NOW,
    codes,
    failed_deployment,
    first,
    situation,
    target,
    task,
    unhealthy,
)

MISMATCH = "Health checks failed with these codes: [{}]"
RUNNING_ELSEWHERE = "INFO: Uvicorn running on http://0.0.0.0:9000 (Press CTRL+C to quit)"
ON_LOOPBACK = "[2026-11-01 12:00:00 +0000] [7] [INFO] Listening at: http://127.0.0.1:8080 (7)"
LISTENING = "Listening at: http://0.0.0.0:8080 (7)"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "health_check_path_not_found"),
        (301, "health_check_redirected"),
        (302, "health_check_redirected"),
        (401, "health_check_unauthorized"),
        (403, "health_check_unauthorized"),
        (500, "health_check_server_error"),
        (503, "health_check_server_error"),
        (400, "health_check_wrong_answer"),
    ],
)
def test_wrong_answers_are_told_apart(status: int, code: str) -> None:
    finding = first(situation(targets=(target("unhealthy", MISMATCH.format(status)),)))
    assert finding.code == code
    assert str(status) in finding.cause
    assert "GET /healthz on port 8080" in finding.cause
    assert (finding.severity, finding.confidence) == ("critical", "high")


def test_an_event_tells_the_answer_after_the_targets_are_gone() -> None:
    said = f"(service web) (port 8080) is unhealthy in (target-group x) due to (reason {MISMATCH.format(404)})"
    facts = situation(unhealthy(), deployment=failed_deployment(), targets=(), events=(ServiceEvent(NOW, said),))
    assert first(facts).code == "health_check_path_not_found"


def test_another_port_in_the_log_is_a_port_mismatch() -> None:
    facts = situation(unhealthy(), deployment=failed_deployment(), targets=(), logs={1: (RUNNING_ELSEWHERE,)})
    finding = first(facts)
    assert finding.code == "port_mismatch"
    assert "port 9000" in finding.cause
    assert finding.confidence == "medium", "nobody but the log says so"
    assert finding.evidence[0] == RUNNING_ELSEWHERE
    assert len(finding.evidence) > 1, "what AWS says of the health check is evidence too"
    assert finding.remedy == "Set container_port: 9000, or let the application listen on 8080."


@pytest.mark.parametrize(("log", "code"), [(RUNNING_ELSEWHERE, "port_mismatch"), (ON_LOOPBACK, "listens_on_loopback")])
def test_a_target_that_takes_no_connection_confirms_what_the_log_says(log: str, code: str) -> None:
    facts = situation(targets=(target("unhealthy", "Request timed out"),), logs={1: (log,)})
    assert (first(facts).code, first(facts).confidence) == (code, "high")


def test_a_refused_connection_in_the_applications_own_log_confirms_nothing() -> None:
    lines = (RUNNING_ELSEWHERE, "Error: connection to the database refused")
    facts = situation(unhealthy(), deployment=failed_deployment(), targets=(), logs={1: lines})
    assert (first(facts).code, first(facts).confidence) == ("port_mismatch", "medium")


@pytest.mark.parametrize(
    "lines",
    [
        ("Server started at 15:20:33",),
        ("Connected to database server at db.internal:5432",),
        ("metrics server listening on :9090",),
        ("Debugger listening on ws://127.0.0.1:9229/abc",),
        ("listening on :3000", "listening on :3001"),
    ],
)
def test_other_ports_in_the_log_are_no_cause(lines: tuple[str, ...]) -> None:
    facts = situation(targets=(target("unhealthy", "Request timed out"),), logs={1: lines})
    assert first(facts).code == "health_check_failed"


def test_127_0_0_1_in_the_log_is_an_application_nobody_can_reach() -> None:
    facts = situation(unhealthy(), deployment=failed_deployment(), targets=(), logs={1: (ON_LOOPBACK,)})
    finding = first(facts)
    assert finding.code == "listens_on_loopback"
    assert "0.0.0.0:8080" in finding.remedy


def test_where_to_listen_is_the_containers_port_or_where_that_is_not_known_the_logs() -> None:
    log = {1: (ON_LOOPBACK.replace("8080", "9000"),)}
    known = situation(unhealthy(), deployment=failed_deployment(), targets=(), logs=log)
    assert "0.0.0.0:8080" in first(known).remedy
    unknown = situation(
        unhealthy(), deployment=failed_deployment(), targets=(), logs=log, express=None, definition=None
    )
    assert "0.0.0.0:9000" in first(unknown).remedy


def test_the_right_port_on_every_interface_is_neither() -> None:
    facts = situation(unhealthy(), deployment=failed_deployment(), targets=(), logs={1: (LISTENING,)})
    assert codes(facts) == ["health_check_failed"]


class TestSlowStart:
    def test_an_application_that_listened_just_before_it_was_given_up_started_too_slowly(self) -> None:
        facts = situation(
            unhealthy(after_seconds=100),
            deployment=failed_deployment(),
            targets=(),
            logs={1: ("warming up", LISTENING)},
            line_seconds=45,
            service={"grace_period_seconds": 60},
        )
        finding = first(facts)
        assert finding.code == "slow_start"
        assert "90 s" in finding.cause
        assert "grace period of 60 s" in finding.cause

    def test_one_that_was_still_starting_started_too_slowly(self) -> None:
        log = {1: ("Starting WebApplication", "migrating the database, step 1 of 40")}
        facts = situation(unhealthy(), deployment=failed_deployment(), targets=(), logs=log, line_seconds=40)
        finding = first(facts)
        assert (finding.code, finding.confidence) == ("slow_start", "medium")
        assert "still starting" in finding.cause

    @pytest.mark.parametrize(
        "lines", [("connecting to database db.internal",), ("starting", "connecting to database db.internal")]
    )
    def test_one_that_fell_silent_may_as_well_hang(self, lines: tuple[str, ...]) -> None:
        facts = situation(unhealthy(), deployment=failed_deployment(), targets=(), logs={1: lines})
        finding = first(facts)
        assert (finding.code, finding.confidence) == ("slow_start", "low")
        assert "starts slowly, or it hangs" in finding.cause
        assert "reaches what it waits for" in finding.remedy

    def test_one_whose_start_nobody_knows_may_as_well_hang(self) -> None:
        log = {1: ("Starting WebApplication", "migrating the database, step 1 of 40")}
        sick = unhealthy(started_at=None)
        facts = situation(sick, deployment=failed_deployment(), targets=(), logs=log, line_seconds=40)
        assert first(facts).confidence == "low"

    def test_a_start_that_nobody_knows_is_counted_from_the_first_line(self) -> None:
        log = {1: ("warming up", "loading", "loading more", LISTENING)}
        sick = unhealthy(started_at=None, after_seconds=110)
        facts = situation(sick, deployment=failed_deployment(), targets=(), logs=log, line_seconds=30)
        assert "listened only 90 s after" in first(facts).cause  # lines at 30, 60, 90 and 120 s

    @pytest.mark.parametrize(
        ("lines", "line_seconds", "confidence"),
        [
            (("Starting", "migrating the database, step 1 of 40"), 40, "medium"),
            (("Starting", "migrating the database, step 1 of 40"), 20, "low"),  # silent for most of the time
            (("Starting the application",) * 3, 30, "low"),  # the same line again and again is no progress
            (("Starting the application",), 100, "low"),
        ],
    )
    def test_only_one_that_got_on_until_late_is_surely_slow(
        self, lines: tuple[str, ...], line_seconds: float, confidence: str
    ) -> None:
        facts = situation(
            unhealthy(), deployment=failed_deployment(), targets=(), logs={1: lines}, line_seconds=line_seconds
        )
        assert (first(facts).code, first(facts).confidence) == ("slow_start", confidence)

    def test_one_that_listened_long_before_is_not_accused(self) -> None:
        facts = situation(
            unhealthy(after_seconds=300), deployment=failed_deployment(), targets=(), logs={1: ("booting", LISTENING)}
        )
        assert first(facts).code == "health_check_failed"

    def test_one_within_its_grace_period_is_not_accused(self) -> None:
        facts = situation(
            unhealthy(after_seconds=100),
            deployment=failed_deployment(),
            targets=(),
            logs={1: ("warming up", LISTENING)},
            line_seconds=45,
            service={"grace_period_seconds": 300},
        )
        assert first(facts).code == "health_check_failed"


def test_a_target_that_is_only_registering_is_not_unhealthy() -> None:
    assert codes(situation(targets=(target("initial"),))) == []


def test_a_container_that_fails_its_own_check_is_told() -> None:
    from dataclasses import replace

    sick = task(health="UNHEALTHY", containers=(replace(task().containers[0], health="UNHEALTHY"),))
    assert [one.code for one in service_findings(situation(sick))] == ["health_check_failed"]
