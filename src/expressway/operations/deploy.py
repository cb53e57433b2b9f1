"""Deploy an app: check, synthesize, plan, repository, image, service, ready; each step safe to repeat."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from expressway.errors import RefusedError, ServiceError, StackError
from expressway.model.cause import Cause
from expressway.model.clock import Clock
from expressway.model.definition import AppDefinition
from expressway.model.operation import OperationRecord
from expressway.model.plan import Plan, PlannedImage
from expressway.model.progress import Cancellation, Phase, Progress, ProgressSink
from expressway.model.stack import StackEvent
from expressway.model.target import Target
from expressway.model.template import AppTemplates, Template
from expressway.operations.apply_stack import apply_stack
from expressway.operations.plan import plan_app, stack_parameters
from expressway.operations.stack_request import StackGateway, StackOutcome, StackRequest


class AppImage(Protocol):
    """The image of one app: planned without changing anything, published when it is its turn.

    `planned` is None when the app's own task definition names the image.
    """

    @property
    def planned(self) -> PlannedImage | None: ...
    def publish(self, *, progress: ProgressSink, cancellation: Cancellation) -> str: ...


class Images(Protocol):
    """Checks everything about an app's image that can be checked before AWS is changed."""

    def check(self, definition: AppDefinition, base_dir: Path) -> AppImage: ...


class OperationLog(Protocol):
    """Where this operation writes down how far it is."""

    @property
    def current(self) -> OperationRecord: ...
    def record(self, **changes: Any) -> None: ...


