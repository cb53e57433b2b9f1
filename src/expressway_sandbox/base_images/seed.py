"""What the examples need to be built: base images, pulled or made of Debian packages, and wheels for the latter."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from requests.exceptions import RequestException

from expressway.core.child_environment import NETWORK, child_environment
from expressway.core.directories import state_directory, state_not_writable
from expressway.core.progress import Progress, ProgressSink, ignore_progress
from expressway.errors import EngineError, ImageError
from expressway.image.dockerfile.parser import parse_dockerfile
from expressway_sandbox.base_images.debian import (
    KEYRING_PACKAGE,
    archive_keyring,
    find_program,
    install_packages,
    write_busybox,
    write_python,
)
from expressway_sandbox.record import locked

PYTHON_IMAGE = "public.ecr.aws/docker/library/python:3.11-slim"
BUSYBOX_IMAGE = "public.ecr.aws/docker/library/busybox:stable"
SEEDED_LABEL = "expressway.base-image"
_REGISTRY_SECONDS = 6
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class BaseImage:
    """One base image of the examples.

    `origin` is how the engine came to hold it. A `seeded` one was made by Expressway, now or earlier, instead of the
    published image.
    """

    name: str
    origin: Literal["present", "pulled", "seeded"]
    seeded: bool = False


@dataclass(frozen=True, slots=True)
class _Recipe:
    """How an image is made: of what, each with the Debian package that brings it."""

    archive: str
    packages: Mapping[str, Callable[[], object]]
    write: Callable[..., None]
    changes: tuple[str, ...]
    needs_root: bool = False

    def missing_packages(self) -> list[str]:
        """The Debian packages that are to be installed first."""
        return [package for package, found in self.packages.items() if found() is None]


_RECIPES = {
    PYTHON_IMAGE: _Recipe(
        "python-3.11-slim.tar",
        {
            "debootstrap": partial(find_program, "debootstrap"),
            "gpgv": partial(find_program, "gpgv"),
            KEYRING_PACKAGE: archive_keyring,
        },
        write_python,
        (
            f"ENV PATH={_PATH}",
            "ENV LANG=C.UTF-8",
            'CMD ["python3"]',
            f'LABEL {SEEDED_LABEL}="seeded by Expressway from Debian 12 packages; not the published image"',
        ),
        needs_root=True,
    ),
    BUSYBOX_IMAGE: _Recipe(
        "busybox-stable.tar",
        {},  # busybox-static is unpacked where it is not installed
        write_busybox,
        (
            f"ENV PATH={_PATH}",
            'CMD ["sh"]',
            f'LABEL {SEEDED_LABEL}="seeded by Expressway from busybox-static; not the published image"',
        ),
    ),
}
BASE_IMAGES = tuple(_RECIPES)


def seed_base_images(
    docker_host: str,
    progress: ProgressSink = ignore_progress,
    *,
    names: Sequence[str] = BASE_IMAGES,
    install: bool = False,
    cache_directory: Path | None = None,
) -> tuple[BaseImage, ...]:
    """Make the engine hold the base images `names`.

    An image that is there is left alone. Else the registry is asked (a few seconds at most) and the image pulled;
    where it cannot be reached, an image of that name is made of Debian packages and labelled as such. The archive
    it is made of stays in `cache_directory` (the state directory's ``base-images``).

    Args:
        install: whether the packages that making one takes may be installed when they are missing.

    Raises:
        EngineError: ``base_image_unavailable`` when an image can neither be pulled nor made,
            ``base_image_seed_failed``, ``package_install_failed``, ``engine_unreachable``.
        ExpresswayError: ``state_not_writable``.
    """
    cache = cache_directory or state_directory() / "base-images"
    try:
        client = docker.APIClient(base_url=docker_host, timeout=60)
        try:
            images: list[BaseImage] = []
            for name in names:
                images.append(_provide(client, name, cache=cache, install=install, progress=progress))
            return tuple(images)
        finally:
            client.close()
    except (DockerException, RequestException) as exc:
        raise EngineError(
            "engine_unreachable",
            f"The container engine at {docker_host} did not take the base images: {exc}",
            "Check that the engine runs and has disk space, then repeat the command.",
        ) from exc
    except OSError as exc:
        raise state_not_writable(exc) from exc


def _provide(client: Any, name: str, *, cache: Path, install: bool, progress: ProgressSink) -> BaseImage:
    held = _held(client, name)
    if held is not None:
        labels = (held.get("Config") or {}).get("Labels") or {}
        return BaseImage(name, "present", SEEDED_LABEL in labels)
    problem = _registry_problem(client, name)
    if problem is None:
        problem = _pull(client, name, progress=progress)
        if problem is None:
            return BaseImage(name, "pulled")
    if name not in _RECIPES:
        raise _unavailable(name, problem, "Expressway has no recipe for it")
    _seed(client, name, _archive(client, name, problem, cache=cache, install=install, progress=progress))
    return BaseImage(name, "seeded", True)


def _held(client: Any, name: str) -> Mapping[str, Any] | None:
    try:
        return client.inspect_image(name)
    except ImageNotFound:
        return None


def _registry_problem(client: Any, name: str) -> str | None:
    """Ask the engine, which may sit behind another network than we do, for the image's manifest only."""
    patience = client.timeout
    client.timeout = _REGISTRY_SECONDS
    try:
        client.inspect_distribution(name)
    except APIError as exc:
        if exc.status_code == 404 and "page" in str(exc).lower():
            return None  # an engine without that question, such as Podman: find out by pulling
        return str(exc.explanation or exc)
    except RequestException:
        return f"its registry did not answer within {_REGISTRY_SECONDS} s"
    finally:
        client.timeout = patience
    return None


def _pull(client: Any, name: str, *, progress: ProgressSink) -> str | None:
    progress(Progress("sandbox", f"pulling {name}"))
    repository, _, tag = name.rpartition(":")
    try:
        for event in client.pull(repository, tag=tag, stream=True, decode=True):
            if "error" in event:
                return str(event["error"])
    except (APIError, RequestException) as exc:
        return str(exc)
    return None if _held(client, name) else "the engine did not keep it"


def _archive(client: Any, name: str, problem: str, *, cache: Path, install: bool, progress: ProgressSink) -> Path:
    recipe = _RECIPES[name]
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache):
        archive = cache / recipe.archive
        if archive.is_file():
            return archive
        obstacle = _obstacle(client, recipe)
        if obstacle is not None:
            raise _unavailable(name, problem, obstacle)
        missing = recipe.missing_packages()
        if missing and not install:
            raise _unavailable(name, problem, f"not installed: the Debian packages {', '.join(missing)}")
        if missing:
            install_packages(missing, progress=progress)
        unfinished = archive.with_suffix(".partial")
        try:
            recipe.write(unfinished, progress=progress)
            unfinished.replace(archive)
        finally:
            unfinished.unlink(missing_ok=True)
        return archive


