"""What would change in a stack: a pure comparison of two templates and their parameters."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from expressway.cloudformation.resource_kinds import kind_of
from expressway.plan.shapes import ChangeAction

ParameterChanges = Mapping[str, tuple[str | None, str]]
"""Parameters by name, with their values before and after."""
PROTECTION_SETTING = "EnableTerminationProtection"
"""The setting of a stack, beside its template, by which CloudFormation refuses to delete it."""
_ABSENT: Any = None
_ATTRIBUTES = (
    *("DeletionPolicy", "UpdateReplacePolicy", "CreationPolicy", "UpdatePolicy"),
    *("DependsOn", "Metadata", "Condition"),
)


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """One property: its path inside the resource, and its value before and after (None when absent).

    `parameter` names the template's parameter whose values these are, where the property only refers to it.
    """

    path: str
    before: Any
    after: Any
    requires_replacement: bool = False
    parameter: str = ""


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """One resource and what would happen to it."""

    action: ChangeAction
    logical_id: str
    resource_type: str
    properties: tuple[PropertyChange, ...] = ()


@dataclass(frozen=True, slots=True)
class StackChange:
    """One stack: whether it is new, and every difference between what is deployed and what is asked for."""

    stack_name: str
    is_new: bool
    resources: tuple[ResourceChange, ...] = ()
    parameters: tuple[PropertyChange, ...] = ()
    outputs: tuple[PropertyChange, ...] = ()
    settings: tuple[PropertyChange, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.is_new or self.resources or self.parameters or self.outputs or self.settings)

    def _changes(self, action: ChangeAction) -> tuple[ResourceChange, ...]:
        return tuple(change for change in self.resources if change.action == action)

    @property
    def replacements(self) -> tuple[ResourceChange, ...]:
        return self._changes("replace")

    @property
    def creations(self) -> tuple[ResourceChange, ...]:
        return self._changes("create")

    @property
    def deletions(self) -> tuple[ResourceChange, ...]:
        return self._changes("delete")

    @property
    def imports(self) -> tuple[ResourceChange, ...]:
        return self._changes("import")

    @property
    def restorations(self) -> tuple[ResourceChange, ...]:
        return self._changes("restore")

    @property
    def protection(self) -> PropertyChange | None:
        """The change of termination protection, which no change set makes: it is switched beside the template."""
        return next((item for item in self.settings if item.path == PROTECTION_SETTING), None)

    def protecting(self, *, before: bool, after: bool) -> "StackChange":
        """The same change, with termination protection going from `before` to `after`."""
        switched = (PropertyChange(PROTECTION_SETTING, before, after),) if before != after else ()
        return replace(self, settings=(*self.without_protection().settings, *switched))

    def without_protection(self) -> "StackChange":
        """The same change of the template and its parameters alone."""
        return replace(self, settings=tuple(item for item in self.settings if item.path != PROTECTION_SETTING))

    def importing(self, logical_ids: Collection[str]) -> "StackChange":
        """The same change, with these resources taken over instead of made."""
        resources = (
            replace(change, action="import") if change.logical_id in logical_ids else change
            for change in self.resources
        )
        return replace(self, resources=tuple(resources))

    def restoring(self, lost: Collection["ResourceChange"]) -> "StackChange":
        """The same change, with these resources restored too, unless it deletes them."""
        if self.is_new or not lost:
            return self
        merged = {change.logical_id: change for change in self.resources}
        for restoration in lost:
            change = merged.get(restoration.logical_id)
            if change is None:
                merged[restoration.logical_id] = restoration
            elif change.action != "delete":
                properties = (*change.properties, *restoration.properties)
                merged[restoration.logical_id] = replace(change, action="restore", properties=properties)
        return replace(self, resources=tuple(merged[logical_id] for logical_id in sorted(merged)))


def compare_templates(
    stack_name: str,
    *,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    parameters_before: Mapping[str, str],
    parameters_after: Mapping[str, str],
) -> StackChange:
    """Compare what is deployed (`before`, None for a new stack) with what is asked for.

    Comparing a template with itself, under the same parameters, gives an empty change. So does another default of a
    parameter that keeps its value: CloudFormation finds nothing to update in it, and the stack keeps the old template.
    """
    old = _section(before, "Resources")
    new = _section(after, "Resources")
    changed_parameters = {
        name: (parameters_before.get(name), value)
        for name, value in parameters_after.items()
        if parameters_before.get(name) != value
    }
    kept_parameters = parameters_after.keys() - changed_parameters.keys()
    parameters = tuple(_value_changes(parameters_before, parameters_after, before is not None))
    return StackChange(
        stack_name=stack_name,
        is_new=before is None,
        resources=tuple(_resource_changes(old, new, changed_parameters)),
        parameters=parameters,
        outputs=tuple(_value_changes(_section(before, "Outputs"), _section(after, "Outputs"), before is not None)),
        settings=tuple(_setting_changes(before, after, {item.path for item in parameters}, kept_parameters)),
    )


def _section(template: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    section = (template or {}).get(name)
    return section if isinstance(section, Mapping) else {}


def _value_changes(
    before: Mapping[str, Any], after: Mapping[str, Any], include_added: bool
) -> Iterator[PropertyChange]:
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old != new and (include_added or name in before):
            yield PropertyChange(name, old, new)


def _setting_changes(
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    told_parameters: Collection[str],
    kept_parameters: Collection[str],
) -> Iterator[PropertyChange]:
    if before is None:
        return
    for name in sorted({*before, *after} - {"Resources", "Outputs"}):
        for path, old, new in _differences(*_sides(before.get(name), after.get(name)), name):
            if not _follows_from_value(path, told_parameters, kept_parameters):
                yield PropertyChange(path, old, new)


def _sides(before: Any, after: Any) -> tuple[Any, Any]:
    """Both sides of a section; one that is absent beside a mapping is empty, so that its entries are compared."""
    if isinstance(before, Mapping) and after is None:
        return before, {}
    return ({}, after) if before is None and isinstance(after, Mapping) else (before, after)


def _follows_from_value(path: str, told_parameters: Collection[str], kept_parameters: Collection[str]) -> bool:
    """Whether this is only the declaration of a parameter whose value changes, which is reported as such.

    Or the default of one that keeps its value, which nothing uses.
    """
    section, _, rest = path.partition(".")
    name, _, attribute = rest.partition(".")
    if section != "Parameters" or attribute not in {"", "Default"}:
        return False
    return name in told_parameters or (name in kept_parameters and attribute == "Default")


def _resource_changes(
    old: Mapping[str, Any], new: Mapping[str, Any], changed_parameters: ParameterChanges
) -> Iterator[ResourceChange]:
    for logical_id in sorted({*old, *new}):
        if logical_id not in old:
            yield ResourceChange("create", logical_id, str(new[logical_id].get("Type")))
        elif logical_id not in new:
            yield ResourceChange("delete", logical_id, str(old[logical_id].get("Type")))
        else:
            change = _changed_resource(logical_id, old[logical_id], new[logical_id], changed_parameters)
            if change is not None:
                yield change


def _changed_resource(
    logical_id: str, old: Mapping[str, Any], new: Mapping[str, Any], changed_parameters: ParameterChanges
) -> ResourceChange | None:
    resource_type = str(new.get("Type"))
    if old.get("Type") != new.get("Type"):
        change = PropertyChange("Type", old.get("Type"), new.get("Type"), requires_replacement=True)
        return ResourceChange("replace", logical_id, resource_type, (change,))
    create_only = kind_of(resource_type).create_only
    changes = [
        PropertyChange(path, before, after, path.split(".")[0].split("[")[0] in create_only)
        for path, before, after in _differences(old.get("Properties", {}), new.get("Properties", {}), "")
    ]
    differing = [change.path for change in changes]
    changes += [
        PropertyChange(path, *changed_parameters[name], path.split(".")[0].split("[")[0] in create_only, name)
        for path, name in _parameter_references(new.get("Properties", {}), "")
        if name in changed_parameters and not any(_is_within(path, other) for other in differing)
    ]
    changes += [
        PropertyChange(f"@{attribute}", old.get(attribute), new.get(attribute))
        for attribute in _ATTRIBUTES
        if old.get(attribute) != new.get(attribute)
    ]
    if not changes:
        return None
    action: ChangeAction = "replace" if any(change.requires_replacement for change in changes) else "update"
    return ResourceChange(action, logical_id, resource_type, tuple(changes))


def _is_within(path: str, other: str) -> bool:
    """Whether a property is the other one or a part of it."""
    return path == other or path.startswith((f"{other}.", f"{other}["))


def _differences(before: Any, after: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            yield from _differences(
                before.get(key, _ABSENT), after.get(key, _ABSENT), f"{path}.{key}" if path else str(key)
            )
    elif (old := _by_name(before)) is not None and (new := _by_name(after)) is not None:
        yield from _differences(old, new, path)
    elif before != after:
        yield path, before, after


def _by_name(items: Any) -> dict[str, Any] | None:
    """A list of ``{"Name": …}`` entries (environment, secrets) as a mapping, so that order is no difference."""
    if not isinstance(items, list) or not items:
        return None
    if not all(isinstance(item, Mapping) and "Name" in item for item in items):
        return None
    return {str(item["Name"]): {key: value for key, value in item.items() if key != "Name"} for item in items}


def _parameter_references(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        name = value.get("Ref")
        if isinstance(name, str):
            yield path, name
        for key, inner in value.items():
            yield from _parameter_references(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _parameter_references(inner, f"{path}[{index}]")


def canonical_json(value: Any) -> str:
    """The one text of a JSON value that digests are taken of: sorted keys, no spaces, no ASCII escapes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
