"""Readies an example for a build: its base images in the engine, its wheels in its folder where they are needed."""

from pathlib import Path

from expressway.core.progress import ProgressSink, ignore_progress
from expressway.image.dockerfile.parser import parse_dockerfile
from expressway_sandbox.base_images.seed import BASE_IMAGES, BaseImage, seed_base_images
from expressway_sandbox.base_images.wheels import vendor_wheels


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
