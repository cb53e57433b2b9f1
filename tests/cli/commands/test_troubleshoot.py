"""`expressway troubleshoot`: which action and which parameters it asks for, and how the answer looks."""

from typing import Any

import pytest

from expressway.cli.commands.troubleshoot import ACTIONS, show_troubleshooting
from expressway.diagnose import actions
from tests.cli.test_main import error_of, run

pytestmark = pytest.mark.process

NOWHERE = "http://127.0.0.1:1"
ANSWER: dict[str, Any] = {
    "status": "success",
    "assessment": "The service web: 1 critical finding.",
    "findings": [
        {
            "code": "container_exited",
            "severity": "critical",
            "resource": "arn:aws:ecs:us-east-1:000000000000:task/default/t1",
            "cause": "The container Main exited with code 3.",
            "evidence": ["KeyError: 'PORT' [bold]not markup[/]", "\x1b[31mred\x1b[0m"],
            "remedy": "Correct what the log names.",
            "confidence": "medium",
        }
    ],
    "gaps": ["network: AWS did not describe it"],
    "events": [{"timestamp": "2026-11-01T12:00:00+00:00", "message": "(service web) has started 1 tasks."}],
}


def test_every_action_has_a_short_name() -> None:
    assert set(ACTIONS.values()) == set(actions.ACTIONS)


def test_findings_are_shown_with_evidence_remedy_and_gaps(capsys: pytest.CaptureFixture[str]) -> None:
    show_troubleshooting(ANSWER)
    shown = capsys.readouterr().out
    assert "critical container_exited The container Main exited with code 3. (medium confidence)" in shown
    assert "│ KeyError: 'PORT' [bold]not markup[/]" in shown
    assert "\x1b" not in shown
    assert "→ Correct what the log names." in shown
    assert "? not read: network: AWS did not describe it" in shown
    assert "2026-11-01T12:00:00+00:00 (service web) has started 1 tasks." in shown


def test_a_wrong_action_is_told_with_the_nearest() -> None:
    done = run("troubleshoot", "--action", "fetch_task_log", "--json", EXPRESSWAY_SANDBOX=NOWHERE)
    assert (done.returncode, error_of(done)["code"]) == (2, "unknown_action")


def test_wrong_parameters_are_told_all_at_once() -> None:
    done = run(
        "troubleshoot", "--action", "logs", "--window", "-5", "--start", "soon", "--json", EXPRESSWAY_SANDBOX=NOWHERE
    )
    problems = error_of(done)["details"]["problems"]
    assert done.returncode == 2
    assert {one["path"] for one in problems} == {"start_time", "time_window"}


def test_an_app_and_a_cluster_exclude_each_other() -> None:
    done = run("troubleshoot", "default", "--app", "shop", "--json", EXPRESSWAY_SANDBOX=NOWHERE)
    assert (done.returncode, error_of(done)["code"]) == (2, "invalid_arguments")
