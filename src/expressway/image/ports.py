"""The ports of images: engines that build, and registries that keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from expressway.aws.values.ecr import RegistryImage, RegistryLogin, Repository
    from expressway.aws.values.task_definition import TaskDefinition
    from expressway.core.progress import Cancellation, ProgressSink
    from expressway.image.values import ImageBuild, LocalImage

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


class BuildChecker(Protocol):
    """What checking needs of an engine."""

    def check_build(self, build: ImageBuild) -> None: ...


class ContainerEngine(Protocol):
    """What building and pushing need of an engine."""

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


class ImageRegistry(Protocol):
    """What publishing needs of a registry."""

    def authorization(self) -> RegistryLogin: ...
    def describe_repository(self, name: str) -> Repository | None: ...
    def find_image(
        self, repository_name: str, *, tag: str | None = None, digest: str | None = None
    ) -> RegistryImage | None: ...
    def configuration_digest(self, repository_name: str, *, digest: str) -> str | None: ...
    def tag_image(self, repository_name: str, *, digest: str, tag: str) -> None: ...
    def lifecycle_policy(
        self, repository_name: str, *, registry_id: str | None = None, region: str | None = None
    ) -> str | None: ...
    def through_role(self, role_arn: str, *, session_name: str) -> ImageRegistry: ...


class TaskDefinitionReads(Protocol):
    """Task definitions by ARN, or None (aws.ecs.client.Ecs)."""

    def task_definition(self, task_definition: str) -> TaskDefinition | None: ...


class ReadyImage(FoundImage, Protocol):
    """An image with the tags that it has."""

    @property
    def tags(self) -> tuple[str, ...]: ...


class ReadyImages(Protocol):
    """Images in ECR, and the policies that take them away again (aws.ecr.registry.EcrRegistry)."""

    def find_image(
        self,
        repository_name: str,
        *,
        tag: str | None = None,
        digest: str | None = None,
        registry_id: str | None = None,
        region: str | None = None,
    ) -> ReadyImage | None: ...
    def lifecycle_policy(
        self, repository_name: str, *, registry_id: str | None = None, region: str | None = None
    ) -> str | None: ...


class TaggedImages(Protocol):
    """Images by tag or digest, and the policy over them (aws.ecr.registry.EcrRegistry)."""

    def find_image(
        self, repository_name: str, *, tag: str | None = None, digest: str | None = None
    ) -> RegistryImage | None: ...
    def tag_image(self, repository_name: str, *, digest: str, tag: str) -> None: ...
    def lifecycle_policy(
        self, repository_name: str, *, registry_id: str | None = None, region: str | None = None
    ) -> str | None: ...
