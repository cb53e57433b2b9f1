"""Container image references: registry, nested repository, tag and digest, read without guessing."""

import re
from dataclasses import dataclass

from expressway.errors import DefinitionError

_ECR_HOST = re.compile(
    r"^(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?P<suffix>amazonaws\.com(?:\.cn)?|on\.aws)$"
)
_PUBLIC_ECR_HOST = "public.ecr.aws"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"^{_COMPONENT}(?:/{_COMPONENT})*$")
_TAG = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")
_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")
_HOST = re.compile(r"^[A-Za-z0-9.-]+(?::\d+)?$")


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image reference such as ``111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/web@sha256:…``.

    Attributes:
        registry: host (and port) of the registry; ``docker.io`` when the text names none.
        repository: path inside the registry; may be nested (``team/web``).
        tag, digest: either, both or neither; with neither, `tag` is ``latest`` as everywhere.
        account_id, region: set for private ECR registries only, read from the registry's own name.
    """

    registry: str
    repository: str
    tag: str | None
    digest: str | None
    account_id: str | None = None
    region: str | None = None

    @property
    def is_private_ecr(self) -> bool:
        return self.account_id is not None

    @property
    def is_public_ecr(self) -> bool:
        return self.registry == _PUBLIC_ECR_HOST

    @property
    def uri(self) -> str:
        """The full reference, digest preferred over tag."""
        suffix = f"@{self.digest}" if self.digest else f":{self.tag}"
        return f"{self.registry}/{self.repository}{suffix}"

    def with_digest(self, digest: str) -> "ImageReference":
        """The same repository, pinned to the content that `digest` names."""
        return ImageReference(self.registry, self.repository, self.tag, digest, self.account_id, self.region)


def parse_image_reference(text: str) -> ImageReference:
    """Read an image reference the way container engines do.

    Raises:
        DefinitionError: ``invalid_image_reference`` when the text is none.
    """
    name, digest = _split_digest(text)
    registry, remainder = _split_registry(name)
    repository, _, tag = remainder.partition(":")
    valid = (
        _REPOSITORY.match(repository)
        and _HOST.match(registry)
        and (not tag or _TAG.match(tag))
        and not (":" in remainder and not tag)
        and (digest is None or _DIGEST.match(digest))
    )
    if not valid:
        raise DefinitionError(
            "invalid_image_reference",
            f"Expected an image reference (registry/repository:tag or registry/repository@sha256:…), got {text!r}.",
            "Use lower-case repository names, one tag, and a full sha256 digest of 64 hexadecimal digits.",
        )
    ecr = _ECR_HOST.match(registry)
    return ImageReference(
        registry=registry,
        repository=repository,
        tag=tag or (None if digest else "latest"),
        digest=digest,
        account_id=ecr["account"] if ecr else None,
        region=ecr["region"] if ecr else None,
    )


def _split_digest(text: str) -> tuple[str, str | None]:
    name, at, digest = text.strip().partition("@")
    return name, digest if at else None


def _split_registry(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return "docker.io", name if slash else f"library/{name}"
