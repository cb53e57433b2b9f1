"""One image as its registry knows it; a read that is refused leaves it unread, and is named."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from expressway.aws.values.dependencies import ImageFact
from expressway.aws.values.image_reference import ImageReference, parse_image_reference
from expressway.aws.values.target import Target
from expressway.aws.values.task_definition import ContainerImage, TaskDefinition
from expressway.core.cancellation import ReadPool
from expressway.diagnose.dependencies.ports import DependencyPorts
from expressway.errors import DefinitionError, ImageError, TargetError

T = TypeVar("T")


class ImageLookup:
    """Looks images up, and collects in `gaps` what could not be read of them."""

    def __init__(self, ports: DependencyPorts) -> None:
        self._ports = ports
        self.gaps: list[str] = []

    def fact(self, container: ContainerImage, requirements: TaskDefinition) -> ImageFact:
        """The image of one container: there or not, its platforms, and its repository's policy."""
        blank = ImageFact(container, requirements.arn, "elsewhere", wanted_platform=requirements.platform)
        try:
            reference = parse_image_reference(container.image)
        except DefinitionError as error:
            return replace(blank, presence="invalid", detail=error.message)
        if not reference.is_private_ecr:
            return blank
        blank = replace(
            blank,
            presence="unread",
            repository_arn=_repository_arn(reference, self._ports.target),
            account_id=reference.account_id or "",
            region=reference.region or "",
        )
        with ReadPool(2, thread_name_prefix="image") as pool:
            asked_policy = pool.submit(self._policy, blank, reference)
            pinned = reference.digest
            asked_platforms = pool.submit(self._platforms, blank, reference, pinned) if pinned else None
            found = self._looked_up(blank, reference)
            if found.presence == "present":
                platforms = (
                    asked_platforms.result() if asked_platforms else self._platforms(found, reference, found.digest)
                )
                found = replace(found, platforms=platforms)
            if found.presence == "repository_missing":
                return found
            policy, policy_read = asked_policy.result()
            return replace(found, repository_policy=policy, policy_read=policy_read)

    def _looked_up(self, blank: ImageFact, reference: ImageReference) -> ImageFact:
        place = {"registry_id": blank.account_id, "region": blank.region}
        tag = None if reference.digest else reference.tag
        try:
            found = self._ports.images.find_image(reference.repository, tag=tag, digest=reference.digest, **place)
        except ImageError as error:
            return replace(blank, presence="repository_missing", detail=error.message)
        except TargetError as error:
            self._gap(f"image {reference.uri}", error)
            return blank
        if found is not None:
            return replace(blank, presence="present", digest=found.digest)
        if tag is None:
            return replace(blank, presence="digest_missing")
        tags = self._read("tags", lambda: self._ports.repositories.tags(reference.repository, **place), ())
        return replace(blank, presence="tag_missing", tags=tags)

    def _platforms(self, fact: ImageFact, reference: ImageReference, digest: str) -> tuple[str, ...]:
        place = {"registry_id": fact.account_id, "region": fact.region}
        read = self._ports.platforms.platforms
        return self._read("platforms", lambda: read(reference.repository, digest=digest, **place), ())

    def _policy(self, fact: ImageFact, reference: ImageReference) -> tuple[Mapping[str, Any] | None, bool]:
        """The repository's policy, which counts where the role's own does not let it pull; and whether it was read."""
        place = {"registry_id": fact.account_id, "region": fact.region}

        def read() -> tuple[Mapping[str, Any] | None, bool]:
            return self._ports.repositories.policy(reference.repository, **place), True

        return self._read(f"policy of the repository {reference.repository}", read, (None, False))

    def _read(self, name: str, read: Callable[[], T], default: T) -> T:
        try:
            return read()
        except TargetError as error:
            self._gap(name, error)
            return default

    def _gap(self, name: str, error: TargetError) -> None:
        gap = f"{name}: {error.message}"
        if gap not in self.gaps:
            self.gaps.append(gap)


def _repository_arn(reference: ImageReference, target: Target) -> str:
    return f"arn:{target.partition}:ecr:{reference.region}:{reference.account_id}:repository/{reference.repository}"
