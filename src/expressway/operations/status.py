"""How an app stands: its stacks, newest deployment, revisions, tasks, URL, running operation and last error."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from expressway.errors import TargetError
from expressway.model.cause import Cause
from expressway.model.operation import OperationRecord
from expressway.model.quotation import quoted
from expressway.model.service import (
    Endpoint,
    ExpressService,
    RevisionState,
    ServiceConfiguration,
    ServiceState,
    TargetHealth,
    TaskState,
)
from expressway.model.service_location import ServiceLocation, service_location
from expressway.model.stack import repository_stack_name, service_stack_name
from expressway.operations.app_state import (
    AppState,
    Seen,
    app_state,
    because_of,
    is_well,
    serving_revision_arn,
    serving_snapshot,
)
from expressway.operations.explain import explain_failure
from expressway.operations.readiness import ServiceSnapshot
from expressway.operations.service_ports import OperationJournal, StackReads, UrlAnswer
from expressway.operations.wait import ServicePorts

_PROBE_SECONDS = 3.0
_REVISIONS_SHOWN = 3
_REASON_LIMIT = 240


@dataclass(frozen=True, slots=True)
class AppStatus:
    """One small answer about one app.

    Attributes:
        status: ``absent`` (nothing is there), ``deploying``, ``deleting``, ``ready`` (it serves; after a rollback
            that is the previous version, and `last_error` has the cause until a later deployment ends well),
            ``degraded`` (it is there and does not fully serve), ``failed`` (the last change failed).
        message: one sentence.
        target: the account and region, or the sandbox, that was asked.
        stacks: status by stack name; a stack that does not exist is left out.
        service: its ARN, cluster and status, the revision that serves, and what its URL answers.
        tasks: those of the revision that serves, or is being deployed; `recently_failed` are the newest
            deployment's.
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
            newest, serving = self._snapshots(location, pool)
            repository_stack = asked_repository.result()
        operation = self.journal.latest(self.app_name)
        present = [stack for stack in (repository_stack, service_stack) if stack is not None]
        endpoint = newest.express.endpoint if newest and newest.express else None
        seen = Seen(present, newest, serving, self._fetch(serving, endpoint), operation)
        status, message = app_state(seen)
        last_error = self._last_error(status, location, seen)
        if seen.was_rolled_back and status == "ready":
            message = because_of(message, str((last_error or {}).get("message", ""))[:_REASON_LIMIT])
        message += _build_under_way(operation)
        return AppStatus(
            app_name=self.app_name,
            status=status,
            message=message,
            target=self.target,
            url=self.ports.probe.url(endpoint.address) if endpoint else "",
            stacks={stack.name: stack.status for stack in present},
            service=_service(serving, seen.answer),
            deployment=_deployment(newest),
            revisions=_revisions(newest),
            tasks=_tasks(newest, serving),
            operation=_operation(operation),
            last_error=last_error,
        )

    def _snapshots(
        self, location: ServiceLocation, pool: ThreadPoolExecutor
    ) -> tuple[ServiceSnapshot | None, ServiceSnapshot | None]:
        """The service with its newest deployment, and with the one that serves."""
        ecs = self.ports.ecs
        service = ecs.service(location.cluster, location.name)
        if service is None or service.status == "INACTIVE":
            return None, None
        asked_express = pool.submit(lambda: ecs.express_service(service.arn) if service.is_express else None)
        asked_tasks = pool.submit(ecs.tasks, location.cluster, location.name)
        newest = self._newest(service, asked_express, asked_tasks)
        arn = serving_revision_arn(newest)
        if not arn:
            return newest, newest
        serving = serving_snapshot(newest, arn)
        revision = next(iter(ecs.revisions([arn])), None)
        return newest, replace(serving, revision=revision, targets=self._targets(revision))

    def _newest(
        self,
        service: ServiceState,
        asked_express: "Future[ExpressService | None]",
        asked_tasks: "Future[tuple[TaskState, ...]]",
    ) -> ServiceSnapshot:
        ecs = self.ports.ecs
        deployment = next(iter(ecs.deployments(service.cluster, service.arn, limit=1)), None)
        target_arns = [deployment.target_revision_arn] if deployment and deployment.target_revision_arn else []
        revision = next(iter(ecs.revisions(target_arns)), None) if target_arns else None
        targets = self._targets(revision)
        return ServiceSnapshot(service, deployment, revision, asked_tasks.result(), targets, asked_express.result())

    def _targets(self, revision: RevisionState | None) -> tuple[TargetHealth, ...] | None:
        if self.ports.targets is None or revision is None:
            return None
        try:
            return self.ports.targets.health(revision.target_group_arns)
        except TargetError as error:
            if error.code != "access_denied":
                raise
            return None

    def _fetch(self, serving: ServiceSnapshot | None, endpoint: Endpoint | None) -> UrlAnswer | None:
        if serving is None or endpoint is None or endpoint.access_type != "PUBLIC":
            return None
        configuration = _configuration(serving)
        path = (configuration.health_check_path if configuration else "") or "/"
        return self.ports.probe.fetch(endpoint.address, path=path, timeout_seconds=_PROBE_SECONDS)

    def _last_error(self, status: AppState, location: ServiceLocation, seen: Seen) -> Mapping[str, Any] | None:
        """What is wrong now, explained afresh; else what the last operation ended with, if nothing succeeded since.

        A deployment that failed told its cause while logs were there that its rollback may have removed: as long as
        nothing has moved since, that is the cause.
        """
        judged = _judged_by_the_deployment(seen) if status == "failed" or seen.was_rolled_back else None
        if judged is not None and status != "degraded":
            return judged
        if status in {"failed", "degraded"} or (status == "ready" and seen.was_rolled_back):
            cause = explain_failure(
                cluster=location.cluster,
                service_name=location.name,
                ecs=self.ports.ecs,
                logs=self.ports.logs,
                targets=self.ports.targets,
            )
            if cause is not None:
                return _error_of_cause(cause)
        operation = seen.operation
        if operation is not None and operation.error and operation.state in {"failed", "interrupted"}:
            return {key: operation.error[key] for key in ("code", "message", "hint") if operation.error.get(key)}
        return _error_of_stacks(seen)


