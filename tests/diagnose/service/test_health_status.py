"""How a service stands is told before anything else: whether it serves, and what its newest deployment did."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from expressway.aws.values.service import DeploymentState
from expressway.diagnose.facts import ServiceFacts
from expressway.diagnose.finding import Finding
from expressway.diagnose.service.health_status import (
    DOWN,
    EARLIER,
    PARTLY,
    SERVES,
    STARTING,
    ServiceHealth,
    service_health,
)
from expressway.diagnose.service.rules import service_findings
from tests.diagnose.service.situations import NOW, START, exited, failed_deployment, situation, target, task

UNDER_WAY = DeploymentState("d/2", "IN_PROGRESS", target_revision_arn="rev/1", requested_count=1, created_at=START)


def health(facts: ServiceFacts, *more: Finding) -> ServiceHealth:
    found = service_health(facts, (*service_findings(facts), *more))
    assert found is not None
    return found


def beside_earlier(facts: ServiceFacts, count: int = 1, **changes: Any) -> ServiceFacts:
    """The facts with `count` tasks of the version before running too."""
    old = tuple(task(50 + number, task_definition_arn="td:0") for number in range(count))
    state = replace(facts.deployment.service or pytest.fail("no service"), running_count=count, **changes)
    return replace(facts, tasks=(*facts.tasks, *old), deployment=replace(facts.deployment, service=state))


def test_one_whose_tasks_run_and_are_healthy_serves() -> None:
    assert health(situation()) == ServiceHealth("web", SERVES, "serves (1 of 1 tasks run)")


def test_one_without_a_task_does_not() -> None:
    told = health(situation(exited(1), exited(2), deployment=failed_deployment(), targets=()))
    assert (told.rank, told.verdict) == (DOWN, "does not serve: 0 of 1 tasks run")
    assert (told.deployment_note, told.failing) == ("its newest deployment failed", True)
    assert health(situation(service={"desired_count": 0, "running_count": 0})).verdict.endswith("0 of 0 tasks run")


@pytest.mark.parametrize(
    ("status", "restored", "note"),
    [
        ("ROLLBACK_SUCCESSFUL", True, "was rolled back"),
        ("STOPPED", True, "was rolled back"),
        ("ROLLBACK_IN_PROGRESS", False, "is being rolled back"),
        ("STOP_REQUESTED", False, "is being stopped"),
        ("STOPPED", False, "was stopped"),
        ("ROLLBACK_FAILED", False, "failed"),
    ],
)
def test_after_a_failed_deployment_the_earlier_version_serves(status: str, restored: bool, note: str) -> None:
    failed = situation(exited(1), exited(2), deployment=failed_deployment(status=status, finished_at=NOW), targets=())
    told = health(replace(beside_earlier(failed), restored=restored))
    assert (told.rank, told.verdict) == (EARLIER, "serves with its earlier version (1 of 1 tasks run)")
    assert told.deployment_note == f"its newest deployment {note}"
    few = health(replace(beside_earlier(failed, desired_count=3), restored=restored))
    assert (few.rank, few.verdict) == (PARTLY, "serves with its earlier version (1 of 3 tasks run)")


def test_where_tasks_could_not_be_read_a_rollback_is_told_by_the_count() -> None:
    deployment = failed_deployment(status="ROLLBACK_SUCCESSFUL", finished_at=NOW)
    facts = situation(exited(1), deployment=deployment, service={"running_count": 1}, targets=())
    assert health(replace(facts, tasks=(), restored=True)).verdict.startswith("serves with its earlier version (1 of")


def test_a_deployment_under_way_is_told_with_what_serves_meanwhile() -> None:
    starting = situation(task(1, status="PENDING"), deployment=UNDER_WAY, targets=())
    assert health(starting) == ServiceHealth(
        "web", STARTING, "does not serve yet: 0 of 1 tasks run", "its deployment is in progress"
    )
    assert health(beside_earlier(starting)).verdict == "serves with its earlier version (1 of 1 tasks run)"
    assert health(situation(deployment=UNDER_WAY)).verdict == "serves (1 of 1 tasks run)"


def test_a_deployment_that_crashes_is_failing_now_although_one_of_its_tasks_runs() -> None:
    told = health(situation(exited(1), exited(2), task(3), deployment=UNDER_WAY, targets=()))
    assert (told.rank, told.verdict) == (DOWN, "does not serve: 1 of 1 tasks run")
    assert (told.deployment_note, told.failing) == ("its deployment makes no progress", True)


def test_one_with_unhealthy_targets_serves_in_part_or_not_at_all() -> None:
    none = health(situation(targets=(target("unhealthy"),)))
    assert (none.rank, none.verdict) == (DOWN, "does not serve: 1 of 1 tasks run, and none of them is healthy")
    half = health(situation(targets=(target("unhealthy"), target())))
    assert (half.rank, half.verdict) == (PARTLY, "serves with only 1 of 2 targets healthy (1 of 1 tasks run)")
    sick = health(situation(task(health="UNHEALTHY"), targets=()))
    assert sick.rank == DOWN


def test_one_that_clients_cannot_reach_is_not_said_to_serve() -> None:
    closed = Finding("load_balancer_closed", "warning", "No client can reach it.")
    told = health(situation(), closed)
    assert (told.rank, told.verdict) == (PARTLY, "runs (1 of 1 tasks run), but clients may not reach it")


@pytest.mark.parametrize("status", ["DRAINING", "INACTIVE"])
def test_one_that_is_being_deleted_or_was_not_read_has_none(status: str) -> None:
    assert service_health(situation(service={"status": status}), ()) is None
    facts = situation()
    assert service_health(replace(facts, deployment=replace(facts.deployment, service=None)), ()) is None


def test_a_failed_deployment_is_critical_for_a_day_although_the_earlier_version_serves() -> None:
    for age, severity in ((timedelta(hours=1), "critical"), (timedelta(days=2), "warning")):
        deployment = failed_deployment(status="ROLLBACK_SUCCESSFUL", finished_at=NOW - age)
        facts = replace(beside_earlier(situation(exited(1), deployment=deployment, targets=())), restored=True)
        assert service_findings(facts)[0].severity == severity
        assert health(facts).rank == EARLIER
