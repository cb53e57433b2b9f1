"""Operations by their names: what is sent and how often, what refusals become, who owns what; bounded queries."""

import sys
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from expressway.aws.session import RETRIES, AwsSession, open_session
from expressway.cloudformation.client import CloudFormation
from expressway.ecs_api.catalog import api_operations
from expressway.ecs_api.client import AwsApi
from expressway.ecs_api.operations import ApiOperation, find_operation
from expressway.ecs_api.pages import read_pages
from expressway.ecs_api.query import LONGEST_EXPRESSION, check_query, search_query
from expressway.errors import ExpresswayError, TargetError
from expressway_sandbox.lifecycle import SandboxInfo

ARN = "arn:aws:ecs:eu-west-1:000000000000:service/default/shop"


@pytest.fixture
def session() -> AwsSession:
    return open_session(sandbox_url="http://127.0.0.1:1", region="eu-west-1")


def operation(name: str) -> ApiOperation:
    return find_operation(name, {}, api_operations())


def stubbed(session: AwsSession, service: str, retries: int = RETRIES) -> Stubber:
    stubber = Stubber(session.client(service, retries=retries))
    stubber.activate()
    return stubber


def test_pages_are_asked_for_with_awss_own_parameters(session: AwsSession) -> None:
    stub = stubbed(session, "ecs")
    tasks = [f"arn:aws:ecs:eu-west-1:000000000000:task/c/{number:032x}" for number in range(3)]
    stub.add_response("list_tasks", {"taskArns": tasks[:2], "nextToken": "t"}, {"cluster": "c", "maxResults": 100})
    stub.add_response("list_tasks", {"taskArns": tasks[2:]}, {"cluster": "c", "maxResults": 98, "nextToken": "t"})
    api, listing = AwsApi(session), operation("ListTasks")
    assert listing.paging is not None
    answer = read_pages(
        lambda asked: api.call(listing, asked, repeatable=True), listing.paging, {"cluster": "c"}, limit=100
    )
    assert answer.content == {"taskArns": tasks}
    stub.assert_no_pending_responses()


def test_what_may_not_be_repeated_goes_through_a_client_that_never_sends_twice(session: AwsSession) -> None:
    sent: list[str] = []

    def break_off(**_: Any) -> None:
        sent.append("sent")
        raise ReadTimeoutError(endpoint_url="http://127.0.0.1:1")

    once = session.client("ecs", retries=0)
    once.meta.events.register("before-send.ecs.RegisterTaskDefinition", break_off)
    with pytest.raises(TargetError) as caught:
        AwsApi(session).call(
            operation("RegisterTaskDefinition"), {"family": "a", "containerDefinitions": []}, repeatable=False
        )
    assert sent == ["sent"]
    assert caught.value.code == "connection_failed"
    assert "not known whether" in caught.value.hint


def test_a_read_is_sent_again_when_no_answer_comes(session: AwsSession) -> None:
    sent: list[str] = []

    def break_off(**_: Any) -> None:
        sent.append("sent")
        raise ReadTimeoutError(endpoint_url="http://127.0.0.1:1")

    twice = session.client("ecs", retries=1)
    twice.meta.events.register("before-send.ecs.ListClusters", break_off)
    with pytest.raises(ReadTimeoutError):
        twice.list_clusters()
    assert sent == ["sent", "sent"]


@pytest.mark.parametrize(
    ("aws", "ours"),
    [
        ("ClusterNotFoundException", "not_found"),
        ("RepositoryNotFoundException", "not_found"),
        ("InvalidParameterException", "invalid_parameters"),
        ("ClientException", "invalid_parameters"),
        ("AccessDeniedException", "access_denied"),
        ("ServerException", "service_unavailable"),
        ("UpdateInProgressException", "aws_error"),
    ],
)
def test_refusals_have_codes_that_can_be_acted_on(session: AwsSession, aws: str, ours: str) -> None:
    stubbed(session, "ecs").add_client_error("describe_clusters", aws, "It is so.")
    with pytest.raises(TargetError) as caught:
        AwsApi(session).call(operation("DescribeClusters"), {}, repeatable=True)
    assert caught.value.code == ours
    assert "DescribeClusters" in caught.value.message
    assert "It is so." in caught.value.message
    assert caught.value.details == {"aws_error_code": aws}


def test_an_unknown_outcome_is_not_claimed_where_aws_has_answered(session: AwsSession) -> None:
    stubbed(session, "ecs", 0).add_client_error("run_task", "UnsupportedFeatureException", "No.")
    with pytest.raises(TargetError) as caught:
        AwsApi(session).call(operation("RunTask"), {"taskDefinition": "a"}, repeatable=False)
    assert "not known" not in caught.value.hint


# -- owners ----------------------------------------------------------------------------------------------------
def test_the_stack_that_holds_a_resource_is_found_by_the_resource(session: AwsSession) -> None:
    stack = "arn:aws:cloudformation:eu-west-1:000000000000:stack/shop/1"
    held = {
        "StackId": stack,
        "PhysicalResourceId": ARN,
        "LogicalResourceId": "Service",
        "ResourceType": "AWS::ECS::ExpressGatewayService",
        "Timestamp": 0,
        "ResourceStatus": "CREATE_COMPLETE",
    }
    stubbed(session, "cloudformation").add_response(
        "describe_stack_resources", {"StackResources": [held]}, {"PhysicalResourceId": ARN}
    )
    assert CloudFormation(session).stack_of(ARN) == stack


