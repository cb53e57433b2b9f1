"""The course of a service of which no service deployments are known, by its rollouts in DescribeServices.

ECS lists none for services that others deploy (CODE_DEPLOY, EXTERNAL) and none that may not be listed. A rollout is
told as a deployment to a revision that bears its id, ``ecs-svc/…``, which its tasks carry as well. Source: ECS API
reference of Deployment (``rolloutState``) and TaskSet (``stabilityStatus``).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from expressway.aws.values.service import DeploymentState, RevisionState, Rollout, ServiceState

_WAY_BACK = re.compile(r"rolling back|rollback", re.IGNORECASE)
"""As in "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/…", the reason of the primary rollout."""
_STATUSES: Mapping[str, str] = {"IN_PROGRESS": "IN_PROGRESS", "COMPLETED": "SUCCESSFUL", "FAILED": "FAILED"}
_BACK_STATUSES: Mapping[str, str] = {"IN_PROGRESS": "ROLLBACK_IN_PROGRESS", "COMPLETED": "ROLLBACK_SUCCESSFUL"}
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def rollout_deployment(service: ServiceState) -> DeploymentState | None:
    """The service's newest deployment as its rollouts tell it; None where they tell none.

    A way back is told as ECS tells it of a service deployment: by the one that failed. A task set that drains is over,
    also where it is the newest: its deployment was taken back.
    """
    by_age = sorted(service.rollouts, key=lambda one: (one.created_at or _LONG_AGO, one.status == "PRIMARY"))
    primary = next((one for one in by_age if one.status == "PRIMARY"), None)
    failed = next((one for one in reversed(by_age) if one.state == "FAILED" and one is not primary), None)
    if primary is not None and failed is not None and _is_way_back(primary, failed, by_age):
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


def _is_way_back(primary: Rollout, failed: Rollout, by_age: Sequence[Rollout]) -> bool:
    """Whether the primary rollout undoes the failed one, rather than follows it as a repair."""
    says_so = _WAY_BACK.search(primary.state_reason) is not None
    return primary.state != "FAILED" and (says_so or by_age.index(primary) < by_age.index(failed))


def _status_by_counts(newest: Rollout, under_way: Sequence[Rollout]) -> str:
    """ECS tells no state of rollouts that others steer: one is done when no other runs, and none lacks tasks."""
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
