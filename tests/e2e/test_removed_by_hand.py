"""What somebody removes from an app by other means, one thing after the other, on the embedded AWS."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from expressway.app.names import app_names
from expressway.aws.session import AwsSession, open_session
from expressway.errors import DefinitionError, ServiceError
from expressway.toolkit import Toolkit
from tests.e2e.loaded_tools import LoadedTools
from tests.e2e.test_what_deployments_find import source

if TYPE_CHECKING:
    from expressway_sandbox.lifecycle import SandboxInfo

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

NAME = "bereft-app"
NAMES = app_names(NAME)


@pytest.fixture
def toolkit(embedded_aws: "SandboxInfo", engine_host: str, tools: LoadedTools, tmp_path: Path) -> Toolkit:
    return tools.toolkit(embedded_aws.endpoint_url, engine_host, tmp_path / "state")


@pytest.fixture
def session(embedded_aws: "SandboxInfo") -> AwsSession:
    return open_session(sandbox_url=embedded_aws.endpoint_url)


def remove_repository(session: AwsSession) -> None:
    session.client("ecr").delete_repository(repositoryName=NAMES.repository, force=True)


def remove_images(session: AwsSession) -> None:
    ecr = session.client("ecr")
    found = ecr.list_images(repositoryName=NAMES.repository)["imageIds"]
    ecr.batch_delete_image(repositoryName=NAMES.repository, imageIds=found)


def remove_log_group(session: AwsSession) -> None:
    session.client("logs").delete_log_group(logGroupName=NAMES.log_group)


def remove_inline_policies(session: AwsSession, role: str = NAMES.infrastructure_role) -> None:
    iam = session.client("iam")
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    for name in names:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    assert names or role != NAMES.infrastructure_role


def detach_policies(session: AwsSession, role: str = NAMES.execution_role) -> None:
    iam = session.client("iam")
    for one in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=role, PolicyArn=one["PolicyArn"])


def remove_role(name: str) -> Callable[[AwsSession], None]:
    def remove(session: AwsSession) -> None:
        remove_inline_policies(session, name)
        detach_policies(session, name)
        session.client("iam").delete_role(RoleName=name)

    return remove


REMOVALS: dict[str, tuple[Callable[[AwsSession], None], set[str]]] = {
    "repository": (remove_repository, {"Repository"}),
    "images": (remove_images, set()),
    "log group": (remove_log_group, {"LogGroup"}),
    "inline policies": (remove_inline_policies, {"InfrastructureRole"}),
    "attached policies": (detach_policies, {"ExecutionRole"}),
    **{role: (remove_role(role), {""}) for role in NAMES.roles},
}


def test_each_thing_that_is_removed_is_planned_and_brought_back(
    toolkit: Toolkit, session: AwsSession, tmp_path: Path, engine_host: str
) -> None:
    app = source(tmp_path, NAME, engine_host)
    first = toolkit.deploy(app)
    for what, (remove, logical_ids) in REMOVALS.items():
        remove(session)

        plan = toolkit.diff(app)
        restored: Any = {one.logical_id for stack in plan.stacks for one in stack.restorations}
        assert len(restored) == len(logical_ids), what
        if "" not in logical_ids:
            assert restored == logical_ids, what

        result = toolkit.deploy(app, approved_plan=plan.digest)
        assert result.status == ("deployed" if logical_ids else "unchanged"), what  # the same image is pushed again
        assert result.url == first.url, what
        assert toolkit.diff(app).is_empty, what
        assert toolkit.status(NAME).status == "ready", what
    toolkit.delete(NAME)


def remove_cluster(session: AwsSession, name: str) -> None:
    """As soon as the tasks of its services have ended."""
    ecs = session.client("ecs")
    deadline = time.monotonic() + 120
    while ecs.list_tasks(cluster=name)["taskArns"] and time.monotonic() < deadline:
        time.sleep(0.2)
    ecs.delete_cluster(cluster=name)


def test_a_cluster_that_was_removed_with_its_service_is_told_until_the_app_is_back(
    toolkit: Toolkit, session: AwsSession, tmp_path: Path, engine_host: str
) -> None:
    ecs = session.client("ecs")
    ecs.create_cluster(clusterName="bereft-cluster")
    app = source(tmp_path, "bereft-here", engine_host, cluster="bereft-cluster")
    first = toolkit.deploy(app)
    ecs.delete_express_gateway_service(serviceArn=first.service_arn)
    remove_cluster(session, "bereft-cluster")

    assert toolkit.diff(app).missing_service == first.service_arn
    make = "aws ecs create-cluster --cluster-name bereft-cluster"
    with pytest.raises(ServiceError) as missing:
        toolkit.deploy(app)
    assert missing.value.code == "service_missing"
    assert "expressway delete bereft-here" in missing.value.hint
    assert make in missing.value.hint
    assert toolkit.delete("bereft-here").errors == ()
    with pytest.raises(DefinitionError) as needed:
        toolkit.deploy(app)
    assert needed.value.code == "prerequisites_missing"
    assert make in needed.value.message
    ecs.create_cluster(clusterName="bereft-cluster")
    assert toolkit.deploy(app).status == "deployed"
    assert toolkit.delete("bereft-here").errors == ()
    ecs.delete_cluster(cluster="bereft-cluster")
