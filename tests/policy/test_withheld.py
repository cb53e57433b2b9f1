"""What containers wrote is withheld, whatever way it took into an answer."""

import pytest

from expressway.diagnosis.deployment_cause import find_cause
from expressway.diagnosis.facts import DeploymentFacts
from expressway.model.service import ContainerState, TaskState
from expressway.policy.withheld import NOTE, withhold, withhold_quoted

SECRET = "ValueError: customer hunter2: not a number"


def test_an_answer_without_evidence_comes_back_as_it_is() -> None:
    answer = {"status": "ready", "url": "https://x/", "stacks": {"a": "CREATE_COMPLETE"}, "tasks": [1, "2"]}
    assert withhold(answer) == answer


@pytest.mark.parametrize("key", ["evidence", "log_tail", "log_lines", "log_excerpt"])
def test_log_lines_are_removed_at_any_depth_and_a_note_says_how_to_see_them(key: str) -> None:
    shown = withhold({"details": {"inner": [{key: [SECRET], "code": "x"}]}})
    assert shown == {"details": {"inner": [{"code": "x"}]}, "withheld": NOTE}
    assert "ALLOW_SENSITIVE_DATA=true" in NOTE


def test_the_answer_itself_is_not_changed() -> None:
    answer = {"details": {"evidence": [SECRET]}}
    withhold(answer)
    assert answer == {"details": {"evidence": [SECRET]}}


def test_an_empty_evidence_is_nothing_to_withhold() -> None:
    assert withhold({"evidence": []}) == {"evidence": []}


@pytest.mark.parametrize("exit_code", [0, 1, 2, -1, 126, 127, 134, 137, 139, 143, 255])
def test_no_sentence_about_an_exited_container_lets_its_log_through(exit_code: int) -> None:
    sentence = _sentence(exit_code)
    assert SECRET in sentence, "the diagnosis quotes the line; otherwise this test proves nothing"
    for told in (sentence, f"{sentence} (hello-express-service ended in ROLLBACK_COMPLETE.)", f"Not ready. {sentence}"):
        shown = withhold_quoted(told)
        assert "hunter2" not in shown
        assert "The container Main" in shown
        assert "log withheld" in shown


def test_what_cloudformation_made_of_it_stays() -> None:
    shown = withhold_quoted(f"{_sentence(1)} (hello-express-service ended in UPDATE_ROLLBACK_COMPLETE.)")
    assert shown.endswith("(hello-express-service ended in UPDATE_ROLLBACK_COMPLETE.)")


def test_a_log_line_of_several_lines_is_withheld_whole() -> None:
    assert "hunter2" not in withhold_quoted("The container Main exited with code 1: first\nhunter2\nlast")


@pytest.mark.parametrize(
    "sentence",
    [
        "The image 111122223333.dkr.ecr.us-east-1.amazonaws.com/a:1 does not exist.",
        "The health check GET /health on port 8080 fails: the application answers 500 where 200 is expected.",
        "A task stopped: ResourceInitializationError: unable to pull secrets",
        "The container Main exited with code 1; its log is empty.",
    ],
)
def test_sentences_in_the_words_of_aws_stay_whole(sentence: str) -> None:
    assert withhold_quoted(sentence) == sentence


def _sentence(exit_code: int) -> str:
    task = TaskState(
        arn="arn:aws:ecs:us-east-1:000000000000:task/default/abc",
        status="STOPPED",
        stop_code="EssentialContainerExited",
        containers=(ContainerState("Main", exit_code=exit_code),),
    )
    facts = DeploymentFacts(cluster="default", service_name="hello", tasks=(task,), logs={task.task_id: (SECRET,)})
    cause = find_cause(facts)
    assert cause is not None
    return cause.sentence
