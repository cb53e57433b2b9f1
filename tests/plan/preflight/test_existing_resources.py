"""A name that something else has is found before anything is changed; what an app left behind can be taken over."""

import json
from dataclasses import replace

import pytest

from expressway.cloudformation.change_set import ChangeSetRequest
from expressway.cloudformation.stack import StackState
from expressway.errors import ExpresswayError, RefusedError, ServiceError
from tests.deploy.fakes import REPOSITORY, SERVICE, World, templates

KEPT = {"hello-repo", "/expressway/hello"}


def world(*names: str, deletion_policy: str = "Retain") -> World:
    app = World(templates=templates(deletion_policy=deletion_policy))
    app.account.names = set(names)
    return app


def refused(app: World, **options: object) -> ExpresswayError:
    with pytest.raises(ExpresswayError) as refusal:
        app.deploy(**options)
    assert app.stacks.calls == []
    assert app.stacks.stacks == {}
    assert app.images.pushes == []
    return refusal.value


def requests(app: World) -> dict[str, ChangeSetRequest]:
    return {request.stack_name: request for request in app.stacks.requests}


@pytest.mark.parametrize(
    ("name", "phrase"),
    [
        ("hello-repo", "repository hello-repo"),
        ("hello-ecr-push-pull-role", "role hello-ecr-push-pull-role"),
        ("/expressway/hello", "log group /expressway/hello"),
        ("hello", "service hello"),
    ],
)
def test_a_taken_name_is_refused_before_anything_is_changed(name: str, phrase: str) -> None:
    error = refused(world(name))
    assert isinstance(error, RefusedError)
    assert error.code == "name_taken"
    assert phrase in error.message
    assert [one["name"] for one in error.details["resources"]] == [name]


def test_every_taken_name_is_told_at_once() -> None:
    error = refused(world(*KEPT, "hello-ecr-push-pull-role"))
    assert {one["name"] for one in error.details["resources"]} == {*KEPT, "hello-ecr-push-pull-role"}


def test_what_a_deletion_has_kept_is_named_with_the_way_to_take_it_over() -> None:
    error = refused(world(*KEPT))
    assert "--adopt" in error.hint
    assert all(one["can_be_adopted"] for one in error.details["resources"])


def test_what_a_deletion_has_kept_is_taken_over_when_asked_for() -> None:
    app = world(*KEPT)
    assert app.deploy(adopt=True).stacks == {REPOSITORY: "created", SERVICE: "created"}
    assert {name: request.imports_existing for name, request in requests(app).items()} == {
        REPOSITORY: True,
        SERVICE: True,
    }


def test_adopting_takes_over_only_where_something_is_there() -> None:
    app = world("hello-repo")
    app.deploy(adopt=True)
    assert {name: request.imports_existing for name, request in requests(app).items()} == {
        REPOSITORY: True,
        SERVICE: False,
    }


def test_what_the_stack_would_delete_again_is_not_taken_over() -> None:
    error = refused(world(*KEPT, deletion_policy="Delete"), adopt=True)
    assert error.code == "name_taken"
    assert "removal_policy: retain" in error.hint


@pytest.mark.parametrize("name", ["hello-ecr-push-pull-role", "hello"])
def test_roles_and_services_are_never_taken_over(name: str) -> None:
    error = refused(world(name, *KEPT), adopt=True)
    assert [one["name"] for one in error.details["resources"]] == [name]
    assert "cannot be taken over" in error.hint


def test_a_plan_tells_what_would_be_taken_over_and_its_approval_holds() -> None:
    app = world(*KEPT)
    shown = refused(app, adopt=True, approved_plan="x").details["current"]
    assert shown != refused(world(), adopt=True, approved_plan="x").details["current"]
    assert app.deploy(adopt=True, approved_plan=shown).status == "deployed"


