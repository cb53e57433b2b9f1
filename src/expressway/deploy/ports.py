"""The ports of deployments, deletions and restarts; clients and fakes of the same shapes satisfy them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from expressway.diagnose.ports import EcsReads
from expressway.plan.ports import StackReader

if TYPE_CHECKING:
    from expressway.app.definition import AppDefinition
    from expressway.aws.values.operation import OperationRecord
    from expressway.aws.values.service import DeploymentState, ServiceState, TaskState
    from expressway.cloudformation.change_set import ChangeSet, ChangeSetRequest
    from expressway.cloudformation.stack import StackEvent, StackState, StackVersion
    from expressway.core.progress import Cancellation, ProgressSink
    from expressway.image.context.excluded import ExcludedFiles
    from expressway.image.context.values import BuildContext
    from expressway.image.protect import ImageProtection
    from expressway.image.values import PlannedImage


class ServiceReads(EcsReads, Protocol):
    """What can be asked of ECS about one service (aws.ecs.client.Ecs)."""

    def cluster_exists(self, cluster: str) -> bool: ...
    def cluster_names(self) -> tuple[str, ...]: ...
    def service_names(self, cluster: str) -> tuple[str, ...]: ...
    def service(self, cluster: str, service_name: str) -> ServiceState | None: ...
    def newest_deployments(self, cluster: str, service: str, *, limit: int = 5) -> tuple[DeploymentState, ...]: ...
    def service_tasks(self, cluster: str, service_name: str) -> tuple[TaskState, ...]: ...


class ServiceDeletion(ServiceReads, Protocol):
    """Reading services, and deleting an Express one."""

    def delete_express_service(self, service_arn: str) -> None: ...


class DeletableStacks(StackReader, Protocol):
    """Stacks that can be deleted: `delete` starts or joins a deletion and returns when that very stack is gone."""

    def change_set_names(self, stack_name: str) -> tuple[str, ...]: ...
    def delete(self, stack: StackState, *, progress: ProgressSink, cancellation: Cancellation) -> None: ...


class OperationJournal(Protocol):
    """What this machine remembers of deployments and deletions (deploy.journal.Journal)."""

    def latest(self, app_name: str) -> OperationRecord | None: ...


class StackEvents(Protocol):
    """The reads that watching a stack needs."""

    def describe(self, stack_name: str) -> StackState | None: ...
    def events(self, stack_id: str, *, after_event_id: str | None = None) -> tuple[StackEvent, ...]: ...


class StackDeletion(StackEvents, Protocol):
    """What deleting needs of CloudFormation."""

    def change_set_names(self, stack_name: str) -> tuple[str, ...]: ...
    def delete_stack(self, stack_id: str, *, client_token: str) -> None: ...


class StackGateway(StackEvents, Protocol):
    """What this operation needs of CloudFormation."""

    def version(self, stack_name: str) -> StackVersion | None: ...
    def create_change_set(self, request: ChangeSetRequest) -> bool: ...
    def describe_change_set(self, stack_name: str, change_set_name: str) -> ChangeSet | None: ...
    def change_set_names(self, stack_name: str) -> tuple[str, ...]: ...
    def execute_change_set(self, change_set: ChangeSet) -> None: ...
    def has_begun(self, change_set: ChangeSet) -> bool: ...
    def delete_change_set(self, stack_name: str, change_set_name: str) -> None: ...
    def validation_errors(self, stack_name: str, change_set_name: str) -> tuple[str, ...]: ...
    def delete_stack(self, stack_id: str, *, client_token: str) -> None: ...
    def continue_rollback(self, stack_id: str, *, client_token: str) -> None: ...
    def protect(self, stack_name: str, *, enabled: bool) -> None: ...


class AppImage(Protocol):
    """The image of one app: planned without changing anything, pushed when it is its turn.

    `planned` is None when the app's own task definition names the image; `stack_outputs` are those of the
    repository stack, which exists by the time it is pushed. `is_there` looks again for an image that was planned by its
    digest: it may be deleted or expire until the service is touched. `renewed` is the running image where it was built
    of this content again, and `as_planned` the image with what a plan made of it. `build` gives what to go on with.
    """

    @property
    def planned(self) -> PlannedImage | None: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...
    @property
    def excluded_files(self) -> ExcludedFiles: ...
    def is_there(self) -> bool: ...
    def renewed(self, running: str) -> PlannedImage | None: ...
    def as_planned(self, planned: PlannedImage | None) -> AppImage: ...
    def build(self, *, progress: ProgressSink, cancellation: Cancellation) -> AppImage: ...
    def protection(self, *, stack_outputs: Mapping[str, str], progress: ProgressSink) -> ImageProtection | None: ...
    def push(self, *, stack_outputs: Mapping[str, str], progress: ProgressSink, cancellation: Cancellation) -> str: ...


class Images(Protocol):
    """Checks everything about an app's image that can be checked before AWS is changed."""

    def check(
        self,
        definition: AppDefinition,
        base_dir: Path,
        *,
        progress: ProgressSink,
        rebuild: bool,
        read: BuildContext | None,
    ) -> AppImage: ...


class OperationLog(Protocol):
    """Where this operation writes down how far it is."""

    @property
    def current(self) -> OperationRecord: ...
    def record(self, **changes: Any) -> None: ...


class Readiness(Protocol):
    """How waiting for a service ended."""

    @property
    def status(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def url(self) -> str | None: ...
    @property
    def gaps(self) -> tuple[str, ...]: ...


class LogGroupState(Protocol):
    """A log group; `retention_days` is None for one that never expires."""

    @property
    def retention_days(self) -> int | None: ...


class LogGroups(Protocol):
    """Log groups that come and go (aws.logs.Logs)."""

    def group(self, log_group: str) -> LogGroupState | None: ...
    def delete_group(self, log_group: str) -> bool: ...


class LocalImages(Protocol):
    """The images that a container engine holds (image.engine.client.DockerEngine)."""

    def remove_app_images(self, app_name: str, *, repository_name: str, registry_host: str | None) -> int: ...
    def app_image_names(self, app_name: str, *, repository_name: str, registry_host: str | None) -> tuple[str, ...]: ...


class Restarts(ServiceReads, Protocol):
    """Reading services, and starting a deployment of the same version (aws.ecs.client.Ecs)."""

    def restart(self, cluster: str, service_arn: str) -> None: ...
