"""What of a folder reaches an image: the same by our context and by the docker command itself.

Docker's own matcher decides in tests/image/context/docker_ignore_cases.json what counts; this test shows that a real
`docker build` (each builder of each docker command that is here) acts on it, links, modes and folders included.
"""

import io
import os
import random
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from uuid import uuid4

import pytest

from expressway.core.progress import NeverCancelled
from expressway.image.context.archive import open_context_archive
from expressway.image.context.reader import read_build_context
from expressway.image.dockerfile.parser import BuildkitReason
from expressway.image.engine.client import DockerEngine
from expressway.image.engine.discovery import EngineAddress
from expressway.image.values import ImageBuild

pytestmark = pytest.mark.engine
SEED = 7
PROGRAM = shutil.which("docker") or "docker"
FILES = ("a", "b", "ab", "a.b", "barx", "x", "d/a", "d/b", "d/e/a", "d/e/x", "n/o/p/q", "a b", "é", "[a]", "K", "k")
LINKS = {"out": "/dev/stdout", "zone": "/usr/share/zoneinfo/UTC", "up": "../../far", "d/folder": "e", "gone": "none"}
ALIKE = (
    *("*\n!d/e", "**/x\n[^a]", "d/**\n?", "\\[a\\]\n/d/e\n# x\n\n  b  ", "\ufeffa\r\nk\r\n! a", "a*\n!ab\n[a-b]"),
    *("n\n!n/o/p\n!! a", "*.b\n!a.b\nd/e/../a", ".dockerignore\nDockerfile\nb"),
)
"""Lines that every version of Docker reads alike."""
SINCE_23 = ("**\n!**/x", "*\n!**/a", "**x", "d/e\n!d", "**/e/**", "d/**/a", "[!a]", "*\n!d/*\n!n/**/q")
"""Docker 20.10 looks at one folder above a path (docker/buildx#850), and into no excluded folder for a wildcard."""
PIECES = ("a", "b", "d", "e", "x", "n", "*", "?", "a*", "*b", "**", "[a-d]", "[^d]", "a.b")


def generated(count: int) -> Iterator[str]:
    chosen = random.Random(SEED)
    for _ in range(count):
        lines = ("/".join(chosen.choice(PIECES) for _ in range(chosen.randint(1, 3))) for _ in range(4))
        yield "\n".join(chosen.choice(("", "", "!")) + line for line in lines)


def commands() -> list[tuple[str, str]]:
    """Every docker command and builder that is here."""
    programs = {shutil.which("docker", path=folder) for folder in ("/usr/local/bin", "/usr/bin")} - {None}
    return [(program, builder) for program in sorted(filter(None, programs)) for builder in ("0", "1")]


@cache
def major_of(program: str) -> int:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return int(told.removeprefix("Docker version ").partition(".")[0])


def can_build(program: str, builder: str) -> bool:
    return builder == "0" or major_of(program) < 23 or subprocess.run([program, "buildx", "version"]).returncode == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    for name, target in LINKS.items():
        (tmp_path / name).symlink_to(target)
    unshared = f"LABEL test={uuid4().hex}"  # no step is another run's, whose images are removed meanwhile
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\n{unshared}\nCOPY . /context/\n")
    (tmp_path / "d").chmod(0o750)
    (tmp_path / "b").chmod(0o640)
    return tmp_path.resolve()


def described(archive: tarfile.TarFile, prefix: str = "") -> dict[str, tuple[int, str]]:
    members = {member.name.removeprefix(prefix).rstrip("/"): member for member in archive.getmembers()}
    return {name: (member.mode & 0o7777, member.linkname) for name, member in members.items() if name}


def by_docker(
    program: str, builder: str, host: str, folder: Path, dockerfile: str = "Dockerfile"
) -> dict[str, tuple[int, str]]:
    name = f"expressway/ignore-test:{uuid4().hex}"
    environment = {"PATH": os.environ["PATH"], "DOCKER_HOST": host, "DOCKER_BUILDKIT": builder, "HOME": "/nonexistent"}

    docker = partial(docker_command, program, environment)
    docker("build", "--no-cache", "--quiet", "--file", str(folder / dockerfile), "--tag", name, str(folder))
    return exported(docker, name)


def by_our_builder(builder: str, host: str, folder: Path, dockerfile: str) -> dict[str, tuple[int, str]]:
    """What the image holds that Expressway has built of the folder."""
    name = f"expressway/ignore-test:{uuid4().hex}"
    reasons = (BuildkitReason(1, "FROM scratch", "the test wants it"),) if builder == "1" else ()
    build = ImageBuild(name, read_build_context(folder, dockerfile), "linux/amd64", buildkit_reasons=reasons)
    DockerEngine(EngineAddress(host, "test")).build(build, progress=lambda _: None, cancellation=NeverCancelled())
    return exported(partial(docker_command, PROGRAM, {"PATH": os.environ["PATH"], "DOCKER_HOST": host}), name)


