"""Deleting: service first, images only when it is gone, nothing after a failure, the same again is a no-op."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from expressway.aws.values.service import ExpressService, ManagedResource, RevisionState
from expressway.aws.values.target import Target
from expressway.cloudformation.stack import StackState
from expressway.core.progress import Cancellation, Progress, ProgressSink
from expressway.deploy.delete.delete import DeletePorts, DeleteResult, delete_app
from expressway.errors import DefinitionError, EngineError, ExpresswayError, RefusedError, StackError, TargetError
from tests.aws.ecs.fakes import ACCOUNT, ManualClock, World, arn, deployed_world

SERVICE_STACK = "web-express-service"
REPOSITORY_STACK = "web-ecr-infrastructure"


@dataclass(frozen=True)
class Group:
    retention_days: int | None


@dataclass
class InMemoryApp:
    """An app in an account: stacks, the service behind them, a repository, a log group."""

    world: World
    stacks: dict[str, StackState] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    repositories: set[str] = field(default_factory=set)
    deleted: list[str] = field(default_factory=list)
    failing: dict[str, str] = field(default_factory=dict)
    dies_after: str = ""
    holders: dict[str, str] = field(default_factory=dict)
    owners_denied: bool = False
    change_sets: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def describe(self, stack_name: str) -> StackState | None:
        name = stack_name.split("/")[1] if "/" in stack_name else stack_name
        return self.stacks.get(name)

    def change_set_names(self, stack_name: str) -> tuple[str, ...]:
        return self.change_sets.get(stack_name, ())

    def stack_of(self, physical_id: str) -> str | None:
        if self.owners_denied:
            raise TargetError("access_denied", "Not authorized: cloudformation:DescribeStackResources.", "Ask.")
        return self.holders.get(physical_id)

    def delete(self, stack: StackState, *, progress: ProgressSink, cancellation: Cancellation) -> None:
        stack_name = stack.name
        if stack_name in self.failing:
            self.stacks[stack_name] = replace(
                self.stacks[stack_name], status="DELETE_FAILED", status_reason=self.failing[stack_name]
            )
            raise StackError("stack_delete_failed", f"{stack_name}: {self.failing[stack_name]}", "")
        if self.stacks.pop(stack_name, None) is None:
            return
        self.deleted.append(stack_name)
        if stack_name == SERVICE_STACK and "Retain" not in stack.template:
            self.world.drain()
            self.groups.pop("/expressway/web", None)
        if stack_name == REPOSITORY_STACK:
            assert self.world.state is None or self.world.state.status == "INACTIVE", "images went before the service"
            if "Retain" not in stack.template:
                self.repositories.discard("web-repo")
        if stack_name == self.dies_after:
            raise KeyboardInterrupt

    def group(self, log_group: str) -> Group | None:
        return self.groups.get(log_group)

    def delete_group(self, log_group: str) -> bool:
        self.deleted.append(log_group)
        return self.groups.pop(log_group, None) is not None

    def describe_repository(self, name: str) -> str | None:
        return name if name in self.repositories else None

    def is_empty(self) -> bool:
        service = self.world.state
        gone = service is None or service.status == "INACTIVE"
        return gone and not (self.stacks or self.groups or self.repositories)


def stack(name: str, *, owner: str | None = "web", template: object = None, **changes: object) -> StackState:
    resources = template if template is not None else {}
    made = StackState(
        name,
        f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/{name}/1",
        "CREATE_COMPLETE",
        owner_app=owner,
        outputs={"ServiceArn": arn("default", "web")} if name == SERVICE_STACK else {},
        template=json.dumps({"Resources": resources}),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def app() -> InMemoryApp:
    made = InMemoryApp(deployed_world())
    made.stacks = {SERVICE_STACK: stack(SERVICE_STACK), REPOSITORY_STACK: stack(REPOSITORY_STACK)}
    made.groups = {"/expressway/web": Group(30)}
    made.repositories = {"web-repo"}
    return made


@dataclass
class Engine:
    """A container engine with these names of the app's images; those `in_use` stay."""

    names: set[str] = field(default_factory=lambda: {"expressway/web:ctx-1", "127.0.0.1:4566/web-repo:ctx-1"})
    in_use: set[str] = field(default_factory=set)
    fault: ExpresswayError | None = None
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)

    def found(self) -> "Engine":
        if self.fault is not None:
            raise self.fault
        return self

    def remove_app_images(self, app_name: str, *, repository_name: str, registry_host: str | None) -> int:
        self.asked.append((app_name, repository_name, registry_host))
        before = len(self.names)
        self.names &= self.in_use
        return before - len(self.names)

    def app_image_names(self, app_name: str, *, repository_name: str, registry_host: str | None) -> tuple[str, ...]:
        return tuple(sorted(self.names))


