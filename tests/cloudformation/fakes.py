"""A CloudFormation in memory: real state machine, no network, every step scripted by the test."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from expressway.cloudformation.change_set import ChangeSet, ChangeSetChange, ChangeSetRequest
from expressway.cloudformation.stack import StackEvent, StackState, StackVersion, owner_of
from expressway.errors import StackError

STACK_TYPE = "AWS::CloudFormation::Stack"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class ManualClock:
    """A clock that only moves when somebody sleeps."""

    now: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class InMemoryCloudFormation:
    """Stacks by name. `fail_next` makes the next execution fail with these (logical id, reason) events."""

    stacks: dict[str, StackState] = field(default_factory=dict)
    log: dict[str, list[StackEvent]] = field(default_factory=dict)
    change_sets: dict[tuple[str, str], tuple[ChangeSetRequest, ChangeSet]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    requests: list[ChangeSetRequest] = field(default_factory=list)
    fail_next: list[tuple[str, str]] = field(default_factory=list)
    reject_next: str | None = None
    changes: tuple[ChangeSetChange, ...] = ()
    failing: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    polls_until_done: int = 2
    fail_deletes: int = 0
    tokens: list[str] = field(default_factory=list)
    pending: dict[str, list[StackState]] = field(default_factory=dict)
    executed: list[tuple[StackState, ChangeSetRequest]] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    begun: set[str] = field(default_factory=set)
    numbers: count = field(default_factory=lambda: count(1))

    # -- reads ----------------------------------------------------------------------------------------------
    def describe(self, stack_name: str) -> StackState | None:
        name = stack_name.split("/")[1] if stack_name.startswith("arn:") else stack_name
        if self.pending.get(name):
            self._become(self.pending[name].pop(0))
        stack = self.stacks.get(name)
        if stack is not None and stack_name.startswith("arn:") and stack_name != stack.stack_id:
            return None  # a younger stack of that name
        if stack is None or (stack.status == "DELETE_COMPLETE" and not stack_name.startswith("arn:")):
            return None
        return stack

    def version(self, stack_name: str) -> StackVersion | None:
        stack = self.describe(stack_name)
        return stack.version if stack else None

    def events(self, stack_id: str, *, after_event_id: str | None = None) -> tuple[StackEvent, ...]:
        events = self.log.get(stack_id, [])
        ids = [event.event_id for event in events]
        return tuple(events[ids.index(after_event_id) + 1 :] if after_event_id in ids else events)

    def describe_change_set(self, stack_name: str, change_set_name: str) -> ChangeSet | None:
        found = self.change_sets.get((stack_name, change_set_name))
        return found[1] if found else None

    def change_set_names(self, stack_name: str) -> tuple[str, ...]:
        return tuple(name for owner, name in self.change_sets if owner == stack_name)

    def validation_errors(self, stack_name: str, change_set_name: str) -> tuple[str, ...]:
        return ()

    # -- writes ---------------------------------------------------------------------------------------------
    def create_change_set(self, request: ChangeSetRequest) -> bool:
        key = (request.stack_name, request.change_set_name)
        if key in self.change_sets:
            return False
        current = self.stacks.get(request.stack_name)
        stands = current is not None and current.status not in {"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"}
        if current is not None and current.in_progress:
            raise StackError("stack_busy", f"{request.stack_name} is in {current.status} state.", "Wait.")
        if request.creates_stack and stands:
            raise StackError("stack_exists", f"{request.stack_name} already exists.", "Repeat the command.")
        self.calls.append("create_change_set")
        self.requests.append(request)
        if request.creates_stack and (current is None or current.status == "DELETE_COMPLETE"):
            stack_id = f"arn:aws:cloudformation:us-east-1:000000000000:stack/{request.stack_name}/{next(self.numbers)}"
            self._become(StackState(request.stack_name, stack_id, "REVIEW_IN_PROGRESS"))
        stack = self.stacks[request.stack_name]
        rejected, self.reject_next = self.reject_next, None
        if (
            not request.reverts_drift
            and stands
            and (stack.template, dict(stack.parameters)) == (request.template_body, dict(request.parameters))
        ):
            rejected = rejected or "The submitted information didn't contain changes."
        self.change_sets[key] = (
            request,
            ChangeSet(
                name=request.change_set_name,
                change_set_id=f"arn:change-set/{request.change_set_name}",
                stack_name=request.stack_name,
                stack_id=stack.stack_id,
                status="FAILED" if rejected else "CREATE_COMPLETE",
                execution_status="UNAVAILABLE" if rejected else "AVAILABLE",
                reason=rejected or "",
                is_empty=bool(rejected and "didn't contain changes" in rejected),
                changes=self.changes,
            ),
        )
        return True

    def execute_change_set(self, change_set: ChangeSet) -> None:
        self.calls.append("execute_change_set")
        key, stack = (change_set.stack_name, change_set.name), self.stacks[change_set.stack_name]
        if key not in self.change_sets or stack.in_progress:  # gone with a change that somebody made meanwhile
            raise StackError("stack_busy", f"{stack.name} is being changed by someone else.", "Wait.")
        request, _ = self.change_sets.pop(key)
        self.begun.add(f"{stack.stack_id} {change_set.change_set_id}")
        self.executed.append((stack, request))
        if request.reverts_drift:
            self.removed = {name for name in self.removed if f'"{name}"' not in request.template_body}
        verb = "CREATE" if stack.status == "REVIEW_IN_PROGRESS" else "UPDATE"
        wanted = {
            "template": request.template_body,
            "owner_app": owner_of(json.loads(request.template_body)),
            "parameters": dict(request.parameters),
        }
        if verb == "CREATE":  # a new stack has its template from here on, also when it fails
            stack = replace(stack, **wanted)
        self._become(replace(stack, status=f"{verb}_IN_PROGRESS"))
        failures = self.fail_next or self.failing.get(stack.name, [])
        for logical_id, reason in failures:
            self._event(stack.stack_id, logical_id, "AWS::ECS::ExpressGatewayService", f"{verb}_FAILED", reason)
        if failures:
            end = replace(stack, status="ROLLBACK_COMPLETE" if verb == "CREATE" else "UPDATE_ROLLBACK_COMPLETE")
        else:
            end = replace(
                stack,
                status=f"{verb}_COMPLETE",
                outputs=self.outputs,
                updated_at=EPOCH + timedelta(seconds=next(self.numbers)),
                **wanted,
            )
        self.fail_next = []
        waiting = [replace(stack, status=f"{verb}_IN_PROGRESS")] * (self.polls_until_done - 1)
        self.pending[stack.name] = [*waiting, end]

    def has_begun(self, change_set: ChangeSet) -> bool:
        return f"{change_set.stack_id} {change_set.change_set_id}" in self.begun

    def delete_change_set(self, stack_name: str, change_set_name: str) -> None:
        self.calls.append("delete_change_set")
        self.change_sets.pop((stack_name, change_set_name), None)

    def delete_stack(self, stack_id: str, *, client_token: str) -> None:
        self.calls.append("delete_stack")
        if client_token in self.tokens:
            return  # as AWS does with a request that it has seen
        self.tokens.append(client_token)
        stack = next(stack for stack in self.stacks.values() if stack.stack_id == stack_id)
        self._become(replace(stack, status="DELETE_IN_PROGRESS"))
        fails, self.fail_deletes = self.fail_deletes > 0, max(0, self.fail_deletes - 1)
        if fails:
            self._event(stack_id, "Repository", "AWS::ECR::Repository", "DELETE_FAILED", "it still has images")
        self.pending[stack.name] = [replace(stack, status="DELETE_FAILED" if fails else "DELETE_COMPLETE")]

    def continue_rollback(self, stack_id: str, *, client_token: str) -> None:
        self.calls.append("continue_rollback")
        self.tokens.append(client_token)
        stack = next(stack for stack in self.stacks.values() if stack.stack_id == stack_id)
        self.pending[stack.name] = [replace(stack, status="UPDATE_ROLLBACK_COMPLETE")]

    def protect(self, stack_name: str, *, enabled: bool) -> None:
        self.calls.append(f"protect {enabled}")
        self.stacks[stack_name] = replace(self.stacks[stack_name], termination_protection=enabled)

    # -- others ---------------------------------------------------------------------------------------------
    def somebody_changes(self, stack: StackState, *, meanwhile: int = 0) -> None:
        """Another program brings its stack to this state, after so many looks at it; change sets go with that."""
        previous = self.stacks.get(stack.name)
        for key in [key for key in self.change_sets if key[0] == stack.name]:
            del self.change_sets[key]
        ended = replace(stack, updated_at=EPOCH + timedelta(seconds=next(self.numbers)))
        if previous is not None and meanwhile:
            running = replace(previous, status="UPDATE_IN_PROGRESS", updated_at=ended.updated_at)
            self._become(running)
            self.pending[stack.name] = [*[running] * meanwhile, ended]
        else:
            self._become(ended)

    # -- the state machine ----------------------------------------------------------------------------------
    def _become(self, stack: StackState) -> None:
        previous = self.stacks.get(stack.name)
        self.stacks[stack.name] = stack
        if previous is None or previous.status != stack.status or previous.stack_id != stack.stack_id:
            self._event(stack.stack_id, stack.name, STACK_TYPE, stack.status, "", physical_id=stack.stack_id)

    def _event(
        self, stack_id: str, logical_id: str, resource_type: str, status: str, reason: str, *, physical_id: str = ""
    ) -> None:
        number = next(self.numbers)
        event = StackEvent(
            EPOCH + timedelta(seconds=number), logical_id, physical_id, resource_type, status, reason, f"event-{number}"
        )
        self.log.setdefault(stack_id, []).append(event)
