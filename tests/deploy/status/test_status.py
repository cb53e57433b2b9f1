"""One small answer, and the right word for it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from expressway.aws.values.service import Endpoint, ServiceConfiguration
from expressway.cloudformation.stack import StackState
from expressway.deploy.operation import OperationRecord
from expressway.deploy.status.status import AppStatus, app_status
from expressway.deploy.status.wait import ServicePorts
from expressway.errors import DefinitionError
from tests.aws.ecs.fakes import (
    ACCOUNT,
    START,
    World,
    arn,
    crashed_task,
    deployed_world,
    deployment,
    running_task,
)

SERVICE_STACK = "web-express-service"
REPOSITORY_STACK = "web-ecr-infrastructure"


@dataclass
class Known:
    """Stacks and the journal."""

    stacks: dict[str, StackState] = field(default_factory=dict)
    operation: OperationRecord | None = None

    def describe(self, stack_name: str) -> StackState | None:
        return self.stacks.get(stack_name)

    def latest(self, app_name: str) -> OperationRecord | None:
        return self.operation


def stack(name: str, status: str = "CREATE_COMPLETE", reason: str = "") -> StackState:
    outputs = {"ServiceArn": arn("default", "web")} if name == SERVICE_STACK else {}
    stack_id = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/{name}/1"
    return StackState(name, stack_id, status, reason, owner_app="web", outputs=outputs)


def deployed() -> Known:
    return Known({name: stack(name) for name in (SERVICE_STACK, REPOSITORY_STACK)})


def operation(state: str, **changes: object) -> OperationRecord:
    record = OperationRecord(
        "deploy-web-0a1b2c3d",
        "web",
        "deploy",
        state,  # type: ignore[arg-type]
        "service",
        "bringing web-express-service up to date",
        "2026-11-01T12:00:00.000+00:00",
        "2026-11-01T12:00:09.000+00:00",
    )
    return replace(record, **changes)  # type: ignore[arg-type]


def status(world: World, known: Known) -> AppStatus:
    ports = ServicePorts(ecs=world, logs=world, probe=world, targets=world)
    return app_status("web", stacks=known, ports=ports, last_operation=known.latest)


def test_a_build_under_way_is_told_and_the_app_is_what_it_is_meanwhile() -> None:
    known = deployed()
    known.operation = operation("running", kind="build", phase="push", message="pushing layers")
    told = status(deployed_world(), known)
    assert told.status == "ready"
    assert told.message.endswith("A build is in progress, in phase push: pushing layers.")
    assert told.operation is not None
    assert (told.operation["kind"], told.operation["state"]) == ("build", "running")


def test_a_build_of_an_app_that_is_not_deployed_is_told() -> None:
    known = Known(operation=operation("running", kind="build"))
    told = status(World(), known)
    assert told.status == "absent"
    assert "A build is in progress" in told.message


def test_a_serving_app_is_ready_and_its_answer_is_small() -> None:
    known = deployed()
    known.operation = operation("succeeded")

    told = status(deployed_world(), known)

    assert told.status == "ready"
    assert told.url == "https://ex-0123.ecs.us-east-1.on.aws/"
    assert told.tasks == {"desired": 1, "running": 1, "pending": 0, "healthy": 1}
    assert told.last_error is None
    assert len(json.dumps(told.to_dict())) < 1500


def test_an_app_that_was_never_deployed_is_absent() -> None:
    assert status(World(), Known()).to_dict() == {
        "app_name": "web",
        "status": "absent",
        "message": "Nothing of this app is deployed.",
    }


def test_a_running_operation_is_told_before_any_stack_exists() -> None:
    told = status(World(), Known(operation=operation("running", phase="build")))

    assert told.status == "deploying"
    assert told.operation is not None
    assert told.operation["operation_id"] == "deploy-web-0a1b2c3d"


@pytest.mark.parametrize(
    ("stack_status", "expected"),
    [
        ("CREATE_IN_PROGRESS", "deploying"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "deploying"),
        ("DELETE_IN_PROGRESS", "deleting"),
    ],
)
def test_a_stack_on_the_move_is_told_even_when_its_process_is_gone(stack_status: str, expected: str) -> None:
    known = deployed()
    known.stacks[SERVICE_STACK] = stack(SERVICE_STACK, stack_status)
    known.operation = operation("interrupted")

    told = status(deployed_world(), known)

    assert told.status == expected
    assert told.operation is not None
    assert told.operation["hint"] == "Repeat the deploy: it continues."


def rolled_back(*, back_to: str = "rev/1") -> World:
    """Revision 2 crashed and was rolled back; a task of revision 1 runs, known to no rollout of today."""
    world = deployed_world("ROLLBACK_SUCCESSFUL", revision=2)
    finished = START + timedelta(minutes=5)
    world.deployment = (replace(world.deployment[0], rollback_revision_arn=back_to, finished_at=finished),)
    world.task = (replace(running_task(1, revision=1), started_by="ecs-svc/earlier"), crashed_task(2, revision=2))
    world.log = {"t2": ("ImportError: cannot import name 'app'",)}
    assert world.state is not None
    world.state = replace(world.state, task_definition_arn="td:1", primary_deployment_id="ecs-svc/3")
    return world


def rolled_back_stacks() -> Known:
    known = deployed()
    changed = stack(SERVICE_STACK, "UPDATE_ROLLBACK_COMPLETE", "a resource failed")
    known.stacks[SERVICE_STACK] = replace(changed, updated_at=START + timedelta(minutes=6))
    return known


@pytest.mark.parametrize("known", [deployed, rolled_back_stacks])
def test_after_a_rollback_the_previous_version_is_ready_and_the_cause_is_told(known: Callable[[], Known]) -> None:
    told = status(rolled_back(), known())

    assert told.status == "ready"
    assert told.message.startswith("It serves the previous version: the last deployment was rolled back (")
    assert "ImportError" in told.message
    assert told.last_error is not None
    assert told.last_error["code"] == "container_exited"
    assert told.tasks == {"desired": 1, "running": 1, "pending": 0, "healthy": 1, "recently_failed": 1}
    assert (told.service["serving_revision"], told.service["url_answers"]) == ("1", 200)
    assert told.deployment["status"] == "ROLLBACK_SUCCESSFUL"
    assert told.deployment["revision"] == "2"


def test_the_revision_that_express_still_has_serves_where_the_rollback_names_none() -> None:
    world = rolled_back(back_to="")
    assert world.express is not None
    world.express = replace(world.express, configurations=(ServiceConfiguration("rev/1", endpoints=(Endpoint("e"),)),))

    assert status(world, deployed()).status == "ready"


def test_after_a_rollback_a_previous_version_that_does_not_answer_is_not_ready() -> None:
    world = rolled_back()
    world.url_status = 502

    told = status(world, rolled_back_stacks())

    assert told.status == "degraded"
    assert "502" in told.message
    assert told.last_error is not None


def test_after_a_rollback_a_previous_version_without_tasks_is_not_ready() -> None:
    world = rolled_back()
    world.task = (crashed_task(2, revision=2),)

    assert status(world, rolled_back_stacks()).status == "degraded"


@pytest.mark.parametrize(("minute", "is_over"), [(7, True), (4, False)])
def test_a_rollback_matters_until_a_later_deployment_has_ended_well(minute: int, is_over: bool) -> None:
    known = rolled_back_stacks()
    ended = (START + timedelta(minutes=minute)).isoformat(timespec="milliseconds")
    known.operation = operation("succeeded", message="unchanged", updated_at=ended)

    told = status(rolled_back(), known)

    assert told.status == "ready"
    assert ("previous version" not in told.message) is is_over
    assert (told.last_error is None) is is_over


def test_a_rollback_whose_cause_ecs_has_forgotten_is_told_from_the_journal() -> None:
    known = rolled_back_stacks()
    error = {"code": "deployment_failed", "message": "The image does not exist.", "hint": "Push it."}
    known.operation = operation("failed", error=error)

    told = status(deployed_world(), known)

    assert told.message.endswith("the last deployment was rolled back (The image does not exist).")
    assert told.last_error == error


def _failed_first_deployment() -> tuple[World, Known]:
    """The rollback removed service and log group; ECS still remembers the task, and the journal its last words."""
    world = World(task=(crashed_task(exit_code=3),), log_group_is_gone=True)
    known = Known({SERVICE_STACK: replace(stack(SERVICE_STACK, "ROLLBACK_COMPLETE"), updated_at=START)})
    error = {
        "code": "deployment_failed",
        "message": "The container Main exited with code 3: boom (web-express-service ended in ROLLBACK_COMPLETE.)",
        "hint": "Correct it.",
        "details": {"cause": "container_exited", "evidence": ["boom"]},
    }
    known.operation = operation("failed", error=error, updated_at=(START + timedelta(minutes=5)).isoformat())
    return world, known


def test_the_cause_that_a_deployment_told_outlives_the_log_that_its_rollback_removed() -> None:
    told = status(*_failed_first_deployment())

    assert told.status == "failed"
    assert told.last_error is not None
    assert told.last_error["code"] == "container_exited"
    assert "exited with code 3: boom" in told.last_error["message"]


def test_what_happened_after_the_journal_was_written_is_explained_afresh() -> None:
    world, known = _failed_first_deployment()
    later = replace(known.stacks[SERVICE_STACK], updated_at=START + timedelta(minutes=6))
    known.stacks[SERVICE_STACK] = later

    told = status(world, known)

    assert told.last_error is not None
    assert told.last_error["message"].endswith("its log is gone.")


def test_a_rolled_back_stack_without_any_other_trace_says_what_cloudformation_says() -> None:
    told = status(deployed_world(), rolled_back_stacks())

    assert told.status == "ready"
    assert told.last_error is not None
    assert "a resource failed" in told.last_error["message"]


def test_a_failed_stack_whose_service_serves_says_both() -> None:
    known = deployed()
    known.stacks[SERVICE_STACK] = stack(SERVICE_STACK, "UPDATE_ROLLBACK_FAILED", "a resource failed")

    told = status(deployed_world(), known)

    assert told.status == "failed"
    assert "still serves" in told.message
    assert told.last_error is not None
    assert "a resource failed" in told.last_error["message"]


def test_tasks_are_counted_over_the_revision_that_is_being_deployed() -> None:
    world = deployed_world("IN_PROGRESS", revision=2)
    world.task = (running_task(1, revision=1), replace(running_task(2, revision=2), status="PENDING"))

    assert status(world, deployed()).tasks == {"desired": 1, "running": 0, "pending": 1, "healthy": 0}


def test_the_error_of_the_last_operation_is_told() -> None:
    error = {"code": "image_push_denied", "message": "ECR says no.", "hint": "Ask.", "details": {"long": "x" * 999}}
    known = Known({REPOSITORY_STACK: stack(REPOSITORY_STACK)}, operation("failed", error=error))

    told = status(World(), known)

    assert told.status == "degraded"
    assert told.last_error == {"code": "image_push_denied", "message": "ECR says no.", "hint": "Ask."}


def test_an_error_that_a_later_success_has_overtaken_is_not_told() -> None:
    known = deployed()
    known.operation = operation("succeeded", error=None)

    assert status(deployed_world(), known).last_error is None


def test_an_address_that_does_not_answer_makes_the_app_degraded() -> None:
    world = deployed_world()
    world.url_status = 503

    told = status(world, deployed())

    assert told.status == "degraded"
    assert "503" in told.message


def test_a_deployment_under_way_is_told_with_its_stage() -> None:
    world = deployed_world()
    world.deployment = (deployment("IN_PROGRESS", lifecycle_stage="BAKE_TIME"),)

    told = status(world, deployed())

    assert told.status == "deploying"
    assert told.deployment["stage"] == "BAKE_TIME"


def test_target_health_that_may_not_be_read_does_not_hide_the_rest() -> None:
    world = deployed_world()
    world.denied = {"health"}

    assert status(world, deployed()).status == "ready"


def test_a_service_that_drains_is_being_deleted() -> None:
    world = deployed_world()
    world.state = replace(world.state, status="DRAINING")  # type: ignore[type-var]

    assert status(world, Known()).status == "deleting"


@pytest.mark.parametrize("name", [arn("default", "web"), "We b", ""])
def test_what_no_app_can_be_called_is_refused_before_anything_is_asked(name: str) -> None:
    world = deployed_world()
    ports = ServicePorts(ecs=world, logs=world, probe=world, targets=world)
    with pytest.raises(DefinitionError) as caught:
        app_status(name, stacks=deployed(), ports=ports, last_operation=deployed().latest)
    assert (caught.value.code, world.calls) == ("invalid_app_name", [])
