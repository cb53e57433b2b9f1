"""Bring one CloudFormation stack to a template: by change set, safely repeatable, watched from start to end.

CloudFormation is the durable engine. Everything here is derived from the request and from the stack as it
stands (the change set's name included), so a process killed at any point is continued by running it again.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from expressway.errors import RefusedError, StackError
from expressway.model.change import canonical_json
from expressway.model.change_set import ChangeSet, ChangeSetRequest
from expressway.model.clock import Clock, polling_delays
from expressway.model.progress import Cancellation, Phase, Progress, ProgressSink
from expressway.model.stack import StackEvent, StackState
from expressway.model.template import Template
from expressway.operations.plan import refuse_foreign
from expressway.operations.watch_stack import StackEvents, WatchedStack, last_event_id, stack_failure, watch_stack

_REPLACED = {"True", "Conditional"}
_MUST_GO_FIRST = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}


class StackGateway(StackEvents, Protocol):
    """What this operation needs of CloudFormation."""

    def create_change_set(self, request: ChangeSetRequest) -> bool: ...
    def describe_change_set(self, stack_name: str, change_set_name: str) -> ChangeSet | None: ...
    def change_set_names(self, stack_name: str) -> tuple[str, ...]: ...
    def execute_change_set(self, change_set: ChangeSet) -> None: ...
    def delete_change_set(self, stack_name: str, change_set_name: str) -> None: ...
    def validation_errors(self, stack_name: str, change_set_name: str) -> tuple[str, ...]: ...
    def delete_stack(self, stack_id: str, *, client_token: str) -> None: ...
    def continue_rollback(self, stack_id: str, *, client_token: str) -> None: ...
    def protect(self, stack_name: str, *, enabled: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class StackRequest:
    """What a stack should become.

    Attributes:
        app_name: the owner that the stack must carry, unless `adopt` is set.
        parameters: values for the template's parameters; those left out keep their previous value or default.
        allow_replacement: whether resources may be replaced (a service then gets another URL).
        continue_rollback: whether a stack in UPDATE_ROLLBACK_FAILED is rolled back further first.
        busy_seconds: how long another operation on the stack is waited for.
    """

    app_name: str
    template: Template
    phase: Phase
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    adopt: bool = False
    allow_replacement: bool = False
    continue_rollback: bool = False
    termination_protection: bool = False
    busy_seconds: float = 900.0


@dataclass(frozen=True, slots=True)
class StackOutcome:
    """What became of the stack; `result` is ``unchanged`` when there was nothing to do."""

    stack: StackState
    result: Literal["created", "updated", "unchanged"]


def apply_stack(
    request: StackRequest,
    *,
    stacks: StackGateway,
    clock: Clock,
    progress: ProgressSink,
    cancellation: Cancellation,
    on_failing: Callable[[StackEvent], None] | None = None,
    while_waiting: Callable[[], None] | None = None,
) -> StackOutcome:
    """Create or update a stack and wait until it stands.

    Raises:
        RefusedError: ``stack_foreign``, ``replacement_refused``.
        StackError: ``stack_busy``, ``stack_failed`` (with the first real cause), ``update_rollback_failed``,
            ``change_set_failed``, ``template_too_large``, ``template_rejected``.
    """
    work = _Application(request, stacks, clock, progress, cancellation, on_failing, while_waiting)
    return work.run()


def change_set_name(request: StackRequest, stack: StackState | None, parameters: Mapping[str, str]) -> str:
    """The name that this very change has on this very state of the stack; letters, digits and hyphens."""
    base = {
        "template": request.template.digest,
        "parameters": dict(parameters),
        "stack": [stack.stack_id, str(stack.updated_at)] if stack and not stack.never_created else None,
    }
    return f"expressway-{hashlib.sha256(canonical_json(base).encode()).hexdigest()[:24]}"


@dataclass(slots=True)
class _Application:
    request: StackRequest
    stacks: StackGateway
    clock: Clock
    progress: ProgressSink
    cancellation: Cancellation
    on_failing: Callable[[StackEvent], None] | None
    while_waiting: Callable[[], None] | None

    def run(self) -> StackOutcome:
        stack = self._settled_and_ours()
        parameters = self._parameters(stack)
        if stack and stack.healthy and self._is_current(stack, parameters):
            return StackOutcome(self._with_protection(stack), "unchanged")
        creates = stack is None or stack.never_created
        change_set = self._change_set(stack, parameters, creates)
        if change_set is None:
            unchanged = self.stacks.describe(self.request.template.stack_name)
            if unchanged is None:
                raise StackError(
                    "stack_vanished", f"{self.request.template.stack_name} is gone.", "Repeat the command."
                )
            return StackOutcome(self._with_protection(unchanged), "unchanged")
        self._check_replacements(change_set)
        self.cancellation.raise_if_cancelled()
        after = self._execute(change_set)
        return StackOutcome(self._with_protection(after), "created" if creates else "updated")

    # -- the state we start from ----------------------------------------------------------------------------
    def _settled_and_ours(self) -> StackState | None:
        name = self.request.template.stack_name
        stack = self._settle(self.stacks.describe(name))
        self._refuse_foreign(stack)
        if stack and stack.status == "UPDATE_ROLLBACK_FAILED":
            stack = self._continue_rollback(stack)
        if stack and stack.status in _MUST_GO_FIRST:
            self._tell(f"clearing the stack's remains ({stack.status})")
            before = last_event_id(self.stacks, stack.stack_id)
            self.stacks.delete_stack(stack.stack_id, client_token=f"expressway-clear-{stack.stack_id[-12:]}")
            self._watch(stack.stack_id, before, expect="DELETE_COMPLETE")
            stack = None
        return stack

    def _settle(self, stack: StackState | None) -> StackState | None:
        deadline = self.clock.monotonic() + self.request.busy_seconds
        delays = polling_delays()
        told = False
        while stack is not None and stack.in_progress:
            if not told:
                self._tell(f"another operation is running on {stack.name} ({stack.status}); waiting for it to end")
                told = True
            if self.clock.monotonic() > deadline:
                raise StackError(
                    "stack_busy",
                    f"{stack.name} is still being changed by another operation ({stack.status}).",
                    "Wait until it has ended, then repeat the command: it continues from there.",
                    {"stack": stack.name, "status": stack.status},
                )
            self.cancellation.raise_if_cancelled()
            self.clock.sleep(next(delays))
            stack = self.stacks.describe(self.request.template.stack_name)
        return stack

    def _refuse_foreign(self, stack: StackState | None) -> None:
        if stack is None or self.request.adopt or stack.owner_app == self.request.app_name:
            return
        if stack.status == "REVIEW_IN_PROGRESS":
            names = self.stacks.change_set_names(stack.name)
            if all(name.startswith("expressway-") for name in names):
                return
        refuse_foreign(stack, self.request.app_name)

    def _continue_rollback(self, stack: StackState) -> StackState:
        if not self.request.continue_rollback:
            raise StackError(
                "update_rollback_failed",
                f"{stack.name} is stuck in UPDATE_ROLLBACK_FAILED: {stack.status_reason or 'a rollback failed'}.",
                "Mend what the rollback failed on, then pass --continue-rollback.",
                {"stack": stack.name},
            )
        self._tell("continuing the rollback that failed")
        before = last_event_id(self.stacks, stack.stack_id)
        self.stacks.continue_rollback(stack.stack_id, client_token=f"expressway-continue-{stack.stack_id[-12:]}")
        return self._watch(stack.stack_id, before, expect="UPDATE_ROLLBACK_COMPLETE").stack

    def _parameters(self, stack: StackState | None) -> dict[str, str]:
        declared = self.request.template.document.get("Parameters", {})
        previous = stack.parameters if stack and not stack.never_created else {}
        kept = {name: previous[name] for name in declared if name in previous and "Default" not in declared[name]}
        return {**kept, **self.request.parameters}

    def _is_current(self, stack: StackState, parameters: Mapping[str, str]) -> bool:
        declared = self.request.template.document.get("Parameters", {})
        wanted = {name: str(spec["Default"]) for name, spec in declared.items() if "Default" in spec} | dict(parameters)
        return stack.template.strip() == self.request.template.body.strip() and dict(stack.parameters) == wanted

    def _with_protection(self, stack: StackState) -> StackState:
        if stack.termination_protection != self.request.termination_protection:
            self.stacks.protect(stack.name, enabled=self.request.termination_protection)
        return stack

    # -- the change set -------------------------------------------------------------------------------------
    def _change_set(self, stack: StackState | None, parameters: Mapping[str, str], creates: bool) -> ChangeSet | None:
        """An executable change set, or None when CloudFormation finds nothing to change."""
        name = change_set_name(self.request, stack, parameters)
        stack_name = self.request.template.stack_name
        request = ChangeSetRequest(stack_name, name, self.request.template.body, dict(parameters), creates)
        if not self.stacks.create_change_set(request):
            existing = self.stacks.describe_change_set(stack_name, name)
            if existing is None or not (existing.is_pending or existing.is_executable):
                self.stacks.delete_change_set(stack_name, name)
                self.stacks.create_change_set(request)
        change_set = self._await_change_set(stack_name, name)
        if change_set.is_executable:
            return change_set
        problems = () if change_set.is_empty else self.stacks.validation_errors(stack_name, name)
        self.stacks.delete_change_set(stack_name, name)
        if change_set.is_empty:
            return None
        if creates:
            self._discard_review_shell()
        raise StackError(
            "change_set_failed",
            f"CloudFormation cannot make this change to {stack_name}: {'; '.join(problems) or change_set.reason}",
            "Correct what CloudFormation names, and repeat the command. Nothing was changed.",
            {"stack": stack_name, "problems": list(problems)},
        )

    def _await_change_set(self, stack_name: str, name: str) -> ChangeSet:
        for delay in polling_delays(0.05):
            change_set = self.stacks.describe_change_set(stack_name, name)
            if change_set is None:
                raise StackError("change_set_vanished", f"The change set {name} is gone.", "Repeat the command.")
            if not change_set.is_pending:
                return change_set
            self.cancellation.raise_if_cancelled()
            self.clock.sleep(delay)
        raise AssertionError("polling never ends by itself")

    def _check_replacements(self, change_set: ChangeSet) -> None:
        replaced = [change for change in change_set.changes if change.replacement in _REPLACED]
        if not replaced or self.request.allow_replacement:
            return
        self.stacks.delete_change_set(change_set.stack_name, change_set.name)
        properties = sorted(
            {detail.path for change in replaced for detail in change.details if detail.requires_recreation != "Never"}
        )
        raise RefusedError(
            "replacement_refused",
            f"This change replaces {', '.join(change.logical_id for change in replaced)} "
            f"({', '.join(properties) or 'a create-only property changes'}); a replaced service gets another URL.",
            "Undo the change of those properties, or pass --allow-replacement. Nothing was changed.",
            {"resources": [change.logical_id for change in replaced], "properties": properties},
        )

    def _discard_review_shell(self) -> None:
        """A stack that was only ever under review is removed again, so that nothing half-made is left."""
        stack = self.stacks.describe(self.request.template.stack_name)
        if stack and stack.status == "REVIEW_IN_PROGRESS":
            self.stacks.delete_stack(stack.stack_id, client_token=f"expressway-review-{stack.stack_id[-12:]}")

    # -- carrying it out ------------------------------------------------------------------------------------
    def _execute(self, change_set: ChangeSet) -> StackState:
        before = last_event_id(self.stacks, change_set.stack_id)
        self.stacks.execute_change_set(change_set)
        watched = self._watch(change_set.stack_id, before, expect=None)
        if watched.stack.status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            raise stack_failure(watched)
        return watched.stack

    def _watch(self, stack_id: str, after_event_id: str | None, *, expect: str | None) -> WatchedStack:
        watched = watch_stack(
            stack_id,
            stacks=self.stacks,
            phase=self.request.phase,
            clock=self.clock,
            progress=self.progress,
            after_event_id=after_event_id,
            on_failing=self.on_failing,
            while_waiting=self.while_waiting,
        )
        if expect is not None and watched.stack.status != expect:
            raise stack_failure(watched)
        return watched

    def _tell(self, message: str) -> None:
        self.progress(Progress(self.request.phase, message))