def delete(
    made: InMemoryApp,
    service_arn: str | None = None,
    *,
    name: str = "web",
    timeout: float = 60,
    engine: Engine | None = None,
    **options: Any,
) -> DeleteResult:
    ports = DeletePorts(
        target=Target(ACCOUNT, "us-east-1"),
        stacks=made,
        owners=made,
        ecs=made.world,
        logs=made,
        repositories=made,
        clock=made.world.clock,
        local_images=engine.found if engine else None,
    )
    return delete_app(name, service_arn, ports=ports, timeout_seconds=timeout, **options)


def test_everything_goes_and_the_service_goes_first() -> None:
    made = app()

    result = delete(made)

    assert result.succeeded
    assert made.is_empty()
    assert made.deleted == [SERVICE_STACK, REPOSITORY_STACK]
    assert result.service_deletion["status"] == "deleted"
    assert result.ecr_deletion["status"] == "deleted"
    assert set(result.to_dict()) >= {"service_deletion", "ecr_deletion", "summary", "errors"}


def test_the_images_that_were_built_here_go_last_and_without_a_word() -> None:
    engine = Engine()
    result = delete(app(), engine=engine)
    assert engine.asked == [("web", "web-repo", f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com")]
    assert engine.names == set()
    assert "image " not in result.summary
    assert all("image " not in one.resource for one in result.kept)


def test_an_image_that_a_container_still_uses_is_kept_and_told() -> None:
    result = delete(app(), engine=Engine(in_use={"expressway/web:ctx-1"}))
    assert result.succeeded
    assert "image expressway/web:ctx-1 (the container engine still uses it)" in result.summary
    assert "image expressway/web:ctx-1" in [one["resource"] for one in result.to_dict()["kept"]]


@pytest.mark.parametrize("code", ["engine_missing", "engine_unreachable"])
def test_without_an_engine_there_is_nothing_to_tell_of_images(code: str) -> None:
    result = delete(app(), engine=Engine(fault=EngineError(code, "none", "start one")))
    assert result.succeeded
    assert "engine" not in result.summary


def test_an_engine_that_refuses_does_not_fail_the_deletion() -> None:
    made = app()
    result = delete(made, engine=Engine(fault=EngineError("engine_refused", "It said no.", "see its log")))
    assert result.succeeded
    assert made.is_empty()
    assert "images of web in the container engine (It said no.)" in result.summary


def test_a_deletion_that_stopped_leaves_the_images_alone() -> None:
    made = app()
    made.failing = {REPOSITORY_STACK: "It is in use."}
    engine = Engine()
    assert not delete(made, engine=engine).succeeded
    assert engine.asked == []


def test_a_second_deletion_is_a_clean_no_op() -> None:
    made = app()
    delete(made)
    made.deleted.clear()

    result = delete(made)

    assert result.succeeded
    assert made.deleted == []
    assert result.service_deletion["status"] == "absent"
    assert result.ecr_deletion["status"] == "absent"
    assert result.summary == "Nothing of web was left to delete."


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "CREATE_COMPLETE"], ids=["never made", "deleted by hand"])
def test_a_stack_without_its_service_is_deleted_and_no_service_is_claimed(status: str) -> None:
    made = app()
    made.world.state = made.world.express = None
    made.stacks[SERVICE_STACK] = replace(made.stacks[SERVICE_STACK], status=status)
    made.world.drain = lambda: None  # type: ignore[method-assign]

    result = delete(made)

    assert result.succeeded
    assert result.service_deletion["status"] == "absent"
    assert status in result.service_deletion["message"]
    assert "service web" not in result.summary
    assert f"stack {SERVICE_STACK}" in result.summary