def docker_command(program: str, environment: dict[str, str], *words: str) -> bytes:
    return subprocess.run([program, *words], env=environment, check=True, capture_output=True).stdout


def exported(docker: Callable[..., bytes], name: str) -> dict[str, tuple[int, str]]:
    """Everything below /context of the image, which is removed."""
    container = docker("create", name, "none").decode().strip()
    try:
        with tarfile.open(fileobj=io.BytesIO(docker("export", container))) as archive:
            inside = [member for member in archive.getmembers() if member.name.startswith("context/")]
            return {
                found: (member.mode & 0o7777, member.linkname)
                for member in inside
                if (found := member.name.removeprefix("context/").rstrip("/"))
            }
    finally:
        docker("rm", container)
        docker("rmi", name)


def by_us(folder: Path) -> dict[str, tuple[int, str]]:
    """The context, less the two files that builders read and take away when they are excluded."""
    context = read_build_context(folder)
    with open_context_archive(context) as opened, tarfile.open(fileobj=opened) as archive:
        return described(archive)


@pytest.mark.parametrize(("program", "builder"), commands())
def test_the_same_files_links_and_modes_reach_the_image(
    engine_host: str, folder: Path, program: str, builder: str
) -> None:
    if not can_build(program, builder):
        pytest.skip("this docker command has no buildx")
    texts = [*ALIKE, *(() if major_of(program) < 23 else (*SINCE_23, *generated(8)))]
    if (
        builder == "0"
    ):  # the classic builder looks into no excluded folder for a "!" line with a wildcard; BuildKit does
        texts = [text for text in texts if not re.search(r"^!.*[*?[]", text, re.MULTILINE)]
    differing: list[tuple[object, ...]] = []
    for text in texts:
        (folder / ".dockerignore").write_text(text)
        docker, ours = by_docker(program, builder, engine_host, folder), by_us(folder)
        if builder == "0" and "!" in text:  # and gives folders above what comes back the modes of new folders
            docker, ours = ({name: entry for name, entry in all_.items() if name != "d"} for all_ in (docker, ours))
        read = {"Dockerfile", ".dockerignore"} - set(docker)
        ours = {name: entry for name, entry in ours.items() if name not in read}
        differing += [
            (text, name, docker.get(name), ours.get(name))
            for name in sorted({*docker, *ours})
            if docker.get(name) != ours.get(name)
        ]
    assert not differing


@pytest.mark.parametrize("builder", ["0", "1"])
@pytest.mark.parametrize(
    ("dockerfile", "text"),
    [
        ("Dockerfile", "Dockerfile\nd"),
        ("Dockerfile", ".dockerignore\nDockerfile"),
        ("Dockerfile", "*\n!a"),
        ("Dockerfile", "b"),
        ("docker/web.Dockerfile", "docker\n.dockerignore"),
        ("docker/web.Dockerfile", "docker/web.*"),
        ("docker/web.Dockerfile", "docker\n!docker/x"),
        ("dir x/Docker file", "dir?x"),
    ],
)
def test_an_excluded_dockerfile_or_dockerignore_is_in_no_image(
    engine_host: str, folder: Path, builder: str, dockerfile: str, text: str
) -> None:
    (folder / dockerfile).parent.mkdir(exist_ok=True)
    (folder / "docker").mkdir(exist_ok=True)
    (folder / "docker" / "x").write_text("x")
    (folder / "Dockerfile").rename(folder / dockerfile)
    (folder / ".dockerignore").write_text(text)
    program = next(program for program, _ in commands() if can_build(program, builder))
    assert by_our_builder(builder, engine_host, folder, dockerfile) == by_docker(
        program, builder, engine_host, folder, dockerfile
    )


@pytest.mark.parametrize("builder", ["0", "1"])
def test_rules_in_a_file_beside_the_dockerfile_take_both_and_themselves_away(
    engine_host: str, folder: Path, builder: str
) -> None:
    (folder / ".dockerignore").write_text("a\n")
    (folder / "Dockerfile.dockerignore").write_text("*ocker*\nd\nn\n")
    built = by_our_builder(builder, engine_host, folder, "Dockerfile")
    assert "a" in built
    assert not [name for name in built if "ocker" in name or name in {"d", "n"}]
