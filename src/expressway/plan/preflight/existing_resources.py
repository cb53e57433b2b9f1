"""Resources of fixed names, looked up before a change: names that are in use, and what a stack has lost.

CloudFormation finds a name in use only when it has made the stack and half of its resources. What an earlier deletion
kept (``removal_policy: retain``) can be taken over instead: a change set made with ``ImportExistingResources`` imports
resources that have a fixed name and a retaining deletion policy (API reference, CreateChangeSet).

What somebody removed from a stack by other means does not show in its template. A drift-aware change set
(``DeploymentMode=REVERT_DRIFT``) makes it again (CloudFormation user guide, "Using drift-aware change sets"). An
Express service is not among these: ECS goes on to describe a removed one (INACTIVE).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from expressway.cloudformation.resource_kinds import kind_of
from expressway.cloudformation.stack import DEFAULT_CLUSTER, EXPRESS_TYPE, StackState, template_resources
from expressway.cloudformation.template import RETAINING, Template
from expressway.core.progress import ProgressSink, ReadPool
from expressway.errors import RefusedError
from expressway.hints import option
from expressway.plan.diff import PropertyChange, ResourceChange
from expressway.plan.ports import AccountReads, if_allowed

_REPOSITORY, _LOG_GROUP, _ROLE = "AWS::ECR::Repository", "AWS::Logs::LogGroup", "AWS::IAM::Role"
_RESTORABLE = frozenset({_REPOSITORY, _LOG_GROUP, _ROLE})
_THREADS = 6


@dataclass(frozen=True, slots=True)
class NamedResource:
    """A resource whose template fixes its name. `retained`: its deletion policy keeps it."""

    stack_name: str
    logical_id: str
    resource_type: str
    name: str
    retained: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def phrase(self) -> str:
        return f"{kind_of(self.resource_type).noun} {self.name}"

    @property
    def holds_data(self) -> bool:
        """Whether it holds images or logs, so that taking it over makes sense."""
        return kind_of(self.resource_type).holds_data

    @property
    def can_be_adopted(self) -> bool:
        return self.holds_data and self.retained


def _named_resources(stack_name: str, resources: Mapping[str, Mapping[str, Any]]) -> Iterator[NamedResource]:
    for logical_id, resource in resources.items():
        resource_type, properties = str(resource.get("Type")), resource.get("Properties", {})
        name = kind_of(resource_type).name_of(properties)
        if name is not None and resource_type in _RESTORABLE | {EXPRESS_TYPE}:
            retained = resource.get("DeletionPolicy") in RETAINING
            yield NamedResource(stack_name, logical_id, resource_type, name, retained, properties)


def _exists(resource: NamedResource, account: AccountReads) -> bool:
    match resource.resource_type:
        case "AWS::ECR::Repository":
            return account.repositories().describe_repository(resource.name) is not None
        case "AWS::Logs::LogGroup":
            return account.log_groups().group(resource.name) is not None
        case "AWS::IAM::Role":
            return account.roles().role(resource.name) is not None
        case _:
            cluster = resource.properties.get("Cluster")
            where = cluster if isinstance(cluster, str) else DEFAULT_CLUSTER
            return account.living_service(where, resource.name) is not None


# -- names that are in use --------------------------------------------------------------------------------------
def creates_resources(stack: StackState | None) -> bool:
    """Whether deploying creates all resources of the stack, while nothing of it holds their names."""
    return stack is None or stack.never_created


def find_name_conflicts(
    templates: Iterable[Template],
    *,
    account: AccountReads,
    progress: ProgressSink,
    held: Mapping[str, Collection[str]] | None = None,
) -> tuple[NamedResource, ...]:
    """The resources of `templates` whose names are in use. Reads only, all at the same time.

    `held`: by stack name, the logical ids that a deployed stack holds already, whose names are rightly in use.

    Raises:
        TargetError: ``credentials_expired`` and the like (never ``access_denied``: that is a warning).
    """
    named = [
        resource
        for template in templates
        for resource in _named_resources(template.stack_name, template.document.get("Resources", {}))
        if resource.logical_id not in (held or {}).get(template.stack_name, ())
    ]
    if not named:
        return ()

    def is_in_use(resource: NamedResource) -> bool:
        what = f"whether there is a {resource.phrase} already"
        return if_allowed(lambda: _exists(resource, account), False, what=what, phase="plan", progress=progress)

    with ReadPool(_THREADS, thread_name_prefix="names") as pool:
        in_use = pool.map(is_in_use, named)
        return tuple(resource for resource, taken in zip(named, in_use, strict=True) if taken)


def refuse_name_conflicts(app_name: str, conflicts: Iterable[NamedResource], *, adopt: bool) -> None:
    """Refuse names that are in use, except those of resources that `adopt` lets CloudFormation import.

    Raises:
        RefusedError: ``name_taken``; ``details["resources"]`` lists each with its type and name.
    """
    blocking = [resource for resource in conflicts if not (adopt and resource.can_be_adopted)]
    if not blocking:
        return
    listed = ", ".join(resource.phrase for resource in blocking)
    verb = "exists" if len(blocking) == 1 else "exist"
    resources = [
        {"type": resource.resource_type, "name": resource.name, "can_be_adopted": resource.can_be_adopted}
        for resource in blocking
    ]
    raise RefusedError(
        "name_taken",
        f"What deploying {app_name} would make {verb} already, outside its stacks: {listed}. Nothing was changed.",
        _hint(blocking),
        {"resources": resources},
    )


def _hint(blocking: list[NamedResource]) -> str:
    otherwise = "choose another app name, or delete the resources named above"
    if all(resource.can_be_adopted for resource in blocking):
        kept = "what an earlier deletion has kept, images and logs included"
        return f"Pass {option('adopt')} to take over {kept}; or {otherwise}."
    if all(resource.holds_data for resource in blocking):
        over = f"Set removal_policy: retain and pass {option('adopt')} to take them over with their content"
        return f"{over}; or {otherwise}."
    return f"{otherwise[:1].upper()}{otherwise[1:]}; roles and services cannot be taken over."


# -- what a stack has lost --------------------------------------------------------------------------------------
def find_removed(
    stacks: Iterable[StackState | None], *, account: AccountReads, progress: ProgressSink
) -> Mapping[str, list[ResourceChange]]:
    """By stack name, the restorations of what the healthy ones of these stacks have lost. Reads only, in parallel.

    A role that lacks policies which its template gives it counts as well. What may not be looked at counts as there,
    with a warning.

    Raises:
        TargetError: ``credentials_expired`` and the like (never ``access_denied``).
    """
    held = [
        resource
        for stack in stacks
        if stack is not None and stack.healthy
        for resource in _named_resources(stack.name, template_resources(stack))
        if resource.resource_type in _RESTORABLE
    ]
    restorations: dict[str, list[ResourceChange]] = {}
    if not held:
        return restorations

    def restoration(resource: NamedResource) -> ResourceChange | None:
        what = f"whether the {resource.phrase} still exists"
        return if_allowed(lambda: _restoration(resource, account), None, what=what, phase="plan", progress=progress)

    with ReadPool(_THREADS, thread_name_prefix="removed") as pool:
        for resource, change in zip(held, pool.map(restoration, held), strict=True):
            if change is not None:
                restorations.setdefault(resource.stack_name, []).append(change)
    return restorations


def _restoration(resource: NamedResource, account: AccountReads) -> ResourceChange | None:
    lost: Iterable[str] = ()
    if resource.resource_type != _ROLE:
        is_lost = not _exists(resource, account)
    else:
        names = account.roles().policy_names(resource.name)
        lost = sorted(_lost_policies(resource.properties, names)) if names is not None else ()
        is_lost = names is None or bool(lost)
    properties = tuple(PropertyChange(f"Policies.{name}", None, "(as the template says)") for name in lost)
    return ResourceChange("restore", resource.logical_id, resource.resource_type, properties) if is_lost else None


def _lost_policies(properties: Mapping[str, Any], names: frozenset[str]) -> frozenset[str]:
    """What a template gives a role that has policies of these names; a policy of the stack's own by its logical id.

    CloudFormation names the latter ``STACK-LOGICALID-RANDOM``, shortened where that is too long: none is missed while
    the role has as many that the template does not name.
    """
    by_name = template_policies(properties)
    made_here = {
        one["Ref"] for one in properties.get("ManagedPolicyArns", ()) if isinstance(one, dict) and "Ref" in one
    }
    others = names - by_name
    missing = {one for one in made_here if not any(f"-{one}-" in name for name in others)}
    return (by_name - names) | (missing if len(others) < len(made_here) else frozenset[str]())


def template_policies(properties: Mapping[str, Any]) -> frozenset[str]:
    """Names of the policies that a template gives a role, as far as it names them."""
    inline = (one.get("PolicyName") for one in properties.get("Policies", ()) if isinstance(one, Mapping))
    managed = (_last_part(one) for one in properties.get("ManagedPolicyArns", ()))
    return frozenset(name for name in (*inline, *managed) if isinstance(name, str))


def _last_part(arn: Any) -> str | None:
    """The name at the end of a managed policy's ARN, also where a partition is joined in; None of a reference."""
    while isinstance(arn, Mapping):
        joined = arn.get("Fn::Join")
        arn = joined[1][-1] if isinstance(joined, list) else arn.get("Fn::Sub")
    return arn.rsplit("/", 1)[-1] if isinstance(arn, str) and "/" in arn else None
