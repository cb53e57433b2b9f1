"""Readies an example for a build: its base images in the engine, its wheels in its folder where they are needed."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from expressway.core.child_environment import NETWORK, child_environment
from expressway.core.progress import Progress, ProgressSink, ignore_progress
from expressway.errors import ImageError
from expressway.image.dockerfile.parser import parse_dockerfile
from expressway_sandbox.base_images.seed import BASE_IMAGES, BaseImage, seed_base_images

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
