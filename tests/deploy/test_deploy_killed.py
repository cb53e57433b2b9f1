"""kill -9 at any point, then the same command: it finishes the job, with nothing orphaned."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from expressway.errors import StackError
from tests.deploy.fakes import REPOSITORY, SERVICE, World, templates


class Killed(BaseException):
    """The process ends here; nothing in it runs any more."""


@dataclass
class MortalGateway:
    """A gateway whose process dies at its n-th call, before or after CloudFormation has heard of it.

    A dead process makes no calls: clean-up code that runs here, but would not after a real kill, has no effect.
    """

    world: World
    dies_at: int
    after: bool
    calls: int = 0
    dead: bool = False

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.world.stacks, name)

        def call(*arguments: Any, **options: Any) -> Any:
            if self.dead:
                raise Killed
            self.calls += 1
            self.dead = self.calls == self.dies_at
            if self.dead and not self.after:
                raise Killed
            answer = method(*arguments, **options)
            if self.dead:
                raise Killed
            return answer

        return call


def run_killed_at(world: World, call: int, *, after: bool) -> bool:
    """Deploy until that call; False when the deployment makes fewer calls and so ended by itself."""
    world.gateway = MortalGateway(world, call, after)  # type: ignore[assignment]
    try:
        world.deploy()
    except Killed:
        return True
    finally:
        world.gateway = None
    return False


def calls_of(make: Callable[[], World]) -> int:
    world = make()
    gateway = MortalGateway(world, 0, after=False)
    world.gateway = gateway  # type: ignore[assignment]
    with contextlib.suppress(StackError):
        world.deploy()
    return gateway.calls


def assert_converged(world: World) -> None:
    assert {name: stack.status for name, stack in world.stacks.stacks.items()} in (
        {REPOSITORY: "CREATE_COMPLETE", SERVICE: "CREATE_COMPLETE"},
        {REPOSITORY: "CREATE_COMPLETE", SERVICE: "UPDATE_COMPLETE"},
    )
    assert world.stacks.change_sets == {}
    assert world.stacks.stacks[SERVICE].template == world.templates.service.body
    uri = world.images.published[world.images.content]
    assert world.stacks.stacks[SERVICE].parameters == {"ImageUri": uri, "Origin": ""}
    assert world.images.pushes == list(dict.fromkeys(world.images.pushes))
    assert not any(world.stacks.pending.values())


def stacks_ever_made(world: World) -> list[str]:
    return sorted(stack_id.split("/")[1] for stack_id in world.stacks.log)


def fresh() -> World:
    return World()


def updated() -> World:
    world = World()
    world.deploy()
    world.templates = templates(cpu="512")
    world.images.content = "content-2"
    return world


def rolled_back() -> World:
    """The first deployment failed and its remains lie in the way."""
    world = World()
    world.stacks.failing = {SERVICE: [("Service", "no")]}
    with pytest.raises(StackError):
        world.deploy()
    world.stacks.failing = {}
    return world


SCENARIOS = {"create": fresh, "update": updated, "after a failed create": rolled_back}
POINTS = [
    pytest.param(make, call, after, id=f"{name}, {'after' if after else 'before'} call {call}")
    for name, make in SCENARIOS.items()
    for call in range(1, calls_of(make) + 1)
    for after in (False, True)
]


@pytest.mark.parametrize(("make", "call", "after"), POINTS)
def test_the_same_command_finishes_what_a_killed_one_began(make: Callable[[], World], call: int, after: bool) -> None:
    world = make()
    made = len(stacks_ever_made(world))
    assert run_killed_at(world, call, after=after)
    world.deploy(continues="deploy-hello-0")
    assert_converged(world)
    expected = {"fresh": 2, "updated": 0, "rolled_back": 1}[make.__name__]
    assert len(stacks_ever_made(world)) - made == expected
    assert world.deploy().status == "unchanged"


@pytest.mark.parametrize("make", SCENARIOS.values(), ids=SCENARIOS)
def test_dying_again_and_again_at_every_later_point_converges_too(make: Callable[[], World]) -> None:
    world = make()
    for call in range(1, 60):
        if not run_killed_at(world, call, after=bool(call % 2)):
            break
    else:
        raise AssertionError("it never ended")
    assert_converged(world)


@pytest.mark.parametrize("call", range(1, calls_of(fresh) + 1))
def test_a_killed_run_leaves_nothing_but_what_it_was_asked_to_make(call: int) -> None:
    world = World()
    run_killed_at(world, call, after=True)
    assert set(world.stacks.stacks) <= {REPOSITORY, SERVICE}
    assert all(name.startswith("expressway-") for _, name in world.stacks.change_sets)
