"""A stack is deleted once, whoever started it, and what cannot be deleted says why."""

import json
from dataclasses import replace

import pytest

from expressway.cloudformation.template import Template
from expressway.core.progress import NeverCancelled, Progress
from expressway.deploy.stack.apply import apply_stack
from expressway.deploy.stack.delete import StackRemover
from expressway.deploy.stack.request import StackRequest
from expressway.errors import RefusedError, StackError
from tests.cloudformation.fakes import InMemoryCloudFormation, ManualClock

NAME = "hello-express-service"
BODY = {"Metadata": {"Expressway": {"App": "hello", "Schema": 1}}, "Resources": {"A": {"Type": "T"}}}


def deployed(**fields: object) -> InMemoryCloudFormation:
    stacks = InMemoryCloudFormation()
    request = StackRequest("hello", Template(NAME, json.dumps(BODY)), "service")
    apply_stack(request, stacks=stacks, clock=ManualClock(), progress=lambda _: None, cancellation=NeverCancelled())
    stacks.stacks[NAME] = replace(stacks.stacks[NAME], **fields)  # type: ignore[arg-type]
    stacks.calls.clear()
    return stacks


def delete(stacks: InMemoryCloudFormation, told: list[Progress] | None = None) -> None:
    sink = (told if told is not None else []).append
    looked_at = stacks.stacks.get(NAME) or deployed().stacks[NAME]
    StackRemover(stacks, ManualClock()).delete(looked_at, progress=sink, cancellation=NeverCancelled())


def test_a_stack_is_deleted_and_its_going_is_told() -> None:
    stacks, told = deployed(), []
    delete(stacks, told)
    assert StackRemover(stacks, ManualClock()).describe(NAME) is None
    assert [one.message for one in told] == [f"DELETE_IN_PROGRESS {NAME}", f"DELETE_COMPLETE {NAME}"]


def test_deleting_again_is_a_clean_no_op() -> None:
    stacks = deployed()
    delete(stacks)
    delete(stacks)
    delete(InMemoryCloudFormation())
    assert stacks.calls == ["delete_stack"]


def test_a_protected_stack_is_left_alone() -> None:
    stacks = deployed(termination_protection=True)
    with pytest.raises(RefusedError) as refused:
        delete(stacks)
    assert refused.value.code == "stack_protected"
    assert stacks.calls == []


def test_a_stack_that_got_another_owner_meanwhile_is_left_alone() -> None:
    stacks = deployed()
    looked_at = stacks.stacks[NAME]
    stacks.stacks[NAME] = replace(looked_at, owner_app="other")
    with pytest.raises(RefusedError, match="belongs to the app 'other' now") as refused:
        StackRemover(stacks, ManualClock()).delete(looked_at, progress=lambda _: None, cancellation=NeverCancelled())
    assert refused.value.code == "stack_changed"
    assert stacks.calls == []


def test_a_younger_stack_of_the_same_name_is_left_alone() -> None:
    stacks = deployed()
    looked_at = replace(stacks.stacks[NAME], stack_id=f"{stacks.stacks[NAME].stack_id}-of-before")
    StackRemover(stacks, ManualClock()).delete(looked_at, progress=lambda _: None, cancellation=NeverCancelled())
    assert stacks.calls == []


def test_a_deletion_that_already_runs_is_joined() -> None:
    stacks, told = deployed(), []
    stacks.delete_stack(stacks.stacks[NAME].stack_id, client_token="of an earlier run")
    stacks.pending[NAME].insert(0, stacks.stacks[NAME])
    delete(stacks, told)
    assert stacks.calls == ["delete_stack"]
    assert [one.message for one in told] == [f"DELETE_IN_PROGRESS {NAME}", f"DELETE_COMPLETE {NAME}"]


class _FailsWhileLookedAt(InMemoryCloudFormation):
    """The running deletion fails between being described and its events being read."""

    def events(self, stack_id: str, *, after_event_id: str | None = None):  # type: ignore[no-untyped-def]
        self.describe(NAME)
        return super().events(stack_id, after_event_id=after_event_id)


def test_a_joined_deletion_that_has_just_failed_is_not_waited_for_for_ever() -> None:
    stacks = _FailsWhileLookedAt(**vars(deployed()))
    stacks.fail_deletes = 1
    stacks.delete_stack(stacks.stacks[NAME].stack_id, client_token="of an earlier run")
    stacks.pending[NAME].insert(0, replace(stacks.stacks[NAME], status="DELETE_IN_PROGRESS"))
    with pytest.raises(StackError) as failure:
        delete(stacks)
    assert failure.value.code == "stack_delete_failed"


def test_a_failed_deletion_names_the_cause_and_repeating_it_tries_again() -> None:
    stacks = deployed()
    stacks.fail_deletes = 1
    with pytest.raises(StackError) as failure:
        delete(stacks)
    assert failure.value.code == "stack_delete_failed"
    assert "Repository: ⟦it still has images⟧" in failure.value.message
    delete(stacks)
    assert stacks.describe(NAME) is None
    assert len(set(stacks.tokens)) == 2


def test_a_running_update_is_waited_for_and_told_once() -> None:
    stacks, told = deployed(status="UPDATE_IN_PROGRESS"), []
    stack = stacks.stacks[NAME]
    stacks.pending[NAME] = [*[stack] * 5, replace(stack, status="UPDATE_COMPLETE")]
    delete(stacks, told)
    assert stacks.describe(NAME) is None
    assert sum("settle" in one.message for one in told) == 1


def test_an_empty_shell_under_review_is_deleted_too() -> None:
    stacks = deployed(status="REVIEW_IN_PROGRESS", template="")
    delete(stacks)
    assert stacks.describe(NAME) is None
