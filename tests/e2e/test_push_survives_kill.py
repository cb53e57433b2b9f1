"""Publishing that is killed outright, at any point, is finished by the same command."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from expressway.aws.ecr import EcrRegistry
from expressway.aws.session import open_session
from expressway.core.system_clock import SystemClock
from expressway.image.check import BuildRequest, check_build
from expressway.image.engine.client import DockerEngine
from expressway.image.engine.discovery import EngineAddress
from expressway.image.push import push_image
from expressway_sandbox.base_images.seed import BUSYBOX_IMAGE
from expressway_sandbox.lifecycle import SandboxInfo

PROGRAM = """
import sys
from pathlib import Path
from expressway.core.system_clock import SystemClock
from expressway.image.engine.client import DockerEngine
from expressway.aws.ecr import EcrRegistry
from expressway.image.engine.discovery import EngineAddress
from expressway.aws.session import open_session
from expressway.image.check import BuildRequest, check_build
from expressway.image.push import push_image

sandbox, host, folder, name = sys.argv[1:]
engine = DockerEngine(EngineAddress(host, "test"))
checked = check_build(BuildRequest(name, Path(folder), tag="v1"), engine=engine)
push_image(
    checked,
    engine=engine,
    registry=EcrRegistry(open_session(sandbox_url=sandbox)),
    repository_name=f"{name}-repo",
    clock=SystemClock(),
    progress=lambda progress: print(progress.phase, progress.message, flush=True),
)
"""


@pytest.mark.sandbox
@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "word"), [("kill-step", "Step 3/4"), ("kill-built", "Successfully built"), ("kill-push", ": preparing")]
)
def test_the_same_command_finishes_what_a_killed_one_began(
    base_images: str, embedded_aws: SandboxInfo, tmp_path: Path, name: str, word: str
) -> None:
    (tmp_path / "Dockerfile").write_text(
        f'FROM {BUSYBOX_IMAGE}\nCOPY page /\nRUN head -c 3000000 /dev/urandom >/big && sleep 0.3\nCMD ["true"]\n'
    )
    (tmp_path / "page").write_text(name)
    session = open_session(sandbox_url=embedded_aws.endpoint_url)
    registry = EcrRegistry(session)
    session.client("ecr").create_repository(repositoryName=f"{name}-repo", imageTagMutability="IMMUTABLE")
    engine = DockerEngine(EngineAddress(base_images, "test"))
    try:
        _run_and_kill([embedded_aws.endpoint_url, base_images, str(tmp_path), name], word)
        checked = check_build(BuildRequest(name, tmp_path, tag="v1"), engine=engine)
        image = push_image(
            checked, engine=engine, registry=registry, repository_name=f"{name}-repo", clock=SystemClock()
        )
        images = session.client("ecr").describe_images(repositoryName=f"{name}-repo")["imageDetails"]
        assert [(found["imageDigest"], {*found["imageTags"]}) for found in images] == [
            (image.digest, {checked.content_tag, "v1"})
        ]
    finally:
        engine.remove_app_images(name, repository_name=f"{name}-repo")
        session.client("ecr").delete_repository(repositoryName=f"{name}-repo", force=True)


def _run_and_kill(arguments: list[str], word: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        seen = [line for line in iter(process.stdout.readline, "") if _killed(process, line, word)]
        assert seen, process.stderr.read() if process.stderr else ""
    assert process.returncode == -signal.SIGKILL


def _killed(process: "subprocess.Popen[str]", line: str, word: str) -> bool:
    if word not in line:
        return False
    process.kill()
    return True
