"""A service that was repaired after a rollback is well; one that was put back to its earlier version is not."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from expressway.aws.values.service import DeploymentState, RevisionState
from expressway.diagnose.actions import GUIDANCE, troubleshoot
from expressway.diagnose.ports import TroubleshootPorts
from tests.aws.ecs.fakes import START
from tests.diagnose.fakes import ClusterWorld, crashed, healthy

IMAGE = ("registry.example/web:1",)


def world_after(third: str) -> ClusterWorld:
    """Served as `first`, failed as `second` and was rolled back, and serves since then as `third`; one image."""
    made = healthy("web")
    assert made.definition is not None
    now = made.deployments[0]
    second = DeploymentState(
        "web/d/0",
        "ROLLBACK_SUCCESSFUL",
        target_revision_arn="web/rev/0",
        rollback_revision_arn="web/rev/-1",
        circuit_breaker="TRIGGERED",
        created_at=START - timedelta(minutes=5),
    )
    first = replace(now, arn="web/d/-1", target_revision_arn="web/rev/-1", created_at=START - timedelta(hours=2))
    made.deployments = (now, second, first)
    made.revisions = (
        replace(made.revisions[0], images=IMAGE),
        RevisionState("web/rev/0", "td:0", images=IMAGE),
        RevisionState("web/rev/-1", "td:-1", images=IMAGE),
    )
    made.definition = replace(made.definition, content=third)
    made.other_definitions = (
        replace(made.definition, arn="td:0", content="second"),
        replace(made.definition, arn="td:-1", content="first"),
    )
    made.tasks = (*made.tasks, replace(crashed("web", 9), task_definition_arn="td:0", started_by="ecs-svc/web0"))
    return ClusterWorld({"web": made})


def ask(ports: TroubleshootPorts, **named: str) -> Mapping[str, Any]:
    return troubleshoot(GUIDANCE, {"ecs_cluster_name": "default", **named}, ports).whole


@pytest.mark.parametrize("named", [{"ecs_service_name": "web"}, {}])
def test_a_service_repaired_without_another_image_is_well(named: dict[str, str]) -> None:
    answer = ask(world_after("third").ports(), **named)
    assert [one["code"] for one in answer["findings"]] == ["nothing_wrong"]
    assert "rolled back" not in answer["assessment"]


@pytest.mark.parametrize("named", [{"ecs_service_name": "web"}, {}])
def test_a_service_put_back_to_what_ran_before_is_told_to_have_been_rolled_back(named: dict[str, str]) -> None:
    answer = ask(world_after("first").ports(), **named)
    assert {"container_exited", "circuit_breaker_rollback"} <= {one["code"] for one in answer["findings"]}
    assert "was rolled back" in answer["assessment"]


def test_what_was_compared_is_not_read_again() -> None:
    world = world_after("third")
    ports = world.ports()
    ask(ports, ecs_service_name="web")
    assert set(world.asked("task_definition")) >= {"td:0", "td:-1"}
    world.calls.clear()
    ask(ports, ecs_service_name="web")
    assert world.asked("task_definition") == []


def test_where_the_task_definitions_may_not_be_read_a_service_that_serves_is_not_called_rolled_back() -> None:
    world = world_after("first")
    world.denied = {"task_definition"}
    answer = ask(world.ports(), ecs_service_name="web")
    assert "rolled back" not in answer["assessment"]
    assert any(gap.startswith("task definition:") for gap in answer["gaps"])
