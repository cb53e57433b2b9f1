"""A CloudFormation stack and what happens to it, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

OWNERSHIP_KEY = "Expressway"
"""Template-level metadata key that marks a stack as ours; its value is ``{"App": name, "Schema": 1}``."""


def repository_stack_name(app_name: str) -> str:
    return f"{app_name}-ecr-infrastructure"


def service_stack_name(app_name: str) -> str:
    return f"{app_name}-express-service"


def owner_of(template: Mapping[str, Any]) -> str | None:
    """The app that a template belongs to, or None when it does not carry the ownership mark."""
    metadata = template.get("Metadata")
    mark = metadata.get(OWNERSHIP_KEY) if isinstance(metadata, Mapping) else None
    app = mark.get("App") if isinstance(mark, Mapping) else None
    return app if isinstance(app, str) else None


@dataclass(frozen=True, slots=True)
class StackState:
    """One stack as it stands. `owner_app` is None for a stack without the ownership mark.

    `template` is the deployed template's text, empty while the stack is only under review.
    """

    name: str
    stack_id: str
    status: str
    status_reason: str = ""
    owner_app: str | None = None
    termination_protection: bool = False
    outputs: Mapping[str, str] = field(default_factory=dict[str, str])
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    updated_at: datetime | None = None
    template: str = ""

    @property
    def in_progress(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    @property
    def never_created(self) -> bool:
        """True for a shell that holds no resources: under review, or rolled back after its first create."""
        return self.status in {"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"}

    @property
    def healthy(self) -> bool:
        return self.status in {
            "CREATE_COMPLETE",
            "UPDATE_COMPLETE",
            "UPDATE_ROLLBACK_COMPLETE",
            "IMPORT_COMPLETE",
            "IMPORT_ROLLBACK_COMPLETE",
        }


@dataclass(frozen=True, slots=True)
class StackEvent:
    """One event of a stack operation; `reason` is AWS's own text."""

    timestamp: datetime
    logical_id: str
    physical_id: str
    resource_type: str
    status: str
    reason: str = ""
    event_id: str = ""

    @property
    def failed(self) -> bool:
        return self.status.endswith("_FAILED")

    @property
    def is_consequence(self) -> bool:
        """True for failures that only follow another one, and so never are the first cause."""
        text = self.reason.lower()
        return any(mark in text for mark in _CONSEQUENCES)


_CONSEQUENCES = (
    "resource creation cancelled",
    "resource update cancelled",
    "resource deletion cancelled",
    "the following resource(s) failed",
    "rollback requested by",
)


def first_failure(events: tuple[StackEvent, ...]) -> StackEvent | None:
    """The earliest failed event that is no consequence of another (events in order of time)."""
    failures = [event for event in events if event.failed]
    causes = [event for event in failures if not event.is_consequence]
    return next(iter(causes or failures), None)
