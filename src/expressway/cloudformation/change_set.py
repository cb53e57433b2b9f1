"""CloudFormation change sets as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChangeSetRequest:
    """Everything that a change set is made of; its name is derived from the rest.

    `imports_existing`: resources of the template that exist under their names already are taken over.
    `reverts_drift`: what was removed or changed by other means is brought back as the template says.
    """

    stack_name: str
    change_set_name: str
    template_body: str
    parameters: Mapping[str, str]
    creates_stack: bool
    imports_existing: bool = False
    reverts_drift: bool = False


@dataclass(frozen=True, slots=True)
class ChangeSetDetail:
    """One property in a change set; `requires_recreation` is Never, Conditionally or Always.

    `follows` is the logical id of the resource whose own change makes CloudFormation expect this one (it reads
    an attribute of it, or refers to it); empty for a change of the property itself. `parameter` is the name of the
    parameter whose new value it is, where that is why.
    """

    path: str
    before: str | None
    after: str | None
    requires_recreation: str
    follows: str = ""
    parameter: str = ""


@dataclass(frozen=True, slots=True)
class ChangeSetChange:
    """One resource in a change set, in CloudFormation's words (Add, Import, Modify, Remove; True, Conditional)."""

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
    def has_begun(self) -> bool:
        """Whether it is being carried out, or was: by this command, or by the same command run elsewhere."""
        return self.execution_status in {"EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE"}

    @property
    def imports(self) -> bool:
        """Whether it takes over what exists already."""
        return any(change.action == "Import" for change in self.changes)

    @property
    def replacements(self) -> tuple[ChangeSetChange, ...]:
        """The changes that replace a resource.

        CloudFormation calls a replacement Conditional when a create-only property reads another resource that
        changes. That resource's ARN or name stays the same unless it is replaced itself, so such a change counts
        only then: a new statement in a role's policy does not replace the service that runs with the role.
        """
        certain = {change.logical_id for change in self.changes if change.replacement == "True"}
        return tuple(
            change
            for change in self.changes
            if change.replacement == "True" or (change.replacement == "Conditional" and _is_expected(change, certain))
        )


def _is_expected(change: ChangeSetChange, replaced: set[str]) -> bool:
    recreating = [detail for detail in change.details if detail.requires_recreation != "Never"]
    return not recreating or any(not detail.follows or detail.follows in replaced for detail in recreating)
