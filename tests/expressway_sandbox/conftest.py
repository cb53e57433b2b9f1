"""One real sandbox for all tests here, with real containers made from a busybox tree."""

import atexit
import contextlib
import functools
import io
import json
import shutil
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from expressway_sandbox.base_images import debian
from expressway_sandbox.engine.private import stop_private_engine
from expressway_sandbox.lifecycle import SandboxInfo
from tests.sandbox_clients import client, registry_login, signed
from tests.shared import shared_sandbox

HTTPD = ["/bin/httpd", "-f", "-p", "8080", "-h", "/www"]
REPOSITORY = "team/web"
LONG = 120.0
"""Seconds after which a test fails that waits for something."""


@dataclass(frozen=True)
class Cloud:
    """Clients for the sandbox, and requests to what runs in it."""

    info: SandboxInfo

    def client(self, service: str) -> Any:
        return client(self.info, service)

    def get(self, endpoint: str, path: str = "/") -> tuple[int, str]:
        request = urllib.request.Request(self.info.endpoint_url + path, headers={"Host": endpoint})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def call(self, target: str, request: dict[str, Any]) -> dict[str, Any]:
        """The raw JSON answer of an operation, as it goes over the wire."""
        body = json.dumps(request).encode()
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
        headers = signed(self.info.endpoint_url, self.info.key, service="ecs", headers=headers, body=body)
        posted = urllib.request.Request(self.info.endpoint_url, data=body, headers=headers)
        with urllib.request.urlopen(posted, timeout=60) as answer:
            return json.loads(answer.read())

    def uri(self, tag: str, repository: str = REPOSITORY) -> str:
        return f"000000000000.dkr.ecr.us-east-1.amazonaws.com/{repository}:{tag}"


@dataclass(frozen=True)
class Roles:
    infrastructure: str
    execution: str


@pytest.fixture
def engine_directory() -> Iterator[Path]:
    """For a private engine, with a path short enough for its sockets; an engine that was started there is stopped."""
    path = Path(tempfile.mkdtemp(prefix="xw-engine-", dir="/tmp"))
    yield path
    stop_private_engine(path)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def cloud(engine_host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with shared_sandbox(tmp_path_factory.mktemp("sandbox"), engine_host) as info:
        yield Cloud(info)


@pytest.fixture(scope="session")
def engine(engine_host: str) -> Iterator[docker.DockerClient]:
    client = docker.DockerClient(base_url=engine_host)
    yield client
    client.close()


@pytest.fixture(scope="session")
def push(cloud: Cloud, engine: docker.DockerClient) -> Iterator[Callable[..., str]]:
    """Push a tiny image to the sandbox's registry; the answer is its digest."""
    made: list[str] = []

    def push_image(tag: str, command: list[str], files: dict[str, str], repository: str = REPOSITORY) -> str:
        name = f"127.0.0.1:{cloud.info.port}/{repository}"
        changes = [f"CMD {json.dumps(command)}"]
        engine.api.import_image_from_data(tree(files), repository=name, tag=tag, changes=changes)
        made.append(f"{name}:{tag}")
        digest = ""
        for line in engine.api.push(name, tag=tag, stream=True, decode=True, auth_config=registry_login(cloud.info)):
            if "error" in line:
                raise RuntimeError(line["error"])
            digest = line.get("aux", {}).get("Digest", digest)
        return digest

    yield push_image
    for reference in made:
        with contextlib.suppress(docker.errors.ImageNotFound):
            engine.images.remove(reference, force=True)


@functools.cache
def busybox_program() -> Path:
    """A static busybox, on machines too where it is not installed."""
    folder = tempfile.mkdtemp(prefix="expressway-tests-busybox-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return debian.busybox(Path(folder))


def tree(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(busybox_program(), "bin/busybox")
        for applet in ("sh", "httpd", "sleep", "dd"):
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content.encode()))
    return buffer.getvalue()


@pytest.fixture(scope="session")
def images(cloud: Cloud, push: Callable[..., str]) -> dict[str, str]:
    """Digests of the images: two versions that work, one that answers wrongly, one that crashes, one silent."""
    cloud.client("ecr").create_repository(repositoryName=REPOSITORY)
    page = {"www/health": "ok", "www/v2/page": "below v2"}
    return {
        "v1": push("v1", HTTPD, {**page, "www/index.html": "version 1"}),
        "v2": push("v2", HTTPD, {**page, "www/index.html": "version 2"}),
        "unhealthy": push("unhealthy", HTTPD, {"www/index.html": "no health page"}),
        "crash": push("crash", ["/bin/sh", "-c", "echo cannot go on; exit 3"], {}),
        "silent": push("silent", ["/bin/sleep", "1000"], {}),
    }


@pytest.fixture(scope="session")
def roles(cloud: Cloud) -> Roles:
    iam = cloud.client("iam")
    return Roles(
        infrastructure=create_role(iam, "test-infrastructure", "ecs.amazonaws.com"),
        execution=create_role(iam, "test-execution", "ecs-tasks.amazonaws.com"),
    )


def create_role(iam: Any, name: str, service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]


@pytest.fixture
def service_request(cloud: Cloud, images: dict[str, str], roles: Roles) -> Callable[..., dict[str, Any]]:
    """A request that creates a working service; arguments replace or add members."""

    def request(name: str, tag: str = "v1", **members: Any) -> dict[str, Any]:
        return {
            "serviceName": name,
            "infrastructureRoleArn": roles.infrastructure,
            "executionRoleArn": roles.execution,
            "healthCheckPath": "/health",
            "cpu": "256",
            "memory": "512",
            "primaryContainer": {"image": cloud.uri(tag), "containerPort": 8080},
            **members,
        }

    return request


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LONG
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.05)


def wait_for_deployment(cloud: Cloud, service_arn: str, seconds: float = LONG) -> dict[str, Any]:
    """The newest deployment of a service when it has ended."""
    ecs = cloud.client("ecs")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        newest = ecs.list_service_deployments(service=service_arn)["serviceDeployments"][0]
        if newest["status"] in ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"):
            return newest
        time.sleep(0.05)
    raise TimeoutError(f"deployment of {service_arn} did not end")


def wait_until_inactive(cloud: Cloud, service_arn: str, seconds: float = LONG) -> None:
    ecs = cloud.client("ecs")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = ecs.describe_express_gateway_service(serviceArn=service_arn)["service"]["status"]
        if status["statusCode"] == "INACTIVE":
            return
        time.sleep(0.05)
    raise TimeoutError(f"{service_arn} did not become INACTIVE")


def wait_for_stack(cloud: Cloud, name: str, seconds: float = LONG) -> str:
    """The status of a stack when its operation has ended."""
    cloudformation = cloud.client("cloudformation")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        if not status.endswith("_IN_PROGRESS"):
            return status
        time.sleep(0.05)
    raise TimeoutError(f"stack {name} did not end")


def endpoint_of(cloud: Cloud, service_arn: str) -> str:
    service = cloud.client("ecs").describe_express_gateway_service(serviceArn=service_arn)["service"]
    return service["activeConfigurations"][0]["ingressPaths"][0]["endpoint"]
