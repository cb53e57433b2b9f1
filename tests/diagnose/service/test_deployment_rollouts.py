"""What rollouts tell of a service's course where no service deployment is known."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from expressway.aws.values.service import (
    DeploymentState,
    RevisionState,
    Rollout,
    ServiceState,
    tasks_of_revision,
)
from expressway.diagnose.service.deployment import rollout_deployment, rollout_revisions
from expressway.diagnose.service.rules import stuck
from tests.diagnose.service.situations import GROUP, SERVICE, START, situation, task

FIRST = Rollout(
    "ecs-svc/1", "ACTIVE", "COMPLETED", desired_count=1, running_count=1, task_definition_arn="td:1", created_at=START
)
SECOND = Rollout(
    "ecs-svc/2",
    "PRIMARY",
    "IN_PROGRESS",
    desired_count=1,
    pending_count=1,
    task_definition_arn="td:2",
    created_at=START + timedelta(minutes=1),
)
THIRD = replace(SECOND, deployment_id="ecs-svc/3", created_at=START + timedelta(minutes=2))
WITHOUT_TASKS = replace(FIRST, status="PRIMARY", running_count=0)
ROLLING_BACK = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1."
BROKEN = "ECS deployment circuit breaker: tasks failed to start."


def told(*rollouts: Rollout) -> DeploymentState | None:
    service = ServiceState("web", SERVICE, "default", "ACTIVE", rollouts=rollouts, target_group_arns=(GROUP,))
    found = rollout_deployment(service)
    assert found is None or found.target_revision_arn in rollout_revisions(service)
    return found


def test_the_primary_rollout_is_the_newest_deployment_whichever_is_listed_first() -> None:
    for rollouts in ((SECOND, FIRST), (FIRST, SECOND)):
        deployment = told(*rollouts)
        assert deployment is not None
        assert deployment.running
        assert deployment.is_rollout
        assert (deployment.arn, deployment.target_revision_arn) == (SERVICE, "ecs-svc/2")
        assert (deployment.requested_count, deployment.running_count, deployment.pending_count) == (1, 0, 1)
        assert (deployment.created_at, deployment.finished_at) == (SECOND.created_at, None)


def test_what_rollouts_run_is_known_by_their_ids() -> None:
    service = ServiceState("web", SERVICE, "default", "ACTIVE", rollouts=(SECOND, FIRST), target_group_arns=(GROUP,))
    assert rollout_revisions(service) == {
        "ecs-svc/1": RevisionState("ecs-svc/1", "td:1", target_group_arns=(GROUP,)),
        "ecs-svc/2": RevisionState("ecs-svc/2", "td:2", target_group_arns=(GROUP,)),
    }


def test_one_that_is_done_has_succeeded() -> None:
    deployment = told(replace(FIRST, status="PRIMARY"))
    assert deployment is not None
    assert deployment.successful


def test_one_that_failed_without_a_way_back_has_failed() -> None:
    deployment = told(replace(SECOND, state="FAILED", state_reason=BROKEN), FIRST)
    assert deployment is not None
    assert deployment.failed
    assert not deployment.running
    assert deployment.status_reason == BROKEN


@pytest.mark.parametrize(
    ("state", "status"),
    [("IN_PROGRESS", "ROLLBACK_IN_PROGRESS"), ("COMPLETED", "ROLLBACK_SUCCESSFUL"), ("", "ROLLBACK_FAILED")],
)
def test_a_way_back_is_told_as_the_failure_of_what_it_undoes(state: str, status: str) -> None:
    failed = replace(SECOND, status="ACTIVE", state="FAILED", state_reason=BROKEN)
    deployment = told(replace(THIRD, state=state, state_reason=ROLLING_BACK), failed)
    assert deployment is not None
    assert (deployment.status, deployment.target_revision_arn) == (status, "ecs-svc/2")
    assert deployment.rollback_revision_arn == "ecs-svc/3"


def test_a_primary_rollout_older_than_the_failed_one_is_a_way_back_in_whatever_words() -> None:
    failed = replace(SECOND, status="ACTIVE", state="FAILED")
    deployment = told(replace(FIRST, status="PRIMARY", state_reason="ECS deployment completed."), failed)
    assert deployment is not None
    assert (deployment.status, deployment.target_revision_arn) == ("ROLLBACK_SUCCESSFUL", "ecs-svc/2")


def test_a_primary_rollout_that_followed_a_failed_one_is_a_repair() -> None:
    failed = replace(SECOND, status="ACTIVE", state="FAILED")
    deployment = told(replace(THIRD, state="COMPLETED"), failed)
    assert deployment is not None
    assert (deployment.status, deployment.target_revision_arn) == ("SUCCESSFUL", "ecs-svc/3")


@pytest.mark.parametrize(
    ("rollouts", "status"),
    [
        ((replace(FIRST, status="PRIMARY"),), "SUCCESSFUL"),
        ((replace(FIRST, status="PRIMARY", running_count=0),), None),
        ((replace(SECOND, status="ACTIVE"), replace(FIRST, status="PRIMARY")), "IN_PROGRESS"),
        ((SECOND, replace(FIRST, status="DRAINING", running_count=0)), None),
        ((replace(SECOND, status="ACTIVE", desired_count=0, pending_count=0), WITHOUT_TASKS), None),
    ],
)
def test_what_others_deploy_is_judged_by_what_runs(rollouts: tuple[Rollout, ...], status: str | None) -> None:
    deployment = told(*(replace(one, state="") for one in rollouts))
    assert (deployment.status if deployment else None) == status


@pytest.mark.parametrize("running", [0, 1])
def test_a_newer_one_that_drains_was_taken_back_and_the_primary_one_counts(running: int) -> None:
    drains = replace(SECOND, status="DRAINING", state="", running_count=running, pending_count=1 - running)
    deployment = told(drains, replace(FIRST, status="PRIMARY", state=""))
    assert deployment is not None
    assert (deployment.status, deployment.target_revision_arn) == ("SUCCESSFUL", "ecs-svc/1")


@pytest.mark.parametrize("state", ["", "COMPLETED"])
def test_an_older_one_that_drains_keeps_no_deployment_under_way(state: str) -> None:
    runs = replace(SECOND, state=state, running_count=1, pending_count=0)
    deployment = told(runs, replace(FIRST, status="DRAINING"))
    assert deployment is not None
    assert (deployment.status, deployment.target_revision_arn) == ("SUCCESSFUL", "ecs-svc/2")


def test_a_service_without_rollouts_tells_nothing() -> None:
    assert told() is None
    assert told(replace(SECOND, status="ACTIVE", state="FAILED")) is None


@pytest.mark.parametrize(
    ("started_by", "mine"),
    [
        (("ecs-svc/1", "ecs-svc/2"), ["t2"]),
        (("ecs-svc/1", "ecs-svc/1"), []),
        (("web", "web"), ["t1", "t2"]),
    ],
)
def test_a_rollouts_tasks_are_those_that_carry_its_id_where_tasks_carry_any(
    started_by: tuple[str, str], mine: list[str]
) -> None:
    """Two rollouts may run the same task definition, as after a forced new deployment."""
    tasks = tuple(task(number, started_by=one) for number, one in enumerate(started_by, 1))
    found = tasks_of_revision(tasks, RevisionState("ecs-svc/2", "td:1"), None)
    assert [one.task_id for one in found] == mine


@pytest.mark.parametrize(("target", "can_be_stopped"), [("rev/1", True), ("ecs-svc/1", False)])
def test_a_rollout_that_is_stuck_cannot_be_stopped_as_a_service_deployment(target: str, can_be_stopped: bool) -> None:
    deployment: dict[str, Any] = {"target_revision_arn": target, "created_at": START - timedelta(hours=1)}
    finding = stuck(situation(deployment=DeploymentState(SERVICE, "IN_PROGRESS", **deployment)))
    assert finding is not None
    assert ("StopServiceDeployment" in finding.remedy) == can_be_stopped
