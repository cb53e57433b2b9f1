"""Images as values: what is built, where it is pushed, what a registry holds, the result of a push."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from expressway.image.context.values import BuildContext
from expressway.image.dockerfile.parser import BuildkitReason

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


ImageState = Literal["given", "published", "to_build", "to_rebuild"]


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """The image that the service would run.

    `state` is ``given`` (the definition names it), ``published`` (this content is in the repository already, `uri` has
    its digest), ``to_build`` (`tag` is derived from the content that will be built) or ``to_rebuild`` (built again with
    its base images pulled again, which may give another image).
    `warnings` say what its registry will do to it; approvals do not cover them.
    """

    state: ImageState
    uri: str | None = None
    tag: str | None = None
    warnings: tuple[str, ...] = ()

    def shape(self) -> dict[str, Any]:
        """What identifies it."""
        return {"state": self.state, "uri": self.uri, "tag": self.tag}

    @property
    def is_built(self) -> bool:
        """Whether it has to be built before its digest is known."""
        return self.state in {"to_build", "to_rebuild"}

    @property
    def identity(self) -> str | None:
        """What it is known by before and after it is built: the tag of its content, or its URI."""
        return f"{self.tag}, built again" if self.state == "to_rebuild" else self.tag or self.uri

    @property
    def parameter(self) -> str:
        """The value of the service's image parameter: the URI, or words for what has none yet."""
        again = " again with its base images pulled again" if self.state == "to_rebuild" else ""
        return self.uri or f"(built{again} from this folder, tag {self.tag})"
