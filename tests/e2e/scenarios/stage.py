"""The stage: a running embedded AWS with the roles and images that situations need."""

import io
import json
import tarfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import docker
from docker.errors import ImageNotFound

from expressway.aws.session import open_session
from expressway_sandbox.base_images.seed import BUSYBOX_IMAGE
from expressway_sandbox.lifecycle import SandboxInfo
from tests.sandbox_clients import registry_login

SERVICE = "web"
_REGION = "us-east-1"
REGISTRY = f"000000000000.dkr.ecr.{_REGION}.amazonaws.com"
_REPOSITORY, _TAG = "stage-app", "v1"
IMAGE = f"{REGISTRY}/{_REPOSITORY}:{_TAG}"
"""Busybox in the sandbox's own registry."""
_SIZE = {"cpu": "256", "memory": "512"}
_ENDED = {"SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"}
_PATIENCE_SECONDS = 150
_AARCH64 = bytes([0x7F, *b"ELF", 2, 1, 1, *[0] * 9, 2, 0, 0xB7, 0, 1, 0, 0, 0]) + bytes(40)
"""The head of an ELF program for 64-bit ARM: enough for the kernel to refuse it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A running embedded AWS, and what the situations need on it."""

    sandbox: SandboxInfo
    clients: Mapping[str, Any]
    roles: Mapping[str, str]

    @property
    def foreign_image(self) -> str:
        """A program for another processor architecture, in the engine under a name of this sandbox's own."""
        return f"expressway-scenarios/foreign:{self.sandbox.port}"

    def create(self, cluster: str, image: str = IMAGE, **members: Any) -> str:
        """An Express service; `command` is what its container runs. The service's ARN."""
        container: dict[str, Any] = {"image": image, "containerPort": 8080}
        for name in ("command", "secrets"):
            if name in members:
                container[name] = members.pop(name)
        request = {
            "cluster": cluster,
            "serviceName": SERVICE,
            "infrastructureRoleArn": self.roles["infrastructure"],
            "healthCheckPath": "/",
            **members,
        }
        if "taskDefinitionArn" not in members:
            own = {"executionRoleArn": self.roles["execution"], "primaryContainer": container, **_SIZE}
            request = {**own, **request}
        return str(self.clients["ecs"].create_express_gateway_service(**request)["service"]["serviceArn"])

    def define(
        self, family: str, command: list[str], *, beside: Mapping[str, Mapping[str, Any]] | None = None, **members: Any
    ) -> str:
        """A task definition with members that Express Mode sets none of; its ARN, for `create` and `switch`.

        `beside` are side containers by name: they are listed before Main, and all of them log to one group.
        """
        container = {
            "name": "Main",
            "image": IMAGE,
            "command": command,
            "portMappings": [{"containerPort": 8080, "protocol": "tcp", "name": "main"}],
            **members,
        }
        containers: list[dict[str, Any]] = [container]
        if beside:
            containers = [*({"name": name, "image": IMAGE, **one} for name, one in beside.items()), container]
            options = {"awslogs-group": f"/stage/{family}", "awslogs-stream-prefix": "app", "awslogs-region": _REGION}
            logs = {"logDriver": "awslogs", "options": {**options, "awslogs-create-group": "true"}}
            containers = [{"logConfiguration": logs, **one} for one in containers]
        registered = self.clients["ecs"].register_task_definition(
            family=family,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            executionRoleArn=self.roles["execution"],
            containerDefinitions=containers,
            **_SIZE,
        )
        return str(registered["taskDefinition"]["taskDefinitionArn"])

    def switch(self, service_arn: str, task_definition_arn: str) -> None:
        """Deploy another task definition of `define`."""
        self.clients["ecs"].update_express_gateway_service(
            serviceArn=service_arn, taskDefinitionArn=task_definition_arn
        )

    def update(self, service_arn: str, command: list[str], *, port: int = 8080, **members: Any) -> None:
        container = {"image": IMAGE, "containerPort": port, "command": command}
        request = {"serviceArn": service_arn, "primaryContainer": container, **members}
        self.clients["ecs"].update_express_gateway_service(**request)

    def wait(self, service_arn: str) -> None:
        """Until the newest deployment of the service has ended, well or not."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            [newest, *_] = self.clients["ecs"].list_service_deployments(service=service_arn)["serviceDeployments"]
            if newest["status"] in _ENDED:
                return
            time.sleep(0.2)
        raise TimeoutError(f"the deployment of {service_arn} did not end in {_PATIENCE_SECONDS} s")

    def delete(self, cluster: str, service_arn: str) -> None:
        """Delete a service, and wait until it is gone."""
        self.clients["ecs"].delete_express_gateway_service(serviceArn=service_arn)
        self.clients["ecs"].get_waiter("services_inactive").wait(
            cluster=cluster, services=[SERVICE], WaiterConfig={"Delay": 1, "MaxAttempts": _PATIENCE_SECONDS}
        )


@contextmanager
def on_stage(sandbox: SandboxInfo) -> Generator[Stage]:
    """Prepare roles and images on a sandbox that has an engine, more than once as well; the images go afterwards."""
    session = open_session(sandbox_url=sandbox.endpoint_url)
    clients = {name: session.client(name) for name in ("ecs", "ecr", "iam")}
    roles = {
        "infrastructure": _role(clients["iam"], "stage-infrastructure", "ecs.amazonaws.com"),
        "execution": _role(clients["iam"], "stage-execution", "ecs-tasks.amazonaws.com"),
    }
    engine = docker.DockerClient(base_url=sandbox.docker_host)
    stage = Stage(sandbox, clients, roles)
    made = [stage.foreign_image, f"127.0.0.1:{sandbox.port}/{_REPOSITORY}:{_TAG}"]
    try:
        repository, _, tag = stage.foreign_image.partition(":")
        engine.api.import_image_from_data(_foreign_tree(), repository=repository, tag=tag, changes=['CMD ["/app"]'])
        _push(engine, clients["ecr"], sandbox)
        yield stage
    finally:
        for name in made:
            with suppress(ImageNotFound):
                engine.images.remove(name, force=True)
        engine.close()


def _push(engine: docker.DockerClient, ecr: Any, sandbox: SandboxInfo) -> None:
    """Push busybox to the sandbox's registry."""
    with suppress(ecr.exceptions.RepositoryAlreadyExistsException):
        ecr.create_repository(repositoryName=_REPOSITORY)
    local = f"127.0.0.1:{sandbox.port}/{_REPOSITORY}"
    engine.images.get(BUSYBOX_IMAGE).tag(local, _TAG)
    for line in engine.api.push(local, tag=_TAG, stream=True, decode=True, auth_config=registry_login(sandbox)):
        if "error" in line:
            raise RuntimeError(line["error"])


def _role(iam: Any, name: str, service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    made = iam.get_role(RoleName=name)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(_EVERYTHING))
    return str(made)


_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def _foreign_tree() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        program = tarfile.TarInfo("app")
        program.size, program.mode = len(_AARCH64), 0o755
        archive.addfile(program, io.BytesIO(_AARCH64))
    return buffer.getvalue()
