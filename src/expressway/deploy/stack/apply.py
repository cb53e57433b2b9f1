"""Bring one CloudFormation stack to a template: by change set, safely repeatable, watched from start to end.

Everything is derived from the request and the current state of the stack (the change set's name included), so a process
that was killed at any point is continued by running it again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from expressway.app.origin import without_origin
from expressway.cloudformation.change_set import ChangeSet
from expressway.cloudformation.stack import StackState, running_operation_start
from expressway.core.clock import Clock
from expressway.core.progress import Cancellation, Progress, ProgressSink
from expressway.core.write_once import is_lost, write_once
from expressway.deploy.ports import Stacks
from expressway.deploy.stack.change_set import ChangeReview
from expressway.deploy.stack.request import StackOutcome, StackRequest, check_stack, refuse_protected
from expressway.deploy.stack.watch import (
    EventsSoFar,
    OnEvents,
    WatchedStack,
    last_event_id,
    request_token,
    stack_failure,
    start_deletion,
    watch_stack,
)
from expressway.errors import ExpresswayError, StackError
from expressway.plan.diff import StackChange
from expressway.plan.planner import deployed_stack

_BEGUN_MEANWHILE = frozenset({"stack_busy", "stack_exists", "change_set_vanished"})


def apply_stack(
    request: StackRequest,
    *,
    stacks: Stacks,
    clock: Clock,
    progress: ProgressSink,
    cancellation: Cancellation,
    on_failing: OnEvents | None = None,
    while_waiting: OnEvents | None = None,
) -> StackOutcome:
    """Create or update a stack and wait until that is done. An operation of ours that already runs is joined.

    `on_failing` and `while_waiting` are those of `watch_stack`, for the change that this call makes.

    Raises:
        RefusedError: ``stack_foreign``, ``stack_protected``, ``replacement_refused``; ``plan_changed`` when
            the stack, or the change set made of it, is no longer what was approved.
        StackError: ``stack_busy``, ``stack_failed`` (with the first real cause), ``update_rollback_failed``,
            ``change_set_failed``, ``template_too_large``, ``template_rejected``.
    """
    return _Application(request, stacks, clock, progress, cancellation, on_failing, while_waiting).run()


@dataclass(slots=True)
class _Application:
    request: StackRequest
    stacks: Stacks
    clock: Clock
    progress: ProgressSink
    cancellation: Cancellation
    on_failing: OnEvents | None
    while_waiting: OnEvents | None
    has_waited: bool = False

    def run(self) -> StackOutcome:
        stack, allowed = self._settled_and_ours()
        parameters = self._parameters(stack)
        if stack and stack.healthy and not self.request.restores and self._is_current(stack, parameters):
            return self._outcome(stack, "unchanged")
        creates = stack is None or stack.never_created
        review = ChangeReview(self.request, self.stacks, self.clock, self.cancellation)
        try:
            change_set = review.prepare(stack, parameters, creates=creates, allowed=allowed)
        except StackError as error:
            if error.code not in _BEGUN_MEANWHILE or self.has_waited:
                raise
            self.has_waited = True
            return self.run()  # the same command, run elsewhere, was a moment earlier: wait for it, then look again
        if change_set is None:
            return self._outcome(self._still_there(), "unchanged")
        after = self._execute(change_set)
        return self._outcome(after, "created" if creates else "updated")

    # -- the state we start from ----------------------------------------------------------------------------
    def _settled_and_ours(self) -> tuple[StackState | None, StackChange | None]:
        """The stack when nothing runs on it, and its change, which was checked against the approved one."""
        name = self.request.template.stack_name
        stack = self.stacks.describe(name)
        check_stack(stack, self.request, stacks=self.stacks)
        if stack is not None and stack.in_progress:
            stack = self._settle(stack)
            check_stack(stack, self.request, stacks=self.stacks)
        allowed = self._allowed_change(stack)
        if stack and stack.status == "UPDATE_ROLLBACK_FAILED":
            stack = self._continue_rollback(stack)
            allowed = self._allowed_change(stack)
        if stack and stack.is_remains:
            self._clear(stack)
            stack = None
        return stack, allowed

    def _allowed_change(self, stack: StackState | None) -> StackChange | None:
        """What is done to the current stack, if the approved plan has it; None where no plan was made."""
        plan = self.request.plan
        return None if plan is None else plan.check_not_stale(stack, self._parameters(deployed_stack(stack)))

    def _settle(self, stack: StackState) -> StackState | None:
        """The stack when its running operation, whoever started it, has ended; its events are reported meanwhile."""
        self._tell(f"another operation is running on {stack.name} ({stack.status}); waiting for it to end")
        self.has_waited = True
        before = running_operation_start(self.stacks.events(stack.stack_id), stack)
        deadline = self.clock.monotonic() + self.request.busy_seconds

        def give_up_in_time(_: EventsSoFar) -> None:
            if self.clock.monotonic() > deadline:
                raise StackError(
                    "stack_busy",
                    f"{stack.name} is still being changed by another operation ({stack.status}).",
                    "Wait until it has ended, then repeat the command: it continues from there.",
                    {"stack": stack.name, "status": stack.status},
                )

        self._watch(stack.stack_id, before, while_waiting=give_up_in_time)
        return self.stacks.describe(stack.name)

    def _clear(self, stack: StackState) -> None:
        refuse_protected(stack)
        self._tell(f"clearing the stack's remains ({stack.status})")
        before = last_event_id(self.stacks, stack.stack_id)
        start_deletion("clear", stack.stack_id, before, self.stacks)
        self._watch(stack.stack_id, before, expect="DELETE_COMPLETE")

    def _continue_rollback(self, stack: StackState) -> StackState:
        self._tell("continuing the rollback that failed")
        before = last_event_id(self.stacks, stack.stack_id)
        token = request_token("continue", stack.stack_id, before)
        write_once(
            lambda: self.stacks.continue_rollback(stack.stack_id, client_token=token),
            is_done=lambda: (now := self.stacks.describe(stack.stack_id)) is None or now.status != stack.status,
        )
        return self._watch(stack.stack_id, before, expect="UPDATE_ROLLBACK_COMPLETE").stack

    def _still_there(self) -> StackState:
        name = self.request.template.stack_name
        stack = self.stacks.describe(name)
        if stack is None:
            raise StackError("stack_vanished", f"{name} was deleted by someone else.", "Repeat the command.")
        return stack

    def _parameters(self, stack: StackState | None) -> dict[str, str]:
        declared = self.request.template.document.get("Parameters", {})
        previous = stack.parameters if stack and not stack.never_created else {}
        kept = {name: previous[name] for name in declared if name in previous and "Default" not in declared[name]}
        return {**kept, **self.request.parameters}

    def _is_current(self, stack: StackState, parameters: Mapping[str, str]) -> bool:
        """Whether the stack is as requested; templates are compared as documents, since spaces may differ."""
        wanted = self.request.template.document
        declared = wanted.get("Parameters", {})
        defaults = {name: str(spec["Default"]) for name, spec in declared.items() if "Default" in spec}
        values = without_origin(stack.parameters)
        return values == without_origin({**defaults, **parameters}) and _document(stack.template) == wanted

    def _outcome(self, stack: StackState, result: Literal["created", "updated", "unchanged"]) -> StackOutcome:
        """The result; termination protection is switched last, by a call of its own."""
        wanted = self.request.termination_protection
        if wanted is None or stack.termination_protection == wanted:
            return StackOutcome(stack, result, has_waited=self.has_waited)
        write_once(
            lambda: self.stacks.protect(stack.name, enabled=wanted),
            is_done=lambda: self._still_there().termination_protection == wanted,
        )
        word: Literal["on", "off"] = "on" if wanted else "off"
        self._tell(f"termination protection of {stack.name} is {word} now")
        return StackOutcome(replace(stack, termination_protection=wanted), result, word, self.has_waited)

    # -- carrying it out ------------------------------------------------------------------------------------
    def _execute(self, change_set: ChangeSet) -> StackState:
        before = last_event_id(self.stacks, change_set.stack_id)
        if change_set.has_begun or not self._begin(change_set):
            self._tell(f"{change_set.stack_name} is being changed to this already: joining that operation")
            stack = self._still_there()
            before = running_operation_start(self.stacks.events(stack.stack_id), stack)
        watched = self._watch(change_set.stack_id, before, on_failing=self.on_failing, while_waiting=self.while_waiting)
        if watched.stack.status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            raise stack_failure(watched)
        return watched.stack

    def _begin(self, change_set: ChangeSet) -> bool:
        """Execute the change set; False where that has happened already: the answer of this call was lost, or the
        same command was run elsewhere."""
        try:
            self.stacks.execute_change_set(change_set)
        except ExpresswayError as error:
            if not (is_lost(error) or error.code == "stack_busy") or not self.stacks.has_begun(change_set):
                raise
            return False
        return True

    def _watch(
        self,
        stack_id: str,
        after_event_id: str | None,
        *,
        expect: str | None = None,
        on_failing: OnEvents | None = None,
        while_waiting: OnEvents | None = None,
    ) -> WatchedStack:
        watched = watch_stack(
            stack_id,
            stacks=self.stacks,
            phase=self.request.phase,
            clock=self.clock,
            progress=self.progress,
            cancellation=self.cancellation,
            after_event_id=after_event_id,
            on_failing=on_failing,
            while_waiting=while_waiting,
        )
        if expect is not None and watched.stack.status != expect:
            raise stack_failure(watched)
        return watched

    def _tell(self, message: str) -> None:
        self.progress(Progress(self.request.phase, message))


def _document(template: str) -> Any:
    try:
        return json.loads(template)
    except ValueError:
        return None  # YAML is never what we deployed
