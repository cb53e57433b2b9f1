"""Which of a service's deployments to explain: the one that failed, not the rollback after it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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

    A way back is told as ECS tells it of a service deployment: by the one that failed. A task set that drains is over,
    also where it is the newest: its deployment was taken back.
    """
    by_age = sorted(service.rollouts, key=lambda one: (one.created_at or _LONG_AGO, one.status == "PRIMARY"))
    primary = next((one for one in by_age if one.status == "PRIMARY"), None)
    failed = next((one for one in reversed(by_age) if one.state == "FAILED" and one is not primary), None)
    if primary is not None and failed is not None and _undoes(primary, failed, by_age):
        told = _deployment(service, failed, _BACK_STATUSES.get(primary.state, "ROLLBACK_FAILED"))
        return replace(told, rollback_revision_arn=primary.deployment_id)
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
    """The deployments of a service with their revisions, newest first, and which of them to explain."""

    deployment: DeploymentState | None
    revision: RevisionState | None
    restored: bool


def deployment_to_explain(
    deployments: Sequence[DeploymentState],
    revisions: Mapping[str, RevisionState],
    definitions: Mapping[str, TaskDefinition | None],
) -> DeploymentContext:
    """The newest deployment that failed or still runs; the newest of all when it is well, and is no way back.

    After a rollback by CloudFormation the newest deployment is the one that restored the old version, with a
    success of its own: then the failed one behind it is to be explained. After a repair it is not: what runs then
    differs from what ran before the failure, if only in a command or a variable.
    """
    if not deployments:
        return DeploymentContext(None, None, restored=False)
    newest, *older = deployments
    explained, restored = newest, newest.status == "ROLLBACK_SUCCESSFUL"
    if _may_be_way_back(deployments) and _is_way_back(newest, older, revisions, definitions):
        explained, restored = older[0], True
    return DeploymentContext(explained, revisions.get(explained.target_revision_arn), restored)


def failed_deployment_to_explain(
    deployments: Sequence[DeploymentState],
    revisions: Mapping[str, RevisionState],
    definitions: Mapping[str, TaskDefinition | None],
    *,
    since: datetime | None,
    tasks: Sequence[TaskState],
    service: ServiceState | None,
) -> DeploymentContext:
    """Of the deployments since a moment: the newest that failed, still runs, or lost all its tasks after its success.

    Where the newest only restored the old version, the failed one behind it is chosen.
    """
    those = [one for one in deployments if not_before(one.created_at, since)]
    chosen = next(iter(those), None)
    if chosen is not None and not is_repair(deployments, revisions, definitions):
        chosen = next((one for one in those if _went_wrong(one, revisions, tasks, service)), chosen)
    return DeploymentContext(chosen, revisions.get(chosen.target_revision_arn) if chosen else None, restored=False)


def _went_wrong(
    deployment: DeploymentState,
    revisions: Mapping[str, RevisionState],
    tasks: Sequence[TaskState],
    service: ServiceState | None,
) -> bool:
    revision = revisions.get(deployment.target_revision_arn)
    mine = tasks_of_revision(tuple(tasks), revision, service) if revision else ()
    return not deployment.successful or (any(one.failed for one in mine) and not any(one.running for one in mine))


def definitions_to_compare(
    deployments: Sequence[DeploymentState], revisions: Mapping[str, RevisionState]
) -> tuple[str, ...]:
    """The task definitions needed to distinguish a rollback from a repair; empty where neither is possible."""
    if not _may_be_way_back(deployments):
        return ()
    newest, *older = deployments
    if newest.target_revision_arn in _gone_back_to(older):
        return ()
    compared = [newest, older[0], *_before(older)[:1]]
    found = (revisions.get(one.target_revision_arn) for one in compared)
    return tuple(dict.fromkeys(one.task_definition_arn for one in found if one and one.task_definition_arn))


def is_repair(
    deployments: Sequence[DeploymentState],
    revisions: Mapping[str, RevisionState],
    definitions: Mapping[str, TaskDefinition | None],
) -> bool:
    """Whether the newest deployment surely runs something else than what had run before the failed one behind it."""
    if not _may_be_way_back(deployments):
        return False
    newest, *older = deployments
    before = next(iter(_before(older)), None)
    runs = _content(newest, revisions, definitions)
    had = _content(before, revisions, definitions) if before else None
    return None not in {runs, had} and runs != had and newest.target_revision_arn not in _gone_back_to(older)


def _may_be_way_back(deployments: Sequence[DeploymentState]) -> bool:
    return len(deployments) > 1 and deployments[0].successful and deployments[1].failed


def _before(older: Sequence[DeploymentState]) -> list[DeploymentState]:
    """What had been deployed well before the failed one, the newest first."""
    return [one for one in older[1:] if one.successful]


def _gone_back_to(older: Sequence[DeploymentState]) -> set[str]:
    return {*(one.target_revision_arn for one in _before(older)), older[0].rollback_revision_arn} - {""}


def _is_way_back(
    newest: DeploymentState,
    older: Sequence[DeploymentState],
    revisions: Mapping[str, RevisionState],
    definitions: Mapping[str, TaskDefinition | None],
) -> bool:
    """Whether the newest deployment runs just what had run before the failed one, and the failed one differed."""
    if newest.target_revision_arn in _gone_back_to(older):
        return True
    before = next(iter(_before(older)), None)
    runs, failed = _content(newest, revisions, definitions), _content(older[0], revisions, definitions)
    return runs is not None and before is not None and runs == _content(before, revisions, definitions) != failed


def _content(
    deployment: DeploymentState,
    revisions: Mapping[str, RevisionState],
    definitions: Mapping[str, TaskDefinition | None],
) -> tuple[str, str] | None:
    """What a deployment brings to run, and in which settings; None where it is not known."""
    revision = revisions.get(deployment.target_revision_arn)
    if revision is None or not revision.task_definition_arn:
        return None
    definition = definitions.get(revision.task_definition_arn)
    return (definition.content if definition else "") or revision.task_definition_arn, revision.settings
