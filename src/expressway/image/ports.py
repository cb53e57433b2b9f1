"""The ports of images: engines that build them, and the registry that keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from expressway.aws.values.image import RegistryImage, RegistryLogin, Repository
    from expressway.core.progress import Cancellation, ProgressSink
    from expressway.image.values import ImageBuild, LocalImage

NEEDED_PLATFORM = "linux/amd64"


class ContainerEngine(Protocol):
    """Builds, holds and pushes images (image.engine.client.DockerEngine)."""

    def check_build(self, build: ImageBuild) -> None: ...
    def find_image(self, name: str) -> LocalImage | None: ...
    def build(self, build: ImageBuild, *, progress: ProgressSink, cancellation: Cancellation) -> LocalImage: ...
    def push(
        self,
        image_id: str,
        *,
        repository: str,
        tag: str,
        login: RegistryLogin,
        progress: ProgressSink,
        cancellation: Cancellation,
    ) -> str: ...
    def remove_app_images(self, app_name: str, *, repository_name: str, registry_host: str | None) -> int: ...
    def app_image_names(self, app_name: str, *, repository_name: str, registry_host: str | None) -> tuple[str, ...]: ...


class ImageRegistry(Protocol):
    """The registry that images are pushed to, its repositories and images (aws.ecr.EcrRegistry).

    `find_image` and `lifecycle_policy` read in any account and Region that permits it.
    """

    def find_image(
        self,
        repository_name: str,
        *,
        tag: str | None = None,
        digest: str | None = None,
        registry_id: str | None = None,
        region: str | None = None,
    ) -> RegistryImage | None: ...

    def authorization(self) -> RegistryLogin: ...
    def describe_repository(self, name: str) -> Repository | None: ...
    def configuration_digest(self, repository_name: str, *, digest: str) -> str | None: ...
    def tag_image(self, repository_name: str, *, digest: str, tag: str) -> None: ...
    def lifecycle_policy(
        self, repository_name: str, *, registry_id: str | None = None, region: str | None = None
    ) -> str | None: ...
    def through_role(self, role_arn: str, *, session_name: str) -> ImageRegistry: ...


class RepositoryReads(Protocol):
    """Repositories in any account and Region that permits reading (aws.ecr.Repositories).

    `platforms` are those that an image is built for, such as ``linux/amd64``; empty where nothing states them.
    """

    def policy(self, repository: str, *, registry_id: str, region: str) -> Mapping[str, Any] | None: ...
    def tags(self, repository: str, *, registry_id: str, region: str) -> tuple[str, ...]: ...
    def platforms(self, repository: str, *, digest: str, registry_id: str, region: str) -> tuple[str, ...]: ...