def test_images_wait_until_the_service_is_inactive() -> None:
    made = app()
    made.world.draining_seconds = 45

    assert delete(made).succeeded
    assert made.world.clock.now >= 45


def test_images_stay_when_the_service_stack_cannot_be_deleted() -> None:
    made = app()
    made.failing[SERVICE_STACK] = "the role is in use"

    result = delete(made)

    assert not result.succeeded
    assert result.errors[0]["code"] == "stack_delete_failed"
    assert result.service_deletion["status"] == "failed"
    assert result.ecr_deletion["status"] == "not_started"
    assert made.repositories == {"web-repo"}
    assert REPOSITORY_STACK in made.stacks
    assert "the role is in use" in result.summary


def test_a_stack_that_failed_to_delete_is_tried_again_and_finishes() -> None:
    made = app()
    made.failing[REPOSITORY_STACK] = "the repository is not empty"
    first = delete(made)
    made.failing.clear()

    second = delete(made)

    assert first.service_deletion["status"] == "deleted"
    assert first.ecr_deletion["status"] == "failed"
    assert second.succeeded
    assert made.is_empty()


def test_images_stay_when_the_service_drains_for_too_long() -> None:
    made = app()
    made.world.draining_seconds = 10_000

    result = delete(made)

    assert [error["code"] for error in result.errors] == ["service_still_draining"]
    assert "web-express-infrastructure" in result.errors[0]["hint"]
    assert made.repositories == {"web-repo"}


def test_a_deletion_waits_for_a_draining_service_up_to_its_time_and_no_longer() -> None:
    made = app()
    made.world.draining_seconds = 10_000

    result = delete(made, timeout=0)

    assert [error["code"] for error in result.errors] == ["service_still_draining"]
    assert made.world.clock.sleeps == []


@pytest.mark.parametrize("moment", [SERVICE_STACK, REPOSITORY_STACK])
def test_a_deletion_killed_on_the_way_is_finished_by_the_next(moment: str) -> None:
    made = app()
    made.dies_after = moment
    with pytest.raises(KeyboardInterrupt):
        delete(made)
    made.dies_after = ""

    assert delete(made).succeeded
    assert made.is_empty()


def loose_app(*, log_group: str = "", role: str = "ecsInfrastructureRoleForExpressServices") -> InMemoryApp:
    """A service that no stack holds, as a direct API call makes it."""
    made = InMemoryApp(deployed_world())
    express = made.world.express
    assert express is not None
    configuration = replace(express.configurations[0], log_group=log_group)
    made.world.express = replace(
        express, infrastructure_role_arn=f"arn:aws:iam::{ACCOUNT}:role/{role}", configurations=(configuration,)
    )
    return made


def test_a_service_made_outside_our_stacks_is_deleted_when_its_arn_is_given() -> None:
    made = loose_app()

    result = delete(made, arn("default", "web"))

    assert result.succeeded
    assert result.service_deletion == {
        "status": "deleted",
        "message": "The service is INACTIVE.",
        "service_arn": arn("default", "web"),
        "cluster": "default",
    }
    assert made.is_empty()


