"""Images of containerized folders: built by the engine, run, asked and stopped."""

import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

import docker
import pytest

from expressway.image.check import BuildRequest, check_build
from expressway.image.context.archive import open_context_archive
from expressway.image.dockerfile.parser import parse_dockerfile
from expressway.image.engine.client import DockerEngine
from expressway.image.engine.discovery import EngineAddress
from tests.containerize.bases import provide_bases

ADDRESS = "127.0.0.1"


@dataclass
class Ran:
    """A running container and what its image says."""

    url: str
    container: str
    configuration: dict[str, Any]
    client: Any

    def get(self, path: str, attempts: int = 600) -> tuple[int, str]:
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
        return self.execute(*words[1:])

    def user_id(self) -> str:
        return self.execute("id", "-u")[1].strip()

    def execute(self, *words: str) -> tuple[int, str]:
        """A program's exit code and output, inside the container."""
        asked = self.client.exec_create(self.container, list(words))["Id"]
        told = self.client.exec_start(asked).decode(errors="replace")
        return self.client.exec_inspect(asked)["ExitCode"], told

    def stop(self) -> int:
        """The exit code after the signal to stop; 137 says that it had to be killed."""
        self.client.stop(self.container, timeout=20)
        return self.client.inspect_container(self.container)["State"]["ExitCode"]


@dataclass
class Runner:
    """Runs images, each on a port of this machine of its own."""

    client: Any
    containers: list[str] = field(default_factory=list[str])

    def run(self, image: str, port: int, environment: Mapping[str, str] | None = None) -> Ran:
        host = self.client.create_host_config(port_bindings={port: (ADDRESS,)}, shm_size="64m")
        container = self.client.create_container(
            image, ports=[port], host_config=host, environment=dict(environment or {})
        )["Id"]
        self.containers.append(container)
        self.client.start(container)
        bound = self.client.port(container, port)[0]["HostPort"]
        configuration = self.client.inspect_image(image)["Config"]
        return Ran(f"http://{ADDRESS}:{bound}", container, configuration, self.client)


@pytest.fixture
def runner(base_images: str) -> Iterator[Runner]:
    with closing(docker.APIClient(base_url=base_images, timeout=600)) as client:
        runner = Runner(client)
        yield runner
        for container in runner.containers:
            client.remove_container(container, force=True)


def build_image(folder: Path, name: str, docker_host: str) -> str:
    """Build a folder from the context that `deploy` would send, with the network of this machine; the image's name."""
    dockerfile = parse_dockerfile((folder / "Dockerfile").read_text(encoding="utf-8"))
    assert not dockerfile.buildkit_reasons
    provide_bases(docker_host, list(dockerfile.base_images()))
    app_name = re.sub(r"[^a-z0-9]+", "-", name)[:20]
    checked = check_build(BuildRequest(app_name, folder), engine=DockerEngine(EngineAddress(docker_host, "test")))
    tag = f"expressway-containerize/{name}"
    with (
        closing(docker.APIClient(base_url=docker_host, timeout=600)) as client,
        closing(open_context_archive(checked.build.context)) as archive,
    ):
        events = client.build(
            fileobj=archive, custom_context=True, tag=tag, network_mode="host", rm=True, forcerm=True, decode=True
        )
        told = list(events)
    failed = next((event["error"] for event in told if "error" in event), None)
    assert failed is None, f"{failed}\n{''.join(str(event.get('stream', '')) for event in told)[-3000:]}"
    return tag
