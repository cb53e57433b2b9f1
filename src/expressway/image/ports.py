"""What the image folder asks of ECR."""

from typing import Protocol

NEEDED_PLATFORM = "linux/amd64"


class FoundImage(Protocol):
    """An image in a repository."""

    @property
    def digest(self) -> str: ...


class ImageReads(Protocol):
    """Images in ECR, in any account and region that lets us look (aws.ecr.registry.EcrRegistry)."""

    def find_image(
        self,
        repository_name: str,
        *,
        tag: str | None = None,
        digest: str | None = None,
        registry_id: str | None = None,
        region: str | None = None,
    ) -> FoundImage | None: ...


class PlatformReads(Protocol):
    """What an image is built for; empty when nothing tells (aws.ecr.manifests.ImagePlatforms)."""

    def platforms(self, repository: str, *, digest: str, registry_id: str, region: str) -> tuple[str, ...]: ...
