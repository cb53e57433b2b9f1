"""Deleting whole apps, made of the templates that we really deploy, on the embedded AWS."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from expressway.app.names import app_names
from expressway.app.parse import parse_definition
from expressway.aws.ecr import EcrRegistry, Repositories
from expressway.aws.ecs.client import Ecs
from expressway.aws.elbv2 import LoadBalancers
from expressway.aws.iam import Iam
from expressway.aws.logs import Logs
from expressway.aws.session import AwsSession, open_session
from expressway.cloudformation.client import CloudFormation
from expressway.cloudformation.stack import StackEvent
from expressway.cloudformation.template import AppTemplates
from expressway.core.progress import NeverCancelled, Progress, ProgressSink, ignore_progress
from expressway.core.system_clock import SystemClock
from expressway.deploy.delete.delete import DeletePorts, DeleteResult, delete_app
from expressway.deploy.delete.retained import find_leftovers
from expressway.deploy.stack.apply import StackRequest, apply_stack
from expressway.deploy.stack.delete import StackRemover
from expressway.deploy.status.endpoint import HttpProbe
from expressway.deploy.status.wait import Readiness, ServicePorts, wait_for_service
from expressway.diagnose.explain import explain_failure
from expressway.diagnose.finding import Finding
from expressway.errors import RefusedError, StackError
from expressway.plan.ports import AccountReads
from expressway.plan.preflight.prerequisites import PrerequisitePorts, Prerequisites, validate_prerequisites
from expressway.synth.synthesizer import Synthesizer

if TYPE_CHECKING:
    from expressway_sandbox.lifecycle import SandboxInfo

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

SERVE = ["sh", "-c", "mkdir /www; echo served > /www/index.html; exec httpd -f -p 8080 -h /www"]
CRASH = ["sh", "-c", "echo 'RuntimeError: nothing works' >&2; exit 1"]


class KilledError(BaseException):
    """Stands for the end of the process."""


@dataclass
class Apps:
    """Apps on the embedded AWS."""

    session: AwsSession
    synthesizer: Synthesizer
    image: str
    clock: SystemClock = field(default_factory=SystemClock)

    def templates(self, name: str, command: list[str], **more: Any) -> AppTemplates:
        definition = parse_definition({"name": name, "build": ".", "command": command, **more})
        return self.synthesizer.synthesize(definition)

    def deploy(self, name: str, command: list[str] | None = None, **more: Any) -> Readiness:
        templates = self.templates(name, command or SERVE, **more)
        assert templates.repository is not None
        self.apply(StackRequest(name, templates.repository, "repository"))
        self.apply(StackRequest(name, templates.service, "service", {"ImageUri": self.image}))
        return self.wait(name)

    def apply(self, request: StackRequest) -> None:
        apply_stack(
            request,
            stacks=CloudFormation(self.session),
            clock=self.clock,
            progress=ignore_progress,
            cancellation=NeverCancelled(),
        )

    def wait(self, name: str) -> Readiness:
        ports = ServicePorts(
            Ecs(self.session), Logs(self.session), HttpProbe(self.session.target), LoadBalancers(self.session)
        )
        return wait_for_service("default", name, ports=ports, clock=self.clock, timeout_seconds=200)

    def delete(self, name: str, progress: ProgressSink = ignore_progress) -> DeleteResult:
        ports = DeletePorts(
            target=self.session.target,
            stacks=StackRemover(CloudFormation(self.session), self.clock),
            owners=CloudFormation(self.session),
            ecs=Ecs(self.session),
            logs=Logs(self.session),
            repositories=EcrRegistry(self.session),
            clock=self.clock,
        )
        return delete_app(name, ports=ports, timeout_seconds=200, progress=progress)

    def leftovers(self, name: str) -> tuple[str, ...]:
        session = self.session
        account = AccountReads(
            lambda: Ecs(session), lambda: Iam(session), lambda: Logs(session), lambda: EcrRegistry(session)
        )
        return find_leftovers(name, cluster="default", stacks=CloudFormation(session), account=account)


@pytest.fixture(scope="module")
def synthesizer() -> Iterator[Synthesizer]:
    with Synthesizer() as made:
        made.warm()
        yield made


@pytest.fixture
def apps(embedded_aws: "SandboxInfo", busybox_image: str, synthesizer: Synthesizer) -> Apps:
    return Apps(open_session(sandbox_url=embedded_aws.endpoint_url), synthesizer, busybox_image)


def put_image(session: AwsSession, repository: str, tag: str, platforms: tuple[str, ...]) -> None:
    """A manifest list without its images: enough for whoever only reads manifests."""
    manifests = [
        {"digest": f"sha256:{number:064d}", "platform": dict(zip(("os", "architecture"), one.split("/"), strict=True))}
        for number, one in enumerate(platforms)
    ]
    media_type = "application/vnd.oci.image.index.v1+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": manifests})
    session.client("ecr").put_image(
        repositoryName=repository, imageManifest=manifest, imageManifestMediaType=media_type, imageTag=tag
    )


def test_an_app_with_images_goes_without_a_trace_and_again_is_a_no_op(apps: Apps) -> None:
    ready = apps.deploy("gone")
    put_image(apps.session, "gone-repo", "v1", ("linux/amd64",))
    assert ready.status == "success", ready.message
    assert "repository gone-repo" in apps.leftovers("gone")

    first = apps.delete("gone")
    second = apps.delete("gone")

    assert first.succeeded, first.summary
    assert first.service_deletion["status"] == "deleted"
    assert first.ecr_deletion["status"] == "deleted"
    assert apps.leftovers("gone") == ()
    assert second.succeeded
    assert second.summary == "Nothing of gone was left to delete."


@pytest.mark.parametrize("moment", range(1, 4))
def test_a_deletion_killed_on_the_way_is_finished_by_the_next(apps: Apps, moment: int) -> None:
    name = f"killed{moment}"
    apps.deploy(name)
    told: list[Progress] = []

    def die_at_the_moment(progress: Progress) -> None:
        told.append(progress)
        if len(told) == moment * 3:
            raise KilledError

    with pytest.raises(KilledError):
        apps.delete(name, die_at_the_moment)

    assert apps.delete(name).succeeded
    assert apps.leftovers(name) == ()


def test_a_protected_app_is_refused_until_its_protection_is_gone(apps: Apps) -> None:
    apps.deploy("safe")
    names = app_names("safe")
    CloudFormation(apps.session).protect(names.repository_stack, enabled=True)

    with pytest.raises(RefusedError) as caught:
        apps.delete("safe")

    assert caught.value.code == "stack_protected"
    assert apps.wait("safe").status == "success"
    CloudFormation(apps.session).protect(names.repository_stack, enabled=False)
    assert apps.delete("safe").succeeded


def test_a_stack_of_somebody_else_is_refused(apps: Apps) -> None:
    name = app_names("theirs").repository_stack
    resources = {"Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/theirs"}}}
    client = apps.session.client("cloudformation")
    client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))
    client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})

    with pytest.raises(RefusedError) as caught:
        apps.delete("theirs")

    assert caught.value.code == "stack_foreign"
    assert Logs(apps.session).group("/theirs") is not None
    client.delete_stack(StackName=name)


def test_what_the_definition_retains_stays_and_is_named(apps: Apps) -> None:
    apps.deploy("keeper", removal_policy="retain")

    first = apps.delete("keeper")
    second = apps.delete("keeper")

    assert first.succeeded, first.summary
    assert first.ecr_deletion["status"] == "kept"
    kept = " ".join(one.resource for one in first.kept)
    assert "keeper-repo" in kept
    assert "/expressway/keeper" in kept
    assert set(apps.leftovers("keeper")) == {"repository keeper-repo", "log group /expressway/keeper"}
    assert second.succeeded
    assert {one.resource for one in second.kept} == {"repository keeper-repo", "log group /expressway/keeper"}


def test_the_first_deployment_that_crashes_is_explained_while_its_stack_fails(apps: Apps) -> None:
    templates = apps.templates("crashed", CRASH)
    ecs, logs = Ecs(apps.session), Logs(apps.session)
    causes: list[Finding] = []

    def explain(events: tuple[StackEvent, ...]) -> None:
        """Asked at every poll: the rollback of a first creation takes the log group away."""
        cause = explain_failure(cluster="default", service_name="crashed", ecs=ecs, logs=logs, stack_events=events)
        if cause is not None:
            causes.append(cause)

    with pytest.raises(StackError):
        apply_stack(
            StackRequest("crashed", templates.service, "service", {"ImageUri": apps.image}),
            stacks=CloudFormation(apps.session),
            clock=apps.clock,
            progress=ignore_progress,
            cancellation=NeverCancelled(),
            on_failing=explain,
            while_waiting=explain,
        )

    assert {cause.code for cause in causes} == {"container_exited"}
    assert any("RuntimeError: nothing works" in cause.sentence for cause in causes)
    assert apps.delete("crashed").succeeded
    assert apps.leftovers("crashed") == ()


def check(apps: Apps, image: str, name: str) -> Prerequisites:
    names = app_names(name)
    ports = PrerequisitePorts(
        apps.session.target, Iam(apps.session), EcrRegistry(apps.session), Repositories(apps.session)
    )
    return validate_prerequisites(image, names.execution_role, names.infrastructure_role, ports=ports)


def test_the_roles_that_we_make_and_an_image_for_our_platform_are_valid_prerequisites(apps: Apps) -> None:
    apps.deploy("ready")
    registry = apps.session.target.registry_host
    put_image(apps.session, "ready-repo", "both", ("linux/arm64", "linux/amd64"))
    put_image(apps.session, "ready-repo", "arm", ("linux/arm64",))

    valid = check(apps, f"{registry}/ready-repo:both", "ready")
    other_platform = check(apps, f"{registry}/ready-repo:arm", "ready")
    no_tag = check(apps, f"{registry}/ready-repo:none", "ready")
    no_repository = check(apps, f"{registry}/team/none:v1", "nobody")

    assert valid.errors == ()
    assert valid.warnings == ()
    assert "linux/arm64" in other_platform.errors[0]
    assert no_tag.details["image"]["status"] == "not_found"
    assert len(no_repository.errors) == 3
    assert apps.delete("ready").succeeded
