"""Whole clusters and searches of logs as AWS answers them: pages, refusals, and the newest lines kept."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from expressway.aws.ecs.client import Ecs
from expressway.aws.logs import Logs
from expressway.aws.session import AwsSession, open_session
from expressway.errors import ExpresswayError, TargetError

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR_AGO = NOW - timedelta(hours=1)
TASK = "arn:aws:ecs:eu-west-1:111122223333:task/default/t1"


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


def test_a_cluster_is_told_with_its_counts_and_a_missing_one_is_none(session: AwsSession, stub: Stub) -> None:
    ecs = stub("ecs")
    raw = {"clusterName": "default", "clusterArn": "arn", "status": "ACTIVE", "runningTasksCount": 2}
    ecs.add_response("describe_clusters", {"clusters": [raw]}, {"clusters": ["default"]})
    ecs.add_response("describe_clusters", {"clusters": [], "failures": [{"arn": "a", "reason": "MISSING"}]})
    cluster = Ecs(session).cluster("default")
    assert cluster is not None
    assert (cluster.status, cluster.running_tasks) == ("ACTIVE", 2)
    assert Ecs(session).cluster("nope") is None


@pytest.mark.parametrize(("stability", "state"), [("STEADY_STATE", "COMPLETED"), ("STABILIZING", "")])
def test_the_task_sets_of_a_service_that_others_deploy_are_its_rollouts(
    session: AwsSession, stub: Stub, stability: str, state: str
) -> None:
    task_set = {
        "id": "ecs-svc/2",
        "status": "ACTIVE",
        "taskDefinition": "td:2",
        "computedDesiredCount": 2,
        "runningCount": 1,
        "createdAt": NOW,
        "stabilityStatus": stability,
    }
    raw: dict[str, Any] = {"serviceName": "web", "deployments": [], "taskSets": [task_set]}
    stub("ecs").add_response("describe_services", {"services": [raw]}, {"cluster": "c", "services": ["web"]})
    (service,) = Ecs(session).services("c", ["web"])
    (rollout,) = service.rollouts
    assert (rollout.deployment_id, rollout.status, rollout.state) == ("ecs-svc/2", "ACTIVE", state)
    assert (rollout.desired_count, rollout.running_count, rollout.task_definition_arn) == (2, 1, "td:2")


def test_services_come_with_rollouts_groups_grace_and_all_their_events(session: AwsSession, stub: Stub) -> None:
    events = [{"id": str(number), "createdAt": NOW, "message": f"event {number}"} for number in range(100)]
    raw: dict[str, Any] = {
        "serviceName": "web",
        "status": "ACTIVE",
        "healthCheckGracePeriodSeconds": 60,
        "loadBalancers": [{"targetGroupArn": "tg"}],
        "deployments": [{"id": "ecs-svc/1", "status": "PRIMARY", "rolloutState": "FAILED", "failedTasks": 4}],
        "events": events,
    }
    stub("ecs").add_response("describe_services", {"services": [raw]}, {"cluster": "c", "services": ["web"]})
    (service,) = Ecs(session).services("c", ["web"])
    assert (service.grace_period_seconds, service.target_group_arns, len(service.events)) == (60, ("tg",), 100)
    assert (service.rollouts[0].state, service.rollouts[0].failed_count) == ("FAILED", 4)


def test_tasks_of_all_pages_are_listed_for_one_service_or_for_all(session: AwsSession, stub: Stub) -> None:
    ecs = stub("ecs")
    first = {"cluster": "c", "desiredStatus": "STOPPED", "serviceName": "web"}
    ecs.add_response("list_tasks", {"taskArns": [TASK], "nextToken": "more"}, first)
    ecs.add_response("list_tasks", {"taskArns": [f"{TASK}2"]}, {**first, "nextToken": "more"})
    ecs.add_response("list_tasks", {"taskArns": []}, {"cluster": "c", "desiredStatus": "RUNNING"})
    assert Ecs(session).task_arns("c", "STOPPED", service_name="web") == (TASK, f"{TASK}2")
    assert Ecs(session).task_arns("c", "RUNNING") == ()


def test_limits_and_logs_of_a_task_definition_are_read_at_once(session: AwsSession, stub: Stub) -> None:
    options = {"awslogs-group": "/g", "awslogs-stream-prefix": "app"}
    raw = {
        "taskDefinitionArn": "td:1",
        "memory": "1024",
        "runtimePlatform": {"cpuArchitecture": "ARM64"},
        "containerDefinitions": [
            {
                "name": "Main",
                "image": "i:1",
                "memory": 256,
                "stopTimeout": 90,
                "logConfiguration": {"logDriver": "awslogs", "options": options},
            }
        ],
    }
    stub("ecs").add_response("describe_task_definition", {"taskDefinition": raw})
    definition = Ecs(session).task_definition("td:1")
    assert definition is not None
    assert (definition.memory_mib, definition.cpu_architecture) == (1024, "ARM64")
    assert (definition.containers[0].memory_mib, definition.containers[0].stop_timeout_seconds) == (256, 90)
    assert definition.log_configurations[0].stream("t1") == "app/Main/t1"


def test_a_refusal_is_a_target_error(session: AwsSession, stub: Stub) -> None:
    stub("ecs").add_client_error("describe_clusters", "AccessDeniedException", http_status_code=400)
    with pytest.raises(TargetError) as caught:
        Ecs(session).cluster("default")
    assert caught.value.code == "access_denied"


class TestLogSearch:
    def test_pages_are_followed_and_only_the_newest_lines_kept(self, session: AwsSession, stub: Stub) -> None:
        logs = stub("logs")
        asked = {"logGroupName": "/g", "startTime": ANY, "endTime": ANY, "filterPattern": "ERROR"}
        logs.add_response("filter_log_events", {"events": _events(0, 3), "nextToken": "n"}, asked)
        logs.add_response("filter_log_events", {"events": _events(3, 2)}, {**asked, "nextToken": "n"})
        found = Logs(session).search("/g", start=HOUR_AGO, end=NOW, pattern="ERROR", limit=2)
        assert [one.message for one in found.events] == ["line 3", "line 4"]
        assert not found.complete

    def test_where_there_is_too_much_the_older_half_of_the_time_is_given_up(
        self, session: AwsSession, stub: Stub
    ) -> None:
        logs = stub("logs")
        for _ in range(20):
            logs.add_response("filter_log_events", {"events": _events(0, 1), "nextToken": "n"})
        middle = HOUR_AGO + timedelta(minutes=30)
        logs.add_response(
            "filter_log_events",
            {"events": _events(50, 1)},
            {"logGroupName": "/g", "startTime": int(middle.timestamp() * 1000), "endTime": ANY},
        )
        found = Logs(session).search("/g", start=HOUR_AGO, end=NOW)
        assert [one.message for one in found.events] == ["line 50"]
        assert not found.complete
        logs.assert_no_pending_responses()

    def test_other_streams_of_the_group_are_left_out_also_where_the_prefix_is_ignored(
        self, session: AwsSession, stub: Stub
    ) -> None:
        events = [*_events(0, 1), {**_events(1, 1)[0], "logStreamName": "other/x"}]
        stub("logs").add_response("filter_log_events", {"events": events})
        found = Logs(session).search("/g", start=HOUR_AGO, end=NOW, stream_prefix="app/")
        assert [one.stream for one in found.events] == ["app/Main/t1"]

    def test_a_missing_group_is_an_answer(self, session: AwsSession, stub: Stub) -> None:
        stub("logs").add_client_error("filter_log_events", "ResourceNotFoundException")
        assert not Logs(session).search("/g", start=HOUR_AGO, end=NOW).group_exists

    def test_a_wrong_pattern_is_the_callers_mistake(self, session: AwsSession, stub: Stub) -> None:
        stub("logs").add_client_error("filter_log_events", "InvalidParameterException", "Invalid filter pattern")
        with pytest.raises(ExpresswayError) as caught:
            Logs(session).search("/g", start=HOUR_AGO, end=NOW, pattern="{ $.x")
        assert caught.value.code == "invalid_arguments"
        assert "{ $.x" in caught.value.message


def _events(first: int, count: int) -> list[dict[str, Any]]:
    began = int(HOUR_AGO.timestamp() * 1000)
    return [
        {"timestamp": began + number * 1000, "message": f"line {number}\n", "logStreamName": "app/Main/t1"}
        for number in range(first, first + count)
    ]
