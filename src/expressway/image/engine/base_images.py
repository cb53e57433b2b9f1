"""The images that a build is made of, pulled anew although the engine has them."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from expressway.core.progress import Progress, ProgressSink
from expressway.image.engine.errors import BuildFailure, build_error
from expressway.image.values import ImageBuild
from expressway.privacy.untrusted import quoted

if TYPE_CHECKING:
    from docker import APIClient


def builder_pulls(
    client: "APIClient",
    build: ImageBuild,
    *,
    progress: ProgressSink,
    follow: Callable[[Iterator[Any]], Iterator[dict[str, Any]]],
) -> bool:
    """Whether the builder is to pull what the build is made of, which it does better than anybody else.

    It cannot where one of these images was made in this engine and comes from no registry: it would fail on that. Such
    an image is used as the engine has it, and the others are pulled here.

    Raises:
        ImageError: ``base_image_unavailable``.
    """
    made_here = [name for name in build.renewed_images if _is_made_here(client, name)]
    for name in made_here:
        text = f"{quoted(name, public=True)} was made in this engine and comes from no registry: it is used unchanged"
        progress(Progress("build", text))
    if not made_here:
        return bool(build.renewed_images)
    for name in build.renewed_images:
        if name not in made_here:
            _pull(client, name, build.platform, follow)
    return False


def _is_made_here(client: "APIClient", name: str) -> bool:
    """Whether the engine has an image of that name that no registry gave it and none was given."""
    from docker.errors import APIError

    try:
        found: dict[str, Any] = client.inspect_image(name)
    except APIError:
        return False  # not there, or no name of an image: the builder says what is wrong with it
    return not found.get("RepoDigests")


def _pull(
    client: "APIClient", name: str, platform: str, follow: Callable[[Iterator[Any]], Iterator[dict[str, Any]]]
) -> None:
    from docker.errors import APIError
    from docker.utils import parse_repository_tag

    repository, tag = parse_repository_tag(name)
    try:
        events = client.pull(repository, tag=tag or "latest", platform=platform, stream=True, decode=True)
        for event in follow(events):
            if "error" in event:
                raise build_error(BuildFailure(str(event["error"]), f"FROM {name}", ()))
    except APIError as exc:
        raise build_error(BuildFailure(str(exc.explanation or exc), f"FROM {name}", ())) from exc
