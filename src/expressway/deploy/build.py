"""Build a folder's image and push it to the app's repository, which is made first if it is missing."""

from collections.abc import Callable
from dataclasses import dataclass

from expressway.app.definition import AppDefinition, BuildSettings
from expressway.app.names import app_names
from expressway.aws.values.target import Target
from expressway.cloudformation.template import AppTemplates
from expressway.core.clock import Clock
from expressway.core.progress import Cancellation, Progress, ProgressSink
from expressway.deploy.shapes import BuiltImageJson
from expressway.deploy.stack.apply import StackGateway, StackRequest, apply_stack
from expressway.image.app_image import PUSH_ROLE_OUTPUT, registry_to_push
from expressway.image.check import BuildRequest, check_build
from expressway.image.context.excluded import RecordExcluded
from expressway.image.ports import ContainerEngine, ImageRegistry
from expressway.image.push import build_image, plan_image, push_image, rebuild_image
from expressway.image.values import PushedImage
from expressway.plan.planner import refuse_foreign, stack_parameters
from expressway.plan.ports import AccountReads
from expressway.plan.preflight.name_conflicts import find_taken_names, makes_names, refuse_taken_names
from expressway.plan.preflight.removed_resources import RemovedResource, find_removed


@dataclass(frozen=True, slots=True)
class BuildPorts:
    """Everything outside that building and pushing need."""

    target: Target
    synthesize: Callable[[AppDefinition], AppTemplates]
    stacks: StackGateway
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
    repository = app_names(request.app_name).repository
    engine = ports.engine()
    checked = check_build(request, engine=engine, cancellation=cancellation)
    for warning in checked.warnings:
        progress(Progress("build", warning, level="warning"))
    if request.rebuild:
        checked = rebuild_image(
            checked,
            engine=engine,
            registry=ports.registry,
            repository_name=repository,
            progress=progress,
            cancellation=cancellation,
        )
    elif plan_image(checked, registry=ports.registry, repository_name=repository).state == "to_build":
        build_image(checked, engine=engine, progress=progress, cancellation=cancellation)
    outputs = _repository_outputs(request, definition, ports, progress, cancellation)
    image = push_image(
        checked,
        engine=engine,
        registry=registry_to_push(ports.registry, definition, outputs),
        repository_name=repository,
        clock=ports.clock,
        progress=progress,
        cancellation=cancellation,
    )
    ports.record_excluded(
        image.image_uri,
        checked.excluded_files,
        lambda warning: progress(Progress("push", warning, level="warning")),
    )
    return BuiltImage(image, outputs.get(PUSH_ROLE_OUTPUT, ""), app_names(request.app_name).repository_stack)


def _repository_outputs(
    request: BuildRequest,
    definition: AppDefinition | None,
    ports: BuildPorts,
    progress: ProgressSink,
    cancellation: Cancellation,
) -> dict[str, str]:
    stack_name = app_names(request.app_name).repository_stack
    removed: tuple[RemovedResource, ...] = ()
    deployed = ports.stacks.describe(stack_name)
    if deployed is not None and deployed.healthy:
        refuse_foreign(deployed, request.app_name)
        removed = find_removed([deployed], account=ports.account, progress=progress)
        if definition is None and not removed:
            return dict(deployed.outputs)
    wanted = _built_here(definition) if definition else AppDefinition(name=request.app_name, build=BuildSettings())
    template = ports.synthesize(wanted).repository
    if template is None:
        raise AssertionError("a definition with a build always has a repository template")
    if makes_names(deployed):
        taken = find_taken_names([template], account=ports.account, progress=progress)
        refuse_taken_names(request.app_name, taken, adopt=False)
    known = deployed if deployed is not None and not deployed.never_created else None
    progress(Progress("repository", f"bringing {stack_name} up to date"))
    outcome = apply_stack(
        StackRequest(
            app_name=request.app_name,
            template=template,
            phase="repository",
            parameters=stack_parameters(template, known, target=ports.target, image=None),
            restores=bool(removed),
            termination_protection=definition.termination_protection if definition else None,
        ),
        stacks=ports.stacks,
        clock=ports.clock,
        progress=progress,
        cancellation=cancellation,
    )
    return dict(outcome.stack.outputs)


def _built_here(definition: AppDefinition) -> AppDefinition:
    """A definition that runs a prebuilt image still says how the app's repository is to be."""
    if definition.build is not None:
        return definition
    return definition.model_copy(update={"build": BuildSettings(), "image": None, "task_definition_arn": None})
