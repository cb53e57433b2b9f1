"""A restart replaces the tasks of the version that runs, waits for the new ones, and says why when they fail."""

from dataclasses import replace
from typing import Any

import pytest

from expressway.core.progress import Progress
from expressway.deploy.restart import RestartPorts, RestartResult, restart_app
from expressway.deploy.status.wait import ServicePorts
from expressway.errors import DefinitionError, ExpresswayError, RefusedError, ServiceError, StackError, TargetError
from tests.aws.ecs.fakes import World, crashed_task, deployed_world
from tests.deploy.status.test_status import SERVICE_STACK, Known, deployed


def restart(world: World, known: Known | None = None, name: str = "web", **options: Any) -> RestartResult:
    ports = RestartPorts(
        stacks=known or deployed(),
        ecs=world,
        service=ServicePorts(ecs=world, logs=world, probe=world, targets=world),
        clock=world.clock,
        target="here",
    )
    return restart_app(name, ports=ports, **options)


def test_new_tasks_are_waited_for_and_named_with_those_that_they_replaced() -> None:
    world = deployed_world()
    result = restart(world)
    assert world.restarted == 1
    assert result.new_tasks == ("t102",)
    assert result.replaced_tasks == ("t1",)
    assert result.elapsed_seconds >= world.restart_seconds
    assert result.to_dict()["status"] == "restarted"
    assert result.url == "https://ex-0123.ecs.us-east-1.on.aws/"


def test_the_deployment_before_the_restart_is_no_proof_of_it() -> None:
    world = deployed_world()
    begin = world.restart

    def late(cluster: str, service_arn: str) -> None:
        world.at(world.clock.now + 5, lambda _: begin(cluster, service_arn))

    world.restart = late  # type: ignore[method-assign]
    assert restart(world).new_tasks == ("t102",)


def test_a_restart_that_ecs_never_begins_is_a_failure() -> None:
    world = deployed_world()
    world.restart = lambda *_: None  # type: ignore[method-assign]
    with pytest.raises(ServiceError) as failure:
        restart(world)
    assert failure.value.code == "restart_failed"
    assert "no new deployment" in failure.value.message


def test_a_restart_is_waited_for_no_longer_than_was_asked() -> None:
    world = deployed_world()
    world.restart_seconds = 10_000.0
    with pytest.raises(ServiceError) as failure:
        restart(world, timeout_seconds=60.0)
    assert failure.value.details["status"] == "timeout"
    assert world.clock.now < world.restart_seconds


def test_a_restart_that_fails_is_told_with_its_cause() -> None:
    world = deployed_world()
    world.restart_ends = "ROLLBACK_SUCCESSFUL"
    world.log = {"t9": ("KeyError: 'DATABASE_URL'",)}
    world.at(10, lambda w: setattr(w, "task", (*w.task, crashed_task(9, revision=2))))
    with pytest.raises(ServiceError) as failure:
        restart(world)
    assert failure.value.code == "restart_failed"
    assert "the previous version keeps running" in failure.value.message
    assert "DATABASE_URL" in failure.value.message
    assert failure.value.details["cause"]


def test_a_lost_answer_is_looked_up_and_nothing_is_restarted_twice() -> None:
    world = deployed_world()
    begin = world.restart

    def losing(cluster: str, service_arn: str) -> None:
        begin(cluster, service_arn)
        raise TargetError("connection_failed", "Connection was closed", "h")

    world.restart = losing  # type: ignore[method-assign]
    assert restart(world).new_tasks == ("t102",)
    assert world.restarted == 1


@pytest.mark.parametrize("runs", [False, True])
def test_a_restart_that_was_not_waited_out_is_waited_for_and_not_made_again(runs: bool) -> None:
    world = deployed_world()
    if runs:
        world.restart("default", "arn")
    restart(world, continues=True)
    assert world.restarted == 1


def test_a_restart_is_made_beside_a_deployment_that_runs_for_another_reason() -> None:
    world = deployed_world()
    world.restart("default", "arn")
    restart(world)
    assert world.restarted == 2


@pytest.mark.parametrize("denied", ["deployments", "tasks", "revisions", "health", "express_service"])
def test_what_may_not_be_read_of_a_restart_is_named(denied: str) -> None:
    world = deployed_world()
    world.denied = {denied}
    told: list[Progress] = []
    result = restart(world, progress=told.append)
    assert world.restarted == 1
    if denied in world.calls:
        assert result.gaps
    assert any(one.level == "warning" for one in told) or denied not in world.calls


def refusal(world: World, known: Known | None = None, name: str = "web") -> ExpresswayError:
    with pytest.raises(ExpresswayError) as caught:
        restart(world, known, name)
    assert world.restarted == 0
    return caught.value


def test_nothing_is_restarted_of_what_is_not_there_not_ours_or_being_changed() -> None:
    assert isinstance(refusal(deployed_world(), name="Web!"), DefinitionError)
    assert refusal(deployed_world(), Known()).code == "app_not_deployed"
    assert refusal(World(), deployed()).code == "app_not_deployed"
    gone = deployed_world()
    assert gone.state is not None
    gone.state = replace(gone.state, status="INACTIVE")
    assert "is INACTIVE" in refusal(gone).message

    def standing(**changes: Any) -> Known:
        known = deployed()
        known.stacks[SERVICE_STACK] = replace(known.stacks[SERVICE_STACK], **changes)
        return known

    for never in (standing(status="REVIEW_IN_PROGRESS", owner_app=None), standing(status="ROLLBACK_COMPLETE")):
        assert refusal(deployed_world(), never).code == "app_not_deployed"
    foreign = refusal(deployed_world(), standing(owner_app=None))
    assert (type(foreign), foreign.code) == (RefusedError, "stack_foreign")
    busy = refusal(deployed_world(), standing(status="UPDATE_IN_PROGRESS"))
    assert (type(busy), busy.code) == (StackError, "stack_busy")
