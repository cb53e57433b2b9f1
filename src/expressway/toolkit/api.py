"""Everything a user can ask for, wired to the real world: what both faces, and other programs, call.

    with Toolkit(region="eu-west-1") as toolkit:
        plan = toolkit.diff(app_source("./shop"))
        toolkit.deploy(app_source("./shop"), approved_plan=plan.digest)

Adapters are made on first use, so that asking for one thing does not load what another needs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expressway.app.names import app_names, check_app_name
from expressway.app.source import AppSource, source_of
from expressway.core.progress import Cancellation, NeverCancelled, Progress, ProgressSink, ignore_progress
from expressway.deploy.journal import RunningOperation
from expressway.privacy.gates import Gates
from expressway.toolkit.target import TargetChoice
from expressway.toolkit.wiring import LocalWiring, Wiring

if TYPE_CHECKING:
    from expressway.aws.values.operation import OperationKind
    from expressway.aws.values.target import Target
    from expressway.cloudformation.stack import ServiceLocation
    from expressway.containerize.result import Containerization
    from expressway.deploy.build import BuiltImageJson
    from expressway.deploy.delete.delete import DeleteResult
    from expressway.deploy.deploy import DeployResult
    from expressway.deploy.restart import RestartResult
    from expressway.deploy.status.list_apps import AppList
    from expressway.deploy.status.status import AppStatus
    from expressway.deploy.status.wait import Readiness
    from expressway.diagnose.actions import Troubleshooting
    from expressway.ecs_api.call import PreparedCall
    from expressway.image.context.values import BuildContext
    from expressway.knowledge.values import KnowledgeResult
    from expressway.plan.plan import Plan
    from expressway.plan.preflight.prerequisites import PrerequisitesJson
    from expressway.synth.synth import SynthResult

_NEVER = NeverCancelled()
_EVERYTHING = Gates(allow_write=True, allow_sensitive_data=True)


class Toolkit:
    """One target and everything that can be asked of it. Its methods block; threads may share it.

    Args:
        profile, region: of the AWS account; the environment's by default.
        sandbox_url: the embedded AWS instead; nothing then reaches AWS.
        environ: variables to read instead of the process's own.
        only_listed_targets: where the operator's allow-list says nothing, nothing else is reached, neither by `at` nor
            by following an ARN into another region.
    """

    def __init__(
        self,
        *,
        profile: str | None = None,
        region: str | None = None,
        sandbox_url: str | None = None,
        environ: Mapping[str, str] | None = None,
        only_listed_targets: bool = False,
    ) -> None:
        self._only_listed = only_listed_targets
        self._choice = TargetChoice(profile, region, sandbox_url)
        self._local = LocalWiring(environ, only_listed_targets=only_listed_targets)
        self._wiring = Wiring(self._choice, self._local)
        self._others: dict[tuple[str | None, str | None], Toolkit] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Toolkit:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- where ----------------------------------------------------------------------------------------------
    def at(self, profile: str | None = None, region: str | None = None) -> Toolkit:
        """This toolkit for another profile or region, within the operator's allow-list; made once for each.

        The allow-list is EXPRESSWAY_PROFILES and EXPRESSWAY_REGIONS. Closing any of these toolkits ends the CDK
        kernel that they share.

        Raises:
            RefusedError: ``profile_not_allowed``, ``region_not_allowed``.
        """
        if profile is None and region is None:
            return self
        choice = self._choice.other(profile, region, environ=self._local.environ, strict=self._only_listed)
        with self._lock:
            if choice == self._choice:
                return self
            return self._others.setdefault((choice.profile, choice.region), self._sibling(choice))

    def regions(self) -> tuple[str, ...]:
        """The regions that may be asked for, this toolkit's own first."""
        target = self.target
        return self._choice.regions(own=target.region, partition=target.partition, environ=self._local.environ)

    def renew_credentials(self) -> None:
        """Read credentials and configuration anew on the next use, for those that expired and were replaced."""
        self._wiring = Wiring(self._choice, self._local)

    def _sibling(self, choice: TargetChoice) -> Toolkit:
        other = copy(self)
        other._choice, other._wiring = choice, Wiring(choice, self._local)
        return other

    # -- asking ---------------------------------------------------------------------------------------------
    @property
    def target(self) -> Target:
        """Where everything below acts.

        Raises:
            TargetError: no credentials, no region, an endpoint override, and the like.
        """
        return self._wiring.session.target

    def synth(self, source: AppSource, *, lint: bool = True, progress: ProgressSink = ignore_progress) -> SynthResult:
        """The app's templates and what the linters say of them; needs no account.

        Raises:
            SynthesisError: ``synthesis_failed``, ``lint_errors``, ``kernel_failed``.
        """
        from expressway.synth.synth import synth_app

        linter = self._wiring.linter if lint else None
        return synth_app(source.definition, synthesizer=self._wiring.synthesizer, linter=linter, progress=progress)

    def diff(
        self,
        source: AppSource,
        *,
        adopt: bool = False,
        allow_replacement: bool = False,
        rebuild: bool = False,
        progress: ProgressSink = ignore_progress,
    ) -> Plan:
        """What deploying would change; reads only. Its digest approves exactly this plan and what it may do besides.

        With `rebuild`, deploying builds the image again with its base images pulled again.

        Raises:
            RefusedError: ``stack_foreign``, ``name_taken``.
            ImageError: the build's folder or Dockerfile is wrong.
        """
        from expressway.app.git_origin import source_origin
        from expressway.plan.planner import plan_app
        from expressway.plan.preflight.secret_arns import with_complete_arns

        image = self._wiring.images.plan(source.definition, source.base_dir, progress=progress, rebuild=rebuild)
        named, stacks = self._wiring.deploy_ports.named, self._wiring.cloudformation
        definition = with_complete_arns(
            source.definition,
            secrets=lambda: named().secrets(),
            deployed=lambda: stacks.describe(self.service_stack_name(source.definition.name)),
            progress=progress,
        )
        templates = self.synth(replace(source, definition=definition), progress=progress).templates
        return plan_app(
            source.definition.name,
            templates,
            target=self.target,
            stacks=self._wiring.cloudformation,
            account=self._wiring.account,
            image=image.planned,
            renewed=image.renewed,
            termination_protection=source.definition.termination_protection,
            adopt=adopt,
            allow_replacement=allow_replacement,
            origin=source_origin(source.base_dir, self.target),
            progress=progress,
        )

    def status(self, app_name: str) -> AppStatus:
        """How the app stands: stacks, deployment, tasks, URL, running operation, last error."""
        from expressway.deploy.status.status import app_status

        return app_status(
            app_name,
            stacks=self._wiring.cloudformation,
            ports=self._wiring.service_ports,
            journal=self._wiring.journal,
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
        """Wait until a service serves, or cannot, or the time is over; cluster and service are names or ARNs.

        Raises:
            ServiceError: ``cluster_not_found``, ``service_not_found``, ``wrong_cluster``, ``wrong_account_or_region``.
            UsageError: ``invalid_arguments`` for the ARN of something else.
        """
        from expressway.deploy.status.service_argument import service_argument
        from expressway.deploy.status.wait import wait_for_service

        cluster, service_name = service_argument(cluster, service_name, self.target)
        return wait_for_service(
            cluster,
            service_name,
            ports=self._wiring.service_ports,
            clock=self._wiring.clock,
            timeout_seconds=timeout_seconds,
            progress=progress,
            cancellation=cancellation,
        )

    def prerequisites(
        self,
        image_uri: str,
        execution_role_arn: str = "ecsTaskExecutionRole",
        infrastructure_role_arn: str = "ecsInfrastructureRoleForExpressServices",
    ) -> PrerequisitesJson:
        """Whether a service could be made of this image and these roles."""
        from expressway.plan.preflight.prerequisites import validate_prerequisites

        ports = self._wiring.prerequisite_ports
        return validate_prerequisites(image_uri, execution_role_arn, infrastructure_role_arn, ports=ports).to_dict()

    def fetch(self, endpoint: str, path: str = "/") -> int | None:
        """The HTTP status with which an endpoint answers `path`, None when it does not answer."""
        return self._wiring.service_ports.probe.fetch(endpoint, path=path).status

    def list_apps(self, regions: Sequence[str] = ()) -> AppList:
        """Every app that Expressway deployed, in these regions (this toolkit's own by default), read concurrently.

        A region that cannot be read is named among `failed_regions`; the others are listed all the same.

        Raises:
            RefusedError: ``region_not_allowed``, for any of them.
        """
        from expressway.deploy.status.list_apps import list_apps

        places = {region: self.at(region=region) for region in regions} or {self.target.region: self}
        return list_apps({region: lambda place=place: place._wiring.cloudformation for region, place in places.items()})

    def consult_knowledge(
        self, tool: str, arguments: Mapping[str, Any], *, cancellation: Cancellation = _NEVER
    ) -> KnowledgeResult:
        """What a tool of AWS Knowledge answers (``model.knowledge`` has their names); connects on the first call.

        Raises:
            TargetError: ``knowledge_off``, ``knowledge_url_refused``, ``knowledge_unavailable``, ``knowledge_timeout``,
                ``knowledge_redirected``, ``knowledge_paused``, ``knowledge_busy``.
            ExpresswayError: ``invalid_arguments``, ``knowledge_refused``, ``knowledge_too_large``,
                ``knowledge_invalid_answer``, ``knowledge_tool_missing``.
        """
        return self._local.knowledge.consult(tool, arguments, cancellation=cancellation)

    def troubleshoot(
        self, action: str = "get_ecs_troubleshooting_guidance", parameters: Mapping[str, Any] | None = None
    ) -> Troubleshooting:
        """What is wrong with a service or a cluster, or one of the more exact questions.

        The seven actions and their parameters: `expressway.diagnose.actions.ACTIONS`.

        Raises:
            ExpresswayError: ``unknown_action``, ``invalid_arguments`` (every problem at once).
        """
        from expressway.diagnose.actions import troubleshoot

        return troubleshoot(action, parameters or {}, self._wiring.troubleshoot_ports)

    def prepare_api_call(self, operation: str, parameters: Mapping[str, Any]) -> PreparedCall:
        """What `call_api` would do: the operation, its parameters as they will be sent, and what they touch.

        Raises: see `expressway.ecs_api.call.prepare_call`.
        """
        from expressway.ecs_api.call import ApiRequest, prepare_call

        return prepare_call(ApiRequest(operation, parameters), api=self._wiring.resource_ports.api, gates=_EVERYTHING)

    def call_api(
        self,
        operation: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        query: str | None = None,
        limit: int | None = None,
        max_bytes: int | None = None,
        gates: Gates = _EVERYTHING,
    ) -> Mapping[str, Any]:
        """Any operation of the ECS API, or a read of ECR's: AWS's answer, trimmed; `gates` say what may be done.

        Args:
            query: a JMESPath expression over the answer.
            limit: items of a list that comes in pages; a hundred by default.
            max_bytes: of the answer as JSON; the whole of it by default.

        Raises: see `expressway.ecs_api.call.call_api`.
        """
        from expressway.ecs_api.call import ApiRequest, call_api

        request = ApiRequest(operation, parameters or {}, query, limit, max_bytes)
        return call_api(request, ports=self._wiring.resource_ports, gates=gates)

    def service_location(self, app_name: str) -> ServiceLocation:
        """The cluster and the name of an app's service, as its stack tells them, else by the naming rule.

        Raises:
            DefinitionError: ``invalid_app_name``.
        """
        from expressway.cloudformation.stack import service_location

        check_app_name(app_name)
        return service_location(app_name, self._wiring.cloudformation.describe(self.service_stack_name(app_name)))

    def service_stack_name(self, app_name: str) -> str:
        """The name of the stack that holds an app's service."""
        return app_names(app_name).service_stack

    def leftovers(self, app_name: str, cluster: str = "default") -> tuple[str, ...]:
        """What AWS still has of an app; empty after a deletion that kept nothing."""
        from expressway.deploy.delete.retained import find_leftovers

        return find_leftovers(
            app_name, cluster=cluster, stacks=self._wiring.cloudformation, account=self._wiring.account
        )

    def containerize(
        self,
        app_path: Path | str,
        port: int | None = None,
        *,
        framework: str | None = None,
        write: bool = False,
        overwrite: bool = False,
    ) -> Containerization:
        """A folder's Dockerfile, .dockerignore and definition, or what is to be said of those it has.

        The folder is left as it is unless `write`; `overwrite` then applies the improvements, too.

        Raises: see `expressway.containerize.containerize.containerize_app`; also ImageError
            ``context_missing``, ``context_not_a_folder``, ``context_refused``.
        """
        from expressway.app.given_path import given_path
        from expressway.containerize.containerize import ContainerizeRequest, containerize_app
        from expressway.image.context.reader import resolve_context

        root = resolve_context(given_path(app_path))
        request = ContainerizeRequest(root, port, framework, write, overwrite)
        return containerize_app(request, self._local.containerize_ports)

    # -- changing -------------------------------------------------------------------------------------------
    def build(
        self,
        app_name: str,
        app_path: str,
        tag: str | None = None,
        *,
        rebuild: bool = False,
        read: BuildContext | None = None,
        progress: ProgressSink = ignore_progress,
        cancellation: Cancellation = _NEVER,
        on_started: Callable[[str], None] | None = None,
    ) -> BuiltImageJson:
        """Build a folder's image and push it to the app's repository, which is made if it is missing.

        The folder's definition, where it has one, says how; `on_started` is told the operation's id. With `rebuild` it
        is built again with its base images pulled again, also where its content is in the repository. `read` is the
        build context where the caller has just read it.

        Raises: see `expressway.deploy.build.build_app_image`; also DefinitionError
            ``app_name_mismatch`` and StillRunning ``operation_running``.
        """
        from expressway.app.given_path import given_path
        from expressway.deploy.build import build_app_image
        from expressway.image.check import build_request

        path = given_path(app_path)
        source = source_of(app_name, path)
        request = replace(build_request(app_name, path, tag, source), rebuild=rebuild, read=read)
        ports = self._wiring.build_ports
        with self._operation(app_name, "build", on_started, progress) as operation:
            built = build_app_image(
                request,
                source.definition if source else None,
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
        rebuild: bool = False,
        read: BuildContext | None = None,
        wait_seconds: float | None = None,
        progress: ProgressSink = ignore_progress,
        cancellation: Cancellation = _NEVER,
        on_started: Callable[[str], None] | None = None,
    ) -> DeployResult:
        """Bring an app to what its definition says; `on_started` is told the operation's id.

        With `rebuild` its image is built again with its base images pulled again, and deployed if another one comes of
        it; otherwise content that is in the repository is not built. `read` is the build context where the caller has
        just read it.

        With `wait_seconds`, AWS is waited for no longer than that; StillRunning then, and repeating continues.

        Raises: see `expressway.deploy.deploy.deploy_app`; also StillRunning ``operation_running``.
        """
        from expressway.app.git_origin import source_origin
        from expressway.deploy.deploy import DeployRequest, deploy_app
        from expressway.deploy.timeout import BoundedWait

        request = DeployRequest(
            definition=source.definition,
            base_dir=source.base_dir,
            approved_plan=approved_plan,
            adopt=adopt,
            allow_replacement=allow_replacement,
            continue_rollback=continue_rollback,
            origin=source_origin(source.base_dir, self.target),
            rebuild=rebuild,
            read=read,
        )
        with self._operation(source.definition.name, "deploy", on_started, progress) as operation:
            bounded = BoundedWait(operation.current, wait_seconds, clock=self._wiring.clock, cancellation=cancellation)
            result = deploy_app(
                request,
                self._wiring.deploy_ports,
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

        See `expressway.deploy.delete.delete.delete_app`.

        With `wait_seconds`, AWS is waited for no longer than that; StillRunning then, and repeating continues.
        """
        from expressway.deploy.delete.delete import delete_app
        from expressway.deploy.timeout import BoundedWait

        with self._operation(app_name, "delete", on_started, progress) as operation:
            bounded = BoundedWait(operation.current, wait_seconds, clock=self._wiring.clock, cancellation=cancellation)
            result = delete_app(
                app_name,
                service_arn,
                ports=self._wiring.delete_ports,
                progress=bounded.watching(_recording(operation, progress)),
                cancellation=bounded,
            )
            error = result.errors[0] if result.errors else None
            operation.record(state="failed" if error else "succeeded", message=result.summary, error=error)
            return result

    def restart(
        self,
        app_name: str,
        *,
        wait_seconds: float | None = None,
        progress: ProgressSink = ignore_progress,
        cancellation: Cancellation = _NEVER,
        on_started: Callable[[str], None] | None = None,
    ) -> RestartResult:
        """Replace an app's tasks by new ones of the same version; see `expressway.deploy.restart.restart_app`.

        With `wait_seconds`, AWS is waited for no longer than that; StillRunning then.
        """
        from expressway.deploy.restart import restart_app
        from expressway.deploy.timeout import BoundedWait

        with self._operation(app_name, "restart", on_started, progress) as operation:
            bounded = BoundedWait(operation.current, wait_seconds, clock=self._wiring.clock, cancellation=cancellation)
            result = restart_app(
                app_name,
                ports=self._wiring.restart_ports,
                continues=bool(operation.current.continues),
                progress=bounded.watching(_recording(operation, progress)),
                cancellation=bounded,
            )
            operation.record(state="succeeded", message=result.message, result={"url": result.url})
            return result

    def remove_local_images(self, app_name: str) -> tuple[str, ...]:
        """Take an app's images out of the container engine; the names that are still there afterwards."""
        repository = app_names(app_name).repository
        self._wiring.engine.remove_app_images(app_name, repository_name=repository)
        return self._wiring.engine.app_image_names(app_name, repository_name=repository)

    # -- the toolkit itself ---------------------------------------------------------------------------------
    def warm(self, app: Path | None = None) -> None:
        """Start the CDK kernel in the background, so that the first synthesis is quick.

        Args:
            app: a definition's file or folder: start it only if that definition most likely has to be synthesized.
        """
        if app is None:
            self._wiring.synthesizer.warm()
        else:
            from expressway.app.file import is_folder
            from expressway.app.given_path import given_path

            path = given_path(app)
            self._wiring.synthesizer.warm_for(path / "expressway.yaml" if is_folder(path) else path)

    def close(self) -> None:
        """End the CDK kernel if it runs, and let go of connections; what was synthesized before is still answered."""
        self._local.close()

    @contextmanager
    def _operation(
        self, app_name: str, kind: OperationKind, on_started: Callable[[str], None] | None, progress: ProgressSink
    ) -> Generator[RunningOperation]:
        def warn(message: str) -> None:
            progress(Progress("check", message, level="warning"))

        with self._wiring.journal.operation(app_name, kind, warn) as operation:
            if on_started is not None:
                on_started(operation.current.operation_id)
            yield operation


def _recording(operation: RunningOperation, progress: ProgressSink) -> ProgressSink:
    """Pass progress on, and write the phase down when it changes, so that a restarted server can tell it."""

    def sink(event: Progress) -> None:
        if event.phase != operation.current.phase:
            operation.record(phase=event.phase, message=event.message)
        progress(event)

    return sink
