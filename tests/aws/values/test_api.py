"""Which operation a name means, and what it touches."""

import pytest

from expressway.aws.values.api import find_operation
from expressway.aws.values.target import Target
from expressway.ecs_api.affected import Touched, physical_ids, same_definition, touched
from expressway.ecs_api.catalog import api_operations, request_shapes, shapes_answered, shapes_taken
from expressway.ecs_api.effects import effect_of
from expressway.errors import ExpresswayError

TARGET = Target("123456789012", "eu-west-1", partition="aws-cn")


def found(name: str, **parameters: str) -> str:
    one = find_operation(name, parameters, api_operations())
    return f"{one.service}.{one.name}"


@pytest.mark.parametrize(
    "name",
    [
        "DescribeServices",
        "describe_services",
        "describe-services",
        "describeServices",
        " ecs:DescribeServices",
        "ecs.describe_services",
    ],
)
def test_a_name_is_found_however_it_is_written(name: str) -> None:
    assert found(name) == "ecs.DescribeServices"


def test_a_name_in_both_services_means_the_arns_service_or_the_prefix_or_ecs() -> None:
    assert found("ListTagsForResource") == "ecs.ListTagsForResource"
    assert found("ecr:ListTagsForResource") == "ecr.ListTagsForResource"
    registry = "arn:aws:ecr:eu-west-1:123456789012:repository/a"
    assert found("ListTagsForResource", ResourceArn=registry) == "ecr.ListTagsForResource"
    assert found("ListTagsForResource", resourceArn="arn:aws:ecs:eu-west-1:123456789012:cluster/a").startswith("ecs.")
    assert found("ListImages") == "ecr.ListImages"


def test_a_misspelt_name_gets_the_nearest_ones() -> None:
    with pytest.raises(ExpresswayError) as caught:
        found("DescribeServics")
    assert caught.value.code == "unknown_operation"
    assert caught.value.details["suggestions"][0] == "DescribeServices"
    assert "DescribeServices" in caught.value.hint


@pytest.mark.parametrize("name", ["", "s3:ListBuckets", "ecr:DescribeServices", "__init__", "close"])
def test_what_is_no_operation_is_told_so(name: str) -> None:
    with pytest.raises(ExpresswayError) as caught:
        found(name)
    assert caught.value.code == "unknown_operation"


def test_every_operation_has_the_method_that_boto3_gives_it() -> None:
    import boto3

    clients = {name: boto3.client(name, region_name="us-east-1") for name in ("ecs", "ecr")}
    missing = [one.name for one in api_operations() if not hasattr(clients[one.service], one.method)]
    assert missing == ["ListExpressGatewayServices"]


def test_the_operation_that_awss_documents_name_has_the_shape_of_its_sibling() -> None:
    express = find_operation("ListExpressGatewayServices", {}, api_operations())
    assert express.served_from == "ListServices"
    taken = shapes_taken(express)
    assert set(taken.shapes[taken.root].members) == {"cluster", "nextToken", "maxResults"}
    answered = shapes_answered(express)
    assert "serviceArns" in answered.shapes[answered.root].members


def test_everything_that_comes_in_pages_says_which_list_they_add_to() -> None:
    paged = {one.name: one.paging for one in api_operations() if one.paging}
    assert all(paging.lists for paging in paged.values())
    assert paged["ListTasks"].lists == (("taskArns",),)
    assert paged["ListServiceDeployments"].lists == (("serviceDeployments",),)
    assert paged["DescribeCapacityProviders"].lists == (("capacityProviders",),)
    assert paged["DescribeImageScanFindings"].lists[0] == ("imageScanFindings", "findings")
    assert (paged["ListAccountSettings"].largest_page, paged["ListImages"].largest_page) == (10, 1000)


@pytest.mark.parametrize(
    ("operation", "parameters", "names"),
    [
        (
            "UpdateService",
            {"service": "a", "taskDefinition": "a:3"},
            ["service a in cluster default", "task definition a:3"],
        ),
        ("DeleteCluster", {"cluster": "arn:aws:ecs:eu-west-1:123456789012:cluster/prod"}, ["cluster prod"]),
        ("StopTask", {"cluster": "prod", "task": "t1", "reason": "x"}, ["task t1 in cluster prod"]),
        ("DeleteTaskDefinitions", {"taskDefinitions": ["a:1", "a:2"]}, ["task definition a:1", "task definition a:2"]),
        ("PutAccountSettingDefault", {"name": "x", "value": "y"}, ["account setting x"]),
        ("PutAttributes", {"attributes": [{"targetId": "i", "name": "n"}]}, ["attribute i/n in cluster default"]),
        ("DeleteExpressGatewayService", {"serviceArn": "arn:s"}, ["service arn:s"]),
    ],
)  # fmt: skip
def test_a_change_names_what_it_touches(operation: str, parameters: dict[str, object], names: list[str]) -> None:
    one = find_operation(operation, {}, api_operations())
    assert [str(thing) for thing in touched(one, parameters)] == names


def test_every_change_of_ecs_names_what_it_touches() -> None:
    silent: list[str] = []
    for one in api_operations():
        if one.service == "ecs" and effect_of("ecs", one.name).writes:
            tree = request_shapes("ecs", one.name)
            shape = tree.shapes[tree.root]
            types = {name: tree.shapes[shape.members[name]].type for name in shape.required}
            given: dict[str, object] = {name: ["x"] if kind == "list" else "x" for name, kind in types.items()}
            if not touched(one, given):
                silent.append(one.name)
    assert silent == []


def test_what_names_nothing_touches_its_cluster_and_what_is_ecrs_nothing() -> None:
    names = ("CreateCluster", "CreateExpressGatewayService", "GetAuthorizationToken")
    found = [touched(find_operation(name, {}, api_operations()), {}) for name in names]
    assert found == [(Touched("cluster", "default"),), (Touched("cluster", "default"),), ()]


def test_services_and_clusters_have_the_names_by_which_a_stack_knows_them() -> None:
    arn = "arn:aws-cn:ecs:eu-west-1:123456789012:service/prod/web"
    assert physical_ids(Touched("service", "web", "prod"), TARGET) == (arn,)
    assert physical_ids(Touched("resource", arn), TARGET) == (arn,)
    short = "arn:aws-cn:ecs:eu-west-1:123456789012:service/web"
    assert physical_ids(Touched("service", short), TARGET) == (short.replace("/web", "/default/web"),)
    assert physical_ids(Touched("cluster", "prod"), TARGET) == ("prod",)
    assert physical_ids(Touched("resource", "arn:aws:ecs:eu-west-1:1:cluster/prod"), TARGET) == ("prod",)
    assert physical_ids(Touched("task", "t1", "prod"), TARGET) == ()
    deployment = "arn:aws-cn:ecs:eu-west-1:123456789012:service-deployment/prod/web/d1"
    assert physical_ids(Touched("service deployment", deployment), TARGET) == (arn,)
    assert physical_ids(Touched("service deployment", "nonsense"), TARGET) == ()


@pytest.mark.parametrize(
    ("named", "same"),
    [
        ("shop:7", True),
        ("arn:aws:ecs:eu-west-1:123456789012:task-definition/shop:7", True),
        ("shop", True),
        ("shop:8", False),
        ("shop:77", False),
        ("sho", False),
        ("arn:aws:ecs:eu-west-1:123456789012:task-definition/shopping:7", False),
    ],
)
def test_a_task_definition_is_known_by_its_revision_its_arn_and_its_family(named: str, same: bool) -> None:
    assert same_definition(named, "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop:7") is same
