"""Of a service of which ECS lists no deployments, or may not, its rollouts tell its state; no revision is claimed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from expressway.aws.values.service import Rollout
from tests.aws.ecs.fakes import START, World, arn, crashed_task, running_task
from tests.deploy.status.test_status import deployed, status
from tests.deploy.status.test_wait_rollouts import FIRST, plain, updating, wait

BACK = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1."
DENIED = pytest.mark.parametrize("denied", [set[str](), {"deployments"}], ids=["none listed", "not allowed"])


def rolled_back() -> World:
    """The second version failed; a third rollout brought the first version back."""
    second = Rollout(
        "ecs-svc/2", "ACTIVE", "FAILED", task_definition_arn="td:2", created_at=START + timedelta(minutes=1)
    )
    third = replace(FIRST, deployment_id="ecs-svc/3", state_reason=BACK, created_at=START + timedelta(minutes=2))
    world = plain(third, second)
    world.task = (crashed_task(4, revision=2), replace(running_task(1), started_by="ecs-svc/3"))
    return world


@DENIED
def test_a_rollout_that_is_done_serves(denied: set[str]) -> None:
    world = plain(FIRST)
    world.denied = denied
    found = status(world, deployed())
    assert (found.status, wait(world).status) == ("ready", "success")
    assert found.service == {"arn": arn("default", "web"), "cluster": "default", "status": "ACTIVE"}
    assert found.deployment == {"status": "SUCCESSFUL"}


@DENIED
def test_a_rollout_under_way_is_a_deployment_without_a_revision(denied: set[str]) -> None:
    world = updating()
    world.denied = denied
    found = status(world, deployed())
    assert found.status == "deploying"
    assert found.deployment is not None
    assert (found.deployment.get("status"), "revision" in found.deployment) == ("IN_PROGRESS", False)


@DENIED
def test_a_rollout_that_was_taken_back_leaves_the_version_before_and_asks_for_no_revision(denied: set[str]) -> None:
    world = rolled_back()
    world.denied = denied
    found = status(world, deployed())
    assert found.status == "ready"
    assert "previous version" in found.message
    assert found.tasks == {"desired": 1, "running": 1, "pending": 0, "healthy": 1, "recently_failed": 1}
    assert found.deployment is not None
    assert (found.deployment.get("status"), "revision" in found.deployment) == ("ROLLBACK_SUCCESSFUL", False)
    assert found.service is not None
    assert "serving_revision" not in found.service
    assert "ecs-svc/" not in str((found.deployment, found.service))
    assert "revisions" not in world.calls
