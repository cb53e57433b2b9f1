"""Which of a service's deployments to explain: the one that failed, not the rollback after it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from expressway.aws.values.service import (
    DeploymentState,
    RevisionState,
    Rollout,
    ServiceState,
    TaskState,
    tasks_of_revision,
)
from expressway.aws.values.task_definition import TaskDefinition
from expressway.core.clock import not_before

_WAY_BACK = re.compile(r"rolling back|rollback", re.IGNORECASE)
"""As in "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/…", the reason of the primary rollout."""
_STATUSES: Mapping[str, str] = {"IN_PROGRESS": "IN_PROGRESS", "COMPLETED": "SUCCESSFUL", "FAILED": "FAILED"}
_BACK_STATUSES: Mapping[str, str] = {"IN_PROGRESS": "ROLLBACK_IN_PROGRESS", "COMPLETED": "ROLLBACK_SUCCESSFUL"}
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def rollout_deployment(service: ServiceState) -> DeploymentState | None:
    """The service's newest deployment, derived from its rollouts; None where there is none.

    A rollback is described as ECS describes it for a service deployment: by the deployment that failed. A task set that
    drains has ended, even if it is the newest: its deployment was rolled back.
    """
    by_age = sorted(service.rollouts, key=lambda one: (one.created_at or _LONG_AGO, one.status == "PRIMARY"))
    primary = next((one for one in by_age if one.status == "PRIMARY"), None)
    failed = next((one for one in reversed(by_age) if one.state == "FAILED" and one is not primary), None)
    if primary is not None and failed is not None and _undoes(primary, failed, by_age):
        rolled_back = _deployment(service, failed, _BACK_STATUSES.get(primary.state, "ROLLBACK_FAILED"))
        return replace(rolled_back, rollback_revision_arn=primary.deployment_id)
    under_way = [one for one in by_age if one is primary or (one.state != "FAILED" and one.status != "DRAINING")]
    if not under_way:
        return None
    newest = under_way[-1]
    status = _STATUSES.get(newest.state) or _status_by_counts(newest, under_way)
    return _deployment(service, newest, status) if status else None


def rollout_revisions(service: ServiceState) -> Mapping[str, RevisionState]:
    """What the rollouts run, by their ids."""
    groups = service.target_group_arns
    return {
        one.deployment_id: RevisionState(one.deployment_id, one.task_definition_arn, target_group_arns=groups)
        for one in service.rollouts
    }


def _undoes(primary: Rollout, failed: Rollout, by_age: Sequence[Rollout]) -> bool:
    """Whether the primary rollout undoes the failed one, rather than follows it as a repair."""
    says_so = _WAY_BACK.search(primary.state_reason) is not None
    return primary.state != "FAILED" and (says_so or by_age.index(primary) < by_age.index(failed))


def _status_by_counts(newest: Rollout, under_way: Sequence[Rollout]) -> str:
    """ECS gives no state for rollouts of other controllers: done when no other runs and none lacks tasks."""
    others = [one for one in under_way if one is not newest and one.running_count + one.pending_count]
    if others:
        return "IN_PROGRESS"
    return "SUCCESSFUL" if all(one.running_count >= one.desired_count for one in under_way) else ""


def _deployment(service: ServiceState, rollout: Rollout, status: str) -> DeploymentState:
    return DeploymentState(
        arn=service.arn,
        status=status,
        status_reason=rollout.state_reason,
        target_revision_arn=rollout.deployment_id,
        requested_count=rollout.desired_count,
        running_count=rollout.running_count,
        pending_count=rollout.pending_count,
        created_at=rollout.created_at,
        finished_at=None if status == "IN_PROGRESS" else rollout.updated_at,
    )


@dataclass(frozen=True, slots=True)
class DeploymentContext:
    """The deployment to explain, and its revision; `restored`: the service went back to what it ran before."""

    deployment: DeploymentState | None
    revision: RevisionState | None
    restored: bool


@dataclass(frozen=True, slots=True)
class DeploymentHistory:
    """The deployments of a service, newest first, with their revisions and the task definitions that were compared."""

    deployments: Sequence[DeploymentState]
    revisions: Mapping[str, RevisionState]
    definitions: Mapping[str, TaskDefinition | None] = field(default_factory=dict[str, TaskDefinition | None])

    def to_explain(self) -> DeploymentContext:
        """The newest deployment, unless it is only the rollback of the failed one behind it.

        After a rollback by CloudFormation the newest deployment restored the old version, with a success of its own:
        then the failed one is explained. After a repair it is not: what runs then differs from what ran before the
        failure, if only in a command or a variable.
        """
        if not self.deployments:
            return DeploymentContext(None, None, restored=False)
        newest = self.deployments[0]
        explained, restored = newest, newest.status == "ROLLBACK_SUCCESSFUL"
        if self._follows_failure and self._is_rollback:
            explained, restored = self.deployments[1], True
        return DeploymentContext(explained, self.revisions.get(explained.target_revision_arn), restored)

    def failed_to_explain(
        self, *, since: datetime | None, tasks: Sequence[TaskState], service: ServiceState | None
    ) -> DeploymentContext:
        """Of the deployments since a moment: the newest that failed, still runs, or lost all its tasks later.

        Where the newest only restored the old version, the failed one behind it is chosen.
        """
        those = [one for one in self.deployments if not_before(one.created_at, since)]
        chosen = next(iter(those), None)
        if chosen is not None and not self._is_repair:
            chosen = next((one for one in those if self._went_wrong(one, tasks, service)), chosen)
        revision = self.revisions.get(chosen.target_revision_arn) if chosen else None
        return DeploymentContext(chosen, revision, restored=False)

    def definitions_to_compare(self) -> tuple[str, ...]:
        """The task definitions needed to distinguish a rollback from a repair; empty where neither is possible."""
        if not self._follows_failure or self._returns_to_revision:
            return ()
        compared = [*self.deployments[:2], *self._before[:1]]
        found = (self.revisions.get(one.target_revision_arn) for one in compared)
        return tuple(dict.fromkeys(one.task_definition_arn for one in found if one and one.task_definition_arn))

    @property
    def _follows_failure(self) -> bool:
        return len(self.deployments) > 1 and self.deployments[0].successful and self.deployments[1].failed

    @property
    def _before(self) -> list[DeploymentState]:
        """The deployments that had succeeded before the failed one, the newest first."""
        return [one for one in self.deployments[2:] if one.successful]

    @property
    def _returns_to_revision(self) -> bool:
        """Whether the newest deployment runs the very revision that ran before the failed one."""
        earlier = {*(one.target_revision_arn for one in self._before), self.deployments[1].rollback_revision_arn}
        return self.deployments[0].target_revision_arn in earlier - {""}

    @property
    def _contents(self) -> tuple[tuple[str, str] | None, ...]:
        """What the newest, the failed, and the deployment before it run."""
        before = next(iter(self._before), None)
        return tuple(self._content(one) if one else None for one in (*self.deployments[:2], before))

    @property
    def _is_repair(self) -> bool:
        """Whether the newest deployment surely runs something else than what had run before the failed one."""
        if not self._follows_failure or self._returns_to_revision:
            return False
        runs, _, had = self._contents
        return None not in {runs, had} and runs != had

    @property
    def _is_rollback(self) -> bool:
        """Whether the newest deployment runs exactly what had run before the failed one, which differed."""
        runs, failed, had = self._contents
        return self._returns_to_revision or (runs is not None and runs == had != failed)

    def _content(self, deployment: DeploymentState) -> tuple[str, str] | None:
        """What a deployment runs, and its settings; None where that is unknown."""
        revision = self.revisions.get(deployment.target_revision_arn)
        if revision is None or not revision.task_definition_arn:
            return None
        definition = self.definitions.get(revision.task_definition_arn)
        return (definition.content if definition else "") or revision.task_definition_arn, revision.settings

    def _went_wrong(
        self, deployment: DeploymentState, tasks: Sequence[TaskState], service: ServiceState | None
    ) -> bool:
        revision = self.revisions.get(deployment.target_revision_arn)
        own = tasks_of_revision(tuple(tasks), revision, service) if revision else ()
        return not deployment.successful or (any(one.failed for one in own) and not any(one.running for one in own))
