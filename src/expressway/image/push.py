"""Push an app's image: build it unless its content is in the registry already, push, verify."""

from dataclasses import dataclass, replace

from expressway.aws.values.image import RegistryImage, Repository
from expressway.core.clock import Clock
from expressway.core.progress import Cancellation, NeverCancelled, Progress, ProgressSink, ignore_progress
from expressway.core.write_once import write_once
from expressway.errors import ImageError, TargetError
from expressway.image.check import CheckedBuild
from expressway.image.context.excluded import with_excluded_files
from expressway.image.context.values import rebuilt_tag
from expressway.image.ports import ContainerEngine, ImageRegistry
from expressway.image.values import LocalImage, PlannedImage, PushedImage

_PUSH_ATTEMPTS = 3
_PUSH_DELAYS_SECONDS = (1.0, 3.0)
_NEVER = NeverCancelled()


def plan_image(checked: CheckedBuild, *, registry: ImageRegistry, repository_name: str) -> PlannedImage:
    """What pushing would do: nothing (``published``), or build and push (``to_build``). Changes nothing.

    For a build that was not asked to be made again, or was made again already.
    """
    repository = registry.describe_repository(repository_name)
    if repository is not None:
        existing = registry.find_image(repository_name, tag=checked.content_tag)
        if existing is not None:
            return PlannedImage("published", f"{repository.uri}@{existing.digest}", checked.tag)
    return PlannedImage("to_build", None, checked.tag)


def build_image(
    checked: CheckedBuild,
    *,
    engine: ContainerEngine,
    registry: ImageRegistry,
    repository_name: str,
    progress: ProgressSink = ignore_progress,
    cancellation: Cancellation = _NEVER,
) -> CheckedBuild:
    """Build the content unless the engine holds it; where a rebuild is asked for, with base images pulled again.

    Pushes nothing; after a rebuild, the registry is read to compare.

    Returns:
        What to push: the same build, but for a rebuild that gave another image than the one under the content's tag.
        Such an image gets a tag of its own, which immutable repositories accept. While no base image changes, the
        engine's cache gives the same image and tag, so that repeating an interrupted run pushes nothing twice.

    Raises:
        ImageError: ``build_failed``, ``base_image_unavailable``, ``disk_full`` …
        EngineError: ``engine_unreachable``.
    """
    if not checked.request.rebuild:
        if _local_image(checked, engine) is None:
            _build(checked, engine, progress, cancellation)
        return checked
    local = _build(checked, engine, progress, cancellation)
    if registry.describe_repository(repository_name) is None:
        return checked
    existing = registry.find_image(repository_name, tag=checked.content_tag)
    if existing is None or local.image_id == existing.digest:
        return checked
    if local.image_id == _configuration_digest(registry, repository_name, existing.digest):
        return checked
    tag = rebuilt_tag(checked.content_tag, local.image_id)
    return replace(checked, content_tag=tag, tag=checked.request.tag or tag)


def _configuration_digest(registry: ImageRegistry, repository_name: str, digest: str) -> str | None:
    """None where it may not be read: the push then shows whether the registry has the image under another tag."""
    try:
        return registry.configuration_digest(repository_name, digest=digest)
    except TargetError as error:
        if error.code != "access_denied":
            raise
        return None


def _local_image(checked: CheckedBuild, engine: ContainerEngine) -> LocalImage | None:
    """The content's image in the engine, unless its name was given to an image for another platform."""
    found = engine.find_image(checked.build.name)
    return found if found is not None and found.platform == checked.build.platform else None


def _build(
    checked: CheckedBuild, engine: ContainerEngine, progress: ProgressSink, cancellation: Cancellation
) -> LocalImage:
    try:
        return engine.build(checked.build, progress=progress, cancellation=cancellation)
    except ImageError as exc:
        with_reason = with_excluded_files(exc, checked.context)
        if with_reason is exc:
            raise
        raise with_reason from exc


