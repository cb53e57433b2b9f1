"""What a deletion leaves standing, and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from expressway.aws.values.service import ServiceState
from expressway.cloudformation.resource_kinds import kind_of
from expressway.cloudformation.service_location import EXPRESS_TYPE, template_resources
from expressway.cloudformation.stack import StackState
from expressway.cloudformation.template import RETAINING

_ROLES = ("InfrastructureRoleArn", "ExecutionRoleArn", "TaskRoleArn")


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing that stays."""

    resource: str
    reason: str


def kept_by_stacks(*stacks: StackState | None, service: ServiceState | None) -> tuple[Kept, ...]:
    """What deleting these stacks leaves: retained resources, roles of others, a cluster that others use."""
    kept = [one for stack in stacks for one in (*_retained(stack), *_foreign_roles(stack))]
    if service is not None:
        kept.append(Kept(f"cluster {service.cluster}", "clusters are shared between apps"))
    return tuple(dict.fromkeys(kept))


def retained_names(stack: StackState | None) -> frozenset[str]:
    """Physical names (or logical ids) of the resources that the stack's template retains."""
    resources = template_resources(stack).items()
    return frozenset(_name(logical_id, resource) for logical_id, resource in resources if _is_retained(resource))


def retains_service(stack: StackState | None) -> bool:
    """Whether the template keeps the service itself."""
    resources = template_resources(stack).values()
    return any(_is_retained(resource) for resource in resources if resource.get("Type") == EXPRESS_TYPE)


def _retained(stack: StackState | None) -> Iterator[Kept]:
    for logical_id, resource in template_resources(stack).items():
        if _is_retained(resource):
            yield Kept(f"{resource.get('Type')} {_name(logical_id, resource)}", "its removal policy is retain")


def _foreign_roles(stack: StackState | None) -> Iterator[Kept]:
    for resource in template_resources(stack).values():
        if resource.get("Type") == EXPRESS_TYPE:
            properties: Mapping[str, Any] = resource.get("Properties", {})
            for role in (properties.get(name) for name in _ROLES):
                if isinstance(role, str):
                    yield Kept(f"role {role}", "it is named by the definition and was not made by Expressway")


def _is_retained(resource: Mapping[str, Any]) -> bool:
    return resource.get("DeletionPolicy") in RETAINING


def _name(logical_id: str, resource: Mapping[str, Any]) -> str:
    return kind_of(resource.get("Type")).name_of(resource.get("Properties", {})) or logical_id
