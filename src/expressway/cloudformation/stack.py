"""A CloudFormation stack and what happens to it, as plain values."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from expressway.aws.values.limits import TEMPLATE_BODY
from expressway.aws.values.target import parse_arn
from expressway.errors import StackError

OWNERSHIP_KEY = "Expressway"
"""Template-level metadata key that marks a stack as ours; its value is ``{"App": name, "Schema": 1}``."""


_REPOSITORY_STACK, _SERVICE_STACK = "-ecr-infrastructure", "-express-service"


def repository_stack_name(app_name: str) -> str:
    return f"{app_name}{_REPOSITORY_STACK}"


def service_stack_name(app_name: str) -> str:
    return f"{app_name}{_SERVICE_STACK}"


def may_be_an_apps(stack_name: str) -> bool:
    """Whether a stack is named as an app's; only its template's metadata tells that it is one."""
    return stack_name.endswith((_REPOSITORY_STACK, _SERVICE_STACK))


def refuse_oversized(stack_name: str, template_body: str) -> None:
    """Refuse a template that CloudFormation cannot take.

    Raises:
        StackError: ``template_too_large``.
    """
    size = len(template_body.encode())
    if size > TEMPLATE_BODY.maximum:
        raise StackError(
            "template_too_large",
            f"The template of {stack_name} has {size:,} bytes; "
            f"CloudFormation takes at most {TEMPLATE_BODY.maximum:,} in a call.",
            TEMPLATE_BODY.remedy,
            {"stack": stack_name, "bytes": size},
        )


def owner_of(template: Mapping[str, Any]) -> str | None:
    """The app that a template belongs to, or None when it does not carry the ownership mark."""
    metadata = template.get("Metadata")
    mark = metadata.get(OWNERSHIP_KEY) if isinstance(metadata, Mapping) else None
    app = mark.get("App") if isinstance(mark, Mapping) else None
    return app if isinstance(app, str) else None


@dataclass(frozen=True, slots=True)
class StackVersion:
    """What differs whenever anybody has changed a stack; no more is known by it, but it is quickly asked for."""

    stack_id: str
    status: str
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class StackState:
    """One stack. `owner_app` is None for a stack without the ownership mark.

    `template` is the deployed template's text, empty while the stack is only under review.
    """

    name: str
    stack_id: str
    status: str
    status_reason: str = ""
    owner_app: str | None = None
    termination_protection: bool = False
    outputs: Mapping[str, str] = field(default_factory=dict[str, str])
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    updated_at: datetime | None = None
    template: str = ""

    @property
    def version(self) -> StackVersion:
        return StackVersion(self.stack_id, self.status, self.updated_at)

    @property
    def in_progress(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    @property
    def never_created(self) -> bool:
        """True for a shell that holds no resources: under review, or rolled back after its first create."""
        return self.status in {"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"}

    @property
    def is_remains(self) -> bool:
        """True for what a failure has left: it can only be deleted before the stack is made again."""
        return self.status in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}

    @property
    def is_made_anew(self) -> bool:
        """True when deploying creates the stack, whatever is there of it now."""
        return self.is_remains or self.status in {"REVIEW_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"}

    @property
    def names_its_owner(self) -> bool:
        """False while there is no template to read the ownership mark from: under review, or on its way out."""
        return self.status not in {"REVIEW_IN_PROGRESS", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"}

    @property
    def healthy(self) -> bool:
        return self.status in {
            "CREATE_COMPLETE",
            "UPDATE_COMPLETE",
            "UPDATE_ROLLBACK_COMPLETE",
            "IMPORT_COMPLETE",
            "IMPORT_ROLLBACK_COMPLETE",
        }


def is_leaving(stack: StackState | None) -> bool:
    """Whether a stack is being deleted, or is gone."""
    return stack is None or stack.status in {"DELETE_IN_PROGRESS", "DELETE_COMPLETE"}


EventKind = Literal["resource", "hook", "validation"]
STACK_TYPE = "AWS::CloudFormation::Stack"
STARTS = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS"})
"""The stack's own statuses that begin an operation."""
_CONSEQUENCES = (
    *("resource creation cancelled", "resource update cancelled", "resource deletion cancelled"),
    *("the following resource(s) failed", "the following hook(s) failed", "rollback requested by"),
)
_FAILED_HOOKS = {"HOOK_COMPLETE_FAILED", "HOOK_FAILED"}


