"""A program of the wrong format: the image's platform tells a script without an interpreter from an architecture."""

from dataclasses import replace

import pytest

from expressway.aws.values.dependencies import DependencyFacts
from expressway.aws.values.service import TaskState
from expressway.diagnose.exits.rules import format_is_open, images_fit, with_platform
from expressway.diagnose.image.action import pull_findings
from expressway.diagnose.service.rules import service_findings
from tests.diagnose.dependencies.samples import FAILING, HEALTHY
from tests.diagnose.service.situations import exited, failed_deployment, situation, task, unhealthy

SCRIPT, PROGRAM = "exec /e.sh: exec format error", "exec /app/server: exec format error"


def built_for(*platforms: str) -> DependencyFacts:
    return replace(HEALTHY, subject=FAILING, images=(replace(HEALTHY.images[0], platforms=platforms),))


@pytest.mark.parametrize(
    ("facts", "fit"),
    [
        (built_for("linux/amd64"), True),
        (built_for("linux/arm64/v8", "linux/amd64/v2"), True),
        (built_for("linux/arm64"), False),
        (built_for(), False),
        (replace(HEALTHY, images=(replace(HEALTHY.images[0], presence="unread"),)), False),
        (replace(HEALTHY, images=()), False),
        (replace(HEALTHY, images=(*HEALTHY.images, replace(HEALTHY.images[0], platforms=()))), False),
    ],
)
def test_images_fit_only_where_all_are_known_to(facts: DependencyFacts, fit: bool) -> None:
    assert images_fit(facts) is fit


@pytest.mark.parametrize(("line", "confidence"), [(SCRIPT, "high"), (PROGRAM, "medium")])
def test_an_image_for_the_tasks_own_platform_is_not_of_the_wrong_architecture(line: str, confidence: str) -> None:
    facts = situation(exited(1), exited(2), exited(3), deployment=failed_deployment(), logs={1: (line,), 3: (line,)})
    findings = with_platform(service_findings(facts), images_fit=True)
    assert (findings[0].code, findings[0].confidence) == ("script_without_interpreter", confidence)
    assert "built for the platform that the tasks run on" in findings[0].cause
    assert findings[0].evidence == (line,)
    assert "wrong_architecture" not in {one.code for one in findings}


@pytest.mark.parametrize("line", [SCRIPT, PROGRAM, "KeyError: 'A'"])
def test_where_the_images_platform_is_not_known_nothing_changes(line: str) -> None:
    findings = service_findings(situation(exited(), deployment=failed_deployment(), logs={1: (line,)}))
    assert with_platform(findings, images_fit=False) == findings


@pytest.mark.parametrize(
    ("one", "line", "is_open"),
    [
        (exited(), SCRIPT, True),
        (exited(exit_code=255), PROGRAM, True),
        (exited(), "/start: line 3: /app/server: cannot execute binary file: Exec format error", False),
        (exited(), "exec /e.sh: no such file or directory", False),
        (exited(), "KeyError: 'A'", False),
        (exited(exit_code=3), SCRIPT, False),
        (unhealthy(), SCRIPT, False),
        (task(), SCRIPT, False),
    ],
)
def test_the_platform_is_asked_for_only_where_it_decides(one: TaskState, line: str, is_open: bool) -> None:
    assert format_is_open([one], {one.task_id: (line,)}) is is_open
    assert not format_is_open([one], {})


def test_a_crash_loop_is_no_surer_than_its_cause() -> None:
    facts = situation(
        exited(1), exited(2), exited(3), deployment=failed_deployment(), logs={1: (SCRIPT,), 3: (SCRIPT,)}
    )
    assert [one.code for one in service_findings(facts)][:2] == ["script_without_interpreter", "crash_loop"]


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (built_for("linux/amd64"), "script_without_interpreter"),
        (built_for("linux/arm64"), "wrong_architecture"),
        (built_for(), "wrong_architecture"),
    ],
)
def test_what_ecs_says_of_the_format_is_held_against_the_images_platform(facts: DependencyFacts, code: str) -> None:
    reason = f"CannotStartContainerError: unable to start container process: {PROGRAM}"
    told = exited(exit_code=None, stop_code="TaskFailedToStart", stopped_reason=reason)
    (finding,) = pull_findings(facts, [told])
    assert finding.code == code
    assert reason in finding.evidence