@pytest.mark.parametrize("status", ["DELETE_COMPLETE", "DELETE_SKIPPED"])
def test_a_stack_that_retained_or_deleted_a_resource_does_not_hold_it_whatever_else_it_holds(
    session: AwsSession, status: str
) -> None:
    described = [
        {
            "StackId": "arn:aws:cloudformation:eu-west-1:000000000000:stack/shop/1",
            "PhysicalResourceId": physical_id,
            "LogicalResourceId": "Service",
            "ResourceType": "AWS::ECS::ExpressGatewayService",
            "Timestamp": 0,
            "ResourceStatus": of_it,
        }
        for physical_id, of_it in ((ARN, status), ("another", "CREATE_COMPLETE"))
    ]
    stubbed(session, "cloudformation").add_response(
        "describe_stack_resources", {"StackResources": described}, {"PhysicalResourceId": ARN}
    )
    assert CloudFormation(session).stack_of(ARN) is None


def test_a_resource_that_no_stack_holds_is_told_from_one_that_may_not_be_looked_up(session: AwsSession) -> None:
    stub = stubbed(session, "cloudformation")
    stub.add_client_error("describe_stack_resources", "ValidationError", f"Stack for {ARN} does not exist")
    assert CloudFormation(session).stack_of(ARN) is None
    stub.add_client_error("describe_stack_resources", "AccessDenied", "No.")
    with pytest.raises(TargetError) as caught:
        CloudFormation(session).stack_of(ARN)
    assert caught.value.code == "access_denied"


@pytest.mark.sandbox
def test_the_embedded_aws_knows_the_way_from_a_resource_to_its_stack(embedded_aws: SandboxInfo) -> None:
    session = open_session(sandbox_url=embedded_aws.endpoint_url)
    cloudformation = session.client("cloudformation")
    body = '{"Resources": {"Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "held"}}}}'
    stack_id = cloudformation.create_stack(StackName="holds-a-cluster", TemplateBody=body)["StackId"]
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=stack_id, WaiterConfig={"Delay": 0, "MaxAttempts": 200}
    )
    assert CloudFormation(session).stack_of("held") == stack_id
    assert CloudFormation(session).stack_of("free") is None
    cloudformation.delete_stack(StackName=stack_id)


@pytest.mark.sandbox
def test_a_cluster_is_made_found_and_deleted_on_the_embedded_aws(embedded_aws: SandboxInfo) -> None:
    api = AwsApi(open_session(sandbox_url=embedded_aws.endpoint_url))
    made = api.call(operation("CreateCluster"), {"clusterName": "round-trip"}, repeatable=False)
    assert "ResponseMetadata" not in made
    found = api.call(operation("DescribeClusters"), {"clusters": ["round-trip"]}, repeatable=True)
    assert found["clusters"][0]["clusterArn"] == made["cluster"]["clusterArn"]
    gone = api.call(operation("DeleteCluster"), {"cluster": "round-trip"}, repeatable=True)
    assert gone["cluster"]["status"] == "INACTIVE"


# -- queries ---------------------------------------------------------------------------------------------------
DOCUMENT = {"services": [{"name": f"s{number}", "count": number} for number in range(200)]}


def test_an_expression_finds_what_it_says() -> None:
    assert search_query("services[?count > `197`].name", DOCUMENT) == ["s198", "s199"]
    assert search_query("length(services)", DOCUMENT) == 200
    assert search_query("nothing", DOCUMENT) is None


@pytest.mark.parametrize("expression", ["services[", "", "services[0]]", "'", "x" * (LONGEST_EXPRESSION + 1)])
def test_what_is_no_expression_is_told_so_before_it_is_used(expression: str) -> None:
    with pytest.raises(ExpresswayError) as caught:
        check_query(expression)
    assert caught.value.code == "query_invalid"
    assert len(caught.value.message) < 500


@pytest.mark.parametrize(
    "expression",
    ["frobnicate(@)", "length()", "abs('x')", "join('', services)", "max_by(services, &nothing)", "sum(services)"],
)
def test_an_expression_that_does_not_fit_the_answer_is_told_so(expression: str) -> None:
    check_query(expression)
    with pytest.raises(ExpresswayError) as caught:
        search_query(expression, DOCUMENT)
    assert caught.value.code == "query_invalid"


@pytest.mark.parametrize(
    "expression",
    [
        "|".join(["[@,@]"] * 200),
        "|".join(["[@,@]"] * 40) + "|to_string(@)",
        "|".join(["[services,services][]|{services:@}"] * 50),
        "|".join(["join('',[@,@])"] * 100).replace("@", "services[0].name", 1),
    ],
)
def test_an_expression_that_would_fill_the_memory_ends_in_an_error(expression: str) -> None:
    with pytest.raises(ExpresswayError) as caught:
        search_query(expression, DOCUMENT)
    assert caught.value.code == "query_invalid"


def test_an_expression_that_is_nested_too_deeply_ends_in_an_error() -> None:
    depth = sys.getrecursionlimit()  # which libraries raise
    with pytest.raises(ExpresswayError) as caught:
        search_query("(" * depth + "services" + ")" * depth, DOCUMENT)
    assert caught.value.code == "query_invalid"
