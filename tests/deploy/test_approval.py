"""Whoever approved a plan approved what it showed: a stack that somebody changes meanwhile is left to them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from expressway.cloudformation.change_set import ChangeSetChange, ChangeSetDetail
from expressway.cloudformation.stack import StackState
from expressway.errors import ExpresswayError, RefusedError
from tests.deploy.fakes import REPOSITORY, SERVICE, World, templates
from tests.deploy.test_deploy_killed import Killed, MortalGateway, assert_converged, rolled_back


def changed() -> World:
    """An app that runs, whose next version has another image and other processors."""
    world = World()
    world.deploy()
    world.templates = templates(cpu="512")
    world.images.content = "content-2"
    world.stacks.executed.clear()
    return world


def digest_of(world: World, **options: Any) -> str:
    with pytest.raises(RefusedError) as shown:
        world.deploy(approved_plan="nothing", **options)
    return shown.value.details["current"]


def refused(world: World, digest: str, **options: Any) -> RefusedError:
    with pytest.raises(RefusedError) as error:
        world.deploy(approved_plan=digest, **options)
    assert error.value.code == "plan_changed"
    assert error.value.details["approved"] == digest
    assert "diff" in error.value.hint
    assert world.stacks.change_sets == {}
    return error.value


def as_of(world: World, cpu: str, image: str = "repo@sha256:content-1", **fields: Any) -> StackState:
    body = templates(cpu=cpu).service.body
    return replace(world.stacks.stacks[SERVICE], template=body, parameters={"ImageUri": image}, **fields)


def seen(stack: StackState) -> tuple[str, str]:
    return json.loads(stack.template)["Resources"]["Service"]["Properties"]["Cpu"], stack.parameters["ImageUri"]


# -- at every point in time ----------------------------------------------------------------------------------
@dataclass
class Company:
    """A gateway beside which somebody else changes the service stack, before or after our n-th call."""

    world: World
    acts_at: int
    after: bool
    act: Callable[[World], None]
    calls: int = 0
    names: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.world.stacks, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self.calls += 1
            self.names.append(name)
            now = self.calls == self.acts_at
            if now and not self.after:
                self.act(self.world)
            answer = method(*arguments, **options)
            if now and self.after:
                self.act(self.world)
            return answer

        return call


def more_processors(world: World) -> None:
    world.stacks.somebody_changes(as_of(world, "1024", status="UPDATE_COMPLETE"))


def another_image(world: World) -> None:
    world.stacks.somebody_changes(as_of(world, "256", "repo@sha256:theirs", status="UPDATE_COMPLETE"))


def slowly_more_processors(world: World) -> None:
    world.stacks.somebody_changes(as_of(world, "1024", status="UPDATE_COMPLETE"), meanwhile=3)


OTHERS = {
    "at once": (more_processors, ("1024", "repo@sha256:content-1")),
    "the image": (another_image, ("256", "repo@sha256:theirs")),
    "slowly": (slowly_more_processors, ("1024", "repo@sha256:content-1")),
}


def calls_of_an_approved_run() -> int:
    world = changed()
    digest = digest_of(world)
    gateway = Company(world, 0, after=False, act=more_processors)
    world.gateway = gateway  # type: ignore[assignment]
    world.deploy(approved_plan=digest)
    return gateway.calls


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", range(1, calls_of_an_approved_run() + 1))
def test_a_change_that_somebody_makes_at_any_point_is_never_undone_unshown(call: int, after: bool, other: str) -> None:
    act, theirs = OTHERS[other]
    world = changed()
    digest = digest_of(world)
    shown = seen(world.stacks.stacks[SERVICE])
    world.gateway = Company(world, call, after, act)  # type: ignore[assignment]
    error: ExpresswayError | None = None
    try:
        world.deploy(approved_plan=digest)
    except ExpresswayError as exc:
        error = exc
    for before, request in world.stacks.executed:
        assert request.stack_name == SERVICE
        assert seen(before) == shown, "only what was shown is replaced"
    if not world.stacks.executed:
        assert error is not None
        assert error.code in {"plan_changed", "stack_busy", "change_set_vanished"}
        while world.stacks.pending.get(SERVICE):
            world.stacks.describe(SERVICE)
        assert seen(world.stacks.stacks[SERVICE]) == theirs
        assert world.stacks.change_sets == {}


@pytest.mark.parametrize("point", ["build", "settling"])
def test_the_refusal_names_what_would_change_beyond_the_plan(point: str) -> None:
    world = changed()
    digest = digest_of(world)
    if point == "build":
        world.images.while_building = lambda: more_processors(world)
    else:
        world.images.while_building = lambda: slowly_more_processors(world)
    error = refused(world, digest)
    assert error.details["stack"] == SERVICE
    assert error.details["changed"] == ["Service.Cpu"]
    assert world.stacks.executed == []


def test_a_plan_made_against_an_update_that_is_rolled_back_is_not_carried_out() -> None:
    world = changed()
    settled = world.stacks.stacks[SERVICE]
    running = as_of(world, "512", status="UPDATE_IN_PROGRESS")
    world.stacks.stacks[SERVICE] = running
    digest = digest_of(world)
    world.images.while_building = lambda: world.stacks.pending.update(
        {SERVICE: [running, replace(settled, status="UPDATE_ROLLBACK_COMPLETE")]}
    )
    assert refused(world, digest).details["changed"] == ["Service.Cpu"]
    assert world.stacks.executed == []


def test_a_stack_that_was_made_meanwhile_is_not_brought_to_an_approved_first_deployment() -> None:
    world = World()
    digest = digest_of(world)
    theirs = StackState(SERVICE, "arn:theirs/hello/1", "CREATE_COMPLETE", owner_app="hello")
    body = templates(cpu="1024").service.body
    world.images.while_building = lambda: world.stacks.somebody_changes(
        replace(theirs, template=body, parameters={"ImageUri": "theirs"})
    )
    assert "made meanwhile" in refused(world, digest).message
    assert seen(world.stacks.stacks[SERVICE]) == ("1024", "theirs")


def test_a_stack_that_somebody_brought_to_the_very_same_is_no_reason_to_refuse() -> None:
    world = changed()
    digest = digest_of(world)
    done = as_of(world, "512", "repo@sha256:content-2", status="UPDATE_COMPLETE")
    world.images.while_building = lambda: world.stacks.somebody_changes(done)
    assert world.deploy(approved_plan=digest).stacks[SERVICE] == "unchanged"


@pytest.mark.parametrize("status", ["DELETE_FAILED", "ROLLBACK_COMPLETE"])
def test_what_a_failure_of_somebody_elses_left_meanwhile_is_not_cleared_away(status: str) -> None:
    world = changed()
    digest = digest_of(world)
    left = as_of(world, "256", status=status)
    world.images.while_building = lambda: world.stacks.somebody_changes(left)
    refused(world, digest)
    assert "delete_stack" not in world.stacks.calls


def test_a_build_that_gives_the_image_that_runs_already_still_carries_the_rest_out() -> None:
    world = changed()
    world.images.content = "content-1"
    uri = world.images.published.pop("content-1")
    digest = digest_of(world)
    world.images.published.clear()
    result = world.deploy(approved_plan=digest)
    assert result.stacks[SERVICE] == "updated"
    assert seen(world.stacks.stacks[SERVICE]) == ("512", uri)


# -- the change set itself -----------------------------------------------------------------------------------
SHOWN = ChangeSetChange(
    *("Modify", "Service", "arn", "AWS::ECS::ExpressGatewayService", "False", ""),
    (
        ChangeSetDetail("/Properties/Cpu", "256", "512", "Never"),
        ChangeSetDetail("/Properties/PrimaryContainer/Image", "a", "b", "Never", parameter="ImageUri"),
    ),
)
MEMORY = replace(SHOWN, details=(*SHOWN.details, ChangeSetDetail("/Properties/Memory", "2048", "512", "Never")))
GROUP = ChangeSetChange("Remove", "LogGroup", "group", "AWS::Logs::LogGroup", "False", "Delete")
REPLACED = replace(SHOWN, replacement="True")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ((MEMORY,), ["Service.Memory"]),
        ((SHOWN, GROUP), ["LogGroup (remove)"]),
        ((REPLACED,), ["Service (replace)"]),
    ],
)
def test_a_change_set_that_would_do_more_than_was_shown_is_deleted_unexecuted(
    changes: tuple[ChangeSetChange, ...], named: list[str]
) -> None:
    world = changed()
    digest = digest_of(world, allow_replacement=True)
    world.stacks.changes = changes
    error = refused(world, digest, allow_replacement=True)
    assert error.details["changed"] == named
    assert world.stacks.executed == []
    world.stacks.changes = (SHOWN,)
    assert world.deploy(approved_plan=digest, allow_replacement=True).stacks[SERVICE] == "updated"


def test_without_an_approved_plan_a_change_set_may_do_what_the_definition_says() -> None:
    world = changed()
    world.stacks.changes = (MEMORY, GROUP)
    assert world.deploy().stacks[SERVICE] == "updated"


# -- nobody approved -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("act", [more_processors, another_image, slowly_more_processors])
def test_a_deployment_that_nobody_approved_goes_on_and_says_that_the_stack_was_changed(
    act: Callable[[World], None],
) -> None:
    world = changed()
    world.images.while_building = lambda: act(world)
    result = world.deploy()
    assert result.status == "deployed"
    (warning,) = result.warnings
    assert warning.startswith(f"{SERVICE} was changed by someone else")
    assert seen(world.stacks.stacks[SERVICE]) == ("512", "repo@sha256:content-2")


def test_a_deployment_that_nobody_disturbs_says_nothing_of_it() -> None:
    world = changed()
    assert world.deploy().warnings == ()
    assert world.deploy().warnings == ()


@pytest.mark.parametrize(("make", "again", "versions"), [(changed, True, 0), (changed, False, 1), (World, False, 0)])
def test_only_an_update_is_asked_for_once_more(make: Callable[[], World], again: bool, versions: int) -> None:
    world = make()
    if again:
        world.deploy()
    asked = Company(world, 0, after=False, act=more_processors)
    digest = digest_of(world)
    world.gateway = asked  # type: ignore[assignment]
    assert world.deploy(approved_plan=digest).status == ("unchanged" if again else "deployed")
    assert asked.names.count("version") == versions
    if again:
        assert set(asked.names) == {"describe"}


@pytest.mark.parametrize(("name", "told"), [("MODE", "MODE"), ("a b", "…")])
def test_the_names_that_somebody_chose_are_told_only_where_they_are_names(name: str, told: str) -> None:
    def with_variable(named: str, cpu: str) -> str:
        document = json.loads(templates(cpu=cpu).service.body)
        container = document["Resources"]["Service"]["Properties"]["PrimaryContainer"]
        container["Environment"] = [{"Name": named, "Value": "hidden"}]
        return json.dumps(document)

    world = changed()
    service = replace(world.templates.service, body=with_variable("OURS", "512"))
    world.templates = replace(world.templates, service=service)
    world.stacks.somebody_changes(replace(as_of(world, "256"), template=with_variable("OURS", "256")))
    digest = digest_of(world)
    theirs = replace(as_of(world, "256"), template=with_variable(name, "256"))
    world.images.while_building = lambda: world.stacks.somebody_changes(theirs)
    error = refused(world, digest)
    assert f"Service.PrimaryContainer.Environment.{told}" in error.details["changed"]
    assert "a b" not in str(error.to_dict())
    assert "hidden" not in str(error.to_dict())


# -- our own continuation ------------------------------------------------------------------------------------
SCENARIOS = {"create": World, "update": changed, "after a failed create": rolled_back}
POINTS = [
    pytest.param(make, call, after, id=f"{name}, {'after' if after else 'before'} call {call}")
    for name, make in SCENARIOS.items()
    for call in range(1, 30)
    for after in (False, True)
]


@pytest.mark.parametrize(("make", "call", "after"), POINTS)
def test_an_approved_run_that_was_killed_at_any_point_is_finished_under_the_same_approval(
    make: Callable[[], World], call: int, after: bool
) -> None:
    world = make()
    digest = digest_of(world)
    world.gateway = MortalGateway(world, call, after)  # type: ignore[assignment]
    try:
        world.deploy(approved_plan=digest)
    except Killed:
        world.gateway = None
        world.deploy(approved_plan=digest, continues="deploy-hello-0")
    assert_converged(world)
    assert set(world.stacks.stacks) == {REPOSITORY, SERVICE}
