"""Task definitions and clusters that apps use are not taken away; deployments of theirs are, and it is said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from expressway.aws.values.service import (
    DeploymentState,
    ExpressService,
    RevisionState,
    Rollout,
    ServiceConfiguration,
    ServiceState,
)
from expressway.aws.values.target import Target
from expressway.cloudformation.stack import StackState
from expressway.ecs_api.affected import AffectedResource
from expressway.ecs_api.ownership import OwnershipPorts, drift_note, refuse_owned
from expressway.errors import RefusedError, TargetError

TARGET = Target("123456789012", "eu-west-1")
ARN = "arn:aws:ecs:eu-west-1:123456789012:service/default/shop"
STACK = StackState("shop-express-service", "id-1", "CREATE_COMPLETE", owner_app="shop", outputs={"ServiceArn": ARN})
DEPLOYMENT = AffectedResource(
    "service deployment", "arn:aws:ecs:eu-west-1:123456789012:service-deployment/default/shop/d1"
)


def definition(revision: int) -> str:
    return f"arn:aws:ecs:eu-west-1:123456789012:task-definition/default-shop:{revision}"


@dataclass
class World:
    """Stacks, and one service whose revision r<n> runs task definition n."""

    stacks: Mapping[str, StackState] = field(default_factory=lambda: {STACK.name: STACK})
    service_runs: tuple[int, ...] = ()
    configured: tuple[int, ...] = ()
    recent: Sequence[DeploymentState] = ()
    refuses: str = ""
    asked: list[str] = field(default_factory=list[str])

    def stack_of(self, physical_id: str) -> str | None:
        self._ask("stack_of")
        return STACK.name if physical_id == ARN else None

    def names(self) -> tuple[str, ...]:
        self._ask("names")
        return tuple(self.stacks)

    def describe(self, stack_name: str) -> StackState | None:
        self._ask("describe")
        return self.stacks[stack_name]

    def service(self, cluster: str, service_name: str) -> ServiceState | None:
        self._ask("service")
        if not self.service_runs:
            return None
        newest, *others = self.service_runs
        rollouts = tuple(Rollout("d", "ACTIVE", task_definition_arn=definition(one)) for one in others)
        return ServiceState(
            service_name, ARN, cluster, "ACTIVE", task_definition_arn=definition(newest), rollouts=rollouts
        )

    def express_service(self, service_arn: str) -> ExpressService | None:
        self._ask("express_service")
        configurations = tuple(ServiceConfiguration(f"r{one}") for one in self.configured)
        return ExpressService(service_arn, "shop", "default", "ACTIVE", configurations=configurations)

    def newest_deployments(self, cluster: str, service: str) -> tuple[DeploymentState, ...]:
        self._ask("deployments")
        return tuple(self.recent)

    def revisions(self, revision_arns: Sequence[str]) -> tuple[RevisionState, ...]:
        self._ask("revisions")
        return tuple(RevisionState(one, definition(int(one[1:]))) for one in revision_arns)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.refuses == what:
            raise TargetError("access_denied", f"No permission for {what}.", "Ask for it.")

    @property
    def ports(self) -> OwnershipPorts:
        return OwnershipPorts(lambda: self, lambda: self, lambda: TARGET)


def refusal(
    world: World, revision: int, operation: str = "DeregisterTaskDefinition", name: str = ""
) -> RefusedError | None:
    touches = [AffectedResource("task definition", name or f"default-shop:{revision}")]
    try:
        refuse_owned(operation, touches, world.ports)
    except RefusedError as error:
        return error
    return None


@pytest.mark.parametrize("operation", ["DeregisterTaskDefinition", "DeleteTaskDefinitions"])
def test_what_an_apps_service_runs_is_kept_and_the_tools_that_may_are_named(operation: str) -> None:
    error = refusal(World(service_runs=(7,)), 7, operation)
    assert error is not None
    assert error.code == "used_by_app"
    assert (error.details["app_name"], error.details["stack_name"]) == ("shop", "shop-express-service")
    assert error.details["touches"] == ["task definition default-shop:7"]
    assert "deploy_app" in error.hint
    assert "delete_app" in error.hint


@pytest.mark.parametrize(
    "world",
    [
        pytest.param(World(service_runs=(8, 7)), id="an older one still has tasks"),
        pytest.param(World(configured=(7,)), id="an active configuration has it"),
        pytest.param(World(recent=[DeploymentState("d", "IN_PROGRESS", target_revision_arn="r7")]), id="on its way in"),
        pytest.param(
            World(
                recent=[
                    DeploymentState("d2", "IN_PROGRESS", target_revision_arn="r8"),
                    DeploymentState("d1", "SUCCESSFUL", target_revision_arn="r7"),
                ]
            ),
            id="what a deployment goes back to when it fails",
        ),
        pytest.param(
            World(
                recent=[
                    DeploymentState("d2", "ROLLBACK_SUCCESSFUL", target_revision_arn="r8", rollback_revision_arn="r7")
                ]
            ),
            id="what it went back to",
        ),
    ],
)
def test_what_a_service_still_needs_or_goes_back_to_is_kept_as_well(world: World) -> None:
    assert refusal(world, 7) is not None
    assert refusal(world, 7, name=definition(7)) is not None
    assert refusal(world, 6) is None


def test_what_earlier_deployments_ran_may_go() -> None:
    deployments = [DeploymentState(f"d{one}", "SUCCESSFUL", target_revision_arn=f"r{one}") for one in (9, 8, 7)]
    world = World(service_runs=(9,), configured=(9,), recent=deployments)
    assert [revision for revision in range(5, 10) if refusal(world, revision)] == [9]


def test_somebody_elses_services_are_no_reason_to_refuse() -> None:
    stranger = StackState("shop-express-service", "id-1", "CREATE_COMPLETE", outputs={"ServiceArn": ARN})
    for stacks in ({stranger.name: stranger}, {}, {"shop-ecr-infrastructure": STACK}):
        world = World(stacks=stacks, service_runs=(7,))
        assert refusal(world, 7) is None
        assert "service" not in world.asked


@pytest.mark.parametrize("unread", ["names", "describe", "service", "deployments", "revisions"])
def test_what_may_not_be_looked_up_is_not_taken_away(unread: str) -> None:
    with pytest.raises(TargetError):
        refusal(World(refuses=unread, configured=(7,)), 7)


@pytest.mark.parametrize("operation", ["RegisterTaskDefinition", "RunTask", "UpdateService", "TagResource"])
def test_using_a_task_definition_is_not_taking_it_away(operation: str) -> None:
    world = World(service_runs=(7,))
    assert refusal(world, 7, operation) is None
    assert "names" not in world.asked


def deletion_of(cluster: str, world: World) -> RefusedError | None:
    try:
        refuse_owned("DeleteCluster", [AffectedResource("cluster", cluster)], world.ports)
    except RefusedError as error:
        return error
    return None


def test_a_cluster_that_apps_run_in_is_kept_and_they_are_named() -> None:
    till = replace(
        STACK, name="till-express-service", owner_app="till", outputs={"ServiceArn": ARN.replace("/shop", "/till")}
    )
    error = deletion_of("default", World(stacks={STACK.name: STACK, till.name: till}))
    assert error is not None
    assert (error.code, error.details["app_names"]) == ("used_by_app", ["shop", "till"])
    assert "the apps shop, till" in error.message
    assert error.details["touches"] == [
        "cluster default",
        "service shop in cluster default",
        "service till in cluster default",
    ]


def test_a_cluster_that_no_app_runs_in_may_go_and_one_that_may_not_be_looked_at_not() -> None:
    assert deletion_of("other", World()) is None
    refuse_owned("UpdateCluster", [AffectedResource("cluster", "default")], World().ports)
    with pytest.raises(TargetError):
        deletion_of("default", World(refuses="names"))


def test_a_deployment_of_an_apps_service_may_be_stopped_and_the_drift_is_told() -> None:
    refuse_owned("StopServiceDeployment", [DEPLOYMENT], World().ports)
    for operation in ("StopServiceDeployment", "ContinueServiceDeployment"):
        assert "the stack shop-express-service" in drift_note(operation, [DEPLOYMENT], World().ports)
    assert drift_note("StopTask", [AffectedResource("task", "t1", "default")], World().ports) == ""


def test_an_owner_that_may_not_be_looked_up_is_told_beside_the_drift() -> None:
    note = drift_note("StopServiceDeployment", [DEPLOYMENT], World(refuses="stack_of").ports)
    assert "could not be found out: No permission" in note