def test_what_a_standing_stack_holds_is_looked_for_once_and_is_not_in_its_way() -> None:
    app = world()
    app.deploy()
    app.account.asked.clear()
    app.account.names = {*KEPT, "hello-ecr-push-pull-role"}
    assert app.deploy().status == "unchanged"
    held = ["/expressway/hello", "hello", "hello-ecr-push-pull-role", "hello-repo"]
    assert sorted(app.account.asked) == held


def test_a_name_that_may_not_be_looked_up_is_a_warning_and_left_to_cloudformation() -> None:
    app = world()
    app.account.denied = {"hello-ecr-push-pull-role"}
    assert app.deploy().status == "deployed"
    warnings = [one.message for one in app.told if one.level == "warning"]
    assert len(warnings) == 1
    assert "role hello-ecr-push-pull-role already could not be verified" in warnings[0]


def test_a_service_that_was_deleted_by_other_means_is_noticed_although_no_stack_changed() -> None:
    app = world()
    app.deploy()
    app.account.deleted = {"hello"}
    app.stacks.calls.clear()
    with pytest.raises(ServiceError) as error:
        app.deploy()
    assert error.value.code == "service_missing"
    assert "expressway delete hello, then expressway deploy" in str(error.value)
    assert app.stacks.calls == []


def test_a_service_that_may_not_be_looked_at_counts_as_there() -> None:
    app = world()
    app.deploy()
    app.account.denied = {"hello"}
    assert app.deploy().status == "unchanged"
    assert [one.level for one in app.told if "could not be verified" in one.message] == ["warning"]


FOREIGN = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})


def beside_a_foreign_stack(*names: str, template: str = FOREIGN) -> World:
    """An app that was never deployed, and somebody's stack that has the name of its service stack."""
    app = world(*names)
    app.stacks.stacks[SERVICE] = StackState(SERVICE, f"arn:aws:stack/{SERVICE}/1", "CREATE_COMPLETE", template=template)
    return app


def test_adopting_a_stack_that_never_had_a_service_makes_one() -> None:
    app = beside_a_foreign_stack()
    assert app.deploy(adopt=True).stacks == {REPOSITORY: "created", SERVICE: "updated"}
    assert app.stacks.stacks[SERVICE].owner_app == "hello"
    assert app.deploy().status == "unchanged"


@pytest.mark.parametrize("name", ["hello", "/expressway/hello"])
def test_a_name_that_an_adopted_stack_does_not_hold_is_refused(name: str) -> None:
    app = beside_a_foreign_stack(name)
    app.templates = templates()
    with pytest.raises(RefusedError) as refusal:
        app.deploy(adopt=True)
    assert refusal.value.code == "name_taken"
    assert [one["name"] for one in refusal.value.details["resources"]] == [name]
    assert app.stacks.calls == []


def test_what_a_deletion_has_kept_is_taken_over_into_an_adopted_stack() -> None:
    app = beside_a_foreign_stack("/expressway/hello")
    app.deploy(adopt=True)
    assert requests(app)[SERVICE].imports_existing


def test_a_service_that_a_foreign_stack_has_lost_is_told_with_a_way_out_that_is_open() -> None:
    app = beside_a_foreign_stack(template=templates().service.body)
    app.account.deleted = {"hello"}
    with pytest.raises(ServiceError) as error:
        app.deploy(adopt=True)
    assert error.value.code == "service_missing"
    assert f"Delete the stack {SERVICE} with the tool that made it" in error.value.hint
    assert app.stacks.calls == []


def test_a_resource_that_is_added_to_a_standing_stack_needs_a_free_name() -> None:
    app = world()
    app.deploy()
    document = json.loads(app.stacks.stacks[SERVICE].template)
    del document["Resources"]["LogGroup"]
    app.stacks.stacks[SERVICE] = replace(app.stacks.stacks[SERVICE], template=json.dumps(document))
    app.account.names = {*KEPT, "hello-ecr-push-pull-role"}
    with pytest.raises(RefusedError) as refusal:
        app.deploy()
    assert [one["name"] for one in refusal.value.details["resources"]] == ["/expressway/hello"]
