"""Whether a service serves, in one sentence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from expressway.aws.values.service import DeploymentState, ServiceState, TargetHealth, TaskState
from expressway.diagnose.catalog import entry_of
from expressway.diagnose.facts import ServiceFacts, exited_container
from expressway.diagnose.finding import Finding

DOWN, PARTLY, EARLIER, STARTING, SERVES = range(5)
"""Worst first: nothing serves; too few tasks; an earlier version after a failed deployment; a deployment; all well."""
_OVER = {
    "ROLLBACK_REQUESTED": "is being rolled back",
    "ROLLBACK_IN_PROGRESS": "is being rolled back",
    "ROLLBACK_SUCCESSFUL": "was rolled back",
    "STOP_REQUESTED": "is being stopped",
    "STOPPED": "was stopped",
}


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """Whether one service serves.

    Attributes:
        rank: `DOWN` to `SERVES`.
        verdict: what is said of it behind its name: ``does not serve: 0 of 1 tasks run``.
        deployment_note: what its newest deployment did, where that matters.
        failing: the deployment failed or makes no progress, so that a cause can follow behind a colon.
    """

    name: str
    rank: int
    verdict: str
    deployment_note: str = ""
    failing: bool = False


def service_health(facts: ServiceFacts, findings: Sequence[Finding]) -> ServiceHealth | None:
    """The health by tasks, targets, the newest deployment and the findings.

    None for one that could not be read, or that is being deleted.
    """
    service, deployment = facts.service, facts.deployment.state
    if service is None or service.status != "ACTIVE":
        return None
    earlier = _earlier(facts, service)
    if deployment is not None and deployment.running:
        return _deploying(facts, service, earlier, findings)
    if deployment is None or not deployment.failed:
        return _by_counts(facts, service, findings)
    deployment_note = f"its newest deployment {_end(facts, deployment)}"
    if earlier:
        rank = EARLIER if earlier >= service.desired_count else PARTLY
        return ServiceHealth(service.name, rank, _with_earlier(earlier, service), deployment_note, failing=True)
    stands = _by_counts(facts, service, findings)
    return replace(stands, rank=min(stands.rank, EARLIER), deployment_note=deployment_note, failing=True)


def is_cut_off(findings: Iterable[Finding]) -> bool:
    """Whether a finding says that clients do not come as far as the tasks."""
    return any("cuts_clients_off" in entry_of(one.code).marks and one.severity != "info" for one in findings)


def health_by_counts(service: ServiceState) -> ServiceHealth:
    """The health by the task counts alone."""
    run = _tasks(service.running_count, service.desired_count)
    if not service.running_count:
        return ServiceHealth(service.name, DOWN, f"does not serve: {run}")
    if service.running_count < service.desired_count:
        return ServiceHealth(service.name, PARTLY, f"serves with too few tasks ({run})")
    return ServiceHealth(service.name, SERVES, f"serves ({run})")


def _by_counts(facts: ServiceFacts, service: ServiceState, findings: Sequence[Finding]) -> ServiceHealth:
    by_counts = health_by_counts(replace(service, running_count=facts.running_count))
    rank, verdict = by_counts.rank, by_counts.verdict
    run = _tasks(facts.running_count, service.desired_count)
    well, unwell = _healthy_and_not(facts)
    if rank != DOWN and unwell and not well:
        rank, verdict = DOWN, f"does not serve: {run}, and none of them is healthy"
    elif rank != DOWN and unwell:
        rank, verdict = PARTLY, f"serves with only {well} of {well + unwell} targets healthy ({run})"
    elif rank != DOWN and is_cut_off(findings):
        rank, verdict = PARTLY, f"runs ({run}), but clients may not reach it"
    return ServiceHealth(service.name, rank, verdict)


def _deploying(facts: ServiceFacts, service: ServiceState, earlier: int, findings: Sequence[Finding]) -> ServiceHealth:
    failing = any(one.severity == "critical" for one in findings)
    deployment_note = "its deployment makes no progress" if failing else "its deployment is in progress"
    if earlier:
        rank = STARTING if earlier >= service.desired_count else PARTLY
        return ServiceHealth(service.name, rank, _with_earlier(earlier, service), deployment_note, failing)
    run = _tasks(service.running_count, service.desired_count)
    if not failing and service.running_count and any(one.state == "healthy" for one in facts.deployment.targets):
        return ServiceHealth(service.name, STARTING, f"serves ({run})", deployment_note)
    verdict = f"does not serve: {run}" if failing else f"does not serve yet: {run}"
    return ServiceHealth(service.name, DOWN if failing else STARTING, verdict, deployment_note, failing)


def _with_earlier(running: int, service: ServiceState) -> str:
    return f"serves with its earlier version ({_tasks(running, service.desired_count)})"


def _earlier(facts: ServiceFacts, service: ServiceState) -> int:
    """How many tasks run of a revision before the deployment's."""
    mine = {task.arn for task in facts.deployment.tasks}
    running: list[TaskState] = [task for task in facts.tasks if task.running]
    if facts.restored and not running:
        return service.running_count  # the tasks could not be read
    return sum(task.arn not in mine for task in running)


def _healthy_and_not(facts: ServiceFacts) -> tuple[int, int]:
    """How many targets are healthy and unhealthy; without targets, tasks by their own health check."""
    states = [one.state.lower() for one in facts.deployment.targets]
    if not states:
        states = ["unhealthy" if one.health == "UNHEALTHY" else "healthy" for one in facts.tasks if one.running]
    return states.count("healthy"), states.count("unhealthy")


def _end(facts: ServiceFacts, deployment: DeploymentState) -> str:
    return "was rolled back" if facts.restored else _OVER.get(deployment.status, "failed")


def _tasks(running: int, wanted: int) -> str:
    return f"{running} of {wanted} tasks run" if running <= wanted else f"{running} tasks run"


UNCHECKED = "network, images, secrets, roles and scaling"
"""What is not looked into where `needs_dependency_checks` says no."""


def needs_dependency_checks(
    service: ServiceState,
    deployment: DeploymentState | None,
    tasks: Sequence[TaskState],
    targets: Sequence[TargetHealth],
) -> bool:
    """False where network, images, secrets, … explain nothing: it serves, or all failed tasks exited by themselves."""
    if service.status != "ACTIVE" or any(target.state == "unhealthy" for target in targets):
        return True
    failed = [task for task in tasks if task.failed]
    if failed:
        return not all(_exited_by_itself(task) for task in failed) or bool(deployment and deployment.triggered_alarms)
    serves = 0 < service.desired_count <= service.running_count
    return not serves or (deployment is not None and not deployment.successful)


def _exited_by_itself(task: TaskState) -> bool:
    """A container of the task ran and exited, and neither a health check nor anything else ended it."""
    return exited_container(task) is not None and task.stop_code == "EssentialContainerExited"