def _obstacle(client: Any, recipe: _Recipe) -> str | None:
    if sys.platform != "linux" or find_program("dpkg") is None:
        return "this is no Debian system"
    if recipe.needs_root and os.geteuid() != 0:
        return "debootstrap needs root"
    names = {"x86_64": "amd64", "aarch64": "arm64"}
    engine, here = client.version().get("Arch", ""), os.uname().machine
    if names.get(engine, engine) != names.get(here, here):
        return f"the engine's architecture is {engine}, this machine's {here}"
    return None


def _seed(client: Any, name: str, archive: Path) -> None:
    repository, _, tag = name.rpartition(":")
    answer = client.import_image_from_file(
        str(archive), repository=repository, tag=tag, changes=list(_RECIPES[name].changes)
    )
    if _held(client, name) is None:
        raise EngineError(
            "base_image_seed_failed",
            f"The engine did not import {name}: {str(answer).strip()[-300:]}",
            "Check the engine's disk space and log.",
        )


def _unavailable(name: str, pull_problem: str, seed_problem: str) -> EngineError:
    return EngineError(
        "base_image_unavailable",
        f"{name} can neither be pulled ({pull_problem}) nor made here ({seed_problem}).",
        "Give the engine access to the registry, or run as root on Debian: expressway sandbox start --seed --install.",
    )


_STAMP = ".requirements-sha256"
_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
_BASELINES = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")


def prepare_example(
    folder: Path, docker_host: str, *, install: bool = False, progress: ProgressSink = ignore_progress
) -> tuple[BaseImage, ...]:
    """Make the engine hold the base images that the folder's Dockerfile names, as far as Expressway knows them.

    Where one had to be made of Debian packages, builds cannot reach a package index either: then the wheels that
    the folder's requirements.txt pins are downloaded into its folder ``wheels``, if it has one.

    Raises:
        EngineError: ``base_image_unavailable``, ``base_image_seed_failed``, ``package_install_failed``,
            ``engine_unreachable``.
        ImageError: ``wheels_unavailable``.
    """
    named = parse_dockerfile((folder / "Dockerfile").read_text(encoding="utf-8")).base_images()
    known = [name for name in named if name in BASE_IMAGES]
    images = seed_base_images(docker_host, progress, names=known, install=install)
    wants_wheels = (folder / "wheels").is_dir() and (folder / "requirements.txt").is_file()
    if wants_wheels and any(image.seeded for image in images):
        vendor_wheels(folder, progress=progress)
    return images


def vendor_wheels(
    folder: Path,
    *,
    platform: str = "linux/amd64",
    python_version: str = "3.11",
    progress: ProgressSink = ignore_progress,
) -> bool:
    """Fill `folder`/wheels with the wheels that `folder`/requirements.txt pins. False when they are there already.

    Hashes are checked by pip. The wheels are for the container's platform, not for this machine's.

    Raises:
        ImageError: ``wheels_unavailable`` with the end of pip's output.
    """
    requirements = folder / "requirements.txt"
    wheels = folder / "wheels"
    wanted = hashlib.sha256(f"{platform} {python_version}\n".encode() + requirements.read_bytes()).hexdigest()
    stamp = wheels / _STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return False
    progress(Progress("build", f"downloading the wheels of {folder.name}"))
    wheels.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="expressway-wheels-") as fresh:
        _download(requirements, Path(fresh), platform=platform, python_version=python_version)
        for old in wheels.glob("*.whl"):
            old.unlink()
        for wheel in Path(fresh).glob("*.whl"):
            shutil.move(wheel, wheels / wheel.name)
    stamp.write_text(wanted, encoding="utf-8")
    return True


def _download(requirements: Path, destination: Path, *, platform: str, python_version: str) -> None:
    machine = _MACHINES.get(platform, "x86_64")
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"),
        *("--only-binary=:all:", "--implementation", "cp", "--python-version", python_version),
        *(f"--platform={baseline}_{machine}" for baseline in _BASELINES),
        *("--dest", str(destination), "--requirement", str(requirements)),
    ]
    settings = [name for name in os.environ if name.startswith("PIP_")]
    environment = child_environment(also=NETWORK.union(settings))
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise ImageError(
            "wheels_unavailable",
            f"pip could not download what {requirements} pins: {lines[-1] if lines else 'it gave no reason'}",
            "Check the network and the package index (pip config list), then repeat the command.",
            {"output": lines[-12:]},
        )
