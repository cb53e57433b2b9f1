"""Container image references: registry, nested repository, tag and digest, read without guessing."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase

from expressway.errors import DefinitionError
from expressway.privacy.untrusted import echoed

_ECR_SUFFIXES = (
    r"amazonaws\.com(?:\.cn)?|amazonaws\.eu|on\.aws|on\.amazonwebservices\.(?:com\.cn|eu)|"
    r"c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov"
)
_ECR_HOST = re.compile(rf"(?P<account>[0-9]{{12}})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:{_ECR_SUFFIXES})")
_PUBLIC_ECR_HOST = "public.ecr.aws"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?")
_HUB = "docker.io"
PUSH_OR_CORRECT = "Push it, or correct its tag or digest."
"""What to do about an image that is not in its registry."""


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

    @property
    def missing(self) -> str:
        """That ECR has no such image, as a sentence without its full stop."""
        place = f"account {self.account_id} in {self.region}"
        return f"The image {self.uri} does not exist: expected it in the repository {self.repository} of {place}"

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
        _REPOSITORY.fullmatch(repository)
        and _HOST.fullmatch(registry)
        and (not tag or _TAG.fullmatch(tag))
        and not (":" in remainder and not tag)
        and (digest is None or _DIGEST.fullmatch(digest))
    )
    if not valid:
        raise DefinitionError(
            "invalid_image_reference",
            f"Expected an image reference (registry/repository:tag or registry/repository@sha256:…), got "
            f"{echoed(text)}.",
            "Use lower-case repository names, one tag, and a full sha256 digest of 64 hexadecimal digits.",
        )
    ecr = _ECR_HOST.fullmatch(registry)
    return ImageReference(
        registry=registry,
        repository=repository,
        tag=tag or (None if digest else "latest"),
        digest=digest,
        account_id=ecr["account"] if ecr else None,
        region=ecr["region"] if ecr else None,
    )


def digest_of(text: str) -> str:
    """The digest that a reference ends with; empty where it names none."""
    digest = _split_digest(text)[1] or ""
    return digest if _DIGEST.fullmatch(digest) else ""


def _split_digest(text: str) -> tuple[str, str | None]:
    name, at, digest = text.strip().partition("@")
    return name, digest if at else None


def _split_registry(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest if first != _HUB or "/" in rest else f"library/{rest}"
    return _HUB, name if slash else f"library/{name}"


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """Credentials for one registry host, valid until `expires_at`."""

    registry_host: str
    username: str
    password: str = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of a private registry.

    Attributes:
        uri: as AWS shows it; push_address: what the engine pushes to (the same but for the sandbox).
        tag_mutability: MUTABLE, IMMUTABLE, or one of these ``_WITH_EXCLUSION`` of the tags that match
            `excluded_tags` (with ``*`` as wildcard).
    """

    name: str
    arn: str
    uri: str
    registry_id: str
    push_address: str
    tag_mutability: str = "MUTABLE"
    excluded_tags: tuple[str, ...] = ()

    def keeps_tag(self, tag: str) -> bool:
        """Whether a tag, once set, stays on its image."""
        excluded = any(fnmatchcase(tag, pattern) for pattern in self.excluded_tags)
        return self.tag_mutability.startswith("IMMUTABLE") != excluded


@dataclass(frozen=True, slots=True)
class RegistryImage:
    """An image in a repository, by digest. `size_bytes` is what the registry reports (compressed layers)."""

    repository_name: str
    digest: str
    tags: tuple[str, ...]
    size_bytes: int
    pushed_at: datetime | None = None
