"""Synthesizing an app: templates come out unless a linter finds an error."""

from collections.abc import Iterable, Sequence

import pytest

from expressway.app.definition import AppDefinition
from expressway.app.parse import parse_definition
from expressway.cloudformation.template import AppTemplates, Template
from expressway.core.progress import Progress
from expressway.errors import SynthesisError
from expressway.synth.lint.linter import LintFinding, Severity
from expressway.synth.synth import synth_app

APP = parse_definition({"name": "hello", "build": ".", "regions": ["eu-west-1", "us-east-1"]})
TEMPLATES = AppTemplates(Template("hello-ecr-infrastructure", "{}"), Template("hello-express-service", "{}"))


class Synthesizer:
    def synthesize(self, definition: AppDefinition) -> AppTemplates:
        assert definition.name == APP.name
        return TEMPLATES


class Linter:
    def __init__(self, *severities: Severity) -> None:
        self.asked: list[tuple[list[str], tuple[str, ...]]] = []
        self.findings = tuple(
            LintFinding("hello-express-service", "cfn-lint", severity, f"R{number}", "Resources/Service", "is odd")
            for number, severity in enumerate(severities)
        )

    def __call__(self, templates: Iterable[Template], regions: Sequence[str]) -> tuple[LintFinding, ...]:
        self.asked.append(([template.stack_name for template in templates], tuple(regions)))
        return self.findings


def test_the_templates_are_linted_for_the_regions_of_the_definition() -> None:
    linter = Linter()
    result = synth_app(APP, synthesize=Synthesizer().synthesize, linter=linter)
    assert (result.templates, result.findings) == (TEMPLATES, ())
    assert linter.asked == [(["hello-ecr-infrastructure", "hello-express-service"], ("eu-west-1", "us-east-1"))]


def test_warnings_are_handed_on() -> None:
    linter = Linter("warning", "info")
    assert synth_app(APP, synthesize=Synthesizer().synthesize, linter=linter).findings == linter.findings


def test_an_error_stops_with_every_finding_in_the_details() -> None:
    with pytest.raises(SynthesisError, match="R1 at Resources/Service: ⟪is odd⟫") as caught:
        synth_app(APP, synthesize=Synthesizer().synthesize, linter=Linter("warning", "error"))
    assert caught.value.code == "lint_errors"
    assert [finding["rule"] for finding in caught.value.details["findings"]] == ["R0", "R1"]


def test_without_a_linter_nothing_is_linted() -> None:
    assert synth_app(APP, synthesize=Synthesizer().synthesize, linter=None).findings == ()


def test_each_phase_tells_how_long_it_took() -> None:
    ticks = iter([1.0, 3.0, 10.0, 14.5])
    told: list[Progress] = []
    synth_app(
        APP, synthesize=Synthesizer().synthesize, linter=Linter("info"), progress=told.append, clock=lambda: next(ticks)
    )
    assert [(each.phase, each.elapsed_seconds) for each in told] == [("synth", 2.0), ("lint", 4.5)]
    assert told[1].message == "linted for eu-west-1, us-east-1: 1 finding"


def test_a_pseudo_parameter_is_passed_on_with_a_warning_that_names_its_path() -> None:
    variables = {"PLAIN": "${PORT} ${ImageUri}", "PLACE": "${AWS::Region}/${AWS::AccountId}/${AWS::Region}"}
    definition = parse_definition(
        {"name": "hello", "build": ".", "environment": variables, "command": ["run", "--in=${AWS::Region}"]}
    )
    told: list[Progress] = []
    result = synth_app(definition, synthesize=Synthesizer().synthesize, linter=None, progress=told.append)
    assert [warning.partition(" letter by letter")[0] for warning in result.warnings] == [
        "environment.PLACE: the container gets ${AWS::Region} and ${AWS::AccountId}",
        "command[1]: the container gets ${AWS::Region}",
    ]
    assert tuple(each.message for each in told if each.level == "warning") == result.warnings
