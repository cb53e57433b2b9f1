"""Facts are gathered once and at the same time; what may not be read is named, never guessed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from expressway.aws.values.service import ContainerState, LogConfiguration, RevisionState, ServiceEvent
from expressway.aws.values.task_definition import ContainerDefinition, TaskDefinition
from expressway.cloudformation.stack import StackEvent
from expressway.diagnose.explain import explain_failure
from expressway.diagnose.finding import Finding
from tests.aws.ecs.fakes import START, World, crashed_task, deployed_world, deployment, running_task


def explain(world: World, stack_events: tuple[StackEvent, ...] = ()) -> Finding | None:
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


# -- several containers -------------------------------------------------------------------------------------
def with_proxy(world: World, *, main_logs: bool = True, **exits: int) -> World:
    """The world's task definition with a proxy beside Main; `exits` are the exit codes of the one task."""
    containers = tuple(ContainerDefinition(name, log_driver="awslogs") for name in exits)
    logs = (LogConfiguration("Main", "/expressway/web", "app"),) if main_logs else ()
    proxy_log = LogConfiguration("proxy", "/expressway/proxy", "app")
    definition = TaskDefinition(
        "td:1", "ACTIVE", frozenset({"FARGATE"}), containers, log_configurations=(proxy_log, *logs)
    )
    world.definitions = {"td:1": definition}
    ended = tuple(ContainerState(name, "STOPPED", exit_code=code) for name, code in exits.items())
    world.task = (replace(crashed_task(), containers=ended),)
    return world


def test_the_container_that_ended_the_task_is_explained_and_not_one_that_ecs_stopped_with_it() -> None:
    world = with_proxy(deployed_world("ROLLBACK_SUCCESSFUL"), proxy=137, Main=1)
    world.log = {"t1": ("KeyError: 'DATABASE_URL'",)}
    cause = explain(world)
    assert cause is not None
    assert cause.sentence.startswith("The container Main exited with code 1")
    assert "KeyError" in cause.sentence


def test_no_other_containers_log_is_read_for_one_that_logs_elsewhere() -> None:
    cause = explain(with_proxy(deployed_world("ROLLBACK_SUCCESSFUL"), main_logs=False, proxy=143, Main=1))
    assert cause is not None
    assert cause.sentence == (
        "The container Main exited with code 1; its log is not kept in CloudWatch Logs (log driver: awslogs)."
    )


# -- repairs ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("third", "explained"), [("first", True), ("third", False)])
def test_a_failure_that_a_repair_has_followed_is_explained_no_more(third: str, explained: bool) -> None:
    world = deployed_world(revision=3)
    world.revision = tuple(RevisionState(f"rev/{number}", f"td:{number}") for number in (1, 2, 3))
    world.definitions = {
        f"td:{number}": TaskDefinition(f"td:{number}", "ACTIVE", frozenset({"FARGATE"}), (), content=content)
        for number, content in ((1, "first"), (2, "second"), (3, third))
    }
    world.deployment = (
        deployment("SUCCESSFUL", revision=3),
        deployment("ROLLBACK_SUCCESSFUL", revision=2),
        deployment("SUCCESSFUL", revision=1),
    )
    world.task = (running_task(1, revision=3), crashed_task(2, revision=2))
    assert (explain(world) is not None) == explained


def test_tasks_of_a_deleted_service_of_the_same_name_explain_nothing() -> None:
    world = deployed_world("IN_PROGRESS")
    assert world.state is not None
    world.state = replace(world.state, created_at=START + timedelta(hours=1))
    world.task = (crashed_task(1),)
    assert explain(world) is None
