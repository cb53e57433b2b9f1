"""Repositories and images of Amazon ECR, as its API tells them."""

from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase


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


@dataclass(frozen=True, slots=True)
class DeletedImages:
    """What deleting images did: how many went, and each that stayed with the registry's reason."""

    deleted: int
    failures: tuple[str, ...] = ()
