"""The image of one app, from its definition: prebuilt, in the repository already, or to be built."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from expressway.app.definition import AppDefinition
from expressway.app.names import app_names
from expressway.app.source import AppSource
from expressway.aws.values.image import RegistryImage
from expressway.aws.values.task_definition import TaskDefinition
from expressway.core.clock import Clock
from expressway.core.progress import Cancellation, ProgressSink, ignore_progress
from expressway.errors import ImageError, StackError, TargetError
from expressway.hints import command
from expressway.image.check import CheckedBuild, build_request, check_build
from expressway.image.context.excluded import ExcludedFiles
from expressway.image.context.values import BuildContext
from expressway.image.ports import ContainerEngine, ImageRegistry, RepositoryReads
from expressway.image.prebuilt import check_task_definition, find_prebuilt_image
from expressway.image.protect import ImageProtection
from expressway.image.push import build_image, plan_image, push_image
from expressway.image.values import PlannedImage

PUSH_ROLE_OUTPUT = "PushPullRoleArn"
"""Output of the repository stack."""


def registry_to_push(
    registry: ImageRegistry, definition: AppDefinition | None, stack_outputs: Mapping[str, str]
) -> ImageRegistry:
    """`registry`, through the role of the repository stack with `stack_outputs` where the definition asks for it.

    The role's session carries the app's name, so that CloudTrail shows what was pushed.

    Raises:
        StackError: ``push_role_missing``.
    """
    if definition is None or not definition.repository.push_through_role:
        return registry
    role_arn = stack_outputs.get(PUSH_ROLE_OUTPUT, "")
    if not role_arn:
        stack = app_names(definition.name).repository_stack
        message = f"Expected the push/pull role in the output {PUSH_ROLE_OUTPUT} of {stack}; there is none."
        hint = "Deploy again to bring that stack up to date, or turn repository.push_through_role off."
        raise StackError("push_role_missing", message, hint, {"stack": stack})
    return registry.through_role(role_arn, session_name=f"expressway-{definition.name}")


@dataclass(frozen=True, slots=True)
class AppImages:
    """Checks and pushes the images of apps; the engine is looked for only when something must be built."""

    engine: Callable[[], ContainerEngine]
    registry: ImageRegistry
    repositories: Callable[[], RepositoryReads]
    read_task_definition: Callable[[str], TaskDefinition | None]
    clock: Clock

    def check(
        self,
        definition: AppDefinition,
        base_dir: Path,
        *,
        progress: ProgressSink,
        rebuild: bool = False,
        read: BuildContext | None = None,
        with_engine: bool = True,
    ) -> "CheckedAppImage":
        """What the app would run, after everything about it was checked that would fail later; changes nothing.

        Args:
            rebuild: build again with base images pulled again.
            read: the build context where this call has read it already.
            with_engine: also find an engine that can build the image, if it must be built.

        Raises:
            ImageError: the folder or the Dockerfile is wrong; ``image_not_found``, ``wrong_architecture``;
                ``nothing_to_rebuild`` where the app's image is not built here.
            EngineError: ``engine_missing``, ``engine_unreachable``.
            ServiceError: ``task_definition_unsuitable``.
        """
        repository = app_names(definition.name).repository
        if definition.build is None:
            if rebuild:
                raise ImageError(
                    "nothing_to_rebuild",
                    f"The image of {definition.name} is not built here: the definition names "
                    f"{definition.image or definition.task_definition_arn or ''}. Nothing was changed.",
                    f"Where the image behind that name has moved: {command('deploy')}, which looks for it again.",
                    {"app_name": definition.name},
                )
            return CheckedAppImage(self, definition, None, self._prebuilt(definition, progress), repository)
        request = build_request(definition.name, base_dir, None, AppSource(definition, base_dir))
        checked = check_build(replace(request, rebuild=rebuild, read=read), engine=None)
        if rebuild:
            planned = PlannedImage("to_rebuild", None, checked.tag)
        else:
            planned = plan_image(checked, registry=self.registry, repository_name=repository)
        if with_engine and planned.is_built:
            self.engine().check_build(checked.build)
        return CheckedAppImage(self, definition, checked, planned, repository)

    def _prebuilt(self, definition: AppDefinition, progress: ProgressSink) -> PlannedImage | None:
        """The image that the definition names, or None when it names a task definition instead."""
        if definition.task_definition_arn is not None:
            check_task_definition(definition.task_definition_arn, read=self.read_task_definition, progress=progress)
        if definition.image is None:
            return None
        return find_prebuilt_image(
            definition.image, registry=self.registry, progress=progress, repositories=self.repositories()
        )


@dataclass(frozen=True)
class CheckedAppImage:
    """An image that can be pushed; `checked` is None for one that is not built here."""

    images: AppImages
    definition: AppDefinition
    checked: CheckedBuild | None
    planned: PlannedImage | None
    repository_name: str

    @property
    def excluded_files(self) -> ExcludedFiles:
        """The files kept out of an image that is built here, so that a crash they cause is recognized."""
        return self.checked.excluded_files if self.checked is not None else ExcludedFiles()

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of the build's check, also where its content is published already."""
        return self.checked.warnings if self.checked is not None else ()

    def renewed(self, running: str) -> PlannedImage | None:
        """The image `running` (a URI), where it was rebuilt from this very content: a deployment keeps it.

        None where it was not, or where another rebuild is asked for.
        """
        place, _, digest = running.partition("@")
        if self.checked is None or self.planned is None or self.planned.state == "to_rebuild":
            return None
        if running == self.planned.uri or not digest or not place.endswith(f"/{self.repository_name}"):
            return None
        image = self._in_repository(digest)
        if image is None or not any(tag.startswith(f"{self.checked.content_tag}-") for tag in image.tags):
            return None
        return PlannedImage("published", running, self.checked.tag)

    def as_planned(self, planned: PlannedImage | None) -> "CheckedAppImage":
        """The same image with its plan replaced."""
        return replace(self, planned=planned)

    def is_there(self) -> bool:
        """Whether the image that the plan found is still in its repository.

        Raises:
            ImageError: ``image_not_found`` for one that the definition names itself, and that is gone.
            TargetError: AWS does not answer. A missing permission does not count as an image that is gone.
        """
        uri = self.planned.uri if self.planned is not None else None
        if uri is None:
            return True
        if self.checked is None:
            find_prebuilt_image(uri, registry=self.images.registry, progress=ignore_progress, repositories=None)
            return True
        try:
            return self._in_repository(uri.rpartition("@")[2]) is not None
        except TargetError as error:
            if error.code != "access_denied":
                raise
            return True

    def _in_repository(self, digest: str) -> RegistryImage | None:
        try:
            return self.images.registry.find_image(self.repository_name, digest=digest)
        except ImageError as error:
            if error.code != "repository_missing":
                raise
            return None

    def build(self, *, progress: ProgressSink, cancellation: Cancellation) -> "CheckedAppImage":
        """Build the image if it is not in the repository, so that a build that fails has changed nothing.

        Returns the image to continue with: only after a rebuild is known whether its result is published already.
        """
        if self.checked is None or self.planned is None or not self.planned.is_built:
            return self
        registry, name = self.images.registry, self.repository_name
        checked = build_image(
            self.checked,
            engine=self.images.engine(),
            registry=registry,
            repository_name=name,
            progress=progress,
            cancellation=cancellation,
        )
        if self.planned.state == "to_build":
            return self
        return replace(self, checked=checked, planned=plan_image(checked, registry=registry, repository_name=name))

    def protection(self, *, stack_outputs: Mapping[str, str], progress: ProgressSink) -> ImageProtection | None:
        """The protection in its repository; None for an image that is not built here."""
        if self.checked is None:
            return None
        registry = registry_to_push(self.images.registry, self.definition, stack_outputs)
        return ImageProtection(registry, self.repository_name, progress)

    def push(self, *, stack_outputs: Mapping[str, str], progress: ProgressSink, cancellation: Cancellation) -> str:
        """Build and push what is missing. Returns the image's URI by digest; `stack_outputs` are the repository's."""
        if self.checked is None:
            return self.planned.uri or "" if self.planned else ""
        pushed = push_image(
            self.checked,
            engine=self.images.engine(),
            registry=registry_to_push(self.images.registry, self.definition, stack_outputs),
            repository_name=self.repository_name,
            clock=self.images.clock,
            progress=progress,
            cancellation=cancellation,
        )
        return pushed.image_uri
