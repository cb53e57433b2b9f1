"""What deploying an app would change; reads only."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expressway.app.origin import Origin, refuse_other_origin, without_origin
from expressway.aws.values.target import Target
from expressway.cloudformation.limits import check_limits
from expressway.cloudformation.stack import (
    StackState,
    holds_express_service,
    repository_stack_name,
    service_location,
    template_resources,
)
from expressway.cloudformation.template import IMAGE_PARAMETER, AppTemplates, Template
from expressway.core.progress import ProgressSink, ignore_progress
from expressway.errors import RefusedError, ServiceError, StackError
from expressway.hints import command, option
from expressway.image.values import PlannedImage
from expressway.plan.diff import StackChange, compare_templates
from expressway.plan.plan import Plan
from expressway.plan.ports import AccountReads, StackReader, if_allowed
from expressway.plan.preflight.existing_resources import (
    NamedResource,
    creates_resources,
    find_name_conflicts,
    find_removed,
    refuse_name_conflicts,
)
from expressway.plan.replacement import impossible_replacement, planned_replacements


def plan_app(
    app_name: str,
    templates: AppTemplates,
    *,
    target: Target,
    stacks: StackReader,
    account: AccountReads,
    image: PlannedImage | None,
    termination_protection: bool,
    adopt: bool = False,
    allow_replacement: bool = False,
    origin: Origin | None = None,
    renewed: Callable[[str], PlannedImage | None] = lambda _: None,
    progress: ProgressSink = ignore_progress,
) -> Plan:
    """Compare the templates of an app, their protection, and the image it would run, with what is deployed.

    For what would be made it also looks for what has these names already; for a service that is deployed, whether
    ECS still has it. A stack without a service (one that is adopted, say) has lost none: it gets one. Where the app
    is not built any more, it looks for the repository that stays.

    `renewed` tells, by the URI of the image that the service's stack names, whether that was built of the same content
    again: then it stays.

    `adopt` and `allow_replacement` are part of the plan, so that its digest approves them as well.

    Raises:
        RefusedError: ``stack_foreign`` when a stack of that name belongs to someone else, ``deployed_from_elsewhere``
            when it is the app's and was last deployed from another place than `origin`; ``name_taken``.
        StackError: ``template_too_large``, ``limit_exceeded``, ``template_unreadable``.
    """
    allowed = (termination_protection, adopt, allow_replacement)
    return _Planning(app_name, templates, target, stacks, account, image, *allowed, origin, renewed, progress).plan()


@dataclass(frozen=True, slots=True)
class _ComparedStack:
    """One template beside the stack of its name: `deployed` is None where deploying creates the stack.

    `image` is what the stack would run; `change` leaves out termination protection.
    """

    template: Template
    stack: StackState | None
    deployed: StackState | None
    image: PlannedImage | None
    change: StackChange

    @property
    def creates_names(self) -> bool:
        adds = self.deployed is not None and self.deployed.healthy and bool(self.change.creations)
        return creates_resources(self.stack) or adds

    @property
    def impossible(self) -> list[str]:
        replacements = planned_replacements(self.change, self.template)
        return [impossible_replacement(replacement) for replacement in replacements if replacement.obstacle]

    def protecting(self, after: bool) -> StackChange:
        before = self.deployed is not None and self.deployed.termination_protection
        return self.change.protecting(before=before, after=after)


@dataclass(frozen=True, slots=True)
class _Planning:
    app_name: str
    templates: AppTemplates
    target: Target
    stacks: StackReader
    account: AccountReads
    image: PlannedImage | None
    termination_protection: bool
    adopt: bool
    allow_replacement: bool
    origin: Origin | None
    renewed: Callable[[str], PlannedImage | None]
    progress: ProgressSink

    def plan(self) -> Plan:
        compared = [self._compare(template) for template in self.templates]
        service = compared[-1]
        missing_service = self._missing_service(service.stack)
        unused_stacks = self._unused_stacks(service.deployed)
        if not self.adopt:
            refuse_other_origin(self.app_name, self.origin, [each.stack for each in reversed(compared)])
        conflicts = self._name_conflicts(compared)
        if conflicts and any(self._has_moved(each) for each in compared):
            return self.plan()  # another run has just made what has these names
        refuse_name_conflicts(self.app_name, conflicts, adopt=self.adopt)
        return Plan(
            self.app_name,
            self.target.describe(),
            self._stack_changes(compared, conflicts),
            service.image,
            {template.stack_name: template.digest for template in self.templates},
            adopt=self.adopt,
            allow_replacement=self.allow_replacement,
            missing_service=missing_service,
            unused_stacks=unused_stacks,
            impossible=tuple(sentence for each in compared for sentence in each.impossible),
        )

    def _compare(self, template: Template) -> _ComparedStack:
        stack = self.stacks.describe(template.stack_name)
        if stack is not None and stack.names_its_owner and not self.adopt:
            refuse_foreign(stack, self.app_name)
        deployed, image = deployed_stack(stack), self.image
        if template is self.templates.service and deployed is not None:
            image = self.renewed(deployed.parameters.get(IMAGE_PARAMETER, "")) or image
        wanted = stack_parameters(template, deployed, target=self.target, image=image)
        check_limits(template, parameters=self.target.pseudo_parameters | wanted)
        return _ComparedStack(template, stack, deployed, image, stack_change(template, deployed, wanted))

    def _name_conflicts(self, compared: Sequence[_ComparedStack]) -> tuple[NamedResource, ...]:
        creating = [each for each in compared if each.creates_names]
        return find_name_conflicts(
            [each.template for each in creating],
            account=self.account,
            progress=self.progress,
            held={each.template.stack_name: template_resources(each.deployed) for each in creating},
        )

    def _has_moved(self, compared: _ComparedStack) -> bool:
        now, before = self.stacks.describe(compared.template.stack_name), compared.stack
        return (now and now.version) != (before and before.version)

    def _stack_changes(
        self, compared: Sequence[_ComparedStack], adopted: Iterable[NamedResource]
    ) -> tuple[StackChange, ...]:
        removed = find_removed([each.deployed for each in compared], account=self.account, progress=self.progress)
        imports = {(resource.stack_name, resource.logical_id) for resource in adopted}
        return tuple(
            each.protecting(self.termination_protection)
            .importing({logical_id for stack_name, logical_id in imports if stack_name == each.template.stack_name})
            .restoring(removed.get(each.template.stack_name, ()))
            for each in compared
        )

    def _missing_service(self, stack: StackState | None) -> str | None:
        """The service that a settled stack should hold, if ECS does not have it."""
        if stack is None or not stack.healthy or not holds_express_service(stack):
            return None
        location = service_location(self.app_name, stack)
        is_missing = if_allowed(
            lambda: self.account.living_service(location.cluster, location.name) is None,
            False,
            what=f"whether the service {location.name} exists",
            phase="plan",
            progress=self.progress,
        )
        return (location.arn or location.name) if is_missing else None

    def _unused_stacks(self, service: StackState | None) -> tuple[str, ...]:
        """The repository's stack, once the definition stops building the image that `service` runs."""
        if self.templates.repository is not None or service is None or not _runs_built_image(service):
            return ()
        repository = self.stacks.describe(repository_stack_name(self.app_name))
        if repository is None or repository.is_made_anew or repository.owner_app != self.app_name:
            return ()
        return (repository.name,)


