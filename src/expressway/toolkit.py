"""Everything a user can ask for, wired to the real world: what both faces, and other programs, call.

    with Toolkit(region="eu-west-1") as toolkit:
        plan = toolkit.diff(app_source("./shop"))
        toolkit.deploy(app_source("./shop"), approved_plan=plan.digest)

Adapters are made on first use, so that asking for one thing does not load what another needs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expressway.adapters.clock import SystemClock
from expressway.adapters.journal import Journal, RunningOperation, state_directory
from expressway.adapters.linters import TemplateLinter
from expressway.adapters.synthesizer import Synthesizer
from expressway.errors import DefinitionError
from expressway.model.names import app_names
from expressway.model.progress import Cancellation, NeverCancelled, Progress, ProgressSink, ignore_progress

if TYPE_CHECKING:
    from expressway.adapters.cloudformation import CloudFormation
    from expressway.adapters.docker_engine import DockerEngine
    from expressway.adapters.ecr import EcrRegistry
    from expressway.adapters.ecs import Ecs
    from expressway.adapters.iam import Iam
    from expressway.adapters.logs import Logs
    from expressway.adapters.session import AwsSession
    from expressway.model.cause import Cause
    from expressway.model.definition import AppDefinition
    from expressway.model.operation import OperationKind
    from expressway.model.plan import Plan
    from expressway.model.stack import StackEvent
    from expressway.model.target import Target
    from expressway.operations.account_reads import AccountReads
    from expressway.operations.app_image import AppImages
    from expressway.operations.delete import DeletePorts, DeleteResult
    from expressway.operations.deploy import DeployPorts, DeployResult
    from expressway.operations.status import AppStatus
    from expressway.operations.synth import SynthResult
    from expressway.operations.wait import Readiness, ServicePorts

_NEVER = NeverCancelled()
_READY_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class AppSource:
    """A definition, and the folder that its build context is relative to."""

    definition: AppDefinition
    base_dir: Path


def app_source(path: Path | str) -> AppSource:
    """The app whose definition is `path`, or lies in the folder `path` as ``expressway.yaml``.

    Raises:
        DefinitionError: the file is missing, unreadable, no YAML, or wrong (every problem at once).
    """
    from expressway.adapters.definition_file import load_definition

    loaded = load_definition(path)
    return AppSource(loaded.definition, loaded.base_dir)


def inline_source(definition: Mapping[str, Any] | str, base_dir: Path) -> AppSource:
    """The app whose definition is given as a mapping or as YAML text."""
    from expressway.model.definition import parse_definition, parse_definition_text

    parsed = parse_definition_text(definition) if isinstance(definition, str) else parse_definition(definition)
    return AppSource(parsed, base_dir)


class Toolkit:
    """One target and everything that can be asked of it. Its methods block; threads may share it.

    Args:
        profile, region: of the AWS account; the environment's by default.
        sandbox_url: the embedded AWS instead; nothing then reaches AWS.
        environ: variables to read instead of the process's own.
    """

    def __init__(
        self,
        *,
        profile: str | None = None,
        region: str | None = None,
        sandbox_url: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._profile = profile
        self._region = region
        self._sandbox_url = sandbox_url
        self._environ = dict(os.environ if environ is None else environ)
        self._state = state_directory(self._environ)
        self._clock = SystemClock()
        self._synthesizer = Synthesizer(cache_dir=self._state / "cache" / "templates")
        self._lint = TemplateLinter(cache_dir=self._state / "cache" / "lint")

    def __enter__(self) -> Toolkit:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- asking ---------------------------------------------------------------------------------------------
    @property
    def target(self) -> Target:
        """Where everything below acts.

        Raises:
            TargetError: no credentials, no region, an endpoint override, and the like.
        """
        return self._session.target

    def synth(self, source: AppSource, *, lint: bool = True, progress: ProgressSink = ignore_progress) -> SynthResult:
        """The app's templates and what the linters say of them; needs no account.

        Raises:
            SynthesisError: ``synthesis_failed``, ``lint_errors``, ``kernel_failed``.
        """
        from expressway.operations.synth import synth_app

        linter = self._lint if lint else None
        return synth_app(source.definition, synthesizer=self._synthesizer, linter=linter, progress=progress)

    def diff(
        self,
        source: AppSource,
        *,
        adopt: bool = False,
        allow_replacement: bool = False,
        progress: ProgressSink = ignore_progress,
    ) -> Plan:
        """What deploying would change; reads only. Its digest approves exactly this plan and what it may do besides.

        Raises:
            RefusedError: ``stack_foreign``, ``name_taken``.
            ImageError: the build's folder or Dockerfile is wrong.
        """
        from expressway.operations.plan import plan_app

        image = self._images.plan(source.definition, source.base_dir, progress=progress)
        templates = self.synth(source, progress=progress).templates
        return plan_app(
            source.definition.name,
            templates,
            target=self.target,
            stacks=self._cloudformation,
            account=self._account,
            image=image,
            adopt=adopt,
            allow_replacement=allow_replacement,
            progress=progress,
        )

    def status(self, app_name: str) -> AppStatus:
        """How the app stands: stacks, deployment, tasks, URL, running operation, last error."""
        from expressway.operations.status import app_status

        return app_status(
            app_name,
            stacks=self._cloudformation,
            ports=self._service_ports,
            journal=self._journal,
            target=self.target.describe(),
        )

    def wait(
        self,
        cluster: str,
        service_name: str,
        timeout_seconds: float = 300,
        *,
        progress: ProgressSink = ignore_progress,
        cancellation: Cancellation = _NEVER,
    ) -> Readiness:
        """Wait until a service serves, or cannot, or the time is over.

        Raises:
            ServiceError: ``cluster_not_found``, ``service_not_found``.
        """
        from expressway.operations.wait import wait_for_service

        return wait_for_service(
            cluster,
            service_name,
            ports=self._service_ports,
            clock=self._clock,
            timeout_seconds=timeout_seconds,
            progress=progress,
            cancellation=cancellation,
        )

    def prerequisites(
        self,
        image_uri: str,
        execution_role_arn: str = "ecsTaskExecutionRole",
        infrastructure_role_arn: str = "ecsInfrastructureRoleForExpressServices",
    ) -> Mapping[str, Any]:
        """Whether a service could be made of this image and these roles: valid, errors, warnings, details."""
        from expressway.adapters.image_platforms import ImagePlatforms
        from expressway.operations.prerequisites import PrerequisitePorts, validate_prerequisites

        ports = PrerequisitePorts(self.target, self._iam, self._registry, ImagePlatforms(self._session))
        return validate_prerequisites(image_uri, execution_role_arn, infrastructure_role_arn, ports=ports).to_dict()

    def fetch(self, endpoint: str, path: str = "/") -> int | None:
        """The HTTP status with which an endpoint answers `path`, None when it does not answer."""
        return self._service_ports.probe.fetch(endpoint, path=path).status

    def leftovers(self, app_name: str, cluster: str = "default") -> tuple[str, ...]:
        """What AWS still has of an app; empty after a deletion that kept nothing."""
        from expressway.operations.leftovers import find_leftovers

        return find_leftovers(app_name, cluster=cluster, stacks=self._cloudformation, account=self._account)

    # -- changing -------------------------------------------------------------------------------------------
    def build(
        self,
        app_name: str,
        app_path: str,
        tag: str | None = None,
        *,
        progress: ProgressSink = ignore_progress,
        cancellation: Cancellation = _NEVER,
        on_started: Callable[[str], None] | None = None,
    ) -> dict[str, Any]:
        """Build a folder's image and push it to the app's repository, which is made if it is missing.

        The folder's definition, where it has one, says how; `on_started` is told the operation's id.

        Returns:
            repository_uri, image_tag, full_image_uri, ecr_push_pull_role_arn, stack_name.

        Raises: see `expressway.operations.build_app_image.build_app_image`; also DefinitionError
            ``app_name_mismatch`` and StackError ``operation_running``.
        """
        from expressway.operations.build_app_image import BuildPorts, build_app_image
        from expressway.operations.publish_image import BuildRequest

        source = _source_of(app_name, Path(app_path))
        build = source.definition.build if source else None
        request = BuildRequest(
            app_name=app_name,
            context=source.base_dir / build.context if source and build else Path(app_path),
            dockerfile=build.dockerfile if build else "Dockerfile",
            target=build.target if build else None,
            args=build.args if build else {},
            platform=build.platform if build else "linux/amd64",
            tag=tag,
        )
        ports = BuildPorts(
            target=self.target,
            synthesize=lambda definition: self._synthesizer.synthesize(definition),
            stacks=self._cloudformation,
            account=self._account,
            engine=lambda: self._engine,
            registry=self._registry,
            clock=self._clock,
        )
        definition = source.definition if source else None
        with self._operation(app_name, "build", on_started) as operation:
            built = build_app_image(
                request,
                definition,
                ports=ports,
                progress=_recording(operation, progress),
                cancellation=cancellation,
            )
            image = built.to_dict()
            operation.record(state="succeeded", message=f"built {image['full_image_uri']}", result=image)
            return image

    def deploy(
        self,
        source: AppSource,
        *,
        approved_plan: str | None = None,
        adopt: bool = False,
        allow_replacement: bool = False,
        continue_rollback: bool = False,
        wait_seconds: float | None = None,
        progress: ProgressSink = ignore_progress,
        cancellation: Cancellation = _NEVER,
        on_started: Callable[[str], None] | None = None,
    ) -> DeployResult:
        """Bring an app to what its definition says; `on_started` is told the operation's id.

        With `wait_seconds`, AWS is waited for no longer than that; StillRunning then, and repeating continues.

        Raises: see `expressway.operations.deploy.deploy_app`; also StackError ``operation_running``.
        """
        from expressway.operations.bounded_wait import BoundedWait
        from expressway.operations.deploy import DeployRequest, deploy_app

        request = DeployRequest(
            definition=source.definition,
            base_dir=source.base_dir,
            approved_plan=approved_plan,
            adopt=adopt,
            allow_replacement=allow_replacement,
            continue_rollback=continue_rollback,
        )
        with self._operation(source.definition.name, "deploy", on_started) as operation:
            bounded = BoundedWait(operation.current, wait_seconds, clock=self._clock, cancellation=cancellation)
            result = deploy_app(
                request,
                self._deploy_ports,
                operation=operation,
                progress=bounded.watching(_recording(operation, progress)),
                cancellation=bounded,
            )
            operation.record(state="succeeded", message=result.status, result={"url": result.url})
            return result

    def delete(
        self,
        app_name: str,
        service_arn: str | None = None,
        *,
        wait_seconds: float | None = None,
        progress: ProgressSink = ignore_progress,
        cancellation: Cancellation = _NEVER,
        on_started: Callable[[str], None] | None = None,
    ) -> DeleteResult:
        """Delete an app: its service with roles and logs, then its repository with images and push/pull role.

        See `expressway.operations.delete.delete_app`.

        With `wait_seconds`, AWS is waited for no longer than that; StillRunning then, and repeating continues.
        """
        from expressway.operations.bounded_wait import BoundedWait
        from expressway.operations.delete import delete_app

        with self._operation(app_name, "delete", on_started) as operation:
            bounded = BoundedWait(operation.current, wait_seconds, clock=self._clock, cancellation=cancellation)
            result = delete_app(
                app_name,
                service_arn,
                ports=self._delete_ports,
                progress=bounded.watching(_recording(operation, progress)),
                cancellation=bounded,
            )
            error = result.errors[0] if result.errors else None
            operation.record(state="failed" if error else "succeeded", message=result.summary, error=error)
            return result

    def remove_local_images(self, app_name: str) -> tuple[str, ...]:
        """Take an app's images out of the container engine; the names that are still there afterwards."""
        repository = app_names(app_name).repository
        self._engine.remove_app_images(app_name, repository_name=repository)
        return self._engine.app_image_names(app_name, repository_name=repository)

    # -- the toolkit itself ---------------------------------------------------------------------------------
    def warm(self, app: Path | None = None) -> None:
        """Start the CDK kernel in the background, so that the first synthesis is quick.

        Args:
            app: a definition's file or folder: start it only if that definition most likely has to be synthesized.
        """
        if app is None:
            self._synthesizer.warm()
        else:
            self._synthesizer.warm_for(app / "expressway.yaml" if app.is_dir() else app)

    def close(self) -> None:
        """End the CDK kernel if it runs; what was synthesized before is still answered."""
        self._synthesizer.close()

    # -- wiring ---------------------------------------------------------------------------------------------
    @cached_property
    def _session(self) -> AwsSession:
        from expressway.adapters.session import open_session

        return open_session(
            profile=self._profile, region=self._region, sandbox_url=self._sandbox_url, environ=self._environ
        )

    @cached_property
    def _cloudformation(self) -> CloudFormation:
        from expressway.adapters.cloudformation import CloudFormation

        return CloudFormation(self._session)

    @cached_property
    def _ecs(self) -> Ecs:
        from expressway.adapters.ecs import Ecs

        return Ecs(self._session)

    @cached_property
    def _iam(self) -> Iam:
        from expressway.adapters.iam import Iam

        return Iam(self._session)

    @cached_property
    def _logs(self) -> Logs:
        from expressway.adapters.logs import Logs

        return Logs(self._session)

    @cached_property
    def _registry(self) -> EcrRegistry:
        from expressway.adapters.ecr import EcrRegistry

        return EcrRegistry(self._session)

    @cached_property
    def _account(self) -> AccountReads:
        from expressway.operations.account_reads import AccountReads

        return AccountReads(
            services=lambda: self._ecs,
            roles=lambda: self._iam,
            log_groups=lambda: self._logs,
            repositories=lambda: self._registry,
        )

    @cached_property
    def _engine(self) -> DockerEngine:
        from expressway.adapters.docker_engine import open_engine

        return open_engine(self._environ)

    @cached_property
    def _images(self) -> AppImages:
        from expressway.operations.app_image import AppImages

        return AppImages(
            engine=lambda: self._engine,
            registry=self._registry,
            ready_images=self._registry,
            task_definitions=lambda: self._ecs,
            clock=self._clock,
        )

    @cached_property
    def _deploy_ports(self) -> DeployPorts:
        from expressway.operations.deploy import DeployPorts

        return DeployPorts(
            target=self.target,
            synthesize=lambda definition, progress: self.synth(_bare(definition), progress=progress).templates,
            stacks=self._cloudformation,
            account=self._account,
            images=self._images,
            explain=self._explain,
            wait_for_service=lambda cluster, name, progress, cancellation: self.wait(
                cluster, name, _READY_SECONDS, progress=progress, cancellation=cancellation
            ),
            clock=self._clock,
        )

    @cached_property
    def _delete_ports(self) -> DeletePorts:
        from expressway.operations.delete import DeletePorts
        from expressway.operations.delete_stack import StackRemover

        return DeletePorts(
            target=self.target,
            stacks=StackRemover(self._cloudformation, self._clock),
            ecs=self._ecs,
            logs=self._logs,
            repositories=self._registry,
            clock=self._clock,
            local_images=lambda: self._engine,
        )

    @cached_property
    def _journal(self) -> Journal:
        return Journal(self._state, self.target)

    @cached_property
    def _service_ports(self) -> ServicePorts:
        from expressway.adapters.http_probe import HttpProbe
        from expressway.adapters.target_health import LoadBalancerTargets
        from expressway.operations.wait import ServicePorts

        return ServicePorts(self._ecs, self._logs, HttpProbe(self.target), LoadBalancerTargets(self._session))

    @contextmanager
    def _operation(
        self, app_name: str, kind: OperationKind, on_started: Callable[[str], None] | None
    ) -> Generator[RunningOperation]:
        with self._journal.operation(app_name, kind) as operation:
            if on_started is not None:
                on_started(operation.current.operation_id)
            yield operation

    def _explain(self, cluster: str, service_name: str, events: tuple[StackEvent, ...]) -> Cause | None:
        from expressway.operations.explain import explain_failure

        ports = self._service_ports
        return explain_failure(
            cluster=cluster,
            service_name=service_name,
            ecs=ports.ecs,
            logs=ports.logs,
            stack_events=events,
            targets=ports.targets,
        )


