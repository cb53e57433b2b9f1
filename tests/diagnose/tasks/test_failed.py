"""Tasks that failed in a version, a service or a moment that is over: what ended them, and what became of it since."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from expressway.aws.values.service import ServiceState, TaskState
from expressway.diagnose.facts import DeploymentFacts
from expressway.diagnose.finding import Finding
from expressway.diagnose.tasks.failed import alike, failed_tasks_finding
from tests.diagnose.service.situations import NOW, SERVICE, START, exited, unhealthy

V1, V2 = "arn:x:task-definition/web:1", "arn:x:task-definition/web:2"


def service(runs: str, *, running: int = 1, **changes: Any) -> ServiceState:
    made = ServiceState(
        "web", SERVICE, "default", "ACTIVE", desired_count=1, running_count=running, task_definition_arn=runs
    )
    return replace(made, **changes)


def told(*tasks: TaskState, state: ServiceState | None = None, line: str = "ValueError: before") -> Finding:
    logs = {one.task_id: (line,) for one in tasks}
    finding = failed_tasks_finding(DeploymentFacts("default", "web", state, tasks=tasks, logs=logs), now=NOW)
    assert finding is not None
    return finding


def crash(number: int = 1, *, runs: str = V1, **changes: Any) -> TaskState:
    return exited(number, exit_code=9, task_definition_arn=runs, **changes)


def test_what_a_newer_version_has_replaced_is_told_as_over() -> None:
    finding = told(crash(2), crash(1), state=service(V2))
    assert (finding.code, finding.severity) == ("container_exited", "info")
    assert finding.cause == (
        "The container Main exited with code 9 (2 tasks of web:1 failed); the service web serves now (1 of 1 tasks "
        "run, of web:2)."
    )
    assert finding.evidence == ("ValueError: before",)
    assert finding.remedy.startswith("Nothing needs to be done unless it happens again; then: correct")


def test_a_version_that_the_service_was_taken_back_from_is_not_over() -> None:
    finding = told(crash(runs=V2), state=service(V1))
    assert finding.severity == "warning"
    assert "the service web went back to an earlier version (1 of 1 tasks run, of web:1)" in finding.cause
    assert not finding.remedy.startswith("Nothing")


@pytest.mark.parametrize(
    ("state", "severity"),
    [
        (service(V1, running=0), "critical"),
        (service(V2, running=0), "warning"),
        (service(V1, running=0, created_at=START + timedelta(hours=1)), "warning"),
        (service(V1, running=1, desired_count=2), "warning"),
        (service(V1, running=0, desired_count=0), "warning"),
        (service(V1, status="DRAINING"), "warning"),
        (service(V1), "info"),
        (service(V1, created_at=START + timedelta(hours=1)), "info"),
        (None, "warning"),
    ],
)
def test_it_is_as_grave_as_what_the_service_lacks_of_it_now(state: ServiceState | None, severity: str) -> None:
    assert told(crash(), state=state).severity == severity


def test_of_tasks_that_were_run_by_themselves_no_service_is_told() -> None:
    finding = told(crash(group="family:web"))
    assert finding.cause == "The container Main exited with code 9 (1 task of web:1 failed)."
    assert finding.resource == crash().arn


def test_tasks_that_a_health_check_ended_are_told_as_such() -> None:
    finding = told(unhealthy(1, task_definition_arn=V1), unhealthy(2, task_definition_arn=V1), state=service(V2))
    assert (finding.code, finding.severity) == ("health_check_failed", "info")
    assert finding.evidence[0].startswith("Task failed ELB health checks")


def test_tasks_are_alike_in_one_service_with_one_definition() -> None:
    one, other, again, alone = crash(4), crash(3, runs=V2), crash(2), crash(1, group="")
    assert alike([one, other, again, alone]) == ((one, again), (other,), (alone,))
