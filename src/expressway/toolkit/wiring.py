"""How operations meet the real world: every adapter of one target, made on first use.

Asking for one thing does not load what another needs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from expressway.core.directories import state_directory, template_cache_directory
from expressway.core.system_clock import SystemClock
from expressway.deploy.journal import Journal
from expressway.synth.lint.linter import TemplateLinter
from expressway.synth.synthesizer import Synthesizer
from expressway.synth.workers import LINT_SECONDS, LINT_VARIABLE, SYNTH_SECONDS, SYNTH_VARIABLE, time_limit

if TYPE_CHECKING:
    from expressway.app.definition import AppDefinition
    from expressway.aws.ecr import EcrRegistry
    from expressway.aws.ecs.client import Ecs
    from expressway.aws.iam import Iam
    from expressway.aws.logs import Logs
    from expressway.aws.session import AwsSession
    from expressway.cloudformation.client import CloudFormation
    from expressway.cloudformation.template import AppTemplates
    from expressway.containerize.containerize import ContainerizePorts
    from expressway.core.progress import Cancellation, ProgressSink
    from expressway.deploy.build import BuildPorts
    from expressway.deploy.delete.delete import DeletePorts
    from expressway.deploy.deploy import DeployPorts
    from expressway.deploy.restart import RestartPorts
    from expressway.deploy.status.wait import Readiness, ServicePorts
    from expressway.diagnose.ports import TroubleshootPorts
    from expressway.diagnose.service_cache import ServiceCache
    from expressway.ecs_api.call import ResourcePorts
    from expressway.image.app_image import AppImages
    from expressway.image.context.excluded_record import ExcludedFilesJournal
    from expressway.image.engine.client import DockerEngine
    from expressway.knowledge.service import Knowledge
    from expressway.plan.ports import AccountReads
    from expressway.plan.preflight.prerequisites import PrerequisitePorts
    from expressway.plan.preflight.referenced_resources import ReferenceReads
    from expressway.toolkit.target import TargetChoice

_READY_SECONDS = 900.0


class LocalWiring:
    """What every target shares: the CDK kernel, the linters, the clock and the state on this machine."""

    def __init__(self, environ: Mapping[str, str] | None = None, *, only_listed_targets: bool = False) -> None:
        self.only_listed_targets = only_listed_targets
        self.environ = dict(os.environ if environ is None else environ)
        self.state = state_directory(self.environ)
        self.clock = SystemClock()
        self.synthesizer = Synthesizer(
            cache_dir=template_cache_directory(self.state),
            timeout_seconds=time_limit(self.environ, SYNTH_VARIABLE, SYNTH_SECONDS),
        )
        self.linter = TemplateLinter(
            cache_dir=self.state / "cache" / "lint",
            timeout_seconds=time_limit(self.environ, LINT_VARIABLE, LINT_SECONDS),
        )

    @cached_property
    def engine(self) -> DockerEngine:
        from expressway.image.engine.client import open_engine

        return open_engine(self.environ)

    @cached_property
    def knowledge(self) -> Knowledge:
        """AWS Knowledge, of which nothing is asked before it is consulted; one circuit breaker for all targets.

        Raises:
            TargetError: ``knowledge_off``, ``knowledge_url_refused``.
        """
        from expressway.knowledge.client import KnowledgeClient
        from expressway.knowledge.service import Knowledge
        from expressway.knowledge.tool_cache import RememberedListing
        from expressway.knowledge.values import usable_url

        url = usable_url(self.environ)
        listing = RememberedListing(self.state, url)
        return Knowledge(KnowledgeClient(url), source=url, monotonic=self.clock.monotonic, keep_listing=listing.save)

    def close(self) -> None:
        """End what runs beside this process; it is made again on need."""
        self.synthesizer.close()

    @cached_property
    def containerize_ports(self) -> ContainerizePorts:
        from expressway.containerize.containerize import ContainerizePorts
        from expressway.containerize.folder import LocalFolder
        from expressway.containerize.recipes import load_recipes
        from expressway.containerize.review.hadolint import Hadolint

        recipes = load_recipes()
        return ContainerizePorts(LocalFolder.of_recipes(recipes), Hadolint(), recipes)


class Wiring:
    """The adapters of one target and the ports made of them; threads may share it."""

    def __init__(self, choice: TargetChoice, local: LocalWiring) -> None:
        self._choice = choice
        self._local = local
        self.clock = local.clock
        self.synthesizer = local.synthesizer
        self.linter = local.linter

    # -- adapters -------------------------------------------------------------------------------------------
    @cached_property
    def session(self) -> AwsSession:
        from expressway.aws.session import open_session

        choice, local = self._choice, self._local
        opened = open_session(
            profile=choice.profile,
            region=choice.region,
            sandbox_url=choice.sandbox_url,
            environ=local.environ,
        )
        return opened.within(choice.elsewhere(environ=local.environ, strict=local.only_listed_targets))

    @cached_property
    def cloudformation(self) -> CloudFormation:
        from expressway.cloudformation.client import CloudFormation

        return CloudFormation(self.session)

    @cached_property
    def ecs(self) -> Ecs:
        from expressway.aws.ecs.client import Ecs

        return Ecs(self.session)

    @cached_property
    def iam(self) -> Iam:
        from expressway.aws.iam import Iam

        return Iam(self.session)

    @cached_property
    def logs(self) -> Logs:
        from expressway.aws.logs import Logs

        return Logs(self.session)

    @cached_property
    def registry(self) -> EcrRegistry:
        from expressway.aws.ecr import EcrRegistry

        return EcrRegistry(self.session)

    @cached_property
    def account(self) -> AccountReads:
        from expressway.plan.ports import AccountReads

        return AccountReads(
            services=lambda: self.ecs,
            roles=lambda: self.iam,
            log_groups=lambda: self.logs,
            repositories=lambda: self.registry,
        )

    @property
    def engine(self) -> DockerEngine:
        return self._local.engine

    @cached_property
    def images(self) -> AppImages:
        from expressway.aws.ecr import Repositories
        from expressway.image.app_image import AppImages

        return AppImages(
            engine=lambda: self.engine,
            registry=self.registry,
            repositories=lambda: Repositories(self.session),
            read_task_definition=lambda arn: self.ecs.task_definition(arn),
            clock=self.clock,
        )

    @cached_property
    def build_ports(self) -> BuildPorts:
        from expressway.deploy.build import BuildPorts

        return BuildPorts(
            target=self.session.target,
            synthesize=lambda definition: self.synthesizer.synthesize(definition),
            stacks=self.cloudformation,
            account=self.account,
            engine=lambda: self.engine,
            registry=self.registry,
            clock=self.clock,
            record_excluded=self.excluded_files.record,
        )

    @cached_property
    def deploy_ports(self) -> DeployPorts:
        from expressway.deploy.deploy import DeployPorts

        return DeployPorts(
            target=self.session.target,
            synthesize=self._synthesize,
            stacks=self.cloudformation,
            account=self.account,
            named=lambda: self._reference_reads,
            images=self.images,
            explain=lambda cluster, name, events: self.service_ports.explain(cluster, name, events),
            wait_for_service=self._wait_until_ready,
            clock=self.clock,
            record_excluded=self.excluded_files.record,
        )

    @cached_property
    def _reference_reads(self) -> ReferenceReads:
        from expressway.aws.ec2 import Network
        from expressway.aws.ecs.client import Ecs
        from expressway.aws.iam import Iam
        from expressway.aws.secrets import Secrets
        from expressway.plan.preflight.referenced_resources import ReferenceReads

        session = self.questions
        return ReferenceReads(
            clusters=lambda: Ecs(session),
            identities=lambda: Iam(session),
            networks=lambda: Network(session),
            secrets=lambda: Secrets(session),
        )

    @cached_property
    def delete_ports(self) -> DeletePorts:
        from expressway.deploy.delete.delete import DeletePorts
        from expressway.deploy.stack.delete import StackRemover

        return DeletePorts(
            target=self.session.target,
            stacks=StackRemover(self.cloudformation, self.clock),
            owners=self.cloudformation,
            ecs=self.ecs,
            logs=self.logs,
            repositories=self.registry,
            clock=self.clock,
            local_images=lambda: self.engine,
        )

    @cached_property
    def restart_ports(self) -> RestartPorts:
        from expressway.deploy.restart import RestartPorts

        target = self.session.target.describe()
        return RestartPorts(self.cloudformation, self.ecs, self.service_ports, self.clock, target)

    @cached_property
    def journal(self) -> Journal:
        return Journal(self._local.state, self.session.target)

    @cached_property
    def excluded_files(self) -> ExcludedFilesJournal:
        from expressway.image.context.excluded_record import ExcludedFilesJournal

        return ExcludedFilesJournal(self._local.state)

    @cached_property
    def service_ports(self) -> ServicePorts:
        from expressway.aws.elbv2 import LoadBalancers
        from expressway.deploy.status.endpoint import HttpProbe
        from expressway.deploy.status.wait import ServicePorts

        return ServicePorts(
            self.ecs,
            self.logs,
            HttpProbe(self.session.target),
            LoadBalancers(self.session),
            self.excluded_files.of_image,
        )

    @cached_property
    def prerequisite_ports(self) -> PrerequisitePorts:
        from expressway.aws.ecr import Repositories
        from expressway.plan.preflight.prerequisites import PrerequisitePorts

        return PrerequisitePorts(self.session.target, self.iam, self.registry, Repositories(self.session))

    @cached_property
    def questions(self) -> AwsSession:
        """A session that soon gives up an endpoint that is out of reach."""
        return self.session.for_questions()

    @cached_property
    def service_cache(self) -> ServiceCache:
        from expressway.diagnose.service_cache import ServiceCache

        return ServiceCache()

    @property
    def troubleshoot_ports(self) -> TroubleshootPorts:
        from expressway.toolkit.diagnose_wiring import troubleshoot_ports

        return troubleshoot_ports(
            self.questions.for_one_question(),
            now=lambda: datetime.now(UTC),
            cache=self.service_cache,
            excluded_from=self.excluded_files.of_image,
        )

    @cached_property
    def resource_ports(self) -> ResourcePorts:
        from expressway.ecs_api.call import ResourcePorts
        from expressway.ecs_api.client import AwsApi
        from expressway.ecs_api.ownership import OwnershipPorts
        from expressway.privacy.masking.detector import masked_value

        ownership = OwnershipPorts(
            stacks=lambda: self.cloudformation,
            services=lambda: self.ecs,
            target=lambda: self.session.target,
        )
        return ResourcePorts(AwsApi(self.session), ownership, masked_value)

    # -- operations that others are made of -----------------------------------------------------------------
    def _synthesize(self, definition: AppDefinition, progress: ProgressSink) -> AppTemplates:
        from expressway.synth.synth import synth_app

        return synth_app(
            definition, synthesize=self.synthesizer.synthesize, linter=self.linter, progress=progress
        ).templates

    def _wait_until_ready(
        self, cluster: str, service_name: str, progress: ProgressSink, cancellation: Cancellation
    ) -> Readiness:
        from expressway.deploy.status.wait import wait_for_service

        return wait_for_service(
            cluster,
            service_name,
            ports=self.service_ports,
            clock=self.clock,
            timeout_seconds=_READY_SECONDS,
            progress=progress,
            cancellation=cancellation,
        )
