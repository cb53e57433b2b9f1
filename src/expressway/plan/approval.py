"""Whether what is about to happen to a stack is what was shown of it and approved, and what it would be beyond that.

An image's URI has the digest of its content only once that is built. So approvals are taken of changes without it,
and with the image that is replaced: another one in its place is somebody else's deployment.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from expressway.cloudformation.change_set import ChangeSet, ChangeSetChange, ChangeSetDetail
from expressway.cloudformation.template import IMAGE_PARAMETER
from expressway.plan.diff import PropertyChange, ResourceChange, StackChange, canonical_json

_ACTIONS = {
    "Add": {"create", "restore"},
    "Import": {"import"},
    "Modify": {"update", "replace", "restore"},
    "Remove": {"delete"},
}
"""CloudFormation's words for what a change set does to a resource, and ours. Others are never what was shown."""
_IMAGE = f"parameter {IMAGE_PARAMETER}"


def approved_changes(changes: Iterable[StackChange]) -> dict[str, Any]:
    """What approving these changes approves, for the journal: digests and replaced images, by the stacks' names."""
    each = list(changes)
    replaced = {change.stack_name: image.before for change in each if (image := _image_change(change)) is not None}
    return {"stacks": {change.stack_name: _identity(change) for change in each}, "images": replaced}


def is_approved(change: StackChange, approval: Mapping[str, Any]) -> bool:
    """Whether this change is the one approved, or nothing (any more). Protection is approved by itself.

    An image that was approved to be built again is there already where an earlier run brought the stack to it
    (``rebuilt`` in the approval): building it once more tells whether that is still what comes of it.
    """
    if change.without_protection().is_empty:
        return True
    image = _image_change(change)
    if image is not None and image.before == approval.get("rebuilt") and _without_images(change).is_empty:
        return True
    if approval.get("stacks", {}).get(change.stack_name) != _identity(change):
        return False
    return image is None or image.before == approval.get("images", {}).get(change.stack_name)


def differences(shown: StackChange, now: StackChange) -> tuple[str, ...]:
    """What is to change now and was shown otherwise or not at all, or the other way round: names, without values.

    An image that was to change and does not any more is none: what was built turned out to be what the stack has.
    """
    if shown.is_new != now.is_new:
        return ("the whole stack, which was deleted",) if now.is_new else ("the whole stack, which was made meanwhile",)
    told, found = dict(_items(shown)), dict(_items(now))
    if _IMAGE not in found:
        told.pop(_IMAGE, None)
    return tuple(name for name in sorted({*told, *found}) if told.get(name) != found.get(name))


def unshown_changes(shown: StackChange, change_set: ChangeSet) -> tuple[str, ...]:
    """What a change set would do to the stack beyond what was shown of it: resources, and properties by their paths.

    What CloudFormation only expects to change because something shown does (it reads an attribute of it, or a
    parameter) is a consequence of that. Elements of lists are not told apart.
    """
    planned = {change.logical_id: change for change in shown.resources}
    parameters = {item.path for item in shown.parameters}
    replaced = {change.logical_id for change in change_set.replacements}
    causes = _with_consequences(set(planned), change_set.changes, parameters)
    return tuple(
        name
        for change in change_set.changes
        if change.action != "SyncWithActual"  # a drift-aware change set's word for what changes nothing but its record
        for name in _beyond(change, planned.get(change.logical_id), causes, parameters, replaced)
    )


def _identity(change: StackChange) -> str:
    return hashlib.sha256(canonical_json(asdict(_without_images(change))).encode()).hexdigest()[:16]


def _without_images(change: StackChange) -> StackChange:
    bare = change.without_protection()
    resources = (_without_image(one) for one in bare.resources)
    return replace(
        bare,
        resources=tuple(one for one in resources if one is not None),
        parameters=tuple(item for item in bare.parameters if item.path != IMAGE_PARAMETER),
    )


def _without_image(change: ResourceChange) -> ResourceChange | None:
    """None for a resource of which nothing changes but the image that it names."""
    kept = tuple(item for item in change.properties if item.parameter != IMAGE_PARAMETER)
    return None if change.properties and not kept else replace(change, properties=kept)


def _image_change(change: StackChange) -> PropertyChange | None:
    return next((item for item in change.parameters if item.path == IMAGE_PARAMETER), None)


def _items(change: StackChange) -> Iterator[tuple[str, Any]]:
    bare = change.without_protection()
    for one in filter(None, map(_without_image, bare.resources)):
        if not one.properties:
            yield f"{one.logical_id} ({one.action})", one.resource_type
        for item in one.properties:
            yield f"{one.logical_id}.{item.path}", (one.action, item.before, item.after)
    for item in bare.parameters:
        after = None if item.path == IMAGE_PARAMETER else item.after
        yield f"parameter {item.path}", (item.before, after)
    for kind, items in (("output", bare.outputs), ("setting", bare.settings)):
        for item in items:
            yield f"{kind} {item.path}", (item.before, item.after)


# -- change sets ------------------------------------------------------------------------------------------------
def _with_consequences(
    shown: set[str], changes: Iterable[ChangeSetChange], parameters: Collection[str]
) -> frozenset[str]:
    """The resources that are shown, and those that CloudFormation expects to change only by them, however far."""
    left = [change for change in changes if change.logical_id not in shown and change.action == "Modify"]
    causes = set(shown)
    while found := [change for change in left if _only_follows(change, causes, parameters)]:
        causes |= {change.logical_id for change in found}
        left = [change for change in left if change.logical_id not in causes]
    return frozenset(causes)


def _only_follows(change: ChangeSetChange, causes: Collection[str], parameters: Collection[str]) -> bool:
    return bool(change.details) and all(_follows(detail, causes, parameters) for detail in change.details)


def _follows(detail: ChangeSetDetail, causes: Collection[str], parameters: Collection[str]) -> bool:
    return (detail.follows in causes) if detail.follows else (detail.parameter in parameters)


def _beyond(
    change: ChangeSetChange,
    planned: ResourceChange | None,
    causes: Collection[str],
    parameters: Collection[str],
    replaced: Collection[str],
) -> Iterator[str]:
    if change.logical_id in replaced and (planned is None or planned.action not in {"replace", "restore"}):
        yield f"{change.logical_id} (replace)"
    elif planned is None:
        if change.logical_id not in causes:
            yield f"{change.logical_id} ({change.action.lower()})"
    elif planned.action not in _ACTIONS.get(change.action, ()):
        yield f"{change.logical_id} ({change.action.lower()})"
    elif planned.action != "restore":
        paths = [_cut(item.path, "[") for item in planned.properties]
        for path in dict.fromkeys(
            _path(detail) for detail in change.details if not _follows(detail, causes, parameters)
        ):
            if not any(_overlap(path, other) for other in paths):
                yield f"{change.logical_id}.{path}"


def _path(detail: ChangeSetDetail) -> str:
    """The path of a detail as plans write it, up to the first list: ``/Properties/A/B/0/C`` is ``A.B``."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in detail.path.split("/")[1:]]
    if steps and steps[0] == "Properties":
        steps = steps[1:]
    elif steps and steps[0] != "Tags":
        steps = [f"@{steps[0]}"]
    lists = next((at for at, step in enumerate(steps) if step.isdecimal()), len(steps))
    return ".".join(steps[:lists])


def _cut(text: str, mark: str) -> str:
    return text.partition(mark)[0]


def _overlap(one: str, other: str) -> bool:
    """Whether one path is the other, or a part of it; the empty path is the whole resource."""
    return not one or one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
