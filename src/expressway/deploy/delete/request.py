"""What deleting needs, and what it gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from expressway.aws.values.target import Target
from expressway.core.clock import Clock
from expressway.deploy.delete.retained import Kept
from expressway.deploy.ports import DeletableStacks, LocalImages, LogGroups, ServiceDeletion
from expressway.ecs_api.ports import Owners
from expressway.plan.ports import Repositories


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
