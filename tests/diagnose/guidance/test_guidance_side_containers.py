"""Tasks with several containers: the one that ended the task is named, and no other's log is read for it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from expressway.aws.values.service import ContainerState, LogConfiguration
from expressway.aws.values.task_definition import ContainerDefinition, PortMapping
from expressway.diagnose.actions import GUIDANCE, troubleshoot
from tests.diagnose.fakes import LOG_GROUP, ClusterWorld, crashing, healthy

MAIN = ContainerDefinition("Main", (PortMapping("main", 8080),), "registry.example/web:1", log_driver="awslogs")
FAILURES = "fetch_task_failures"
SIDE = ContainerDefinition("proxy", (), "registry.example/proxy:1", log_driver="awslogs")


def world_of(
    *containers: ContainerDefinition, exits: Mapping[str, int | None], reasons: Mapping[str, str] | None = None
) -> ClusterWorld:
    """A service that crashes, whose tasks consist of these containers in this order."""
    made = crashing("web")
    ended = tuple(
        ContainerState(one.name, "STOPPED", exit_code=exits[one.name], reason=(reasons or {}).get(one.name, ""))
        for one in containers
    )
    made.tasks = tuple(replace(task, containers=ended) for task in made.tasks)
    assert made.definition is not None
    logs = tuple(LogConfiguration(one.name, LOG_GROUP, "app") for one in containers if one.log_driver == "awslogs")
    made.definition = replace(made.definition, containers=containers, log_configurations=logs)
    world = ClusterWorld({"web": made})
    for task in made.tasks:
        world.write(task, "proxy listens on 15001", "could not connect to metadata endpoint", container="proxy")
    return world


def ask(world: ClusterWorld, action: str = GUIDANCE) -> Mapping[str, Any]:
    named = {"ecs_service_name": "web"} if action == GUIDANCE else {}
    return troubleshoot(action, {"ecs_cluster_name": "default", **named}, world.ports()).whole


def crash_of_main(world: ClusterWorld) -> None:
    for task in world.services["web"].tasks:
        world.write(task, "Traceback (most recent call last):", "KeyError: 'DATABASE_URL'")


@pytest.mark.parametrize("essential", [True, False])
@pytest.mark.parametrize("proxy_ends_with", [0, 137, 143])
def test_a_container_that_ecs_stopped_is_not_blamed_for_the_crash_of_main(
    essential: bool, proxy_ends_with: int
) -> None:
    world = world_of(replace(SIDE, essential=essential), MAIN, exits={"proxy": proxy_ends_with, "Main": 1})
    crash_of_main(world)
    crash, loop, *_ = ask(world)["findings"]
    assert (crash["code"], crash["evidence"][0]) == ("container_exited", "KeyError: 'DATABASE_URL'")
    assert crash["cause"] == "The container Main exited with code 1."
    assert (loop["code"], "with exit code 1," in loop["cause"]) == ("crash_loop", True)
    assert "metadata endpoint" not in str(ask(world)["findings"])
    assert {stream.split("/")[1] for _, stream in world.asked("tail_events")} == {"Main"}


def test_a_side_container_that_crashed_and_took_main_with_it_is_told_with_its_own_log() -> None:
    world = world_of(MAIN, SIDE, exits={"Main": 143, "proxy": 2})
    crash_of_main(world)
    crash = ask(world)["findings"][0]
    assert crash["cause"].startswith("The container proxy exited with code 2")
    assert crash["evidence"][0] == "could not connect to metadata endpoint"
    assert "DATABASE_URL" not in str(crash)


@pytest.mark.parametrize(("driver", "told"), [("awsfirelens", "awsfirelens"), ("", "none")])
def test_no_other_containers_log_stands_for_one_that_is_not_in_cloudwatch_logs(driver: str, told: str) -> None:
    world = world_of(SIDE, replace(MAIN, log_driver=driver), exits={"proxy": 143, "Main": 1})
    crash = ask(world)["findings"][0]
    assert crash["cause"] == (
        f"The container Main exited with code 1; its log is not kept in CloudWatch Logs (log driver: {told})."
    )
    assert crash.get("evidence", []) == []
    assert crash["confidence"] == "medium"
    assert "awslogs" in crash["remedy"]
    assert world.asked("tail_events") == []


def test_a_container_without_a_log_is_not_said_to_have_an_empty_one() -> None:
    world = world_of(replace(MAIN, log_driver=""), exits={"Main": 1})
    assert "its log is not kept in CloudWatch Logs" in ask(world)["findings"][0]["cause"]


def test_the_logs_of_a_task_whose_definition_may_not_be_read_are_not_said_to_be_empty() -> None:
    world = world_of(MAIN, exits={"Main": 1})
    world.denied = {"task_definition"}
    assert "its task definition was not read" in ask(world)["findings"][0]["cause"]


def test_an_init_container_that_did_its_work_is_no_cause() -> None:
    init = ContainerDefinition("migrate", (), "registry.example/web:1", essential=False, log_driver="awslogs")
    world = world_of(init, MAIN, exits={"migrate": 0, "Main": 137})
    assert ask(world)["findings"][0]["cause"].startswith("The container Main was killed")


def test_an_init_container_that_failed_is_the_cause_of_what_waited_for_it() -> None:
    init = ContainerDefinition("migrate", (), "registry.example/web:1", essential=False, log_driver="awslogs")
    reasons = {"Main": "dependency graph: failed to resolve container ordering dependency [migrate]"}
    world = world_of(init, MAIN, exits={"migrate": 3, "Main": None}, reasons=reasons)
    for task in world.services["web"].tasks:
        world.write(task, "OperationalError: the database does not exist", container="migrate")
    crash = ask(world)["findings"][0]
    assert crash["cause"] == "The container migrate exited with code 3."
    assert crash["evidence"][0] == "OperationalError: the database does not exist"


@pytest.mark.parametrize("exit_code", [0, 1, 137])
def test_a_side_container_that_ended_beside_a_healthy_main_is_no_fault(exit_code: int) -> None:
    made = healthy("web")
    reason = "OutOfMemoryError: Container killed due to memory usage" if exit_code == 137 else ""
    ended = ContainerState("proxy", "STOPPED", exit_code=exit_code, reason=reason)
    made.tasks = tuple(replace(task, containers=(ended, *task.containers)) for task in made.tasks)
    assert made.definition is not None
    made.definition = replace(made.definition, containers=(replace(SIDE, essential=False), MAIN))
    answer = ask(ClusterWorld({"web": made}))
    told = ["side_container_ended"] if exit_code else []
    assert [(one["code"], one["severity"]) for one in answer["findings"]] == [
        (code, "info") for code in ("nothing_wrong", *told)
    ]
    assert ("not essential" in answer["assessment"]) == bool(exit_code)


def test_failed_tasks_are_counted_by_the_container_that_ended_them() -> None:
    world = world_of(replace(SIDE, essential=False), MAIN, exits={"proxy": 3, "Main": 127})
    found = ask(world, FAILURES)
    assert {one["container"] for one in found["failure_categories"]["command_failure"]} == {"Main"}
    assert list(found["failure_categories"]) == ["command_failure"]


def test_a_task_with_one_container_costs_no_read_of_its_definition_when_failures_are_counted() -> None:
    one, several = world_of(MAIN, exits={"Main": 1}), world_of(SIDE, MAIN, exits={"proxy": 143, "Main": 1})
    ask(one, FAILURES)
    ask(several, FAILURES)
    assert len(several.asked("task_definition")) == len(one.asked("task_definition")) + 1
