"""Whatever AWS refuses on the way is told clearly, loses nothing, and the same command continues from there."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from expressway.app.definition import AppDefinition
from expressway.cloudformation.change_set import ChangeSet
from expressway.cloudformation.stack import StackState
from expressway.cloudformation.template import AppTemplates, Template
from expressway.core.progress import NeverCancelled, Progress
from expressway.deploy.build import BuildPorts, BuiltImage, build_app_image
from expressway.deploy.delete.delete import DeletePorts, DeleteResult, delete_app
from expressway.deploy.stack.apply import apply_stack
from expressway.deploy.stack.delete import StackRemover
from expressway.deploy.stack.request import StackRequest
from expressway.errors import ExpresswayError, ImageError, StackError, TargetError
from expressway.image.check import BuildRequest
from tests.aws.ecs import fakes as in_memory_ecs
from tests.cloudformation.fakes import InMemoryCloudFormation, ManualClock
from tests.deploy.fakes import (
    REPOSITORY,
    SERVICE,
    TARGET,
    InMemoryAccount,
    World,
    templates,
)
from tests.image.fakes import FastClock, MemoryEngine, MemoryRegistry

SEEN_AS = {
    "access_denied": "User someone is not authorized to perform: {action}",
    "quota_exceeded": "{action}: the limit of the account has been reached",
    "throttled": "{action}: Rate exceeded",
    "credentials_expired": "{action}: The security token included in the request is expired",
}
_PASSES_WHILE_WATCHING = {"throttled"}


@dataclass
class Refusing:
    """CloudFormation that refuses the n-th call, and with `for_good` every later one; `after` it has done it."""

    inner: InMemoryCloudFormation
    at: int
    code: str
    for_good: bool = False
    after: bool = False
    calls: int = 0
    refused: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.inner, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self.calls += 1
            due = self.calls == self.at or (self.for_good and self.calls > self.at > 0)
            if due and self.after:
                method(*arguments, **options)
            if due:
                self.refused.append(name)
                raise TargetError(self.code, f"AWS did not {name}: {SEEN_AS[self.code].format(action=name)}", "h")
            return method(*arguments, **options)

        return call


def fresh() -> World:
    return World()


def updated() -> World:
    world = World()
    world.deploy()
    world.templates = templates(cpu="512")
    world.images.content = "content-2"
    return world


def run_refused(world: World, gateway: Refusing) -> ExpresswayError | None:
    world.gateway = gateway  # type: ignore[assignment]
    try:
        world.deploy()
    except ExpresswayError as error:
        return error
    finally:
        world.gateway = None
    return None


def calls_of(make: Callable[[], World]) -> int:
    world = make()
    gateway = Refusing(world.stacks, 0, "throttled")
    assert run_refused(world, gateway) is None
    return gateway.calls


POINTS = [
    pytest.param(make, code, call, id=f"{make.__name__}, {code} at call {call}")
    for make in (fresh, updated)
    for code in SEEN_AS
    for call in range(1, calls_of(make) + 1)
]


# -- deploy ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("make", "code", "call"), POINTS)
def test_a_refusal_halfway_through_a_deployment_is_told_and_the_repeat_continues(
    make: Callable[[], World], code: str, call: int
) -> None:
    world = make()
    before = dict(world.stacks.stacks)
    ended = code == "credentials_expired"
    gateway = Refusing(world.stacks, call, code, for_good=ended)
    error = run_refused(world, gateway)
    if error is None:
        assert code in _PASSES_WHILE_WATCHING
        assert gateway.refused in (["describe"], ["events"])
    else:
        assert error.code == code
        assert gateway.refused[0] in error.message
    assert set(before) <= set(world.stacks.stacks), "nothing that stood is gone"
    assert world.images.pushes == list(dict.fromkeys(world.images.pushes))

    world.deploy(continues="deploy-hello-0")

    assert {name: stack.status.partition("_")[2] for name, stack in world.stacks.stacks.items()} == {
        REPOSITORY: "COMPLETE",
        SERVICE: "COMPLETE",
    }
    assert world.stacks.change_sets == {}
    assert world.stacks.stacks[SERVICE].template == world.templates.service.body
    assert world.images.pushes == list(dict.fromkeys(world.images.pushes))
    assert world.deploy().status == "unchanged"


@pytest.mark.parametrize("call", range(1, calls_of(fresh) + 1))
def test_a_write_that_was_done_although_its_answer_was_lost_is_not_done_twice(call: int) -> None:
    world = World()
    run_refused(world, Refusing(world.stacks, call, "throttled", after=True))
    world.deploy(continues="deploy-hello-0")
    assert sorted(stack_id.split("/")[1] for stack_id in world.stacks.log) == [REPOSITORY, SERVICE]
    assert world.stacks.change_sets == {}


def test_a_session_that_ends_between_building_and_pushing_loses_neither_repository_nor_image() -> None:
    world = World()
    world.images.push_fails = TargetError("credentials_expired", "AWS did not give a login: token expired", "Sign in.")
    with pytest.raises(TargetError) as error:
        world.deploy()
    assert (error.value.code, error.value.hint) == ("credentials_expired", "Sign in.")
    assert world.operation.current.phase == "push"
    assert set(world.stacks.stacks) == {REPOSITORY}

    world.images.push_fails = None
    made = dict(world.stacks.stacks)
    assert world.deploy().stacks == {REPOSITORY: "unchanged", SERVICE: "created"}
    assert world.stacks.stacks[REPOSITORY] == made[REPOSITORY]


@pytest.mark.parametrize(
    ("logical_id", "reason"),
    [
        ("ExecutionRole", "User someone is not authorized to perform: iam:CreateRole on resource: role hello"),
        ("Service", "The service quota for load balancers has been exceeded (Service: Ecs)"),
        ("LogGroup", "Resource of type 'AWS::Logs::LogGroup' with identifier '/expressway/hello' already exists."),
    ],
)
def test_what_cloudformation_is_refused_is_the_first_cause_and_the_old_version_stays(
    logical_id: str, reason: str
) -> None:
    world = updated()
    old = world.stacks.stacks[SERVICE]
    world.stacks.failing = {SERVICE: [(logical_id, reason), ("Service", "Resource update cancelled")]}
    with pytest.raises(StackError) as error:
        world.deploy()
    assert error.value.code == "stack_failed"
    assert f"{logical_id}: ⟦{reason}⟧" in error.value.message
    assert world.stacks.stacks[SERVICE].template == old.template
    assert world.stacks.stacks[SERVICE].parameters == old.parameters

    world.stacks.failing = {}
    assert world.deploy().stacks[SERVICE] == "updated"
    assert world.images.pushes == ["content-1", "content-2"]


# -- what others take away meanwhile --------------------------------------------------------------------------
NAME = "hello-ecr-infrastructure"


class Vanishing(InMemoryCloudFormation):
    """Somebody deletes the change set, or the stack, while a change to it is being reviewed."""

    vanishes = ""

    def describe_change_set(self, stack_name: str, change_set_name: str) -> Any:
        if self.vanishes == "change set":
            self.change_sets.clear()
        if self.vanishes == "stack":
            self.stacks.clear()
        return super().describe_change_set(stack_name, change_set_name)


def apply(stacks: InMemoryCloudFormation, body: str) -> str:
    outcome = apply_stack(
        StackRequest("hello", Template(NAME, body), "repository"),
        stacks=stacks,
        clock=ManualClock(),
        progress=lambda _: None,
        cancellation=NeverCancelled(),
    )
    return outcome.result


def body(**more: object) -> str:
    return json.dumps({"Metadata": {"Expressway": {"App": "hello", "Schema": 1}}, "Resources": {}, **more})


class NeverReady(InMemoryCloudFormation):
    """Works on a change set for ever."""

    ready = False

    def describe_change_set(self, stack_name: str, change_set_name: str) -> ChangeSet | None:
        found = super().describe_change_set(stack_name, change_set_name)
        return found if self.ready or found is None else replace(found, status="CREATE_IN_PROGRESS")


def test_a_change_set_that_is_never_made_is_given_up_and_taken_up_by_the_repeat() -> None:
    stacks = NeverReady()
    with pytest.raises(StackError) as error:
        apply(stacks, body())
    assert error.value.code == "change_set_pending"
    stacks.ready = True
    assert apply(stacks, body()) == "created"


def test_a_change_set_that_somebody_deletes_meanwhile_is_told_and_made_anew_by_the_repeat() -> None:
    stacks = Vanishing()
    stacks.vanishes = "change set"
    with pytest.raises(StackError) as error:
        apply(stacks, body())
    assert error.value.code == "change_set_vanished"
    assert "Repeat" in error.value.hint
    stacks.vanishes = ""
    assert apply(stacks, body()) == "created"


def test_a_stack_that_somebody_deletes_meanwhile_is_told_and_made_anew_by_the_repeat() -> None:
    stacks = Vanishing()
    assert apply(stacks, body()) == "created"
    stacks.vanishes = "stack"
    stacks.reject_next = "The submitted information didn't contain changes."
    with pytest.raises(StackError) as error:
        apply(stacks, body(Description="other"))
    assert error.value.code == "stack_vanished"
    assert NAME in error.value.message
    stacks.vanishes = ""
    assert apply(stacks, body(Description="other")) == "created"


# -- build ----------------------------------------------------------------------------------------------------
@dataclass
class Building:
    """A folder, an engine, a registry that exists once its stack does, and CloudFormation."""

    folder: Path
    stacks: InMemoryCloudFormation = field(default_factory=InMemoryCloudFormation)
    registry: MemoryRegistry = field(default_factory=lambda: MemoryRegistry(exists=False))
    engine: MemoryEngine = field(init=False)
    told: list[Progress] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = MemoryEngine(self.registry)
        (self.folder / "Dockerfile").write_text("FROM scratch\n")

    def build(self, gateway: Any = None, account: InMemoryAccount | None = None) -> BuiltImage:
        ports = BuildPorts(
            target=TARGET,
            synthesize=self._synthesize,
            stacks=gateway or self.stacks,
            account=(account or InMemoryAccount(self.stacks)).reads(),
            engine=lambda: self.engine,
            registry=self,  # type: ignore[arg-type]
            clock=FastClock(),
            record_excluded=lambda _image, _excluded_files, _warn: None,
        )
        request = BuildRequest("hello", self.folder)
        return build_app_image(request, None, ports=ports, progress=self.told.append, cancellation=NeverCancelled())

    def _synthesize(self, _definition: AppDefinition) -> AppTemplates:
        return templates()

    def __getattr__(self, name: str) -> Any:
        """The registry, which has the repository from the moment that the stack stands."""
        stack = self.stacks.stacks.get(REPOSITORY)
        self.registry.exists = stack is not None and stack.status == "CREATE_COMPLETE"
        return getattr(self.registry, name)


@pytest.fixture
def building(tmp_path: Path) -> Building:
    return Building(tmp_path)


def test_a_build_that_may_not_make_its_repository_keeps_the_image_and_the_repeat_goes_on(building: Building) -> None:
    denied = Refusing(building.stacks, 3, "access_denied")
    with pytest.raises(TargetError) as error:
        building.build(denied)
    assert error.value.code == "access_denied"
    assert denied.refused == ["create_change_set"]
    assert "not authorized to perform: create_change_set" in error.value.message
    assert building.stacks.stacks == {}
    assert building.registry.tags == {}

    built = building.build()
    assert len(building.engine.builds) == 1
    assert built.image.digest in building.registry.tags.values()


@pytest.mark.parametrize(
    "fault",
    [
        ImageError("push_denied", "no permission for ecr:PutImage", "Ask."),
        TargetError("credentials_expired", "AWS did not give a login: expired", "Sign in."),
    ],
)
def test_a_push_that_is_refused_keeps_repository_and_image_and_the_repeat_pushes(
    building: Building, fault: ExpresswayError
) -> None:
    building.engine.faults = [fault]
    with pytest.raises(ExpresswayError) as error:
        building.build()
    assert error.value is fault
    stack = building.stacks.stacks[REPOSITORY]
    assert stack.status == "CREATE_COMPLETE"

    built = building.build()
    assert building.stacks.stacks[REPOSITORY] == stack
    assert len(building.engine.builds) == 1
    assert built.image.pushed


def test_a_build_does_not_take_over_a_repository_of_that_name(building: Building) -> None:
    account = InMemoryAccount(building.stacks, names={"hello-repo"})
    with pytest.raises(ExpresswayError) as error:
        building.build(account=account)
    assert error.value.code == "name_taken"
    assert building.stacks.calls == []


# -- delete ---------------------------------------------------------------------------------------------------
@dataclass
class Deleting:
    """An app of both stacks in an account where some things may be refused."""

    ecs: in_memory_ecs.World = field(default_factory=in_memory_ecs.deployed_world)
    stacks: InMemoryCloudFormation = field(default_factory=InMemoryCloudFormation)
    groups: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for name in ("web-express-service", "web-ecr-infrastructure"):
            stack_id = f"arn:aws:cloudformation:us-east-1:000000000000:stack/{name}/1"
            self.stacks.stacks[name] = StackState(name, stack_id, "CREATE_COMPLETE", owner_app="web", template="{}")

    def delete(self, gateway: Any = None) -> DeleteResult:
        ports = DeletePorts(
            target=TARGET,
            stacks=StackRemover(gateway or self.stacks, ManualClock()),
            owners=self,
            ecs=self.ecs,
            logs=self,
            repositories=self,
            clock=self.ecs.clock,
        )
        return delete_app("web", ports=ports, timeout_seconds=60)

    def stack_of(self, physical_id: str) -> str | None:
        return self.stacks.stacks["web-express-service"].stack_id if "web-express-service" in self.standing else None

    def group(self, log_group: str) -> None:
        return None

    def delete_group(self, log_group: str) -> bool:
        return False

    def describe_repository(self, name: str) -> None:
        return None

    @property
    def standing(self) -> set[str]:
        return {name for name, stack in self.stacks.stacks.items() if stack.status != "DELETE_COMPLETE"}


def calls_of_delete() -> int:
    app = Deleting()
    gateway = Refusing(app.stacks, 0, "throttled")
    assert app.delete(gateway).succeeded
    return gateway.calls


def outcome_of(app: Deleting, gateway: Refusing) -> tuple[list[Mapping[str, Any]], str | None]:
    """The errors, and the summary where the deletion had begun."""
    try:
        result = app.delete(gateway)
    except TargetError as error:
        return [error.to_dict()], None
    return list(result.errors), result.summary


@pytest.mark.parametrize("code", ["access_denied", "credentials_expired", "throttled"])
@pytest.mark.parametrize("call", range(1, calls_of_delete() + 1))
def test_a_refusal_halfway_through_a_deletion_stops_it_and_the_repeat_continues(code: str, call: int) -> None:
    app = Deleting()
    gateway = Refusing(app.stacks, call, code, for_good=code == "credentials_expired")
    told, summary = outcome_of(app, gateway)
    if summary is None:  # while looking, before anything is changed
        assert app.stacks.calls == []
        assert app.ecs.state is not None
        assert app.ecs.state.status == "ACTIVE"
    assert [one["code"] for one in told] == [code] or (told == [] and code in _PASSES_WHILE_WATCHING)
    assert all(gateway.refused[0] in one["message"] for one in told)
    assert not told or summary is None or "Repeat the deletion" in summary
    service_stands = "web-express-service" in app.standing
    assert not service_stands or "web-ecr-infrastructure" in app.standing, "images went before the service"

    again = app.delete()
    assert again.succeeded, again.summary
    assert app.standing == set()
    assert app.ecs.state is not None
    assert app.ecs.state.status == "INACTIVE"
    assert app.delete().succeeded


def test_a_service_that_may_not_be_deleted_keeps_its_images() -> None:
    app = Deleting()
    del app.stacks.stacks["web-express-service"]
    app.ecs.denied = {"delete_express_service"}

    result = app.delete()

    assert [error["code"] for error in result.errors] == ["access_denied"]
    assert "delete_express_service: not authorized" in result.errors[0]["message"]
    assert result.ecr_deletion["status"] == "not_started"
    assert app.standing == {"web-ecr-infrastructure"}
    app.ecs.denied = set()
    assert app.delete().succeeded
    assert app.standing == set()