def _judged_by_the_deployment(seen: Seen) -> Mapping[str, Any] | None:
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


def _error_of_stacks(seen: Seen) -> Mapping[str, Any] | None:
    broken = (stack for stack in seen.stacks if not is_well(stack, rolled_back_is_well=not seen.was_rolled_back))
    reasons = [f"{stack.name}: {quoted(stack.status_reason)}" for stack in broken if stack.status_reason]
    return {"code": "stack_failed", "message": reasons[0]} if reasons else None


def _build_under_way(operation: OperationRecord | None) -> str:
    if operation is None or operation.kind != "build" or operation.state != "running":
        return ""
    return f" A build is under way, in phase {operation.phase}: {operation.message}."


def _service(serving: ServiceSnapshot | None, answer: UrlAnswer | None) -> Mapping[str, Any]:
    if serving is None:
        return {}
    service = serving.service
    shape: dict[str, Any] = {"arn": service.arn, "cluster": service.cluster, "status": service.status}
    if serving.revision is not None and serving.deployment is not None and serving.deployment.successful:
        shape["serving_revision"] = serving.revision.revision_id
    if answer is not None:
        shape["url_answers"] = answer.status or answer.error
    return shape


def _configuration(serving: ServiceSnapshot) -> ServiceConfiguration | None:
    express = serving.express
    if express is None:
        return None
    arn = serving.revision.arn if serving.revision else ""
    return next((one for one in express.configurations if one.revision_arn == arn), express.newest)


def _deployment(snapshot: ServiceSnapshot | None) -> Mapping[str, Any]:
    if snapshot is None or snapshot.deployment is None:
        return {}
    deployment = snapshot.deployment
    shape = {
        "status": deployment.status,
        "stage": deployment.lifecycle_stage if deployment.running else "",
        "reason": quoted(deployment.status_reason[:_REASON_LIMIT]) if deployment.failed else "",
        "revision": deployment.target_revision_arn.rsplit("/", 1)[-1],
        "created_at": deployment.created_at.isoformat(timespec="seconds") if deployment.created_at else "",
    }
    return {key: value for key, value in shape.items() if value}


def _revisions(snapshot: ServiceSnapshot | None) -> tuple[Mapping[str, Any], ...]:
    express: ExpressService | None = snapshot.express if snapshot else None
    return tuple(_revision(one) for one in (express.configurations if express else ())[:_REVISIONS_SHOWN])


def _revision(configuration: ServiceConfiguration) -> Mapping[str, Any]:
    return {"id": configuration.revision_arn.rsplit("/", 1)[-1], "image": configuration.image}


def _tasks(newest: ServiceSnapshot | None, serving: ServiceSnapshot | None) -> Mapping[str, int]:
    if newest is None or serving is None:
        return {}
    tasks = serving.own_tasks
    counts = {
        "desired": serving.service.desired_count,
        "running": sum(task.running for task in tasks),
        "pending": sum(task.pending for task in tasks),
        "healthy": len(serving.healthy_tasks),
    }
    failed = sum(task.failed for task in newest.own_tasks)
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