def _runs_built_image(service: StackState) -> bool:
    """Whether the stack leaves its image to a parameter alone, as those of apps do that are built."""
    declared = _deployed_document(service).get("Parameters", {}).get(IMAGE_PARAMETER)
    return isinstance(declared, Mapping) and "Default" not in declared


def refuse_missing_service(plan: Plan, stack: StackState | None) -> None:
    """Stop where `stack` exists, but its service was deleted by other means: CloudFormation does not notice that.

    Raises:
        ServiceError: ``service_missing``.
    """
    if plan.missing_service is None:
        return
    if stack is None or stack.owner_app == plan.app_name:
        name = plan.app_name
        way = (
            f"Run: {command('delete', name, mcp=f'with app_name {name}')}, then {command('deploy')} (with "
            f"{option('adopt')} where removal_policy is retain{_cluster_first(plan.missing_service)})"
        )
    else:
        way = f"Delete the stack {stack.name} with the tool that made it, and deploy again"
    raise ServiceError(
        "service_missing",
        f"The service stack of {plan.app_name} exists, but its service {plan.missing_service} does not exist (any "
        "more): it was deleted by other means. Nothing was changed.",
        f"{way}; its URL then changes.",
        {"service": plan.missing_service},
    )


def _cluster_first(missing_service: str) -> str:
    """A cluster can only be deleted when its services are, so that it may be gone too; default is made by ECS."""
    cluster = missing_service.split("/")[-2] if missing_service.count("/") > 1 else "default"
    if cluster == "default":
        return ""
    return f"; if the cluster {cluster} was deleted too, first run: aws ecs create-cluster --cluster-name {cluster}"


