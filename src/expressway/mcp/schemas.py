"""Schemas of few bytes: a client sends them to its model in every conversation."""

from collections.abc import Iterator, Mapping
from typing import Any

_NOISE = frozenset({"title"})


def object_of(description: str, **members: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of an object with any members, of which some are named.

    Some agent platforms drop a tool that takes an object without named properties.
    """
    return {"type": "object", "description": description, "properties": members, "additionalProperties": True}


def text(description: str) -> dict[str, Any]:
    """The schema of a text."""
    return {"type": "string", "description": description}


def number(description: str) -> dict[str, Any]:
    """The schema of a whole number."""
    return {"type": "integer", "description": description}


def texts(description: str) -> dict[str, Any]:
    """The schema of a list of texts."""
    return {"type": "array", "items": {"type": "string"}, "description": description}


def compact_input(schema: Mapping[str, Any], further: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """Pydantic's schema of a tool's arguments without titles, and optional values without their null.

    `further` properties follow the tool's own.

    Leaving an argument out means null, so clients need no second way to say it; null itself is still accepted.
    """
    properties: Mapping[str, Any] = schema.get("properties", {})
    compact: dict[str, Any] = {
        "type": "object",
        "properties": {name: _compact_property(item) for name, item in properties.items()} | dict(further or {}),
    }
    if schema.get("required"):
        compact["required"] = schema["required"]
    return compact


def _compact_property(schema: Mapping[str, Any]) -> dict[str, Any]:
    compact = {key: value for key, value in schema.items() if key not in _NOISE}
    if compact.get("default", ...) is None:
        del compact["default"]
    if "anyOf" in compact:
        members = [_compact_property(member) for member in compact.pop("anyOf") if member.get("type") != "null"]
        compact = {**members[0], **compact} if len(members) == 1 else {"anyOf": members, **compact}
    return compact


def compact_output(schema: Mapping[str, Any], *, wrapped: bool) -> dict[str, Any]:
    """The SDK's schema of a tool's result, one level deep: the type of each member, and texts it is one of.

    A result of one of several types has the members of all. None is required: null is left out of answers, and which
    members one has depends on what happened. `wrapped`: the SDK put the type into a member ``result``.
    """
    definitions: Mapping[str, Any] = schema.get("$defs", {})
    root = schema["properties"]["result"] if wrapped else schema
    properties: dict[str, dict[str, Any]] = {}
    for kind in _alternatives(root, definitions):
        for name, item in kind.get("properties", {}).items():
            members = [*_alternatives(item, definitions), *([properties[name]] if name in properties else [])]
            properties[name] = _shallow([member for member in members if member.get("type") != "null"])
    return {"type": "object", "properties": properties}


def _alternatives(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schemas of which a value fits one, each without references."""
    if "$ref" in schema:
        yield from _alternatives(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    elif "anyOf" in schema:
        for member in schema["anyOf"]:
            yield from _alternatives(member, definitions)
    else:
        yield schema


def _shallow(members: list[Mapping[str, Any]]) -> dict[str, Any]:
    """One schema for all of `members`, without what is inside of objects and lists."""
    types = sorted({member["type"] for member in members if "type" in member})
    choices = [list(member.get("enum", [member["const"]] if "const" in member else [])) for member in members]
    if all(choices):
        return {"enum": sorted({choice for some in choices for choice in some})}
    return {"type": types[0] if len(types) == 1 else types} if types else {}
