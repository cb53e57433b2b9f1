"""Ready means: the newest deployment succeeded, its own tasks are healthy, the URL answers."""

from dataclasses import replace

import pytest

from expressway.aws.values.service import Endpoint, ManagedResource, RevisionState, TargetHealth
from expressway.core.progress import Progress
from expressway.deploy.status.wait import Readiness, ServicePorts, wait_for_service
from expressway.errors import ServiceError, TargetError
from tests.aws.ecs.fakes import (
    World,
    crashed_task,
    deployed_world,
    deployment,
    running_task,
)


def wait(world: World, *, timeout_seconds: float = 300, **changes: object) -> Readiness:
    ports = ServicePorts(ecs=world, logs=world, probe=world, targets=world)
    return wait_for_service(
        "default",
        "web",
        ports=ports,
        clock=world.clock,
        timeout_seconds=timeout_seconds,
        **changes,  # type: ignore[arg-type]
    )


def test_a_service_whose_url_answers_is_ready_at_once() -> None:
    world = deployed_world()

    readiness = wait(world)

    assert readiness.status == "success"
    assert readiness.url == "https://ex-0123.ecs.us-east-1.on.aws/"
    assert "/healthz answers 200" in readiness.message
    assert readiness.elapsed_seconds == 0
    assert set(readiness.to_dict()) >= {"status", "message"}


def test_a_deployment_is_waited_for_until_it_succeeds() -> None:
    world = deployed_world("IN_PROGRESS")
    world.at(20, lambda w: setattr(w, "deployment", (deployment("SUCCESSFUL"),)))
    seen: list[Progress] = []

    readiness = wait(world, progress=seen.append)

    assert readiness.status == "success"
    assert 20 <= readiness.elapsed_seconds <= 21.5
    assert seen[0].phase == "wait"
    assert len(seen) == len({one.message for one in seen})


def test_polling_starts_fast_and_never_lags_more_than_a_second_and_a_half() -> None:
    world = deployed_world("IN_PROGRESS")

    wait(world, timeout_seconds=60)

    assert world.clock.sleeps[0] <= 0.2
    assert max(world.clock.sleeps) <= 1.5
    assert sum(world.clock.sleeps) == pytest.approx(60)


def test_old_tasks_do_not_count_for_a_new_deployment() -> None:
    world = deployed_world(revision=2)
    world.task = (running_task(1, revision=1),)
    world.at(5, lambda w: setattr(w, "task", (running_task(1, revision=1), running_task(2, revision=2))))

    readiness = wait(world)

    assert readiness.status == "success"
    assert readiness.elapsed_seconds >= 5


def test_a_task_that_the_load_balancer_finds_unhealthy_does_not_count() -> None:
    world = deployed_world()
    world.task = (running_task(ip="10.0.0.7"),)
    world.target = (TargetHealth("10.0.0.7", 8080, "initial"),)
    world.at(4, lambda w: setattr(w, "target", (TargetHealth("10.0.0.7", 8080, "healthy"),)))

    readiness = wait(world)

    assert readiness.status == "success"
    assert readiness.elapsed_seconds >= 4


def test_tasks_behind_one_address_count_by_their_ports() -> None:
    """As on the embedded AWS, whose targets are ports of the loopback address."""
    world = deployed_world()
    assert world.express is not None
    assert world.express.newest is not None
    world.express = replace(world.express, configurations=(replace(world.express.newest, min_task_count=2),))
    world.deployment = (replace(world.deployment[0], requested_count=2),)
    world.task = (running_task(1), running_task(2))
    first, second = (TargetHealth("127.0.0.1", port, "healthy") for port in (32001, 32002))
    world.target = (first, replace(second, state="unhealthy"))
    world.at(4, lambda w: setattr(w, "target", (first, second)))

    readiness = wait(world)

    assert readiness.status == "success"
    assert readiness.elapsed_seconds >= 4


def test_a_task_that_fails_its_own_health_check_does_not_count() -> None:
    world = deployed_world()
    world.task = (running_task(health="UNHEALTHY"),)

    readiness = wait(world, timeout_seconds=10)

    assert readiness.status == "timeout"
    assert "0 of 1 tasks" in readiness.message


def test_an_address_that_the_load_balancer_answers_with_503_is_not_ready() -> None:
    world = deployed_world()
    world.url_status = 503
    world.at(6, lambda w: setattr(w, "url_status", 404))

    readiness = wait(world)

    assert readiness.status == "success"
    assert readiness.elapsed_seconds >= 6
    assert "answers 404" in readiness.message


