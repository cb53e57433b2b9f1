"""What CloudFormation remembers of a stack, in the shapes of botocore's model and on the embedded AWS."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from expressway.aws.session import open_session
from expressway.cloudformation.history_reader import StackHistories
from expressway.errors import TargetError
from tests.aws.fakes import AnsweringSession

if TYPE_CHECKING:
    from expressway_sandbox.lifecycle import SandboxInfo

ROOT = "arn:aws:cloudformation:us-east-1:123456789012:stack/web/1"
OLD = "arn:aws:cloudformation:us-east-1:123456789012:stack/web/0"
MISSING = ("ValidationError", "Stack with id web does not exist")
DENIED = ("AccessDenied", "not authorized")


def moment(second: int) -> datetime:
    return datetime(2026, 11, 1, 12, 0, second, tzinfo=UTC)


def described(**more: Any) -> dict[str, Any]:
    stack = {"StackName": "web", "StackId": ROOT, "StackStatus": "ROLLBACK_COMPLETE", "CreationTime": moment(0)}
    return {"Stacks": [stack | more]}


def event(number: int, logical_id: str, **more: Any) -> dict[str, Any]:
    return {
        "StackId": ROOT,
        "StackName": "web",
        "EventId": str(number),
        "LogicalResourceId": logical_id,
        "Timestamp": moment(number),
    } | more


HOOK = {
    "HookType": "Team::Encryption::Hook",
    "HookStatus": "HOOK_COMPLETE_FAILED",
    "HookStatusReason": "must be encrypted",
    "HookFailureMode": "FAIL",
}


def answers(**changes: Any) -> dict[str, Any]:
    newest_first = [
        event(3, "Bucket", ResourceStatus="CREATE_FAILED", ResourceStatusReason="The following hook(s) failed"),
        event(2, "Bucket", ResourceStatus="CREATE_IN_PROGRESS", **HOOK),
    ]
    first = [event(1, "web", PhysicalResourceId=ROOT, ResourceStatus="CREATE_IN_PROGRESS")]
    validation = {
        "EventId": "9",
        "EventType": "VALIDATION_ERROR",
        "LogicalResourceId": "Role",
        "Timestamp": moment(0),
        "ValidationName": "PROPERTY_VALIDATION",
        "ValidationStatus": "FAILED",
        "ValidationStatusReason": "Unsupported property",
        "ValidationPath": "/Resources/Role",
        "ValidationFailureMode": "WARN",
    }
    same_hook = {"EventId": "8", "EventType": "HOOK_INVOCATION_ERROR", "LogicalResourceId": "Bucket"}
    stack_event = {"EventId": "7", "EventType": "STACK_EVENT", "LogicalResourceId": "web", "Timestamp": moment(4)}
    resource = {
        "LogicalResourceId": "Bucket",
        "ResourceType": "AWS::S3::Bucket",
        "ResourceStatus": "CREATE_FAILED",
        "LastUpdatedTimestamp": moment(3),
    }
    return {
        "cloudformation.describe_stacks": described(),
        "cloudformation.list_stack_resources": {"StackResourceSummaries": [resource]},
        "cloudformation.describe_stack_events": lambda asked: (
            {"StackEvents": first} if asked.get("NextToken") else {"StackEvents": newest_first, "NextToken": "more"}
        ),
        "cloudformation.describe_events": {
            "OperationEvents": [validation, same_hook | {"Timestamp": moment(2)} | HOOK, stack_event]
        },
    } | {f"cloudformation.{name}": answer for name, answer in changes.items()}


def test_events_of_every_page_and_both_calls_come_in_order_of_time_and_each_once() -> None:
    found = StackHistories(AnsweringSession(answers())).history("web")

    assert found is not None
    assert [(one.kind, one.logical_id, one.status) for one in found.events] == [
        ("validation", "Role", "FAILED"),
        ("resource", "web", "CREATE_IN_PROGRESS"),
        ("hook", "Bucket", "HOOK_COMPLETE_FAILED"),
        ("resource", "Bucket", "CREATE_FAILED"),
    ]
    validation, _, hook, _ = found.events
    assert (validation.check, validation.path, validation.only_warns) == (
        "PROPERTY_VALIDATION",
        "/Resources/Role",
        True,
    )
    assert (hook.check, hook.reason, hook.only_warns) == ("Team::Encryption::Hook", "must be encrypted", False)
    assert [one.logical_id for one in found.resources] == ["Bucket"]
    assert found.unread == ()


def test_a_stack_that_does_not_exist_is_none() -> None:
    every = ("describe_stacks", "list_stack_resources", "describe_stack_events", "describe_events")
    session = AnsweringSession({f"cloudformation.{name}": MISSING for name in every})

    assert StackHistories(session).history("web") is None


@pytest.mark.parametrize("operation", ["list_stack_resources", "describe_stack_events", "describe_events"])
def test_a_part_that_may_not_be_read_is_named_and_the_rest_is_told(operation: str) -> None:
    found = StackHistories(AnsweringSession(answers(**{operation: DENIED}))).history("web")

    assert found is not None
    assert len(found.unread) == 1
    assert "not authorized" in found.unread[0]
    assert found.events or operation == "describe_stack_events"


def test_a_stack_that_may_not_be_described_is_an_error() -> None:
    with pytest.raises(TargetError) as caught:
        StackHistories(AnsweringSession(answers(describe_stacks=DENIED))).history("web")

    assert caught.value.code == "access_denied"


def test_the_newest_of_several_deleted_stacks_of_a_name_is_found() -> None:
    def summary(stack_id: str, name: str, second: int) -> dict[str, Any]:
        return {
            "StackId": stack_id,
            "StackName": name,
            "CreationTime": moment(second),
            "StackStatus": "DELETE_COMPLETE",
        }

    summaries = [summary(OLD, "web", 1), summary(ROOT, "web", 5), summary("x", "other", 9)]
    session = AnsweringSession({"cloudformation.list_stacks": {"StackSummaries": summaries}})

    assert StackHistories(session).deleted_id("web") == ROOT
    assert StackHistories(session).deleted_id("none") == ""


def test_nested_stacks_are_not_among_the_names() -> None:
    summaries = [
        {"StackName": "web", "CreationTime": moment(0), "StackStatus": "CREATE_COMPLETE"},
        {"StackName": "web-Child", "CreationTime": moment(0), "StackStatus": "CREATE_COMPLETE", "ParentId": ROOT},
    ]
    session = AnsweringSession({"cloudformation.list_stacks": {"StackSummaries": summaries}})

    assert StackHistories(session).names() == ("web",)
    assert "DELETE_COMPLETE" not in session.asked[0][2]["StackStatusFilter"]


def test_the_physical_ids_of_some_kinds_of_resources_are_listed() -> None:
    def resource(logical_id: str, kind: str, physical_id: str) -> dict[str, Any]:
        return {
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": physical_id,
            "ResourceType": kind,
            "ResourceStatus": "CREATE_COMPLETE",
            "LastUpdatedTimestamp": moment(0),
        }

    listed = {"StackResourceSummaries": [resource("A", "AWS::ECS::Service", "arn:s"), resource("B", "Other", "b")]}
    histories = StackHistories(AnsweringSession(answers(list_stack_resources=listed)))

    assert histories.resource_ids("web", ["AWS::ECS::Service"]) == ("arn:s",)
    assert StackHistories(AnsweringSession(answers(describe_stacks=MISSING))).resource_ids("web", []) is None


@pytest.mark.sandbox
def test_a_stack_of_the_embedded_aws_is_remembered_after_its_deletion(embedded_aws: "SandboxInfo") -> None:
    session = open_session(sandbox_url=embedded_aws.endpoint_url)
    client = session.client("cloudformation")
    template = {"Resources": {"Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/remembered"}}}}
    client.create_stack(StackName="remembered", TemplateBody=json.dumps(template))
    client.get_waiter("stack_create_complete").wait(StackName="remembered", WaiterConfig={"Delay": 1})
    histories = StackHistories(session)
    there = histories.history("remembered")

    assert there is not None
    assert (there.status, there.is_well, there.unread) == ("CREATE_COMPLETE", True, ())
    assert [one.logical_id for one in there.resources] == ["Logs"]
    assert "remembered" in histories.names()

    client.delete_stack(StackName="remembered")
    client.get_waiter("stack_delete_complete").wait(StackName=there.stack_id, WaiterConfig={"Delay": 1})
    assert histories.history("remembered") is None
    stack_id = histories.deleted_id("remembered")
    assert stack_id == there.stack_id
    gone = histories.history(stack_id)
    assert gone is not None
    assert gone.is_deleted
    assert gone.events[-1].status == "DELETE_COMPLETE"
