"""Change sets with ``DeploymentMode=REVERT_DRIFT``, which ministack takes for plain ones.

Such a change set makes again what was deleted by other means, and sets again what was changed. Source: CloudFormation
user guide, "Using drift-aware change sets". What drifted is found as drift detection finds it, when the change set is
made; ministack then compares with a stack that lacks it, or has it as it is.
"""

import copy
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from expressway_sandbox import emulator
from expressway_sandbox.emulator import Answer

Handler = Callable[[dict[str, Any]], Answer]
_KEY = "_expressway_drift"
_STATE = ("_template", "_resources")
_COMPARED = frozenset({"AWS::IAM::Role"})
"""Types whose readers answer properties just as templates write them; others are made again, and not set again."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Logical ids of what is gone, and of what is changed the properties as they are."""

    deleted: frozenset[str] = frozenset()
    changed: Mapping[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def taken_from(self, resources: Mapping[str, Any]) -> dict[str, Any]:
        """Resources of a template, or records of them, as they really are."""
        actual = {name: copy.deepcopy(one) for name, one in resources.items() if name not in self.deleted}
        for name, properties in self.changed.items():
            if name in actual:
                actual[name]["Properties"] = {**(actual[name].get("Properties") or {}), **copy.deepcopy(properties)}
        return actual


def create_change_set(original: Handler) -> Handler:
    """CreateChangeSet that compares with what is really there when it is asked to."""

    def handle(parameters: dict[str, Any]) -> Answer:
        cloudformation = emulator.module("services.cloudformation")
        stack: Any = cloudformation._stacks.get(parameters.get("StackName", [""])[0])
        if parameters.get("DeploymentMode", [""])[0] != "REVERT_DRIFT" or stack is None:
            return original(parameters)
        drift = _drift_of(stack)
        before = {id(change_set) for change_set in cloudformation._change_sets.values()}
        with _as_it_is(stack, drift):
            answer = original(parameters)
        for change_set in cloudformation._change_sets.values():
            if id(change_set) not in before:
                change_set[_KEY] = drift
        return answer

    return handle


def execute_change_set(original: Handler) -> Handler:
    """ExecuteChangeSet that starts from what is really there, so that it is made or set again."""

    def handle(parameters: dict[str, Any]) -> Answer:
        cloudformation = emulator.module("services.cloudformation")
        name = parameters.get("ChangeSetName", [""])[0]
        found: Any = cloudformation._change_sets.get(name) or {}
        drift: Drift | None = found.get(_KEY)
        stack: Any = cloudformation._stacks.get(found.get("StackName"))
        if drift is not None and stack is not None and found.get("ExecutionStatus") == "AVAILABLE":
            _set(stack, drift)
        return original(parameters)

    return handle


@contextmanager
def _as_it_is(stack: dict[str, Any], drift: Drift) -> Generator[None]:
    kept = {key: stack.get(key) for key in _STATE}
    _set(stack, drift)
    try:
        yield
    finally:
        stack.update(kept)


def _set(stack: dict[str, Any], drift: Drift) -> None:
    template: dict[str, Any] = stack.get("_template") or {}
    stack["_template"] = {**template, "Resources": drift.taken_from(template.get("Resources") or {})}
    stack["_resources"] = drift.taken_from(stack.get("_resources") or {})


def _drift_of(stack: Mapping[str, Any]) -> Drift:
    readers: Any = emulator.module("services.cloudformation.drift")._DRIFT_READERS
    deleted: set[str] = set()
    changed: dict[str, dict[str, Any]] = {}
    for logical_id, record in (stack.get("_resources") or {}).items():
        reader, covered = readers.get(record.get("ResourceType"), (None, frozenset()))
        if reader is None:
            continue
        properties: dict[str, Any] = record.get("Properties") or {}
        actual = reader(record.get("PhysicalResourceId", ""), properties)
        if actual is None:
            deleted.add(logical_id)
            continue
        names = [name for name in covered if name in properties and name in actual]
        differing = {name: actual[name] for name in names if actual[name] != properties[name]}
        if differing and record.get("ResourceType") in _COMPARED:
            changed[logical_id] = differing
    return Drift(frozenset(deleted), changed)
