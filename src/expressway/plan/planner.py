"""Tell what deploying an app would change, reading only."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from expressway.app.origin import Origin, refuse_other_origin, without_origin
from expressway.aws.values.target import Target
from expressway.cloudformation.limits import check_limits
from expressway.cloudformation.stack import (
    StackState,
    StackVersion,
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
from expressway.plan.preflight.name_conflicts import find_taken_names, makes_names, refuse_taken_names
from expressway.plan.preflight.removed_resources import find_removed, restoration
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
    changes: list[StackChange] = []
    seen: dict[str, StackState | None] = {}
    made: list[Template] = []
    held: dict[str, Collection[str]] = {}
    missing: str | None = None
    unused: tuple[str, ...] = ()
    impossible: list[str] = []
    standing: list[StackState | None] = []
    for template in templates:
        stack = seen[template.stack_name] = stacks.describe(template.stack_name)
        if stack is not None and stack.names_its_owner and not adopt:
            refuse_foreign(stack, app_name)
        deployed = deployed_stack(stack)
        standing.append(deployed)
        if template is templates.service and deployed is not None:
            image = renewed(deployed.parameters.get(IMAGE_PARAMETER, "")) or image
        wanted = stack_parameters(template, deployed, target=target, image=image)
        check_limits(template, parameters=target.pseudo_parameters | wanted)
        change = stack_change(template, deployed, wanted)
        protected = deployed is not None and deployed.termination_protection
        changes.append(change.protecting(before=protected, after=termination_protection))
        impossible.extend(_impossible(change, template))
        if makes_names(stack) or (deployed is not None and deployed.healthy and change.creations):
            made.append(template)
            held[template.stack_name] = template_resources(deployed)
        if template is templates.service:
            missing = _missing_service(app_name, stack, account, progress)
            unused = _unused_stacks(app_name, templates, deployed, stacks)
    if not adopt:
        refuse_other_origin(app_name, origin, [seen[one.stack_name] for one in (templates.service, *templates)])
    taken = find_taken_names(made, account=account, progress=progress, held=held)
    if taken and any(_version(stacks.describe(name)) != _version(stack) for name, stack in seen.items()):
        return plan_app(  # another run has just made what has these names
            app_name,
            templates,
            target=target,
            stacks=stacks,
            account=account,
            image=image,
            termination_protection=termination_protection,
            adopt=adopt,
            allow_replacement=allow_replacement,
            origin=origin,
            renewed=renewed,
            progress=progress,
        )
    refuse_taken_names(app_name, taken, adopt=adopt)
    removed = find_removed(standing, account=account, progress=progress)
    planned = tuple(
        change.importing({one.logical_id for one in taken if one.stack_name == change.stack_name}).restoring(
            [restoration(one) for one in removed if one.stack_name == change.stack_name]
        )
        for change in changes
    )
    digests = {template.stack_name: template.digest for template in templates}
    return Plan(
        app_name,
        target.describe(),
        planned,
        image,
        digests,
        adopt=adopt,
        allow_replacement=allow_replacement,
        missing_service=missing,
        unused_stacks=unused,
        impossible=tuple(impossible),
    )


def _version(stack: StackState | None) -> StackVersion | None:
    return stack.version if stack is not None else None


def _impossible(change: StackChange, template: Template) -> list[str]:
    return [impossible_replacement(one) for one in planned_replacements(change, template) if one.obstacle]


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


def _unused_stacks(
    app_name: str, templates: AppTemplates, service: StackState | None, stacks: StackReader
) -> tuple[str, ...]:
    """The repository's stack, once the definition stops building the image that `service` runs."""
    if templates.repository is not None or service is None or not _runs_built_image(service):
        return ()
    repository = stacks.describe(repository_stack_name(app_name))
    if repository is None or repository.is_made_anew or repository.owner_app != app_name:
        return ()
    return (repository.name,)


def _runs_built_image(service: StackState) -> bool:
    """Whether the stack leaves its image to a parameter alone, as those of apps do that are built."""
    declared = _deployed_document(service).get("Parameters", {}).get(IMAGE_PARAMETER)
    return isinstance(declared, Mapping) and "Default" not in declared


def _missing_service(
    app_name: str, stack: StackState | None, account: AccountReads, progress: ProgressSink
) -> str | None:
    """The service that a settled stack should hold, if ECS does not have it."""
    if stack is None or not stack.healthy or not holds_express_service(stack):
        return None
    location = service_location(app_name, stack)
    is_missing = if_allowed(
        lambda: account.living_service(location.cluster, location.name) is None,
        what=f"whether the service {location.name} exists",
        phase="plan",
        progress=progress,
    )
    return (location.arn or location.name) if is_missing else None


def deployed_stack(stack: StackState | None) -> StackState | None:
    """The stack that deploying would update; None when it would be made anew."""
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
    values |= {name: value for name, value in pusher_parameters(previous, target).items() if name in declared}
    if IMAGE_PARAMETER in declared and image is not None:
        values[IMAGE_PARAMETER] = image.parameter
    return values


def stack_change(template: Template, deployed: StackState | None, wanted: Mapping[str, str]) -> StackChange:
    """What a template and these parameters change in a stack, without its protection.

    Raises:
        StackError: ``template_unreadable``.
    """
    if deployed is None:
        return compare_templates(
            template.stack_name,
            before=None,
            after=template.document,
            parameters_before={},
            parameters_after=without_origin(wanted),
        )
    return compare_templates(
        template.stack_name,
        before=_deployed_document(deployed),
        after=template.document,
        parameters_before=without_origin(deployed.parameters),
        parameters_after=without_origin(wanted),
    )


def _deployed_document(deployed: StackState) -> dict[str, Any]:
    try:
        document: Any = json.loads(deployed.template)
    except ValueError as exc:
        raise _unreadable(deployed) from exc
    if not isinstance(document, dict):
        raise _unreadable(deployed)
    return document


def _unreadable(deployed: StackState) -> StackError:
    return StackError(
        "template_unreadable",
        f"The template of the stack {deployed.name} cannot be read, so nothing can be compared with it.",
        "Choose another app name, or delete that stack first.",
        {"stack": deployed.name},
    )


ROLE_OR_USER_PARAMETER = "PusherArn"
PERMISSION_SET_PARAMETER = "PusherPermissionSet"

_PERMISSION_SET_ROLE = re.compile(r"AWSReservedSSO_([A-Za-z0-9+=,.@_-]{1,32})_[0-9a-f]{16}")
"""Role of a permission set. Source: IAM Identity Center, "Referencing permission sets in resource policies"."""


def pusher_parameters(previous: Mapping[str, str], target: Target) -> dict[str, str]:
    """The parameters of the repository stack that name the pusher, both texts.

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

    Its name is kept rather than its role's: the role gets another suffix whenever the set is assigned anew.
    """
    match = _PERMISSION_SET_ROLE.fullmatch(_assumed_role(target) or "")
    return match.group(1) if match else ""


def _assumed_role(target: Target) -> str | None:
    _, assumed, session = (target.caller_arn or "").partition(":assumed-role/")
    return session.split("/", 1)[0] if assumed else None
