"""CloudFormation change sets as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChangeSetRequest:
    """Everything that a change set is made of. The name is derived from the rest, so that a repeat finds it."""

    stack_name: str
    change_set_name: str
    template_body: str
    parameters: Mapping[str, str]
    creates_stack: bool


@dataclass(frozen=True, slots=True)
class ChangeSetDetail:
    """One property in a change set; `requires_recreation` is Never, Conditionally or Always."""

    path: str
    before: str | None
    after: str | None
    requires_recreation: str


@dataclass(frozen=True, slots=True)
class ChangeSetChange:
    """One resource in a change set, in CloudFormation's words (Add, Modify, Remove; True, False, Conditional)."""

    action: str
    logical_id: str
    physical_id: str
    resource_type: str
    replacement: str
    policy_action: str
    details: tuple[ChangeSetDetail, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set as CloudFormation describes it; `is_empty` when it found nothing to change."""

    name: str
    change_set_id: str
    stack_name: str
    stack_id: str
    status: str
    execution_status: str
    reason: str
    is_empty: bool
    changes: tuple[ChangeSetChange, ...] = ()

    @property
    def is_pending(self) -> bool:
        return self.status in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}

    @property
    def is_executable(self) -> bool:
        return self.status == "CREATE_COMPLETE" and self.execution_status == "AVAILABLE"

    @property
    def is_executing(self) -> bool:
        return self.execution_status == "EXECUTE_IN_PROGRESS"