@dataclass(frozen=True, slots=True)
class StackEvent:
    """One event of a stack operation.

    Attributes:
        status: of the resource, or of the hook or the validation where it is one.
        reason: AWS's own text.
        kind: ``resource`` (what provisioning did), ``hook`` or ``validation`` (what checked it before).
        check: the hook's type or the validation's name.
        only_warns: a hook or a validation that does not stop the operation.
        path: where in the template a validation found it.
    """

    timestamp: datetime
    logical_id: str
    physical_id: str
    resource_type: str
    status: str
    reason: str = ""
    event_id: str = ""
    kind: EventKind = "resource"
    check: str = ""
    only_warns: bool = False
    path: str = ""

    @property
    def failed(self) -> bool:
        if self.kind == "hook":
            return self.status in _FAILED_HOOKS
        return self.kind == "validation" or self.status.endswith("_FAILED")

    @property
    def is_consequence(self) -> bool:
        """True for failures that only follow another one, and so never are the first cause."""
        text = self.reason.lower()
        return self.kind == "resource" and any(mark in text for mark in _CONSEQUENCES)


def own_events(events: Iterable[StackEvent], stack_id: str) -> tuple[StackEvent, ...]:
    """The events of the stack itself, without those of its hooks, resources and nested stacks."""
    return tuple(event for event in events if _is_own(event, stack_id))


def _is_own(event: StackEvent, stack_id: str) -> bool:
    return event.kind == "resource" and event.resource_type == STACK_TYPE and event.physical_id == stack_id


def running_operation_start(events: tuple[StackEvent, ...], stack: StackState) -> str | None:
    """The id of the last event before the stack's newest operation, None when that was its first.

    A rollback belongs to the operation that it undoes. Events are in order of time.
    """
    before: str | None = None
    start: str | None = None
    for event in events:
        if event.status in STARTS and _is_own(event, stack.stack_id):
            start = before
        before = event.event_id
    return start


def first_failure(events: tuple[StackEvent, ...]) -> StackEvent | None:
    """The earliest failed event that is no consequence of another (events in order of time)."""
    failures = [event for event in events if event.failed and not event.only_warns]
    causes = [event for event in failures if not event.is_consequence]
    return next(iter(causes or failures), None)


EXPRESS_TYPE = "AWS::ECS::ExpressGatewayService"
DEFAULT_CLUSTER = "default"
_SERVICE_PATH = re.compile(r"(?:[\w-]+/)?[\w-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class ServiceLocation:
    """Cluster and name of a service; `arn` is empty while it is unknown."""

    cluster: str
    name: str
    arn: str = ""


def parse_service_arn(text: str) -> ServiceLocation | None:
    """The service that an ARN names, or None when the text is none's; the old short form means ``default``."""
    arn = parse_arn(text)
    if arn is None or (arn.service, arn.kind) != ("ecs", "service"):
        return None
    is_whole = (
        arn.partition.startswith("aws")
        and arn.region
        and len(arn.account_id) == 12
        and _SERVICE_PATH.fullmatch(arn.path)
    )
    return ServiceLocation(arn.cluster or DEFAULT_CLUSTER, arn.name, text) if is_whole else None


def service_location(app_name: str, stack: StackState | None) -> ServiceLocation:
    """Where the service of `app_name` is, or would be. `stack` is its service stack, if there is one."""
    location = service_arn_of(stack)
    if location is not None:
        return location
    properties: Mapping[str, Any] = (_express_service(stack) or {}).get("Properties", {})
    name, cluster = properties.get("ServiceName"), properties.get("Cluster")
    return ServiceLocation(
        cluster.rsplit("/", 1)[-1] if isinstance(cluster, str) else DEFAULT_CLUSTER,
        name if isinstance(name, str) else app_name,
    )


def service_arn_of(stack: StackState | None) -> ServiceLocation | None:
    """The service that a stack's outputs name: by value, whatever the output is called."""
    parsed = (parse_service_arn(value) for value in (stack.outputs if stack else {}).values())
    return next((arn for arn in parsed if arn is not None), None)


def template_resources(stack: StackState | None) -> Mapping[str, Mapping[str, Any]]:
    """The resources of a stack's template by logical id; empty when the template is not at hand."""
    if stack is None or not stack.template.strip().startswith("{"):
        return {}
    try:
        document: Any = json.loads(stack.template)
    except json.JSONDecodeError:
        return {}
    resources = document.get("Resources")
    return resources if isinstance(resources, dict) else {}


def holds_express_service(stack: StackState | None) -> bool:
    """Whether the stack's template has an Express service; a stack without one cannot have lost it."""
    return _express_service(stack) is not None


def _express_service(stack: StackState | None) -> Mapping[str, Any] | None:
    resources = template_resources(stack).values()
    return next((resource for resource in resources if resource.get("Type") == EXPRESS_TYPE), None)
