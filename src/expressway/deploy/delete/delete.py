"""Delete an app, stack by stack; stop at the first failure. The order is:

1. The service stack. CloudFormation deletes the service first, then the roles and the log group that it needed until
   then. A service that no stack holds is deleted directly. Either way it is waited for until it is INACTIVE.
2. The repository stack: the push/pull role, and the repository with its images. So no image goes before the service.
3. A log group that a log driver made again while the last task stopped.

All is derived from what exists, so that a deletion killed at any point is continued by running it again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from expressway.app.names import app_names
from expressway.aws.values.service import LogGroup
from expressway.aws.values.target import Target
from expressway.cloudformation.stack import StackState
from expressway.core.clock import Clock, polling_delays
from expressway.core.progress import Cancellation, NeverCancelled, Progress, ProgressSink, ignore_progress
from expressway.core.write_once import write_once
from expressway.deploy.delete.checks import (
    DeletionPlan,
    Holder,
    check_deletion,
    holder_of,
    refuse_other_holder,
    why_kept,
)
from expressway.deploy.delete.retained import Kept, UsedByService, kept_by_stacks, retained_names, used_by_service
from expressway.deploy.ports import DeletableStacks, Services
from expressway.deploy.read_gaps import ReadGaps
from expressway.deploy.shapes import DeleteResultJson, DeletionStatus, DeletionStepJson
from expressway.ecs_api.ports import Stacks
from expressway.errors import ExpresswayError, ServiceError, StillRunning
from expressway.image.ports import ContainerEngine, ImageRegistry
from expressway.plan.ports import LogGroups
from expressway.privacy.untrusted import quoted


@dataclass(frozen=True, slots=True)
class DeletePorts:
    """Everything outside that deleting needs; `local_images` finds the engine, if there is one to be asked."""

    target: Target
    stacks: DeletableStacks
    owners: Stacks
    ecs: Services
    logs: LogGroups
    repositories: ImageRegistry
    clock: Clock
    local_images: Callable[[], ContainerEngine] | None = None


@dataclass(frozen=True, slots=True)
class DeleteResult:
    """What was deleted, what was kept and why, and what failed."""

    app_name: str
    service_deletion: DeletionStepJson
    ecr_deletion: DeletionStepJson
    summary: str
    errors: tuple[dict[str, Any], ...] = ()
    kept: tuple[Kept, ...] = ()
    target: str = ""

    @property
    def succeeded(self) -> bool:
        return not self.errors

    def to_dict(self) -> DeleteResultJson:
        return {
            "service_deletion": self.service_deletion,
            "ecr_deletion": self.ecr_deletion,
            "summary": self.summary,
            "errors": list(self.errors),
            "kept": [{"resource": kept.resource, "reason": kept.reason} for kept in self.kept],
            "target": self.target,
        }


__all__ = ["DeletePorts", "DeleteResult", "delete_app"]

_GONE = "INACTIVE"
_MADE_OTHERWISE = "no stack owns it: an earlier deletion retained it, or it was made by other means"
_NO_ENGINE = {"engine_missing", "engine_unreachable"}


def delete_app(
    app_name: str,
    service_arn: str | None = None,
    *,
    ports: DeletePorts,
    timeout_seconds: float = 1800.0,
    progress: ProgressSink = ignore_progress,
    cancellation: Cancellation | None = None,
) -> DeleteResult:
    """Delete everything of an app that Expressway made, or that `service_arn` names and belongs to the app.

    Failures on the way are in `errors` of the result, and nothing further is deleted after one. `timeout_seconds`
    bounds the wait for the service to become INACTIVE. A `WaitBudget` as `cancellation` ends it with StillRunning.

    Raises (before anything is changed):
        DefinitionError: ``invalid_app_name``, ``invalid_service_arn``.
        RefusedError: ``stack_foreign``, ``stack_protected``, ``service_not_of_app``, ``service_not_express``,
            ``owned_by_stack``, ``owner_unknown``.
        TargetError: ``access_denied`` and the like when the app cannot be looked at.
    """
    plan = check_deletion(
        app_name, service_arn or None, target=ports.target, stacks=ports.stacks, owners=ports.owners, ecs=ports.ecs
    )
    return _Deletion(plan, ports, timeout_seconds, progress, cancellation or NeverCancelled()).run()


@dataclass(slots=True)
class _Deletion:
    plan: DeletionPlan
    ports: DeletePorts
    timeout_seconds: float
    progress: ProgressSink
    cancellation: Cancellation
    kept: list[Kept] = field(default_factory=list[Kept])
    removed: list[str] = field(default_factory=list[str])
    gaps: ReadGaps = field(init=False)

    def __post_init__(self) -> None:
        self.gaps = ReadGaps(lambda gap: self.progress(Progress("delete", gap, level="warning")))

    def run(self) -> DeleteResult:
        plan = self.plan
        alive = plan.service if plan.service_is_there else None
        self.kept.extend(kept_by_stacks(plan.service_stack, plan.repository_stack, service=alive))
        self.kept.extend(plan.left_alone)
        not_started: DeletionStepJson = {
            "status": "not_started",
            "message": "The service could not be deleted; its images stay.",
        }
        try:
            used = used_by_service(plan.express, ecs=self.ports.ecs, progress=self.progress)
            service = self._delete_service()
            self._name_what_it_used(used)
        except StillRunning:
            raise
        except ExpresswayError as error:
            return self._stopped({"status": "failed", "message": error.message}, not_started, error)
        self.cancellation.raise_if_cancelled()
        try:
            repository = self._delete_repository()
        except StillRunning:
            raise
        except ExpresswayError as error:
            return self._stopped(service, {"status": "failed", "message": error.message}, error)
        self.cancellation.raise_if_cancelled()
        try:
            self._delete_leftovers()
        except ExpresswayError as error:
            return self._stopped(service, repository, error)
        self._remove_local_images()
        return self._result(service, repository, self._summary())

    # -- the service ----------------------------------------------------------------------------------------
    def _delete_service(self) -> DeletionStepJson:
        plan = self.plan

        def step(status: DeletionStatus, message: str) -> DeletionStepJson:
            if plan.service is None:
                return {"status": status, "message": message}
            location = plan.location
            return {"status": status, "message": message, "service_arn": location.arn, "cluster": location.cluster}

        if plan.service_stack is not None:
            self._delete_stack(plan.service_stack)
            if plan.service_is_retained and plan.service_is_there:
                return step("kept", "The removal policy retains the service.")
        if plan.service is not None:
            self._delete_what_still_runs()
        if not plan.service_is_there:
            message = "There is no service of this app."
            if plan.service_stack is not None:
                message = f"{message[:-1]} (any more); its stack was {plan.service_stack.status} and is deleted."
            return step("absent", message)
        self.removed.append(f"service {plan.location.name}")
        return step("deleted", f"The service is {_GONE}.")

    def _name_what_it_used(self, used: UsedByService) -> None:
        """Name what outlives a service that is gone; a retained one still uses it all."""
        plan = self.plan
        if plan.service_is_retained:
            return
        handled = {app_names(plan.app_name).log_group, *retained_names(plan.service_stack)}
        for name in used.log_groups:
            if name not in handled and self._group(name) is not None:
                self.kept.append(Kept(f"log group {name}", "the service wrote to it; ECS and our stacks leave it"))
        if plan.service_stack is None:
            reason = "the service used it; no stack of the app holds it"
            self.kept.extend(Kept(f"role {arn}", reason) for arn in used.role_arns)

    def _delete_what_still_runs(self) -> None:
        """Delete a service that no stack holds (any more), and wait until it is gone."""
        location, ecs = self.plan.location, self.ports.ecs
        state = ecs.service(location.cluster, location.name)
        if state is not None and state.status == "ACTIVE":
            refuse_other_holder(f"the service {state.arn}", state.arn, self._holder(state.arn))
            self._tell(f"deleting the service {location.name}")
            arn = state.arn
            write_once(lambda: ecs.delete_express_service(arn), is_done=lambda: not self._is_active())
        deadline = self.ports.clock.monotonic() + self.timeout_seconds
        reported = ""
        for delay in polling_delays():
            state = ecs.service(location.cluster, location.name)
            if state is None or state.status == _GONE:
                return
            if state.status != reported:
                reported = state.status
                self._tell(f"the service is {state.status}, {state.running_count} tasks still run")
            if self.ports.clock.monotonic() >= deadline:
                raise self._still_there(state.status)
            self.cancellation.raise_if_cancelled()
            self.ports.clock.sleep(delay)

    def _is_active(self) -> bool:
        state = self.ports.ecs.service(self.plan.location.cluster, self.plan.location.name)
        return state is not None and state.status == "ACTIVE"

    def _still_there(self, status: str) -> ServiceError:
        role = self.plan.express.infrastructure_role_arn if self.plan.express else ""
        return ServiceError(
            "service_still_draining",
            f"The service {self.plan.location.name} is still {status} after {self.timeout_seconds:.0f} s; "
            f"it is gone when ECS says {_GONE}. Images and repository were left alone.",
            "Repeat the deletion: it continues. A service never finishes draining if its infrastructure role "
            f"{role or ''} was deleted or lost its policy: restore it until the service is deleted.".replace("  ", " "),
            {"service_arn": self.plan.location.arn, "status": status},
        )

    # -- images and repository ------------------------------------------------------------------------------
    def _delete_repository(self) -> DeletionStepJson:
        stack, names = self.plan.repository_stack, app_names(self.plan.app_name)
        name = names.repository

        def step(status: DeletionStatus, message: str) -> DeletionStepJson:
            return {"status": status, "message": message, "repository": name, "stack": names.repository_stack}

        if stack is not None:
            self._delete_stack(stack)
        if name in retained_names(stack):
            return step("kept", "The removal policy retains the repository and its images.")
        if stack is None and self._may_have_repository(name):
            otherwise = self._unread("repository") or _MADE_OTHERWISE
            reason = why_kept(self._holder(name), otherwise)
            self.kept.append(Kept(f"repository {name}", reason))
            return step("kept", f"The repository stays: {reason}.")
        if stack is None:
            return step("absent", "There is no repository of this app.")
        self.removed.append(f"repository {name} with its images")
        return step("deleted", "The repository and its images are deleted.")

    # -- what is left ---------------------------------------------------------------------------------------
    def _delete_leftovers(self) -> None:
        """A log group that outlived its stack. Kept when retained; deleted when nobody meant it to stay.

        Without a stack, the retention distinguishes the two: our stacks always set one, and a group that a log
        driver made again while the last task stopped has none.
        """
        name = app_names(self.plan.app_name).log_group
        group = self._group(name)
        if "log group" in self.gaps.parts:
            self.kept.append(Kept(f"log group {name}", self._unread("log group")))
        if group is None or name in retained_names(self.plan.service_stack):
            return
        loose = self.plan.service_stack is None and group.retention_days is not None
        expires = f"no stack owns it; it expires after {group.retention_days} days" if loose else ""
        if reason := why_kept(self._holder(name), expires):
            self.kept.append(Kept(f"log group {name}", reason))
            return
        self._tell(f"deleting the log group {name}")
        logs = self.ports.logs
        write_once(lambda: logs.delete_group(name), is_done=lambda: logs.group(name) is None)
        self.removed.append(f"log group {name}")

    def _holder(self, physical_id: str) -> Holder | None:
        """The stack that holds what deleting the app's stacks did not take away."""
        ours = (self.plan.service_stack, self.plan.repository_stack)
        return holder_of(physical_id, owners=self.ports.owners, stacks=self.ports.stacks, ours=ours)

    def _group(self, name: str) -> LogGroup | None:
        return self.gaps.take("log group", lambda: self.ports.logs.group(name), None)

    def _may_have_repository(self, name: str) -> bool:
        return self.gaps.take("repository", lambda: self.ports.repositories.describe_repository(name), "") is not None

    def _unread(self, part: str) -> str:
        return "whether it is there may not be read" if part in self.gaps.parts else ""

    def _remove_local_images(self) -> None:
        """Take the images out of the engine that built them; the app is deleted all the same if that fails."""
        if self.ports.local_images is None:
            return
        target, name = self.ports.target, self.plan.app_name
        where = {"repository_name": app_names(name).repository, "registry_host": target.push_host}
        try:
            engine = self.ports.local_images()
            engine.remove_app_images(name, **where)
            images = engine.app_image_names(name, **where)
            self.kept.extend(Kept(f"image {image}", "the container engine still uses it") for image in images)
        except ExpresswayError as error:
            if error.code not in _NO_ENGINE:
                self.kept.append(Kept(f"images of {name} in the container engine", error.message))

    def _delete_stack(self, stack: StackState) -> None:
        again = (
            f" again; it failed before: {quoted(stack.status_reason) or 'no reason given'}"
            if stack.status == "DELETE_FAILED"
            else ""
        )
        self._tell(f"deleting the stack {stack.name}{again}")
        self.ports.stacks.delete(stack, progress=self.progress, cancellation=self.cancellation)
        self.removed.append(f"stack {stack.name}")

    # -- the result -----------------------------------------------------------------------------------------
    def _stopped(self, service: DeletionStepJson, repository: DeletionStepJson, error: ExpresswayError) -> DeleteResult:
        done = f" Deleted before that: {', '.join(self.removed)}." if self.removed else " Nothing was deleted."
        summary = f"Deleting {self.plan.app_name} stopped: {error.message}{done} Repeat the deletion to continue."
        return self._result(service, repository, summary, (error.to_dict(),))

    def _result(
        self,
        service: DeletionStepJson,
        repository: DeletionStepJson,
        summary: str,
        errors: tuple[dict[str, Any], ...] = (),
    ) -> DeleteResult:
        target = self.ports.target.describe()
        return DeleteResult(self.plan.app_name, service, repository, summary, errors, tuple(self.kept), target)

    def _summary(self) -> str:
        name = self.plan.app_name
        done = f"Deleted {', '.join(self.removed)}." if self.removed else f"Nothing of {name} was left to delete."
        kept = f" Kept: {'; '.join(f'{one.resource} ({one.reason})' for one in self.kept)}." if self.kept else ""
        return f"{done}{kept}"

    def _tell(self, message: str) -> None:
        self.progress(Progress("delete", message))
