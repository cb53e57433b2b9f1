"""Why health checks fail, told apart: the answer, the port, the interface, the time."""

import pytest

from expressway.diagnosis.service_findings import service_findings
from expressway.model.service import ServiceEvent
from tests.diagnosis.service_situations import (
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
    assert finding.evidence[0] == RUNNING_ELSEWHERE


def test_127_0_0_1_in_the_log_is_an_application_nobody_can_reach() -> None:
    facts = situation(unhealthy(), deployment=failed_deployment(), targets=(), logs={1: (ON_LOOPBACK,)})
    finding = first(facts)
    assert finding.code == "listens_on_loopback"
    assert "0.0.0.0:8080" in finding.remedy


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
        facts = situation(unhealthy(), deployment=failed_deployment(), targets=(), logs={1: ("Loading the model",)})
        assert first(facts).code == "slow_start"

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
