"""Schemas of few bytes: a client sends them to its model in every conversation."""

from collections.abc import Mapping
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
