"""Waiting, explaining, status and deletion against the embedded AWS with real containers."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from expressway.aws.ecr import EcrRegistry
from expressway.aws.ecs.client import Ecs
from expressway.aws.elbv2 import LoadBalancers
from expressway.aws.iam import Iam
from expressway.aws.logs import Logs
from expressway.aws.session import AwsSession, open_session
from expressway.cloudformation.client import CloudFormation
from expressway.core.directories import state_directory
from expressway.core.system_clock import SystemClock
from expressway.deploy.delete.delete import DeletePorts, DeleteResult, delete_app
from expressway.deploy.journal import Journal
from expressway.deploy.stack.delete import StackRemover
from expressway.deploy.status.endpoint import HttpProbe
from expressway.deploy.status.status import AppStatus, app_status
from expressway.deploy.status.wait import Readiness, ServicePorts, wait_for_service
from expressway.diagnose.explain import explain_failure
from expressway.errors import RefusedError, ServiceError

if TYPE_CHECKING:
    from expressway_sandbox.lifecycle import SandboxInfo

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

SERVE = "mkdir /www; echo served > /www/index.html; exec httpd -f -v -p 8080 -h /www"
CRASH = "echo 'starting'; echo 'ValueError: the setting DATABASE_URL is missing' >&2; exit 3"


@dataclass
class Cloud:
    """The embedded AWS as these tests use it."""

    session: AwsSession
    image: str
    ports: ServicePorts

    def express(self, name: str, script: str = SERVE, *, tasks: int = 1, **changes: Any) -> str:
        """Make an Express service by a direct call, outside all stacks; its ARN."""
        container = {
            "image": changes.pop("image", self.image),
            "containerPort": 8080,
            "command": ["sh", "-c", script],
        }
        if changes.pop("own_log_group", True):
            container["awsLogsConfiguration"] = {"logGroup": self.log_group(name), "logStreamPrefix": "app"}
        answer = self.session.client("ecs").create_express_gateway_service(
            serviceName=name,
            infrastructureRoleArn=self.role("infrastructure", "ecs.amazonaws.com"),
            executionRoleArn=self.role("execution", "ecs-tasks.amazonaws.com"),
            healthCheckPath=changes.pop("path", "/"),
            primaryContainer=container,
            cpu="256",
            memory="512",
            scalingTarget={
                "minTaskCount": tasks,
                "maxTaskCount": tasks,
                "autoScalingMetric": "AVERAGE_CPU",
                "autoScalingTargetValue": 60,
            },
            **changes,
        )
        return answer["service"]["serviceArn"]

    def log_group(self, name: str) -> str:
        logs = self.session.client("logs")
        group = f"/expressway/{name}"
        if Logs(self.session).group(group) is None:
            logs.create_log_group(logGroupName=group)
        return group

    def role(self, name: str, principal: str) -> str:
        iam = self.session.client("iam")
        found = Iam(self.session).role(f"e2e-{name}")
        if found is not None:
            return found.arn
        statement = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return iam.create_role(RoleName=f"e2e-{name}", AssumeRolePolicyDocument=document)["Role"]["Arn"]

    def wait(self, name: str, *, cluster: str = "default", timeout_seconds: float = 200) -> Readiness:
        return wait_for_service(cluster, name, ports=self.ports, clock=SystemClock(), timeout_seconds=timeout_seconds)

    def status(self, name: str) -> AppStatus:
        journal = Journal(state_directory(), self.session.target)
        return app_status(name, stacks=CloudFormation(self.session), ports=self.ports, last_operation=journal.latest)

    def delete(self, name: str, service_arn: str | None = None) -> DeleteResult:
        ports = DeletePorts(
            target=self.session.target,
            stacks=StackRemover(CloudFormation(self.session), SystemClock()),
            owners=CloudFormation(self.session),
            ecs=Ecs(self.session),
            logs=Logs(self.session),
            repositories=EcrRegistry(self.session),
            clock=SystemClock(),
        )
        return delete_app(name, service_arn, ports=ports, timeout_seconds=200)


@pytest.fixture
def cloud(embedded_aws: "SandboxInfo", busybox_image: str) -> Iterator[Cloud]:
    session = open_session(sandbox_url=embedded_aws.endpoint_url)
    ports = ServicePorts(
        ecs=Ecs(session), logs=Logs(session), probe=HttpProbe(session.target), targets=LoadBalancers(session)
    )
    yield Cloud(session, busybox_image, ports)
    client = session.client("ecs")
    for arn in client.list_services(cluster="default", resourceManagementType="ECS").get("serviceArns", []):
        if "/svc-" in arn:
            with suppress(client.exceptions.ServiceNotActiveException):  # it was on its way, and is gone by now
                client.delete_express_gateway_service(serviceArn=arn)


def test_a_service_is_ready_when_it_really_answers(cloud: Cloud) -> None:
    cloud.express("svc-ready")

    readiness = cloud.wait("svc-ready")

    assert readiness.status == "success", readiness.message
    answer = cloud.ports.probe.fetch(readiness.url)
    assert answer.status == 200
    told = cloud.status("svc-ready")
    assert told.status == "ready", told
    assert told.tasks["healthy"] == 1
    assert len(json.dumps(told.to_dict())) < 1500


def test_a_service_of_several_tasks_is_ready_when_each_serves(cloud: Cloud) -> None:
    cloud.express("svc-three", tasks=3)

    readiness = cloud.wait("svc-three")

    assert readiness.status == "success", readiness.message
    told = cloud.status("svc-three")
    assert told.status == "ready", told
    assert (told.tasks["running"], told.tasks["healthy"]) == (3, 3)


def test_a_failing_health_check_is_told_with_path_port_and_answer(cloud: Cloud) -> None:
    cloud.express("svc-health", path="/nowhere")

    readiness = cloud.wait("svc-health")

    assert readiness.status == "failed", readiness.message
    assert readiness.cause is not None
    assert readiness.cause.code == "health_check_path_not_found"
    assert "/nowhere" in readiness.message
    assert "8080" in readiness.message
    assert "404" in readiness.message


def test_a_crash_loop_is_told_with_the_exception_line(cloud: Cloud) -> None:
    cloud.express("svc-crash", CRASH)

    readiness = cloud.wait("svc-crash")

    assert readiness.status == "failed", readiness.message
    assert readiness.cause is not None
    assert readiness.cause.code == "container_exited"
    assert "exited with code 3: ⟦ValueError: the setting DATABASE_URL is missing" in readiness.message


def test_a_missing_image_is_named(cloud: Cloud) -> None:
    cloud.express("svc-image", image="000000000000.dkr.ecr.us-east-1.amazonaws.com/nobody/pushed:this")

    readiness = cloud.wait("svc-image")

    assert readiness.status == "failed", readiness.message
    assert readiness.cause is not None
    assert readiness.cause.code in {"image_not_found", "repository_not_found"}
    assert "nobody/pushed" in readiness.message


def test_an_update_that_crashes_is_explained_while_the_old_version_serves(cloud: Cloud) -> None:
    arn = cloud.express("svc-update")
    ready = cloud.wait("svc-update")
    container = {
        "image": cloud.image,
        "containerPort": 8080,
        "command": ["sh", "-c", CRASH],
        "awsLogsConfiguration": {"logGroup": "/expressway/svc-update", "logStreamPrefix": "app"},
    }
    cloud.session.client("ecs").update_express_gateway_service(serviceArn=arn, primaryContainer=container)

    readiness = cloud.wait("svc-update")

    assert readiness.status == "failed", readiness.message
    assert "DATABASE_URL" in readiness.message
    assert cloud.ports.probe.fetch(ready.url).status == 200
    cause = explain_failure(cluster="default", service_name="svc-update", ecs=cloud.ports.ecs, logs=cloud.ports.logs)
    assert cause is not None
    assert cause.gaps == ()


def test_a_wrong_cluster_or_service_is_named_at_once(cloud: Cloud) -> None:
    with pytest.raises(ServiceError) as no_cluster:
        cloud.wait("svc-none", cluster="defualt")
    with pytest.raises(ServiceError) as no_service:
        cloud.wait("svc-none")

    assert no_cluster.value.code == "cluster_not_found"
    assert "Did you mean default?" in no_cluster.value.hint
    assert no_service.value.code == "service_not_found"


def test_a_service_outside_our_stacks_is_deleted_by_its_arn_and_a_second_time_nothing_happens(cloud: Cloud) -> None:
    arn = cloud.express("svc-delete")
    cloud.wait("svc-delete")

    first = cloud.delete("svc-delete", arn)
    second = cloud.delete("svc-delete", arn)

    assert first.succeeded, first.summary
    assert first.service_deletion["status"] == "deleted"
    state = cloud.ports.ecs.service("default", "svc-delete")
    assert state is None or state.status == "INACTIVE"
    assert Logs(cloud.session).group("/expressway/svc-delete") is None
    assert second.succeeded, second.summary
    assert second.service_deletion["status"] == "absent"
    assert cloud.status("svc-delete").status == "absent"


def test_what_a_service_outside_our_stacks_leaves_is_there_and_named(cloud: Cloud) -> None:
    arn = cloud.express("svc-leaves", own_log_group=False)
    cloud.wait("svc-leaves")

    result = cloud.delete("svc-leaves", arn)

    assert result.succeeded, result.summary
    groups = [one.resource.removeprefix("log group ") for one in result.kept if one.resource.startswith("log group")]
    assert [group.rpartition("-")[0] for group in groups] == ["/aws/ecs/default/svc-leaves"]
    assert Logs(cloud.session).group(groups[0]) is not None
    roles = {one.resource.rpartition("/")[2] for one in result.kept if one.resource.startswith("role ")}
    assert roles == {"e2e-infrastructure", "e2e-execution"}


def test_a_service_of_another_app_is_refused(cloud: Cloud) -> None:
    arn = cloud.express("svc-other")

    with pytest.raises(RefusedError) as caught:
        cloud.delete("svc-mine", arn)

    assert caught.value.code == "service_not_of_app"
    state = cloud.ports.ecs.service("default", "svc-other")
    assert state is not None
    assert state.status == "ACTIVE"
