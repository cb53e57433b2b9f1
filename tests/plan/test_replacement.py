"""A resource is replaced only under another name: which replacements CloudFormation can make, and which it cannot."""

import json
from typing import Any

import pytest

from expressway.cloudformation.change_set import ChangeSet, ChangeSetChange, ChangeSetDetail
from expressway.cloudformation.template import Template
from expressway.plan.diff import compare_templates
from expressway.plan.replacement import Replacement, expected_replacements, loss_of, planned_replacements

SERVICE = {
    "Type": "AWS::ECS::ExpressGatewayService",
    "Properties": {"ServiceName": "web", "Cluster": "default", "InfrastructureRoleArn": "a", "Cpu": "256"},
}
REPOSITORY = {
    "Type": "AWS::ECR::Repository",
    "Properties": {"RepositoryName": "web-repo", "EncryptionConfiguration": {"EncryptionType": "AES256"}},
    "DeletionPolicy": "Retain",
}


def changed(resource: dict[str, Any], **properties: Any) -> dict[str, Any]:
    merged = {**resource["Properties"], **properties}
    return {**resource, "Properties": {name: value for name, value in merged.items() if value is not None}}


def planned(before: dict[str, Any], after: dict[str, Any]) -> tuple[Replacement, ...]:
    documents = [{"Resources": {"It": resource}} for resource in (before, after)]
    change = compare_templates(
        "stack", before=documents[0], after=documents[1], parameters_before={}, parameters_after={}
    )
    return planned_replacements(change, Template("stack", json.dumps(documents[1])))


@pytest.mark.parametrize(
    ("resource", "after", "loss"),
    [
        (
            SERVICE,
            {"Cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/other"},
            "created again in the cluster other",
        ),
        (SERVICE, {"ServiceName": "api"}, "gets another URL"),
        (SERVICE, {"Cluster": {"Ref": "C"}}, "gets another URL"),
        (REPOSITORY, {"RepositoryName": "api-repo"}, "starts without images"),
    ],
)
def test_what_a_replacement_means_is_told_by_its_kind(
    resource: dict[str, Any], after: dict[str, Any], loss: str
) -> None:
    documents = [{"Resources": {"It": one}} for one in (resource, changed(resource, **after))]
    change = compare_templates("s", before=documents[0], after=documents[1], parameters_before={}, parameters_after={})
    assert loss_of(change.replacements[0]).startswith(loss)


def test_a_change_in_place_is_no_replacement() -> None:
    assert planned(SERVICE, changed(SERVICE, Cpu="512")) == ()


@pytest.mark.parametrize(
    ("before", "after", "property_name", "name"),
    [
        (SERVICE, {"InfrastructureRoleArn": "b"}, "InfrastructureRoleArn", "web"),
        (SERVICE, {"Tags": [{"Key": "team", "Value": "x"}]}, "Tags", "web"),
        (
            changed(SERVICE, Tags=[{"Key": "team", "Value": "x"}]),
            {"Tags": [{"Key": "team", "Value": "y"}]},
            "Tags",
            "web",
        ),
        (SERVICE, {"Cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/default"}, "Cluster", "web"),
        (SERVICE, {"Cluster": None}, "Cluster", "web"),
        (changed(SERVICE, Cluster="arn:aws:ecs:us-east-1:123456789012:cluster/x"), {"Cluster": "x"}, "Cluster", "web"),
        (REPOSITORY, {"EncryptionConfiguration": {"EncryptionType": "KMS"}}, "EncryptionConfiguration", "web-repo"),
    ],
)
def test_a_replacement_under_the_same_name_cannot_be_made(
    before: dict[str, Any], after: dict[str, Any], property_name: str, name: str
) -> None:
    (one,) = planned(before, changed(before, **after))
    assert one.properties[0].startswith(property_name)
    assert one.obstacle.endswith(f"both would be called {name}")
    assert one.retained == (before is REPOSITORY)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (SERVICE, {"Cluster": "other"}),
        (SERVICE, {"Cluster": "other", "InfrastructureRoleArn": "b"}),
        (SERVICE, {"ServiceName": "api"}),
        (SERVICE, {"Cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/other"}),
        (SERVICE, {"Cluster": {"Ref": "Cluster"}}),
        (changed(SERVICE, Cluster={"Ref": "Cluster"}), {"Cluster": "default"}),
        (changed(SERVICE, Cluster=["default"]), {"Cluster": {"Ref": "Cluster"}}),
        (changed(SERVICE, ServiceName="a/web"), {"ServiceName": "b/web"}),
        (changed(SERVICE, ServiceName=None), {"InfrastructureRoleArn": "b"}),
        (REPOSITORY, {"RepositoryName": "api-repo", "EncryptionConfiguration": {"EncryptionType": "KMS"}}),
    ],
)
def test_a_replacement_under_another_name_or_a_generated_one_can_be_made(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    (one,) = planned(before, changed(before, **after))
    assert one.obstacle == ""


def test_a_name_that_comes_from_a_changed_parameter_is_another_name() -> None:
    documents = [
        {"Resources": {"It": changed(SERVICE, ServiceName={"Ref": "Name"}, InfrastructureRoleArn=role)}}
        for role in ("a", "b")
    ]
    change = compare_templates(
        "stack",
        before=documents[0],
        after=documents[1],
        parameters_before={"Name": "web"},
        parameters_after={"Name": "api"},
    )
    template = Template("stack", json.dumps(documents[1]))
    assert [one.obstacle for one in planned_replacements(change, template)] == [""]


def test_no_resource_changes_its_type() -> None:
    (one,) = planned({"Type": "AWS::ECS::Service", "Properties": {}}, SERVICE)
    assert one.obstacle == "CloudFormation does not change the type of a resource"


@pytest.mark.parametrize(
    ("details", "obstructed"),
    [
        ([("/Properties/InfrastructureRoleArn", "Always")], True),
        ([("/Properties/InfrastructureRoleArn", "Always"), ("/Properties/Cluster", "Always")], False),
        ([("/Properties/InfrastructureRoleArn", "Always"), ("/Properties/Cluster", "Never")], True),
        ([("Tags", "Always")], True),
        ([], False),
    ],
)
def test_what_cloudformation_announces_is_judged_alike(details: list[tuple[str, str]], obstructed: bool) -> None:
    told = tuple(ChangeSetDetail(path, None, None, recreation) for path, recreation in details)
    change = ChangeSetChange("Modify", "It", "arn", SERVICE["Type"], "True", "", told)
    change_set = ChangeSet("c", "id", "stack", "id", "CREATE_COMPLETE", "AVAILABLE", "", False, (change,))
    (one,) = expected_replacements(change_set, Template("stack", json.dumps({"Resources": {"It": SERVICE}})))
    assert bool(one.obstacle) == obstructed
    assert one.resource_type == SERVICE["Type"]
