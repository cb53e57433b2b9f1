"""What CloudFormation answers about stacks and ministack omits: values in change sets, events, stacks by resource.

API reference of DescribeChangeSet (IncludePropertyValues), ResourceChange and ResourceTargetDefinition. Values
are taken when the change set is made, since its stack may change later; what is only known after the change
shows as ``{{changeSet:KNOWN_AFTER_APPLY}}``, like on AWS.
"""

import copy
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from expressway_sandbox import emulator
from expressway_sandbox.cloudformation import express_type
from expressway_sandbox.emulator import Answer

Handler = Callable[[dict[str, Any]], Answer]
Properties = dict[str, Any]
KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"
_KEY = "_expressway_changes"
_ATTRIBUTES = ("Metadata", "CreationPolicy", "UpdatePolicy", "DeletionPolicy", "UpdateReplacePolicy")


class _UnknownAttributes(dict[str, Any]):
    """The attributes of a resource that does not exist yet: any of them, known after the change."""

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: str) -> str:
        return KNOWN_AFTER_APPLY


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """One changed value: its JSON-pointer path below the resource and both texts, None where there is none."""

    name: str
    path: str
    before: str | None
    after: str | None

    @property
    def kind(self) -> str:
        if self.before is None:
            return "Add"
        return "Remove" if self.after is None else "Modify"


@dataclass(frozen=True, slots=True)
class ResourceValues:
    """A changed resource before and after, as JSON texts, and its changed values."""

    before_context: str | None
    after_context: str | None
    changes: tuple[PropertyChange, ...]


def create_change_set(original: Handler, parameters: dict[str, Any]) -> Answer:
    """CreateChangeSet that also keeps the values of every changed resource."""
    answer = original(parameters)
    if answer[0] < 400:
        change_set_id = _find_text(answer[2], "Id")
        change_set: Any = emulator.module("services.cloudformation")._change_sets.get(change_set_id)
        if change_set is not None:
            _replace_on_tags(change_set)
            change_set[_KEY] = _values(change_set)
    return answer


def _replace_on_tags(change_set: dict[str, Any]) -> None:
    """Tags of an Express Mode service are create-only, so a change of stack tags replaces it as well."""
    for change in change_set["Changes"]:
        resource: dict[str, Any] = change["ResourceChange"]
        if resource["ResourceType"] != express_type.TYPE or resource["Action"] != "Modify":
            continue
        for detail in resource.get("Details", []):
            if detail["Target"]["Attribute"] == "Tags":
                detail["Target"]["RequiresRecreation"] = "Always"
                resource["Replacement"] = "True"
                resource.setdefault("PolicyAction", "ReplaceAndDelete")


def _values(change_set: dict[str, Any]) -> dict[str, ResourceValues]:
    stack: Any = emulator.module("services.cloudformation")._stacks.get(change_set["StackName"]) or {}
    existing: dict[str, Any] = stack.get("_resources") or {}
    old_definitions: dict[str, Any] = (stack.get("_template") or {}).get("Resources") or {}
    new_definitions: dict[str, Any] = change_set["_template"].get("Resources") or {}
    changes = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in change_set["Changes"]}
    view = {logical_id: _as_seen_after(logical_id, existing, changes) for logical_id in new_definitions}
    values: dict[str, ResourceValues] = {}
    for logical_id, change in changes.items():
        before = after = None
        if change["Action"] != "Add" and logical_id in existing:
            old = old_definitions.get(logical_id, {})
            before = {"Properties": existing[logical_id].get("Properties") or {}, **_attributes(old)}
        if change["Action"] != "Remove":
            new = new_definitions.get(logical_id, {})
            after = {"Properties": _resolve(new.get("Properties") or {}, view, change_set), **_attributes(new)}
        values[logical_id] = ResourceValues(
            before_context=_text(before) if before else None,
            after_context=_text(after) if after else None,
            changes=tuple(_property_changes(before, after)) if before and after else (),
        )
    return values