def push_image(
    checked: CheckedBuild,
    *,
    engine: ContainerEngine,
    registry: ImageRegistry,
    repository_name: str,
    clock: Clock,
    progress: ProgressSink = ignore_progress,
    cancellation: Cancellation = _NEVER,
) -> PushedImage:
    """Bring the content into the repository and return it by digest.

    The image is always pushed under its content tag; a requested tag is then set in the registry itself. So the next
    run completes one that was killed at any point, and content in the repository is neither built nor pushed again.

    Raises:
        ImageError: ``repository_missing``, ``tag_immutable``, ``build_failed``, ``base_image_unavailable``,
            ``push_denied``, ``push_interrupted``, ``push_failed``, ``disk_full``, ``verification_failed`` …
        EngineError: ``engine_unreachable``.
        TargetError: when AWS refuses.
    """
    repository = registry.describe_repository(repository_name)
    if repository is None:
        hint = "It was removed just now. Repeat the command: it creates the repository again."
        raise ImageError("repository_missing", f"There is no repository {repository_name} to push to.", hint)
    existing = registry.find_image(repository_name, tag=checked.content_tag)
    _refuse_taken_tag(checked, repository, existing, registry)
    run = _PushRun(checked, engine, registry, repository, clock, progress, cancellation)
    built = pushed = False
    if existing is None:
        existing, built, pushed = run.build_and_push()
    else:
        progress(Progress("push", f"{checked.content_tag} is in {repository_name} already: nothing to build or push"))
    image = run.set_tag(existing)
    return PushedImage(
        repository_uri=repository.uri,
        repository_name=repository_name,
        tag=checked.tag,
        digest=image.digest,
        image_uri=f"{repository.uri}@{image.digest}",
        built=built,
        pushed=pushed,
        size_bytes=image.size_bytes,
        warnings=checked.warnings,
    )


@dataclass(frozen=True, slots=True)
class _PushRun:
    """One run, with everything that it talks to."""

    checked: CheckedBuild
    engine: ContainerEngine
    registry: ImageRegistry
    repository: Repository
    clock: Clock
    progress: ProgressSink
    cancellation: Cancellation

    def build_and_push(self) -> tuple[RegistryImage, bool, bool]:
        """The image in the registry, whether it was built, whether it was pushed by this run."""
        local = _local_image(self.checked, self.engine)
        built = local is None
        if local is None:
            local = _build(self.checked, self.engine, self.progress, self.cancellation)
        tag = self.checked.content_tag
        try:
            digest = self._push(local)
        except ImageError as exc:
            pushed_meanwhile = self._find(tag) if exc.code == "tag_immutable" else None
            if pushed_meanwhile is None:
                raise
            return pushed_meanwhile, built, False  # another run has just pushed the same content
        return self._verified(tag, digest), built, True

    def set_tag(self, image: RegistryImage) -> RegistryImage:
        """Set the tag that was asked for, unless the image has it, and look at the result."""
        tag = self.checked.tag
        if tag in image.tags:
            return image
        write_once(
            lambda: self.registry.tag_image(self.repository.name, digest=image.digest, tag=tag),
            is_done=lambda: (found := self._find(tag)) is not None and found.digest == image.digest,
        )
        return self._verified(tag, image.digest)

    def _push(self, local: LocalImage) -> str:
        login = self.registry.authorization()
        for attempt in range(1, _PUSH_ATTEMPTS + 1):
            self.cancellation.raise_if_cancelled()
            try:
                return self.engine.push(
                    local.image_id,
                    repository=self.repository.push_address,
                    tag=self.checked.content_tag,
                    login=login,
                    progress=self.progress,
                    cancellation=self.cancellation,
                )
            except ImageError as exc:
                if exc.code not in {"login_expired", "push_interrupted"} or attempt == _PUSH_ATTEMPTS:
                    raise
                message = f"attempt {attempt} of {_PUSH_ATTEMPTS} failed, trying again: {exc.message}"
                self.progress(Progress("push", message, level="warning"))
                if exc.code == "login_expired":
                    login = self.registry.authorization()
                else:
                    self.clock.sleep(_PUSH_DELAYS_SECONDS[attempt - 1])
        raise AssertionError("the last attempt returns or raises")

    def _verified(self, tag: str, digest: str) -> RegistryImage:
        found = self._find(tag)
        if found is None or found.digest != digest:
            raise ImageError(
                "verification_failed",
                f"After the push, {self.repository.name}:{tag} was to be {digest}, but the registry shows "
                f"{found.digest if found else 'no image'}.",
                "Somebody else may push to this repository; repeat the command.",
            )
        return found

    def _find(self, tag: str) -> RegistryImage | None:
        return self.registry.find_image(self.repository.name, tag=tag)


def _refuse_taken_tag(
    checked: CheckedBuild, repository: Repository, existing: RegistryImage | None, registry: ImageRegistry
) -> None:
    """Refuse, before anything is built, a tag that the repository keeps and that names other content."""
    if checked.tag == checked.content_tag or not repository.keeps_tag(checked.tag):
        return
    taken = registry.find_image(repository.name, tag=checked.tag)
    if taken is not None and (existing is None or taken.digest != existing.digest):
        raise ImageError(
            "tag_immutable",
            f"The repository {repository.name} keeps its tags, and {checked.tag} names other content "
            f"({taken.digest[:19]}…).",
            "Choose another tag, or leave the tag out to have one made from the content.",
        )
