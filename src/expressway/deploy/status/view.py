"""The parts of an app's status, as they are told: service, deployment, revisions, tasks, operation, last error."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from expressway.aws.values.operation import OperationRecord
from expressway.aws.values.service import ExpressService, ServiceConfiguration
from expressway.core.text import shortened
from expressway.deploy.status.app_state import Seen, is_well
from expressway.deploy.status.probe import ProbeAnswer
from expressway.deploy.status.readiness import ServiceSnapshot
from expressway.diagnose.finding import Finding
from expressway.privacy.untrusted import quoted

REASON_LIMIT = 240
"""Characters of a reason that are told; the rest is where it comes from."""
_REVISIONS_SHOWN = 3


def judged_by_the_deployment(seen: Seen) -> Mapping[str, Any] | None:
    """The cause that the last deployment ended with, unless a stack or the service was moved after it."""
    operation = seen.operation
    error = operation.error if operation and (operation.kind, operation.state) == ("deploy", "failed") else None
    cause = (error or {}).get("details", {}).get("cause")
    if operation is None or error is None or not cause:
        return None
    deployment = seen.newest.deployment if seen.newest else None
    moments = [*(stack.updated_at for stack in seen.stacks), deployment.created_at if deployment else None]
    ended = datetime.fromisoformat(operation.updated_at)
    if any(moment is not None and moment.astimezone(UTC) > ended for moment in moments):
        return None
    return {"code": cause} | {key: error[key] for key in ("message", "hint") if error.get(key)}


def error_of_stacks(seen: Seen) -> Mapping[str, Any] | None:
    """What the first stack that is not well says of itself."""
    broken = (stack for stack in seen.stacks if not is_well(stack, rolled_back_is_well=not seen.was_rolled_back))
    reasons = [f"{stack.name}: {quoted(stack.status_reason)}" for stack in broken if stack.status_reason]
    return {"code": "stack_failed", "message": reasons[0]} if reasons else None


def build_under_way(operation: OperationRecord | None) -> str:
    """A sentence about a build that runs; empty where none does."""
    if operation is None or operation.kind != "build" or operation.state != "running":
        return ""
    return f" A build is in progress, in phase {operation.phase}: {operation.message}."


def service_part(serving: ServiceSnapshot | None, answer: ProbeAnswer | None) -> Mapping[str, Any]:
    """The service, the revision that serves, and what its URL answers."""
    if serving is None:
        return {}
    service = serving.service
    shape: dict[str, Any] = {"arn": service.arn, "cluster": service.cluster, "status": service.status}
    if serving.revision is not None and serving.deployment is not None and serving.deployment.successful:
        shape["serving_revision"] = serving.revision.revision_id
    if answer is not None:
        shape["url_answers"] = answer.status or answer.error
    return shape


def deployment_part(snapshot: ServiceSnapshot | None) -> Mapping[str, Any]:
    """The newest deployment."""
    if snapshot is None or snapshot.deployment is None:
        return {}
    deployment = snapshot.deployment
    shape = {
        "status": deployment.status,
        "stage": deployment.lifecycle_stage if deployment.running else "",
        "reason": quoted(shortened(deployment.status_reason, REASON_LIMIT)) if deployment.failed else "",
        "revision": deployment.target_revision_arn.rsplit("/", 1)[-1],
        "created_at": deployment.created_at.isoformat(timespec="seconds") if deployment.created_at else "",
    }
    return {key: value for key, value in shape.items() if value}


def revisions_part(snapshot: ServiceSnapshot | None) -> tuple[Mapping[str, Any], ...]:
    """The revisions that are configured, the newest first."""
    express: ExpressService | None = snapshot.express if snapshot else None
    return tuple(_revision(one) for one in (express.configurations if express else ())[:_REVISIONS_SHOWN])


def _revision(configuration: ServiceConfiguration) -> Mapping[str, Any]:
    return {"id": configuration.revision_arn.rsplit("/", 1)[-1], "image": configuration.image}


def tasks_part(newest: ServiceSnapshot | None, serving: ServiceSnapshot | None) -> Mapping[str, int]:
    """How many tasks there are of what serves; how many failed is told of the newest deployment."""
    if newest is None or serving is None:
        return {}
    if "tasks" in newest.unread:
        return {"desired": serving.service.desired_count}
    tasks = serving.own_tasks
    counts = {
        "desired": serving.service.desired_count,
        "running": sum(task.running for task in tasks),
        "pending": sum(task.pending for task in tasks),
        "healthy": len(serving.healthy_tasks),
    }
    failed = sum(task.failed for task in newest.own_tasks)
    return counts | ({"recently_failed": failed} if failed else {})


def operation_part(operation: OperationRecord | None) -> Mapping[str, Any] | None:
    """The last operation, and what to do about one that was interrupted."""
    if operation is None:
        return None
    shape = {
        "operation_id": operation.operation_id,
        "kind": operation.kind,
        "state": operation.state,
        "phase": operation.phase,
        "message": operation.message,
        "updated_at": operation.updated_at,
    }
    if operation.state == "interrupted":
        shape["hint"] = f"Repeat the {operation.kind}: it continues."
    return shape


def error_of_cause(cause: Finding) -> Mapping[str, Any]:
    """A cause in the shape of an error."""
    shape = {"code": cause.code, "message": cause.sentence, "hint": cause.remedy, "gaps": list(cause.gaps)}
    return {key: value for key, value in shape.items() if value}
