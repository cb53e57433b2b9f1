"""A deployment that failed hours ago: ECS has forgotten its tasks, and its reason and their log still tell why."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from expressway.aws.values.service import LogConfiguration
from expressway.aws.values.task_definition import ContainerDefinition
from expressway.diagnose.actions import GUIDANCE, troubleshoot
from tests.aws.ecs.fakes import START
from tests.diagnose.fakes import LOG_GROUP, NOW, ClusterWorld, crashing, healthy

BREAKER = "Service deployment rolled back because the circuit breaker threshold was exceeded."
EXITED = f"{BREAKER} Essential container in task exited (exit code: 3)"


def forgotten(reason: str, *lines: str, finished_seconds: int = 20) -> ClusterWorld:
    """A first deployment that failed; its tasks are forgotten, what they wrote is there."""
    made = crashing("web")
    world = ClusterWorld({"web": made})
    old, last = made.tasks[-1], made.tasks[0]
    world.write(old, "an older line", "OldError: of an earlier task")
    if lines:
        world.write(last, *lines)
    else:
        world.log.clear()
    made.tasks = ()
    ended = START + timedelta(seconds=finished_seconds)
    made.deployments = (replace(made.deployments[0], rollback_reason=reason, status_reason=BREAKER, finished_at=ended),)
    return world


def ask(world: ClusterWorld) -> Mapping[str, Any]:
    return troubleshoot(GUIDANCE, {"ecs_cluster_name": "default", "ecs_service_name": "web"}, world.ports()).whole


def codes(answer: Mapping[str, Any]) -> list[str]:
    return [one["code"] for one in answer["findings"]]


def test_the_reasons_exit_code_and_the_end_of_the_log_tell_the_cause() -> None:
    crash, breaker = ask(forgotten(EXITED, "starting", "KeyError: 'DATABASE_URL'"))["findings"]
    assert (crash["code"], crash["confidence"]) == ("container_exited", "high")
    assert crash["cause"] == (
        "The container Main of the failed deployment's tasks exited with code 3; ECS has forgotten the tasks, but the "
        "log is still there."
    )
    assert crash["evidence"] == ["KeyError: 'DATABASE_URL'", "starting"]
    assert (breaker["code"], breaker["severity"]) == ("circuit_breaker_rollback", "warning")


def test_of_two_exit_codes_the_one_of_the_status_is_told() -> None:
    world = forgotten(EXITED)
    made = world.services["web"]
    status = "Essential container in task exited (exit code: 7)"
    made.deployments = (replace(made.deployments[0], status_reason=status),)
    assert "exited with code 7" in ask(world)["findings"][0]["cause"]


def test_without_an_exit_code_the_error_at_the_end_of_the_log_is_told_as_the_likely_cause() -> None:
    error = ask(forgotten(BREAKER, "starting", "KeyError: 'DATABASE_URL'"))["findings"][0]
    assert (error["code"], error["confidence"]) == ("log_ends_with_error", "medium")
    assert error["evidence"][0] == "KeyError: 'DATABASE_URL'"
    assert "DATABASE_URL" not in error["cause"]


def test_a_log_without_an_error_is_no_cause_and_one_finding_says_what_is_known() -> None:
    (breaker,) = ask(forgotten(BREAKER, "GET / 200", "stopping"))["findings"]
    assert (breaker["code"], breaker["severity"]) == ("circuit_breaker_rollback", "critical")
    assert "deploy again and ask while it fails" in breaker["remedy"]
    assert "other findings" not in breaker["remedy"]


def test_without_any_log_the_exit_code_is_still_told() -> None:
    crash = ask(forgotten(EXITED))["findings"][0]
    assert crash["cause"] == (
        "A container of the failed deployment's tasks exited with code 3; ECS has forgotten the tasks, and no log of "
        "them was found."
    )
    assert crash["confidence"] == "medium"
    assert "fetch_task_logs" in crash["remedy"]


def test_of_several_containers_none_is_named_and_the_log_is_said_to_be_mains() -> None:
    world = forgotten(EXITED, "KeyError: 'DATABASE_URL'")
    made = world.services["web"]
    assert made.definition is not None
    proxy = ContainerDefinition("proxy", log_driver="awslogs")
    logs = (LogConfiguration("proxy", LOG_GROUP, "app"), *made.definition.log_configurations)
    made.definition = replace(made.definition, containers=(proxy, *made.definition.containers), log_configurations=logs)
    crash = ask(world)["findings"][0]
    assert crash["cause"].startswith("A container of the failed deployment's tasks exited with code 3")
    assert crash["cause"].endswith("but the log of Main is still there.")
    assert crash["confidence"] == "medium"


def test_lines_of_another_deployment_are_no_evidence() -> None:
    world = forgotten(EXITED, "KeyError: 'DATABASE_URL'")
    made = world.services["web"]
    later = {"created_at": NOW - timedelta(minutes=5), "finished_at": NOW - timedelta(minutes=1)}
    made.deployments = (replace(made.deployments[0], **later),)
    assert "DATABASE_URL" not in str(ask(world)["findings"])


def test_a_log_that_may_not_be_searched_is_a_gap() -> None:
    world = forgotten(EXITED, "KeyError: 'DATABASE_URL'")
    world.denied = {"search"}
    answer = ask(world)
    assert codes(answer)[0] == "container_exited"
    assert any(gap.startswith("logs:") for gap in answer["gaps"])


@pytest.mark.parametrize("tasks", [0, 3])
def test_no_log_is_searched_while_ecs_knows_the_tasks_or_the_service_serves(tasks: int) -> None:
    world = ClusterWorld({"web": crashing("web", tasks=tasks) if tasks else healthy("web")})
    ask(world)
    assert world.asked("search") == []


def test_an_earlier_version_that_serves_is_told_beside_the_forgotten_crash() -> None:
    made = healthy("web")
    assert made.definition is not None
    failed = replace(
        made.deployments[0],
        arn="web/d/2",
        status="ROLLBACK_SUCCESSFUL",
        target_revision_arn="web/rev/2",
        rollback_revision_arn="web/rev/1",
        rollback_reason=EXITED,
        finished_at=START + timedelta(seconds=30),
    )
    made.deployments = (failed, replace(made.deployments[0], created_at=START - timedelta(hours=3)))
    made.revisions = (*made.revisions, replace(made.revisions[0], arn="web/rev/2", task_definition_arn="td:2"))
    made.other_definitions = (replace(made.definition, arn="td:2"),)
    world = ClusterWorld({"web": made})
    gone = replace(made.tasks[0], arn=f"{made.tasks[0].arn}-gone", started_at=START)
    world.write(gone, "KeyError: 'DATABASE_URL'")
    answer = ask(world)
    assert answer["findings"][0]["evidence"][0] == "KeyError: 'DATABASE_URL'"
    assert "serves with its earlier version" in answer["assessment"]


@pytest.mark.parametrize("read", ["task_arns", "tasks"])
@pytest.mark.parametrize("service", ["web", ""])
def test_tasks_that_may_not_be_read_are_not_forgotten(read: str, service: str) -> None:
    made = crashing("web", exit_code=3)
    made.deployments = (
        replace(made.deployments[0], rollback_reason=EXITED, finished_at=START + timedelta(seconds=20)),
    )
    world = ClusterWorld({"web": made}, denied={read})
    world.write(made.tasks[0], "KeyError: 'DATABASE_URL'")
    asked = {"ecs_cluster_name": "default", "ecs_service_name": service}
    crash = troubleshoot(GUIDANCE, {key: one for key, one in asked.items() if one}, world.ports()).whole["findings"][0]
    assert crash["cause"] == (
        "The container Main of the failed deployment's tasks exited with code 3; the tasks could not be read, but the "
        "log is still there."
    )
    assert crash["evidence"] == ["KeyError: 'DATABASE_URL'"]


@pytest.mark.parametrize("lines", [("GET / 200",), ("KeyError: 'DATABASE_URL'",)])
def test_where_tasks_may_not_be_read_the_permission_is_what_helps(lines: tuple[str, ...]) -> None:
    world = forgotten(BREAKER, *lines)
    world.denied = {"task_arns"}
    first = ask(world)["findings"][0]
    assert "forgotten" not in first["cause"]
    if first["code"] == "log_ends_with_error":
        assert first["cause"].startswith("The tasks could not be read; the log of the last of them")
    else:
        assert "ecs:ListTasks" in first["remedy"]


def test_of_a_crash_loop_whose_deployments_may_not_be_read_no_end_is_told() -> None:
    made = crashing("web")
    made.state = replace(made.state, rollouts=())
    world = ClusterWorld({"web": made}, denied={"deployment_briefs"})
    (loop,) = [one for one in ask(world)["findings"] if one["code"] == "crash_loop"]
    assert loop["cause"].endswith("with exit code 1.")
    assert loop["remedy"] == "Correct what ends them, and deploy again."
