"""Copies of the sample apps, containerized, built by the engine and run."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

import docker
import pytest

from expressway.adapters.context_archive import open_context_archive
from expressway.adapters.docker_engine import DockerEngine
from expressway.adapters.engine_ping import EngineAddress
from expressway.model.dockerfile import parse_dockerfile
from expressway.operations.publish_image import BuildRequest, check_build
from tests.containerize.bases import provide_bases

ADDRESS = "127.0.0.1"


@dataclass
class Ran:
    """A running container and what its image says."""

    url: str
    container: str
    configuration: dict[str, Any]
    client: Any

    def get(self, path: str, attempts: int = 200) -> tuple[int, str]:
        for left in range(attempts, 0, -1):
            try:
                with urllib.request.urlopen(f"{self.url}{path}", timeout=5) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as answered:
                return answered.code, answered.read().decode()
            except (OSError, HTTPException):
                if left == 1 or not self.client.inspect_container(self.container)["State"]["Running"]:
                    raise AssertionError(self.log()) from None
                time.sleep(0.1)
        raise AssertionError

    def log(self) -> str:
        return self.client.logs(self.container).decode(errors="replace")[-3000:]

    def probe(self) -> tuple[int, str]:
        """What the image's own health check answers inside the container."""
        words = self.configuration["Healthcheck"]["Test"]
        assert words[0] == "CMD"
        asked = self.client.exec_create(self.container, words[1:])["Id"]
        told = self.client.exec_start(asked).decode(errors="replace")
        return self.client.exec_inspect(asked)["ExitCode"], told

    def user_id(self) -> str:
        asked = self.client.exec_create(self.container, ["id", "-u"])["Id"]
        return self.client.exec_start(asked).decode().strip()

    def stop(self) -> int:
        """The exit code after the signal to stop; 137 says that it had to be killed."""
        self.client.stop(self.container, timeout=20)
        return self.client.inspect_container(self.container)["State"]["ExitCode"]


@dataclass
class Builder:
    """Builds folders as `deploy` would, with the network of this machine, and runs the images."""

    docker_host: str
    client: Any
    containers: list[str] = field(default_factory=list[str])
    images: list[str] = field(default_factory=list[str])

    def build(self, folder: Path, name: str) -> str:
        dockerfile = parse_dockerfile((folder / "Dockerfile").read_text(encoding="utf-8"))
        assert not dockerfile.requires_buildkit
        provide_bases(self.docker_host, list(dockerfile.base_images()))
        engine = DockerEngine(EngineAddress(self.docker_host, "test"))
        checked = check_build(BuildRequest(name, folder), engine=engine)
        tag = f"expressway-containerize/{name}"
        with closing(open_context_archive(checked.build.context)) as archive:
            events = self.client.build(
                fileobj=archive, custom_context=True, tag=tag, network_mode="host", rm=True, forcerm=True, decode=True
            )
            told = list(events)
        failed = next((event["error"] for event in told if "error" in event), None)
        assert failed is None, f"{failed}\n{''.join(str(event.get('stream', '')) for event in told)[-3000:]}"
        self.images.append(tag)
        return tag

    def run(self, image: str, port: int) -> Ran:
        host = self.client.create_host_config(port_bindings={port: (ADDRESS,)}, shm_size="64m")
        container = self.client.create_container(image, ports=[port], host_config=host)["Id"]
        self.containers.append(container)
        self.client.start(container)
        bound = self.client.port(container, port)[0]["HostPort"]
        configuration = self.client.inspect_image(image)["Config"]
        return Ran(f"http://{ADDRESS}:{bound}", container, configuration, self.client)


@pytest.fixture
def builder(base_images: str) -> Iterator[Builder]:
    with closing(docker.APIClient(base_url=base_images, timeout=600)) as client:
        builder = Builder(base_images, client)
        yield builder
        for container in builder.containers:
            client.remove_container(container, force=True)
        for image in builder.images:
            client.remove_image(image, force=True)


def containerize(folder: Path, *arguments: str) -> dict[str, Any]:
    """What the command line answers, once it has written the files."""
    done = subprocess.run(
        [sys.executable, "-m", "expressway", "containerize", str(folder), "--write", "--json", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)
