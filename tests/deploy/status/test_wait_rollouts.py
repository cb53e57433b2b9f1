"""Of a service of which ECS lists no deployments, its rollouts tell whether it is ready."""

from dataclasses import replace
from datetime import timedelta

import pytest

from expressway.aws.values.service import Rollout, ServiceState
from expressway.deploy.status.wait import Readiness, ServicePorts, wait_for_service
from expressway.diagnose.explain import explain_failure
from tests.aws.ecs.fakes import START, World, arn, crashed_task, running_task

FIRST = Rollout("ecs-svc/1", "PRIMARY", "COMPLETED", desired_count=1, running_count=1, task_definition_arn="td:1")


def plain(*rollouts: Rollout) -> World:
    """A service without an Express side and without service deployments."""
    primary = next(one for one in rollouts if one.status == "PRIMARY")
    state = ServiceState(
        "web",
        arn("default", "web"),
        "default",
        "ACTIVE",
        desired_count=1,
        running_count=1,
        task_definition_arn=primary.task_definition_arn,
        primary_deployment_id=primary.deployment_id,
        rollouts=rollouts,
    )
    return World(state=state, task=(running_task(1),))


def updating(state: str = "IN_PROGRESS", *, failed_count: int = 0) -> World:
    second = Rollout(
        "ecs-svc/2",
        "PRIMARY",
        state,
        desired_count=1,
        failed_count=failed_count,
        task_definition_arn="td:2",
        created_at=START + timedelta(minutes=1),
    )
    return plain(second, replace(FIRST, status="ACTIVE"))


def wait(world: World, *, timeout_seconds: float = 5) -> Readiness:
    ports = ServicePorts(ecs=world, logs=world, probe=world, targets=world)
    return wait_for_service("default", "web", ports=ports, clock=world.clock, timeout_seconds=timeout_seconds)


def test_a_service_whose_rollout_is_done_is_ready() -> None:
    assert wait(plain(FIRST)).status == "success"


def test_an_earlier_versions_tasks_make_no_update_ready() -> None:
    readiness = wait(updating())
    assert readiness.status == "timeout"
    assert "0 of 1 tasks healthy" in readiness.message


def test_an_update_whose_tasks_crash_again_and_again_fails_with_their_cause() -> None:
    world = updating(failed_count=3)
    world.task = (*(crashed_task(number, revision=2, exit_code=3) for number in (4, 3, 2)), running_task(1))
    readiness = wait(world)
    assert readiness.status == "failed"
    assert readiness.cause is not None
    assert "exited with code 3" in readiness.cause.sentence


def test_a_rollout_that_has_failed_is_no_longer_waited_for() -> None:
    readiness = wait(updating("FAILED"))
    assert readiness.status == "failed"
    assert readiness.elapsed_seconds == 0


@pytest.mark.parametrize("denied", [set[str](), {"deployments"}])
def test_a_crash_of_the_version_before_explains_no_update(denied: set[str]) -> None:
    world = updating()
    world.denied = denied
    world.task = (crashed_task(9, revision=1, exit_code=9), running_task(2, revision=2))
    cause = explain_failure(cluster="default", service_name="web", ecs=world, logs=world, targets=world)
    assert cause is None
