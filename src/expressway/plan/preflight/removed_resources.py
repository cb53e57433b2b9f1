"""What a stack thinks it has and somebody removed by other means: comparing templates shows none of it.

A drift-aware change set (``DeploymentMode=REVERT_DRIFT``) makes it again. Source: CloudFormation user guide, "Using
drift-aware change sets". A removed Express service is not among these: ECS goes on to describe it (INACTIVE).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from expressway.cloudformation.resource_kinds import kind_of
from expressway.cloudformation.stack import StackState, template_resources
from expressway.core.progress import Progress, ProgressSink, ReadPool
from expressway.errors import TargetError
from expressway.plan.diff import PropertyChange, ResourceChange
from expressway.plan.ports import AccountReads

_LOOKED_FOR = frozenset({"AWS::ECR::Repository", "AWS::Logs::LogGroup", "AWS::IAM::Role"})
_THREADS = 6


@dataclass(frozen=True, slots=True)
class RemovedResource:
    """A resource of a stack that is gone; or a role that lacks `policies`, which its template gives it."""

    stack_name: str
    logical_id: str
    resource_type: str
    name: str
    policies: tuple[str, ...] = ()


def restoration(removed: RemovedResource) -> ResourceChange:
    """How a plan shows it."""
    lost = tuple(PropertyChange(f"Policies.{name}", None, "(as the template says)") for name in removed.policies)
    return ResourceChange("restore", removed.logical_id, removed.resource_type, lost)


@dataclass(frozen=True, slots=True)
class _Held:
    """A resource of a fixed name that a stack holds."""

    stack_name: str
    logical_id: str
    resource_type: str
    name: str
    properties: Mapping[str, Any]

    @property
    def phrase(self) -> str:
        return f"{kind_of(self.resource_type).noun} {self.name}"


def find_removed(
    stacks: Iterable[StackState | None], *, account: AccountReads, progress: ProgressSink
) -> tuple[RemovedResource, ...]:
    """What the settled stacks among these have lost. Reads only, all at the same time.

    What may not be looked at counts as there, with a warning.

    Raises:
        TargetError: ``credentials_expired`` and the like (never ``access_denied``).
    """
    held = [one for stack in stacks if stack is not None and stack.healthy for one in _held_by(stack)]
    if not held:
        return ()
    with ReadPool(_THREADS, thread_name_prefix="removed") as pool:
        asked = [pool.submit(_look, one, account, progress) for one in held]
        return tuple(found for one in asked if (found := one.result()) is not None)


def _held_by(stack: StackState) -> Iterator[_Held]:
    for logical_id, resource in template_resources(stack).items():
        resource_type = str(resource.get("Type"))
        properties: Mapping[str, Any] = resource.get("Properties", {})
        name = kind_of(resource_type).name_of(properties)
        if name is not None and resource_type in _LOOKED_FOR:
            yield _Held(stack.name, logical_id, resource_type, name, properties)


def _look(held: _Held, account: AccountReads, progress: ProgressSink) -> RemovedResource | None:
    try:
        lost = _lost(held, account)
    except TargetError as error:
        if error.code != "access_denied":
            raise
        message = f"whether the {held.phrase} still exists could not be verified: {error.message}"
        progress(Progress("plan", message, level="warning"))
        return None
    return None if lost is None else RemovedResource(held.stack_name, held.logical_id, held.resource_type, *lost)


def _lost(held: _Held, account: AccountReads) -> tuple[str, tuple[str, ...]] | None:
    """The name and the policies that are lost; no policies where all of it is, None where nothing is."""
    if held.resource_type == "AWS::IAM::Role":
        names = account.roles().policy_names(held.name)
        policies = _lost_policies(held.properties, names) if names is not None else frozenset[str]()
        return (held.name, tuple(sorted(policies))) if names is None or policies else None
    if held.resource_type == "AWS::ECR::Repository":
        found = account.repositories().describe_repository(held.name)
    else:
        found = account.log_groups().group(held.name)
    return (held.name, ()) if found is None else None


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