def test_an_address_that_never_answers_ends_in_a_timeout_that_says_so() -> None:
    world = deployed_world()
    world.url_status = None

    readiness = wait(world, timeout_seconds=30)

    assert readiness.status == "timeout"
    assert "does not answer (connection refused)" in readiness.message
    assert readiness.elapsed_seconds == pytest.approx(30)


def test_a_private_address_is_not_fetched_from_here() -> None:
    world = deployed_world()
    configuration = world.express.configurations[0]  # type: ignore[union-attr]
    private = replace(configuration, endpoints=(Endpoint("internal.example", "PRIVATE"),))
    world.express = replace(world.express, configurations=(private,))  # type: ignore[type-var]

    readiness = wait(world)

    assert readiness.status == "success"
    assert world.fetched == []
    assert "private" in readiness.message


@pytest.mark.parametrize("status", ["ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL", "STOPPED"])
def test_a_rollback_fails_at_once_with_the_cause(status: str) -> None:
    world = deployed_world(status, revision=2)
    world.task = (running_task(1, revision=1), crashed_task(2, revision=2))
    world.log = {"t2": ("Traceback (most recent call last):", "KeyError: 'DATABASE_URL'")}

    readiness = wait(world)

    assert readiness.status == "failed"
    assert readiness.elapsed_seconds == 0
    assert "KeyError: 'DATABASE_URL'" in readiness.message
    assert readiness.cause is not None
    assert readiness.cause.code == "container_exited"


def test_a_crash_loop_fails_before_aws_gives_up() -> None:
    world = deployed_world("IN_PROGRESS")
    world.task = (crashed_task(1), crashed_task(2))
    world.log = {"t1": ("ValueError: no port",)}

    readiness = wait(world)

    assert readiness.status == "failed"
    assert "ValueError: no port" in readiness.message
    assert readiness.elapsed_seconds == 0


def test_one_crash_is_not_yet_a_loop() -> None:
    world = deployed_world("IN_PROGRESS")
    world.task = (crashed_task(1), running_task(2))
    world.at(3, lambda w: setattr(w, "deployment", (deployment("SUCCESSFUL"),)))

    assert wait(world).status == "success"


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (
            "CannotPullContainerError: failed to resolve ref registry.example/web:v9: registry.example/web:v9: not "
            "found",
            "image_not_found",
        ),
        ("CannotCreateContainerError: API error (400): No command specified", "command_missing"),
        (
            "CannotStartContainerError: OCI runtime create failed: unable to start container process: exec /start.sh: "
            "no such file or directory",
            "interpreter_missing",
        ),
        (
            "CannotStartContainerError: OCI runtime create failed: unable to find user app: no matching entries in "
            "passwd file",
            "user_not_found",
        ),
    ],
)
def test_what_no_retry_mends_fails_at_the_first_task(reason: str, code: str) -> None:
    world = deployed_world("IN_PROGRESS")
    world.task = (replace(crashed_task(), stop_code="TaskFailedToStart", stopped_reason=reason, containers=()),)

    readiness = wait(world)

    assert readiness.status == "failed"
    assert readiness.cause is not None
    assert readiness.cause.code == code


def test_infrastructure_that_is_denied_for_a_minute_fails_with_the_permission() -> None:
    world = deployed_world("PENDING")
    stuck = ManagedResource("loadBalancer", "arn:lb", "PROVISIONING", "not authorized to perform: ec2:DescribeVpcs")
    world.revision = (RevisionState("rev/1", "td:1", managed_resources=(stuck,)),)
    world.task = ()

    readiness = wait(world)

    assert readiness.status == "failed"
    assert 60 <= readiness.elapsed_seconds <= 63
    assert "ec2:DescribeVpcs" in readiness.message


@pytest.mark.parametrize("status", ["DRAINING", "INACTIVE"])
def test_a_service_on_its_way_out_cannot_become_ready(status: str) -> None:
    world = deployed_world()
    world.state = replace(world.state, status=status)  # type: ignore[type-var]

    readiness = wait(world)

    assert readiness.status == "failed"
    assert status in readiness.message


