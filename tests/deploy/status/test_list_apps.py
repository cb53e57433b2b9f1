"""Apps are listed over several regions at once, and a region that fails hides no other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from expressway.cloudformation.stack import StackState
from expressway.deploy.status.list_apps import list_apps
from expressway.errors import TargetError


def stack(name: str, owner: str | None, status: str = "CREATE_COMPLETE", **outputs: str) -> StackState:
    return StackState(name, f"arn:{name}", status, owner_app=owner, outputs=outputs)


@dataclass
class Region:
    stacks: Mapping[str, StackState] = field(default_factory=dict[str, StackState])
    fails: TargetError | None = None

    def names(self) -> tuple[str, ...]:
        if self.fails:
            raise self.fails
        return tuple(self.stacks)

    def describe(self, stack_name: str) -> StackState | None:
        return self.stacks[stack_name]


def region(*stacks: StackState) -> Region:
    return Region({one.name: one for one in stacks})


def listed(**regions: Region) -> dict[str, Any]:
    return list_apps({name: lambda place=place: place for name, place in regions.items()}).to_dict()


def test_an_app_is_its_stacks_and_where_they_are() -> None:
    shop = (
        stack("shop-ecr-infrastructure", "shop"),
        stack("shop-express-service", "shop", "UPDATE_COMPLETE", Endpoint="shop.example.com"),
    )
    assert listed(here=region(*shop))["apps"] == [
        {
            "app_name": "shop",
            "region": "here",
            "stacks": {"shop-ecr-infrastructure": "CREATE_COMPLETE", "shop-express-service": "UPDATE_COMPLETE"},
            "endpoint": "shop.example.com",
        }
    ]


def test_a_stack_of_somebody_elses_is_no_app_whatever_its_name() -> None:
    others = (stack("shop-express-service", None), stack("network", "shop"))
    assert listed(here=region(*others))["apps"] == []


def test_regions_keep_their_order_and_each_its_apps() -> None:
    both = listed(
        b=region(stack("one-express-service", "one")),
        a=region(stack("two-express-service", "two"), stack("one-express-service", "one")),
    )
    assert [(app["region"], app["app_name"]) for app in both["apps"]] == [("b", "one"), ("a", "one"), ("a", "two")]
    assert both["regions"] == ["b", "a"]
    assert "failed_regions" not in both


def test_a_region_that_fails_is_named_and_hides_no_other() -> None:
    denied = TargetError("access_denied", "No permission.", "Grant it.")
    both = listed(closed=Region(fails=denied), open=region(stack("one-express-service", "one")))
    assert [app["app_name"] for app in both["apps"]] == ["one"]
    assert both["failed_regions"] == [
        {"region": "closed", "code": "access_denied", "message": "No permission.", "hint": "Grant it."}
    ]


def test_where_no_region_could_be_read_there_is_an_error_with_all_of_them() -> None:
    denied, lost = TargetError("access_denied", "No permission.", "Grant it."), TargetError("connection_failed", "No.")
    for places in ({"a": Region(fails=denied)}, {"a": Region(fails=denied), "b": Region(fails=lost)}):
        found = list_apps({name: lambda place=place: place for name, place in places.items()})
        with pytest.raises(TargetError) as caught:
            found.raise_unless_read()
        assert caught.value.code == "access_denied"
        told = [one["region"] for one in caught.value.details.get("failed_regions", [])]
        assert told == (["a", "b"] if len(places) > 1 else [])
    list_apps({"a": lambda: Region(fails=denied), "b": region}).raise_unless_read()


def test_a_stack_that_may_not_be_read_is_named_and_hides_no_app() -> None:
    place = region(stack("one-express-service", "one"), stack("two-express-service", "two"))
    describe = place.describe

    def refusing(stack_name: str) -> StackState | None:
        if stack_name.startswith("two"):
            raise TargetError("access_denied", "Not authorized: cloudformation:GetTemplate.", "Ask.")
        return describe(stack_name)

    place.describe = refusing  # type: ignore[method-assign]
    found = listed(here=place)
    assert [app["app_name"] for app in found["apps"]] == ["one"]
    assert "failed_regions" not in found
    assert found["unread_stacks"] == [
        {"region": "here", "stack": "two-express-service", "message": "Not authorized: cloudformation:GetTemplate."}
    ]