def deployed_stack(stack: StackState | None) -> StackState | None:
    """The stack that deploying would update; None when deploying creates it."""
    return None if stack is None or stack.is_made_anew or not stack.template else stack


def refuse_foreign(stack: StackState, app_name: str) -> None:
    """Leave stacks of other owners alone.

    Raises:
        RefusedError: ``stack_foreign``.
    """
    if stack.owner_app == app_name:
        return
    whose = f"belongs to the app {stack.owner_app!r}" if stack.owner_app else "was not made by Expressway"
    raise RefusedError(
        "stack_foreign",
        f"The stack {stack.name} exists and {whose}; it is left alone.",
        f"Choose another app name, or pass {option('adopt')} to take the stack over.",
        {"stack": stack.name, "status": stack.status},
    )


def stack_parameters(
    template: Template, deployed: StackState | None, *, target: Target, image: PlannedImage | None
) -> dict[str, str]:
    """The parameter values that a template would be deployed with."""
    declared = template.document.get("Parameters", {})
    previous = deployed.parameters if deployed else {}
    values = {name: str(spec["Default"]) for name, spec in declared.items() if "Default" in spec}
    values |= {name: value for name, value in push_principal_parameters(previous, target).items() if name in declared}
    if IMAGE_PARAMETER in declared and image is not None:
        values[IMAGE_PARAMETER] = image.parameter
    return values


def stack_change(template: Template, deployed: StackState | None, wanted: Mapping[str, str]) -> StackChange:
    """What a template and these parameters change in a stack, without its protection.

    Raises:
        StackError: ``template_unreadable``.
    """
    return compare_templates(
        template.stack_name,
        before=_deployed_document(deployed) if deployed else None,
        after=template.document,
        parameters_before=without_origin(deployed.parameters) if deployed else {},
        parameters_after=without_origin(wanted),
    )


def _deployed_document(deployed: StackState) -> dict[str, Any]:
    unreadable = StackError(
        "template_unreadable",
        f"The template of the stack {deployed.name} cannot be read, so nothing can be compared with it.",
        "Choose another app name, or delete that stack first.",
        {"stack": deployed.name},
    )
    try:
        document: Any = json.loads(deployed.template)
    except ValueError as exc:
        raise unreadable from exc
    if not isinstance(document, dict):
        raise unreadable
    return document


# -- who may push when the definition does not say: whoever first deploys the app -------------------------------
ROLE_OR_USER_PARAMETER = "PusherArn"
PERMISSION_SET_PARAMETER = "PusherPermissionSet"

_PERMISSION_SET_ROLE = re.compile(r"AWSReservedSSO_([A-Za-z0-9+=,.@_-]{1,32})_[0-9a-f]{16}")
"""Role of a permission set. Source: IAM Identity Center, "Referencing permission sets in resource policies"."""


def push_principal_parameters(previous: Mapping[str, str], target: Target) -> dict[str, str]:
    """The parameters of the repository stack that name the push principal, both texts.

    The identity is fixed when the repository is first made and kept from then on, so that two people deploying
    in turn do not rewrite each other's trust.
    """
    names = (ROLE_OR_USER_PARAMETER, PERMISSION_SET_PARAMETER)
    kept = {name: previous.get(name, "") for name in names}
    if any(kept.values()):
        return kept
    return dict(zip(names, (deploying_identity(target), deploying_permission_set(target)), strict=True))


def deploying_identity(target: Target) -> str:
    """The ARN of the role or user behind the caller: an assumed role's session is traced to its role.

    A role's path is not part of its session's ARN, so a role below a path is named without it; name such
    principals in the definition (``repository.push_principals``). The roles of IAM Identity Center always lie
    below a path, so they are named by their permission set. The account's root user and federated users are
    never a default.
    """
    role_name = _assumed_role(target)
    if role_name is not None:
        reserved = role_name.startswith("AWSReservedSSO_")
        return "" if reserved else f"arn:{target.partition}:iam::{target.account_id}:role/{role_name}"
    arn = target.caller_arn or ""
    return arn if ":user/" in arn else ""


def deploying_permission_set(target: Target) -> str:
    """The permission set of IAM Identity Center by which the caller is signed in; empty without one.

    Its name is kept rather than its role's: the role gets another suffix each time the set is assigned.
    """
    match = _PERMISSION_SET_ROLE.fullmatch(_assumed_role(target) or "")
    return match.group(1) if match else ""


def _assumed_role(target: Target) -> str | None:
    _, assumed, session = (target.caller_arn or "").partition(":assumed-role/")
    return session.split("/", 1)[0] if assumed else None
