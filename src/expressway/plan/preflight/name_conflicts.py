"""Before a stack is made: what already has the names that its resources would get.

CloudFormation finds such a clash only when it has made the stack and half of its resources. What an earlier
deletion kept (``removal_policy: retain``) can be taken over instead: a change set made with
``ImportExistingResources`` imports resources that have a fixed name and a retaining deletion policy.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from expressway.cloudformation.resource_kinds import kind_of
from expressway.cloudformation.stack import DEFAULT_CLUSTER, EXPRESS_TYPE, StackState
from expressway.cloudformation.template import RETAINING, Template
from expressway.core.progress import ProgressSink, ReadPool
from expressway.errors import RefusedError
from expressway.hints import option
from expressway.plan.ports import AccountReads, if_allowed

_LOOKED_FOR = frozenset({"AWS::ECR::Repository", "AWS::Logs::LogGroup", "AWS::IAM::Role", EXPRESS_TYPE})
_THREADS = 6


@dataclass(frozen=True, slots=True)
class NamedResource:
    """A resource of a template that gets a fixed name. `retained`: its deletion policy keeps it."""

    stack_name: str
    logical_id: str
    resource_type: str
    name: str
    retained: bool = False
    cluster: str = ""

    @property
    def phrase(self) -> str:
        return f"{kind_of(self.resource_type).noun} {self.name}"

    @property
    def holds_data(self) -> bool:
        """Whether taking it over makes sense: it holds images or logs."""
        return kind_of(self.resource_type).holds_data

    @property
    def can_be_adopted(self) -> bool:
        return self.holds_data and self.retained


def makes_names(stack: StackState | None) -> bool:
    """Whether deploying makes the stack's resources anew while nothing of the stack holds their names."""
    return stack is None or stack.never_created


def find_taken_names(
    templates: Iterable[Template],
    *,
    account: AccountReads,
    progress: ProgressSink,
    held: Mapping[str, Collection[str]] | None = None,
) -> tuple[NamedResource, ...]:
    """The resources of `templates` whose names are in use. Reads only, all at the same time.

    `held`: by stack name, the logical ids that a standing stack holds already, whose names are rightly in use.

    Raises:
        TargetError: ``credentials_expired`` and the like (never ``access_denied``: that is a warning).
    """
    ours = held or {}
    named = [
        one
        for template in templates
        for one in _named_resources(template)
        if one.logical_id not in ours.get(one.stack_name, ())
    ]
    if not named:
        return ()
    with ReadPool(_THREADS, thread_name_prefix="names") as pool:
        asked = [pool.submit(_is_taken, one, account, progress) for one in named]
        return tuple(one for one, answer in zip(named, asked, strict=True) if answer.result())


def refuse_taken_names(app_name: str, taken: Iterable[NamedResource], *, adopt: bool) -> None:
    """Refuse names that are in use, except those of resources that `adopt` lets CloudFormation import.

    Raises:
        RefusedError: ``name_taken``; ``details["resources"]`` lists each with its type and name.
    """
    blocking = [one for one in taken if not (adopt and one.can_be_adopted)]
    if not blocking:
        return
    listed = ", ".join(one.phrase for one in blocking)
    verb = "exists" if len(blocking) == 1 else "exist"
    raise RefusedError(
        "name_taken",
        f"What deploying {app_name} would make {verb} already, outside its stacks: {listed}. Nothing was changed.",
        _hint(blocking),
        {
            "resources": [
                {"type": one.resource_type, "name": one.name, "can_be_adopted": one.can_be_adopted} for one in blocking
            ]
        },
    )


def _hint(blocking: list[NamedResource]) -> str:
    otherwise = "choose another app name, or delete the resources named above"
    if all(one.can_be_adopted for one in blocking):
        kept = "what an earlier deletion has kept, images and logs included"
        return f"Pass {option('adopt')} to take over {kept}; or {otherwise}."
    if all(one.holds_data for one in blocking):
        over = f"Set removal_policy: retain and pass {option('adopt')} to take them over with their content"
        return f"{over}; or {otherwise}."
    return f"{otherwise[:1].upper()}{otherwise[1:]}; roles and services cannot be taken over."


def _named_resources(template: Template) -> Iterator[NamedResource]:
    resources: Mapping[str, Mapping[str, Any]] = template.document.get("Resources", {})
    for logical_id, resource in resources.items():
        resource_type = str(resource.get("Type"))
        properties: Mapping[str, Any] = resource.get("Properties", {})
        name = kind_of(resource_type).name_of(properties)
        if name is not None and resource_type in _LOOKED_FOR:
            cluster = properties.get("Cluster")
            yield NamedResource(
                stack_name=template.stack_name,
                logical_id=logical_id,
                resource_type=resource_type,
                name=name,
                retained=resource.get("DeletionPolicy") in RETAINING,
                cluster=cluster if isinstance(cluster, str) else DEFAULT_CLUSTER,
            )


def _is_taken(named: NamedResource, account: AccountReads, progress: ProgressSink) -> bool:
    looks = {
        "AWS::ECR::Repository": lambda: account.repositories().describe_repository(named.name) is not None,
        "AWS::Logs::LogGroup": lambda: account.log_groups().group(named.name) is not None,
        "AWS::IAM::Role": lambda: account.roles().role(named.name) is not None,
        EXPRESS_TYPE: lambda: account.living_service(named.cluster, named.name) is not None,
    }
    what = f"whether there is a {named.phrase} already"
    return if_allowed(looks[named.resource_type], what=what, phase="plan", progress=progress)
