"""What was seen of a service: what is over is read once, what may change is read again, and guesses decide nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from expressway.aws.values.service import ServiceConfiguration
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.actions import GUIDANCE, troubleshoot
from expressway.diagnose.ports import TroubleshootPorts
from expressway.diagnose.service.reads import SpeculativeReads
from expressway.diagnose.service_cache import NOT_CACHED, CachedService, ServiceCache, is_over
from expressway.errors import TargetError
from tests.aws.ecs.fakes import START
from tests.diagnose.fakes import (
    LOG_GROUP,
    NOW,
    ClusterWorld,
    crashed,
    crashing,
    healthy,
    running,
)

OVER = ("tasks", "deployments", "task_definition", "tail_events")


def ask(ports: TroubleshootPorts, **parameters: Any) -> Mapping[str, Any]:
    return troubleshoot(GUIDANCE, {"ecs_cluster_name": "default", "ecs_service_name": "web", **parameters}, ports).whole


def codes(answer: Mapping[str, Any]) -> list[str]:
    return [one["code"] for one in answer["findings"]]


def crash() -> ClusterWorld:
    world = ClusterWorld({"web": crashing("web")})
    for task in world.services["web"].tasks:
        world.write(task, "starting", "KeyError: 'PORT'")
    return world


# -- asked again --------------------------------------------------------------------------------------------
def test_what_is_over_is_read_once_and_told_again() -> None:
    world = crash()
    ports = world.ports()
    first = ask(ports)
    world.calls.clear()
    assert ask(ports) == first
    assert [name for name in OVER if world.asked(name)] == []
    assert world.asked("services") == [("web",)]
    assert len(world.asked("task_arns")) == 2


def test_a_task_that_has_just_stopped_is_read_again() -> None:
    world = crash()
    made = world.services["web"]
    just_now = replace(made.tasks[0], stopped_at=NOW - timedelta(seconds=2))
    made.tasks = (just_now, *made.tasks[1:])
    ports = world.ports()
    ask(ports)
    world.calls.clear()
    ask(ports)
    assert world.asked("tasks") == [(just_now.arn,)]
    assert [stream for _, stream in world.asked("tail_events")] == [f"app/Main/{just_now.task_id}"]


def test_a_log_that_went_on_is_told_to_its_end() -> None:
    world = ClusterWorld({"web": crashing("web", tasks=1)})
    made = world.services["web"]
    made.tasks = (replace(made.tasks[0], stopped_at=NOW - timedelta(seconds=2)),)
    world.write(made.tasks[0], "starting")
    ports = world.ports()
    assert "KeyError" not in str(ask(ports)["findings"])
    world.write(made.tasks[0], "starting", "KeyError: 'PORT'")
    world.calls.clear()
    assert "KeyError: 'PORT'" in str(ask(ports)["findings"][0]["evidence"])
    assert len(world.asked("tail_events")) == 1


def test_a_log_that_was_empty_is_read_again() -> None:
    world = ClusterWorld({"web": crashing("web", tasks=1)})
    ports = world.ports()
    ask(ports)
    world.write(world.services["web"].tasks[0], "KeyError: 'PORT'")
    assert "KeyError: 'PORT'" in str(ask(ports)["findings"][0]["evidence"])


def test_what_has_changed_since_is_told() -> None:
    world = ClusterWorld({"web": healthy("web")})
    ports = world.ports()
    assert codes(ask(ports)) == ["nothing_wrong"]
    made = world.services["web"]
    made.targets = (replace(made.targets[0], state="unhealthy", description="Request timed out"),)
    assert codes(ask(ports)) == ["health_check_failed"]
    made.targets = healthy("web").targets
    made.tasks = (running("web", 4), crashed("web", 3))
    assert "container_exited" in codes(ask(ports))


def test_a_deployment_that_went_on_is_described_again() -> None:
    world = ClusterWorld({"web": healthy("web")})
    made = world.services["web"]
    under_way = replace(made.deployments[0], status="IN_PROGRESS", created_at=NOW - timedelta(minutes=2))
    made.deployments = (under_way,)
    ports = world.ports()
    assert "deployment_in_progress" in codes(ask(ports))
    made.deployments = (replace(under_way, status="ROLLBACK_FAILED", circuit_breaker="TRIGGERED"),)
    assert "circuit_breaker_rollback" in codes(ask(ports))


def test_a_service_made_anew_under_the_same_name_has_no_past() -> None:
    world = crash()
    ports = world.ports()
    ask(ports)
    anew = crashing("web", exit_code=127)
    anew.state = replace(anew.state, created_at=START)
    world.services["web"] = anew
    assert codes(ask(ports))[0] == "command_not_found"


@pytest.mark.parametrize("read", ["tasks", "revisions", "health", "express_service"])
def test_what_may_not_be_read_any_more_is_a_gap_although_it_was_read_before(read: str) -> None:
    world = ClusterWorld({"web": crashing("web")})
    made = world.services["web"]
    made.tasks = (running("web", 9), *made.tasks)
    ports = world.ports()
    assert [gap for gap in ask(ports).get("gaps", ()) if read in gap] == []
    world.denied = {read}
    assert [gap for gap in ask(ports)["gaps"] if read in gap]


# -- guesses ------------------------------------------------------------------------------------------------
def in_family(world: ClusterWorld, family: str, revision: int) -> str:
    """Let the service run that task definition; its ARN."""
    made = world.services["web"]
    assert made.definition is not None
    arn = f"{made.definition.arn.partition('/')[0]}/{family}:{revision}"
    made.definition = replace(made.definition, arn=arn)
    made.state = replace(made.state, task_definition_arn=arn)
    made.tasks = tuple(replace(task, task_definition_arn=arn) for task in made.tasks)
    made.revisions = tuple(replace(one, task_definition_arn=arn) for one in made.revisions)
    return arn


def with_logs_told(world: ClusterWorld, log_group: str) -> ClusterWorld:
    in_family(world, "made-by-hand", 1)
    made = world.services["web"]
    assert made.express is not None
    told = ServiceConfiguration("web/rev/1", container_port=8080, log_group=log_group, log_stream_prefix="app")
    made.express = replace(made.express, configurations=(told,))
    return world


def test_a_log_is_read_where_the_express_service_says_and_only_once() -> None:
    world = with_logs_told(crash(), LOG_GROUP)
    assert "KeyError: 'PORT'" in str(ask(world.ports())["findings"][0]["evidence"])
    asked = world.asked("tail_events")
    assert len(asked) == len(set(asked)) == 3


def test_where_the_task_definition_says_otherwise_it_is_right() -> None:
    world = with_logs_told(crash(), "/another/group")
    assert "KeyError: 'PORT'" in str(ask(world.ports())["findings"][0]["evidence"])
    assert {group for group, _ in world.asked("tail_events")} == {"/another/group", LOG_GROUP}


def test_an_express_service_that_is_elsewhere_than_guessed_is_found() -> None:
    world = crash()
    made = world.services["web"]
    assert made.express is not None
    moved = made.state.arn.replace(":service/default/web", ":service/web")
    made.state, made.express = replace(made.state, arn=moved), replace(made.express, arn=moved)
    answer = ask(world.ports())
    assert codes(answer)[0] == "container_exited"
    assert world.asked("express_service")[-1] == moved


def test_the_task_definition_of_an_express_service_is_found_by_its_family_alone() -> None:
    world = crash()
    in_family(world, "default-web", 7)
    assert "KeyError: 'PORT'" in str(ask(world.ports())["findings"][0]["evidence"])
    assert world.asked("task_definition") == ["default-web"]
    asked = world.asked("tail_events")
    assert len(asked) == len(set(asked)) == 3


def test_a_task_definition_of_another_family_is_read_by_its_arn() -> None:
    world = crash()
    arn = in_family(world, "made-by-hand", 2)
    answer = ask(world.ports())
    assert "KeyError: 'PORT'" in str(answer["findings"][0]["evidence"])
    assert "gaps" not in answer
    assert world.asked("task_definition") == ["default-web", arn]


def test_a_newer_one_of_the_family_than_the_service_runs_decides_nothing() -> None:
    world = crash()
    arn = in_family(world, "default-web", 1)
    newer = healthy("other")
    assert newer.definition is not None
    newer.definition = replace(newer.definition, arn=f"{arn.removesuffix(':1')}:2", log_configurations=())
    world.services = {"other": newer, **world.services}
    assert "KeyError: 'PORT'" in str(ask(world.ports())["findings"][0]["evidence"])
    assert world.asked("task_definition") == ["default-web", arn]


def test_a_family_that_does_not_exist_leaves_no_gap() -> None:
    world = crash()
    arn = in_family(world, "made-by-hand", 2)
    world.unknown_families = {"default-web"}
    answer = ask(world.ports())
    assert codes(answer)[0] == "container_exited"
    assert "gaps" not in answer
    assert world.asked("task_definition") == ["default-web", arn]


class Shelf:
    """Things by id that are read in batches; it refuses batches with a thing that it does not know."""

    def __init__(self, *things: str) -> None:
        self.things = things
        self.asked: list[list[str]] = []

    def read(self, ids: Sequence[str]) -> tuple[str, ...]:
        self.asked.append(list(ids))
        if set(ids) - set(self.things):
            raise TargetError("aws_error", "no such thing", "Ask for another.")
        return tuple(ids)


def test_a_right_guess_saves_the_read() -> None:
    shelf = Shelf("a", "b", "c")
    with ConcurrentReads(2, name="test") as reads:
        guessed = SpeculativeReads(reads, "shelf", shelf.read, id_of=str)
        guessed.guess(["a", "b"])
        guessed.ask(["a", "c"])
        assert sorted(guessed.take()) == sorted(guessed.take()) == ["a", "c"]
    assert sorted(shelf.asked) == [["a", "b"], ["c"]]


def test_what_was_guessed_together_with_something_that_is_gone_is_read_by_itself() -> None:
    shelf = Shelf("a")
    with ConcurrentReads(2, name="test") as reads:
        guessed = SpeculativeReads(reads, "shelf", shelf.read, id_of=str)
        guessed.guess(["a", "gone"])
        guessed.ask(["a"])
        assert guessed.take() == ("a",)
        assert reads.gaps == []


def test_a_guess_that_nobody_wants_leaves_no_gap() -> None:
    with ConcurrentReads(2, name="test") as reads:
        guessed = SpeculativeReads(reads, "shelf", Shelf().read, id_of=str)
        guessed.guess(["gone"])
        assert guessed.take() == ()
        assert reads.gaps == []


def test_many_are_read_in_calls_of_a_size() -> None:
    shelf = Shelf("a", "b", "c")
    with ConcurrentReads(2, name="test") as reads:
        guessed = SpeculativeReads(reads, "shelf", shelf.read, id_of=str, at_most=2)
        guessed.ask(["a", "b", "c"])
        assert guessed.take() == ("a", "b", "c")
    assert sorted(map(len, shelf.asked)) == [1, 2]


# -- what is kept -------------------------------------------------------------------------------------------
def test_only_the_services_asked_about_last_are_remembered() -> None:
    seen = ServiceCache(limit=2)
    for name in ("a", "b", "a", "c"):
        seen.keep("default", name, CachedService(was_steady_state=True))
    assert seen.get("default", "b") == NOT_CACHED
    assert seen.get("default", "a").was_steady_state
    assert seen.get("default", "c").was_steady_state


def test_a_running_task_is_never_over() -> None:
    assert not is_over(running("web", 1), NOW)
    assert is_over(crashed("web", 1), NOW)


# -- symptoms -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("symptoms", "looks_around"),
    [
        ("it keeps restarting and exits with code 1", False),
        ("killed, out of memory", False),
        ("it crashes since it cannot connect to the database", True),
        ("access denied for the secret", True),
        ("it does not scale", True),
        ("something is odd", True),
    ],
)
def test_words_about_a_crash_alone_ask_for_nothing_around_a_service_that_serves(
    symptoms: str, looks_around: bool
) -> None:
    answer = ask(ClusterWorld({"web": healthy("web")}).ports(), symptoms_description=symptoms)
    assert ("not_looked_into" not in answer) == looks_around
