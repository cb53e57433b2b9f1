"""Facts about one service for the rules: a healthy one, and ways to spoil it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from expressway.aws.values.service import (
    ContainerState,
    DeploymentState,
    ExpressService,
    LogEvent,
    RevisionState,
    ServiceConfiguration,
    ServiceState,
    TargetHealth,
    TaskState,
)
from expressway.aws.values.task_definition import ContainerDefinition, PortMapping, TaskDefinition
from expressway.diagnose.facts import DeploymentFacts, ServiceFacts
from expressway.diagnose.finding import Finding
from expressway.diagnose.service.rules import service_findings

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
NOW = START + timedelta(minutes=10)
SERVICE = "arn:aws:ecs:us-east-1:000000000000:service/default/web"
GROUP = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/web/1"


def task(number: int = 1, **changes: Any) -> TaskState:
    """A running task."""
    made = TaskState(
        arn=f"arn:aws:ecs:us-east-1:000000000000:task/default/t{number}",
        status="RUNNING",
        desired_status="RUNNING",
        task_definition_arn="td:1",
        group="service:web",
        containers=(ContainerState("Main", "RUNNING"),),
        created_at=START + timedelta(seconds=number * 20),
        started_at=START + timedelta(seconds=number * 20),
    )
    return replace(made, **changes)


def exited(number: int = 1, *, exit_code: int | None = 1, reason: str = "", **changes: Any) -> TaskState:
    """A task whose container ended by itself ten seconds after its start."""
    told: dict[str, Any] = {
        "status": "STOPPED",
        "desired_status": "STOPPED",
        "stop_code": "EssentialContainerExited",
        "stopped_reason": "Essential container in task exited",
        "containers": (ContainerState("Main", "STOPPED", exit_code=exit_code, reason=reason),),
        "stopped_at": START + timedelta(seconds=number * 20 + 10),
    }
    return task(number, **{**told, **changes})


def unhealthy(number: int = 1, *, after_seconds: float = 120, **changes: Any) -> TaskState:
    """A task that ECS stopped because the load balancer found it unhealthy."""
    told: dict[str, Any] = {
        "stop_code": "ServiceSchedulerInitiated",
        "stopped_reason": f"Task failed ELB health checks in (target-group {GROUP})",
        "stopped_at": START + timedelta(seconds=number * 20 + after_seconds),
    }
    return exited(number, exit_code=143, **{**told, **changes})


def target(state: str = "healthy", description: str = "", port: int = 8080) -> TargetHealth:
    return TargetHealth("10.0.0.1", port, state, description=description, target_group_arn=GROUP)


def situation(
    *tasks: TaskState,
    deployment: DeploymentState | None = None,
    targets: tuple[TargetHealth, ...] | None = None,
    logs: Mapping[int, tuple[str, ...]] | None = None,
    service: Mapping[str, Any] | None = None,
    container: Mapping[str, Any] | None = None,
    path: str = "/healthz",
    line_seconds: float = 1.0,
    **changes: Any,
) -> ServiceFacts:
    """A healthy service with one running task, but for what is given; `logs` by a task's number."""
    given = tasks or (task(),)
    running = sum(one.running for one in given)
    state = ServiceState(
        "web",
        SERVICE,
        "default",
        "ACTIVE",
        desired_count=1,
        running_count=running,
        task_definition_arn="td:1",
        is_express=True,
    )
    by_id = {f"t{number}": lines for number, lines in (logs or {}).items()}
    own = {one.task_id: one for one in given}
    events = {
        task_id: tuple(
            LogEvent((own[task_id].started_at or START) + timedelta(seconds=count * line_seconds), line)
            for count, line in enumerate(lines, 1)
        )
        for task_id, lines in by_id.items()
    }
    main = ContainerDefinition("Main", (PortMapping("main", 8080),), "registry.example/web:1", **(container or {}))
    facts = DeploymentFacts(
        cluster="default",
        service_name="web",
        service=replace(state, **(service or {})),
        express=ExpressService(
            SERVICE,
            "web",
            "default",
            "ACTIVE",
            configurations=(ServiceConfiguration("rev/1", container_port=8080, health_check_path=path),),
        ),
        state=deployment
        or DeploymentState("d/1", "SUCCESSFUL", target_revision_arn="rev/1", requested_count=1, created_at=START),
        revision=RevisionState("rev/1", "td:1", target_group_arns=(GROUP,)),
        tasks=tuple(sorted(given, key=lambda one: one.arn, reverse=True)),
        logs=by_id,
        targets=(target(),) if targets is None else targets,
        definition=TaskDefinition("td:1", "ACTIVE", frozenset({"FARGATE"}), (main,), memory_mib=512),
    )
    return ServiceFacts(
        cluster="default",
        service_name="web",
        now=NOW,
        deployment=replace(facts, **changes),
        tasks=given,
        log_events=events,
    )


def failed_deployment(**changes: Any) -> DeploymentState:
    made = DeploymentState("d/1", "ROLLBACK_FAILED", target_revision_arn="rev/1", requested_count=1, created_at=START)
    return replace(made, **changes)


def codes(facts: ServiceFacts) -> list[str]:
    return [one.code for one in service_findings(facts)]


def first(facts: ServiceFacts) -> Finding:
    return service_findings(facts)[0]
