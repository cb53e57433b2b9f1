"""What is sensitive in CloudFormation templates and in the changes between them, told by resource type and property."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from expressway.privacy.redaction import is_plain_name, marker
from expressway.privacy.sensitive_members import Kind
from expressway.privacy.untrusted import quoted

_ECS_PROPERTIES: Mapping[str, Kind] = {
    "Environment": Kind.ENVIRONMENT,
    "Command": Kind.COMMAND,
    "EntryPoint": Kind.COMMAND,
    "Secrets": Kind.SECRET_REFERENCE,
    "RepositoryCredentials": Kind.SECRET_REFERENCE,
    "CredentialSpecs": Kind.SECRET_REFERENCE,
    "DockerLabels": Kind.LABEL,
    "Labels": Kind.LABEL,
    "DriverOpts": Kind.OPTION,
    "Tags": Kind.LABEL,
}
_ANY_PROPERTIES: Mapping[str, Kind] = {"Environment": Kind.ENVIRONMENT, "Tags": Kind.LABEL}
_NAMES = frozenset({"Name", "Key"})
_ECS = "AWS::ECS::"
_WORD = re.compile(r"[!-~]{0,200}")


def is_resource(value: Mapping[str, Any]) -> bool:
    """Whether this is a resource of a template."""
    return isinstance(value.get("Type"), str) and "::" in value["Type"] and isinstance(value.get("Properties"), Mapping)


def is_resource_change(value: Mapping[str, Any]) -> bool:
    """Whether this is a resource of a plan, with the properties that change."""
    return isinstance(value.get("type"), str) and "::" in value["type"] and isinstance(value.get("properties"), list)


def redacted_resource(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A resource of a template without the values of environments, commands, labels, tags and secret references."""
    return {**resource, "Properties": _values(resource["Properties"], _table(resource["Type"]), _withheld)}


def redacted_change(change: Mapping[str, Any]) -> dict[str, Any]:
    """A changed resource of a plan likewise; which properties change stays."""
    return _changed(change, _withheld)


def quoted_resource(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A resource of a template with those values as quotations where they are more than a word."""
    return {**resource, "Properties": _values(resource["Properties"], _table(resource["Type"]), _quoted)}


def quoted_change(change: Mapping[str, Any]) -> dict[str, Any]:
    """A changed resource of a plan likewise."""
    return _changed(change, _quoted)


Treatment = Callable[[Any, Kind], Any]


def _changed(change: Mapping[str, Any], treat: Treatment) -> dict[str, Any]:
    table = _table(change["type"])
    return {**change, "properties": [_property_change(item, table, treat) for item in change["properties"]]}


def _table(resource_type: str) -> Mapping[str, Kind]:
    return _ECS_PROPERTIES if resource_type.startswith(_ECS) else _ANY_PROPERTIES


def _property_change(item: Mapping[str, Any], table: Mapping[str, Kind], treat: Treatment) -> dict[str, Any]:
    names = [name.partition("[")[0] for name in str(item["path"]).split(".")]
    kind = next((table[name] for name in names if name in table), None)
    sides = {
        side: treat(item[side], kind) if kind else _values(item[side], table, treat)
        for side in ("before", "after")
        if side in item
    }
    path = _path(item["path"]) if treat is _withheld else _quoted(item["path"], Kind.NAME)
    return {**item, "path": path, **sides}


def _path(path: Any) -> Any:
    """A property's path; one through a name that is none ends before it."""
    if not isinstance(path, str) or is_plain_name(path):
        return path
    steps = path.split(".")
    plain = next(at for at, step in enumerate(steps) if not is_plain_name(step))
    return ".".join((*steps[:plain], marker(Kind.NAME)))


def _values(value: Any, table: Mapping[str, Kind], treat: Treatment) -> Any:
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return {
            name: treat(item, table[name]) if name in table else _values(item, table, treat)
            for name, item in members.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_values(item, table, treat) for item in cast("Sequence[Any]", value)]
    return value


def _quoted(value: Any, kind: Kind) -> Any:
    """The value with its free texts as quotations; what has no white space is a value as AWS or a program takes it."""
    if isinstance(value, Mapping):
        return {_quoted(name, kind): _quoted(item, kind) for name, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_quoted(item, kind) for item in cast("Sequence[Any]", value)]
    is_free = isinstance(value, str) and not _WORD.fullmatch(value)
    return quoted(value, public=True) or value if is_free else value


def _withheld(value: Any, kind: Kind) -> Any:
    """The value's form with its names, and nothing else of it; what is absent stays absent."""
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return {
            _name(name): _name(item) if name in _NAMES and isinstance(item, str) else _withheld(item, kind)
            for name, item in members.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = cast("Sequence[Any]", value)
        return [marker(kind)] if kind is Kind.COMMAND and items else [_withheld(item, kind) for item in items]
    return value if value is None or value == "" else marker(kind)


def _name(text: str) -> str:
    return text if is_plain_name(text) else marker(Kind.NAME)
