"""Which image a task's container is really started from, and how the engine gets it.

Image URIs keep their AWS shape everywhere; only the engine is told that the sandbox's registry is reached at
``127.0.0.1:PORT``, to which every engine speaks plain HTTP.
"""

import re
from collections.abc import Collection
from typing import Any

from expressway_sandbox.ecr import tokens

_ECR = re.compile(r"^(?P<account>\d{12})\.dkr\.ecr(?:-fips)?\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/(?P<rest>.+)$")


class ImageUnavailableError(Exception):
    """The engine cannot get an image; the text is what ECS would put after CannotPullContainerError."""


def local_reference(image: str, gateway_port: int) -> str:
    """The reference under which the engine pulls `image`; only private ECR images differ."""
    match = _ECR.match(image)
    return f"127.0.0.1:{gateway_port}/{match['rest']}" if match else image


def require_own_registry(image: str, accounts: Collection[str]) -> None:
    """Refuse a private ECR image of an account that is not in the sandbox; its name would lead to the sandbox's own.

    Raises:
        ImageUnavailableError: in the words of ECR for a registry that lets nobody of this account in.
    """
    match = _ECR.match(image)
    if match is None or match["account"] in accounts:
        return
    path, _, reference = match["rest"].partition("@") if "@" in match["rest"] else match["rest"].partition(":")
    address = f"https://{image.partition('/')[0]}/v2/{path}/manifests/{reference or 'latest'}"
    raise ImageUnavailableError(
        f"pull image manifest has been retried 1 time(s): failed to resolve ref {image}: unexpected status from HEAD "
        f"request to {address}: 403 Forbidden"
    )


def make_available(docker_client: Any, image: str, reference: str) -> bool:
    """Have the engine hold `reference`; True when it had to be pulled.

    A digest names its content, so one that is there is not pulled again; a tag of the sandbox's registry may
    have moved and is pulled every time; any other image is pulled only when it is missing.

    Raises:
        ImageUnavailableError: when the registry does not have it or cannot be reached.
    """
    errors: Any = _docker_errors()
    held = _holds(docker_client, reference)
    if held and ("@" in reference or reference == image):
        return False
    try:
        # docker-py fetches every tag when a reference names neither tag nor digest.
        named = "@" in reference or ":" in reference.rsplit("/", 1)[-1]
        login = {"auth_config": tokens.login()} if reference != image else {}
        docker_client.images.pull(reference if named else f"{reference}:latest", **login)
    except errors.NotFound as exc:
        raise ImageUnavailableError(_not_found(image)) from exc
    except (errors.DockerException, OSError) as exc:
        text = str(getattr(exc, "explanation", None) or exc).replace(reference, image)
        if "not found" in text or "manifest unknown" in text or "name unknown" in text:
            raise ImageUnavailableError(_not_found(image)) from exc
        raise ImageUnavailableError(
            f"pull image manifest has been retried 1 time(s): failed to resolve ref {image}: {text}"
        ) from exc
    return not held


def require_platform(docker_client: Any, reference: str, platform: str | None) -> None:
    """Refuse an image that was built for another architecture than the task asks for, as Fargate does.

    Only asked where the engine itself has the task's architecture: an engine of another one stands in for
    Fargate with whatever it can run.

    Raises:
        ImageUnavailableError: in the words of "CannotPullContainerError task errors", Platform mismatch.
    """
    built_for = str(docker_client.images.get(reference).attrs.get("Architecture") or "")
    if platform and built_for and platform != f"linux/{built_for}":
        raise ImageUnavailableError(f"image Manifest does not contain descriptor matching platform '{platform}'")


def digest_of(docker_client: Any, image: str, reference: str) -> str | None:
    """The registry digest of an image that the engine holds, for the `imageDigest` that ECS shows."""
    if "@" in image:
        return image.partition("@")[2]
    repository = reference.partition("@")[0]
    if ":" in repository.rsplit("/", 1)[-1]:
        repository = repository.rsplit(":", 1)[0]
    try:
        digests: list[str] = docker_client.images.get(reference).attrs.get("RepoDigests") or []
    except (_docker_errors().DockerException, OSError):
        return None
    return next((d.partition("@")[2] for d in digests if d.partition("@")[0] == repository), None)


def release(docker_client: Any, references: set[str]) -> None:
    """Untag images that were pulled for a service which is gone; one still in use elsewhere stays."""
    errors: Any = _docker_errors()
    for reference in references:
        try:
            docker_client.images.remove(reference, noprune=False)
        except (errors.DockerException, OSError):
            continue


def _holds(docker_client: Any, reference: str) -> bool:
    try:
        docker_client.images.get(reference)
    except _docker_errors().DockerException:
        return False
    return True


def _not_found(image: str) -> str:
    return f"pull image manifest has been retried 1 time(s): failed to resolve ref {image}: {image}: not found"


def _docker_errors() -> Any:
    import docker.errors

    return docker.errors


def docker_error() -> type[Exception]:
    """The base of the engine client's exceptions; the client is only imported when there is an engine."""
    error: type[Exception] = _docker_errors().DockerException
    return error
