"""Services of which ECS lists no deployments: their rollouts tell whether the newest version serves."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from expressway.aws.values.service import Rollout
from expressway.diagnose.actions import GUIDANCE, troubleshoot
from tests.aws.ecs.fakes import START
from tests.diagnose.fakes import ClusterWorld, ServiceWorld, crashed, healthy, running


def ask(*services: ServiceWorld, denied: set[str] | None = None, service: str = "web") -> Mapping[str, Any]:
    world = ClusterWorld({one.state.name: one for one in services}, denied=denied or set())
    named = {"ecs_service_name": service} if service else {}
    return troubleshoot(GUIDANCE, {"ecs_cluster_name": "default", **named}, world.ports()).whole


def severities(answer: Mapping[str, Any]) -> dict[str, str]:
    return {one["code"]: one["severity"] for one in answer["findings"]}


def rolling(*, update: str = "IN_PROGRESS", reason: str = "") -> ServiceWorld:
    """A plain service of which one version serves while the tasks of the next one crash."""
    made = healthy()
    assert made.definition is not None
    first, second = made.state.rollouts[0], "ecs-svc/web2"
    definition = f"{made.definition.arn}0"
    made.state = replace(
        made.state,
        is_express=False,
        task_definition_arn=definition,
        primary_deployment_id=second,
        rollouts=(
            Rollout(
                second,
                "PRIMARY",
                update,
                reason,
                desired_count=1,
                failed_count=3,
                task_definition_arn=definition,
                created_at=START + timedelta(minutes=5),
            ),
            replace(first, status="ACTIVE", task_definition_arn=made.definition.arn, created_at=START),
        ),
    )
    crashes = [crashed("web", number) for number in (4, 3, 2)]
    made.tasks = (
        *(replace(one, started_by=second, task_definition_arn=definition) for one in crashes),
        running("web", 1),
    )
    made.deployments, made.revisions, made.express = (), (), None
    made.definition = replace(made.definition, arn=definition)
    return made


@pytest.mark.parametrize("denied", [set[str](), {"deployment_briefs"}])
def test_an_update_that_crash_loops_is_critical_while_the_earlier_version_serves(denied: set[str]) -> None:
    answer = ask(rolling(), denied=denied)

    assert severities(answer)["container_exited"] == "critical"
    assert severities(answer)["crash_loop"] == "critical"
    assert "serves with its earlier version (1 of 1 tasks run)" in answer["assessment"]
    assert "its deployment makes no progress" in answer["assessment"]
    assert any("deployments" in gap for gap in answer.get("gaps", [])) == bool(denied)


def test_a_cluster_is_not_said_to_serve_while_an_update_crash_loops() -> None:
    answer = ask(rolling(), healthy("other"), service="")

    assert severities(answer)["crash_loop"] == "critical"
    assert "1 is being deployed: web; 1 serves" in answer["assessment"]


def test_an_update_that_the_circuit_breaker_ended_has_failed() -> None:
    reason = "ECS deployment circuit breaker: tasks failed to start."
    answer = ask(rolling(update="FAILED", reason=reason))

    assert severities(answer)["container_exited"] == "critical"
    assert severities(answer)["circuit_breaker_rollback"] == "warning"
    assert "its newest deployment failed" in answer["assessment"]
    [loop] = [one["cause"] for one in answer["findings"] if one["code"] == "crash_loop"]
    assert "ECS keeps starting new ones" not in loop


def test_a_plain_service_that_serves_has_nothing_wrong() -> None:
    made = healthy()
    made.state = replace(made.state, is_express=False)
    made.deployments, made.revisions, made.express = (), (), None

    assert list(severities(ask(made))) == ["nothing_wrong"]


def test_one_whose_tasks_crash_again_and_again_does_not_serve_though_ecs_counted_one_for_a_moment() -> None:
    made = healthy()
    made.tasks = tuple(crashed("web", number) for number in (3, 2, 1))
    made.targets = ()
    answer = ask(made)

    assert made.state.running_count == 1
    assert "does not serve: 0 of 1 tasks run" in answer["assessment"]
    assert severities(answer)["crash_loop"] == "critical"
