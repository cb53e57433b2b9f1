"""What a deployment would do: a value that can be printed, reviewed, hashed, approved and carried out later."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from expressway.cloudformation.stack import EXPRESS_TYPE
from expressway.image.values import PlannedImage
from expressway.plan.approval import approved_changes, is_approved
from expressway.plan.diff import PropertyChange, ResourceChange, StackChange, canonical_json
from expressway.plan.shapes import PlanJson, PropertyChangeJson, ResourceChangeJson, StackChangeJson


@dataclass(frozen=True, slots=True)
class Plan:
    """Every change that deploying an app would make, and the digest that approves exactly these.

    `template_digests` maps stack names to the SHA-256 of the templates that would be applied. `adopt` and
    `allow_replacement` are what the deployment may do besides: approving a plan approves them too.
    Termination protection is among the settings of its stack. `missing_service` is the service that the deployed
    stack should hold and that ECS does not have (any more): nothing changes in the stacks by that, so a deployment
    cannot bring it back. `unused_stacks` are those of the app that its definition has no use for any more: they stay,
    with what they hold. `impossible` are the replacements that CloudFormation cannot make, a sentence each without its
    full stop.
    """

    app_name: str
    target: str
    stacks: tuple[StackChange, ...]
    image: PlannedImage | None
    template_digests: Mapping[str, str]
    adopt: bool = False
    allow_replacement: bool = False
    missing_service: str | None = None
    unused_stacks: tuple[str, ...] = ()
    impossible: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 (first 16 hexadecimal digits) of everything above: equal plans have equal digests."""
        shape = asdict(self)
        del shape["impossible"]  # it follows from the changes
        shape["image"] = self.image.shape() if self.image else None
        if not self.unused_stacks:  # most plans have none, and a digest may have been approved before they were told
            del shape["unused_stacks"]
        return _digest(shape)

    @property
    def is_empty(self) -> bool:
        """True when deploying would change nothing."""
        builds = self.image is not None and self.image.is_built
        return not builds and self.missing_service is None and all(stack.is_empty for stack in self.stacks)

    def approval(self) -> dict[str, Any]:
        """What approving this plan allows, for the journal: enough to recognise what is left of it later on."""
        return {
            "plan": self.digest,
            "target": self.target,
            "templates": dict(self.template_digests),
            "image": self.image.identity if self.image else None,
            "allows": self.allows,
            **approved_changes(self.stacks),
            "protection": {name: change.after for name, change in self.protection.items()},
        }

    def continues(self, approval: Mapping[str, Any]) -> bool:
        """Whether this plan is what is left of an approved one: each change is done, or the very one approved."""
        current = self.approval()
        if any(current[key] != approval.get(key) for key in ("target", "templates", "image", "allows")):
            return False
        protection: Mapping[str, Any] = approval.get("protection", {})
        return all(is_approved(stack, approval) for stack in self.stacks) and all(
            protection.get(name) == after for name, after in current["protection"].items()
        )

    @property
    def protection(self) -> Mapping[str, PropertyChange]:
        """The stacks whose termination protection would be switched, and how."""
        return {stack.stack_name: change for stack in self.stacks if (change := stack.protection) is not None}

    @property
    def allows(self) -> list[str]:
        """What deploying may do besides: ``adopt`` foreign stacks, ``allow_replacement`` of resources."""
        named = {"adopt": self.adopt, "allow_replacement": self.allow_replacement}
        return [name for name, allowed in named.items() if allowed]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What deploying will refuse, or would not bring about, although the plan shows it."""
        of_image = (f"{one}." for one in self.image.warnings) if self.image else ()
        refused = (f"deploying will be refused: {one}." for one in self.impossible)
        return (*refused, *retained_settings(self.stacks), *taken_over_repositories(self.stacks), *of_image)

    def to_dict(self) -> PlanJson:
        shape = {
            "app_name": self.app_name,
            "target": self.target,
            "plan_digest": self.digest,
            "nothing_to_do": self.is_empty,
            "allows": self.allows,
            "image": {name: part for name, part in self.image.shape().items() if part is not None}
            if self.image
            else None,
            "stacks": [_stack_shape(stack) for stack in self.stacks],
        }
        optional = {
            "missing_service": self.missing_service,
            "unused_stacks": list(self.unused_stacks),
            "warnings": list(self.warnings),
        }
        return cast("PlanJson", shape | {name: part for name, part in optional.items() if part})


def taken_over_repositories(stacks: tuple[StackChange, ...]) -> tuple[str, ...]:
    """A sentence for each repository that is taken over: CloudFormation changes nothing of what it imports."""
    names = [
        f"{stack.stack_name}/{change.logical_id}"
        for stack in stacks
        for change in stack.imports
        if change.resource_type == "AWS::ECR::Repository"
    ]
    return tuple(
        f"{name} is taken over with its settings as they are: its lifecycle policy may expire the image that runs. "
        "Compare them afterwards (a drift detection of the stack shows what differs)."
        for name in names
    )


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]


def _stack_shape(stack: StackChange) -> StackChangeJson:
    shape = {
        "stack_name": stack.stack_name,
        "change": "create" if stack.is_new else "none" if stack.is_empty else "update",
    }
    optional = {
        "resources": [_resource_shape(change) for change in stack.resources],
        "parameters": [_property_shape(item) for item in stack.parameters],
        "outputs": [item.path for item in stack.outputs],
        "settings": [_property_shape(item) for item in stack.settings],
    }
    return cast("StackChangeJson", shape | {name: part for name, part in optional.items() if part})


def _resource_shape(change: ResourceChange) -> ResourceChangeJson:
    shape: ResourceChangeJson = {"action": change.action, "logical_id": change.logical_id, "type": change.resource_type}
    if change.properties:
        shape["properties"] = [_property_shape(item) for item in change.properties]
    return shape


def _property_shape(item: PropertyChange) -> PropertyChangeJson:
    shape: PropertyChangeJson = {"path": item.path, "before": item.before, "after": item.after}
    if item.requires_replacement:
        shape["requires_replacement"] = True
    return shape


_NETWORK = "NetworkConfiguration"
_TASK_DEFINITION = "TaskDefinitionArn"
_ABSENT: tuple[Any, ...] = (None, {"Ref": "AWS::NoValue"})
_SENTENCES = {
    "TaskRoleArn": (
        "ECS may keep the task role, and all that it permits, that the definition does not name any more "
        "(TaskRoleArn): nothing in an update takes it away. Name another, such as a role without permissions"
    ),
    f"{_NETWORK}.SecurityGroups": (
        "ECS may keep the security groups that the definition does not name any more "
        f"({_NETWORK}.SecurityGroups): nothing in an update takes them away. Name others, such as one without rules"
    ),
    f"{_NETWORK}.Subnets": (
        "ECS may keep the subnets that the definition does not name any more "
        f"({_NETWORK}.Subnets): nothing in an update takes them away. Name those that the tasks shall run in"
    ),
}
_OTHERWISE = ", or delete the app and deploy it again (its URL then changes)."


def retained_settings(stacks: Iterable[StackChange]) -> tuple[str, ...]:
    """A sentence for each setting that these changes drop and that ECS may keep; a replaced service keeps nothing."""
    dropped = {
        path
        for stack in stacks
        for resource in stack.resources
        if resource.resource_type == EXPRESS_TYPE and resource.action == "update"
        for path in _dropped(resource)
    }
    return tuple(sentence + _OTHERWISE for path, sentence in _SENTENCES.items() if path in dropped)


def _dropped(service: ResourceChange) -> Iterator[str]:
    """The paths that go from a value to none."""
    brings_task_role = any(item.path == _TASK_DEFINITION and not _is_absent(item.after) for item in service.properties)
    for item in service.properties:
        if _is_absent(item.after) and not (item.path == "TaskRoleArn" and brings_task_role):
            yield from _paths(item)


def _paths(item: PropertyChange) -> Iterator[str]:
    """The path of a property that had a value; of the network, those of its parts that had one."""
    parts = item.before if item.path == _NETWORK and isinstance(item.before, Mapping) else None
    if parts is not None:
        yield from (f"{_NETWORK}.{name}" for name, before in parts.items() if not _is_absent(before))
    elif not _is_absent(item.before):
        yield item.path


def _is_absent(value: Any) -> bool:
    return value in _ABSENT or value == [] or value == ""
