"""What deleting needs, and what it gives back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

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


DeletionStatus = Literal["deleted", "absent", "kept", "failed", "not_started"]


class DeletionStepJson(TypedDict):
    """What became of the service, or of the repository.

    `status`: ``absent`` (nothing was there), ``kept`` (by its removal policy, or as it belongs to somebody else),
    ``not_started`` (something before it failed).
    """

    status: DeletionStatus
    message: str
    service_arn: NotRequired[str]
    cluster: NotRequired[str]
    repository: NotRequired[str]
    stack: NotRequired[str]


class KeptJson(TypedDict):
    resource: str
    reason: str


class DeleteResultJson(TypedDict):
    """A deletion as every face shows it; `errors` have the shape of `ExpresswayError.to_dict`."""

    service_deletion: DeletionStepJson
    ecr_deletion: DeletionStepJson
    summary: str
    errors: list[dict[str, Any]]
    kept: list[KeptJson]
    target: str


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
            "kept": [{"resource": one.resource, "reason": one.reason} for one in self.kept],
            "target": self.target,
        }
