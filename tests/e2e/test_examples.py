"""The examples are real: they build, run as an ordinary user, answer HTTP, stop when told, and can be broken."""

import json
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
import yaml

from expressway.core.progress import NeverCancelled, ignore_progress
from expressway.image.check import BuildRequest, check_build
from expressway.image.engine.client import DockerEngine
from expressway.image.engine.discovery import EngineAddress
from expressway.image.engine.docker_api import open_client
from expressway_sandbox.base_images.seed import prepare_example

EXAMPLES = Path(__file__).parents[2] / "examples"
pytestmark = pytest.mark.engine


@dataclass
class Runner:
    """Builds examples and runs their images."""

    engine: DockerEngine
    client: Any
    containers: list[str]

    def image(self, name: str) -> str:
        folder = EXAMPLES / name
        prepare_example(folder, self.engine.address.docker_host)
        checked = check_build(BuildRequest(f"e2e-{name}", folder), engine=self.engine)
        assert checked.warnings == ()
        return self.engine.build(checked.build, progress=ignore_progress, cancellation=NeverCancelled()).image_id

    def run(self, image: str, port: int, environment: dict[str, str] | None = None) -> tuple[str, str]:
        settings = self.client.create_host_config(port_bindings={port: ("127.0.0.1",)}, shm_size="64m")
        container = self.client.create_container(
            image, ports=[port], environment=environment or {}, host_config=settings
        )["Id"]
        self.containers.append(container)
        self.client.start(container)
        bound = self.client.port(container, port)
        return container, f"http://127.0.0.1:{bound[0]['HostPort']}" if bound else ""


@pytest.fixture
def runner(base_images: str) -> Iterator[Runner]:
    address = EngineAddress(base_images, "test")
    runner = Runner(DockerEngine(address), open_client(address, timeout_seconds=120), [])
    yield runner
    for container in runner.containers:
        runner.client.remove_container(container, force=True)
    for name in ("e2e-hello", "e2e-httpbin"):
        runner.engine.remove_app_images(name, repository_name=f"{name}-repo")
    runner.client.close()


def get(url: str, attempts: int = 600) -> Any:
    for left in range(attempts, 0, -1):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.load(answer)
        except (OSError, HTTPException):
            if left == 1:
                raise
            time.sleep(0.1)
    raise AssertionError


def test_hello_answers_json_on_the_port_it_is_given_and_stops_cleanly(runner: Runner) -> None:
    image = runner.image("hello")
    container, url = runner.run(image, 9001, {"PORT": "9001", "GREETING": "Good day"})
    assert get(f"{url}/health") == {"status": "ok"}
    assert get(f"{url}/a/b") == {"message": "Good day", "path": "/a/b"}
    assert runner.client.inspect_image(image)["Config"]["User"] == "10001:10001"
    runner.client.stop(container, timeout=20)
    assert runner.client.inspect_container(container)["State"]["ExitCode"] == 0
    assert "INFO stopped" in runner.client.logs(container).decode()


def test_the_broken_hello_crashes_when_it_starts_and_says_why(runner: Runner) -> None:
    sound = yaml.safe_load((EXAMPLES / "hello/expressway.yaml").read_text())
    broken = yaml.safe_load((EXAMPLES / "hello/broken.yaml").read_text())
    environment = broken.pop("environment")
    assert broken == sound
    container, _ = runner.run(runner.image("hello"), 8080, environment)
    assert runner.client.wait(container, timeout=60)["StatusCode"] == 1
    assert "ValueError: Unknown level: 'LOUD'" in runner.client.logs(container).decode()


def test_httpbin_answers_behind_gunicorn_as_an_ordinary_user(runner: Runner) -> None:
    image = runner.image("httpbin")
    container, url = runner.run(image, 8080)
    assert get(f"{url}/get?a=1")["args"] == {"a": "1"}
    with urllib.request.urlopen(f"{url}/status/200", timeout=60) as answer:
        assert answer.status == 200
    assert runner.client.inspect_image(image)["Config"]["User"] == "10001"
    runner.client.stop(container, timeout=20)
    assert runner.client.inspect_container(container)["State"]["ExitCode"] == 0
