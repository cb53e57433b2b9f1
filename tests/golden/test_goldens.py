"""Goldens: each definition gives exactly the templates and plans that are kept beside it; no linter minds them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from expressway.app.definition import AppDefinition
from expressway.app.parse import parse_definition_text
from expressway.cloudformation.stack import owner_of
from expressway.synth.lint.linter import TemplateLinter
from expressway.synth.synthesizer import Synthesizer
from tests.golden.plans import FOLDER, changed_definition
from tests.golden.regenerate import NAMES, definition_text, golden_files, kept_files

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def synthesizer() -> Iterator[Synthesizer]:
    with Synthesizer() as shared:
        yield shared


@pytest.fixture(scope="module")
def linter() -> TemplateLinter:
    return TemplateLinter()


def golden(name: str) -> AppDefinition:
    return parse_definition_text(definition_text(name))


def test_there_is_a_definition_for_each_kind_of_app() -> None:
    assert {"minimal", "full", "ready-image", "custom-task", "own-roles", "kms"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_templates_and_plans_are_those_that_are_kept(name: str, synthesizer: Synthesizer) -> None:
    assert golden_files(name, synthesizer) == kept_files(name), "if the change is meant: make goldens"


def kept_plan(name: str, when: str) -> dict[str, Any]:
    return json.loads((FOLDER / "plans" / name / f"{when}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_a_first_deployment_makes_everything_a_second_nothing_and_a_change_something(name: str) -> None:
    first, again, change = (kept_plan(name, when) for when in ("first", "again", "change"))
    assert {stack["change"] for stack in first["stacks"]} == {"create"}
    assert again["nothing_to_do"] is True
    assert change["nothing_to_do"] is False
    assert changed_definition(name) != golden(name)
    assert len({each["plan_digest"] for each in (first, again, change)}) == 3


def test_the_kept_plans_show_an_update_and_both_kinds_of_replacement() -> None:
    actions = {
        name: {
            (resource["logical_id"], resource["action"])
            for stack in kept_plan(name, "change")["stacks"]
            for resource in stack.get("resources", [])
        }
        for name in NAMES
    }
    assert actions["minimal"] == {("Service", "update")}
    assert ("Service", "replace") in actions["own-roles"]
    assert ("Repository", "replace") in actions["kms"]


@pytest.mark.parametrize("name", NAMES)
def test_no_linter_minds_the_templates_in_any_region_of_the_definition(
    name: str, synthesizer: Synthesizer, linter: TemplateLinter
) -> None:
    definition = golden(name)
    assert linter(synthesizer.synthesize(definition), definition.regions) == ()


@pytest.mark.parametrize("name", NAMES)
def test_every_template_needs_no_bootstrap_carries_our_mark_and_fits_in_one_call(
    name: str, synthesizer: Synthesizer
) -> None:
    for template in synthesizer.synthesize(golden(name)):
        document = template.document
        assert set(document.get("Parameters", {})) <= {"PusherArn", "PusherPermissionSet", "ImageUri", "Origin"}
        assert "Rules" not in document
        assert owner_of(document) == name
        assert document["Description"]
        types = {resource["Type"] for resource in document["Resources"].values()}
        assert "AWS::CDK::Metadata" not in types
        assert not any(type_name.startswith("Custom::") or "Lambda" in type_name for type_name in types)
        assert len(template.body.encode()) <= 51_200
