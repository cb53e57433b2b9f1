"""A plan's digest approves exactly this plan, and still what is left of it when a part is done."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.cloudformation.stack import EXPRESS_TYPE
from expressway.image.values import PlannedImage
from expressway.plan.diff import PropertyChange, ResourceChange, StackChange
from expressway.plan.plan import Plan

SERVICE = StackChange(
    "hello-express-service",
    is_new=False,
    resources=(ResourceChange("update", "Service", "AWS::ECS::X", (PropertyChange("Cpu", "256", "512"),)),),
    parameters=(PropertyChange("ImageUri", "old", "(built from this folder, tag content-1)"),),
)
REPOSITORY = StackChange("hello-ecr-infrastructure", is_new=True)
PLAN = Plan(
    "hello",
    "AWS account 111122223333, us-east-1",
    (REPOSITORY, SERVICE),
    PlannedImage("to_build", None, "content-1"),
    {"hello-ecr-infrastructure": "a", "hello-express-service": "b"},
)
UNCHANGED = (StackChange("hello-ecr-infrastructure", is_new=False), StackChange("hello-express-service", is_new=False))


def test_equal_plans_have_equal_digests() -> None:
    again = replace(PLAN, template_digests=dict(reversed(PLAN.template_digests.items())))
    assert again.digest == PLAN.digest
    assert len(PLAN.digest) == 16


def test_the_digest_is_a_contract_that_outlives_the_process() -> None:
    empty = Plan("hello", "target", (), None, {})
    assert empty.digest == "959d77a4e7087af6"


@pytest.mark.parametrize(
    "changed",
    [
        {"app_name": "other"},
        {"target": "AWS account 111122223333, eu-west-1"},
        {"stacks": (REPOSITORY,)},
        {"stacks": (REPOSITORY, replace(SERVICE, resources=()))},
        {"stacks": (SERVICE, REPOSITORY)},
        {"image": None},
        {"image": PlannedImage("to_build", None, "content-2")},
        {"template_digests": {"hello-ecr-infrastructure": "a", "hello-express-service": "c"}},
    ],
)
def test_whatever_differs_gives_another_digest(changed: dict[str, Any]) -> None:
    assert replace(PLAN, **changed).digest != PLAN.digest


@given(st.text(), st.text())
def test_digests_tell_values_apart(one: str, other: str) -> None:
    def digest(value: str) -> str:
        change = replace(SERVICE, parameters=(PropertyChange("Value", None, value),))
        return replace(PLAN, stacks=(change,)).digest

    assert (digest(one) == digest(other)) == (one == other)


def test_a_plan_warns_of_the_networks_that_ecs_may_keep() -> None:
    dropped = PropertyChange("NetworkConfiguration.Subnets", ["subnet-1"], None)
    change = ResourceChange("update", "Service", EXPRESS_TYPE, (dropped,))
    (warning,) = replace(PLAN, stacks=(replace(SERVICE, resources=(change,)),)).to_dict()["warnings"]
    assert warning.startswith("ECS may keep the subnets")
    assert "warnings" not in PLAN.to_dict()


def test_nothing_to_do_means_no_change_and_nothing_to_build() -> None:
    assert not PLAN.is_empty
    assert not replace(PLAN, stacks=UNCHANGED).is_empty
    assert replace(PLAN, stacks=UNCHANGED, image=PlannedImage("published", "repo@sha256:1", "content-1")).is_empty
    assert replace(PLAN, stacks=UNCHANGED, image=None).is_empty


def test_the_shape_for_faces_is_json_and_names_unchanged_stacks_shortly() -> None:
    shape = replace(PLAN, stacks=(*UNCHANGED[:1], SERVICE)).to_dict()
    assert json.loads(json.dumps(shape)) == shape
    assert shape["stacks"][0] == {"stack_name": "hello-ecr-infrastructure", "change": "none"}
    assert shape["stacks"][1]["resources"][0]["properties"] == [{"path": "Cpu", "before": "256", "after": "512"}]
    assert shape["image"] == {"state": "to_build", "tag": "content-1"}


def test_an_approval_survives_the_journal() -> None:
    approval = json.loads(json.dumps(PLAN.approval()))
    assert PLAN.continues(approval)
    assert approval["plan"] == PLAN.digest


@pytest.mark.parametrize(
    "left",
    [
        {"stacks": (UNCHANGED[0], SERVICE)},
        {
            "stacks": (UNCHANGED[0], replace(SERVICE, parameters=(PropertyChange("ImageUri", "old", "r@sha256:1"),))),
            "image": PlannedImage("published", "r@sha256:1", "content-1"),
        },
        {"stacks": UNCHANGED, "image": PlannedImage("published", "r@sha256:1", "content-1")},
    ],
)
def test_what_is_left_of_a_plan_continues_it(left: dict[str, Any]) -> None:
    assert replace(PLAN, **left).continues(PLAN.approval())


@pytest.mark.parametrize(
    "other",
    [
        {"image": PlannedImage("to_build", None, "content-2")},
        {"target": "AWS account 111122223333, eu-west-1"},
        {"template_digests": {"hello-ecr-infrastructure": "a", "hello-express-service": "c"}},
        {"stacks": (REPOSITORY, replace(SERVICE, resources=()))},
        {"stacks": (REPOSITORY, replace(SERVICE, is_new=True))},
    ],
)
def test_any_other_plan_does_not(other: dict[str, Any]) -> None:
    assert not replace(PLAN, **other).continues(PLAN.approval())


def test_protection_is_what_an_interrupted_deployment_has_left_to_switch() -> None:
    protected = replace(PLAN, stacks=tuple(each.protecting(before=False, after=True) for each in PLAN.stacks))
    left = replace(PLAN, stacks=tuple(each.protecting(before=False, after=True) for each in UNCHANGED))
    assert not left.is_empty
    assert left.continues(protected.approval())
    assert not left.continues(PLAN.approval())
    assert protected.digest != PLAN.digest


def test_approvals_from_before_protection_was_planned_still_hold() -> None:
    approval = {key: value for key, value in PLAN.approval().items() if key != "protection"}
    assert PLAN.continues(approval)
    assert replace(PLAN, stacks=UNCHANGED).continues(approval)


def test_protecting_as_it_stands_is_no_change() -> None:
    assert all(each.protecting(before=same, after=same) == each for each in PLAN.stacks for same in (True, False))