def _bare(definition: AppDefinition) -> AppSource:
    """A definition whose folder does not matter (synthesis looks at no files)."""
    return AppSource(definition, Path())


def _source_of(app_name: str, path: Path) -> AppSource | None:
    """The definition at `path`, if there is one.

    Raises:
        DefinitionError: ``app_name_mismatch`` when it is another app's; whatever is wrong with it.
    """
    from expressway.adapters.definition_file import FILE_NAMES

    if path.is_dir() and not any((path / name).is_file() for name in FILE_NAMES):
        return None
    if not path.exists():
        return None  # the build itself says what is wrong with the folder
    source = app_source(path)
    if source.definition.name != app_name:
        raise DefinitionError(
            "app_name_mismatch",
            f"Expected the definition at {path} to be of the app {app_name!r}; it is of {source.definition.name!r}.",
            f"Pass the app's name {source.definition.name!r}, or the folder of {app_name!r}; a folder without a "
            "definition is built with the defaults.",
            {"app_name": app_name, "definition": source.definition.name},
        )
    return source


def _recording(operation: RunningOperation, progress: ProgressSink) -> ProgressSink:
    """Pass progress on, and write the phase down when it changes, so that a restarted server can tell it."""

    def sink(event: Progress) -> None:
        if event.phase != operation.current.phase:
            operation.record(phase=event.phase, message=event.message)
        progress(event)

    return sink
