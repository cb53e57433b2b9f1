"""When a service is ready, when it cannot become ready, and when one has to wait: a pure judgement."""

from dataclasses import dataclass
from typing import Literal

from expressway.aws.values.service import (
    DeploymentState,
    ExpressService,
    RevisionState,
    ServiceState,
    TargetHealth,
    TaskState,
    tasks_of_revision,
)
from expressway.diagnose.catalog import entry_of
from expressway.diagnose.facts import DeploymentFacts
from expressway.diagnose.messages import finding_of_message

_EXITS_ARE_A_LOOP = 3
_HEALTH_FAILURES_ARE_A_LOOP = 3


@dataclass(frozen=True, slots=True)
class ServiceSnapshot:
    """All that one poll saw. `unread` names the parts that may not be read; `targets` is None when it is among them."""

    service: ServiceState
    deployment: DeploymentState | None = None
    revision: RevisionState | None = None
    tasks: tuple[TaskState, ...] = ()
    targets: tuple[TargetHealth, ...] | None = None
    express: ExpressService | None = None
    unread: frozenset[str] = frozenset()

    @property
    def own_tasks(self) -> tuple[TaskState, ...]:
        """The newest deployment's tasks; old ones never count."""
        return tasks_of_revision(self.tasks, self.revision, self.service)

    @property
    def healthy_tasks(self) -> tuple[TaskState, ...]:
        """Tasks of the newest deployment that run and pass every health check that can be read."""
        targets = self.targets or ()
        running = [task for task in self.own_tasks if task.running and not _unhealthy(task)]
        if not targets:
            return tuple(running)
        registered = {target.target_id for target in targets}
        healthy = {(target.target_id, target.port) for target in targets if target.state == "healthy"}
        known = [task for task in running if _addresses(task) & registered]
        if known:
            addresses = {address for address, _ in healthy}
            return tuple(task for task in known if _addresses(task) & addresses)
        # Targets at an address that the tasks share, each at a port of its own.
        return tuple(running[: len(healthy)])

    @property
    def tasks_needed(self) -> int:
        """How many must be healthy: what was asked for, but no more than the scaling minimum (scaling out goes on)."""
        asked = self.deployment.requested_count if self.deployment else self.service.desired_count
        newest = self.express.newest if self.express else None
        return max(1, min(asked, newest.min_task_count) if newest else asked)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`serving` means that only the URL remains to be checked; `unknown`, that the deciding facts may not be read."""

    state: Literal["serving", "waiting", "failed", "unknown"]
    message: str


def judge(snapshot: ServiceSnapshot) -> Verdict:
    """Ready, unrecoverable, or worth waiting for: the newest deployment alone decides."""
    name = snapshot.service.name
    if snapshot.service.status != "ACTIVE":
        return Verdict("failed", f"The service {name} is {snapshot.service.status}: it was deleted.")
    deployment = snapshot.deployment
    if deployment is None and "deployments" in snapshot.unread:
        return Verdict("unknown", "whether its newest deployment is done may not be read")
    if deployment is None:
        return Verdict("waiting", "no deployment has begun yet")
    if deployment.failed:
        kept = "; the previous version keeps running" if _kept(deployment, snapshot) else ""
        return Verdict("failed", f"The newest deployment of {name} failed ({deployment.status}){kept}.")
    if "tasks" in snapshot.unread:
        state = "serving" if deployment.successful else "waiting"
        return Verdict(state, f"its newest deployment is {deployment.status}; its tasks may not be read")
    healthy, needed = len(snapshot.healthy_tasks), snapshot.tasks_needed
    if deployment.successful and healthy >= needed:
        return Verdict("serving", f"{healthy} of {needed} tasks are healthy")
    if cannot_start(snapshot):
        return Verdict("failed", f"The tasks of the newest deployment of {name} keep failing.")
    stage = f" ({deployment.lifecycle_stage.lower().replace('_', ' ')})" if deployment.lifecycle_stage else ""
    return Verdict("waiting", f"deployment {deployment.status}{stage}, {healthy} of {needed} tasks healthy")


def cannot_start(snapshot: ServiceSnapshot) -> bool:
    """Whether the newest deployment's tasks fail again and again, or for a reason that no retry resolves."""
    if snapshot.revision is None and "revisions" in snapshot.unread:
        return False  # the tasks may be those of an older revision
    tasks = snapshot.own_tasks
    failed = [task for task in tasks if task.failed]
    by_health = [task for task in failed if task.failed_health_check]
    exits = len(failed) - len(by_health)
    if exits >= _EXITS_ARE_A_LOOP or len(by_health) >= _HEALTH_FAILURES_ARE_A_LOOP:
        return True
    if any(task.running for task in tasks):
        return False
    return exits >= _EXITS_ARE_A_LOOP - 1 or any(_is_unrecoverable(task) for task in failed)


def infrastructure_complaint(snapshot: ServiceSnapshot) -> str:
    """What ECS says about infrastructure that is stuck for a reason we know; empty when nothing is."""
    facts = DeploymentFacts(cluster="", service_name="", revision=snapshot.revision)
    known = (statement.text for statement in facts.infrastructure_statements() if finding_of_message(statement))
    return next(known, "")


def _is_unrecoverable(task: TaskState) -> bool:
    facts = DeploymentFacts(cluster="", service_name="", tasks=(task,))
    causes = map(finding_of_message, facts.task_statements())
    return any(cause is not None and "unrecoverable" in entry_of(cause.code).marks for cause in causes)


def _kept(deployment: DeploymentState, snapshot: ServiceSnapshot) -> bool:
    others = [task for task in snapshot.tasks if task.running and task not in snapshot.own_tasks]
    return deployment.status == "ROLLBACK_SUCCESSFUL" and bool(others)


def _unhealthy(task: TaskState) -> bool:
    return task.health == "UNHEALTHY" or any(container.health == "UNHEALTHY" for container in task.containers)


def _addresses(task: TaskState) -> set[str]:
    return {container.private_ip for container in task.containers if container.private_ip}