def _as_seen_after(logical_id: str, existing: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    replaced = (changes.get(logical_id) or {}).get("Replacement") == "True"
    if logical_id in existing and not replaced:
        return existing[logical_id]
    return {"PhysicalResourceId": KNOWN_AFTER_APPLY, "Attributes": _UnknownAttributes()}


def _resolve(properties: Properties, view: dict[str, Any], change_set: dict[str, Any]) -> Properties:
    engine = emulator.module("services.cloudformation.engine")
    parameters = change_set["_resolved_params"]
    template = change_set["_template"]
    conditions = engine._evaluate_conditions(template, parameters)
    resolved: Properties = {}
    for name, value in properties.items():
        try:
            result = engine._resolve_refs(
                copy.deepcopy(value),
                view,
                parameters,
                conditions,
                template.get("Mappings", {}),
                change_set["StackName"],
                change_set["StackId"],
            )
        except (ValueError, KeyError, TypeError):
            result = KNOWN_AFTER_APPLY
        if result is not engine._NO_VALUE:
            resolved[name] = result
    return resolved


def _attributes(definition: Mapping[str, Any]) -> dict[str, Any]:
    return {name: definition[name] for name in _ATTRIBUTES if name in definition}


def _property_changes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[PropertyChange]:
    old, new = before["Properties"], after["Properties"]
    for name in sorted({*old, *new}):
        for path, was, becomes in _leaves(old.get(name), new.get(name), f"/Properties/{name}"):
            yield PropertyChange(name, path, _text(was), _text(becomes))


def _leaves(old: Any, new: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """The deepest differing values of two trees."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _leaves(old.get(key), new.get(key), f"{path}/{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (was, becomes) in enumerate(zip(old, new, strict=True)):
            yield from _leaves(was, becomes, f"{path}/{index}")
    elif _text(old) != _text(new):
        yield path, old, new


def _text(value: Any) -> str | None:
    """A value the way CloudFormation writes it: scalars as text, also inside objects."""
    if value is None:
        return None
    written = _with_text_scalars(value)
    return written if isinstance(written, str) else json.dumps(written, sort_keys=True)


def _with_text_scalars(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_text_scalars(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_with_text_scalars(member) for member in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def describe_change_set(original: Handler, parameters: dict[str, Any]) -> Answer:
    """DescribeChangeSet that adds the recorded values where IncludePropertyValues asks for them."""
    answer = original(parameters)
    asked = parameters.get("IncludePropertyValues", ["false"])[0].lower() == "true"
    if answer[0] >= 400 or not asked:
        return answer
    change_set_id = _find_text(answer[2], "ChangeSetId")
    change_set: Any = emulator.module("services.cloudformation")._change_sets.get(change_set_id) or {}
    values: dict[str, ResourceValues] = change_set.get(_KEY) or {}
    return answer[0], answer[1], _with_values(answer[2], values)


def _with_values(body: bytes, values: Mapping[str, ResourceValues]) -> bytes:
    root = ElementTree.fromstring(body)  # noqa: S314 - ministack's own answer
    namespace = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    ElementTree.register_namespace("", namespace.strip("{}"))
    for change in root.iter(f"{namespace}ResourceChange"):
        known = values.get(change.findtext(f"{namespace}LogicalResourceId") or "")
        if known is None:
            continue
        _append(change, namespace, {"BeforeContext": known.before_context, "AfterContext": known.after_context})
        details = change.find(f"{namespace}Details")
        if details is not None:
            _fill_details(details, known, namespace)
    return ElementTree.tostring(root)


def _fill_details(details: ElementTree.Element, known: ResourceValues, namespace: str) -> None:
    """One detail for each changed value, in place of ministack's one for each property."""
    for detail in list(details):
        target = detail.find(f"{namespace}Target")
        name = target.findtext(f"{namespace}Name") if target is not None else None
        changes = [change for change in known.changes if change.name == name]
        if target is None or not changes:
            continue
        position = list(details).index(detail)
        details.remove(detail)
        for offset, change in enumerate(changes):
            filled = copy.deepcopy(detail)
            place = filled.find(f"{namespace}Target")
            if place is not None:
                _fill_target(place, change, namespace)
            details.insert(position + offset, filled)


def _fill_target(target: ElementTree.Element, change: PropertyChange, namespace: str) -> None:
    values = {"Path": change.path, "BeforeValue": change.before, "AfterValue": change.after}
    _append(target, namespace, {**values, "AttributeChangeType": change.kind})


def _append(parent: ElementTree.Element, namespace: str, members: Mapping[str, str | None]) -> None:
    for tag, text in members.items():
        if text is not None:
            ElementTree.SubElement(parent, namespace + tag).text = text


def _find_text(body: bytes, tag: str) -> str:
    for element in ElementTree.fromstring(body).iter():  # noqa: S314 - ministack's own answer
        if element.tag.rsplit("}", 1)[-1] == tag:
            return element.text or ""
    return ""


Event = dict[str, Any]

_OPERATIONS = {
    "REVIEW_IN_PROGRESS": "CREATE_CHANGESET",
    "CREATE_IN_PROGRESS": "CREATE_STACK",
    "UPDATE_IN_PROGRESS": "UPDATE_STACK",
    "DELETE_IN_PROGRESS": "DELETE_STACK",
}
_STORE = "_operation_events"
# The statuses that OperationEvent has a value for; a stack passes through more.
_STACK_ONLY = (
    "REVIEW_IN_PROGRESS",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
)


def describe_stack_resources(original: Handler, parameters: dict[str, Any]) -> Answer:
    """`original`, which knows stacks by name only, for resources as well."""
    physical_id = parameters.get("PhysicalResourceId", [""])[0]
    if not physical_id or parameters.get("StackName"):
        return original(parameters)
    return original({**parameters, "StackName": [_stack_of(physical_id) or physical_id]})


def _stack_of(physical_id: str) -> str | None:
    stacks: list[Any] = list(emulator.module("services.cloudformation")._stacks.values())
    for stack in stacks:
        resources: dict[str, Any] = stack.get("_resources") or {}
        if any(resource.get("PhysicalResourceId") == physical_id for resource in resources.values()):
            return str(stack["StackName"])
    return None


def describe_events(original: Handler, parameters: dict[str, Any]) -> Answer:
    """`original`, over all events of the stacks instead of the failed validations only."""
    stacks: list[Any] = list(emulator.module("services.cloudformation")._stacks.values())
    kept = [stack.get(_STORE) for stack in stacks]
    for stack, validations in zip(stacks, kept, strict=True):
        stack[_STORE] = _all_events(stack, validations or [])
    try:
        return original(parameters)
    finally:
        for stack, validations in zip(stacks, kept, strict=True):
            if validations is None:
                stack.pop(_STORE, None)
            else:
                stack[_STORE] = validations


def _all_events(stack: Any, validations: list[Event]) -> list[Event]:
    failed = [event for event in validations if event.get("EventType") == "VALIDATION_ERROR"]
    recorded: Any = emulator.module("services.cloudformation")._stack_events.get(stack["StackId"]) or []
    return failed + list(reversed(list(_operation_events(stack["StackId"], recorded))))


def _operation_events(stack_id: str, recorded: list[Event]) -> Iterator[Event]:
    operation_id, operation = _operation_id(stack_id, 0), "CREATE_STACK"
    for number, event in enumerate(recorded):
        status = str(event["ResourceStatus"])
        of_stack = event["LogicalResourceId"] == event["StackName"] and event.get("PhysicalResourceId") == stack_id
        if of_stack and status in _OPERATIONS:
            operation_id, operation = _operation_id(stack_id, number), _OPERATIONS[status]
        if status in _STACK_ONLY:
            continue
        has_failed = status.endswith("_FAILED")
        yield {
            **{name: value for name, value in event.items() if value},
            "OperationId": operation_id,
            "OperationType": operation,
            "OperationStatus": _operation_status(status, of_stack=of_stack),
            "EventType": "PROVISIONING_ERROR" if has_failed and not of_stack else "STACK_EVENT",
        }


def _operation_status(status: str, *, of_stack: bool) -> str:
    if status.endswith("_FAILED") or (of_stack and "ROLLBACK" in status):
        return "FAILED"
    return "SUCCEEDED" if of_stack and status.endswith("_COMPLETE") else "IN_PROGRESS"


def _operation_id(stack_id: str, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{stack_id}#{number}"))
