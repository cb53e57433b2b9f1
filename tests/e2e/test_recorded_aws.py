"""The stand-in behind the recorded situations: answers as AWS gives them, and never one that AWS could not give."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.e2e.scenarios.recorded.collection import recorded_scenarios
from tests.e2e.scenarios.recorded.healthy import Situation
from tests.e2e.scenarios.recorded.names import PORT, SERVICE
from tests.e2e.scenarios.recorded.server import RecordedAws, serve
from tests.e2e.scenarios.recorded.world import ACCOUNT, REGION
from tests.e2e.scenarios.scenario import judge_findings


@pytest.fixture
def situation() -> Situation:
    return Situation("shop", datetime.now(UTC))


@pytest.fixture
def aws(situation: Situation) -> Iterator[RecordedAws]:
    with serve(situation.world) as running:
        yield running


def client(aws: RecordedAws, service: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=aws.endpoint_url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="recorded",
    )


def code_of(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return raised.value.response["Error"]["Code"]


def test_a_service_is_found_by_name_and_by_arn_and_a_missing_one_is_a_failure(
    aws: RecordedAws, situation: Situation
) -> None:
    ecs = client(aws, "ecs")
    for name in (SERVICE, situation.service_arn):
        [service] = ecs.describe_services(cluster="shop", services=[name])["services"]
        assert service["events"][0]["createdAt"] < datetime.now(UTC)
    answer = ecs.describe_services(cluster="shop", services=["other"])
    assert (answer["services"], answer["failures"][0]["reason"]) == ([], "MISSING")
    with pytest.raises(ClientError) as raised:
        ecs.describe_services(cluster="shpo", services=[SERVICE])
    assert code_of(raised) == "ClusterNotFoundException"


def test_lists_are_paged(aws: RecordedAws, situation: Situation) -> None:
    second = situation.service | {"serviceName": "second", "serviceArn": f"{situation.service_arn}-2"}
    situation.world.add("ecs.services", second)
    pages = client(aws, "ecs").get_paginator("list_services").paginate(cluster="shop", PaginationConfig={"PageSize": 1})
    assert [len(page["serviceArns"]) for page in pages] == [1, 1]


def test_the_query_and_ec2_protocols_take_lists_filters_and_errors(aws: RecordedAws, situation: Situation) -> None:
    network = situation.network
    ec2, balancing = client(aws, "ec2"), client(aws, "elbv2")
    mine = [{"Name": "vpc-id", "Values": [network.vpc]}]
    assert len(ec2.describe_subnets(Filters=mine)["Subnets"]) == 2
    assert ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": ["vpc-other"]}])["Subnets"] == []
    attached = [{"Name": "attachment.vpc-id", "Values": [network.vpc]}]
    assert len(ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]) == 1
    [group] = ec2.describe_security_groups(GroupIds=[network.task_group])["SecurityGroups"]
    assert group["IpPermissions"][0]["FromPort"] == PORT
    [target] = balancing.describe_target_health(TargetGroupArn=network.target_group_arn)["TargetHealthDescriptions"]
    assert target["TargetHealth"]["State"] == "healthy"
    with pytest.raises(ClientError) as raised:
        ec2.describe_subnets(SubnetIds=["subnet-0"])
    assert code_of(raised) == "InvalidSubnetID.NotFound"
    role = client(aws, "iam").get_role(RoleName=situation.execution_role)["Role"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert aws.complaints == []


def test_what_is_denied_is_denied_in_the_words_of_the_service(aws: RecordedAws, situation: Situation) -> None:
    situation.world.denied.extend([("ec2:DescribeSubnets", ""), ("ecs:DescribeServices", "")])
    with pytest.raises(ClientError) as raised:
        client(aws, "ec2").describe_subnets()
    assert code_of(raised) == "UnauthorizedOperation"
    with pytest.raises(ClientError) as raised:
        client(aws, "ecs").describe_services(cluster="shop", services=[SERVICE])
    assert code_of(raised) == "AccessDeniedException"


@pytest.mark.parametrize("member", [{"status": 3}, {"statsu": "ACTIVE"}, {"launchType": "MOON"}])
def test_a_record_that_aws_could_not_send_is_complained_of(
    aws: RecordedAws, situation: Situation, member: dict[str, Any]
) -> None:
    situation.service.update(member)
    with pytest.raises(ClientError):
        client(aws, "ecs").describe_services(cluster="shop", services=[SERVICE])
    assert aws.complaints


def test_every_situation_has_a_name_of_its_own() -> None:
    names = [one.scenario.name for one in recorded_scenarios()]
    assert len(set(names)) == len(names)


def test_the_judge_wants_the_true_cause_among_the_first_three_and_no_untrue_grave_one() -> None:
    scenario = next(one.scenario for one in recorded_scenarios() if one.scenario.name == "tag_missing")
    healthy = next(one.scenario for one in recorded_scenarios() if one.scenario.is_healthy)
    true = {"code": "image_tag_not_found", "severity": "critical", "cause": "no such tag"}
    other = {"code": "subnet_full", "severity": "warning", "cause": "no addresses"}
    remark = {**other, "severity": "info"}
    assert judge_findings(scenario, [true]).found
    assert not judge_findings(scenario, [remark, remark, remark, true]).found
    assert judge_findings(scenario, [true, other]).false == ("subnet_full: no addresses",)
    assert judge_findings(scenario, [true, remark]).false == ()
    assert judge_findings(healthy, [remark]).found
    assert not judge_findings(healthy, [other]).found