def test_what_a_service_made_outside_our_stacks_used_stays_and_is_named() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/"
    made = loose_app(log_group="/aws/ecs/default/web-ab12", role="infra")
    assert made.world.express is not None
    configuration = replace(
        made.world.express.configurations[0],
        execution_role_arn=f"{role}exec",
        task_role_arn=f"{role}task",
        task_definition_arn="td:1",
    )
    made.world.express = replace(made.world.express, configurations=(configuration,))
    managed = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/ecs/default/web-cd34:*"
    lasting = [ManagedResource("logGroups", managed, "ACTIVE"), ManagedResource("autoScaling", "arn:x", "ACTIVE")]
    made.world.revision = (RevisionState("rev/1", "td:1", managed_resources=tuple(lasting)),)
    made.groups = {f"/aws/ecs/default/web-{which}": Group(None) for which in ("ab12", "cd34")}

    result = delete(made, arn("default", "web"))

    assert result.succeeded
    assert {one.resource for one in result.kept} == {
        "cluster default",
        "log group /aws/ecs/default/web-ab12",
        "log group /aws/ecs/default/web-cd34",
        f"role {role}infra",
        f"role {role}exec",
        f"role {role}task",
    }
    assert all(one.reason for one in result.kept)
    assert set(made.groups) == {"/aws/ecs/default/web-ab12", "/aws/ecs/default/web-cd34"}


def test_a_log_group_that_went_as_well_is_not_named() -> None:
    result = delete(loose_app(log_group="/aws/ecs/default/web-ab12"), arn("default", "web"))
    assert not [one for one in result.kept if one.resource.startswith("log group")]


@pytest.mark.parametrize("read", ["revisions", "task_definition"])
def test_log_groups_that_may_not_be_looked_for_are_a_warning(read: str) -> None:
    told: list[Progress] = []
    made = loose_app()
    assert made.world.express is not None
    configuration = replace(made.world.express.configurations[0], task_definition_arn="td:1")
    made.world.express = replace(made.world.express, configurations=(configuration,))
    made.world.denied = {read}

    assert delete(made, arn("default", "web"), progress=told.append).succeeded
    assert [one.level for one in told if "which log groups stay" in one.message] == ["warning"]


@pytest.mark.parametrize(
    "marked", [{"log_group": "/expressway/web"}, {"role": "web-express-infrastructure"}], ids=["log group", "role"]
)
def test_our_own_service_that_lost_its_stack_is_recognised(marked: dict[str, str]) -> None:
    made = loose_app(**marked)

    assert delete(made).service_deletion["status"] == "deleted"


def test_a_service_that_only_has_the_name_is_not_deleted_unasked() -> None:
    made = loose_app()

    with pytest.raises(RefusedError) as caught:
        delete(made)

    assert caught.value.code == "service_not_of_app"
    assert made.world.state is not None
    assert made.world.state.status == "ACTIVE"


# -- what another stack holds ------------------------------------------------------------------------------------
OTHER = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/Storefront/7"


def held_elsewhere(made: InMemoryApp, *, app_name: str | None = None) -> InMemoryApp:
    made.holders[arn("default", "web")] = OTHER
    made.stacks["Storefront"] = StackState("Storefront", OTHER, "UPDATE_COMPLETE", owner_app=app_name)
    return made


@pytest.mark.parametrize("marked", [{}, {"log_group": "/expressway/web"}, {"role": "web-express-infrastructure"}])
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("app_name", [None, "store"])
def test_a_service_that_another_stack_holds_is_never_deleted(
    marked: dict[str, str], named: bool, app_name: str | None
) -> None:
    made = held_elsewhere(loose_app(**marked), app_name=app_name)

    with pytest.raises(RefusedError) as caught:
        delete(made, arn("default", "web") if named else None)

    assert caught.value.code == "owned_by_stack"
    assert "the stack Storefront" in caught.value.message
    assert (app_name or "the stack Storefront") in caught.value.hint
    assert made.world.state is not None
    assert made.world.state.status == "ACTIVE"
    assert "delete_express_service" not in made.world.calls


