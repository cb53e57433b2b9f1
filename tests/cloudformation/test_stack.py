"""Which events of a stack are its own, and which one is the first cause of a failure."""

from datetime import UTC, datetime

from expressway.cloudformation.parse import stack_event
from expressway.cloudformation.stack import STACK_TYPE, StackEvent, first_failure, own_events

START = datetime(2026, 1, 1, tzinfo=UTC)
HOOK = {
    "Timestamp": START,
    "EventId": "1",
    "LogicalResourceId": "hello",
    "PhysicalResourceId": "stack-id",
    "ResourceType": STACK_TYPE,
    "ResourceStatus": "CREATE_IN_PROGRESS",
    "HookType": "Team::Hook",
    "HookStatus": "HOOK_COMPLETE_FAILED",
    "HookStatusReason": "no owner tag",
}


def failed(**others: object) -> StackEvent:
    return stack_event({**HOOK, **others})


def test_a_hook_on_the_stack_is_no_event_of_the_stack_itself() -> None:
    own = StackEvent(START, "hello", "stack-id", STACK_TYPE, "CREATE_COMPLETE")
    assert own_events([own, failed()], "stack-id") == (own,)


def test_a_hook_that_refuses_is_the_first_cause_and_one_that_only_warns_is_none() -> None:
    refused, warned = failed(HookFailureMode="FAIL"), failed(HookFailureMode="WARN")
    assert first_failure((warned, refused)) == refused
    assert first_failure((warned,)) is None
    assert (refused.status, refused.reason, refused.check) == ("HOOK_COMPLETE_FAILED", "no owner tag", "Team::Hook")
