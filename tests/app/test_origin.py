"""Two folders that deploy an app of one name do not undo each other unsaid."""

import json

import pytest

from expressway.app.origin import Origin, make_origin, origin_of, origin_parameter, without_origin
from expressway.cloudformation.stack import StackState
from expressway.errors import RefusedError
from tests.deploy.fakes import REPOSITORY, SERVICE, World, templates
from tests.deploy.test_deploy import digest_of_plan

MINE = make_origin(path="/home/me/shop", remote="github.com/acme/shop", place="", by="me")
CI = make_origin(path="/builds/7/shop", remote="github.com/acme/shop", place="", by="ci")
OTHER = make_origin(path="/home/you/shop", remote="", place="", by="you")
HOSTILE = make_origin(path="/x/\x1b[31mshop\udcff\n", remote="", place="")
OTHERS = [OTHER, HOSTILE, make_origin(path="/x/shop", remote="github.com/you/shop", place="")]


def deployed(origin: Origin | None = MINE) -> World:
    world = World()
    world.deploy(origin=origin)
    world.told.clear()
    return world


def remembered(world: World) -> set[Origin | None]:
    return {origin_of(world.stacks.stacks[name]) for name in (REPOSITORY, SERVICE)}


def test_both_stacks_remember_where_they_were_deployed_from() -> None:
    assert remembered(deployed()) == {MINE}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("changes", [False, True])
def test_another_place_is_told_who_deployed_from_where_and_changes_nothing(other: Origin, changes: bool) -> None:
    world = deployed()
    before = dict(world.stacks.stacks)
    if changes:
        world.templates = templates(cpu="512")
    with pytest.raises(RefusedError) as refusal:
        world.deploy(origin=other)
    assert refusal.value.code == "deployed_from_elsewhere"
    assert "github.com/acme/shop" in refusal.value.message
    assert "me" in refusal.value.message
    assert other.hint in refusal.value.message
    assert "--adopt" in refusal.value.hint
    assert "/home" not in str(refusal.value.to_dict())
    assert world.stacks.stacks == before


def test_a_place_that_adopts_the_app_is_where_it_is_deployed_from_then_on() -> None:
    world = deployed()
    world.templates = templates(cpu="512")
    assert world.deploy(origin=OTHER, adopt=True).status == "deployed"
    assert world.deploy(origin=OTHER).status == "unchanged"


def test_adopting_an_app_that_needs_no_change_tells_that_it_is_not_remembered_and_when_it_will_be() -> None:
    world = deployed()
    (warning,) = world.deploy(origin=OTHER, adopt=True).warnings
    assert "needed no change" in warning
    assert "github.com/acme/shop" in warning
    assert "--adopt" in warning
    assert remembered(world) == {MINE}
    world.termination_protection = True
    assert world.deploy(origin=OTHER, adopt=True).warnings == (warning,)
    world.templates = templates(cpu="512")
    assert not world.deploy(origin=OTHER, adopt=True).warnings
    assert not world.deploy(origin=OTHER, adopt=True).warnings
    assert not world.deploy(origin=OTHER).warnings


def test_another_checkout_of_the_same_repository_is_the_same_place_and_plans_the_same() -> None:
    world = deployed()
    assert world.deploy(origin=CI).status == "unchanged"
    assert world.stacks.requests
    world.templates = templates(cpu="512")
    mine = digest_of_plan(world)
    assert world.deploy(origin=CI, approved_plan=mine).status == "deployed"
    assert world.deploy(origin=MINE).status == "unchanged"


def test_an_app_from_before_origins_were_remembered_is_taken_over_and_that_is_told_once() -> None:
    world = deployed(None)
    assert world.deploy(origin=MINE).status == "unchanged"
    assert remembered(world) == {None}
    world.templates = templates(cpu="512")
    assert world.deploy(origin=MINE).status == "deployed"
    noted = [one.message for one in world.told if "from now on" in one.message]
    assert len(noted) == 1
    assert origin_of(world.stacks.stacks[SERVICE]) == MINE


def test_what_knows_no_place_keeps_what_is_remembered() -> None:
    world = deployed()
    world.templates = templates(cpu="512")
    world.deploy(origin=None)
    assert remembered(world) == {MINE}


def test_a_folder_of_any_name_can_deploy_and_its_name_is_a_quotation() -> None:
    world = deployed(None)
    world.templates = templates(cpu="512")
    assert world.deploy(origin=HOSTILE).status == "deployed"
    assert origin_of(world.stacks.stacks[SERVICE]) == HOSTILE
    assert any("⟪shop⟫ from now on" in one.message for one in world.told)
    with pytest.raises(RefusedError) as refusal:
        world.deploy(origin=OTHER)
    assert refusal.value.details["this_origin"] == "⟪shop⟫"


def test_an_origin_is_in_no_template_that_is_sent() -> None:
    world = deployed()
    sent = {request.template_body for request in world.stacks.requests}
    assert sent == {template.sent_body for template in templates()}


# -- in parameters ----------------------------------------------------------------------------------------------
def stack(value: str) -> StackState:
    return StackState("s", "id", "CREATE_COMPLETE", parameters={"Origin": value, "ImageUri": "x"})


def test_an_origin_is_read_as_it_was_written_and_compared_with_nothing() -> None:
    document = {"Parameters": {"Origin": {"Type": "String", "Default": ""}}}
    for origin in (MINE, CI, *OTHERS):
        written = origin_parameter(document, origin)
        assert origin_of(stack(written["Origin"])) == origin
        assert without_origin({**written, "ImageUri": "x"}) == {"ImageUri": "x"}
    assert origin_parameter(document, None) == {}
    assert origin_parameter({"Resources": {}}, MINE) == {}


def test_the_longest_origin_fits_into_the_parameter() -> None:
    longest = make_origin(path="/x", remote='"' * 500, place="\\" * 500, by="\\" * 500)
    for template in templates():
        declared = template.document["Parameters"]["Origin"]
        assert len(origin_parameter(template.document, longest)["Origin"]) <= declared["MaxLength"]


@pytest.mark.parametrize("value", ["", "x", "7", "[]", "{}", "[" * 100_000, '{"Remote": 7, "Folder": null}'])
def test_what_others_wrote_into_the_parameter_is_bounded(value: str) -> None:
    found = origin_of(stack(value))
    assert found is None or found == Origin("", "", "")


def test_a_long_hint_of_others_is_cut() -> None:
    found = origin_of(stack(json.dumps({"Hint": "x" * 9999})))
    assert found is not None
    assert len(found.hint) == 120
