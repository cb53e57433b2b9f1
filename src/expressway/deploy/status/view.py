"""The parts of an app's status as every face shows them: service, deployment, revisions, tasks, operation, error."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NotRequired, cast

from typing_extensions import TypedDict

from expressway.aws.values.operation import OperationKind, OperationRecord, OperationState
from expressway.core.text import shortened
from expressway.deploy.status.app_state import Seen, is_well
from expressway.deploy.status.probe import ProbeAnswer
from expressway.deploy.status.readiness import ServiceSnapshot
from expressway.diagnose.finding import Finding
from expressway.privacy.untrusted import quoted


class ServiceJson(TypedDict):
    """`serving_revision`: the id of the revision that serves; `url_answers`: the HTTP status, or why none came."""

    arn: str
    cluster: str
    status: str
    serving_revision: NotRequired[str]
    url_answers: NotRequired[int | str]


class DeploymentJson(TypedDict):
    """The newest deployment; `stage` while it runs, `reason` where it failed, `created_at` as ISO 8601."""

    status: NotRequired[str]
    stage: NotRequired[str]
    reason: NotRequired[str]
    revision: NotRequired[str]
    created_at: NotRequired[str]


class RevisionJson(TypedDict):
    id: str
    image: str


class TasksJson(TypedDict):
    """Counts of the tasks of the revision that serves; `recently_failed` are the newest deployment's."""

    desired: int
    running: NotRequired[int]
    pending: NotRequired[int]
    healthy: NotRequired[int]
    recently_failed: NotRequired[int]


class OperationJson(TypedDict):
    """The last operation that this machine knows; `hint` of one that was interrupted."""

    operation_id: str
    kind: OperationKind
    state: OperationState
    phase: str
    message: str
    updated_at: str
    hint: NotRequired[str]


class LastErrorJson(TypedDict):
    code: str
    message: str
    hint: NotRequired[str]
    gaps: NotRequired[list[str]]


REASON_LIMIT = 240
"""Characters of a reason that are told; the rest is where it comes from."""
_REVISIONS_SHOWN = 3


def judged_by_the_deployment(seen: Seen) -> LastErrorJson | None:
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
    return last_error_of({**error, "code": cause})


def last_error_of(error: Mapping[str, Any]) -> LastErrorJson:
    """Code, message and hint of an error in its usual shape."""
    return cast("LastErrorJson", {key: error[key] for key in ("code", "message", "hint") if error.get(key)})


def error_of_stacks(seen: Seen) -> LastErrorJson | None:
    """What the first stack that is not well says of itself."""
    broken = (stack for stack in seen.stacks if not is_well(stack, rolled_back_is_well=not seen.was_rolled_back))
    reasons = [f"{stack.name}: {quoted(stack.status_reason)}" for stack in broken if stack.status_reason]
    return {"code": "stack_failed", "message": reasons[0]} if reasons else None


def build_under_way(operation: OperationRecord | None) -> str:
    """A sentence about a build that runs; empty where none does."""
    if operation is None or operation.kind != "build" or operation.state != "running":
        return ""
    return f" A build is in progress, in phase {operation.phase}: {operation.message}."


def service_part(serving: ServiceSnapshot | None, answer: ProbeAnswer | None) -> ServiceJson | None:
    """The service, the revision that serves, and what its URL answers."""
    if serving is None:
        return None
    service = serving.service
    shape: ServiceJson = {"arn": service.arn, "cluster": service.cluster, "status": service.status}
    if serving.revision is not None and serving.deployment is not None and serving.deployment.successful:
        shape["serving_revision"] = serving.revision.revision_id
    if answer is not None:
        shape["url_answers"] = answer.status or answer.error
    return shape


def deployment_part(snapshot: ServiceSnapshot | None) -> DeploymentJson | None:
    """The newest deployment."""
    if snapshot is None or snapshot.deployment is None:
        return None
    deployment = snapshot.deployment
    shape = {
        "status": deployment.status,
        "stage": deployment.lifecycle_stage if deployment.running else "",
        "reason": quoted(shortened(deployment.status_reason, REASON_LIMIT)) if deployment.failed else "",
        "revision": deployment.target_revision_arn.rsplit("/", 1)[-1],
        "created_at": deployment.created_at.isoformat(timespec="seconds") if deployment.created_at else "",
    }
    return cast("DeploymentJson", {key: value for key, value in shape.items() if value})


def revisions_part(snapshot: ServiceSnapshot | None) -> tuple[RevisionJson, ...]:
    """The revisions that are configured, the newest first."""
    configured = snapshot.express.configurations if snapshot and snapshot.express else ()
    return tuple(
        {"id": revision.revision_arn.rsplit("/", 1)[-1], "image": revision.image}
        for revision in configured[:_REVISIONS_SHOWN]
    )


def tasks_part(newest: ServiceSnapshot | None, serving: ServiceSnapshot | None) -> TasksJson | None:
    """How many tasks there are of what serves; how many failed is told of the newest deployment."""
    if newest is None or serving is None:
        return None
    if "tasks" in newest.unread:
        return {"desired": serving.service.desired_count}
    tasks = serving.own_tasks
    counts: TasksJson = {
        "desired": serving.service.desired_count,
        "running": sum(task.running for task in tasks),
        "pending": sum(task.pending for task in tasks),
        "healthy": len(serving.healthy_tasks),
    }
    if failed := sum(task.failed for task in newest.own_tasks):
        counts["recently_failed"] = failed
    return counts


def operation_part(operation: OperationRecord | None) -> OperationJson | None:
    """The last operation, and what to do about one that was interrupted."""
    if operation is None:
        return None
    shape: OperationJson = {
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


def error_of_cause(cause: Finding) -> LastErrorJson:
    """A cause in the shape of an error."""
    shape = {"code": cause.code, "message": cause.sentence, "hint": cause.remedy, "gaps": list(cause.gaps)}
    return cast("LastErrorJson", {key: value for key, value in shape.items() if value})
