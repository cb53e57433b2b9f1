"""Tell what deploying an app would change, reading only."""

import json
from typing import Any, Protocol

from expressway.errors import RefusedError, StackError
from expressway.model.change import StackChange, compare_templates
from expressway.model.plan import IMAGE_PARAMETER, Plan, PlannedImage
from expressway.model.stack import StackState, refuse_oversized
from expressway.model.target import Target
from expressway.model.template import AppTemplates, Template

PUSHER_PARAMETER = "PusherArn"


class StackReader(Protocol):
    """The one read that a plan needs."""

    def describe(self, stack_name: str) -> StackState | None: ...


def plan_app(
    app_name: str,
    templates: AppTemplates,
    *,
    target: Target,
    stacks: StackReader,
    image: PlannedImage | None,
    adopt: bool = False,
) -> Plan:
    """Compare the templates of an app, and the image it would run, with what is deployed.

    Raises:
        RefusedError: ``stack_foreign`` when a stack of that name belongs to someone else.
        StackError: ``template_too_large``, ``template_unreadable``.
    """
    changes: list[StackChange] = []
    for template in templates:
        refuse_oversized(template.stack_name, template.body)
        stack = stacks.describe(template.stack_name)
        if stack is not None and stack.names_its_owner and not adopt:
            refuse_foreign(stack, app_name)
        deployed = deployed_stack(stack)
        wanted = stack_parameters(template, deployed, target=target, image=image)
        changes.append(_stack_change(template, deployed, wanted))
    digests = {template.stack_name: template.digest for template in templates}
    return Plan(app_name, target.describe(), tuple(changes), image, digests)


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
        "Choose another app name, or pass --adopt to take the stack over.",
        {"stack": stack.name, "status": stack.status},
    )


def stack_parameters(
    template: Template, deployed: StackState | None, *, target: Target, image: PlannedImage | None
) -> dict[str, str]:
    """The parameter values that a template would be deployed with.

    The identity that may push is fixed when the repository is first made and kept from then on, so that two
    people deploying in turn do not rewrite each other's trust.
    """
    declared = template.document.get("Parameters", {})
    previous = deployed.parameters if deployed else {}
    values = {name: str(spec["Default"]) for name, spec in declared.items() if "Default" in spec}
    if PUSHER_PARAMETER in declared:
        values[PUSHER_PARAMETER] = previous.get(PUSHER_PARAMETER) or deploying_identity(target)
    if IMAGE_PARAMETER in declared and image is not None:
        values[IMAGE_PARAMETER] = image.uri or f"(built from this folder, tag {image.tag})"
    return values


def deploying_identity(target: Target) -> str:
    """The IAM principal behind the caller: an assumed role's session is traced to its role.

    A role's path is not part of its session's ARN, so a role below a path is named without it; name such
    principals in the definition (``repository.push_principals``). The roles of IAM Identity Center always lie
    below a path with a region in it: IAM would refuse a trust in the shortened name, so there is no default for
    them. The account's root user and federated users are never a default either.
    """
    arn = target.caller_arn or ""
    if ":assumed-role/" in arn:
        role_name = arn.split(":assumed-role/", 1)[1].split("/", 1)[0]
        if role_name.startswith("AWSReservedSSO_"):
            return ""
        return f"arn:{target.partition}:iam::{target.account_id}:role/{role_name}"
    return arn if ":user/" in arn else ""


def _stack_change(template: Template, deployed: StackState | None, wanted: dict[str, str]) -> StackChange:
    if deployed is None:
        return compare_templates(
            template.stack_name, before=None, after=template.document, parameters_before={}, parameters_after=wanted
        )
    return compare_templates(
        template.stack_name,
        before=_deployed_document(deployed),
        after=template.document,
        parameters_before=deployed.parameters,
        parameters_after=wanted,
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