@pytest.mark.parametrize("named", [False, True])
def test_a_service_whose_holder_may_not_be_read_is_not_deleted_and_the_permission_is_named(named: bool) -> None:
    made = loose_app(log_group="/expressway/web")
    made.owners_denied = True

    with pytest.raises(RefusedError) as caught:
        delete(made, arn("default", "web") if named else None)

    assert caught.value.code == "owner_unknown"
    assert caught.value.details["missing_permission"] == "cloudformation:DescribeStackResources"
    assert "delete_express_service" not in made.world.calls


@pytest.mark.parametrize("why", ["another stack holds it", "nothing marks it"])
def test_the_remains_of_a_stack_go_and_a_strangers_service_of_that_name_stays(why: str) -> None:
    made = loose_app()
    if why == "another stack holds it":
        held_elsewhere(made)
    made.stacks[SERVICE_STACK] = stack(SERVICE_STACK, status="ROLLBACK_COMPLETE", outputs={})
    made.world.drain = lambda: pytest.fail("the service was touched")  # type: ignore[method-assign]
    strangers = replace(made.stacks[SERVICE_STACK], template="Retain nothing: CloudFormation deletes its own only")
    made.stacks[SERVICE_STACK] = strangers

    result = delete(made)

    assert result.succeeded
    assert SERVICE_STACK in made.deleted
    assert made.world.state is not None
    assert made.world.state.status == "ACTIVE"
    assert f"service {arn('default', 'web')}" in {one.resource for one in result.kept}
    assert result.service_deletion["status"] == "absent"


def test_a_service_that_its_own_half_made_stack_holds_is_deleted_with_it() -> None:
    made = app()
    made.stacks[SERVICE_STACK] = stack(SERVICE_STACK, status="DELETE_FAILED", outputs={})
    made.holders[arn("default", "web")] = made.stacks[SERVICE_STACK].stack_id
    assert delete(made).succeeded
    assert made.is_empty()


def test_a_service_that_another_stack_took_over_meanwhile_is_left_alone() -> None:
    made = app()
    made.world.drain = lambda: made.holders.update({arn("default", "web"): OTHER})  # type: ignore[method-assign]

    result = delete(made)

    assert [error["code"] for error in result.errors] == ["owned_by_stack"]
    assert "delete_express_service" not in made.world.calls
    assert REPOSITORY_STACK in made.stacks


def test_a_log_group_that_another_stack_holds_is_kept_and_the_stack_is_named() -> None:
    made = InMemoryApp(World())
    made.groups = {"/expressway/web": Group(None)}
    made.holders["/expressway/web"] = OTHER

    result = delete(made)

    assert made.groups
    assert "it belongs to the stack Storefront" in result.summary


def test_a_log_group_whose_holder_may_not_be_read_is_kept() -> None:
    made = InMemoryApp(World())
    made.groups = {"/expressway/web": Group(None)}
    made.owners_denied = True

    result = delete(made)

    assert made.groups
    assert "cloudformation:DescribeStackResources" in result.kept[0].reason


def test_a_repository_that_another_stack_holds_is_told_as_its() -> None:
    made = InMemoryApp(World(), repositories={"web-repo"}, holders={"web-repo": OTHER})
    assert delete(made).kept[0].reason == "it belongs to the stack Storefront"


@pytest.mark.parametrize("owner", [None, "web"])
def test_a_stack_that_somebody_else_is_reviewing_is_left_alone(owner: str | None) -> None:
    made = InMemoryApp(World())
    made.stacks = {REPOSITORY_STACK: stack(REPOSITORY_STACK, owner=owner, status="REVIEW_IN_PROGRESS", template={})}
    made.change_sets = {REPOSITORY_STACK: ("cdk-deploy-change-set",)}

    with pytest.raises(RefusedError) as caught:
        delete(made)

    assert caught.value.code == "stack_foreign"
    assert REPOSITORY_STACK in made.stacks


