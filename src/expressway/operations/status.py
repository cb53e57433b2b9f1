"""How an app stands: its stacks, newest deployment, revisions, tasks, URL, running operation and last error."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

from expressway.errors import TargetError
from expressway.model.cause import Cause
from expressway.model.operation import OperationRecord
from expressway.model.service import Endpoint, ExpressService, ServiceConfiguration
from expressway.model.service_location import ServiceLocation, service_location
from expressway.model.stack import StackState, repository_stack_name, service_stack_name
from expressway.operations.explain import explain_failure
from expressway.operations.readiness import ServiceSnapshot, Verdict, judge
from expressway.operations.service_ports import OperationJournal, StackReads, UrlAnswer
from expressway.operations.wait import ServicePorts

AppState = Literal["absent", "deploying", "deleting", "ready", "degraded", "failed"]
_PROBE_SECONDS = 3.0
_REVISIONS_SHOWN = 3
_REASON_LIMIT = 240
_HEALTHY_STACKS = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")


@dataclass(frozen=True, slots=True)
class AppStatus:
    """One small answer about one app.

    Attributes:
        status: ``absent`` (nothing is there), ``deploying``, ``deleting``, ``ready`` (it serves),
            ``degraded`` (it is there and does not fully serve), ``failed`` (the last change failed).
        message: one sentence.
        target: the account and region, or the sandbox, that was asked.
        stacks: status by stack name; a stack that does not exist is left out.
        last_error: code and message of what went wrong last, if it still matters.
    """

    app_name: str
    status: AppState
    message: str
    target: str = ""
    url: str = ""
    stacks: Mapping[str, str] = field(default_factory=dict[str, str])
    service: Mapping[str, Any] = field(default_factory=dict[str, Any])
    deployment: Mapping[str, Any] = field(default_factory=dict[str, Any])
    revisions: tuple[Mapping[str, Any], ...] = ()
    tasks: Mapping[str, int] = field(default_factory=dict[str, int])
    operation: Mapping[str, Any] | None = None
    last_error: Mapping[str, Any] | None = None

    def to_dict(self) -> Mapping[str, Any]:
        """The shape for every face; parts with nothing to say are left out, except the first three."""
        shape: dict[str, Any] = {"app_name": self.app_name, "status": self.status, "message": self.message}
        rest: dict[str, Any] = {
            "target": self.target,
            "url": self.url,
            "stacks": dict(self.stacks),
            "service": dict(self.service),
            "deployment": dict(self.deployment),
            "revisions": [dict(one) for one in self.revisions],
            "tasks": dict(self.tasks),
            "operation": dict(self.operation) if self.operation else None,
            "last_error": dict(self.last_error) if self.last_error else None,
        }
        shape.update({key: value for key, value in rest.items() if value})
        return shape


def app_status(
    app_name: str,
    *,
    stacks: StackReads,
    ports: ServicePorts,
    journal: OperationJournal,
    target: str = "",
) -> AppStatus:
    """How the app stands now. Reads only, in parallel; explains only what is not well.

    `target` says where, in words; it is part of the answer.

    Raises:
        TargetError: ``access_denied`` and the like when stacks or services may not be read at all.
    """
    return _Status(app_name, stacks, ports, journal, target).take()


@dataclass(slots=True)
class _Status:
    app_name: str
    stacks: StackReads
    ports: ServicePorts
    journal: OperationJournal
    target: str

    def take(self) -> AppStatus:
        with ThreadPoolExecutor(4, thread_name_prefix="status") as pool:
            asked_repository = pool.submit(self.stacks.describe, repository_stack_name(self.app_name))
            service_stack = self.stacks.describe(service_stack_name(self.app_name))
            location = service_location(self.app_name, service_stack)
            snapshot = self._snapshot(location, pool)
            repository_stack = asked_repository.result()
        operation = self.journal.latest(self.app_name)
        present = [stack for stack in (repository_stack, service_stack) if stack is not None]
        endpoint = snapshot.express.endpoint if snapshot and snapshot.express else None
        answer = self._fetch(snapshot, endpoint)
        verdict = _verdict(snapshot, answer)
        status, message = _overall(present, snapshot, verdict, operation)
        message += _build_under_way(operation)
        return AppStatus(
            app_name=self.app_name,
            status=status,
            message=message,
            target=self.target,
            url=self.ports.probe.url(endpoint.address) if endpoint else "",
            stacks={stack.name: stack.status for stack in present},
            service=_service(snapshot),
            deployment=_deployment(snapshot),
            revisions=_revisions(snapshot),
            tasks=_tasks(snapshot),
            operation=_operation(operation),
            last_error=self._last_error(status, location, operation, present),
        )

    def _snapshot(self, location: ServiceLocation, pool: ThreadPoolExecutor) -> ServiceSnapshot | None:
        ecs = self.ports.ecs
        service = ecs.service(location.cluster, location.name)
        if service is None or service.status == "INACTIVE":
            return None
        asked_express = pool.submit(lambda: ecs.express_service(service.arn) if service.is_express else None)
        asked_tasks = pool.submit(ecs.tasks, location.cluster, location.name)
        deployment = next(iter(ecs.deployments(location.cluster, service.arn, limit=1)), None)
        target_arns = [deployment.target_revision_arn] if deployment and deployment.target_revision_arn else []
        revision = next(iter(ecs.revisions(target_arns)), None) if target_arns else None
        targets = None
        if self.ports.targets is not None and revision is not None:
            try:
                targets = self.ports.targets.health(revision.target_group_arns)
            except TargetError as error:
                if error.code != "access_denied":
                    raise
        return ServiceSnapshot(service, deployment, revision, asked_tasks.result(), targets, asked_express.result())

    def _fetch(self, snapshot: ServiceSnapshot | None, endpoint: Endpoint | None) -> UrlAnswer | None:
        if snapshot is None or endpoint is None or endpoint.access_type != "PUBLIC":
            return None
        newest = snapshot.express.newest if snapshot.express else None
        path = (newest.health_check_path if newest else "") or "/"
        return self.ports.probe.fetch(endpoint.address, path=path, timeout_seconds=_PROBE_SECONDS)

    def _last_error(
        self,
        status: AppState,
        location: ServiceLocation,
        operation: OperationRecord | None,
        present: list[StackState],
    ) -> Mapping[str, Any] | None:
        """What is wrong now, explained afresh; else what the last operation ended with, if nothing succeeded since."""
        if status in {"failed", "degraded"}:
            cause = explain_failure(
                cluster=location.cluster,
                service_name=location.name,
                ecs=self.ports.ecs,
                logs=self.ports.logs,
                targets=self.ports.targets,
            )
            if cause is not None:
                return _error_of_cause(cause)
        if operation is not None and operation.error and operation.state in {"failed", "interrupted"}:
            return {key: operation.error[key] for key in ("code", "message", "hint") if operation.error.get(key)}
        reasons = [stack for stack in present if not _is_well(stack) and stack.status_reason]
        return (
            {"code": "stack_failed", "message": f"{reasons[0].name}: {reasons[0].status_reason}"} if reasons else None
        )


def _verdict(snapshot: ServiceSnapshot | None, answer: UrlAnswer | None) -> Verdict | None:
    if snapshot is None:
        return None
    verdict = judge(snapshot)
    if verdict.state == "serving" and answer is not None and not answer.answers:
        came = f"answers {answer.status}" if answer.status else f"does not answer ({answer.error})"
        return Verdict("waiting", f"{verdict.message}, but {answer.url} {came}")
    return verdict


def _overall(
    present: list[StackState],
    snapshot: ServiceSnapshot | None,
    verdict: Verdict | None,
    operation: OperationRecord | None,
) -> tuple[AppState, str]:
    moving = [stack for stack in present if stack.in_progress]
    # A build touches no service: the app is what it is meanwhile.
    running = operation if operation and operation.state == "running" and operation.kind != "build" else None
    if running or moving:
        return _under_way(running, moving)
    if not present and snapshot is None:
        return "absent", "Nothing of this app is deployed."
    broken = [stack for stack in present if not _is_well(stack)]
    if broken:
        return "failed", f"{broken[0].name} is {broken[0].status}{_still_serving(verdict)}."
    return _of_service(snapshot, verdict)


def _under_way(running: OperationRecord | None, moving: list[StackState]) -> tuple[AppState, str]:
    deleting = running.kind == "delete" if running else any(one.status.startswith("DELETE") for one in moving)
    what = f"{running.kind} is in phase {running.phase}: {running.message}" if running else ""
    where = f"{moving[0].name} is {moving[0].status}" if moving else ""
    return "deleting" if deleting else "deploying", f"{'; '.join(part for part in (what, where) if part)}."


def _build_under_way(operation: OperationRecord | None) -> str:
    if operation is None or operation.kind != "build" or operation.state != "running":
        return ""
    return f" A build is under way, in phase {operation.phase}: {operation.message}."


def _of_service(snapshot: ServiceSnapshot | None, verdict: Verdict | None) -> tuple[AppState, str]:
    if snapshot is None or verdict is None:
        return "degraded", "The stacks stand, but there is no service."
    if snapshot.service.status == "DRAINING":
        return "deleting", "The service drains; it is gone when ECS says INACTIVE."
    if verdict.state == "serving":
        return "ready", f"It serves: {verdict.message}."
    if verdict.state == "failed":
        return "failed", verdict.message
    under_way = snapshot.deployment is not None and snapshot.deployment.running
    return "deploying" if under_way else "degraded", f"{verdict.message}."


def _is_well(stack: StackState) -> bool:
    return stack.status in _HEALTHY_STACKS or stack.in_progress


def _still_serving(verdict: Verdict | None) -> str:
    return "; the service itself still serves" if verdict and verdict.state == "serving" else ""


def _service(snapshot: ServiceSnapshot | None) -> Mapping[str, Any]:
    if snapshot is None:
        return {}
    return {"arn": snapshot.service.arn, "cluster": snapshot.service.cluster, "status": snapshot.service.status}


def _deployment(snapshot: ServiceSnapshot | None) -> Mapping[str, Any]:
    if snapshot is None or snapshot.deployment is None:
        return {}
    deployment = snapshot.deployment
    shape = {
        "status": deployment.status,
        "stage": deployment.lifecycle_stage if deployment.running else "",
        "reason": deployment.status_reason[:_REASON_LIMIT] if deployment.failed else "",
        "revision": deployment.target_revision_arn.rsplit("/", 1)[-1],
        "created_at": deployment.created_at.isoformat(timespec="seconds") if deployment.created_at else "",
    }
    return {key: value for key, value in shape.items() if value}


def _revisions(snapshot: ServiceSnapshot | None) -> tuple[Mapping[str, Any], ...]:
    express: ExpressService | None = snapshot.express if snapshot else None
    return tuple(_revision(one) for one in (express.configurations if express else ())[:_REVISIONS_SHOWN])


def _revision(configuration: ServiceConfiguration) -> Mapping[str, Any]:
    return {"id": configuration.revision_arn.rsplit("/", 1)[-1], "image": configuration.image}


def _tasks(snapshot: ServiceSnapshot | None) -> Mapping[str, int]:
    if snapshot is None:
        return {}
    failed = sum(task.failed for task in snapshot.own_tasks)
    counts = {
        "desired": snapshot.service.desired_count,
        "running": snapshot.service.running_count,
        "pending": snapshot.service.pending_count,
        "healthy": len(snapshot.healthy_tasks),
    }
    return counts | ({"recently_failed": failed} if failed else {})


def _operation(operation: OperationRecord | None) -> Mapping[str, Any] | None:
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


def _error_of_cause(cause: Cause) -> Mapping[str, Any]:
    shape = {"code": cause.code, "message": cause.sentence, "hint": cause.remedy, "gaps": list(cause.gaps)}
    return {key: value for key, value in shape.items() if value}