def test_a_wrong_cluster_is_named_at_once_with_the_nearest_one() -> None:
    world = deployed_world()
    world.clusters = {"default": ("web",), "production": ()}

    with pytest.raises(ServiceError) as caught:
        wait_for_service("prodution", "web", ports=ServicePorts(ecs=world, logs=world, probe=world), clock=world.clock)

    assert caught.value.code == "cluster_not_found"
    assert "production" in caught.value.hint
    assert world.clock.now == 0


def test_a_wrong_service_is_named_at_once_with_the_nearest_one() -> None:
    world = deployed_world()

    with pytest.raises(ServiceError) as caught:
        wait_for_service("default", "wep", ports=ServicePorts(ecs=world, logs=world, probe=world), clock=world.clock)

    assert caught.value.code == "service_not_found"
    assert "Did you mean web?" in caught.value.hint


def test_a_service_in_another_cluster_is_pointed_at() -> None:
    world = deployed_world()
    world.clusters = {"default": ("web",), "production": ("api",)}

    with pytest.raises(ServiceError) as caught:
        wait_for_service("default", "api", ports=ServicePorts(ecs=world, logs=world, probe=world), clock=world.clock)

    assert caught.value.details["found_in_clusters"] == ["production"]


def test_a_missing_permission_for_target_health_is_told_and_does_not_decide() -> None:
    world = deployed_world()
    world.denied = {"health"}
    seen: list[Progress] = []

    readiness = wait(world, progress=seen.append)

    assert readiness.status == "success"
    assert [one.level for one in seen] == ["warning"]


def test_a_dropped_connection_does_not_end_the_wait() -> None:
    world = deployed_world("IN_PROGRESS")
    world.at(2, lambda w: w.broken.extend(["connection_failed", "throttled"]))
    world.at(4, lambda w: setattr(w, "deployment", (deployment("SUCCESSFUL"),)))

    assert wait(world).status == "success"


def test_a_connection_that_stays_down_ends_the_wait() -> None:
    world = deployed_world("IN_PROGRESS")
    world.broken = ["connection_failed"] * 50

    with pytest.raises(TargetError) as caught:
        wait(world)

    assert caught.value.code == "connection_failed"


def test_a_cancelled_wait_stops_at_the_next_poll() -> None:
    class Cancelled(Exception):
        pass

    class Cancels:
        def raise_if_cancelled(self) -> None:
            if world.clock.now >= 3:
                raise Cancelled

    world = deployed_world("IN_PROGRESS")

    with pytest.raises(Cancelled):
        wait(world, cancellation=Cancels())

    assert world.clock.now <= 4.5


def test_the_path_of_the_revision_that_is_deployed_is_asked_not_that_of_the_newest_configuration() -> None:
    world = deployed_world()
    world.revision = (RevisionState("rev/1", "td:1", health_check_path="/live"),)
    assert "/live answers 200" in wait(world).message
    assert world.fetched == ["/live"]


@pytest.mark.parametrize("code", ["throttled", "connection_failed", "service_unavailable"])
def test_four_polls_without_an_answer_are_borne_each_time_and_five_in_a_row_are_not(code: str) -> None:
    world = deployed_world("IN_PROGRESS")
    world.broken = [code] * 4
    world.at(20, lambda w: w.broken.extend([code] * 4))
    world.at(40, lambda w: setattr(w, "deployment", (deployment("SUCCESSFUL"),)))
    assert wait(world).status == "success"

    silent = deployed_world()
    silent.broken = [code] * 5
    with pytest.raises(TargetError) as caught:
        wait(silent)
    assert caught.value.code == code


def test_what_may_not_be_read_is_asked_once_however_long_the_wait() -> None:
    world = deployed_world("IN_PROGRESS")
    world.denied = {"health", "tasks"}
    world.at(20, lambda w: setattr(w, "deployment", (deployment("SUCCESSFUL"),)))
    told: list[Progress] = []
    assert wait(world, progress=told.append).status == "success"
    assert world.calls.count("deployments") > 5
    assert world.calls.count("health") == 1
    assert len([one for one in told if one.level == "warning"]) == 2


def test_an_address_has_five_seconds_to_answer_and_near_the_end_what_is_left_of_the_wait() -> None:
    world = deployed_world()
    world.url_status = None

    wait(world, timeout_seconds=9)

    assert world.patience[0] == 5
    assert world.patience[-1] == 1
    assert all(given <= 5 for given in world.patience)
    assert any(1 < given < 5 for given in world.patience)
    assert world.patience == sorted(world.patience, reverse=True)
