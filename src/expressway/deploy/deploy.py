"""Deploy an app: check, synthesize, plan, repository, image, service, ready; each step safe to repeat."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from expressway.app.definition import AppDefinition
from expressway.app.origin import origin_of, still_elsewhere
from expressway.cloudformation.stack import StackEvent, service_stack_name
from expressway.cloudformation.template import AppTemplates, Template
from expressway.core.progress import Cancellation, Phase, Progress, ProgressSink
from expressway.deploy.approval import (
    ApprovedStackPlan,
    check_approval,
    rebuild_missing_image,
    rebuilt_sentence,
    remember_rebuilt,
)
from expressway.deploy.early_diagnosis import EarlyDiagnosis, deployment_failed
from expressway.deploy.ports import AppImage, OperationLog
from expressway.deploy.request import DeployPorts, DeployRequest, DeployResult
from expressway.deploy.stack.apply import apply_stack
from expressway.deploy.stack.request import RememberedStacks, StackOutcome, StackRequest, check_stack
from expressway.deploy.status.endpoint import service_url
from expressway.diagnose.finding import Finding
from expressway.errors import ServiceError, StackError, TargetError
from expressway.hints import command
from expressway.image.protect import ImageProtection, protect_before_service, running_image
from expressway.image.values import PlannedImage
from expressway.plan.plan import Plan
from expressway.plan.planner import deployed_stack, plan_app, refuse_missing_service, stack_parameters
from expressway.plan.preflight.referenced_resources import affected_names
from expressway.plan.preflight.secret_arns import with_complete_arns
from expressway.plan.replacement import check_replacements, planned_replacements
from expressway.privacy.untrusted import quoted

__all__ = ["DeployPorts", "DeployRequest", "DeployResult", "deploy_app"]


def deploy_app(
    request: DeployRequest,
    ports: DeployPorts,
    *,
    operation: OperationLog,
    progress: ProgressSink,
    cancellation: Cancellation,
) -> DeployResult:
    """Bring an app to what its definition says, or do nothing when it is there already.

    Running it again after it was interrupted at any point continues: stacks in progress are waited for, an image
    that is already in the repository is not pushed again, change sets are found by their names, and an approval
    holds for what is left of the plan that it was given for.

    Raises:
        RefusedError: ``plan_changed``, ``stack_foreign``, ``name_taken``, ``replacement_refused``,
            ``replacement_impossible``.
        DefinitionError: ``prerequisites_missing``, with everything that the definition names and AWS does not have.
        ImageError, EngineError: the image cannot be built or pushed, or does not exist (``image_not_found``); AWS
            was not changed if that was foreseeable.
        StackError: ``deployment_failed`` with the first real cause, ``stack_busy`` and the like.
        ServiceError: ``service_not_ready`` when the stacks are deployed but the service does not serve;
            ``service_missing`` when the service was deleted behind the stack's back;
            ``task_definition_unsuitable``.
    """
    return _Deployment(request, ports, operation, progress, cancellation).run()


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What is deployed, after every check that changes nothing; `running_image` is "" where none runs."""

    templates: AppTemplates
    image: AppImage
    plan: Plan
    running_image: str


