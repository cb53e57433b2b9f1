"""What somebody removed from an app by other means is shown by the plan, and brought back by the deployment."""

import json
from typing import Any

import pytest

from expressway.cloudformation.change_set import ChangeSet, ChangeSetChange
from expressway.cloudformation.stack import StackState
from expressway.errors import ServiceError
from expressway.plan.approval import unshown_changes
from expressway.plan.diff import PropertyChange, ResourceChange, StackChange
from expressway.plan.ports import AccountReads
from expressway.plan.preflight.existing_resources import find_removed
from tests.deploy.fakes import REPOSITORY, SERVICE, World, templates
from tests.deploy.test_approval import digest_of

RESOURCES = {
    "hello-repo": (REPOSITORY, "Repository"),
    "hello-ecr-push-pull-role": (REPOSITORY, "PushPullRole"),
    "/expressway/hello": (SERVICE, "LogGroup"),
}
"""Every resource of both stacks whose removal CloudFormation can mend, by its name."""
SETS = [{name} for name in RESOURCES] + [set(RESOURCES)]


def deployed() -> World:
    world = World()
    world.deploy()
    world.stacks.requests.clear()
    world.told.clear()
    return world


def ids(removed: set[str]) -> str:
    return "+".join(sorted(removed))


def test_every_named_resource_of_both_stacks_is_among_the_cases() -> None:
    named = [
        (template.stack_name, logical_id)
        for template in templates()
        for logical_id, resource in template.document["Resources"].items()
        if resource["Type"] != "AWS::ECS::ExpressGatewayService"
    ]
    assert sorted(RESOURCES.values()) == sorted(named)


@pytest.mark.parametrize("approved", [False, True])
@pytest.mark.parametrize("also_changes", [False, True])
@pytest.mark.parametrize("removed", SETS, ids=ids)
def test_what_was_removed_by_hand_is_planned_and_made_again(
    removed: set[str], also_changes: bool, approved: bool
) -> None:
    world = deployed()
    world.stacks.removed = set(removed)
    if also_changes:
        world.templates = templates(cpu="512")

    result = world.deploy(approved_plan=digest_of(world) if approved else None)

    assert result.status == "deployed"
    assert world.stacks.removed == set()
    reverting = {request.stack_name for request in world.stacks.requests if request.reverts_drift}
    assert reverting == {RESOURCES[name][0] for name in removed}
    assert world.deploy().status == "unchanged"


def test_a_plan_that_makes_something_again_has_another_digest_than_one_that_changes_nothing() -> None:
    world = deployed()
    before = digest_of(world)
    world.stacks.removed = {"hello-repo"}
    assert digest_of(world) != before


def test_a_removed_service_is_told_with_the_commands_that_bring_it_back() -> None:
    world = deployed()
    world.account.deleted = {"hello"}
    with pytest.raises(ServiceError) as failure:
        world.deploy()
    assert failure.value.code == "service_missing"
    assert "expressway delete hello" in failure.value.hint
    assert "expressway deploy" in failure.value.hint


@pytest.mark.parametrize("name", RESOURCES)
def test_what_may_not_be_looked_at_is_not_called_removed(name: str) -> None:
    world = deployed()
    world.account.denied = {name}
    result = world.deploy()
    assert result.status == "unchanged"
    assert any(name in warning and "could not be verified" in warning for warning in result.warnings)


def test_an_image_that_was_removed_by_hand_is_built_and_pushed_again() -> None:
    world = deployed()
    world.images.published.clear()
    assert world.deploy().status == "unchanged"
    assert world.images.pushes == ["content-1", "content-1"]


