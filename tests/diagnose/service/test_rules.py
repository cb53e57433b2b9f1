"""The table of rules as a whole: states, rollbacks, stuck deployments, and silence about what is well."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from expressway.aws.values.service import DeploymentState, ManagedResource, RevisionState, ServiceEvent
from expressway.diagnose.facts import ServiceFacts
from expressway.diagnose.service.rules import RULES, service_findings
from tests.diagnose.service.situations import (
    NOW,
    SERVICE,
    START,
    codes,
    exited,
    failed_deployment,
    first,
    situation,
    target,
    task,
)

_LINES = st.sampled_from(
    [
        "GET / 200",
        "ERROR: a client went away",
        "Listening at: http://0.0.0.0:8080",
        "Traceback (most recent call last):",
        "MemoryError in a request that was retried",
        "Listening at: http://127.0.0.1:9999 (admin)",
        "health check answered 200",
        "exec format error",
    ]
)
_EVENTS = st.sampled_from(
    [
        "(service web) has reached a steady state.",
        "(service web) has started 1 tasks: (task t1).",
        "(service web) was unable to place a task. Reason: Capacity is unavailable at this time.",
        "(service web) (port 8080) is unhealthy in (target-group g).",
        "(service web) deployment completed.",
    ]
)


@given(count=st.integers(1, 4), lines=st.lists(_LINES, max_size=8), events=st.lists(_EVENTS, max_size=4))
def test_a_service_that_serves_has_no_finding_whatever_its_log_and_its_past_say(
    count: int, lines: list[str], events: list[str]
) -> None:
    facts = situation(
        *(task(number) for number in range(1, count + 1)),
        service={"desired_count": count},
        logs={1: tuple(lines)},
        events=tuple(ServiceEvent(START, message) for message in events),
    )
    assert service_findings(facts) == ()


@given(
    desired=st.integers(0, 3),
    failed=st.integers(0, 4),
    running=st.integers(0, 3),
    status=st.sampled_from(["SUCCESSFUL", "IN_PROGRESS", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED", "STOPPED"]),
    exit_code=st.sampled_from([0, 1, 126, 127, 137, 139, 143, None]),
    state=st.sampled_from(["healthy", "unhealthy", "initial", "draining", "unused"]),
)
def test_rules_never_break_and_never_say_the_same_twice(
    desired: int, failed: int, running: int, status: str, exit_code: int | None, state: str
) -> None:
    tasks = [exited(n, exit_code=exit_code) for n in range(1, failed + 1)] + [task(n + 10) for n in range(running)]
    facts = situation(
        *tasks,
        deployment=failed_deployment(status=status),
        targets=(target(state),),
        service={"desired_count": desired},
    )
    found = service_findings(facts)
    assert len({(one.code, one.resource) for one in found}) == len(found)
    assert all(one.cause.endswith(".") and one.remedy for one in found)
    assert [one.severity for one in found] == sorted(
        (one.severity for one in found), key=("critical", "warning", "info").index
    )


def test_every_rule_is_silent_about_a_healthy_service() -> None:
    assert [rule(situation()) for rule in RULES] == [None] * len(RULES)


def test_a_service_that_is_being_deleted_says_only_that() -> None:
    facts = situation(exited(1), service={"status": "DRAINING"}, deployment=failed_deployment())
    assert codes(facts) == ["service_draining"]


def test_a_deleted_service_says_only_that() -> None:
    finding = first(situation(exited(1), service={"status": "INACTIVE"}))
    assert finding.code == "service_inactive"
    assert finding.resource == SERVICE


def test_nobody_wanting_tasks_is_told() -> None:
    facts = situation(exited(1, stop_code="ServiceSchedulerInitiated"), service={"desired_count": 0}, targets=())
    assert codes(facts) == ["scaled_to_zero"]


def test_tasks_are_missing_where_none_runs_whatever_the_service_counts() -> None:
    ended = exited(1, exit_code=0, stop_code="UserInitiated", stopped_reason="Task stopped by user")
    facts = situation(ended, service={"running_count": 1}, targets=())
    (finding,) = service_findings(facts)
    assert (finding.code, finding.severity) == ("tasks_missing", "critical")
    assert finding.cause.startswith("0 of 1 tasks run")
    assert service_findings(replace(facts, gaps=("tasks: not authorized",))) == ()


def test_nobody_wanting_tasks_is_told_while_the_last_one_is_still_counted() -> None:
    scaled_in = exited(1, exit_code=0, stop_code="ServiceSchedulerInitiated")
    assert codes(situation(scaled_in, service={"desired_count": 0, "running_count": 1}, targets=())) == [
        "scaled_to_zero"
    ]


class TestRollbacks:
    def test_the_circuit_breaker_is_a_consequence_beside_the_cause(self) -> None:
        facts = situation(exited(1), deployment=failed_deployment(circuit_breaker="TRIGGERED"))
        found = service_findings(facts)
        assert [(one.code, one.severity) for one in found] == [
            ("container_exited", "critical"),
            ("circuit_breaker_rollback", "warning"),
        ]

    def test_the_circuit_breaker_alone_is_the_finding(self) -> None:
        deployment = failed_deployment(status="ROLLBACK_SUCCESSFUL", circuit_breaker="TRIGGERED")
        facts = replace(situation(deployment=deployment), restored=True)
        assert first(facts).code == "circuit_breaker_rollback"
        assert first(facts).severity == "critical"
        assert "went back" in first(facts).cause

    def test_an_alarm_is_told_with_its_name(self) -> None:
        deployment = failed_deployment(status="ROLLBACK_SUCCESSFUL", triggered_alarms=("web-5xx",))
        finding = first(situation(deployment=deployment))
        assert finding.code == "error_rate_alarm"
        assert "web-5xx" in finding.cause

    def test_a_rollback_that_nobody_followed_up_for_days_is_a_warning(self) -> None:
        old = START - timedelta(days=3)
        deployment = failed_deployment(status="ROLLBACK_SUCCESSFUL", created_at=old, finished_at=old)
        assert {one.severity for one in service_findings(replace(situation(deployment=deployment), restored=True))} == {
            "warning"
        }


class TestDeploymentsUnderWay:
    def test_a_young_one_is_only_mentioned(self) -> None:
        facts = situation(deployment=failed_deployment(status="IN_PROGRESS", lifecycle_stage="BAKE_TIME"))
        finding = first(facts)
        assert (finding.code, finding.severity) == ("deployment_in_progress", "info")

    def test_an_old_one_is_stuck_and_names_what_is_still_being_made(self) -> None:
        began = NOW - timedelta(minutes=45)
        waiting = ManagedResource("loadBalancer", "", "PROVISIONING", "")
        facts = situation(
            task(status="PENDING"),
            deployment=failed_deployment(status="IN_PROGRESS", created_at=began),
            revision=RevisionState("rev/1", "td:1", managed_resources=(waiting,)),
        )
        finding = next(one for one in service_findings(facts) if one.code == "deployment_stuck")
        assert "45 minutes" in finding.cause
        assert "loadBalancer is PROVISIONING" in finding.evidence[0]

    def test_infrastructure_that_waits_for_a_permission_is_the_cause(self) -> None:
        reason = "User: x is not authorized to perform: ec2:DescribeAccountAttributes because no identity-based policy"
        stuck = ManagedResource("loadBalancer", "arn:lb", "PROVISIONING", reason)
        facts = situation(
            task(status="PENDING"),
            deployment=failed_deployment(status="IN_PROGRESS"),
            revision=RevisionState("rev/1", "td:1", managed_resources=(stuck,)),
            targets=(),
        )
        finding = first(facts)
        assert finding.code == "permission_denied"
        assert "ec2:DescribeAccountAttributes" in finding.cause


def test_missing_tasks_without_a_reason_are_told_with_low_confidence() -> None:
    finding = first(situation(exited(1, stop_code="UserInitiated"), service={"desired_count": 1}, targets=()))
    assert (finding.code, finding.confidence, finding.severity) == ("tasks_missing", "low", "critical")


def test_capacity_is_told_from_the_events() -> None:
    said = "(service web) was unable to place a task. Reason: Capacity is unavailable at this time."
    facts = situation(task(status="PENDING"), targets=(), events=(ServiceEvent(NOW, said),))
    assert codes(facts) == ["capacity_unavailable"]


def test_what_could_not_be_read_makes_no_finding() -> None:
    nothing: ServiceFacts = situation()
    blind = replace(
        nothing,
        deployment=replace(
            nothing.deployment,
            service=None,
            express=None,
            state=None,
            revision=None,
            tasks=(),
            targets=(),
            definition=None,
        ),
        tasks=(),
        gaps=("service: not authorized", "tasks: not authorized"),
    )
    assert service_findings(blind) == ()


def test_a_failed_deployment_that_nothing_explains_is_still_told() -> None:
    facts = situation(deployment=DeploymentState("d/1", "STOPPED", "stopped by its user", "rev/1", created_at=START))
    assert codes(facts) == ["deployment_failed"]
