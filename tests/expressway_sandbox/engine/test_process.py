"""The private engine under a sandbox: revived when it died, and stopped when the start that began it fails."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import docker
import pytest

from expressway.image.engine.record import process_start_ticks, read_engine_record
from expressway_sandbox import lifecycle
from expressway_sandbox.base_images.debian import find_program
from expressway_sandbox.engine.private import start_private_engine
from expressway_sandbox.lifecycle import SandboxInfo
from tests.expressway_sandbox.conftest import (
    HTTPD,
    Cloud,
    create_role,
    endpoint_of,
    tree,
    wait_for_deployment,
    wait_until,
)
from tests.sandbox_clients import registry_login

MAY_START = sys.platform == "linux" and os.geteuid() == 0 and find_program("dockerd") is not None
pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.engine,
    pytest.mark.skipif(not MAY_START, reason="needs root and dockerd"),
]


def start(home: Path, engine_directory: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    variables = {"EXPRESSWAY_HOME": str(home), "EXPRESSWAY_ENGINE_DIR": str(engine_directory)}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
    command = [sys.executable, "-m", "expressway", "sandbox", "start", "--json", *options]
    return subprocess.run(command, capture_output=True, text=True, env=kept | variables, timeout=240)


def push(info: SandboxInfo) -> str:
    """Push an image that serves a page; its URI."""
    Cloud(info).client("ecr").create_repository(repositoryName="web")
    name = f"127.0.0.1:{info.port}/web"
    engine = docker.DockerClient(base_url=info.docker_host)
    changes = [f"CMD {json.dumps(HTTPD)}"]
    engine.api.import_image_from_data(tree({"www/index.html": "alive"}), repository=name, tag="1", changes=changes)
    for line in engine.api.push(name, tag="1", stream=True, decode=True, auth_config=registry_login(info)):
        assert "error" not in line, line
    engine.close()
    return Cloud(info).uri("1", "web")


def deploy(cloud: Cloud) -> str:
    """Deploy a service of that image; its ARN."""
    iam, image = cloud.client("iam"), push(cloud.info)
    request: dict[str, Any] = {
        "serviceName": "web",
        "infrastructureRoleArn": create_role(iam, "infrastructure", "ecs.amazonaws.com"),
        "executionRoleArn": create_role(iam, "execution", "ecs-tasks.amazonaws.com"),
        "healthCheckPath": "/",
        "cpu": "256",
        "memory": "512",
        "primaryContainer": {"image": image, "containerPort": 8080},
    }
    arn = cloud.client("ecs").create_express_gateway_service(**request)["service"]["serviceArn"]
    assert wait_for_deployment(cloud, arn)["status"] == "SUCCESSFUL"
    return arn


def test_a_dead_engine_is_started_again_under_the_sandbox_which_keeps_what_it_holds(
    engine_directory: Path, tmp_path: Path
) -> None:
    engine = start_private_engine(engine_directory)
    cloud = Cloud(lifecycle.start(state_dir=tmp_path / "sandbox", docker_host=engine.docker_host))
    try:
        arn = deploy(cloud)
        endpoint = endpoint_of(cloud, arn)
        template = json.dumps({"Resources": {"Group": {"Type": "AWS::Logs::LogGroup"}}})
        cloud.client("cloudformation").create_stack(StackName="kept", TemplateBody=template)
        record = read_engine_record(engine_directory)
        assert record is not None
        os.kill(record.pid, 9)
        os.waitpid(record.pid, 0)
        done = start(tmp_path, engine_directory)
        assert done.returncode == 0, done.stdout + done.stderr
        told = json.loads(done.stdout)
        assert (told["endpoint_url"], told["docker_host"]) == (cloud.info.endpoint_url, engine.docker_host)
        assert lifecycle.status(tmp_path / "sandbox") == cloud.info
        wait_until(lambda: cloud.get(endpoint) == (200, "alive"), "the service serves again")
        stacks = cloud.client("cloudformation").describe_stacks()["Stacks"]
        assert [stack["StackName"] for stack in stacks] == ["kept"]
        assert cloud.client("ecr").list_images(repositoryName="web")["imageIds"]
    finally:
        lifecycle.stop(tmp_path / "sandbox")


def test_the_engine_of_others_that_does_not_answer_is_told(engine_directory: Path, tmp_path: Path) -> None:
    lifecycle.start(state_dir=tmp_path / "sandbox", docker_host=f"unix://{tmp_path}/none.sock")
    try:
        done = start(tmp_path, engine_directory)
        assert done.returncode == 4
        error = json.loads(done.stdout)["error"]
        assert error["code"] == "engine_unreachable"
        assert f"{tmp_path}/none.sock" in error["message"]
        assert read_engine_record(engine_directory) is None
    finally:
        lifecycle.stop(tmp_path / "sandbox")


@pytest.mark.parametrize("fails", ["seed", "port", "service"])
def test_a_start_that_fails_leaves_nothing_running(engine_directory: Path, tmp_path: Path, fails: str) -> None:
    (tmp_path / "base-images").write_text("no folder\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options = {
            "seed": ["--seed"],
            "port": ["--port", str(taken.getsockname()[1])],
            "service": ["--services", "nonsense"],
        }
        done = start(tmp_path, engine_directory, *options[fails])
    assert done.returncode != 0
    codes = {"seed": "state_not_writable", "port": "sandbox_port_taken", "service": "unknown_service"}
    assert json.loads(done.stdout)["error"]["code"] == codes[fails]
    assert (engine_directory / "log").exists(), "the engine was started first"
    assert read_engine_record(engine_directory) is None
    assert not (engine_directory / "engine.json").exists()
    assert lifecycle.status(tmp_path / "sandbox") is None
    assert not (tmp_path / "sandbox" / "sandbox.json").exists()
    assert _running(str(engine_directory), str(tmp_path)) == []


def _running(*places: str) -> list[str]:
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if any(place in words for place in places) and process_start_ticks(int(process.name)) is not None:
            found.append(words)
    return found
