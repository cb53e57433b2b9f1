"""What was approved holds for what was shown: the same change, whichever digest its image gets, and no more."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.cloudformation.change_set import ChangeSet, ChangeSetChange, ChangeSetDetail
from expressway.plan.approval import approved_changes, differences, is_approved, unshown_changes
from expressway.plan.diff import PropertyChange, ResourceChange, StackChange, compare_templates

TYPE = "AWS::ECS::ExpressGatewayService"


def service(**properties: object) -> dict[str, object]:
    return {"Resources": {"Service": {"Type": TYPE, "Properties": properties}}}


def change(before: dict[str, object], after: dict[str, object], *images: str) -> StackChange:
    old, new = images or ("a", "a")
    container = {"PrimaryContainer": {"Image": {"Ref": "ImageUri"}}}
    return compare_templates(
        "stack",
        before=service(**container, **before),
        after=service(**container, **after),
        parameters_before={"ImageUri": old},
        parameters_after={"ImageUri": new},
    )


SHOWN = change({"Cpu": "256"}, {"Cpu": "512"}, "a", "(built from this folder, tag t)")
APPROVAL = json.loads(json.dumps(approved_changes([SHOWN])))


def test_the_digest_that_the_build_gives_is_no_other_change() -> None:
    built = change({"Cpu": "256"}, {"Cpu": "512"}, "a", "repo@sha256:1")
    assert is_approved(built, APPROVAL)
    assert differences(SHOWN, built) == ()


def test_an_image_that_turns_out_to_run_already_is_no_other_change() -> None:
    built = change({"Cpu": "256"}, {"Cpu": "512"}, "a", "a")
    assert is_approved(built, APPROVAL)
    assert differences(SHOWN, built) == ()


def test_an_image_that_is_to_change_and_was_not_shown_to_is_another_change() -> None:
    shown = change({"Cpu": "256"}, {"Cpu": "512"}, "a", "a")
    assert differences(shown, change({"Cpu": "256"}, {"Cpu": "512"}, "theirs", "a")) == ("parameter ImageUri",)


def test_what_is_done_already_is_approved() -> None:
    assert is_approved(change({"Cpu": "512"}, {"Cpu": "512"}), APPROVAL)
    assert is_approved(StackChange("another", is_new=False), {})


@pytest.mark.parametrize(
    ("now", "named"),
    [
        (change({"Cpu": "1024"}, {"Cpu": "512"}, "a", "b"), ("Service.Cpu",)),
        (change({"Cpu": "512"}, {"Cpu": "512"}, "a", "b"), ("Service.Cpu",)),
        (change({"Cpu": "256", "Memory": "1"}, {"Cpu": "512", "Memory": "2"}, "a", "b"), ("Service.Memory",)),
        (change({"Cpu": "256"}, {"Cpu": "512"}, "theirs", "b"), ("parameter ImageUri",)),
        (replace(SHOWN, is_new=True), ("the whole stack, which was deleted",)),
        (replace(SHOWN, outputs=(PropertyChange("Url", "a", "b"),)), ("output Url",)),
        (replace(SHOWN, settings=(PropertyChange("Description", "a", "b"),)), ("setting Description",)),
        (
            replace(SHOWN, resources=(*SHOWN.resources, ResourceChange("delete", "Group", "T"))),
            ("Group (delete)",),
        ),
    ],
)
def test_anything_else_is_not_approved_and_is_named(now: StackChange, named: tuple[str, ...]) -> None:
    assert not is_approved(now, APPROVAL)
    assert differences(SHOWN, now) == named


CPU = st.sampled_from(["256", "512", "1024"])
IMAGE = st.sampled_from(["a", "b", "c"])
STATES = st.tuples(CPU, CPU, IMAGE)


@given(STATES, STATES, st.tuples(CPU, CPU), IMAGE)
def test_approved_is_just_what_replaces_what_was_shown_to_be_replaced(
    then: tuple[str, str, str], now: tuple[str, str, str], wanted: tuple[str, str], built: str
) -> None:
    def to_wanted(state: tuple[str, str, str], image: str) -> StackChange:
        before, after = ({"Cpu": cpu, "Memory": memory} for cpu, memory in (state[:2], wanted))
        return change(before, after, state[2], image)

    shown, real = to_wanted(then, "(built)"), to_wanted(now, built)
    same_settings = then[:2] == now[:2]
    same_image = then[2] == now[2] or now[2] == built
    nothing_to_do = now == (*wanted, built)
    assert is_approved(real, approved_changes([shown])) == (nothing_to_do or (same_settings and same_image))
    assert is_approved(real, approved_changes([shown])) or differences(shown, real)


# -- change sets ----------------------------------------------------------------------------------------------
ROLE = ResourceChange("update", "Role", "AWS::IAM::Role", (PropertyChange("Policies[0].PolicyDocument", 1, 2),))
ENVIRONMENT = PropertyChange("PrimaryContainer.Environment.MODE.Value", "a", "b")
PLANNED = replace(
    SHOWN,
    resources=(
        ROLE,
        replace(SHOWN.resources[0], properties=(*SHOWN.resources[0].properties, ENVIRONMENT)),
        ResourceChange("create", "Group", "AWS::Logs::LogGroup"),
        ResourceChange("import", "Kept", "AWS::Logs::LogGroup"),
        ResourceChange("delete", "Topic", "AWS::SNS::Topic"),
        ResourceChange("update", "Marked", "T", (PropertyChange("@Metadata", None, {"a": 1}),)),
    ),
)


def modify(logical_id: str, *details: ChangeSetDetail, replacement: str = "False") -> ChangeSetChange:
    return ChangeSetChange("Modify", logical_id, "id", "T", replacement, "", details)


def act(action: str, logical_id: str) -> ChangeSetChange:
    return ChangeSetChange(action, logical_id, "", "T", "False", "")


def detail(path: str, **more: str) -> ChangeSetDetail:
    return ChangeSetDetail(path, None, None, more.pop("recreation", "Never"), **more)


def unshown(*changes: ChangeSetChange) -> tuple[str, ...]:
    made = ChangeSet("n", "id", "stack", "stack-id", "CREATE_COMPLETE", "AVAILABLE", "", False, changes)
    return unshown_changes(PLANNED, made)


@pytest.mark.parametrize(
    "shown",
    [
        modify("Service", detail("/Properties/Cpu")),
        modify("Service", detail("/Properties/PrimaryContainer/Environment/0/Value")),
        modify("Service", detail("/Properties/PrimaryContainer")),
        modify("Service", detail("/Properties/PrimaryContainer/Image")),
        modify("Service", detail("/Properties/Anything", parameter="ImageUri")),
        modify("Service", detail("/Properties/InfrastructureRoleArn", follows="Role")),
        modify("Service", detail("/Properties")),
        modify("Other", detail("/Properties/RoleArn", follows="Role")),
        modify("Other", detail("/Properties/Image", parameter="ImageUri")),
        modify("Role", detail("/Properties/Policies/0/PolicyDocument/Statement/1/Action")),
        modify("Marked", detail("/Metadata/aws:cdk:path")),
        act("Add", "Group"),
        act("Import", "Kept"),
        act("Remove", "Topic"),
        modify(
            "Service", detail("/Properties/RoleArn", follows="Role", recreation="Always"), replacement="Conditional"
        ),
    ],
)
def test_a_change_set_may_do_what_was_shown_and_what_follows_of_it(shown: ChangeSetChange) -> None:
    assert unshown(shown) == ()


def test_consequences_of_consequences_follow_too() -> None:
    first = modify("Middle", detail("/Properties/RoleArn", follows="Role"))
    second = modify("Last", detail("/Properties/Arn", follows="Middle"))
    assert unshown(second, first) == ()
    assert unshown(second) == ("Last (modify)",)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (modify("Service", detail("/Properties/Cpu"), detail("/Properties/Memory")), ("Service.Memory",)),
        (modify("Service", detail("/Properties/CpuArchitecture")), ("Service.CpuArchitecture",)),
        (modify("Service", detail("/Properties/PrimaryContainer/Command/0")), ("Service.PrimaryContainer.Command",)),
        (modify("Service", detail("/Tags")), ("Service.Tags",)),
        (modify("Service", detail("/DeletionPolicy")), ("Service.@DeletionPolicy",)),
        (modify("Service", detail("/Properties/Cpu", recreation="Always"), replacement="True"), ("Service (replace)",)),
        (
            modify("Other", detail("/Properties/A", parameter="ImageUri", recreation="Always"), replacement="True"),
            ("Other (replace)",),
        ),
        (modify("Other", detail("/Properties/A", follows="Stranger")), ("Other (modify)",)),
        (modify("Other", detail("/Properties/A", follows="Role"), detail("/Properties/B")), ("Other (modify)",)),
        (modify("Other"), ("Other (modify)",)),
        (act("Remove", "Service"), ("Service (remove)",)),
        (act("Import", "Group"), ("Group (import)",)),
        (act("Add", "Kept"), ("Kept (add)",)),
        (act("Add", "New"), ("New (add)",)),
        (act("Dynamic", "Service"), ("Service (dynamic)",)),
    ],
)
def test_anything_more_is_named(more: ChangeSetChange, named: tuple[str, ...]) -> None:
    assert unshown(act("Add", "Group"), more) == named


def parameters(**values: str) -> StackChange:
    return StackChange("s", False, parameters=tuple(PropertyChange(name, "old", text) for name, text in values.items()))


@pytest.mark.parametrize(
    ("shown", "now", "approved"),
    [
        ({"ImageUri": "one"}, {"ImageUri": "two"}, True),
        ({"ImageUri": "one", "PusherArn": "a"}, {"ImageUri": "two", "PusherArn": "a"}, True),
        ({"PusherArn": "a"}, {"PusherArn": "b"}, False),
        ({"ImageUri": "one"}, {"PusherArn": "b"}, False),
        ({"ImageUri": "one"}, {"ImageUri": "one", "PusherArn": "b"}, False),
        ({"ImageUri": "one", "PusherArn": "a"}, {"ImageUri": "one"}, False),
    ],
)
def test_of_all_parameters_the_image_alone_may_become_another_than_was_shown(
    shown: dict[str, str], now: dict[str, str], approved: bool
) -> None:
    assert is_approved(parameters(**now), approved_changes([parameters(**shown)])) is approved
