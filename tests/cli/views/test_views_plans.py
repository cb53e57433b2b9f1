"""A plan and a deployment say at the terminal what is switched beside the templates."""

import json

import pytest

from expressway.cli.views.views import show_deployment, show_plan
from expressway.cloudformation.stack import EXPRESS_TYPE
from expressway.deploy.deploy import DeployResult
from expressway.plan.diff import PropertyChange, ResourceChange, StackChange
from expressway.plan.plan import Plan

STACK = "hello-express-service"


def test_a_plan_shows_a_change_of_termination_protection(capsys: pytest.CaptureFixture[str]) -> None:
    change = StackChange(STACK, is_new=False).protecting(before=True, after=False)
    show_plan(Plan("hello", "target", (change,), None, {}), as_json=False)
    shown = capsys.readouterr().out
    assert "EnableTerminationProtection\ttrue → false" in shown
    assert "unchanged" not in shown
    assert "Nothing to do" not in shown


def test_a_plan_shows_the_stack_that_stays_though_nothing_uses_it(capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan("hello", "target", (StackChange(STACK, is_new=False),), None, {}, unused_stacks=("hello-ecr",))
    show_plan(plan, as_json=False)
    assert "hello-ecr: stays with its images" in capsys.readouterr().out


def test_a_plan_shows_what_ecs_may_keep(capsys: pytest.CaptureFixture[str]) -> None:
    dropped = ResourceChange("update", "Service", EXPRESS_TYPE, (PropertyChange("TaskRoleArn", "role", None),))
    show_plan(Plan("hello", "target", (StackChange(STACK, False, (dropped,)),), None, {}), as_json=False)
    assert "warning\tECS may keep the task role" in capsys.readouterr().out


HOST = "ex-0123456789abcdef0123456789abcdef.ecs.us-east-1.localhost"


def test_a_deployment_on_the_sandbox_says_how_it_is_reached_where_its_name_is_not_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = DeployResult("id", "hello", "deployed", f"http://{HOST}:4566/", HOST, "arn", "", "digest")
    show_deployment(result, as_json=False)
    shown = capsys.readouterr()
    assert shown.out == f"http://{HOST}:4566/\n"
    assert f"does not resolve: http://127.0.0.1:4566/ with the header Host: {HOST}\n" in shown.err
    show_deployment(result, as_json=True)
    assert json.loads(capsys.readouterr().out)["access_hint"] == f"http://127.0.0.1:4566/ with the header Host: {HOST}"


def test_a_deployment_on_aws_has_one_address(capsys: pytest.CaptureFixture[str]) -> None:
    result = DeployResult("id", "hello", "deployed", "https://x.on.aws/", "x.on.aws", "arn", "", "digest")
    show_deployment(result, as_json=False)
    assert "resolve" not in capsys.readouterr().err
    assert "access_hint" not in result.to_dict()


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