@pytest.mark.parametrize(
    "service_arn",
    [
        arn("default", "web").replace("us-east-1", "eu-west-1"),
        arn("default", "web").replace(ACCOUNT, "111122223333"),
        arn("default", "web").replace("arn:aws:", "arn:aws-cn:").replace("us-east-1", "cn-north-1"),
    ],
)
def test_an_arn_of_another_account_or_region_never_deletes_a_service_here(service_arn: str) -> None:
    made = loose_app()

    with pytest.raises(RefusedError) as caught:
        delete(made, service_arn)

    assert caught.value.code == "service_not_of_app"
    assert "but this acts on" in caught.value.message
    assert made.world.calls == []


def test_a_refused_direct_deletion_keeps_the_images() -> None:
    made = loose_app()
    made.stacks = {REPOSITORY_STACK: stack(REPOSITORY_STACK)}
    made.world.refuses_delete = "ECS refuses"

    result = delete(made, arn("default", "web"))

    assert [error["code"] for error in result.errors] == ["service_delete_refused"]
    assert REPOSITORY_STACK in made.stacks


def test_a_plain_ecs_service_is_left_alone() -> None:
    made = loose_app()
    made.world.express = None

    with pytest.raises(RefusedError) as caught:
        delete(made, arn("default", "web"))

    assert caught.value.code == "service_not_express"


@pytest.mark.parametrize(
    ("service_arn", "error", "code"),
    [
        (arn("default", "other"), RefusedError, "service_not_of_app"),
        (arn("production", "web"), RefusedError, "service_not_of_app"),
        (arn("default", "web").replace("us-east-1", "eu-west-1"), RefusedError, "service_not_of_app"),
        (arn("default", "web").replace(ACCOUNT, "111122223333"), RefusedError, "service_not_of_app"),
        (arn("default", "web").replace("arn:aws:", "arn:aws-cn:"), RefusedError, "service_not_of_app"),
        (arn("default", "web") + "\n", DefinitionError, "invalid_service_arn"),
        (arn("default", "web").replace(ACCOUNT, "\u0660" * 12), DefinitionError, "invalid_service_arn"),
        ("web", DefinitionError, "invalid_service_arn"),
        ("arn:aws:ecs:us-east-1:000000000000:cluster/default", DefinitionError, "invalid_service_arn"),
    ],
)
def test_a_service_of_another_app_cluster_account_or_region_is_refused(
    service_arn: str, error: type[ExpresswayError], code: str
) -> None:
    made = app()

    with pytest.raises(error) as caught:
        delete(made, service_arn)

    assert caught.value.code == code
    assert made.deleted == []


def test_the_service_of_the_stack_may_be_named_by_its_old_short_arn() -> None:
    made = app()
    assert delete(made, arn("default", "web").replace("/default/", "/")).succeeded
    assert made.world.state is None or made.world.state.status == "INACTIVE"


def test_a_loose_service_that_was_named_with_another_partition_is_refused() -> None:
    made = loose_app()

    with pytest.raises(RefusedError) as caught:
        delete(made, arn("default", "web").replace("arn:aws:", "arn:aws-cn:"))

    assert caught.value.code == "service_not_of_app"
    assert made.deleted == []


