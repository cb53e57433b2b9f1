"""Real images whose programs cannot be started, each told by what it lacks, on the embedded AWS."""

import io
import tarfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import docker
import pytest
from docker.errors import ImageNotFound

from expressway.toolkit import Toolkit
from expressway_sandbox.base_images.seed import BUSYBOX_IMAGE
from tests.e2e.scenarios.stage import REGISTRY, SERVICE, Stage, on_stage
from tests.sandbox_clients import registry_login

if TYPE_CHECKING:
    from expressway_sandbox.lifecycle import SandboxInfo

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]
_REPOSITORY = "odd-programs"
_SCRIPT = f'FROM {BUSYBOX_IMAGE}\nCOPY start.sh /start.sh\nRUN chmod +x /start.sh\nENTRYPOINT ["/start.sh"]\n'


@dataclass(frozen=True, slots=True)
class Odd:
    """An image, and the code that its service is told with."""

    dockerfile: str
    files: Mapping[str, bytes]
    code: str


ODD = {
    "no-interpreter": Odd(_SCRIPT, {"start.sh": b"echo hello\n"}, "script_without_interpreter"),
    "windows-line-ends": Odd(_SCRIPT, {"start.sh": b"#!/bin/sh\r\necho hello\r\n"}, "interpreter_missing"),
    "no-bash": Odd(_SCRIPT, {"start.sh": b"#!/bin/bash\necho hello\n"}, "interpreter_missing"),
    "no-user": Odd(f'FROM {BUSYBOX_IMAGE}\nUSER app\nCMD ["httpd", "-f"]\n', {}, "user_not_found"),
    "no-command": Odd("FROM scratch\nCOPY data /data\n", {"data": b"1"}, "command_missing"),
    "unknown-option": Odd(f'FROM {BUSYBOX_IMAGE}\nCMD ["httpd", "--nope"]\n', {}, "container_exited"),
}


@pytest.fixture(scope="module")
def toolkit(
    embedded_aws: "SandboxInfo", base_images: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Toolkit]:
    """A toolkit on an embedded AWS on which a service of each image has failed."""
    home = tmp_path_factory.mktemp("state")
    with closing(docker.DockerClient(base_url=base_images)) as engine, on_stage(embedded_aws) as stage:
        stage.clients["ecr"].create_repository(repositoryName=_REPOSITORY)
        images = {name: _pushed(engine, stage, name, odd) for name, odd in ODD.items()}
        try:
            with ThreadPoolExecutor(len(ODD)) as pool:
                list(pool.map(partial(_failed, stage), images.items()))
            with Toolkit(sandbox_url=embedded_aws.endpoint_url, environ={"EXPRESSWAY_HOME": str(home)}) as made:
                yield made
        finally:
            for name in ODD:
                with suppress(ImageNotFound):
                    engine.images.remove(f"127.0.0.1:{stage.sandbox.port}/{_REPOSITORY}:{name}", force=True)


def _failed(stage: Stage, image: tuple[str, str]) -> None:
    name, reference = image
    stage.clients["ecs"].create_cluster(clusterName=f"odd-{name}")
    stage.wait(stage.create(f"odd-{name}", reference))


def _pushed(engine: docker.DockerClient, stage: Stage, name: str, odd: Odd) -> str:
    local = f"127.0.0.1:{stage.sandbox.port}/{_REPOSITORY}"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in {**odd.files, "Dockerfile": odd.dockerfile.encode()}.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    buffer.seek(0)
    engine.images.build(fileobj=buffer, custom_context=True, tag=f"{local}:{name}", rm=True)
    for line in engine.api.push(local, tag=name, stream=True, decode=True, auth_config=registry_login(stage.sandbox)):
        assert "error" not in line, line
    return f"{REGISTRY}/{_REPOSITORY}:{name}"


def _findings(toolkit: Toolkit, name: str) -> list[Mapping[str, Any]]:
    asked = {"ecs_cluster_name": f"odd-{name}", "ecs_service_name": SERVICE}
    return list(toolkit.troubleshoot(parameters=asked).to_dict()["findings"])


@pytest.mark.parametrize("name", ODD)
def test_what_keeps_a_program_from_starting_is_told_first(toolkit: Toolkit, name: str) -> None:
    first, *others = _findings(toolkit, name)
    assert (first["code"], first["confidence"]) == (ODD[name].code, "high")
    assert {one["code"] for one in others} <= {"crash_loop", "circuit_breaker_rollback"}


def test_an_image_for_the_tasks_platform_is_said_to_be(toolkit: Toolkit) -> None:
    (first, *_) = _findings(toolkit, "no-interpreter")
    assert "its image is built for the platform that the tasks run on" in first["cause"]


def test_of_usage_text_the_complaint_is_the_evidence(toolkit: Toolkit) -> None:
    (first, *_) = _findings(toolkit, "unknown-option")
    assert "unrecognized option" in first["evidence"][0]
