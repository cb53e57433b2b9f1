"""Build a folder's image and push it to the app's repository, which is made first if it is missing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from expressway.app.definition import AppDefinition
from expressway.app.names import app_names
from expressway.app.sections import BuildSettings
from expressway.aws.values.target import Target
from expressway.cloudformation.template import AppTemplates
from expressway.core.clock import Clock
from expressway.core.progress import Cancellation, Progress, ProgressSink
from expressway.deploy.shapes import BuiltImageJson
from expressway.deploy.stack.apply import StackRequest, Stacks, apply_stack
from expressway.image.app_image import PUSH_ROLE_OUTPUT, registry_to_push
from expressway.image.check import BuildRequest, CheckedBuild, check_build
from expressway.image.context.excluded import RecordExcluded
from expressway.image.ports import ContainerEngine, ImageRegistry
from expressway.image.push import build_image, plan_image, push_image
from expressway.image.values import PushedImage
from expressway.plan.planner import refuse_foreign, stack_parameters
from expressway.plan.ports import AccountReads
from expressway.plan.preflight.existing_resources import (
    creates_resources,
    find_name_conflicts,
    find_removed,
    refuse_name_conflicts,
)


@dataclass(frozen=True, slots=True)
class BuildPorts:
    """Everything outside that building and pushing need."""

    target: Target
    synthesize: Callable[[AppDefinition], AppTemplates]
    stacks: Stacks
    account: AccountReads
    engine: Callable[[], ContainerEngine]
    registry: ImageRegistry
    clock: Clock
    record_excluded: RecordExcluded


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """The image, and the repository that it is in."""

    image: PushedImage
    push_pull_role_arn: str
    stack_name: str

    def to_dict(self) -> BuiltImageJson:
        return {
            "repository_uri": self.image.repository_uri,
            "image_tag": self.image.tag,
            "full_image_uri": f"{self.image.repository_uri}:{self.image.tag}",
            "ecr_push_pull_role_arn": self.push_pull_role_arn,
            "stack_name": self.stack_name,
        }


def build_app_image(
    request: BuildRequest,
    definition: AppDefinition | None,
    *,
    ports: BuildPorts,
    progress: ProgressSink,
    cancellation: Cancellation,
) -> BuiltImage:
    """Check everything, build, bring the repository stack up, push and verify; a failed build changes nothing.

    Args:
        definition: the app's definition where the folder has one; without it a repository that exists is left as
            it is, and one that does not is made with the defaults.

    Raises:
        DefinitionError, ImageError, EngineError: found before anything was changed.
        StackError, RefusedError: the repository stack cannot be made, or is not this app's (``stack_foreign``,
            ``name_taken``).
    """
    return _Build(request, definition, ports, ports.engine(), progress, cancellation).run()


@dataclass(frozen=True, slots=True)
class _Build:
    request: BuildRequest
    definition: AppDefinition | None
    ports: BuildPorts
    engine: ContainerEngine
    progress: ProgressSink
    cancellation: Cancellation

    def run(self) -> BuiltImage:
        names = app_names(self.request.app_name)
        checked = self._built(names.repository)
        outputs = self._repository_outputs(names.repository_stack)
        image = push_image(
            checked,
            engine=self.engine,
            registry=registry_to_push(self.ports.registry, self.definition, outputs),
            repository_name=names.repository,
            clock=self.ports.clock,
            progress=self.progress,
            cancellation=self.cancellation,
        )
        self.ports.record_excluded(
            image.image_uri,
            checked.excluded_files,
            lambda warning: self.progress(Progress("push", warning, level="warning")),
        )
        return BuiltImage(image, outputs.get(PUSH_ROLE_OUTPUT, ""), names.repository_stack)

    def _built(self, repository_name: str) -> CheckedBuild:
        """The build, checked and made unless its content is in the repository already."""
        request, engine, registry = self.request, self.engine, self.ports.registry
        checked = check_build(request, engine=engine, cancellation=self.cancellation)
        for warning in checked.warnings:
            self.progress(Progress("build", warning, level="warning"))
        if not request.rebuild:
            planned = plan_image(checked, registry=registry, repository_name=repository_name)
            if not planned.is_built:
                return checked
        return build_image(
            checked,
            engine=engine,
            registry=registry,
            repository_name=repository_name,
            progress=self.progress,
            cancellation=self.cancellation,
        )

    def _repository_outputs(self, stack_name: str) -> Mapping[str, str]:
        """The outputs of the repository's stack, which is brought to the definition or the defaults."""
        definition, ports, app_name = self.definition, self.ports, self.request.app_name
        is_restored = False
        deployed = ports.stacks.describe(stack_name)
        if deployed is not None and deployed.healthy:
            refuse_foreign(deployed, app_name)
            is_restored = bool(find_removed([deployed], account=ports.account, progress=self.progress))
            if definition is None and not is_restored:
                return deployed.outputs
        template = ports.synthesize(_with_build(definition, app_name)).repository
        if template is None:
            raise AssertionError("a definition with a build always has a repository template")
        if creates_resources(deployed):
            conflicts = find_name_conflicts([template], account=ports.account, progress=self.progress)
            refuse_name_conflicts(app_name, conflicts, adopt=False)
        known = deployed if deployed is not None and not deployed.never_created else None
        self.progress(Progress("repository", f"bringing {stack_name} up to date"))
        outcome = apply_stack(
            StackRequest(
                app_name=app_name,
                template=template,
                phase="repository",
                parameters=stack_parameters(template, known, target=ports.target, image=None),
                restores=is_restored,
                termination_protection=definition.termination_protection if definition else None,
            ),
            stacks=ports.stacks,
            clock=ports.clock,
            progress=self.progress,
            cancellation=self.cancellation,
        )
        return outcome.stack.outputs


def _with_build(definition: AppDefinition | None, app_name: str) -> AppDefinition:
    """A definition that runs a prebuilt image still says how the app's repository is to be."""
    if definition is None:
        return AppDefinition(name=app_name, build=BuildSettings())
    if definition.build is not None:
        return definition
    return definition.model_copy(update={"build": BuildSettings(), "image": None, "task_definition_arn": None})
