"""Each read is refused in turn: what is done is told, what may not be read is named, and nothing is made up."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from expressway.deploy.status.status import AppStatus, app_status
from expressway.deploy.status.wait import Readiness, ServicePorts, wait_for_service
from expressway.errors import ExpresswayError, RefusedError, TargetError
from tests.aws.ecs.fakes import World, arn, crashed_task, deployed_world, deployment, running_task
from tests.deploy.delete.test_delete import Group, InMemoryApp, app, delete
from tests.deploy.fakes import REPOSITORY, SERVICE
from tests.deploy.fakes import World as Deployment
from tests.deploy.status.test_status import deployed as standing_stacks

ACTIONS = {
    "service": "ecs:DescribeServices",
    "express_service": "ecs:DescribeExpressGatewayService",
    "deployments": "ecs:ListServiceDeployments",
    "revisions": "ecs:DescribeServiceRevisions",
    "tasks": "ecs:DescribeTasks",
    "health": "elasticloadbalancing:DescribeTargetHealth",
}
"""Reads of the world in memory, and the permission that a gap must name."""
SETS = [{one} for one in ACTIONS] + [{one, other} for one in ACTIONS for other in ACTIONS if one < other]


def ids(denied: set[str]) -> str:
    return "+".join(sorted(denied))


def wait(world: World, timeout_seconds: float = 60) -> Readiness:
    ports = ServicePorts(ecs=world, logs=world, probe=world, targets=world)
    return wait_for_service("default", "web", ports=ports, clock=world.clock, timeout_seconds=timeout_seconds)


def status(world: World) -> AppStatus:
    ports = ServicePorts(ecs=world, logs=world, probe=world, targets=world)
    known = standing_stacks()
    return app_status("web", stacks=known, ports=ports, last_operation=known.latest)


def named(gaps: tuple[str, ...], denied: set[str], world: World) -> None:
    for read in denied & set(world.calls):
        assert any(ACTIONS[read] in gap for gap in gaps), read
    assert len(gaps) == len(set(gaps))


# -- wait -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("denied", [one for one in SETS if "service" not in one], ids=ids)
def test_a_service_that_serves_is_never_called_failed_for_what_may_not_be_read(denied: set[str]) -> None:
    world = deployed_world()
    world.denied = denied
    readiness = wait(world)
    assert readiness.status == ("unverified" if "deployments" in denied else "success")
    assert readiness.elapsed_seconds == 0
    assert "0 of" not in readiness.message
    named(readiness.gaps, denied, world)
    assert all(world.calls.count(read) <= 1 for read in denied), "what is refused is not asked again"


@pytest.mark.parametrize("denied", [one for one in SETS if not one & {"service", "deployments"}], ids=ids)
def test_a_deployment_that_fails_is_never_called_ready(denied: set[str]) -> None:
    world = deployed_world("ROLLBACK_SUCCESSFUL")
    world.denied = denied
    assert wait(world).status == "failed"


@pytest.mark.parametrize("denied", [one for one in SETS if not one & {"service", "deployments"}], ids=ids)
def test_a_deployment_under_way_is_waited_for(denied: set[str]) -> None:
    world = deployed_world("IN_PROGRESS")
    world.at(20, lambda w: setattr(w, "deployment", (deployment("SUCCESSFUL"),)))
    world.denied = denied
    readiness = wait(world)
    assert readiness.status == "success"
    assert readiness.elapsed_seconds >= 20


def test_tasks_of_an_older_revision_do_not_fail_one_whose_revision_may_not_be_read() -> None:
    world = deployed_world("IN_PROGRESS", revision=2)
    world.task = (*(crashed_task(number, revision=1) for number in range(1, 5)), running_task(9, revision=2))
    world.denied = {"revisions"}
    assert wait(world, 5).status == "timeout"


def test_a_url_that_does_not_answer_is_no_readiness_whatever_may_not_be_read() -> None:
    world = deployed_world()
    world.url_status = 502
    world.denied = {"deployments"}
    assert wait(world, 5).status == "timeout"


def test_without_the_service_itself_nothing_can_be_told() -> None:
    world = deployed_world()
    world.denied = {"service"}
    with pytest.raises(TargetError) as caught:
        wait(world)
    assert caught.value.code == "access_denied"


@pytest.mark.parametrize("denied", ["cluster_exists", "cluster_names", "service_names"])
def test_a_service_that_is_not_there_is_told_also_where_names_may_not_be_listed(denied: str) -> None:
    world = World()
    world.denied = {denied}
    with pytest.raises(ExpresswayError) as caught:
        wait(world)
    assert caught.value.code == "service_not_found"


# -- status -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("denied", SETS, ids=ids)
def test_status_names_what_may_not_be_read_and_claims_nothing_of_it(denied: set[str]) -> None:
    world = deployed_world()
    world.denied = denied
    told = status(world)
    assert told.status == ("unknown" if denied & {"service", "deployments"} else "ready")
    assert told.stacks
    assert "no service" not in told.message
    named(told.gaps, denied, world)
    assert told.to_dict()["gaps"]
    if "tasks" in denied:
        assert "healthy" not in told.to_dict().get("tasks", {})


@pytest.mark.parametrize("denied", SETS, ids=ids)
def test_status_never_calls_a_failed_deployment_well(denied: set[str]) -> None:
    world = deployed_world("ROLLBACK_FAILED")
    world.denied = denied
    assert status(world).status in ({"unknown"} if denied & {"service", "deployments"} else {"failed"})


def test_status_does_without_the_journal() -> None:
    world, known = deployed_world(), standing_stacks()

    class Unreadable:
        def latest(self, app_name: str) -> None:
            raise ExpresswayError("state_not_writable", "The state directory cannot be used: Permission denied.", "")

    ports = ServicePorts(ecs=world, logs=world, probe=world, targets=world)
    told = app_status("web", stacks=known, ports=ports, last_operation=Unreadable().latest)
    assert told.status == "ready"
    reason = "The state directory cannot be used: Permission denied."
    assert told.gaps == (f"the last operation could not be read: {reason}",)


# -- deploy -----------------------------------------------------------------------------------------------------
def deploying(waiting: Callable[[], Readiness]) -> Deployment:
    @dataclass
    class Waiting(Deployment):
        def wait(self, *_: object) -> Readiness:
            return waiting()

    return Waiting()


def refuse(code: str) -> Callable[[], Readiness]:
    def waiting() -> Readiness:
        raise TargetError(code, "not authorized to perform: ecs:DescribeServices", "h")

    return waiting


@pytest.mark.parametrize(
    "waiting",
    [
        refuse("access_denied"),
        lambda: Readiness("unverified", "The service hello is ACTIVE: …", gaps=("its deployments …",)),
        lambda: Readiness("success", "The service hello is ready: …", gaps=("its tasks …",)),
    ],
    ids=["service", "deployments", "tasks"],
)
def test_a_deployment_that_may_not_look_says_that_everything_stands(waiting: Callable[[], Readiness]) -> None:
    result = deploying(waiting).deploy()
    assert result.status == "deployed"
    assert result.url
    said = [one for one in result.warnings if "verified" in one]
    assert len(said) == 1
    assert f"{REPOSITORY} is CREATE_COMPLETE, {SERVICE} is CREATE_COMPLETE" in said[0]


@pytest.mark.parametrize("code", ["credentials_expired", "connection_failed", "throttled"])
def test_a_wait_that_breaks_off_says_that_everything_stands(code: str) -> None:
    with pytest.raises(TargetError) as caught:
        deploying(refuse(code)).deploy()
    assert caught.value.code == code
    assert f"{SERVICE} is CREATE_COMPLETE" in caught.value.message


# -- delete -----------------------------------------------------------------------------------------------------
DELETE_READS = ["service", "express_service", "revisions", "task_definition", "stack_of", "group", "repository"]


def denying(made: InMemoryApp, read: str) -> InMemoryApp:
    def refused(*_: object) -> None:
        raise TargetError("access_denied", f"AWS did not {read}: not authorized", "h")

    made.world.denied = {read}
    made.owners_denied = read == "stack_of"
    if read == "group":
        made.group = refused  # type: ignore[method-assign]
    if read == "repository":
        made.describe_repository = refused  # type: ignore[method-assign]
    return made


@pytest.mark.parametrize("read", DELETE_READS)
@pytest.mark.parametrize("loose", [False, True], ids=["stacks", "no stacks"])
def test_a_deletion_either_refuses_before_anything_or_goes_through_and_names_what_it_could_not_see(
    read: str, loose: bool
) -> None:
    made = app()
    if loose:
        made.stacks = {}
        express = made.world.express
        assert express is not None
        marked = replace(express.configurations[0], log_group="/expressway/web")
        made.world.express = replace(express, configurations=(marked,))
    denying(made, read)
    result, refusal = None, ""
    try:
        result = delete(made)
    except (TargetError, RefusedError) as error:
        refusal = error.message
    if result is None:
        assert made.deleted == []
        assert made.world.state is not None
        assert made.world.state.status == "ACTIVE"
        assert re.search(r"not authorized", refusal, re.IGNORECASE)
        return
    assert result.succeeded, result.errors
    assert made.world.state is not None
    assert made.world.state.status == "INACTIVE"
    if read in {"group", "repository"} and (read == "group" or loose):
        assert any("may not be read" in one.reason for one in result.kept)


def test_a_log_group_that_may_not_be_seen_does_not_keep_the_images() -> None:
    made = denying(app(), "group")
    made.groups["/aws/ecs/other"] = Group(None)
    result = delete(made)
    assert result.succeeded
    assert made.repositories == set()
    assert arn("default", "web") in str(result.service_deletion)
