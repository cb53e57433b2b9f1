"""A write whose answer is lost is looked up before it is called a failure; the same command elsewhere is joined."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from expressway.cloudformation.stack import StackState
from expressway.core.write_once import write_once
from expressway.errors import ExpresswayError, StackError, TargetError
from tests.cloudformation.fakes import InMemoryCloudFormation
from tests.deploy.delete.test_delete import Group, InMemoryApp, arn, delete, loose_app
from tests.deploy.fakes import READY, SERVICE, World, templates
from tests.deploy.test_deploy_faults import Deleting

WRITES = {
    "create_change_set",
    "execute_change_set",
    "delete_change_set",
    "delete_stack",
    "continue_rollback",
    "protect",
}


@dataclass
class Losing:
    """CloudFormation that loses the answer to the n-th write, `done` or not."""

    inner: InMemoryCloudFormation
    at: int
    done: bool = True
    code: str = "connection_failed"
    writes: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.inner, name)
        if name not in WRITES:
            return method

        def call(*arguments: Any, **options: Any) -> Any:
            self.writes.append(name)
            if len(self.writes) != self.at:
                return method(*arguments, **options)
            if self.done:
                method(*arguments, **options)
            raise TargetError(self.code, f"AWS did not {name}: Connection was closed", "h")

        return call


def fresh() -> World:
    return World(termination_protection=True)


def changed() -> World:
    world = World()
    world.deploy()
    world.templates = templates(cpu="512")
    return world


def remains() -> World:
    world = World()
    world.stacks.failing[SERVICE] = [("Service", "the image was not found")]
    with pytest.raises(StackError):
        world.deploy()
    world.stacks.failing = {}
    return world


def stuck() -> World:
    world = changed()
    stack = world.stacks.stacks[SERVICE]
    world.stacks.stacks[SERVICE] = StackState(
        stack.name,
        stack.stack_id,
        "UPDATE_ROLLBACK_FAILED",
        owner_app="hello",
        parameters=stack.parameters,
        template=stack.template,
        updated_at=stack.updated_at,
    )
    return world


SITUATIONS = {"fresh": fresh, "changed": changed, "remains": remains, "stuck": stuck}


def writes_in(situation: str) -> list[str]:
    world = SITUATIONS[situation]()
    gateway = Losing(world.stacks, 0)
    world.gateway = gateway  # type: ignore[assignment]
    world.deploy(continue_rollback=situation == "stuck")
    return gateway.writes


CASES = [
    pytest.param(situation, at, id=f"{situation} {at} {name}")
    for situation in SITUATIONS
    for at, name in enumerate(writes_in(situation), 1)
]


def test_every_write_of_a_deployment_is_among_the_cases() -> None:
    assert {name for situation in SITUATIONS for name in writes_in(situation)} == WRITES - {"delete_change_set"}


@pytest.mark.parametrize("code", ["connection_failed", "service_unavailable"])
@pytest.mark.parametrize(("situation", "at"), CASES)
def test_a_write_that_was_made_counts_though_its_answer_was_lost(situation: str, at: int, code: str) -> None:
    world = SITUATIONS[situation]()
    executed = len(world.stacks.executed)
    world.gateway = Losing(world.stacks, at, code=code)  # type: ignore[assignment]

    result = world.deploy(continue_rollback=situation == "stuck")

    assert result.status == "deployed"
    assert world.stacks.stacks[SERVICE].healthy
    names = [request.change_set_name for _, request in world.stacks.executed[executed:]]
    assert len(names) == len(set(names)), "nothing is carried out twice"
    assert world.stacks.change_sets == {}


@pytest.mark.parametrize(("situation", "at"), CASES)
def test_a_write_that_was_not_made_is_a_failure_that_the_same_command_mends(situation: str, at: int) -> None:
    world = SITUATIONS[situation]()
    world.gateway = Losing(world.stacks, at, done=False)  # type: ignore[assignment]
    with pytest.raises(TargetError) as caught:
        world.deploy(continue_rollback=situation == "stuck")
    assert caught.value.code == "connection_failed"

    world.gateway = None
    assert world.deploy(continue_rollback=situation == "stuck").status == "deployed"


@pytest.mark.parametrize("at", [1, 2])
def test_a_stack_that_is_deleted_though_the_answer_was_lost_is_waited_for(at: int) -> None:
    deleting = Deleting()
    assert deleting.delete(Losing(deleting.stacks, at)).succeeded
    assert deleting.standing == set()


def test_a_service_and_a_log_group_that_are_deleted_though_the_answer_was_lost_count_as_deleted() -> None:
    made = loose_app(log_group="/expressway/web")
    made.groups = {"/expressway/web": Group(None)}
    _lose_answers(made)

    result = delete(made, arn("default", "web"))

    assert result.succeeded
    assert made.is_empty()
    assert "log group /expressway/web" in result.summary


def test_a_service_that_is_still_there_after_a_lost_answer_is_a_failure() -> None:
    made = loose_app(log_group="/expressway/web")

    def refuse(service_arn: str) -> None:
        raise TargetError("connection_failed", f"AWS did not delete {service_arn}", "h")

    made.world.delete_express_service = refuse  # type: ignore[method-assign]
    assert [error["code"] for error in delete(made).errors] == ["connection_failed"]


def _lose_answers(made: InMemoryApp) -> None:
    for owner, name in ((made.world, "delete_express_service"), (made, "delete_group")):
        inner = getattr(owner, name)

        def losing(argument: str, inner: Callable[[str], object] = inner) -> None:
            inner(argument)
            raise TargetError("connection_failed", "Connection was closed", "h")

        setattr(owner, name, losing)


@pytest.mark.parametrize(
    ("error", "shows"),
    [
        (TargetError("throttled", "", ""), True),
        (TargetError("access_denied", "", ""), True),
        (StackError("template_rejected", "", ""), True),
        (TargetError("connection_failed", "", ""), False),
    ],
)
def test_an_answer_that_came_is_believed_and_so_is_what_aws_shows(error: ExpresswayError, shows: bool) -> None:
    def write() -> None:
        raise error

    with pytest.raises(type(error)):
        write_once(write, is_done=lambda: shows)


def test_where_aws_cannot_be_read_either_the_write_has_failed() -> None:
    def fail() -> bool:
        raise TargetError("connection_failed", "no answer", "")

    with pytest.raises(TargetError):
        write_once(fail, is_done=fail)


# -- the same command, run elsewhere ----------------------------------------------------------------------------
@dataclass
class Twin:
    """Before our n-th call, the same command runs elsewhere: to its end, or it only begins."""

    world: World
    at: int
    only_begins: bool
    calls: int = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.world.stacks, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls == self.at:
                self._run_elsewhere()
            return method(*arguments, **options)

        return call

    def _run_elsewhere(self) -> None:
        twin = World(
            stacks=self.world.stacks,
            images=self.world.images,
            templates=self.world.templates,
            readiness=READY,
        )
        if not self.only_begins:
            twin.deploy()
            return

        class Begun(Exception):
            pass

        class StopsThen:
            def raise_if_cancelled(self) -> None:
                if any(stack.in_progress for stack in twin.stacks.stacks.values()):
                    raise Begun

        with suppress(Begun):  # late calls leave nothing to begin
            twin.deploy(cancellation=StopsThen())


def calls_of(make: Callable[[], World]) -> int:
    world = make()
    twin = Twin(world, 0, False)
    world.gateway = twin  # type: ignore[assignment]
    world.deploy()
    return twin.calls


TWINS = [
    pytest.param(make, at, begins, id=f"{make.__name__} {at} {'begins' if begins else 'ends'}")
    for make in (World, changed)
    for at in range(1, calls_of(make) + 1)
    for begins in (False, True)
    if not begins or make is changed
]


@pytest.mark.parametrize("approved", [False, True])
@pytest.mark.parametrize(("make", "at", "only_begins"), TWINS)
def test_the_same_command_run_elsewhere_is_joined_whenever_it_runs(
    make: Callable[[], World], at: int, only_begins: bool, approved: bool
) -> None:
    world = make()
    before = len(world.stacks.executed)
    options: dict[str, Any] = {}
    if approved:
        planner = make()
        options = {"approved_plan": planner.deploy().plan_digest}
    world.gateway = Twin(world, at, only_begins)  # type: ignore[assignment]

    refusals: list[str] = []
    try:
        world.deploy(**options)
    except ExpresswayError as error:
        refusals.append(error.code)
    # Where what was approved is done already, the plan is another one by now.
    assert refusals in ([], ["plan_changed"]) if approved else refusals == []
    assert world.stacks.stacks[SERVICE].healthy
    names = [request.stack_name for _, request in world.stacks.executed[before:]]
    assert len(names) == len(set(names)), "each stack is changed once"


@dataclass
class TakesUpTheChangeSet(Twin):
    """The same command elsewhere carries out the change set that we made, right before we look whether it may be."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name == "version":
            self.at = self.calls + 1
        return super().__getattr__(name)


@pytest.mark.parametrize("only_begins", [False, True])
def test_a_change_set_of_ours_that_runs_already_is_what_was_approved(only_begins: bool) -> None:
    world = changed()
    world.stacks.polls_until_done = 9  # it still runs when it is looked at again
    before = len(world.stacks.executed)
    digest = changed().deploy().plan_digest
    world.gateway = TakesUpTheChangeSet(world, 0, only_begins)  # type: ignore[assignment]
    assert world.deploy(approved_plan=digest).status == "deployed"
    assert world.stacks.stacks[SERVICE].healthy
    assert [request.stack_name for _, request in world.stacks.executed[before:]].count(SERVICE) == 1
