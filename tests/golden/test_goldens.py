"""Goldens: each definition gives exactly the templates that are kept beside it, and no linter minds them."""

from collections.abc import Iterator

import pytest

from expressway.adapters.linters import TemplateLinter
from expressway.adapters.synthesizer import Synthesizer
from expressway.model.definition import AppDefinition, parse_definition_text
from expressway.model.stack import owner_of
from tests.golden.regenerate import FOLDER, NAMES, definition_text, template_files


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
def test_the_templates_are_those_that_are_kept(name: str, synthesizer: Synthesizer) -> None:
    files = template_files(name, synthesizer.synthesize(golden(name)))
    kept = {path: path.read_text(encoding="utf-8") for path in (FOLDER / "templates" / name).glob("*.json")}
    assert files == kept, "if the change is meant: python -m tests.golden.regenerate"


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
        assert set(document.get("Parameters", {})) <= {"PusherArn", "PusherPermissionSet", "ImageUri"}
        assert "Rules" not in document
        assert owner_of(document) == name
        assert document["Description"]
        types = {resource["Type"] for resource in document["Resources"].values()}
        assert "AWS::CDK::Metadata" not in types
        assert not any(type_name.startswith("Custom::") or "Lambda" in type_name for type_name in types)
        assert len(template.body.encode()) <= 51_200
