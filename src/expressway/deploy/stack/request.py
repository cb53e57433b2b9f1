"""What a stack should become, what came of it, and which stacks are refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from expressway.app.origin import Origin
from expressway.cloudformation.stack import StackState
from expressway.cloudformation.template import Template
from expressway.core.progress import Phase
from expressway.deploy.approval import ApprovedStackPlan
from expressway.deploy.ports import Stacks
from expressway.errors import RefusedError, StackError
from expressway.hints import option
from expressway.plan.planner import refuse_foreign
from expressway.privacy.untrusted import quoted

CHANGE_SET_PREFIX = "expressway-"
LONGEST_OPERATION_SECONDS = 190 * 60.0
"""A little more than the 180 minutes that CloudFormation gives the creation of an Express service."""


@dataclass(frozen=True, slots=True)
class RememberedStacks:
    """The stacks as planning read them, so that the checks read nothing again."""

    stacks: Stacks
    seen: dict[str, StackState | None] = field(default_factory=dict[str, StackState | None])

    def describe(self, stack_name: str) -> StackState | None:
        self.seen[stack_name] = self.stacks.describe(stack_name)
        return self.seen[stack_name]


@dataclass(frozen=True, slots=True)
class StackRequest:
    """What a stack should become.

    Attributes:
        app_name: the owner that the stack must carry, unless `adopt` is set.
        parameters: values for the template's parameters; those left out keep their previous value or default.
        allow_replacement: whether resources may be replaced (a service then gets another URL).
        continue_rollback: whether a stack in UPDATE_ROLLBACK_FAILED is rolled back further first.
        termination_protection: what it is switched to in the end; None leaves it as it is.
        imports_existing: whether resources that exist already are taken over where the stack would make them.
        restores: whether what somebody removed from the stack by other means is made again.
        origin: where this is deployed from; None keeps what the stack says of that.
        plan: what the plan says of the stack; None where no plan was made.
        busy_seconds: how long an operation that another program started is waited for.
    """

    app_name: str
    template: Template
    phase: Phase
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    adopt: bool = False
    allow_replacement: bool = False
    continue_rollback: bool = False
    termination_protection: bool | None = None
    imports_existing: bool = False
    restores: bool = False
    origin: Origin | None = None
    plan: ApprovedStackPlan | None = None
    busy_seconds: float = LONGEST_OPERATION_SECONDS


@dataclass(frozen=True, slots=True)
class StackOutcome:
    """What became of the stack.

    Attributes:
        result: what became of its resources; ``unchanged`` when there was nothing to do.
        protection: what termination protection was switched to; None where it was left as it was.
        has_waited: whether an operation that somebody else had begun was waited for.
    """

    stack: StackState
    result: Literal["created", "updated", "unchanged"]
    protection: Literal["on", "off"] | None = None
    has_waited: bool = False

    @property
    def summary(self) -> str:
        """What happened, as a word; a stack whose protection alone was switched is ``updated`` as well."""
        return "updated" if self.result == "unchanged" and self.protection else self.result


def check_stack(stack: StackState | None, request: StackRequest, *, stacks: Stacks) -> None:
    """Refuse a stack that this request may not change as it is; reads only.

    Raises:
        RefusedError: ``stack_foreign``.
        StackError: ``update_rollback_failed`` unless the request says to continue the rollback.
    """
    if stack is None:
        return
    leaves = stack.status == "DELETE_IN_PROGRESS"  # waited for, never changed
    if not (request.adopt or leaves or is_reviewed_by_us(stack, stacks.change_set_names)):
        refuse_foreign(stack, request.app_name)
    if stack.status == "UPDATE_ROLLBACK_FAILED" and not request.continue_rollback:
        raise StackError(
            "update_rollback_failed",
            f"{stack.name} is stuck in UPDATE_ROLLBACK_FAILED: {quoted(stack.status_reason) or 'a rollback failed'}.",
            f"Correct what the rollback failed on, then pass {option('continue_rollback')}.",
            {"stack": stack.name},
        )


def is_reviewed_by_us(stack: StackState, change_set_names: Callable[[str], tuple[str, ...]]) -> bool:
    """Whether only our change sets review the stack: one under review has no template yet that names its owner."""
    if stack.status != "REVIEW_IN_PROGRESS":
        return False
    return all(name.startswith(CHANGE_SET_PREFIX) for name in change_set_names(stack.name))


def refuse_protected(stack: StackState, *, consequence: str = "") -> None:
    """Leave a stack alone that must not be deleted; `consequence` is a clause that ends the message's sentence.

    Raises:
        RefusedError: ``stack_protected``.
    """
    if stack.termination_protection:
        raise RefusedError(
            "stack_protected",
            f"Termination protection is on for the stack {stack.name}{consequence}.",
            "Set termination_protection: false in the definition and deploy, then delete again.",
            {"stack": stack.name},
        )
