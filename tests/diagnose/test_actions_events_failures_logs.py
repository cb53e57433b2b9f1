"""The diary of a service, the failures of a cluster, and the logs wherever task definitions say that they are."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from expressway.aws.values.service import ContainerState, LogConfiguration, Rollout, ServiceEvent, TargetHealth
from expressway.diagnose.actions import troubleshoot
from expressway.errors import TargetError
from tests.aws.ecs.fakes import START
from tests.diagnose.fakes import (
    LOG_GROUP,
    NOW,
    ClusterWorld,
    crashed,
    crashing,
    healthy,
)


def replaced() -> ClusterWorld:
    """A service that serves, and two tasks of the version before, which crashed."""
    made = healthy("web")
    assert made.definition is not None
    old = replace(made.definition, arn=made.definition.arn.replace(":1", ":0"))
    before = tuple(
        replace(crashed("web", number, exit_code=3), task_definition_arn=old.arn, started_by="ecs-svc/0")
        for number in (78, 77)
    )
    made.tasks, made.other_definitions = (*made.tasks, *before), (old,)
    world = ClusterWorld({"web": made})
    for one in before:
        world.write(one, "KeyError: 'BEFORE'")
    return world


@pytest.fixture
def world() -> ClusterWorld:
    return ClusterWorld({"web": healthy("web")})


def ask(world: ClusterWorld, action: str, **parameters: Any) -> Mapping[str, Any]:
    return troubleshoot(action, {"ecs_cluster_name": "default", **parameters}, world.ports()).whole


class TestEvents:
    def test_events_of_the_time_asked_for_come_with_the_keys_that_agents_know(self, world: ClusterWorld) -> None:
        made = world.services["web"]
        recent = ServiceEvent(NOW - timedelta(minutes=5), "(service web) has reached a steady state.", "e2")
        old = ServiceEvent(NOW - timedelta(hours=3), "(service web) was created.", "e1")
        made.state = replace(made.state, events=(recent, old))
        answer = ask(world, "fetch_service_events", ecs_service_name="web")
        assert answer["events"] == [
            {"message": recent.message, "timestamp": "2026-11-01T12:25:00+00:00", "id": "e2"},
        ]
        assert answer["service_exists"] is True
        assert answer["deployment"]["rollout_state"] == "COMPLETED"
        assert answer["issues"] == answer["findings"] == []
        everything = ask(world, "fetch_service_events", ecs_service_name="web", time_window=14400)
        assert len(everything["events"]) == 2

    def test_failed_and_stalled_rollouts_and_unhealthy_targets_are_issues(self, world: ClusterWorld) -> None:
        made = world.services["web"]
        made.state = replace(
            made.state, rollouts=(Rollout("ecs-svc/1", "PRIMARY", "IN_PROGRESS", desired_count=2, pending_count=1),)
        )
        made.targets = (
            TargetHealth(
                "10.0.0.1", 8080, "unhealthy", "Target.Timeout", target_group_arn=made.targets[0].target_group_arn
            ),
        )
        answer = ask(world, "fetch_service_events", ecs_service_name="web")
        assert [one["type"] for one in answer["issues"]] == ["stalled_deployment", "unhealthy_targets"]
        made.state = replace(made.state, rollouts=(Rollout("ecs-svc/1", "PRIMARY", "FAILED", "tasks failed"),))
        assert ask(world, "fetch_service_events", ecs_service_name="web")["issues"][0]["type"] == "failed_deployment"

    def test_a_service_that_is_not_there_is_an_answer_with_the_nearest_name(self, world: ClusterWorld) -> None:
        answer = ask(world, "fetch_service_events", ecs_service_name="wep")
        assert (answer["status"], answer["service_exists"]) == ("success", False)
        assert "Did you mean web?" in answer["message"]

    def test_one_that_may_not_be_read_is_a_gap(self, world: ClusterWorld) -> None:
        world.denied = {"services"}
        answer = ask(world, "fetch_service_events", ecs_service_name="web")
        assert answer["gaps"][0].startswith("service:")
        assert answer["findings"] == []


class TestFailures:
    def test_failed_tasks_keep_everything_that_aws_says_of_their_end(self) -> None:
        world = ClusterWorld({"web": crashing("web", tasks=1, exit_code=3)})
        answer = ask(world, "fetch_task_failures")
        (task,) = answer["failed_tasks"]
        assert task["stopped_reason"] == "Essential container in task exited"
        assert task["stop_code"] == "EssentialContainerExited"
        assert task["containers"] == [{"name": "Main", "exit_code": 3}]
        assert task["service"] == "web"
        assert answer["failure_categories"] == {
            "application_error": [{"task_id": "web-1", "service": "web", "container": "Main"}]
        }
        assert answer["findings"][0]["code"] == "container_exited"
        assert answer["cluster_exists"] is True

    def test_an_answer_that_is_cut_still_tells_how_the_tasks_it_names_ended(self) -> None:
        made = crashing("web", tasks=1)
        beside = ContainerState("log_router", "STOPPED", exit_code=143)
        tasks = [crashed("web", number, exit_code=3, reason="word " * 40) for number in range(60)]
        made.tasks = tuple(replace(one, containers=(beside, *one.containers)) for one in tasks)
        found = troubleshoot(
            "fetch_task_failures", {"ecs_cluster_name": "default"}, ClusterWorld({"web": made}).ports()
        )
        for size_bytes in (3_000, 2_200, 1_800):
            shown = found.to_dict(size_bytes)
            assert 0 < len(shown["failed_tasks"]) < 60
            assert all(one["containers"][0]["exit_code"] == 3 for one in shown["failed_tasks"])
            named = shown["failure_categories"]["application_error"]
            assert len(named) + shown["omitted"]["failure_categories.application_error"] == 60

    @pytest.mark.parametrize(
        ("exit_code", "reason", "category"),
        [
            (None, "CannotPullContainerError: manifest unknown", "image_pull_failure"),
            (137, "OutOfMemoryError: Container killed due to memory usage", "out_of_memory"),
            (137, "", "killed"),
            (139, "", "segmentation_fault"),
            (143, "", "terminated"),
            (127, "", "command_failure"),
            (0, "", "container_finished"),
            (None, "", "other"),
        ],
    )
    def test_failures_are_sorted_by_what_ended_them(self, exit_code: int | None, reason: str, category: str) -> None:
        made = crashing("web", tasks=1)
        made.tasks = (crashed("web", 1, exit_code=exit_code, reason=reason),)
        assert list(ask(ClusterWorld({"web": made}), "fetch_task_failures")["failure_categories"]) == [category]

    def test_tasks_that_were_scaled_in_are_no_failures(self, world: ClusterWorld) -> None:
        scaled_in = replace(
            crashed("web", 5, exit_code=0), stop_code="ServiceSchedulerInitiated", stopped_reason="Scaling"
        )
        world.services["web"].tasks += (scaled_in,)
        answer = ask(world, "fetch_task_failures")
        assert (answer["failed_tasks"], answer["stopped_normally"]) == ([], 1)

    def test_what_ended_tasks_of_a_version_that_was_replaced_is_told_beside_what_serves_now(self) -> None:
        world = replaced()
        answer = ask(world, "fetch_task_failures")
        (finding,) = answer["findings"]
        assert (finding["code"], finding["severity"]) == ("container_exited", "info")
        assert "(2 tasks of default-web:0 failed); the service web serves now (1 of 1 tasks run" in finding["cause"]
        assert finding["evidence"] == ["KeyError: 'BEFORE'"]

    def test_tasks_that_a_service_findings_are_about_are_not_told_twice(self) -> None:
        made = crashing("web", tasks=1)
        alone = replace(crashed("web", 9), group="family:default-web")
        made.tasks = (*(crashed("web", number) for number in range(150, 0, -1)), alone)
        answer = ask(ClusterWorld({"web": made}), "fetch_task_failures")
        causes = [one["cause"] for one in answer["findings"] if one["code"] == "container_exited"]
        assert len(causes) == 2
        assert "(1 task of default-web:1 failed)" in causes[1]

    def test_capacity_that_was_taken_back_hides_no_crash_of_an_earlier_rollout(self) -> None:
        world = replaced()
        made = world.services["web"]
        serves, *before = made.tasks
        of_same = [replace(one, task_definition_arn=serves.task_definition_arn) for one in before]
        taken = replace(crashed("web", 60, exit_code=143), stop_code="SpotInterruption", started_by="ecs-svc/0")
        made.tasks = (serves, *of_same, taken)
        found = {one["code"]: one["cause"] for one in ask(world, "fetch_task_failures")["findings"]}
        assert found.keys() == {"spot_interrupted", "container_exited"}
        assert "(2 tasks of default-web:1 failed)" in found["container_exited"]

    def test_a_finding_about_the_rollout_that_runs_hides_no_crash_of_an_earlier_one(self) -> None:
        made = crashing("web", tasks=1, exit_code=1)
        before = replace(crashed("web", 9, exit_code=3), started_by="ecs-svc/0")
        made.tasks = (*made.tasks, before)
        causes = [one["cause"] for one in ask(ClusterWorld({"web": made}), "fetch_task_failures")["findings"]]
        assert any("exited with code 1" in one for one in causes)
        assert any("exited with code 3" in one and "(1 task of default-web:1 failed)" in one for one in causes)

    def test_a_definition_or_log_of_old_tasks_that_may_not_be_read_is_a_gap(self) -> None:
        world = replaced()
        world.denied = {"task_definition", "tail_events"}
        answer = ask(world, "fetch_task_failures")
        assert answer["findings"][0]["cause"].startswith("The container Main exited with code 3; its log could not be")
        assert any(gap.startswith("task definition:") for gap in answer["gaps"])

    def test_failures_before_the_time_asked_for_are_left_out(self) -> None:
        world = ClusterWorld({"web": crashing("web")})
        assert ask(world, "fetch_task_failures", time_window=60)["failed_tasks"] == []
        at = {"start_time": START.isoformat(), "end_time": (START + timedelta(minutes=1)).timestamp()}
        assert len(ask(world, "fetch_task_failures", **at)["failed_tasks"]) == 3

    def test_a_wrong_cluster_is_an_answer(self, world: ClusterWorld) -> None:
        answer = ask(world, "fetch_task_failures", ecs_cluster_name="defaul")
        assert answer["cluster_exists"] is False
        assert answer["findings"][0]["code"] == "cluster_not_found"


class TestLogs:
    def test_logs_are_where_the_task_definition_says_whatever_the_group_is_called(self, world: ClusterWorld) -> None:
        world.write(
            world.services["web"].tasks[0], "INFO ready", "ERROR cannot reach 10.0.0.7", "ERROR cannot reach 10.0.0.9"
        )
        answer = ask(world, "fetch_task_logs")
        assert [one["severity"] for one in answer["log_entries"]] == ["INFO", "ERROR", "ERROR"]
        assert answer["log_groups"] == [{"name": LOG_GROUP, "log_streams": ["app/Main/web-1"], "entries": 3}]
        assert (answer["error_count"], answer["warning_count"], answer["info_count"]) == (2, 0, 1)
        assert answer["pattern_summary"][0]["count"] == 2
        assert world.asked("search") == [(LOG_GROUP, (), "app/Main/", "")]

    def test_tasks_that_failed_with_these_lines_are_told_and_whether_it_is_over(self) -> None:
        (finding,) = ask(replaced(), "fetch_task_logs")["findings"]
        assert (finding["code"], finding["severity"]) == ("container_exited", "info")
        assert "exited with code 3 (2 tasks of default-web:0 failed); the service web serves now" in finding["cause"]
        assert finding["evidence"] == ["KeyError: 'BEFORE'"]

    def test_a_service_that_its_tasks_keep_from_serving_is_critical(self) -> None:
        made = crashing("web")
        world = ClusterWorld({"web": made})
        world.write(made.tasks[0], "KeyError: 'A'")
        (finding,) = ask(world, "fetch_task_logs")["findings"]
        assert (finding["code"], finding["severity"]) == ("container_exited", "critical")
        assert "(3 tasks of default-web:1 failed); the service web does not serve (0 of 1 tasks run" in finding["cause"]

    def test_errors_of_tasks_that_run_on_are_a_clue(self, world: ClusterWorld) -> None:
        world.write(world.services["web"].tasks[0], "INFO ready", "ERROR cannot reach 10.0.0.7")
        (finding,) = ask(world, "fetch_task_logs")["findings"]
        assert (finding["code"], finding["severity"]) == ("errors_in_log", "info")
        assert finding["evidence"] == ["ERROR cannot reach 10.0.0.7"]

    def test_one_tasks_log_tells_what_ended_that_task(self) -> None:
        answer = ask(replaced(), "fetch_task_logs", ecs_task_id="web-77", filter_pattern="KeyError")
        (finding,) = answer["findings"]
        assert finding["code"] == "container_exited"
        assert "(1 task of default-web:0 failed)" in finding["cause"]

    def test_one_tasks_log_tells_whether_its_service_serves_since_as_the_clusters_does(self) -> None:
        (of_all,) = ask(replaced(), "fetch_task_logs")["findings"]
        world = replaced()
        (of_one,) = ask(world, "fetch_task_logs", ecs_task_id="web-77")["findings"]
        assert of_one["severity"] == of_all["severity"] == "info"
        assert "; the service web serves now (1 of 1 tasks run" in of_one["cause"]
        assert of_one["remedy"] == of_all["remedy"]
        assert world.asked("services") == [("web",)]
        assert {asked[:2] for asked in world.asked("search")} == {(LOG_GROUP, ("app/Main/web-77",))}

    def test_one_tasks_log_is_told_with_a_gap_where_its_service_may_not_be_read(self) -> None:
        world = replaced()
        world.denied = {"services"}
        answer = ask(world, "fetch_task_logs", ecs_task_id="web-77")
        assert [one["severity"] for one in answer["findings"]] == ["warning"]
        assert [gap.split(":")[0] for gap in answer["gaps"]] == ["service"]

    def test_a_task_that_was_run_by_itself_has_no_service_to_read(self) -> None:
        made = healthy("web")
        alone = replace(crashed("web", 9), group="family:default-web")
        made.tasks = (*made.tasks, alone)
        world = ClusterWorld({"web": made})
        world.write(alone, "KeyError: 'A'")
        (finding,) = ask(world, "fetch_task_logs", ecs_task_id="web-9")["findings"]
        assert (finding["code"], finding["severity"]) == ("container_exited", "warning")
        assert world.asked("services") == []

    def test_one_tasks_log_is_its_own_stream_and_the_pattern_is_passed_on(self, world: ClusterWorld) -> None:
        world.write(world.services["web"].tasks[0], "ERROR a", "INFO b")
        answer = ask(world, "fetch_task_logs", ecs_task_id="web-1", filter_pattern="ERROR")
        assert [one["message"] for one in answer["log_entries"]] == ["ERROR a"]
        assert world.asked("search") == [(LOG_GROUP, ("app/Main/web-1",), "", "ERROR")]
        assert world.asked("service_names") == []

    def test_a_forgotten_tasks_log_is_found_in_the_groups_of_the_services(self, world: ClusterWorld) -> None:
        gone = crashed("web", 77)
        world.write(gone, "ERROR last words")
        answer = ask(world, "fetch_task_logs", ecs_task_id="web-77")
        assert [one["message"] for one in answer["log_entries"]] == ["ERROR last words"]

    def test_the_time_asked_for_is_kept(self, world: ClusterWorld) -> None:
        world.write(world.services["web"].tasks[0], *(f"line {number}" for number in range(60)))
        late = (START + timedelta(seconds=50)).isoformat()
        assert len(ask(world, "fetch_task_logs", start_time=late)["log_entries"]) == 13

    def test_a_missing_log_group_is_a_finding(self, world: ClusterWorld) -> None:
        world.groups = set()
        answer = ask(world, "fetch_task_logs")
        assert [one["code"] for one in answer["findings"]] == ["log_group_missing"]
        assert "error" in answer["log_groups"][0]

    def test_logs_that_may_not_be_read_are_a_gap(self, world: ClusterWorld) -> None:
        world.denied = {"search"}
        answer = ask(world, "fetch_task_logs")
        assert answer["gaps"][0].startswith(f"log group {LOG_GROUP}:")
        assert answer["findings"] == []
        assert answer["status"] == "error"
        assert f"{LOG_GROUP} could not be read (see gaps)" in answer["message"]
        assert "was written in the time" not in answer["message"]
        assert answer["complete"] is False
        assert "could not be read" in answer["log_groups"][0]["error"]

    def test_what_was_read_is_told_beside_what_may_not_be(self, world: ClusterWorld) -> None:
        other = healthy("other")
        assert other.definition is not None
        other.definition = replace(other.definition, log_configurations=(LogConfiguration("Main", "/closed", "app"),))
        world.services["other"] = other
        world.denied_groups = {"/closed"}
        world.write(world.services["web"].tasks[0], "INFO ready")
        answer = ask(world, "fetch_task_logs")
        assert (answer["status"], len(answer["log_entries"])) == ("success", 1)
        assert "/closed could not be read" in answer["message"]

    def test_expired_credentials_end_the_question_so_that_they_are_renewed(self, world: ClusterWorld) -> None:
        world.denied, world.fails_with = {"search"}, "credentials_expired"
        with pytest.raises(TargetError) as caught:
            ask(world, "fetch_task_logs")
        assert caught.value.code == "credentials_expired"

    def test_a_task_that_nobody_knows_is_a_finding(self, world: ClusterWorld) -> None:
        answer = ask(world, "fetch_task_logs", ecs_task_id="nope")
        assert answer["status"] == "not_found"
        assert [one["code"] for one in answer["findings"]] == ["task_not_found"]
        assert "knows no task nope" in answer["message"]

    def test_whether_there_is_such_a_task_is_left_open_where_tasks_may_not_be_read(self, world: ClusterWorld) -> None:
        world.denied = {"tasks"}
        answer = ask(world, "fetch_task_logs", ecs_task_id="nope")
        assert answer["findings"] == []
        assert answer["gaps"]

    def test_nothing_that_logs_is_said_so(self, world: ClusterWorld) -> None:
        made = world.services["web"]
        assert made.definition is not None
        made.definition = replace(made.definition, log_configurations=())
        answer = ask(world, "fetch_task_logs")
        assert answer["status"] == "not_found"
        assert "awslogs" in answer["message"]

    def test_several_containers_in_one_group_are_searched_once(self, world: ClusterWorld) -> None:
        made = world.services["web"]
        assert made.definition is not None
        both = (LogConfiguration("Main", LOG_GROUP, "app"), LogConfiguration("proxy", LOG_GROUP, "app"))
        made.definition = replace(made.definition, log_configurations=both)
        made.tasks = (replace(made.tasks[0], containers=(ContainerState("Main"), ContainerState("proxy"))),)
        ask(world, "fetch_task_logs", ecs_task_id="web-1")
        assert world.asked("search") == [(LOG_GROUP, ("app/Main/web-1", "app/proxy/web-1"), "", "")]
