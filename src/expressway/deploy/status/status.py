"""State of an app: its stacks, newest deployment, revisions, tasks, URL, running operation and last error."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from expressway.app.names import check_app_name
from expressway.aws.values.service import DEFAULT_HEALTH_PATH, Endpoint
from expressway.cloudformation.stack import ServiceLocation, repository_stack_name, service_location, service_stack_name
from expressway.core.progress import ReadPool
from expressway.core.text import shortened
from expressway.deploy.operation import OperationRecord
from expressway.deploy.read_gaps import ReadGaps
from expressway.deploy.shapes import (
    AppState,
    AppStatusJson,
    DeploymentJson,
    LastErrorJson,
    OperationJson,
    RevisionJson,
    ServiceJson,
    TasksJson,
)
from expressway.deploy.status.app_state import (
    REASON_LIMIT,
    Seen,
    app_state,
    because_of,
    build_under_way,
    deployment_part,
    error_of_cause,
    error_of_stacks,
    judged_by_the_deployment,
    last_error_of,
    operation_part,
    revisions_part,
    service_part,
    serving_revision_arn,
    serving_snapshot,
    tasks_part,
)
from expressway.deploy.status.endpoint import ProbeAnswer, access_hint_of
from expressway.deploy.status.readiness import ServiceSnapshot
from expressway.deploy.status.wait import ServicePorts
from expressway.errors import ExpresswayError
from expressway.plan.ports import StackReader

_PROBE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class AppStatus:
    """One small answer about one app.

    Attributes:
        status: ``absent`` (nothing is there), ``deploying``, ``deleting``, ``ready`` (it serves; after a rollback
            that is the previous version, and `last_error` has the cause until a later deployment ends well),
            ``degraded`` (it is there and does not fully serve), ``failed`` (the last change failed), ``unknown``
            (the deciding facts may not be read).
        target: the account and region, or the sandbox, that was asked.
        stacks: status by stack name; a stack that does not exist is left out.
        last_error: what went wrong last, if it still matters.
        gaps: what could not be read, and which permission that takes.
    """

    app_name: str
    status: AppState
    message: str
    target: str = ""
    url: str = ""
    stacks: Mapping[str, str] = field(default_factory=dict[str, str])
    service: ServiceJson | None = None
    deployment: DeploymentJson | None = None
    revisions: tuple[RevisionJson, ...] = ()
    tasks: TasksJson | None = None
    operation: OperationJson | None = None
    last_error: LastErrorJson | None = None
    gaps: tuple[str, ...] = ()

    def to_dict(self) -> AppStatusJson:
        parts = {
            "target": self.target,
            "url": self.url,
            "access_hint": access_hint_of(self.url),
            "stacks": dict(self.stacks),
            "service": self.service,
            "deployment": self.deployment,
            "revisions": list(self.revisions),
            "tasks": self.tasks,
            "operation": self.operation,
            "last_error": self.last_error,
            "gaps": list(self.gaps),
        }
        present = {name: part for name, part in parts.items() if part}
        shape = {"app_name": self.app_name, "status": self.status, "message": self.message, **present}
        return cast("AppStatusJson", shape)


def app_status(
    app_name: str,
    *,
    stacks: StackReader,
    ports: ServicePorts,
    last_operation: Callable[[str], OperationRecord | None],
    target: str = "",
) -> AppStatus:
    """The current status of the app. Reads only, in parallel; diagnoses only what is not in order.

    `last_operation` is what this machine knows of the app (`deploy.journal.Journal.latest`); `target` says where, in
    words, and is part of the answer.

    Raises:
        DefinitionError: ``invalid_app_name``.
        TargetError: ``access_denied`` where the stacks may not be read, and the like. Anything else that may not be
            read is a gap.
    """
    check_app_name(app_name)
    return _Status(app_name, stacks, ports, last_operation, target).take()


@dataclass(slots=True)
class _Status:
    app_name: str
    stacks: StackReader
    ports: ServicePorts
    last_operation: Callable[[str], OperationRecord | None]
    target: str
    gaps: ReadGaps = field(default_factory=ReadGaps)
    other_gaps: list[str] = field(default_factory=list[str])

    def take(self) -> AppStatus:
        with ReadPool(4, thread_name_prefix="status") as pool:
            asked_repository = pool.submit(self.stacks.describe, repository_stack_name(self.app_name))
            service_stack = self.stacks.describe(service_stack_name(self.app_name))
            location = service_location(self.app_name, service_stack)
            newest, serving = self._snapshots(location, pool)
            repository_stack = asked_repository.result()
        operation = self._last_operation()
        present = [stack for stack in (repository_stack, service_stack) if stack is not None]
        endpoint = newest.express.endpoint if newest and newest.express else None
        seen = Seen(present, newest, serving, self._fetch(serving, endpoint), operation, self.gaps.parts)
        status, message = app_state(seen)
        last_error = self._last_error(status, location, seen)
        if seen.was_rolled_back and status == "ready":
            message = because_of(message, shortened(last_error["message"] if last_error else "", REASON_LIMIT))
        message += build_under_way(operation)
        return AppStatus(
            app_name=self.app_name,
            status=status,
            message=message,
            target=self.target,
            url=self.ports.probe.url(endpoint.address) if endpoint else "",
            stacks={stack.name: stack.status for stack in present},
            service=service_part(serving, seen.answer),
            deployment=deployment_part(newest),
            revisions=revisions_part(newest),
            tasks=tasks_part(newest, serving),
            operation=operation_part(operation),
            last_error=last_error,
            gaps=(*self.gaps.messages, *self.other_gaps),
        )

    def _last_operation(self) -> OperationRecord | None:
        """What this machine remembers; a state directory that cannot be read is a gap."""
        try:
            return self.last_operation(self.app_name)
        except ExpresswayError as error:
            if error.code != "state_not_writable":
                raise
            self.other_gaps.append(f"the last operation could not be read: {error.message}")
            return None

    def _snapshots(
        self, location: ServiceLocation, pool: ReadPool
    ) -> tuple[ServiceSnapshot | None, ServiceSnapshot | None]:
        """The service with its newest deployment, and with the one that serves."""
        ecs = self.ports.ecs
        service = self.gaps.take("service", lambda: ecs.service(location.cluster, location.name), None)
        if service is None or service.status == "INACTIVE":
            return None, None
        asked_express = pool.submit(lambda: ecs.express_service(service.arn) if service.is_express else None)
        asked_tasks = pool.submit(ecs.service_tasks, location.cluster, location.name)
        newest = self.ports.snapshot(service, self.gaps, tasks=asked_tasks.result, express=asked_express.result)
        arn = serving_revision_arn(newest)
        if not arn:
            return newest, newest
        revision = self.ports.revision(service, arn, self.gaps)
        targets = self.ports.target_health(revision, self.gaps)
        serving = serving_snapshot(newest, arn)
        return newest, replace(serving, revision=revision, targets=targets, unread=self.gaps.parts)

    def _fetch(self, serving: ServiceSnapshot | None, endpoint: Endpoint | None) -> ProbeAnswer | None:
        if serving is None or endpoint is None or endpoint.access_type != "PUBLIC":
            return None
        arn = serving.revision.arn if serving.revision else ""
        configured = serving.express.configurations if serving.express else ()
        of_revision = (each.health_check_path for each in configured if each.revision_arn == arn)
        newest = serving.express.newest if serving.express else None
        path = next(of_revision, newest.health_check_path if newest else "") or DEFAULT_HEALTH_PATH
        return self.ports.probe.fetch(endpoint.address, path=path, timeout_seconds=_PROBE_SECONDS)

    def _last_error(self, status: AppState, location: ServiceLocation, seen: Seen) -> LastErrorJson | None:
        """What is wrong now, explained afresh; else what the last operation ended with, if nothing succeeded since.

        A failed deployment was diagnosed while logs existed that its rollback may have removed: as long as
        nothing has moved since, that is the cause.
        """
        judged = judged_by_the_deployment(seen) if status == "failed" or seen.was_rolled_back else None
        if judged is not None and status != "degraded":
            return judged
        if status in {"failed", "degraded"} or (status == "ready" and seen.was_rolled_back):
            cause = self.ports.explain(location.cluster, location.name)
            if cause is not None:
                return error_of_cause(cause)
        operation = seen.operation
        if operation is not None and operation.error and operation.state in {"failed", "interrupted"}:
            return last_error_of(operation.error)
        return error_of_stacks(seen)
