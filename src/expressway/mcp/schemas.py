"""Schemas of few bytes: a client sends them to its model in every conversation."""

from collections.abc import Mapping
from typing import Any

_NOISE = frozenset({"title", "additionalProperties"})


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


def output(**properties: str) -> dict[str, Any]:
    """The schema of a result: names and JSON types.

    Nothing is required, because errors are structured content too and some clients hold them against the schema;
    for the same reason ``code``, ``message``, ``hint`` and ``details`` may not be given other types than an error's.
    """
    return {"type": "object", "properties": {name: {"type": type_name} for name, type_name in properties.items()}}


def _compact_property(schema: Mapping[str, Any]) -> dict[str, Any]:
    compact = {key: value for key, value in schema.items() if key not in _NOISE}
    if compact.get("default", ...) is None:
        del compact["default"]
    if "anyOf" in compact:
        members = [_compact_property(member) for member in compact.pop("anyOf") if member.get("type") != "null"]
        compact = {**members[0], **compact} if len(members) == 1 else {"anyOf": members, **compact}
    return compact
