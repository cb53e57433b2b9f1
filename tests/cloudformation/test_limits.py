"""Of a template's branches, the one that is deployed is measured, and the shorter one while that is not known."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from expressway.aws.values.limits import ROLE_DESCRIPTION
from expressway.cloudformation.limits import check_limits, problems_of_size
from expressway.cloudformation.template import Template
from expressway.errors import StackError

LONG = "x" * (ROLE_DESCRIPTION.maximum + 1)
GIVEN = {"Fn::Equals": [{"Ref": "Wanted"}, "yes"]}
UNKNOWN = {"Fn::Equals": [{"Ref": "Other"}, "yes"]}


def role(description: object, condition: Mapping[str, Any] = GIVEN) -> Template:
    resource = {"Type": "AWS::IAM::Role", "Properties": {"Description": description}}
    return Template("stack", json.dumps({"Conditions": {"Given": condition}, "Resources": {"Role": resource}}))


@pytest.mark.parametrize(
    ("condition", "branches", "wanted", "refused"),
    [
        (GIVEN, (LONG, "short"), "yes", True),
        (GIVEN, (LONG, "short"), "no", False),
        (GIVEN, ("short", LONG), "yes", False),
        (GIVEN, ("short", LONG), "no", True),
        ({"Fn::Not": [GIVEN]}, (LONG, "short"), "no", True),
        ({"Fn::Not": [GIVEN]}, (LONG, "short"), "yes", False),
        (UNKNOWN, (LONG, "short"), "yes", False),
        (UNKNOWN, ("short", LONG), "yes", False),
        (UNKNOWN, (LONG, LONG), "yes", True),
        (UNKNOWN, (LONG, {"Ref": "AWS::NoValue"}), "yes", False),
        ({"Fn::Not": [UNKNOWN]}, ("short", LONG), "yes", False),
    ],
)
def test_the_branch_that_is_deployed_is_measured(
    condition: Mapping[str, Any], branches: tuple[Any, Any], wanted: str, refused: bool
) -> None:
    template = role({"Fn::If": ["Given", *branches]}, condition)
    assert bool(problems_of_size(template, {"Wanted": wanted})) is refused


def test_a_refusal_counts_its_problems_from_one() -> None:
    with pytest.raises(StackError) as caught:
        check_limits(role(LONG), role(LONG))
    assert caught.value.code == "limit_exceeded"
    assert ": (1) stack: expected at most" in caught.value.message
    assert " (2) stack: expected at most" in caught.value.message
    assert "(3)" not in caught.value.message
