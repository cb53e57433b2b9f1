"""Which operation a name means, and what it touches."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.aws.values.target import Target
from expressway.ecs_api.affected import AffectedResource, affected_resources, physical_ids, same_definition
from expressway.ecs_api.catalog import api_operations, shape_tree, shapes_answered, shapes_taken
from expressway.ecs_api.operations import (
    decide_operation,
    effect_of,
    find_operation,
    is_repeatable,
    named_operation,
    replaces,
    verb_of,
)
from expressway.errors import ExpresswayError
from expressway.privacy.gates import Gates
from tests.privacy.aws_shapes import SERVICES, operations

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
    assert [str(thing) for thing in affected_resources(one, parameters)] == names


def test_every_change_of_ecs_names_what_it_touches() -> None:
    silent: list[str] = []
    for one in api_operations():
        if one.service == "ecs" and effect_of("ecs", one.name).writes:
            tree = shape_tree("ecs", one.name, "input")
            shape = tree.shapes[tree.root]
            types = {name: tree.shapes[shape.members[name]].type for name in shape.required}
            given: dict[str, object] = {name: ["x"] if kind == "list" else "x" for name, kind in types.items()}
            if not affected_resources(one, given):
                silent.append(one.name)
    assert silent == []


def test_what_names_nothing_touches_its_cluster_and_what_is_ecrs_nothing() -> None:
    names = ("CreateCluster", "CreateExpressGatewayService", "GetAuthorizationToken")
    found = [affected_resources(find_operation(name, {}, api_operations()), {}) for name in names]
    assert found == [(AffectedResource("cluster", "default"),), (AffectedResource("cluster", "default"),), ()]


def test_services_and_clusters_have_the_names_by_which_a_stack_knows_them() -> None:
    arn = "arn:aws-cn:ecs:eu-west-1:123456789012:service/prod/web"
    assert physical_ids(AffectedResource("service", "web", "prod"), TARGET) == (arn,)
    assert physical_ids(AffectedResource("resource", arn), TARGET) == (arn,)
    short = "arn:aws-cn:ecs:eu-west-1:123456789012:service/web"
    assert physical_ids(AffectedResource("service", short), TARGET) == (short.replace("/web", "/default/web"),)
    assert physical_ids(AffectedResource("cluster", "prod"), TARGET) == ("prod",)
    assert physical_ids(AffectedResource("resource", "arn:aws:ecs:eu-west-1:1:cluster/prod"), TARGET) == ("prod",)
    assert physical_ids(AffectedResource("task", "t1", "prod"), TARGET) == ()
    deployment = "arn:aws-cn:ecs:eu-west-1:123456789012:service-deployment/prod/web/d1"
    assert physical_ids(AffectedResource("service deployment", deployment), TARGET) == (arn,)
    assert physical_ids(AffectedResource("service deployment", "nonsense"), TARGET) == ()


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


GOLDEN = Path(__file__).with_name("operation_effects.txt")
OPEN = Gates(allow_write=True, allow_sensitive_data=True)


def effects() -> str:
    lines: list[str] = []
    for service in SERVICES:
        for name in operations(service):
            effect = effect_of(service, name)
            word = "opens" if effect.opens else "writes" if effect.writes else "reads"
            lines.append(f"{service} {name} {word}{' repeatable' if is_repeatable(service, name, {}) else ''}")
    return "\n".join(lines) + "\n"


def test_every_operation_of_the_models_is_judged_as_a_person_has_read_it() -> None:
    assert effects() == GOLDEN.read_text(encoding="utf-8"), f"look at what is new, then write it into {GOLDEN.name}"


KNOWN_READS = {
    "Describe": "CapacityProviders Clusters ContainerInstances ExpressGatewayService ServiceDeployments "
    "ServiceRevisions Services TaskDefinition Tasks TaskSets",
    "List": "AccountSettings Attributes Clusters ContainerInstances ExpressGatewayServices ServiceDeployments "
    "Services ServicesByNamespace TagsForResource TaskDefinitionFamilies TaskDefinitions Tasks",
}


def test_what_agents_know_as_reads_are_reads() -> None:
    known = [f"{verb}{noun}" for verb, nouns in KNOWN_READS.items() for noun in nouns.split()]
    assert [name for name in known if effect_of("ecs", name).writes] == []


@pytest.mark.parametrize("service", SERVICES)
def test_however_an_operation_is_written_it_is_judged_the_same(service: str) -> None:
    for name in operations(service):
        snake = "".join(f"_{one.lower()}" if one.isupper() else one for one in name).lstrip("_")
        for written in (
            name,
            f"{name[0].lower()}{name[1:]}",
            snake,
            snake.replace("_", "-"),
            name.lower(),
            name.upper(),
        ):
            assert effect_of(*named_operation(f"{service}:{written}")) == effect_of(service, name), written
            assert effect_of(*named_operation(f" {service.upper()}.{written} ")) == effect_of(service, name), written


@given(st.from_regex(r"[A-Z][a-z]{2,10}[A-Z][a-z]{2,10}", fullmatch=True))
def test_an_unknown_operation_changes_something_unless_its_verb_reads(name: str) -> None:
    reads = verb_of(name) in {"Describe", "List", "Get"}
    assert effect_of("ecs", name).writes or reads
    assert reads or not decide_operation(name, effect_of("ecs", name), Gates()).allowed


@pytest.mark.parametrize("name", ["FrobnicateCluster", "Getaway", "Listen", "DescriberStart", "describeServices", ""])
def test_a_name_that_only_looks_like_a_read_is_none(name: str) -> None:
    assert effect_of("ecs", name).writes


@pytest.mark.parametrize("name", ["GetSessionToken", "GetTaskCredentials", "DescribeAgentPassword", "ListSecretValues"])
def test_an_operation_of_tomorrow_whose_name_speaks_of_a_door_needs_both_gates(name: str) -> None:
    effect = effect_of("ecs", name)
    assert not decide_operation(name, effect, Gates(allow_write=True)).allowed
    assert not decide_operation(name, effect, Gates(allow_sensitive_data=True)).allowed
    assert decide_operation(name, effect, OPEN).allowed


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("ecs", "ExecuteCommand"),
        ("ecs", "DiscoverPollEndpoint"),
        ("ecs", "SubmitTaskStateChange"),
        ("ecr", "GetAuthorizationToken"),
        ("ecr", "GetDownloadUrlForLayer"),
    ],
)
def test_what_opens_a_door_needs_both_gates_and_says_which_door(service: str, name: str) -> None:
    effect = effect_of(service, name)
    for gates in (Gates(), Gates(allow_write=True), Gates(allow_sensitive_data=True)):
        decision = decide_operation(name, effect, gates)
        assert not decision.allowed
        assert effect.opens in decision.message
        for variable, allowed in (
            ("ALLOW_WRITE", gates.allow_write),
            ("ALLOW_SENSITIVE_DATA", gates.allow_sensitive_data),
        ):
            assert (f"{variable}=true" in decision.hint) is not allowed
    assert decide_operation(name, effect, OPEN).allowed


def test_a_refused_change_names_what_it_would_have_touched() -> None:
    decision = decide_operation("StopTask", effect_of("ecs", "StopTask"), Gates(), touches=["task a in cluster b"])
    assert decision.code == "write_not_allowed"
    assert "task a in cluster b" in decision.message


def test_reads_need_no_gate() -> None:
    assert decide_operation("ListTasks", effect_of("ecs", "ListTasks"), Gates()).allowed


def test_only_what_aws_does_once_is_sent_again_by_itself() -> None:
    assert is_repeatable("ecs", "DescribeTasks", {})
    assert is_repeatable("ecs", "DeleteService", {})
    assert not is_repeatable("ecs", "RunTask", {})
    assert is_repeatable("ecs", "RunTask", {"clientToken": "t"})
    assert not is_repeatable("ecs", "RegisterTaskDefinition", {})
    assert not is_repeatable("ecs", "UpdateService", {"forceNewDeployment": True})
    assert not is_repeatable("ecr", "GetAuthorizationToken", {})


def test_deleting_and_updating_replace_what_is_there_and_running_and_stopping_do_not() -> None:
    assert all(replaces(name) for name in ("DeleteService", "UpdateService", "TagResource", "FrobnicateService"))
    assert not any(replaces(name) for name in ("RunTask", "StopTask", "CreateService", "StopServiceDeployment"))
