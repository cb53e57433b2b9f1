"""The status of an app and its parts, from everything that was read of it: a pure judgement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

from expressway.cloudformation.stack import StackState
from expressway.core.text import shortened
from expressway.deploy.operation import OperationRecord
from expressway.deploy.shapes import (
    AppState,
    DeploymentJson,
    LastErrorJson,
    OperationJson,
    RevisionJson,
    ServiceJson,
    TasksJson,
)
from expressway.deploy.status.endpoint import ProbeAnswer
from expressway.deploy.status.readiness import ServiceSnapshot, Verdict, judge
from expressway.diagnose.finding import Finding
from expressway.privacy.untrusted import quoted

_ROLLED_BACK = "UPDATE_ROLLBACK_COMPLETE"
_WELL = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look at an app saw.

    Attributes:
        stacks: those that exist.
        newest: the service with its newest deployment; None where ECS knows no living service.
        serving: the same with the revision that serves: another one after a rollback.
        answer: what the service's URL answered; None where it was not fetched.
        operation: the last one of the journal.
        unread: the parts that may not be read (see `expressway.deploy.read_gaps`).
    """

    stacks: Sequence[StackState]
    newest: ServiceSnapshot | None
    serving: ServiceSnapshot | None
    answer: ProbeAnswer | None
    operation: OperationRecord | None
    unread: frozenset[str] = frozenset()

    @property
    def verdict(self) -> Verdict | None:
        """Whether what is there serves: its tasks, and then its URL."""
        if self.serving is None:
            return None
        verdict, answer = judge(self.serving), self.answer
        if verdict.state in {"serving", "unknown"} and answer is not None and not answer.answers:
            came = f"answers {answer.status}" if answer.status else f"does not answer ({answer.error})"
            return Verdict("waiting", f"{verdict.message}, but {answer.url} {came}")
        return verdict

    @property
    def was_rolled_back(self) -> bool:
        """Whether the last deployment was taken back, and no deployment is known to have ended well since."""
        moments = self._rollbacks
        return bool(moments) and not self._succeeded_after([moment for moment in moments if moment is not None])

    @property
    def _rollbacks(self) -> list[datetime | None]:
        deployment = self.newest.deployment if self.newest else None
        found: list[datetime | None] = [stack.updated_at for stack in self.stacks if stack.status == _ROLLED_BACK]
        if deployment is not None and deployment.status == "ROLLBACK_SUCCESSFUL":
            found.append(deployment.finished_at or deployment.created_at)
        return found

    def _succeeded_after(self, moments: list[datetime]) -> bool:
        operation = self.operation
        if operation is None or (operation.kind, operation.state) != ("deploy", "succeeded"):
            return False
        ended = _moment(operation.updated_at)
        return ended is not None and all(ended >= _aware(moment) for moment in moments)


def serving_snapshot(newest: ServiceSnapshot, serving_revision_arn: str) -> ServiceSnapshot:
    """The service as if the revision that serves were its newest deployment; the caller adds that revision's facts.

    Which rollout started the tasks that were left or brought back is not known, so their task definition decides.
    """
    if newest.deployment is None:
        return newest
    deployment = replace(
        newest.deployment,
        status="SUCCESSFUL",
        target_revision_arn=serving_revision_arn,
        requested_count=newest.service.desired_count,
    )
    return replace(newest, service=replace(newest.service, primary_deployment_id=""), deployment=deployment)


def serving_revision_arn(newest: ServiceSnapshot) -> str:
    """The revision that serves after a rollback; empty where it is the newest deployment's own, or unknown."""
    deployment = newest.deployment
    if deployment is None or deployment.status != "ROLLBACK_SUCCESSFUL":
        return ""
    configured = newest.express.configurations if newest.express else ()
    others = [one.revision_arn for one in configured if one.revision_arn != deployment.target_revision_arn]
    return deployment.rollback_revision_arn or next(iter(others), "")


def app_state(seen: Seen) -> tuple[AppState, str]:
    """The status, and one sentence. After a rollback, `because_of` adds the cause."""
    moving = [stack for stack in seen.stacks if stack.in_progress]
    running = seen.operation if seen.operation and seen.operation.state == "running" else None
    if running is not None and running.kind == "build":
        running = None  # a build touches no service: the app is what it is meanwhile
    if running or moving:
        return _under_way(running, moving)
    if not seen.stacks and "service" in seen.unread:
        return "unknown", "The app has no stacks; whether a service of its name exists may not be read."
    if not seen.stacks and seen.newest is None:
        return "absent", "Nothing of this app is deployed."
    broken = [stack for stack in seen.stacks if not is_well(stack)]
    if broken:
        serves = seen.verdict is not None and seen.verdict.state == "serving"
        still = "; the service itself still serves" if serves else ""
        return "failed", f"{broken[0].name} is {broken[0].status}{still}."
    return _of_service(seen)


def is_well(stack: StackState, *, rolled_back_is_well: bool = True) -> bool:
    """Whether the stack is in order or in progress; a rolled back one is as it was before."""
    return stack.status in _WELL or stack.in_progress or (rolled_back_is_well and stack.status == _ROLLED_BACK)


def because_of(message: str, cause: str) -> str:
    """The sentence with the cause in it, unless there is none or the sentence contains it."""
    return f"{message.rstrip('.')} ({cause.rstrip('.')})." if cause and cause not in message else message


def _under_way(running: OperationRecord | None, moving: list[StackState]) -> tuple[AppState, str]:
    deleting = running.kind == "delete" if running else any(one.status.startswith("DELETE") for one in moving)
    what = f"{running.kind} is in phase {running.phase}: {running.message}" if running else ""
    where = f"{moving[0].name} is {moving[0].status}" if moving else ""
    return "deleting" if deleting else "deploying", f"{'; '.join(part for part in (what, where) if part)}."


def _of_service(seen: Seen) -> tuple[AppState, str]:
    newest, verdict = seen.newest, seen.verdict
    if "service" in seen.unread:
        return "unknown", "The stacks exist; the state of the service may not be read."
    if newest is None or verdict is None:
        return "degraded", "The stacks exist, but there is no service."
    if newest.service.status == "DRAINING":
        return "deleting", "The service is draining; it is deleted when ECS says INACTIVE."
    if verdict.state == "serving":
        if seen.was_rolled_back:
            return "ready", "It serves the previous version: the last deployment was rolled back."
        return "ready", f"It serves: {verdict.message}."
    if verdict.state == "failed":
        return "failed", verdict.message
    if verdict.state == "unknown":
        answers = f"; {seen.answer.url} answers {seen.answer.status}" if seen.answer and seen.answer.answers else ""
        return "unknown", f"The service is {newest.service.status}{answers}; {verdict.message}."
    under_way = newest.deployment is not None and newest.deployment.running
    return "deploying" if under_way else "degraded", f"{verdict.message}."


def _moment(text: str) -> datetime | None:
    try:
        return _aware(datetime.fromisoformat(text))
    except ValueError:
        return None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


REASON_LIMIT = 240
"""Characters of a reason that are shown."""
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
    deployment = serving.deployment
    if serving.revision is not None and deployment is not None and deployment.successful and not deployment.is_rollout:
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
        "revision": "" if deployment.is_rollout else deployment.target_revision_arn.rsplit("/", 1)[-1],
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
    """Counts of the tasks of the revision that serves; those that failed are of the newest deployment."""
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
