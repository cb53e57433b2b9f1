"""Images as values: what is built, where it is pushed, what a registry holds, the result of a push."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from expressway.image.context.values import BuildContext
from expressway.image.dockerfile.buildkit import BuildkitReason

LOCAL_PREFIX = "expressway"


@dataclass(frozen=True, slots=True)
class ImageBuild:
    """One build for an engine: a context that was read, and how to build it.

    `name` is the local name (with tag) of the result; `buildkit_reasons` tells why only BuildKit can build it;
    `renewed_images` are the images it is made of that are pulled again first, also where the engine has them.
    """

    name: str
    context: BuildContext
    platform: str
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict[str, str])
    buildkit_reasons: tuple[BuildkitReason, ...] = ()
    renewed_images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LocalImage:
    """An image that the engine holds. `platform` is ``os/architecture``."""

    image_id: str
    platform: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What an engine says about itself. `product` is such as ``Docker Engine`` or ``Podman Engine``."""

    docker_host: str
    source: str
    product: str
    version: str
    platform: str


@dataclass(frozen=True, slots=True)
class PushedImage:
    """An image that is in the repository and was verified there.

    Attributes:
        repository_uri: such as ``111122223333.dkr.ecr.eu-west-1.amazonaws.com/hello-repo``.
        tag: the tag that was asked for, or the content's own.
        image_uri: by digest, ``repository_uri@sha256:…``: what to deploy.
        built, pushed: False when the content was there already.
    """

    repository_uri: str
    repository_name: str
    tag: str
    digest: str
    image_uri: str
    built: bool
    pushed: bool
    size_bytes: int
    warnings: tuple[str, ...] = ()
