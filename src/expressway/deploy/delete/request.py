"""What deleting needs, and what it gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from expressway.aws.values.target import Target
from expressway.core.clock import Clock
from expressway.deploy.delete.owner import Owners
from expressway.deploy.delete.retained import Kept
from expressway.diagnose.service.ports import DeletableStacks, ServiceDeletion


class LogGroupState(Protocol):
    """A log group; `retention_days` is None for one that never expires."""

    @property
    def retention_days(self) -> int | None: ...


class LogGroups(Protocol):
    """Log groups that come and go (aws.logs.Logs)."""

    def group(self, log_group: str) -> LogGroupState | None: ...
    def delete_group(self, log_group: str) -> bool: ...


class Repositories(Protocol):
    """Repositories by name, or None (aws.ecr.registry.EcrRegistry)."""

    def describe_repository(self, name: str) -> object | None: ...


class LocalImages(Protocol):
    """The images that a container engine holds (image.engine.client.DockerEngine)."""

    def remove_app_images(self, app_name: str, *, repository_name: str, registry_host: str | None) -> int: ...
    def app_image_names(self, app_name: str, *, repository_name: str, registry_host: str | None) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class DeletePorts:
    """Everything outside that deleting needs; `local_images` finds the engine, if there is one to be asked."""

    target: Target
    stacks: DeletableStacks
    owners: Owners
    ecs: ServiceDeletion
    logs: LogGroups
    repositories: Repositories
    clock: Clock
    local_images: Callable[[], LocalImages] | None = None


@dataclass(frozen=True, slots=True)
class DeleteResult:
    """What was deleted, what was kept and why, and what failed.

    `service_deletion` and `ecr_deletion` have a `status`: ``deleted``, ``absent`` (nothing was there),
    ``kept`` (by its removal policy), ``failed`` or ``not_started`` (something before it failed).
    """

    app_name: str
    service_deletion: Mapping[str, Any]
    ecr_deletion: Mapping[str, Any]
    summary: str
    errors: tuple[Mapping[str, Any], ...] = ()
    kept: tuple[Kept, ...] = ()
    target: str = ""

    @property
    def succeeded(self) -> bool:
        return not self.errors

    def to_dict(self) -> Mapping[str, Any]:
        """The shape for agents and scripts."""
        return {
            "service_deletion": dict(self.service_deletion),
            "ecr_deletion": dict(self.ecr_deletion),
            "summary": self.summary,
            "errors": [dict(error) for error in self.errors],
            "kept": [{"resource": one.resource, "reason": one.reason} for one in self.kept],
            "target": self.target,
        }
