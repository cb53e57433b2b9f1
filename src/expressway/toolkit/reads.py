"""Everything that can be asked of one target without changing it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from expressway.app.names import app_names, check_app_name
from expressway.app.source import AppSource
from expressway.core.progress import Cancellation, NeverCancelled, ProgressSink, ignore_progress
from expressway.privacy.gates import Gates
from expressway.toolkit.target import TargetChoice
from expressway.toolkit.wiring import LocalWiring, Wiring

if TYPE_CHECKING:
    from expressway.aws.values.target import Target
    from expressway.cloudformation.stack import ServiceLocation
    from expressway.deploy.status.list_apps import AppList
    from expressway.deploy.status.status import AppStatus
    from expressway.deploy.status.wait import Readiness
    from expressway.diagnose.actions import Troubleshooting
    from expressway.ecs_api.call import PreparedCall
    from expressway.knowledge.values import KnowledgeResult
    from expressway.plan.plan import Plan
    from expressway.plan.shapes import PrerequisitesJson
    from expressway.synth.synth import SynthResult

_NEVER = NeverCancelled()
_EVERYTHING = Gates(allow_write=True, allow_sensitive_data=True)


class TargetReads:
    """One target and what can be asked of it. Its methods block; threads may share it.

    Args:
        profile, region: of the AWS account; the environment's by default.
        sandbox_url: the local AWS sandbox instead; nothing then reaches AWS.
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
        self._others: dict[tuple[str | None, str | None], Self] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def at(self, profile: str | None = None, region: str | None = None) -> Self:
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
        """The regions that the operator allows, this toolkit's own first."""
        target = self.target
        return self._choice.regions(own=target.region, partition=target.partition, environ=self._local.environ)

    def renew_credentials(self) -> None:
        """Read credentials and configuration again on the next use, after expired ones were replaced."""
        self._wiring = Wiring(self._choice, self._local)

    def _sibling(self, choice: TargetChoice) -> Self:
        other = copy(self)
        other._choice, other._wiring = choice, Wiring(choice, self._local)
        return other

    @property
    def target(self) -> Target:
        """Account and region, or sandbox, where everything acts.

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
        synthesize = self._wiring.synthesizer.synthesize
        return synth_app(source.definition, synthesize=synthesize, linter=linter, progress=progress)

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

        image = self._wiring.images.check(
            source.definition, source.base_dir, progress=progress, rebuild=rebuild, with_engine=False
        )
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
        """An app's stacks, deployment, tasks, URL, running operation and last error."""
        from expressway.deploy.status.status import app_status

        return app_status(
            app_name,
            stacks=self._wiring.cloudformation,
            ports=self._wiring.service_ports,
            last_operation=self._wiring.journal.latest,
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
        """Wait until a service serves, cannot serve, or the time is over; cluster and service are names or ARNs.

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
        """The answer of a tool of AWS Knowledge (`expressway.knowledge.values` names them).

        Raises: see `expressway.knowledge.service.Knowledge.consult`; also TargetError ``knowledge_off``,
            ``knowledge_url_refused``.
        """
        return self._local.knowledge.consult(tool, arguments, cancellation=cancellation)

    def troubleshoot(
        self, action: str = "get_ecs_troubleshooting_guidance", parameters: Mapping[str, Any] | None = None
    ) -> Troubleshooting:
        """What is wrong with a service or a cluster; `expressway.diagnose.actions.ACTIONS` has actions and parameters.

        Raises:
            ExpresswayError: ``unknown_action``, ``invalid_arguments`` (every problem at once).
        """
        from expressway.diagnose.actions import troubleshoot

        return troubleshoot(action, parameters or {}, self._wiring.troubleshoot_ports)

    def prepare_api_call(self, operation: str, parameters: Mapping[str, Any]) -> PreparedCall:
        """What `call_api` would do: the operation, its parameters as they will be sent, and what they affect.

        Raises: see `expressway.ecs_api.call.prepare_call`.
        """
        from expressway.ecs_api.call import ApiRequest, prepare_call

        return prepare_call(ApiRequest(operation, parameters), gates=_EVERYTHING)

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
        """The cluster and the name of an app's service: from its stack, else by the naming rule.

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
