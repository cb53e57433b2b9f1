"""Which of several containers ended a task: never one that ECS only stopped with it."""

from datetime import timedelta
from typing import Any

import pytest

from expressway.aws.values.service import ContainerState, TaskState
from expressway.aws.values.task_definition import ContainerDefinition, TaskDefinition
from expressway.diagnose.exits.rules import category_of
from expressway.diagnose.facts import first_failed_container, other_candidates, telling_reasons
from tests.diagnose.service.situations import START, exited, task


def ended(*containers: ContainerState, **changes: Any) -> TaskState:
    return exited(1, containers=containers, **changes)


def container(name: str, exit_code: int | None, *, reason: str = "", essential: bool = True) -> ContainerState:
    return ContainerState(name, "STOPPED", exit_code=exit_code, reason=reason, essential=essential)


def name_of(one: TaskState) -> str:
    first_failed = first_failed_container(one)
    return first_failed.name if first_failed else ""


@pytest.mark.parametrize("stopped_with", [0, 130, 137, 143])
@pytest.mark.parametrize("essential", [True, False])
def test_an_error_of_its_own_comes_before_the_end_of_a_container_that_ecs_stopped(
    stopped_with: int, essential: bool
) -> None:
    one = ended(container("proxy", stopped_with, essential=essential), container("Main", 1))
    assert name_of(one) == "Main"
    assert other_candidates(one.containers[1], one) == ()


@pytest.mark.parametrize("main", [0, 137, 143])
def test_a_side_container_that_crashed_and_took_main_with_it_is_the_cause(main: int) -> None:
    assert name_of(ended(container("Main", main), container("proxy", 2))) == "proxy"


@pytest.mark.parametrize("code", [1, 127, 139])
def test_a_container_that_is_not_essential_ends_no_task(code: int) -> None:
    one = ended(container("router", code, essential=False), container("Main", 137))
    assert name_of(one) == "Main"


def test_one_that_finished_comes_before_those_that_were_stopped_after_it() -> None:
    assert name_of(ended(container("proxy", 137), container("Main", 0))) == "Main"
    assert name_of(ended(container("proxy", 143), container("Main", 0))) == "Main"


def test_one_that_was_killed_for_its_memory_comes_before_what_failed_beside_it() -> None:
    reason = "OutOfMemoryError: Container killed due to memory usage"
    assert name_of(ended(container("Main", 1), container("cache", 137, reason=reason))) == "cache"


@pytest.mark.parametrize(("seconds", "first_failed"), [(0.3, "Main"), (30.5, "proxy")])
def test_a_kill_that_came_sooner_than_any_stop_kills_is_the_containers_own(seconds: float, first_failed: str) -> None:
    stopping = START + timedelta(seconds=25)
    times = {"stopping_at": stopping, "execution_stopped_at": stopping + timedelta(seconds=seconds)}
    assert name_of(ended(container("proxy", 0), container("Main", 137), **times)) == first_failed


def test_what_finished_beside_one_that_was_killed_may_have_come_second() -> None:
    one = ended(container("proxy", 0), container("Main", 137))
    first_failed = first_failed_container(one)
    assert first_failed is not None
    assert [each.name for each in other_candidates(first_failed, one)] == ["Main"]


def test_main_is_named_first_of_two_that_failed_and_the_other_may_have_been_the_first() -> None:
    one = ended(container("proxy", 2), container("Main", 1))
    first_failed = first_failed_container(one)
    assert first_failed is not None
    assert (first_failed.name, [each.name for each in other_candidates(first_failed, one)]) == ("Main", ["proxy"])


def test_an_init_container_that_failed_ended_the_task_that_waited_for_it() -> None:
    waits = container("Main", None, reason="dependency graph: failed to resolve container ordering dependency")
    assert name_of(ended(container("init", 3, essential=False), waits)) == "init"
    assert name_of(ended(container("init", 0, essential=False), waits)) == ""


def test_no_container_is_to_blame_that_was_stopped_because_another_could_not_start() -> None:
    pull = container("Main", None, reason="CannotPullContainerError: manifest unknown")
    one = ended(container("proxy", 137), pull)
    assert name_of(one) == ""
    assert telling_reasons(one) == (pull.reason,)


def test_a_task_that_runs_has_no_culprit_whatever_ended_in_it() -> None:
    running = task(1, containers=(ContainerState("Main", "RUNNING"), container("init", 1, essential=False)))
    assert first_failed_container(running) is None
    assert telling_reasons(running) == ()


def test_what_ecs_says_of_a_container_beside_the_culprit_is_no_reason_of_the_tasks() -> None:
    reason = "OutOfMemoryError: Container killed due to memory usage"
    one = ended(container("router", 137, reason=reason, essential=False), container("Main", 1))
    assert telling_reasons(one) == ()
    assert category_of(one) == "application_error"


def test_a_task_definition_marks_the_containers_that_are_not_essential() -> None:
    containers = (ContainerDefinition("router", essential=False), ContainerDefinition("Main"))
    definition = TaskDefinition("td:1", "ACTIVE", frozenset({"FARGATE"}), containers)
    marked = definition.marked(ended(container("router", 1), container("Main", 137)))
    assert [one.essential for one in marked.containers] == [False, True]
    assert name_of(marked) == "Main"
