"""What an update leaves out ECS may keep: a plan that drops a task role or a network says so."""

from typing import Any

import pytest

from expressway.cloudformation.stack import EXPRESS_TYPE
from expressway.plan.diff import compare_templates
from expressway.plan.plan import retained_settings

ROLE = {"TaskRoleArn": "arn:aws:iam::123456789012:role/reader"}
SUBNETS = {"Subnets": ["subnet-1"]}
GROUPS = {"SecurityGroups": ["sg-1"]}
NO_VALUE = {"Ref": "AWS::NoValue"}


def told(before: dict[str, Any], after: dict[str, Any], resource_type: str = EXPRESS_TYPE) -> list[str]:
    """What is told, by the path that each sentence names."""
    documents = [
        {"Resources": {"Service": {"Type": resource_type, "Properties": {"ServiceName": "web"} | properties}}}
        for properties in (before, after)
    ]
    change = compare_templates(
        "stack", before=documents[0], after=documents[1], parameters_before={}, parameters_after={}
    )
    return [one.partition("(")[2].partition(")")[0] for one in retained_settings([change])]


def network(**parts: Any) -> dict[str, Any]:
    return {"NetworkConfiguration": parts}


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        (ROLE, {}, ["TaskRoleArn"]),
        ({"TaskRoleArn": {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}]]}}, {}, ["TaskRoleArn"]),
        (ROLE, {"TaskRoleArn": NO_VALUE}, ["TaskRoleArn"]),
        (network(**SUBNETS), {}, ["NetworkConfiguration.Subnets"]),
        (network(**GROUPS), {}, ["NetworkConfiguration.SecurityGroups"]),
        (network(**SUBNETS, **GROUPS), network(**SUBNETS), ["NetworkConfiguration.SecurityGroups"]),
        (network(**SUBNETS, **GROUPS), network(**GROUPS), ["NetworkConfiguration.Subnets"]),
        (network(**SUBNETS, **GROUPS), network(**SUBNETS, SecurityGroups=[]), ["NetworkConfiguration.SecurityGroups"]),
        (
            ROLE | network(**SUBNETS, **GROUPS),
            {},
            ["TaskRoleArn", "NetworkConfiguration.SecurityGroups", "NetworkConfiguration.Subnets"],
        ),
    ],
)
def test_what_goes_from_a_value_to_none_is_told(
    before: dict[str, Any], after: dict[str, Any], paths: list[str]
) -> None:
    assert told(before, after) == paths


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ROLE, ROLE | {"Cpu": "512"}),
        (ROLE, {"TaskRoleArn": "arn:aws:iam::123456789012:role/other"}),
        ({}, ROLE | network(**SUBNETS)),
        (network(**SUBNETS), network(Subnets=["subnet-2"])),
        (network(SecurityGroups=[]), {}),
        ({"Cpu": "512"}, {}),
    ],
)
def test_another_value_a_new_one_and_none_before_are_not(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert told(before, after) == []


def test_a_task_definition_brings_its_own_task_role_but_no_network() -> None:
    arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1"
    assert told(ROLE | network(**SUBNETS), {"TaskDefinitionArn": arn}) == ["NetworkConfiguration.Subnets"]


def test_a_service_that_is_replaced_and_other_resources_keep_nothing() -> None:
    assert told(ROLE, {"ServiceName": "other"}) == []
    assert told(ROLE, {}, "AWS::ECS::Service") == []


def test_each_sentence_says_what_to_do() -> None:
    change = compare_templates(
        "stack",
        before={"Resources": {"It": {"Type": EXPRESS_TYPE, "Properties": ROLE}}},
        after={"Resources": {"It": {"Type": EXPRESS_TYPE, "Properties": {}}}},
        parameters_before={},
        parameters_after={},
    )
    (sentence,) = retained_settings([change])
    _, _, way = sentence.partition(": nothing in an update takes it away. ")
    assert way.startswith("Name another, such as a role without permissions, or delete the app and deploy it again")
