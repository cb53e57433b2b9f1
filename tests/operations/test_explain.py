"""Facts are gathered once and at the same time; what may not be read is named, never guessed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from expressway.model.cause import Cause
from expressway.model.service import ServiceEvent
from expressway.model.stack import StackEvent
from expressway.operations.explain import explain_failure
from tests.operations.in_memory_ecs import START, World, crashed_task, deployed_world, deployment, running_task


def explain(world: World, stack_events: tuple[StackEvent, ...] = ()) -> Cause | None:
    return explain_failure(
        cluster="default", service_name="web", ecs=world, logs=world, targets=world, stack_events=stack_events
    )


def test_a_healthy_service_has_nothing_to_explain() -> None:
    assert explain(deployed_world()) is None


def test_the_failed_deployment_is_explained_after_the_rollback_has_made_a_newer_one() -> None:
    world = deployed_world(revision=1)
    failed = deployment("ROLLBACK_SUCCESSFUL", revision=2)
    restored = replace(deployment("SUCCESSFUL", revision=1), created_at=START + timedelta(minutes=5))
    world.deployment = (restored, failed)
    world.task = (running_task(1, revision=1), crashed_task(2, revision=2))
    world.log = {"t2": ("RuntimeError: broken version",)}

    cause = explain(world)

    assert cause is not None
    assert "RuntimeError: broken version" in cause.sentence


def test_crashes_of_an_older_version_are_not_blamed_on_a_newer_one() -> None:
    world = deployed_world("IN_PROGRESS", revision=2)
    world.task = (crashed_task(1, revision=1), running_task(2, revision=2))

    assert explain(world) is None


def test_tasks_of_a_service_that_is_gone_still_tell_why() -> None:
    world = deployed_world()
    world.state, world.express, world.deployment = None, None, ()
    world.task = (crashed_task(),)
    world.log = {"t1": ("OSError: no such device",)}

    cause = explain(world)

    assert cause is not None
    assert "OSError: no such device" in cause.sentence


def test_tasks_from_before_the_stack_operation_are_left_out() -> None:
    world = deployed_world()
    world.state, world.express, world.deployment = None, None, ()
    world.task = (crashed_task(),)
    started = StackEvent(
        START + timedelta(minutes=10), "web", "", "AWS::CloudFormation::Stack", "CREATE_IN_PROGRESS", ""
    )

    assert explain(world, (started,)) is None


def test_events_from_before_the_deployment_are_left_out() -> None:
    world = deployed_world("IN_PROGRESS")
    old = ServiceEvent(START - timedelta(hours=1), "(service web) was unable to place a task. Capacity is unavailable.")
    world.state = replace(world.state, events=(old,))  # type: ignore[type-var]

    assert explain(world) is None


def test_a_log_that_may_not_be_read_is_a_gap_and_the_exit_code_still_counts() -> None:
    world = deployed_world("ROLLBACK_SUCCESSFUL")
    world.task = (crashed_task(exit_code=3),)
    world.denied = {"tail"}

    cause = explain(world)

    assert cause is not None
    assert cause.sentence.endswith("exited with code 3; its log could not be read.")
    assert any(gap.startswith("logs:") for gap in cause.gaps)


@pytest.mark.parametrize(("is_gone", "told"), [(True, "its log is gone."), (False, "its log is empty.")])
def test_a_log_that_a_rollback_removed_is_told_apart_from_an_empty_one(is_gone: bool, told: str) -> None:
    world = deployed_world("ROLLBACK_SUCCESSFUL")
    world.task = (crashed_task(exit_code=3),)
    world.log_group_is_gone = is_gone

    cause = explain(world)

    assert cause is not None
    assert cause.sentence.endswith(told)


def test_without_any_permission_only_the_gaps_are_told() -> None:
    world = deployed_world("ROLLBACK_SUCCESSFUL")
    world.denied = {"service", "tasks", "revisions", "express_service"}

    cause = explain(world)

    assert cause is not None
    assert cause.code == "deployment_failed"
    assert {gap.split(":")[0] for gap in cause.gaps} == {"service", "tasks", "revisions"}


def test_no_conclusion_is_drawn_when_nothing_could_be_read() -> None:
    world = deployed_world("ROLLBACK_SUCCESSFUL")
    world.denied = {"service", "tasks", "revisions", "deployments"}

    assert explain(world) is None


def test_an_old_crash_is_not_blamed_on_a_version_whose_deployment_may_not_be_read() -> None:
    world = deployed_world(revision=2)
    world.task = (crashed_task(1, revision=1), running_task(2, revision=2))
    world.denied = {"deployments"}

    assert explain(world) is None
