"""Which deployment is explained: after a rollback the failed one, after a repair the newest."""

from dataclasses import replace
from datetime import timedelta

import pytest

from expressway.aws.values.service import DeploymentState, RevisionState
from expressway.aws.values.task_definition import TaskDefinition
from expressway.diagnose.service.deployment import DeploymentHistory
from tests.diagnose.service.situations import START

IMAGES = ("registry.example/web:1",)


def deployment(
    number: int, status: str = "SUCCESSFUL", *, revision: int = 0, went_back_to: str = ""
) -> DeploymentState:
    return DeploymentState(
        f"d/{number}",
        status,
        target_revision_arn=f"rev/{revision or number}",
        rollback_revision_arn=went_back_to,
        created_at=START + timedelta(minutes=number),
    )


def definition(number: int, content: str) -> TaskDefinition:
    return TaskDefinition(f"td:{number}", "ACTIVE", frozenset({"FARGATE"}), (), content=content)


REVISIONS = {
    f"rev/{number}": RevisionState(f"rev/{number}", f"td:{number}", images=IMAGES, settings="alike")
    for number in (1, 2, 3)
}
FAILED_SECOND = (
    deployment(3),
    deployment(2, "ROLLBACK_SUCCESSFUL", went_back_to="rev/1"),
    deployment(1),
)


def restored(*contents: str, revisions: dict[str, RevisionState] | None = None) -> bool:
    """Whether the third deployment is told to be a way back; `contents` of the three task definitions."""
    definitions = {f"td:{number}": definition(number, content) for number, content in enumerate(contents, 1)}
    context = DeploymentHistory(FAILED_SECOND, revisions or REVISIONS, definitions).to_explain()
    assert context.deployment is (FAILED_SECOND[1] if context.restored else FAILED_SECOND[0])
    return context.restored


def test_a_repair_by_command_or_environment_alone_is_no_way_back_although_the_image_is_the_same() -> None:
    assert not restored("serves", "crashes", "serves, corrected")


def test_the_version_before_the_failed_one_in_a_new_revision_is_a_way_back() -> None:
    assert restored("serves", "crashes", "serves")


def test_a_new_try_of_what_failed_is_no_way_back() -> None:
    assert not restored("serves", "needs a secret", "needs a secret")
    assert not restored("the same", "the same", "the same")


def test_a_repair_of_the_health_checks_path_alone_is_no_way_back() -> None:
    settings = {"rev/1": "/", "rev/2": "/wrong", "rev/3": "/right"}
    revisions = {arn: replace(one, settings=settings[arn]) for arn, one in REVISIONS.items()}
    assert not restored("the same", "the same", "the same", revisions=revisions)
    back = {**revisions, "rev/3": replace(revisions["rev/3"], settings="/")}
    assert restored("the same", "the same", "the same", revisions=back)


@pytest.mark.parametrize("known", [(), (1, 2)])
def test_what_could_not_be_read_makes_no_way_back(known: tuple[int, ...]) -> None:
    definitions = {f"td:{number}": definition(number, "x") for number in known}
    assert not DeploymentHistory(FAILED_SECOND, REVISIONS, definitions).to_explain().restored
    assert not DeploymentHistory(FAILED_SECOND, {}, {}).to_explain().restored


def test_the_very_revision_that_ran_before_needs_no_comparison() -> None:
    back = (deployment(3, revision=1), *FAILED_SECOND[1:])
    assert DeploymentHistory(back, REVISIONS).definitions_to_compare() == ()
    assert DeploymentHistory(back, REVISIONS, {}).to_explain().restored


def test_only_a_success_behind_a_failure_is_compared() -> None:
    assert DeploymentHistory(FAILED_SECOND, REVISIONS).definitions_to_compare() == ("td:3", "td:2", "td:1")
    assert DeploymentHistory(FAILED_SECOND[1:], REVISIONS).definitions_to_compare() == ()
    assert DeploymentHistory((deployment(2), deployment(1)), REVISIONS).definitions_to_compare() == ()
    assert DeploymentHistory((), {}).definitions_to_compare() == ()
