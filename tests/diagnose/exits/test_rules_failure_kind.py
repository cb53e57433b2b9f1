"""What a task failed of, in a word and in half a sentence, where nothing better is known."""

import pytest

from expressway.diagnose.exits.rules import category_of, what_failed
from tests.diagnose.service.situations import exited, failed_deployment, first, situation


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("CannotStartContainerError: of tomorrow", "A task's container could not be started"),
        ("CannotPullContainerError: of tomorrow", "A task's image could not be pulled"),
        ("InternalError: of tomorrow", "An error within AWS ended a task"),
    ],
)
def test_words_that_nobody_knows_are_told_by_the_name_of_awss_error(text: str, told: str) -> None:
    task = exited(exit_code=None, stop_code="TaskFailedToStart", stopped_reason=text)
    finding = first(situation(task, deployment=failed_deployment()))
    assert (finding.code, finding.evidence) == ("task_failed", (text,))
    assert finding.cause == f"{told} ({text.partition(':')[0]})."


@pytest.mark.parametrize(
    ("stop_code", "told"),
    [
        ("TaskFailedToStart", "A task could not start"),
        ("EssentialContainerExited", "A container ended, and its task with it"),
        ("", "A task stopped"),
    ],
)
def test_an_error_that_has_no_name_of_awss_is_told_by_how_the_task_stopped(stop_code: str, told: str) -> None:
    assert what_failed(exited(stop_code=stop_code), "SomebodysError: 7") == told


@pytest.mark.parametrize(
    "reason",
    [
        "unable to find user app: no matching entries in passwd file",
        "No command specified",
        'exec: "x": executable file',
    ],
)
def test_a_container_that_cannot_start_is_no_failure_of_the_pull(reason: str) -> None:
    task = exited(
        exit_code=None, stop_code="TaskFailedToStart", stopped_reason=f"unable to pull image or start: {reason}"
    )
    assert category_of(task) == "container_start_failure"
