"""Where an app's service is: read from its stack's outputs, then its template, then the naming rule."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from expressway.aws.values.target import parse_arn
from expressway.cloudformation.stack import StackState

EXPRESS_TYPE = "AWS::ECS::ExpressGatewayService"
DEFAULT_CLUSTER = "default"
_SERVICE_PATH = re.compile(r"(?:[\w-]+/)?[\w-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class ServiceLocation:
    """Cluster and name of a service; `arn` is empty while nobody has told it."""

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
    told = service_arn_of(stack)
    if told is not None:
        return told
    properties = _express_properties(stack)
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
    return any(resource.get("Type") == EXPRESS_TYPE for resource in template_resources(stack).values())


def _express_properties(stack: StackState | None) -> Mapping[str, Any]:
    for resource in template_resources(stack).values():
        if resource.get("Type") == EXPRESS_TYPE:
            return resource.get("Properties", {})
    return {}