@pytest.mark.parametrize("name", ["", "Web", "a" * 21, "web\n", "../web", "web_1"])
def test_a_name_that_no_app_can_have_is_refused(name: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        delete(app(), name=name)

    assert caught.value.code == "invalid_app_name"


@pytest.mark.parametrize("which", [SERVICE_STACK, REPOSITORY_STACK])
@pytest.mark.parametrize("owner", [None, "another"])
def test_a_stack_of_another_owner_is_refused_and_nothing_is_touched(which: str, owner: str | None) -> None:
    made = app()
    made.stacks[which] = replace(made.stacks[which], owner_app=owner)

    with pytest.raises(RefusedError) as caught:
        delete(made)

    assert caught.value.code == "stack_foreign"
    assert made.deleted == []


@pytest.mark.parametrize("which", [SERVICE_STACK, REPOSITORY_STACK])
def test_a_protected_stack_is_refused_and_nothing_is_touched(which: str) -> None:
    made = app()
    made.stacks[which] = replace(made.stacks[which], termination_protection=True)

    with pytest.raises(RefusedError) as caught:
        delete(made)

    assert caught.value.code == "stack_protected"
    assert caught.value.message == f"Termination protection is on for the stack {which}; nothing was deleted."
    assert made.deleted == []


def test_a_stack_that_never_got_beyond_review_is_cleared() -> None:
    made = InMemoryApp(World())
    made.stacks = {REPOSITORY_STACK: stack(REPOSITORY_STACK, owner=None, status="REVIEW_IN_PROGRESS", template={})}

    assert delete(made).succeeded
    assert made.stacks == {}


RETAINED_REPOSITORY = {
    "Repository": {
        "Type": "AWS::ECR::Repository",
        "DeletionPolicy": "Retain",
        "Properties": {"RepositoryName": "web-repo"},
    }
}


def test_what_is_retained_stays_and_is_named_with_its_reason() -> None:
    made = app()
    made.stacks[REPOSITORY_STACK] = stack(REPOSITORY_STACK, template=RETAINED_REPOSITORY)

    result = delete(made)

    assert result.succeeded
    assert made.repositories == {"web-repo"}
    assert result.ecr_deletion["status"] == "kept"
    reasons = {one.resource: one.reason for one in result.kept}
    assert "retain" in reasons["AWS::ECR::Repository web-repo"]
    assert "shared" in reasons["cluster default"]


def test_a_retained_repository_is_still_told_by_a_second_deletion() -> None:
    made = app()
    made.stacks[REPOSITORY_STACK] = stack(REPOSITORY_STACK, template=RETAINED_REPOSITORY)
    delete(made)

    result = delete(made)

    assert result.succeeded
    assert result.ecr_deletion["status"] == "kept"
    assert made.repositories == {"web-repo"}


def test_roles_that_the_definition_named_are_kept_and_named() -> None:
    made = app()
    role = f"arn:aws:iam::{ACCOUNT}:role/shared-infrastructure"
    service = {"Type": "AWS::ECS::ExpressGatewayService", "Properties": {"InfrastructureRoleArn": role}}
    made.stacks[SERVICE_STACK] = stack(SERVICE_STACK, template={"Service": service})

    result = delete(made)

    assert f"role {role}" in {one.resource for one in result.kept}


def test_a_log_group_that_a_late_log_line_made_again_is_deleted() -> None:
    made = InMemoryApp(World())
    made.groups = {"/expressway/web": Group(None)}

    result = delete(made)

    assert made.groups == {}
    assert "log group /expressway/web" in result.summary


def test_a_log_group_that_was_retained_on_purpose_is_kept_and_named() -> None:
    made = InMemoryApp(World())
    made.groups = {"/expressway/web": Group(30)}

    result = delete(made)

    assert made.groups == {"/expressway/web": Group(30)}
    assert "30 days" in result.kept[0].reason


@pytest.mark.parametrize(("policy", "stays"), [("Retain", True), ("RetainExceptOnCreate", True), ("Delete", False)])
@pytest.mark.parametrize("retention_days", [None, 30])
def test_a_log_group_that_is_there_after_its_stack_went_stays_where_the_stack_retains_it(
    policy: str, stays: bool, retention_days: int | None
) -> None:
    made = app()
    group = {"Type": "AWS::Logs::LogGroup", "DeletionPolicy": policy, "Properties": {"LogGroupName": "/expressway/web"}}
    made.stacks[SERVICE_STACK] = stack(SERVICE_STACK, template={"LogGroup": group})
    made.groups = {"/expressway/web": Group(retention_days)}

    assert delete(made).succeeded

    assert bool(made.groups) is stays


def test_a_cancelled_deletion_stops_between_its_steps() -> None:
    class Cancelled(Exception):
        pass

    @dataclass
    class Cancels:
        when: Callable[[], bool]

        def raise_if_cancelled(self) -> None:
            if self.when():
                raise Cancelled

    made = app()
    ports = DeletePorts(Target(ACCOUNT, "us-east-1"), made, made, made.world, made, made, ManualClock())
    ports = replace(ports, clock=made.world.clock)

    with pytest.raises(Cancelled):
        delete_app("web", ports=ports, cancellation=Cancels(lambda: SERVICE_STACK in made.deleted))

    assert REPOSITORY_STACK in made.stacks
    assert delete(made).succeeded


@pytest.mark.parametrize("code", ["access_denied", "connection_failed", "throttled"])
def test_only_a_missing_permission_lets_the_express_side_of_a_stacks_service_go_unread(code: str) -> None:
    made = app()

    def fails(_service_arn: str) -> ExpressService | None:
        raise TargetError(code, "AWS did not describe the service.", "")

    made.world.express_service = fails  # type: ignore[method-assign]
    if code == "access_denied":
        assert delete(made).succeeded
        return
    with pytest.raises(TargetError) as caught:
        delete(made)
    assert caught.value.code == code
    assert made.deleted == []


EXPRESS = {"Type": "AWS::ECS::ExpressGatewayService", "Properties": {"ServiceName": "web", "Cluster": "default"}}


def test_a_retained_service_that_is_not_there_is_not_called_kept() -> None:
    made = app()
    made.stacks[SERVICE_STACK] = stack(SERVICE_STACK, template={"Service": EXPRESS | {"DeletionPolicy": "Retain"}})
    made.world.state = made.world.express = None
    assert delete(made).service_deletion["status"] == "absent"


def test_the_roles_that_a_stack_made_go_with_it_and_are_not_called_kept() -> None:
    result = delete(app())
    assert [one.resource for one in result.kept if one.resource.startswith("role")] == []


def test_a_service_that_ecs_forgets_at_once_is_gone() -> None:
    made = loose_app(log_group="/expressway/web")
    made.world.go = lambda: setattr(made.world, "state", None)  # type: ignore[method-assign]
    made.world.drain = lambda: made.world.go()  # type: ignore[method-assign]
    assert delete(made, timeout=5).service_deletion["status"] == "deleted"


@pytest.mark.parametrize("named", [arn("production", "web"), arn("default", "other"), arn("production", "other")])
def test_an_arn_that_is_not_where_the_apps_stack_has_its_service_is_refused(named: str) -> None:
    made = app()
    made.stacks[SERVICE_STACK] = stack(SERVICE_STACK, template={"Service": EXPRESS}, outputs={})
    with pytest.raises(RefusedError) as caught:
        delete(made, named)
    assert caught.value.code == "service_not_of_app"
    assert made.deleted == []


def test_without_a_stack_the_name_decides_and_the_cluster_is_the_arns() -> None:
    made = loose_app()
    with pytest.raises(RefusedError) as caught:
        delete(made, arn("default", "other"))
    assert caught.value.code == "service_not_of_app"
    made.world.cluster = "production"
    state, express = made.world.state, made.world.express
    assert state is not None
    assert express is not None
    made.world.state = replace(state, arn=arn("production", "web"), cluster="production")
    made.world.express = replace(express, arn=arn("production", "web"))
    made.world.clusters = {"production": ("web",)}
    assert delete(made, arn("production", "web")).service_deletion["status"] == "deleted"


def test_a_service_that_no_stack_tells_of_is_not_deleted_unread() -> None:
    made = loose_app(log_group="/expressway/web")
    made.world.denied.add("express_service")
    with pytest.raises(TargetError) as caught:
        delete(made, arn("default", "web"))
    assert caught.value.code == "access_denied"
    assert "delete_express_service" not in made.world.calls
