"""Which of the names in a definition a plan would make something of."""

from collections.abc import Iterable
from dataclasses import dataclass

from expressway.cloudformation.service_location import EXPRESS_TYPE
from expressway.plan.diff import ResourceChange, StackChange

_MADE = frozenset({"create", "replace", "restore"})


@dataclass(frozen=True, slots=True)
class TouchedNames:
    """`service`: new tasks start, which need all that the service names. `key`: the repository is made with its key.
    `principals`: who may push is written into a trust policy."""

    service: bool = False
    key: bool = False
    principals: bool = False

    @property
    def any(self) -> bool:
        return self.service or self.key or self.principals


def touched_names(stacks: Iterable[StackChange]) -> TouchedNames:
    """What these changes need of the names in the definition."""
    changes = [change for stack in stacks for change in stack.resources]
    return TouchedNames(
        service=any(_starts_tasks(change) for change in changes if change.resource_type == EXPRESS_TYPE),
        key=any(change.action in _MADE for change in changes if change.resource_type == "AWS::ECR::Repository"),
        principals=any(_writes_trust(change) for change in changes if change.logical_id == "PushPullRole"),
    )


def _starts_tasks(change: ResourceChange) -> bool:
    """Another number of tasks makes no new revision, and attributes of the resource are CloudFormation's alone."""
    if change.action == "update":
        return any(not item.path.startswith(("ScalingTarget", "@")) for item in change.properties)
    return change.action in _MADE


def _writes_trust(change: ResourceChange) -> bool:
    if change.action == "update":
        return any(item.path.startswith("AssumeRolePolicyDocument") for item in change.properties)
    return change.action in _MADE