# -- the policies of a role ---------------------------------------------------------------------------------------
AWS_MANAGED = {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam::aws:policy/service-role/Execution"]]}


def role(**properties: Any) -> StackState:
    body = {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r", **properties}}}}
    return StackState(SERVICE, "id", "UPDATE_COMPLETE", owner_app="hello", template=json.dumps(body))


class Roles:
    def __init__(self, *names: str) -> None:
        self.names = names

    def policy_names(self, role_name: str) -> frozenset[str]:
        assert role_name == "r"
        return frozenset(self.names)


@pytest.mark.parametrize(
    ("properties", "has", "lost"),
    [
        ({}, (), None),
        ({"Policies": [{"PolicyName": "Secrets"}]}, ("Secrets",), None),
        ({"Policies": [{"PolicyName": "Secrets"}]}, (), ("Secrets",)),
        ({"Policies": [{"PolicyName": "Secrets"}, {"PolicyName": "Logs"}]}, ("Logs", "More"), ("Secrets",)),
        ({"ManagedPolicyArns": [AWS_MANAGED]}, ("Execution",), None),
        ({"ManagedPolicyArns": [AWS_MANAGED]}, (), ("Execution",)),
        ({"ManagedPolicyArns": [{"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/X"}]}, (), ("X",)),
        ({"ManagedPolicyArns": [{"Fn::GetAtt": ["Policy", "Arn"]}]}, (), None),
        ({"ManagedPolicyArns": [AWS_MANAGED, {"Ref": "Mine"}]}, ("Execution", "shop-Mine-1X2Y"), None),
        ({"ManagedPolicyArns": [AWS_MANAGED, {"Ref": "Mine"}]}, ("Execution", "cut-off-name"), None),
        ({"ManagedPolicyArns": [AWS_MANAGED, {"Ref": "Mine"}]}, ("Execution",), ("Mine",)),
        ({"ManagedPolicyArns": [{"Ref": "Mine1"}, {"Ref": "Mine2"}]}, ("shop-Mine2-1X",), ("Mine1",)),
        ({"Policies": [{"PolicyName": {"Ref": "Name"}}]}, (), None),
    ],
)
def test_a_role_that_lost_policies_is_mended(
    properties: dict[str, Any], has: tuple[str, ...], lost: tuple[str, ...] | None
) -> None:
    def unasked() -> Any:
        raise AssertionError("only roles are asked for")

    account = AccountReads(unasked, lambda: Roles(*has), unasked, unasked)  # type: ignore[arg-type]
    found = find_removed([role(**properties), None], account=account, progress=lambda _: None)
    restored = tuple(PropertyChange(f"Policies.{name}", None, "(as the template says)") for name in lost or ())
    expected = {} if lost is None else {SERVICE: [ResourceChange("restore", "Role", "AWS::IAM::Role", restored)]}
    assert found == expected


def test_a_stack_that_is_not_settled_is_not_judged() -> None:
    stack = StackState(SERVICE, "id", "UPDATE_IN_PROGRESS", template=role().template)
    assert find_removed([stack], account=None, progress=lambda _: None) == {}  # type: ignore[arg-type]


# -- what is shown and held -------------------------------------------------------------------------------------
def test_bringing_back_merges_with_what_changes_anyhow_and_never_with_what_goes() -> None:
    change = StackChange(
        SERVICE,
        False,
        (
            ResourceChange("update", "A", "T"),
            ResourceChange("delete", "B", "T"),
            ResourceChange("replace", "C", "T"),
        ),
    )
    lost = [ResourceChange("restore", name, "T") for name in "ABCD"]
    merged = change.restoring(lost)
    assert [(one.logical_id, one.action) for one in merged.resources] == [
        ("A", "restore"),
        ("B", "delete"),
        ("C", "restore"),
        ("D", "restore"),
    ]
    assert change.restoring([]) is change


@pytest.mark.parametrize(
    ("action", "unshown"),
    [("Add", ()), ("Modify", ()), ("SyncWithActual", ()), ("Remove", ("A (remove)",))],
)
def test_a_change_set_that_brings_back_what_was_shown_is_what_was_shown(action: str, unshown: tuple[str, ...]) -> None:
    made = ChangeSetChange(action, "A", "", "T", "False", "")
    change_set = ChangeSet("n", "id", SERVICE, "s", "CREATE_COMPLETE", "AVAILABLE", "", False, (made,))
    shown = StackChange(SERVICE, False, (ResourceChange("restore", "A", "T"),))
    assert unshown_changes(shown, change_set) == unshown
