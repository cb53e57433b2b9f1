"""What became of a stack: nested stacks followed, what is missing named, what may not be read a gap."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from expressway.aws.values.target import Target
from expressway.cloudformation.history import StackHistory, StackResource
from expressway.cloudformation.stack import STACK_TYPE, StackEvent
from expressway.diagnose.stack.action import fetch_cloudformation_status
from expressway.errors import TargetError
from expressway.privacy.render import RedactionPolicy, redact_response
from expressway.privacy.untrusted import plain

TARGET = Target("123456789012", "eu-west-1")
START = datetime(2026, 11, 1, 12, tzinfo=UTC)
PEERS_KEYS = {"status", "stack_exists", "stack_status", "resources", "failure_reasons", "raw_events"}


def stack_id(name: str) -> str:
    return f"arn:aws:cloudformation:eu-west-1:123456789012:stack/{name}/1"


def event(second: int, logical_id: str, status: str, reason: str = "", physical_id: str = "") -> StackEvent:
    kind = STACK_TYPE if physical_id else "AWS::IAM::Role"
    return StackEvent(START + timedelta(seconds=second), logical_id, physical_id, kind, status, reason)


def stack(name: str, status: str, *events: StackEvent, **others: Any) -> StackHistory:
    begun = event(0, name, "CREATE_IN_PROGRESS", physical_id=stack_id(name))
    return StackHistory(name, stack_id(name), status, events=(begun, *events), **others)


@dataclass
class Stacks:
    """Stacks in memory by name and id; `deleted` only by id, `denied` names what is refused."""

    living: tuple[StackHistory, ...] = ()
    deleted: tuple[StackHistory, ...] = ()
    denied: set[str] = field(default_factory=set[str])
    fails_with: str = "access_denied"
    asked: list[str] = field(default_factory=list[str])

    def history(self, stack_name_or_id: str) -> StackHistory | None:
        self.asked.append(stack_name_or_id)
        self._refuse("history", stack_name_or_id)
        by_name = {one.name: one for one in self.living}
        by_id = {one.stack_id: one for one in (*self.living, *self.deleted)}
        return by_name.get(stack_name_or_id) or by_id.get(stack_name_or_id)

    def names(self) -> tuple[str, ...]:
        self._refuse("names")
        return tuple(one.name for one in self.living)

    def deleted_id(self, stack_name: str) -> str:
        self._refuse("deleted_id")
        return next((one.stack_id for one in self.deleted if one.name == stack_name), "")

    def resource_ids(self, stack_name: str, resource_types: Sequence[str]) -> tuple[str, ...] | None:
        raise NotImplementedError

    def _refuse(self, name: str, about: str = "") -> None:
        if {name, f"{name} {about}"} & self.denied:
            raise TargetError(self.fails_with, f"AWS did not allow {name}.")


def fetch(name: str, stacks: Stacks) -> Any:
    answer = fetch_cloudformation_status(name, stacks=stacks, target=TARGET)
    assert set(answer) >= PEERS_KEYS | {"message", "findings"}
    return answer


def codes(answer: Any) -> list[str]:
    return [one["code"] for one in answer["findings"]]


def test_a_failure_is_told_with_the_id_that_the_stack_has_for_its_resource() -> None:
    role = StackResource("Role", "web-role", "AWS::IAM::Role", "UPDATE_COMPLETE")
    failed = event(1, "Role", "UPDATE_FAILED", "Access denied for operation")
    unknown = event(2, "Other", "UPDATE_FAILED", "Access denied for operation")
    answer = fetch("web", Stacks((stack("web", "UPDATE_ROLLBACK_COMPLETE", failed, unknown, resources=(role,)),)))

    assert [one["physical_id"] for one in answer["failure_reasons"]] == ["web-role", "N/A"]


def test_a_stack_that_is_well_is_said_to_be_and_its_nested_stacks_are_not_read() -> None:
    child = stack_id("web-child")
    stacks = Stacks((stack("web", "CREATE_COMPLETE", event(1, "Child", "CREATE_COMPLETE", physical_id=child)),))
    answer = fetch("web", stacks)

    assert (answer["stack_exists"], answer["stack_status"]) == (True, "CREATE_COMPLETE")
    assert answer["findings"] == answer["failure_reasons"] == []
    assert "nothing is wrong" in answer["message"]
    assert stacks.asked == ["web"]
    assert "gaps" not in answer


def test_the_first_cause_is_found_in_a_nested_stack_that_is_gone_already() -> None:
    child = stack("web-child", "DELETE_COMPLETE", event(2, "Role", "CREATE_FAILED", "web-role already exists"))
    embedded = f"Embedded stack {child.stack_id} was not successfully created"
    root = stack(
        "web",
        "ROLLBACK_COMPLETE",
        event(3, "Child", "CREATE_FAILED", embedded, physical_id=child.stack_id),
        event(3, "Logs", "CREATE_FAILED", "Resource creation cancelled"),
    )
    answer = fetch("web", Stacks((root,), (child,)))

    assert codes(answer)[0] == "resource_exists"
    assert [(one["logical_id"], one["stack_name"]) for one in answer["failure_reasons"]] == [("Role", "web-child")]
    assert plain(answer["raw_events"][0]["ResourceStatusReason"]) == "Resource creation cancelled"


def test_nested_stacks_are_followed_only_so_deep_and_so_many() -> None:
    def child(number: int) -> StackHistory:
        below = event(1, "Child", "CREATE_FAILED", "Embedded stack", stack_id(f"deep{number + 1}"))
        return stack(f"deep{number}", "CREATE_FAILED", below)

    deep = Stacks((child(0),), tuple(child(number) for number in range(1, 30)))
    fetch("deep0", deep)
    assert len(deep.asked) <= 6

    names = [f"wide{number}" for number in range(60)]
    events = [event(1, name, "CREATE_FAILED", "Embedded stack", stack_id(name)) for name in names]
    wide = Stacks((stack("wide", "CREATE_FAILED", *events),), tuple(stack(name, "CREATE_FAILED") for name in names))
    fetch("wide", wide)
    assert len(wide.asked) <= 21


def test_a_deleted_stack_is_found_by_name_and_told_from_one_that_never_was() -> None:
    gone = stack("web", "DELETE_COMPLETE", event(1, "Role", "CREATE_FAILED", "web-role already exists"))
    answer = fetch("web", Stacks((), (gone,)))
    assert (answer["stack_exists"], answer["stack_status"]) == (False, "DELETE_COMPLETE")
    assert codes(answer) == ["resource_exists", "stack_deleted"]

    never = fetch("wbe", Stacks((stack("web", "CREATE_COMPLETE"),)))
    assert (never["stack_exists"], never["stack_status"]) == (False, None)
    assert codes(never) == ["stack_not_found"]
    assert "Did you mean web?" in never["findings"][0]["remedy"]
    assert "123456789012" in never["message"]


def test_a_stack_that_may_not_be_read_is_neither_there_nor_missing() -> None:
    answer = fetch("web", Stacks(denied={"history"}))

    assert answer["stack_exists"] is None
    assert answer["findings"] == []
    assert answer["gaps"] == ["stack: AWS did not allow history."]


def test_nothing_that_can_be_asked_at_all_is_an_error() -> None:
    with pytest.raises(TargetError) as caught:
        fetch("web", Stacks(denied={"history"}, fails_with="credentials_expired"))

    assert caught.value.code == "credentials_expired"


def test_a_nested_stack_that_may_not_be_read_is_a_gap_and_its_parents_words_count() -> None:
    child = stack_id("web-child")
    root = stack("web", "CREATE_FAILED", event(1, "Child", "CREATE_FAILED", "Template error: no Size", child))
    answer = fetch("web", Stacks((root,), denied={f"history {child}"}))

    assert codes(answer) == ["resource_failed"]
    assert answer["gaps"] == ["nested stack web-child: AWS did not allow history."]


def test_names_that_may_not_be_listed_leave_the_missing_stack_missing() -> None:
    answer = fetch("web", Stacks(denied={"names", "deleted_id"}))

    assert answer["stack_exists"] is False
    assert len(answer["gaps"]) == 2


def test_what_could_not_be_read_of_a_stack_is_a_gap() -> None:
    answer = fetch("web", Stacks((stack("web", "UPDATE_COMPLETE", unread=("events: denied",)),)))

    assert answer["gaps"] == ["events: denied"]
    assert "not everything could be read" in answer["message"]


def test_resources_and_events_keep_the_names_that_cloudformation_gives_their_members() -> None:
    resource = StackResource("Role", "web-role", "AWS::IAM::Role", "CREATE_FAILED", "no", START)
    hook = StackEvent(START, "Role", "", "AWS::IAM::Role", "HOOK_FAILED", "rejected", kind="hook", check="Team::Hook")
    answer = fetch("web", Stacks((stack("web", "CREATE_FAILED", hook, resources=(resource,)),)))

    assert answer["resources"] == [
        {
            "LogicalResourceId": "Role",
            "PhysicalResourceId": "web-role",
            "ResourceType": "AWS::IAM::Role",
            "ResourceStatus": "CREATE_FAILED",
            "ResourceStatusReason": "no",
            "LastUpdatedTimestamp": START.isoformat(),
        }
    ]
    assert answer["raw_events"][0]["HookStatusReason"] == "rejected"
    assert answer["raw_events"][0]["HookType"] == "Team::Hook"


def test_with_closed_gates_a_failed_stack_still_says_why() -> None:
    service = "AWS::ECS::ExpressGatewayService"
    reason = (
        'Resource handler returned message: "Invalid request provided: The role web-exec cannot be assumed by '
        "'some text of a user'\" (RequestToken: 3b0c9f4e-0000-4000-8000-5f3d1c2b7a90, HandlerErrorCode: InvalidRequest)"
    )
    failed = replace(event(2, "Service", "CREATE_FAILED", reason), resource_type=service)
    answer = fetch("web", Stacks((stack("web", "ROLLBACK_COMPLETE", failed),)))
    told = redact_response(answer, RedactionPolicy(False, str))
    for where in (told["findings"][0]["evidence"], told["failure_reasons"], told["raw_events"]):
        assert "The role web-exec cannot be assumed by" in str(where)
        assert "text of a user" not in str(where)
    custom = replace(failed, resource_type="Custom::Seeder")
    told = redact_response(
        fetch("web", Stacks((stack("web", "ROLLBACK_COMPLETE", custom),))), RedactionPolicy(False, str)
    )
    assert "cannot be assumed" not in str(told)
