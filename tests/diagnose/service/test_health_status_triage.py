"""When a service itself leaves no question that only its surroundings could answer."""

from dataclasses import replace

import pytest

from expressway.aws.values.service import ContainerState, DeploymentState, ServiceState, TargetHealth, TaskState
from expressway.diagnose.service.health_status import needs_dependency_checks

SERVES = ServiceState("web", "arn:web", "default", "ACTIVE", desired_count=2, running_count=2)
DONE = DeploymentState("arn:d", "SUCCESSFUL")
CRASHED = TaskState(
    "arn:t",
    "STOPPED",
    stop_code="EssentialContainerExited",
    stopped_reason="Essential container in task exited",
    containers=(ContainerState("Main", exit_code=1),),
)
NEVER_STARTED = replace(CRASHED, stop_code="TaskFailedToStart", containers=(ContainerState("Main"),))
UNHEALTHY = TargetHealth("10.0.0.1", 8080, "unhealthy", "Target.Timeout")


def test_what_serves_needs_no_checks() -> None:
    assert not needs_dependency_checks(SERVES, DONE, (), (replace(UNHEALTHY, state="healthy"),))
    assert not needs_dependency_checks(SERVES, None, (), ())


@pytest.mark.parametrize("deployment", [DONE, replace(DONE, status="ROLLBACK_FAILED"), None])
def test_containers_that_end_by_themselves_settle_it(deployment: DeploymentState | None) -> None:
    assert not needs_dependency_checks(replace(SERVES, running_count=0), deployment, (CRASHED, CRASHED), ())


@pytest.mark.parametrize(
    "service",
    [
        replace(SERVES, running_count=1),
        replace(SERVES, desired_count=0, running_count=0),
        replace(SERVES, status="DRAINING"),
    ],
)
def test_what_does_not_serve_for_no_known_reason_is_open(service: ServiceState) -> None:
    assert needs_dependency_checks(service, DONE, (), ())


@pytest.mark.parametrize("status", ["IN_PROGRESS", "ROLLBACK_SUCCESSFUL", "STOPPED"])
def test_a_deployment_that_did_not_succeed_leaves_a_question(status: str) -> None:
    assert needs_dependency_checks(SERVES, replace(DONE, status=status), (), ())


@pytest.mark.parametrize(
    "tasks",
    [
        (NEVER_STARTED,),
        (CRASHED, NEVER_STARTED),
        (replace(CRASHED, stop_code="", stopped_reason="Task failed ELB health checks in (target-group x)"),),
    ],
)
def test_tasks_that_something_else_ended_leave_a_question(tasks: tuple[TaskState, ...]) -> None:
    assert needs_dependency_checks(SERVES, DONE, tasks, ())


def test_an_unhealthy_target_or_an_alarm_leaves_a_question() -> None:
    assert needs_dependency_checks(SERVES, DONE, (), (UNHEALTHY,))
    assert needs_dependency_checks(SERVES, replace(DONE, triggered_alarms=("errors",)), (CRASHED,), ())