class Readiness(Protocol):
    """How waiting for a service ended."""

    @property
    def status(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def url(self) -> str | None: ...


Explain = Callable[[str, str, tuple[StackEvent, ...]], Cause | None]
"""(cluster, service name, the stack's events) → the first real cause of a failing deployment, if there is one."""

WaitForService = Callable[[str, str, ProgressSink, Cancellation], Readiness]
Synthesize = Callable[[AppDefinition, ProgressSink], AppTemplates]


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """What to deploy, and what the caller allows.

    Attributes:
        base_dir: the folder that the definition's build context is relative to.
        approved_plan: digest of the plan that was shown; when given, nothing else is carried out.
        adopt: take over stacks that carry no Expressway ownership mark.
        allow_replacement: allow resources to be replaced (the service's URL then changes).
    """

    definition: AppDefinition
    base_dir: Path
    approved_plan: str | None = None
    adopt: bool = False
    allow_replacement: bool = False
    continue_rollback: bool = False


@dataclass(frozen=True, slots=True)
class DeployPorts:
    """Everything outside that deploying needs."""

    target: Target
    synthesize: Synthesize
    stacks: StackGateway
    images: Images
    explain: Explain
    wait_for_service: WaitForService
    clock: Clock


@dataclass(frozen=True, slots=True)
class DeployResult:
    """What deploying did. `url` answers HTTP when `status` is ``deployed`` or ``unchanged``."""

    operation_id: str
    app_name: str
    status: Literal["deployed", "unchanged"]
    url: str | None
    endpoint: str
    service_arn: str
    image_uri: str
    plan_digest: str
    stacks: dict[str, str] = field(default_factory=dict[str, str])
    elapsed_seconds: float = 0.0


def deploy_app(
    request: DeployRequest,
    ports: DeployPorts,
    *,
    operation: OperationLog,
    progress: ProgressSink,
    cancellation: Cancellation,
) -> DeployResult:
    """Bring an app to what its definition says, or do nothing when it is there already.

    Running it again after it was interrupted at any point continues: stacks under way are waited for, an image
    that is already in the repository is not pushed again, and change sets are found by their names.

    Raises:
        RefusedError: ``plan_changed``, ``stack_foreign``, ``replacement_refused``.
        ImageError, EngineError: the image cannot be built or pushed; AWS was not changed if that was foreseeable.
        StackError: ``deployment_failed`` with the first real cause, ``stack_busy`` and the like.
        ServiceError: ``service_not_ready`` when the stacks stand but the service does not serve.
    """
    return _Deployment(request, ports, operation, progress, cancellation).run()


@dataclass(slots=True)
class _Deployment:
    request: DeployRequest
    ports: DeployPorts
    operation: OperationLog
    progress: ProgressSink
    cancellation: Cancellation
    cause: Cause | None = None
    outcomes: dict[str, str] = field(default_factory=dict[str, str])

    def run(self) -> DeployResult:
        started = self.ports.clock.monotonic()
        definition = self.request.definition
        self._enter("check", f"checking {definition.name}")
        image = self.ports.images.check(definition, self.request.base_dir)
        self._enter("synth", "synthesizing and linting the stacks")
        templates = self.ports.synthesize(definition, self.progress)
        self._enter("plan", "comparing with what is deployed")
        plan = self._approved_plan(templates, image.planned)
        self.cancellation.raise_if_cancelled()
        image_uri, service = self._carry_out(templates, image)
        changed = any(result != "unchanged" for result in self.outcomes.values())
        url = self._wait_until_ready(service) if changed else self._url(service)
        return DeployResult(
            operation_id=self.operation.current.operation_id,
            app_name=definition.name,
            status="deployed" if changed else "unchanged",
            url=url,
            endpoint=service.stack.outputs.get("Endpoint", ""),
            service_arn=service.stack.outputs.get("ServiceArn", ""),
            image_uri=image_uri,
            plan_digest=plan.digest,
            stacks=self.outcomes,
            elapsed_seconds=round(self.ports.clock.monotonic() - started, 3),
        )

    def _approved_plan(self, templates: AppTemplates, image: PlannedImage | None) -> Plan:
        plan = plan_app(
            self.request.definition.name,
            templates,
            target=self.ports.target,
            stacks=self.ports.stacks,
            image=image,
            adopt=self.request.adopt,
        )
        if self.request.approved_plan not in (None, plan.digest):
            raise RefusedError(
                "plan_changed",
                f"The plan {self.request.approved_plan} was approved, but deploying now would carry out {plan.digest}.",
                "Look at the new plan (expressway diff, or the tool diff_app) and approve its digest.",
                {"approved": self.request.approved_plan, "current": plan.digest},
            )
        return plan

    def _carry_out(self, templates: AppTemplates, image: AppImage) -> tuple[str, StackOutcome]:
        if templates.repository is not None:
            self._enter("repository", f"bringing {templates.repository.stack_name} up to date")
            self._apply(templates.repository, "repository", None)
        planned = image.planned
        if planned is not None and planned.uri is None:
            self._enter("build", "building and pushing the image")
            uri = image.publish(progress=self.progress, cancellation=self.cancellation)
            planned = PlannedImage("published", uri, planned.tag)
        self._enter("service", f"bringing {templates.service.stack_name} up to date")
        return (planned.uri or "") if planned else "", self._apply_service(templates.service, planned)

    def _apply(self, template: Template, phase: Phase, image: PlannedImage | None) -> StackOutcome:
        deployed = self.ports.stacks.describe(template.stack_name)
        known = deployed if deployed is not None and not deployed.never_created else None
        outcome = apply_stack(
            StackRequest(
                app_name=self.request.definition.name,
                template=template,
                phase=phase,
                parameters=stack_parameters(template, known, target=self.ports.target, image=image),
                adopt=self.request.adopt,
                allow_replacement=self.request.allow_replacement,
                continue_rollback=self.request.continue_rollback,
                termination_protection=self.request.definition.termination_protection,
            ),
            stacks=self.ports.stacks,
            clock=self.ports.clock,
            progress=self.progress,
            cancellation=self.cancellation,
            on_failing=self._on_failing if phase == "service" else None,
        )
        self.outcomes[template.stack_name] = outcome.result
        return outcome

    def _apply_service(self, template: Template, image: PlannedImage | None) -> StackOutcome:
        try:
            return self._apply(template, "service", image)
        except StackError as exc:
            if exc.code != "stack_failed":
                raise
            cause = self.cause or self._explain(())
            if cause is None:
                raise
            raise StackError(
                "deployment_failed",
                f"{cause.sentence} ({exc.details['stack']} ended in {exc.details['status']}.)",
                cause.remedy,
                exc.details | {"cause": cause.code, "evidence": cause.evidence, "stack_message": exc.message},
            ) from exc

    def _on_failing(self, event: StackEvent) -> None:
        """Ask for the cause while the failing tasks can still be seen, and tell it before the rollback ends."""
        self.cause = self._explain((event,))
        if self.cause is not None:
            self.progress(Progress("service", self.cause.sentence, level="error"))

    def _explain(self, events: tuple[StackEvent, ...]) -> Cause | None:
        return self.ports.explain(self.request.definition.cluster, self.request.definition.name, events)

    def _wait_until_ready(self, service: StackOutcome) -> str | None:
        definition = self.request.definition
        self._enter("wait", "waiting until the service really serves")
        readiness = self.ports.wait_for_service(definition.cluster, definition.name, self.progress, self.cancellation)
        if readiness.status != "success":
            raise ServiceError(
                "service_not_ready",
                readiness.message,
                "The stacks stand; see get_deployment_status for the service's state.",
                {"service_arn": service.stack.outputs.get("ServiceArn", "")},
            )
        return readiness.url

    def _url(self, service: StackOutcome) -> str | None:
        endpoint = service.stack.outputs.get("Endpoint")
        return service_url(endpoint, self.ports.target) if endpoint else None

    def _enter(self, phase: Phase, message: str) -> None:
        self.cancellation.raise_if_cancelled()
        self.operation.record(phase=phase, message=message)
        self.progress(Progress(phase, message))


def service_url(endpoint: str, target: Target) -> str:
    """The URL at which an endpoint answers: HTTPS on AWS, the emulator's own port on the sandbox."""
    host = endpoint.removeprefix("https://").removeprefix("http://").rstrip("/")
    if target.sandbox_url is None:
        return f"https://{host}/"
    port = target.sandbox_url.rsplit(":", 1)[1]
    return f"http://{host}:{port}/"
