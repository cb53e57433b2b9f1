"""What services depend on, as AWS tells it; the answers have the shapes of botocore's model."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from expressway.aws.ecr import Repositories
from expressway.aws.ecs.client import Ecs
from expressway.aws.scaling import Alarms, Quotas, Scaling
from expressway.aws.secrets import Secrets
from expressway.aws.values.dependencies import KeyFact, ScalingActivity, ScalingPolicy
from expressway.aws.values.service import LogConfiguration
from expressway.aws.values.task_definition import ContainerImage, SecretReference
from expressway.errors import TargetError
from tests.aws.fakes import AnsweringSession

ACCOUNT = "123456789012"
SECRET_ARN = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:web/database-AbCdEf"
PARAMETER_ARN = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/web/token"
KEY_ID = "00000000-1111-2222-3333-444444444444"
KEY_ARN = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{KEY_ID}"
SECRET = SecretReference("Main", "DATABASE", f"{SECRET_ARN}:password::")
PARAMETER = SecretReference("Main", "TOKEN", PARAMETER_ARN)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
DENIED = ("AccessDeniedException", "not authorized")
POLICY = '{"Version": "2012-10-17", "Statement": []}'


# -- task definitions -------------------------------------------------------------------------------------------
def test_a_task_definition_is_read_as_what_it_needs() -> None:
    definition = {
        "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1",
        "family": "web",
        "executionRoleArn": "arn:execution",
        "cpu": ".5 vCPU",
        "requiresCompatibilities": ["FARGATE"],
        "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
        "containerDefinitions": [
            {
                "name": "Main",
                "image": "registry.example.com/web:v1",
                "repositoryCredentials": {"credentialsParameter": "arn:credentials"},
                "secrets": [{"name": "DATABASE", "valueFrom": SECRET_ARN}],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {"awslogs-group": "/web", "awslogs-region": "x", "awslogs-create-group": "true"},
                },
            },
            {
                "name": "router",
                "image": "public.ecr.aws/router",
                "logConfiguration": {
                    "logDriver": "splunk",
                    "secretOptions": [{"name": "splunk-token", "valueFrom": "token"}],
                },
            },
        ],
    }
    session = AnsweringSession({"ecs.describe_task_definition": {"taskDefinition": definition}})
    found = Ecs(session).task_definition("web:1")

    assert found is not None
    assert found.images == (
        ContainerImage("Main", "registry.example.com/web:v1", "arn:credentials"),
        ContainerImage("router", "public.ecr.aws/router"),
    )
    assert found.secrets == (
        SecretReference("Main", "DATABASE", SECRET_ARN),
        SecretReference("Main", "", "arn:credentials"),
        SecretReference("router", "splunk-token", "token"),
    )
    assert found.log_configurations == (LogConfiguration("Main", "/web", region="x", creates_group=True),)
    assert (found.platform, found.cpu_units, found.runs_on_fargate) == ("linux/arm64", 512, True)


def test_a_task_definition_that_ecs_does_not_know_is_none() -> None:
    unknown = ("ClientException", "Unable to describe task definition.")

    assert Ecs(AnsweringSession({"ecs.describe_task_definition": unknown})).task_definition("web") is None


def test_families_are_read_page_by_page_up_to_the_limit() -> None:
    def pages(asked: dict[str, Any]) -> dict[str, Any]:
        return {"families": ["c"]} if asked.get("nextToken") else {"families": ["a", "b"], "nextToken": "more"}

    session = AnsweringSession({"ecs.list_task_definition_families": pages})

    assert Ecs(session).families("w", limit=9) == ("a", "b", "c")
    assert Ecs(session).families("w", limit=1) == ("a",)
    assert session.asked[0][2] == {"familyPrefix": "w", "status": "ACTIVE"}


# -- secrets, parameters, keys ----------------------------------------------------------------------------------
def test_a_secret_is_looked_up_in_its_own_region_by_metadata_alone() -> None:
    described = {
        "ARN": SECRET_ARN,
        "KmsKeyId": KEY_ID,
        "DeletedDate": NOW,
        "VersionIdsToStages": {"1" * 32: ["AWSPREVIOUS"], "2" * 32: ["AWSCURRENT"]},
    }
    session = AnsweringSession(
        {
            "secretsmanager.describe_secret": described,
            "secretsmanager.get_resource_policy": {"ARN": SECRET_ARN, "ResourcePolicy": POLICY},
        }
    )
    found = Secrets(session).fact(SECRET)

    assert (found.presence, found.kms_key_id, found.deleted_at) == ("present", KEY_ID, NOW)
    assert found.stages == ("AWSCURRENT", "AWSPREVIOUS")
    assert found.resource_policy == {"Version": "2012-10-17", "Statement": []}
    assert {where for _, where, _ in session.asked} == {"eu-west-1"}
    assert {name for name, _, _ in session.asked} == {
        "secretsmanager.describe_secret",
        "secretsmanager.get_resource_policy",
    }


OF_ACCOUNT = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:"
NOT_FOUND = ("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")


def held_secrets(*held: str, by_name: bool = True) -> Callable[[dict[str, Any]], Any]:
    """DescribeSecret as AWS answers it: an ARN that ends like a complete one is taken for complete."""

    def describe(asked: dict[str, Any]) -> Any:
        wanted = asked["SecretId"]
        for arn in held:
            names = {arn, arn.rpartition(":")[2][:-7]} if by_name else {arn}
            whole = re.search(r"-[A-Za-z0-9]{6}$", wanted)
            if wanted in names or (wanted.startswith("arn:") and not whole and arn[:-7] == wanted):
                return {"ARN": arn}
        return NOT_FOUND

    return describe


@pytest.mark.parametrize(
    ("written", "held", "expected"),
    [
        ("shop/api-secret", ["shop/api-secret-631cfd"], "shop/api-secret-631cfd"),
        ("shop/api-secret:key::", ["shop/api-secret-631cfd"], "shop/api-secret-631cfd"),
        ("shop/api-631cfd", ["shop/api-631cfd"], "shop/api-631cfd"),
        ("shop/api", ["shop/api-631cfd"], "shop/api-631cfd"),
        ("shop/api-secret", [], None),
        ("shop/api-secret", ["other/api-secret-631cfd"], None),
    ],
)
def test_the_complete_arn_of_a_secret_is_what_aws_says(written: str, held: list[str], expected: str | None) -> None:
    session = AnsweringSession({"secretsmanager.describe_secret": held_secrets(*(OF_ACCOUNT + each for each in held))})
    found = Secrets(session).complete_arn(SecretReference("Main", "A", OF_ACCOUNT + written))

    assert found == (expected and OF_ACCOUNT + expected)
    assert {region for _, region, _ in session.asked} == {"eu-west-1"}


def test_a_secret_of_another_account_is_not_looked_for_by_its_name() -> None:
    elsewhere = OF_ACCOUNT.replace(ACCOUNT, "444455556666")
    session = AnsweringSession({"secretsmanager.describe_secret": held_secrets(f"{OF_ACCOUNT}api-secret-631cfd")})

    assert Secrets(session).complete_arn(SecretReference("Main", "A", f"{elsewhere}api-secret")) is None
    assert len(session.asked) == 1


def test_a_secret_whose_policy_may_not_be_read_is_known_all_the_same() -> None:
    answers = {
        "secretsmanager.describe_secret": {"ARN": SECRET_ARN},
        "secretsmanager.get_resource_policy": DENIED,
    }
    found = Secrets(AnsweringSession(answers)).fact(SECRET)

    assert (found.presence, found.policy_read, found.resource_policy) == ("present", False, None)
    assert found.policy_gap


def test_a_secret_that_does_not_exist_is_missing() -> None:
    missing = ("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")

    assert Secrets(AnsweringSession({"secretsmanager.describe_secret": missing})).fact(SECRET).presence == "missing"


@pytest.mark.parametrize(
    ("described", "presence", "key", "is_encrypted"),
    [
        ([{"Name": "/web/token", "Type": "SecureString", "KeyId": "alias/web"}], "present", "alias/web", True),
        ([{"Name": "/web/token", "Type": "String", "KeyId": "alias/web"}], "present", "", False),
        ([{"Name": "/web/token2", "Type": "String"}], "missing", "", True),
        ([], "missing", "", True),
    ],
)
def test_a_parameter_is_looked_up_by_its_exact_name(
    described: list[dict[str, Any]], presence: str, key: str, is_encrypted: bool
) -> None:
    session = AnsweringSession({"ssm.describe_parameters": {"Parameters": described}})
    found = Secrets(session).fact(PARAMETER)

    assert (found.presence, found.kms_key_id, found.is_encrypted) == (presence, key, is_encrypted)
    assert found.arn == (PARAMETER_ARN if presence == "present" else "")
    assert session.asked[0][2]["ParameterFilters"][0]["Values"] == ["/web/token"]


@pytest.mark.parametrize(
    ("value_from", "asked", "held", "presence"),
    [
        (f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/token", ["token", "/token"], ["token"], "present"),
        (f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/token", ["token", "/token"], ["/token"], "present"),
        (f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/token", ["token", "/token"], ["/other"], "missing"),
        (PARAMETER_ARN, ["/web/token"], ["/web/token"], "present"),
        ("token", ["token"], ["token"], "present"),
        ("/token", ["/token"], ["/token"], "present"),
    ],
)
def test_an_arn_leaves_open_whether_a_parameters_name_begins_with_a_slash(
    value_from: str, asked: list[str], held: list[str], presence: str
) -> None:
    described = [{"Name": name, "Type": "String"} for name in held]
    session = AnsweringSession({"ssm.describe_parameters": {"Parameters": described}})

    assert Secrets(session).fact(SecretReference("Main", "TOKEN", value_from)).presence == presence
    assert session.asked[0][2]["ParameterFilters"][0]["Values"] == asked


def test_a_list_of_parameters_that_breaks_off_is_not_taken_for_whole() -> None:
    def describe(parameters: dict[str, Any]) -> Any:
        refused = ("InvalidFilterValue", "The filter value is not valid.")
        return refused if "NextToken" in parameters else {"Parameters": [], "NextToken": "more"}

    with pytest.raises(TargetError) as error:
        Secrets(AnsweringSession({"ssm.describe_parameters": describe})).fact(PARAMETER)
    assert error.value.code == "aws_error"


def test_a_parameter_of_another_account_is_not_looked_for_here() -> None:
    session = AnsweringSession({})
    foreign = SecretReference("Main", "TOKEN", "arn:aws:ssm:us-east-1:210987654321:parameter/shared")

    assert Secrets(session).fact(foreign).presence == "elsewhere"
    assert session.asked == []


def test_a_customers_key_comes_with_its_policy_and_aws_own_without() -> None:
    def metadata(manager: str) -> dict[str, Any]:
        return {"KeyMetadata": {"KeyId": KEY_ID, "Arn": KEY_ARN, "KeyState": "Disabled", "KeyManager": manager}}

    answers = {"kms.describe_key": metadata("CUSTOMER"), "kms.get_key_policy": {"Policy": POLICY}}
    found = Secrets(AnsweringSession(answers)).key(KEY_ID, region="eu-west-1")
    assert (found.arn, found.state, found.is_customer_managed, found.policy_read) == (KEY_ARN, "Disabled", True, True)

    aws = AnsweringSession({"kms.describe_key": metadata("AWS")})
    assert Secrets(aws).key(KEY_ID, region="") == KeyFact(KEY_ID, "present", KEY_ARN, "Disabled")


def test_a_key_whose_policy_may_not_be_read_is_known_all_the_same_and_one_that_is_gone_is_missing() -> None:
    metadata = {"KeyMetadata": {"KeyId": KEY_ID, "Arn": KEY_ARN, "KeyState": "Enabled", "KeyManager": "CUSTOMER"}}
    found = Secrets(AnsweringSession({"kms.describe_key": metadata, "kms.get_key_policy": DENIED})).key(
        KEY_ID, region=""
    )
    assert not found.policy_read
    assert found.policy_gap

    gone = AnsweringSession({"kms.describe_key": ("NotFoundException", "Alias does not exist")})
    assert Secrets(gone).key("alias/web", region="").presence == "missing"


# -- scaling, alarms, quotas ------------------------------------------------------------------------------------
def _target(**more: Any) -> dict[str, Any]:
    return {
        "ServiceNamespace": "ecs",
        "ResourceId": "service/default/web",
        "ScalableDimension": "ecs:service:DesiredCount",
        "MinCapacity": 1,
        "MaxCapacity": 4,
        "RoleARN": "arn:role",
        "CreationTime": NOW,
        **more,
    }


def test_how_a_service_scales_is_read_with_its_policies_and_newest_activities() -> None:
    place = {key: _target()[key] for key in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
    policy = {
        **place,
        "PolicyARN": "arn:policy",
        "PolicyName": "cpu",
        "PolicyType": "TargetTrackingScaling",
        "CreationTime": NOW,
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 60.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
        },
        "Alarms": [{"AlarmName": "high", "AlarmARN": "arn:high"}],
    }
    activity = {
        **place,
        "ActivityId": "1",
        "Description": "Attempting to scale",
        "Cause": "alarm high",
        "StartTime": NOW,
        "StatusCode": "Successful",
        "NotScaledReasons": [{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 4}],
    }
    suspended = {"SuspendedState": {"DynamicScalingOutSuspended": True}}
    session = AnsweringSession(
        {
            "application-autoscaling.describe_scalable_targets": {"ScalableTargets": [_target(**suspended)]},
            "application-autoscaling.describe_scaling_policies": {"ScalingPolicies": [policy]},
            "application-autoscaling.describe_scaling_activities": {"ScalingActivities": [activity]},
        }
    )
    found = Scaling(session).of_service("default", "web")

    assert found is not None
    assert (found.minimum, found.maximum, found.scaling_out_suspended) == (1, 4, True)
    assert found.policies == (ScalingPolicy("cpu", "ECSServiceAverageCPUUtilization", 60.0, ("high",)),)
    assert found.activities == (
        ScalingActivity("Successful", "Attempting to scale", "alarm high", "", ("AlreadyAtMaxCapacity",), NOW),
    )
    asked = {name: parameters for name, _, parameters in session.asked}
    assert asked["application-autoscaling.describe_scaling_activities"]["IncludeNotScaledActivities"] is True


def test_a_service_that_does_not_scale_has_no_scalable_target() -> None:
    session = AnsweringSession(
        {
            "application-autoscaling.describe_scalable_targets": {"ScalableTargets": []},
            "application-autoscaling.describe_scaling_policies": {"ScalingPolicies": []},
            "application-autoscaling.describe_scaling_activities": {"ScalingActivities": []},
        }
    )

    assert Scaling(session).of_service("default", "web") is None


def test_alarms_are_read_with_their_metrics_a_hundred_at_a_time() -> None:
    stat = {"Metric": {"MetricName": "HTTPCode_Target_5XX_Count"}, "Period": 60, "Stat": "Sum"}
    expression = {"AlarmName": "errors", "StateValue": "ALARM", "Metrics": [{"Id": "m", "MetricStat": stat}]}
    metric = {
        "AlarmName": "cpu",
        "StateValue": "OK",
        "MetricName": "CPUUtilization",
        "Threshold": 60.0,
        "Dimensions": [{"Name": "ServiceName", "Value": "web"}],
    }
    session = AnsweringSession(
        {"cloudwatch.describe_alarms": {"MetricAlarms": [expression, metric], "CompositeAlarms": []}}
    )
    found = Alarms(session).alarms(["errors", "cpu"])

    assert [(one.name, one.metric) for one in found] == [
        ("errors", "HTTPCode_Target_5XX_Count"),
        ("cpu", "CPUUtilization"),
    ]
    assert found[1].dimensions == {"ServiceName": "web"}
    Alarms(session).alarms([str(number) for number in range(150)])
    assert [len(asked["AlarmNames"]) for _, _, asked in session.asked] == [2, 100, 50]


def _quota(value: float) -> dict[str, Any]:
    usage = {
        "MetricNamespace": "AWS/Usage",
        "MetricName": "ResourceCount",
        "MetricDimensions": {"Service": "Fargate", "Resource": "vCPU"},
        "MetricStatisticRecommendation": "Maximum",
    }
    return {"Quota": {"QuotaName": "vCPU count", "Value": value, "UsageMetric": usage}}


def test_a_quota_comes_with_what_is_in_use_and_its_default_where_the_account_has_none_of_its_own() -> None:
    session = AnsweringSession(
        {
            "service-quotas.get_service_quota": ("NoSuchResourceException", "no quota"),
            "service-quotas.get_aws_default_service_quota": _quota(6.0),
            "cloudwatch.get_metric_statistics": {"Datapoints": [{"Maximum": 3.0}, {"Maximum": 5.5}]},
        }
    )

    assert {(one.value, one.used) for one in Quotas(session).fargate()} == {(6.0, 5.5)}


@pytest.mark.parametrize("statistics", [DENIED, {"Datapoints": []}, {"Datapoints": [{"Average": 1.0}]}])
def test_a_quota_is_worth_telling_also_where_its_use_is_not_told(statistics: Any) -> None:
    session = AnsweringSession(
        {"service-quotas.get_service_quota": _quota(6.0), "cloudwatch.get_metric_statistics": statistics}
    )

    assert {(one.value, one.used) for one in Quotas(session).fargate()} == {(6.0, None)}


# -- repositories -----------------------------------------------------------------------------------------------
def test_a_repositorys_policy_and_tags_are_read_in_its_own_registry_and_region() -> None:
    details = [
        {"imageTags": ["old"], "imagePushedAt": NOW.replace(day=1)},
        {"imageTags": ["new", "latest"], "imagePushedAt": NOW.replace(day=3)},
    ]
    session = AnsweringSession(
        {"ecr.get_repository_policy": {"policyText": POLICY}, "ecr.describe_images": {"imageDetails": details}}
    )
    repositories = Repositories(session)
    place = {"registry_id": "210987654321", "region": "eu-west-1"}

    assert repositories.policy("team/web", **place) == {"Version": "2012-10-17", "Statement": []}
    assert repositories.tags("team/web", **place) == ("new", "latest", "old")
    assert {(where, asked["registryId"]) for _, where, asked in session.asked} == {("eu-west-1", "210987654321")}


def test_a_repository_without_a_policy_has_none() -> None:
    none = ("RepositoryPolicyNotFoundException", "no policy")
    session = AnsweringSession({"ecr.get_repository_policy": none})

    assert Repositories(session).policy("web", registry_id=ACCOUNT, region="us-east-1") is None


REFUSED: dict[str, Callable[[Any], Any]] = {
    "secretsmanager.describe_secret": lambda session: Secrets(session).fact(SECRET),
    "ssm.describe_parameters": lambda session: Secrets(session).fact(PARAMETER),
    "kms.describe_key": lambda session: Secrets(session).key(KEY_ID, region=""),
    "application-autoscaling.describe_scalable_targets": lambda session: Scaling(session).of_service("c", "s"),
    "cloudwatch.describe_alarms": lambda session: Alarms(session).alarms(["a"]),
    "service-quotas.get_service_quota": lambda session: Quotas(session).fargate(),
    "ecr.get_repository_policy": lambda session: Repositories(session).policy("web", registry_id=ACCOUNT, region="x-1"),
    "ecr.describe_images": lambda session: Repositories(session).tags("web", registry_id=ACCOUNT, region="x-1"),
    "ecs.describe_task_definition": lambda session: Ecs(session).task_definition("web"),
    "ecs.list_task_definition_families": lambda session: Ecs(session).families("web", limit=3),
}


@pytest.mark.parametrize("operation", REFUSED)
def test_a_read_that_is_refused_is_an_error_of_the_target(operation: str) -> None:
    with pytest.raises(TargetError) as caught:
        REFUSED[operation](AnsweringSession({operation: DENIED}))

    assert caught.value.code == "access_denied"
