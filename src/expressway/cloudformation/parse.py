"""CloudFormation's answers as our values: stacks, events, change sets."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import yaml

from expressway.cloudformation.change_set import ChangeSet, ChangeSetChange, ChangeSetDetail
from expressway.cloudformation.stack import StackEvent, StackState, StackVersion, owner_of

_OWN_NAMES = {"Ref", "Condition"}


class _TemplateLoader(yaml.SafeLoader):
    """YAML as CloudFormation reads it: short forms of functions, and dates that stay text."""


def json_of_yaml(text: str) -> str:
    """The JSON form of a YAML template; `text` itself when it is no template that YAML can express."""
    try:
        document: Any = yaml.load(text, _TemplateLoader)  # noqa: S506 - a SafeLoader with text-only additions
        return json.dumps(document) if isinstance(document, dict) else text
    except (yaml.YAMLError, TypeError, ValueError):
        return text


def _function(loader: _TemplateLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # pyright: ignore[reportArgumentType]
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in _OWN_NAMES else f"Fn::{suffix}": value}


_TemplateLoader.add_multi_constructor("!", _function)
_TemplateLoader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


_NO_CHANGES = ("didn't contain changes", "no updates are to be performed", "no changes to deploy")


def stack_state(stack: Mapping[str, Any], template: str) -> StackState:
    """One of ``Stacks`` of DescribeStacks; `template` is its text."""
    return StackState(
        name=stack["StackName"],
        stack_id=stack["StackId"],
        status=stack["StackStatus"],
        status_reason=stack.get("StackStatusReason", ""),
        owner_app=_owner(template),
        termination_protection=bool(stack.get("EnableTerminationProtection")),
        outputs={item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])},
        parameters={item["ParameterKey"]: item.get("ParameterValue", "") for item in stack.get("Parameters", [])},
        updated_at=_changed_at(stack),
        template=template,
    )


def stack_version(stack: Mapping[str, Any]) -> StackVersion:
    """What tells one state of a stack from another, of one of ``Stacks`` of DescribeStacks."""
    return StackVersion(stack["StackId"], stack["StackStatus"], _changed_at(stack))


def _changed_at(stack: Mapping[str, Any]) -> datetime | None:
    return stack.get("LastUpdatedTime") or stack.get("CreationTime")


def _owner(template: str) -> str | None:
    try:
        document: Any = json.loads(template) if template else None
    except ValueError:
        return None  # a YAML template is none of ours: we only write JSON
    return owner_of(document) if isinstance(document, dict) else None


def stack_event(raw: Mapping[str, Any]) -> StackEvent:
    """One of ``StackEvents`` of DescribeStackEvents, or of ``OperationEvents`` of DescribeEvents."""
    timestamp = raw.get("Timestamp")
    is_validation = bool(raw.get("ValidationName")) or raw.get("EventType") == "VALIDATION_ERROR"
    is_hook = bool(raw.get("HookType"))
    prefix = "Validation" if is_validation else "Hook" if is_hook else "Resource"
    return StackEvent(
        timestamp=timestamp if isinstance(timestamp, datetime) else datetime.now(UTC),
        logical_id=raw.get("LogicalResourceId", ""),
        physical_id=raw.get("PhysicalResourceId", ""),
        resource_type=raw.get("ResourceType", ""),
        status=raw.get(f"{prefix}Status", ""),
        reason=raw.get(f"{prefix}StatusReason", "") or raw.get("ResourceStatusReason", ""),
        event_id=raw.get("EventId", ""),
        kind="validation" if is_validation else "hook" if is_hook else "resource",
        check=raw.get("ValidationName", "") or raw.get("HookType", ""),
        only_warns=(raw.get("ValidationFailureMode") or raw.get("HookFailureMode")) == "WARN",
        path=raw.get("ValidationPath", ""),
    )


def change_set(page: Mapping[str, Any], changes: Sequence[ChangeSetChange]) -> ChangeSet:
    """The answer of DescribeChangeSet, with the changes of all its pages."""
    reason = page.get("StatusReason") or ""
    return ChangeSet(
        name=page["ChangeSetName"],
        change_set_id=page["ChangeSetId"],
        stack_name=page["StackName"],
        stack_id=page["StackId"],
        status=page["Status"],
        execution_status=page.get("ExecutionStatus", ""),
        reason=reason,
        is_empty=page["Status"] == "FAILED" and any(mark in reason.lower() for mark in _NO_CHANGES),
        changes=tuple(changes),
    )


def change(raw: Mapping[str, Any]) -> ChangeSetChange:
    """One ``ResourceChange`` of a change set."""
    details = tuple(
        ChangeSetDetail(
            path=target.get("Path")
            or "".join(f"/{part}" for part in (target.get("Attribute"), target.get("Name")) if part),
            before=target.get("BeforeValue"),
            after=target.get("AfterValue"),
            requires_recreation=target.get("RequiresRecreation", "Never"),
            follows=_causing(detail, {"ResourceReference", "ResourceAttribute"}),
            parameter=_causing(detail, {"ParameterReference"}),
        )
        for detail in raw.get("Details", [])
        if (target := detail.get("Target"))
    )
    return ChangeSetChange(
        action=raw["Action"],
        logical_id=raw["LogicalResourceId"],
        physical_id=raw.get("PhysicalResourceId", ""),
        resource_type=raw["ResourceType"],
        replacement=str(raw.get("Replacement", "False")),
        policy_action=raw.get("PolicyAction", ""),
        details=details,
    )


def _causing(detail: Mapping[str, Any], sources: Collection[str]) -> str:
    if detail.get("ChangeSource") not in sources:
        return ""
    return str(detail.get("CausingEntity", "")).partition(".")[0]


def problem_of(event: Mapping[str, Any]) -> str:
    """What a failed one of ``OperationEvents`` says, with the resource it says it of; empty where it says nothing."""
    reason = event.get("ValidationStatusReason") or event.get("HookStatusReason") or event.get("ResourceStatusReason")
    named = event.get("LogicalResourceId", "")
    return f"{named}: {reason}" if reason and named else reason or ""
