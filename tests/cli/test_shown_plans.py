"""A plan and a deployment say at the terminal what is switched beside the templates."""

import pytest

from expressway.cli.show import show_deployment, show_plan
from expressway.model.change import StackChange
from expressway.model.plan import Plan
from expressway.operations.deploy import DeployResult

STACK = "hello-express-service"


def test_a_plan_shows_a_change_of_termination_protection(capsys: pytest.CaptureFixture[str]) -> None:
    change = StackChange(STACK, is_new=False).protecting(before=True, after=False)
    show_plan(Plan("hello", "target", (change,), None, {}), as_json=False)
    shown = capsys.readouterr().out
    assert "EnableTerminationProtection: true → false" in shown
    assert "no changes" not in shown
    assert "Nothing to do" not in shown


def test_a_deployment_names_the_stack_whose_protection_it_switched(capsys: pytest.CaptureFixture[str]) -> None:
    result = DeployResult(
        "id",
        "hello",
        "deployed",
        "https://x/",
        "x",
        "arn",
        "",
        "digest",
        stacks={STACK: "updated"},
        termination_protection={STACK: "off"},
    )
    show_deployment(result, as_json=False)
    assert f"{STACK}: updated, termination protection is off now" in " ".join(capsys.readouterr().err.split())
