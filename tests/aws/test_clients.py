"""Answers and refusals of ECS, IAM, logs and load balancers that the embedded AWS does not give."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from expressway.aws.ecs.client import Ecs
from expressway.aws.ecs.parse import revision_state
from expressway.aws.elbv2 import LoadBalancers
from expressway.aws.logs import Logs
from expressway.aws.session import AwsSession, open_session
from expressway.aws.values.service import ManagedResource
from expressway.aws.values.task_definition import PortMapping
from expressway.errors import ServiceError, TargetError
from tests.secret_samples import SecretSource

ACCOUNT = "111122223333"
SERVICE = f"arn:aws:ecs:eu-west-1:{ACCOUNT}:service/default/web"
NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def session() -> AwsSession:
    return open_session(sandbox_url="http://127.0.0.1:1", region="eu-west-1")


@pytest.fixture
def stub(session: AwsSession) -> Callable[[str], Stubber]:
    def activate(service: str) -> Stubber:
        stubber = Stubber(session.client(service))
        stubber.activate()
        return stubber

    return activate


Stub = Callable[[str], Stubber]


def _tail(logs: Logs) -> tuple[str, ...] | None:
    events = logs.tail_events("/expressway/web", "s")
    return None if events is None else tuple(one.message for one in events)


def test_every_page_of_a_list_is_read(session: AwsSession, stub: Stub) -> None:
    ecs = stub("ecs")
    asked = {"cluster": "default", "maxResults": 100}
    ecs.add_response("list_services", {"serviceArns": [SERVICE], "nextToken": "more"}, asked)
    ecs.add_response("list_services", {"serviceArns": [f"{SERVICE}-2"]}, asked | {"nextToken": "more"})

    assert Ecs(session).service_names("default") == ("web", "web-2")


def test_a_cluster_that_does_not_exist_has_no_services(session: AwsSession, stub: Stub) -> None:
    stub("ecs").add_client_error("list_services", "ClusterNotFoundException")

    assert Ecs(session).service_names("nowhere") == ()


def test_an_inactive_cluster_does_not_exist(session: AwsSession, stub: Stub) -> None:
    stub("ecs").add_response("describe_clusters", {"clusters": [{"clusterName": "old", "status": "INACTIVE"}]})

    assert not Ecs(session).cluster_exists("old")


def test_the_newest_deployments_come_first_whatever_the_order_of_the_answer(session: AwsSession, stub: Stub) -> None:
    ecs = stub("ecs")
    listed = [{"serviceDeploymentArn": f"d/{n}", "createdAt": NOW.replace(hour=n)} for n in (1, 3, 2)]
    ecs.add_response("list_service_deployments", {"serviceDeployments": listed})
    described = [{"serviceDeploymentArn": f"d/{n}", "status": "SUCCESSFUL"} for n in (2, 3)]
    ecs.add_response(
        "describe_service_deployments", {"serviceDeployments": described}, {"serviceDeploymentArns": ["d/3", "d/2"]}
    )

    found = Ecs(session).newest_deployments("default", "web", limit=2)

    assert [one.arn for one in found] == ["d/3", "d/2"]


def test_a_rollback_is_read_with_its_reason_and_alarms(session: AwsSession, stub: Stub) -> None:
    ecs = stub("ecs")
    ecs.add_response("list_service_deployments", {"serviceDeployments": [{"serviceDeploymentArn": "d/1"}]})
    raw: dict[str, Any] = {
        "serviceDeploymentArn": "d/1",
        "status": "ROLLBACK_IN_PROGRESS",
        "statusReason": "alarm",
        "targetServiceRevision": {"arn": "r/2", "requestedTaskCount": 2, "runningTaskCount": 1},
        "rollback": {"reason": "An alarm was triggered.", "serviceRevisionArn": "r/1"},
        "alarms": {"status": "TRIGGERED", "triggeredAlarmNames": ["web-rollback"]},
    }
    ecs.add_response("describe_service_deployments", {"serviceDeployments": [raw]})

    (found,) = Ecs(session).newest_deployments("default", "web")

    assert found.failed
    assert (found.target_revision_arn, found.requested_count, found.running_count) == ("r/2", 2, 1)
    assert (found.rollback_reason, found.rollback_revision_arn) == ("An alarm was triggered.", "r/1")
    assert found.triggered_alarms == ("web-rollback",)


@pytest.mark.parametrize(
    ("paths", "ports", "found"),
    [
        (("/healthz",), (8080,), ("/healthz", 8080)),
        (("/healthz", "/healthz"), (8080, 8080), ("/healthz", 8080)),
        (("/healthz", None), (), ("/healthz", 0)),
        (("/healthz", "/"), (8080, 9090), ("", 0)),
    ],
)
def test_a_revision_tells_where_it_is_asked_for_its_health_unless_it_names_two_places(
    paths: tuple[str | None, ...], ports: tuple[int, ...], found: tuple[str, int]
) -> None:
    groups = [{"arn": "tg", "status": "ACTIVE", **({"healthCheckPath": path} if path else {})} for path in paths]
    balancers = [{"targetGroupArn": "tg", "containerName": "Main", "containerPort": port} for port in ports]
    managed = {"ingressPaths": [{"targetGroups": groups}]}
    revision = revision_state({"loadBalancers": balancers, "ecsManagedResources": managed})
    assert (revision.health_check_path, revision.container_port) == found


def test_managed_resources_are_found_however_deep_they_lie(session: AwsSession, stub: Stub) -> None:
    denied = "AccessDenied: not authorized to perform: acm:RequestCertificate"
    up: dict[str, Any] = {"status": "ACTIVE", "updatedAt": NOW}
    group = {**up, "healthCheckPath": "/", "healthCheckPort": 8080, "port": 8080}
    managed: dict[str, Any] = {
        "ingressPaths": [
            {
                "accessType": "PUBLIC",
                "endpoint": "ex",
                "loadBalancer": {**up, "arn": "lb", "scheme": "internet-facing"},
                "certificate": {**up, "status": "PROVISIONING", "statusReason": denied, "domainName": "ex"},
                "targetGroups": [{**group, "arn": "tg/1"}, {**group, "arn": "tg/2"}],
            }
        ],
        "autoScaling": {"scalableTarget": {**up, "arn": "st", "minCapacity": 1, "maxCapacity": 1}},
    }
    raw = {"serviceRevisionArn": "r/1", "taskDefinition": "td:1", "ecsManagedResources": managed}
    stub("ecs").add_response("describe_service_revisions", {"serviceRevisions": [raw]})

    (revision,) = Ecs(session).revisions(["r/1"])

    assert revision.target_group_arns == ("tg/1", "tg/2")
    assert (revision.health_check_path, revision.container_port) == ("/", 0)
    assert ManagedResource("certificate", "", "PROVISIONING", denied) in revision.managed_resources
    assert {one.kind for one in revision.managed_resources} == {
        "loadBalancer",
        "certificate",
        "targetGroups",
        "scalableTarget",
    }


def test_stopped_tasks_of_a_deleted_service_are_found_in_the_cluster(session: AwsSession, stub: Stub) -> None:
    ecs = stub("ecs")
    ecs.add_client_error("list_tasks", "ServiceNotActiveException")
    ecs.add_client_error("list_tasks", "ServiceNotActiveException")
    ecs.add_response("list_tasks", {"taskArns": ["t/1", "t/2"]}, {"cluster": "default", "desiredStatus": "STOPPED"})
    raw = [
        {
            "taskArn": "t/1",
            "group": "service:web",
            "lastStatus": "STOPPED",
            "stopCode": "EssentialContainerExited",
            "containers": [{"name": "Main", "exitCode": 0, "networkInterfaces": [{"privateIpv4Address": "10.0.0.7"}]}],
        },
        {"taskArn": "t/2", "group": "service:other", "lastStatus": "STOPPED"},
    ]
    ecs.add_response("describe_tasks", {"tasks": raw}, {"cluster": "default", "tasks": ["t/1", "t/2"]})

    (task,) = Ecs(session).service_tasks("default", "web")

    assert task.task_id == "1"
    assert task.failed
    assert (task.containers[0].exit_code, task.containers[0].private_ip) == (0, "10.0.0.7")


def test_a_task_definition_is_read_with_its_ports(session: AwsSession, stub: Stub) -> None:
    arn = "arn:aws:ecs:us-east-1:111122223333:task-definition/web:7"
    raw = {
        "taskDefinitionArn": arn,
        "status": "ACTIVE",
        "compatibilities": ["EC2", "FARGATE"],
        "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [
            {"name": "Main", "portMappings": [{"containerPort": 8080, "name": "http"}]},
            {"name": "agent", "portMappings": [{"containerPort": 8125, "protocol": "udp"}]},
        ],
    }
    stub("ecs").add_response("describe_task_definition", {"taskDefinition": raw}, {"taskDefinition": arn})
    found = Ecs(session).task_definition(arn)
    assert found is not None
    assert found.launch_types == {"EC2", "FARGATE"}
    assert [(one.name, one.ports) for one in found.containers] == [
        ("Main", (PortMapping("http", 8080),)),
        ("agent", (PortMapping("", 8125, "udp"),)),
    ]
    assert found.problems == ()


def test_a_task_definition_that_does_not_exist_is_none(session: AwsSession, stub: Stub) -> None:
    stub("ecs").add_client_error("describe_task_definition", "ClientException", "Unable to describe task definition.")
    assert Ecs(session).task_definition("arn:aws:ecs:us-east-1:111122223333:task-definition/web:8") is None


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ResourceNotFoundException", "gone"),
        ("ServiceNotFoundException", "gone"),
        ("InvalidParameterException", "The service is not an Express Gateway service"),
        ("UnsupportedFeatureException", "not here"),
    ],
)
def test_a_service_without_an_express_side_is_none(session: AwsSession, stub: Stub, code: str, message: str) -> None:
    stub("ecs").add_client_error("describe_express_gateway_service", code, message)

    assert Ecs(session).express_service(SERVICE) is None


@pytest.mark.parametrize("code", ["ServiceNotFoundException", "ServiceNotActiveException", "ClusterNotFoundException"])
def test_deleting_what_is_gone_already_is_fine(session: AwsSession, stub: Stub, code: str) -> None:
    ecs = stub("ecs")
    ecs.add_client_error("delete_express_gateway_service", code, expected_params={"serviceArn": SERVICE})

    Ecs(session).delete_express_service(SERVICE)

    ecs.assert_no_pending_responses()


def test_a_deletion_that_ecs_refuses_keeps_its_reason(session: AwsSession, stub: Stub) -> None:
    stub("ecs").add_client_error("delete_express_gateway_service", "InvalidParameterException", "It is not yours.")

    with pytest.raises(ServiceError) as caught:
        Ecs(session).delete_express_service(SERVICE)

    assert caught.value.code == "service_delete_refused"
    assert "It is not yours." in caught.value.message


@pytest.mark.parametrize(
    ("aws", "ours"),
    [
        ("AccessDeniedException", "access_denied"),
        ("ThrottlingException", "throttled"),
        ("ExpiredTokenException", "credentials_expired"),
        ("ServerException", "service_unavailable"),
    ],
)
def test_what_stands_between_us_and_ecs_is_named(session: AwsSession, stub: Stub, aws: str, ours: str) -> None:
    stub("ecs").add_client_error("describe_services", aws, "no")

    with pytest.raises(TargetError) as caught:
        Ecs(session).service("default", "web")

    assert caught.value.code == ours


def test_the_end_of_a_log_is_read_oldest_line_first(session: AwsSession, stub: Stub) -> None:
    events = [{"timestamp": 1, "message": "one\n"}, {"timestamp": 2, "message": "two"}]
    stub("logs").add_response(
        "get_log_events",
        {"events": events},
        {"logGroupName": "/expressway/web", "logStreamName": "s", "limit": 60, "startFromHead": False},
    )

    assert _tail(Logs(session)) == ("one", "two")


def test_secrets_of_known_kinds_are_masked_as_a_log_is_read(session: AwsSession, stub: Stub) -> None:
    url, secret = SecretSource(1).of_kind("postgres url")
    key, body = SecretSource(2).of_kind("private key")
    lines = [url, *key.split("\n"), "the end"]
    stub("logs").add_response("get_log_events", {"events": [{"message": line} for line in lines]})
    shown = _tail(Logs(session))
    assert shown is not None
    assert len(shown) == len(lines)
    assert shown[-1] == "the end"
    assert secret not in str(shown)
    assert body not in str(shown)


def test_what_is_cut_off_a_long_line_is_not_looked_through_and_leaves_no_half_of_a_secret(
    session: AwsSession, stub: Stub
) -> None:
    url, secret = SecretSource(3).of_kind("postgres url")
    at_the_cut = "word " * 1_598 + url + " more" * 50_000
    stub("logs").add_response("get_log_events", {"events": [{"message": at_the_cut}, {"message": "short"}]})
    cut, short = Logs(session).tail_events("/expressway/web", "s")
    assert (len(cut.message), short.message) == (8_001, "short")
    assert cut.message.endswith("…")
    assert all(secret[:length] not in cut.message for length in (6, len(secret)))


@pytest.mark.parametrize("kind", ["github token", "postgres url", "password in json", "jwt", "aws access key"])
def test_what_is_masked_in_a_long_line_moves_no_half_of_a_secret_into_what_is_shown(
    session: AwsSession, stub: Stub, kind: str
) -> None:
    log = stub("logs")
    for at in range(8_900, 9_001, 7):
        told, secret = SecretSource(at).of_kind(kind)
        long_gone = SecretSource(4).word("0123456789abcdef", 4_000)
        line = f"password={long_gone} ".ljust(at - told.index(secret) - 8, "-") + f" {told} and more" + " more" * 500
        log.add_response("get_log_events", {"events": [{"message": line}]})
        (shown,) = _tail(Logs(session)) or ()
        assert secret[:8] not in shown, at
        assert long_gone[:8] not in shown


def test_of_many_long_lines_the_newest_are_kept(session: AwsSession, stub: Stub) -> None:
    lines = [f"{number} " + "x" * 30_000 for number in range(960)]
    stub("logs").add_response("filter_log_events", {"events": [{"message": line} for line in lines]})
    now = datetime.now(UTC)
    found = Logs(session).search("/g", start=now - timedelta(hours=1), end=now, limit=1000)
    assert sum(len(one.message) for one in found.events) <= 201_000
    assert [one.message.split()[0] for one in found.events[-2:]] == ["958", "959"]
    assert not found.complete


def test_a_log_that_was_never_written_is_empty_and_one_whose_group_was_deleted_is_gone(
    session: AwsSession, stub: Stub
) -> None:
    missing = "The specified log {} does not exist."
    answers = stub("logs")
    for what in ("stream", "group", "group"):
        answers.add_client_error("get_log_events", "ResourceNotFoundException", missing.format(what))
    logs = Logs(session)

    assert _tail(logs) == ()
    assert _tail(logs) is None
    assert logs.tail_events("/expressway/web", "s") is None


def test_a_log_group_with_a_longer_name_is_not_taken_for_ours(session: AwsSession, stub: Stub) -> None:
    logs = stub("logs")
    logs.add_response(
        "describe_log_groups", {"logGroups": [{"logGroupName": "/expressway/web-2"}], "nextToken": "more"}
    )
    logs.add_response(
        "describe_log_groups",
        {"logGroups": [{"logGroupName": "/expressway/web", "retentionInDays": 30}]},
        {"logGroupNamePrefix": "/expressway/web", "nextToken": "more"},
    )

    group = Logs(session).group("/expressway/web")

    assert group is not None
    assert group.retention_days == 30


def test_deleting_a_log_group_that_is_gone_is_told(session: AwsSession, stub: Stub) -> None:
    stub("logs").add_client_error("delete_log_group", "ResourceNotFoundException")

    assert not Logs(session).delete_group("/expressway/web")


def test_target_health_is_read_group_by_group_and_a_group_that_is_gone_has_none(
    session: AwsSession, stub: Stub
) -> None:
    elb = stub("elbv2")
    health = {
        "Target": {"Id": "10.0.0.7", "Port": 8080},
        "TargetHealth": {
            "State": "unhealthy",
            "Reason": "Target.ResponseCodeMismatch",
            "Description": "Health checks failed with these codes: [404]",
        },
    }
    elb.add_client_error("describe_target_health", "TargetGroupNotFound")
    elb.add_response("describe_target_health", {"TargetHealthDescriptions": [health]}, {"TargetGroupArn": ANY})

    (target,) = LoadBalancers(session).health(["tg/old", "tg/new"])

    assert (target.target_id, target.port, target.state, target.target_group_arn) == (
        "10.0.0.7",
        8080,
        "unhealthy",
        "tg/new",
    )
    assert "[404]" in target.description