@dataclass(slots=True)
class _Deployment:
    request: DeployRequest
    ports: DeployPorts
    operation: OperationLog
    progress: ProgressSink
    cancellation: Cancellation
    outcomes: dict[str, str] = field(default_factory=dict[str, str])
    protection: dict[str, str] = field(default_factory=dict[str, str])
    plans: Mapping[str, ApprovedStackPlan] = field(default_factory=dict[str, ApprovedStackPlan])
    protecting: Mapping[str, bool] = field(default_factory=dict[str, bool])
    phase: Phase = "check"
    has_moved: bool = False
    protected: ImageProtection | None = None
    stack_statuses: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])

    def run(self) -> DeployResult:
        started = self.ports.clock.monotonic()
        prepared = self._prepare()
        self.cancellation.raise_if_cancelled()
        image_uri, service = self._carry_out(prepared.templates, prepared.image)
        proving = self.has_moved or self._is_unproven(service)
        url = self._wait_until_ready(service) if proving else self._url(service)
        if self.protected is not None and proving:
            self.protected.settle(image_uri)
        changed = any(result != "unchanged" for result in self.outcomes.values())
        return DeployResult(
            operation_id=self.operation.current.operation_id,
            app_name=self.request.definition.name,
            target=prepared.plan.target,
            status="deployed" if changed else "unchanged",
            url=url,
            endpoint=service.stack.outputs.get("Endpoint", ""),
            service_arn=service.stack.outputs.get("ServiceArn", ""),
            image_uri=image_uri,
            plan_digest=prepared.plan.digest,
            stacks=self.outcomes,
            termination_protection=self.protection,
            elapsed_seconds=round(self.ports.clock.monotonic() - started, 3),
            warnings=tuple(self.warnings),
            rebuilt=rebuilt_sentence(image_uri, running=prepared.running_image) if self.request.rebuild else "",
        )

    # -- before anything is changed -------------------------------------------------------------------------
    def _prepare(self) -> _Prepared:
        request, definition = self.request, self.request.definition
        self._enter("check", f"checking {definition.name}")
        image = self.ports.images.check(
            definition, request.base_dir, progress=self._tell, rebuild=request.rebuild, read=request.read
        )
        self._enter("synth", "synthesizing and linting the stacks")
        definition = with_complete_arns(
            definition,
            secrets=lambda: self.ports.named().secrets(),
            deployed=lambda: self.ports.stacks.describe(service_stack_name(request.definition.name)),
            progress=self._tell,
        )
        templates = self.ports.synthesize(definition, self._tell)
        self._enter("plan", "comparing with what is deployed")
        stacks = RememberedStacks(self.ports.stacks)
        plan = self._approved_plan(templates, image, stacks)
        self._check_before_changing(definition, templates, plan, stacks)
        for stack_name in plan.unused_stacks:
            self._warn(
                f"{stack_name} stays with its images, which the definition does not build any more; deleting the app "
                "takes it away too."
            )
        for warning in plan.warnings:
            self._warn(warning)
        for warning in image.warnings:
            self._tell(Progress("build", warning, level="warning"))
        running = running_image(stacks.seen.get(templates.service.stack_name))
        return _Prepared(templates, image.as_planned(plan.image), plan, running)

    def _approved_plan(self, templates: AppTemplates, image: AppImage, stacks: RememberedStacks) -> Plan:
        plan = plan_app(
            self.request.definition.name,
            templates,
            target=self.ports.target,
            stacks=stacks,
            account=self.ports.account,
            image=image.planned,
            termination_protection=self.request.definition.termination_protection,
            adopt=self.request.adopt,
            allow_replacement=self.request.allow_replacement,
            origin=self.request.origin,
            renewed=image.renewed,
            progress=self._tell,
        )
        check_approval(plan, self.request.approved_plan, self.operation)
        return plan

    def _check_before_changing(
        self, definition: AppDefinition, templates: AppTemplates, plan: Plan, stacks: RememberedStacks
    ) -> None:
        """Refuse now what one of the later steps would refuse when the earlier ones have changed something."""
        refuse_missing_service(plan, stacks.seen.get(templates.service.stack_name))
        approval = self.operation.current.approved if self.request.approved_plan is not None else None
        self.plans = {
            stack.stack_name: ApprovedStackPlan(template, stack, approval, self._warn)
            for template, stack in zip(templates, plan.stacks, strict=True)
        }
        self.protecting = {name: change.after for name, change in plan.protection.items()}
        for template in templates:
            check_stack(stacks.seen.get(template.stack_name), self._stack_request(template), stacks=self.ports.stacks)
        check_replacements(
            [
                replacement
                for template, stack in zip(templates, plan.stacks, strict=True)
                for replacement in planned_replacements(stack, template)
            ],
            allowed=self.request.allow_replacement,
        )
        affected = affected_names(plan.stacks)
        if affected.any:
            from expressway.plan.preflight.referenced_resources import (
                check_referenced_resources,  # not for an app that is unchanged
            )

            check_referenced_resources(
                definition, affected, reads=self.ports.named(), target=self.ports.target, progress=self._tell
            )

    # -- carrying it out ------------------------------------------------------------------------------------
    def _carry_out(self, templates: AppTemplates, image: AppImage) -> tuple[str, StackOutcome]:
        outputs: Mapping[str, str] = {}
        if image.planned is not None and image.planned.is_built:
            again = " again, with its base images pulled again" if self.request.rebuild else ""
            self._enter("build", f"building the image{again}")
            image = image.build(progress=self.progress, cancellation=self.cancellation)
        planned = image.planned
        if templates.repository is not None:
            self._enter("repository", f"bringing {templates.repository.stack_name} up to date")
            outputs = self._apply(templates.repository, "repository", None).stack.outputs
        if planned is not None and planned.uri is not None and not image.is_there():
            planned = rebuild_missing_image(planned, self.request.approved_plan, self._warn)
        if planned is not None and planned.uri is None:
            self._enter("push", "pushing the image")
            uri = image.push(stack_outputs=outputs, progress=self.progress, cancellation=self.cancellation)
            planned = PlannedImage("published", uri, planned.tag)
        if planned is not None and planned.uri is not None:
            self.ports.record_excluded(planned.uri, image.excluded_files, self._warn)
        if self.request.rebuild and planned is not None:
            remember_rebuilt(planned.uri or "", self.operation)
        self.protected = image.protection(stack_outputs=outputs, progress=self._tell)
        protect_before_service(self.protected, planned, self.ports.stacks.describe(templates.service.stack_name))
        self._enter("service", f"bringing {templates.service.stack_name} up to date")
        return (planned.uri or "") if planned else "", self._apply_service(templates.service, planned)

    def _apply(
        self, template: Template, phase: Phase, image: PlannedImage | None, warning: EarlyDiagnosis | None = None
    ) -> StackOutcome:
        deployed = deployed_stack(self.ports.stacks.describe(template.stack_name))
        parameters = stack_parameters(template, deployed, target=self.ports.target, image=image)
        outcome = apply_stack(
            self._stack_request(template, phase=phase, parameters=parameters),
            stacks=self.ports.stacks,
            clock=self.ports.clock,
            progress=self.progress,
            cancellation=self.cancellation,
            on_failing=warning.on_failing if warning else None,
            while_waiting=warning.while_waiting if warning else None,
        )
        if outcome.result == "updated" and origin_of(deployed) is None and self.request.origin is not None:
            place = quoted(self.request.origin.hint, public=True)
            self.progress(Progress(phase, f"{template.stack_name} is from {place} from now on"))
        if outcome.result == "unchanged" and phase == "service":
            self._warn(still_elsewhere(self.request.definition.name, self.request.origin, deployed))
        self.outcomes[template.stack_name] = outcome.summary
        self.stack_statuses.append(f"{template.stack_name} is {outcome.stack.status}")
        self.has_moved = self.has_moved or outcome.result != "unchanged" or outcome.has_waited
        if outcome.protection is not None:
            self.protection[template.stack_name] = outcome.protection
        return outcome

    def _stack_request(
        self, template: Template, *, phase: Phase = "plan", parameters: Mapping[str, str] | None = None
    ) -> StackRequest:
        plan = self.plans[template.stack_name]
        return StackRequest(
            app_name=self.request.definition.name,
            template=template,
            phase=phase,
            parameters=parameters or {},
            adopt=self.request.adopt,
            allow_replacement=self.request.allow_replacement,
            continue_rollback=self.request.continue_rollback,
            termination_protection=self.protecting.get(template.stack_name),
            imports_existing=bool(plan.change.imports),
            restores=bool(plan.change.restorations),
            origin=self.request.origin,
            plan=plan,
        )

    def _apply_service(self, template: Template, image: PlannedImage | None) -> StackOutcome:
        warning = EarlyDiagnosis(self._explain, self.ports.clock, self.progress)
        try:
            return self._apply(template, "service", image, warning)
        except StackError as exc:
            cause = warning.conclude() if exc.code == "stack_failed" else None
            if cause is None:
                raise
            raise deployment_failed(exc, cause) from exc

    def _explain(self, events: tuple[StackEvent, ...]) -> Finding | None:
        return self.ports.explain(self.request.definition.cluster, self.request.definition.name, events)

    # -- ready ----------------------------------------------------------------------------------------------
    def _is_unproven(self, service: StackOutcome) -> bool:
        """Whether an earlier run brought the stack here and was cut short before the service had proved itself."""
        return bool(self.operation.current.continues) and service.stack.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}

    def _wait_until_ready(self, service: StackOutcome) -> str | None:
        definition = self.request.definition
        self._enter("wait", "waiting until the service really serves")
        try:
            readiness = self.ports.wait_for_service(definition.cluster, definition.name, self._tell, self.cancellation)
        except TargetError as error:
            if error.code != "access_denied":
                raise TargetError(
                    error.code,
                    f"{self._what_stands()} Whether the service serves was not seen to the end: {error.message}",
                    error.hint,
                    error.details,
                ) from error
            self._warn(f"{self._what_stands()} Whether the service serves could not be verified: {error.message}")
            return self._url(service)
        if readiness.status == "unverified" or (readiness.gaps and readiness.status == "success"):
            self._warn(f"{self._what_stands()} Not everything could be verified: {readiness.message}")
            return readiness.url or self._url(service)
        if readiness.status != "success":
            raise ServiceError(
                "service_not_ready",
                readiness.message,
                f"{self._what_stands()} See {command('status')} for the service's state.",
                {"service_arn": service.stack.outputs.get("ServiceArn", "")},
            )
        return readiness.url

    def _what_stands(self) -> str:
        return f"The deployment is carried out: {', '.join(self.stack_statuses)} in CloudFormation."

    def _url(self, service: StackOutcome) -> str | None:
        endpoint = service.stack.outputs.get("Endpoint")
        return service_url(endpoint, self.ports.target) if endpoint else None

    def _tell(self, progress: Progress) -> None:
        """Report progress; warnings are part of the result too."""
        if progress.level == "warning":
            self.warnings.append(progress.message)
        self.progress(progress)

    def _warn(self, message: str) -> None:
        if message and message not in self.warnings:
            self._tell(Progress(self.phase, message, level="warning"))

    def _enter(self, phase: Phase, message: str) -> None:
        self.cancellation.raise_if_cancelled()
        self.phase = phase
        self.operation.record(phase=phase, message=message)
        self.progress(Progress(phase, message))
