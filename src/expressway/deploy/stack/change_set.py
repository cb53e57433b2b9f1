"""Bring a change set to where it can be carried out, or leave nothing of it."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from expressway.app.origin import origin_of, origin_parameter
from expressway.cloudformation.change_set import ChangeSet, ChangeSetRequest
from expressway.cloudformation.stack import StackState
from expressway.core.clock import Clock, polling_delays
from expressway.core.progress import Cancellation
from expressway.core.write_once import is_lost, write_once
from expressway.deploy.ports import Stacks
from expressway.deploy.stack.request import CHANGE_SET_PREFIX, StackRequest
from expressway.deploy.stack.watch import start_deletion
from expressway.errors import ExpresswayError, StackError
from expressway.plan.diff import StackChange, canonical_json
from expressway.plan.replacement import check_replacements, expected_replacements
from expressway.privacy.untrusted import quoted


def change_set_name(request: StackRequest, stack: StackState | None, parameters: Mapping[str, str]) -> str:
    """The name that this very change has on this very state of the stack; letters, digits and hyphens."""
    base = {
        "template": request.template.digest,
        "parameters": dict(parameters),
        "stack": [stack.stack_id, str(stack.updated_at)] if stack and not stack.never_created else None,
        "imports": request.imports_existing,
    } | ({"restores": True} if request.restores else {})
    return f"{CHANGE_SET_PREFIX}{hashlib.sha256(canonical_json(base).encode()).hexdigest()[:24]}"


_LONGEST_REVIEW_SECONDS = 900.0
"""CloudFormation makes a change set of a large template within a minute or two."""


@dataclass(frozen=True, slots=True)
class ChangeReview:
    """Makes the change set of a request, and takes it back when it will not be carried out."""

    request: StackRequest
    stacks: Stacks
    clock: Clock
    cancellation: Cancellation

    def prepare(
        self,
        stack: StackState | None,
        parameters: Mapping[str, str],
        *,
        creates: bool,
        allowed: StackChange | None = None,
    ) -> ChangeSet | None:
        """A change set that may be carried out, or None when CloudFormation finds nothing to change.

        One that the same command, run elsewhere, has begun to carry out is returned as such (`ChangeSet.has_begun`).
        `allowed` is what it may do to `stack`, where a plan was made. In every error, also when the caller cancels, no
        change set and no empty stack is left.

        Raises:
            RefusedError: ``replacement_refused``, ``replacement_impossible``; ``plan_changed`` when it would do more
                than was approved, or when somebody has changed the stack meanwhile. (CloudFormation refuses the change
                set of a stack that is changed after that, and one that creates a stack that exists.)
            StackError: ``change_set_failed``, ``stack_busy``, ``template_rejected`` and the like.
        """
        change_set = self._made(stack, parameters, creates=creates)
        if change_set.has_begun:
            return change_set
        if not change_set.is_executable:
            return self._failed_change_set(change_set)
        try:
            expected = expected_replacements(change_set, self.request.template)
            check_replacements(expected, allowed=self.request.allow_replacement)
            if self.request.plan is not None and allowed is not None:
                self.request.plan.check_change_set(change_set, allowed)
            if stack is not None and not creates and self._has_moved(stack):
                if self.stacks.has_begun(change_set):
                    return replace(change_set, execution_status="EXECUTE_IN_PROGRESS")
                self._check_unmoved(stack, parameters)
            self.cancellation.raise_if_cancelled()
        except BaseException:
            with suppress(ExpresswayError):  # what is wrong matters more than that it could not be cleared up
                self._discard(change_set)
            raise
        return change_set

    def _made(self, stack: StackState | None, parameters: Mapping[str, str], *, creates: bool) -> ChangeSet:
        template = self.request.template
        origin = self.request.origin or origin_of(stack)
        request = ChangeSetRequest(
            template.stack_name,
            change_set_name(self.request, stack, parameters),
            template.sent_body,
            {**parameters, **origin_parameter(template.document, origin)},
            creates,
            imports_existing=self.request.imports_existing,
            reverts_drift=self.request.restores and not creates,
        )
        self._create(request)
        return self._await_change_set(request.stack_name, request.change_set_name)

    def _has_moved(self, stack: StackState) -> bool:
        """A change set is made of the stack as it was then: `stack`, if that is unchanged afterwards."""
        return self.request.plan is not None and self.stacks.version(stack.name) != stack.version

    def _check_unmoved(self, stack: StackState, parameters: Mapping[str, str]) -> None:
        if self.request.plan is not None:
            self.request.plan.check_not_in_progress(self.stacks.describe(stack.name), parameters)

    def _create(self, request: ChangeSetRequest) -> None:
        """Create the change set, or use the one that another run has made, or this one before its answer was lost."""
        lost: ExpresswayError | None = None
        try:
            if self.stacks.create_change_set(request):
                return
        except ExpresswayError as error:
            if not is_lost(error):
                raise
            lost = error
        existing = self.stacks.describe_change_set(request.stack_name, request.change_set_name)
        if existing is not None and (existing.is_pending or existing.is_executable or existing.has_begun):
            return
        if lost is not None:
            raise lost
        self.stacks.delete_change_set(request.stack_name, request.change_set_name)
        if not self.stacks.create_change_set(request):
            raise StackError(
                "stack_busy",
                f"The change set {request.change_set_name} of {request.stack_name} is neither usable nor gone.",
                "The same command may be running elsewhere; repeat the command in a minute.",
            )

    def _failed_change_set(self, change_set: ChangeSet) -> None:
        stack_name = change_set.stack_name
        errors = () if change_set.is_empty else self.stacks.validation_errors(stack_name, change_set.name)
        problems = [quoted(error, public=True) for error in errors]
        because = "; ".join(problems) or quoted(change_set.reason, public=True)
        self._discard(change_set)
        if change_set.is_empty:
            return
        raise StackError(
            "change_set_failed",
            f"CloudFormation cannot make this change to {stack_name}: {because}",
            "Correct what CloudFormation names, and repeat the command. Nothing was changed.",
            {"stack": stack_name, "problems": problems},
        )

    def _await_change_set(self, stack_name: str, name: str) -> ChangeSet:
        deadline = self.clock.monotonic() + _LONGEST_REVIEW_SECONDS
        for delay in polling_delays(0.05):
            change_set = self.stacks.describe_change_set(stack_name, name)
            if change_set is None:
                raise StackError("change_set_vanished", f"The change set {name} is gone.", "Repeat the command.")
            if not change_set.is_pending:
                return change_set
            if self.clock.monotonic() >= deadline:
                raise StackError(
                    "change_set_pending",
                    f"CloudFormation has not finished the change set {name} in a quarter of an hour.",
                    "Repeat the command: it continues with the same change set. Nothing was changed.",
                )
            self.clock.sleep(delay)
        raise AssertionError("polling never ends by itself")

    def _discard(self, change_set: ChangeSet) -> None:
        """Remove a change set that is not carried out, and the shell of a stack that only it was reviewed for."""
        where = (change_set.stack_name, change_set.name)
        write_once(
            lambda: self.stacks.delete_change_set(*where),
            is_done=lambda: self.stacks.describe_change_set(*where) is None,
        )
        stack = self.stacks.describe(change_set.stack_name)
        if stack is None or stack.status != "REVIEW_IN_PROGRESS" or self.stacks.change_set_names(stack.name):
            return
        start_deletion("review", stack.stack_id, change_set.change_set_id, self.stacks)
