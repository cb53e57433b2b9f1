"""Whether a schema that a stranger wrote may be listed as a tool's of ours.

A client hands all listed schemas to its model's API, and one that is malformed can make the API refuse the whole
list: a hostile endpoint could take every other tool away.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

_LEVELS = 40
_MOST_PROPERTIES = 64
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ALTERNATIVES = frozenset({"oneOf", "anyOf", "allOf", "enum", "const", "not", "if", "$ref", "$dynamicRef"})
"""What model APIs refuse at the top of a tool's schema, or what leads away from it."""
HEADER_NOTE = "x-mcp-header"
"""Tells the endpoint's own clients to repeat an argument in a header; nothing for clients of ours."""


def is_listable(schema: Mapping[str, Any]) -> bool:
    """Whether it is an object's schema, with names that APIs take, and references to nothing but itself."""
    properties = schema.get("properties", {})
    return (
        is_shallow(schema)
        and schema.get("type") == "object"
        and isinstance(properties, dict)
        and len(properties) <= _MOST_PROPERTIES
        and all(_NAME.fullmatch(name) for name in properties)
        and not _ALTERNATIVES & schema.keys()
        and all(reference.startswith("#") for reference in _references(schema))
    )


def portable(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema in the words that every model API takes, or None where it says what only some of them take.

    Taken by all: one type for each value, with a description, bounds, ``enum`` of texts, ``items`` and ``properties``.
    ``null`` beside a type goes, since leaving an argument out means the same; what only annotates goes too. Sources:
    `tests/mcp/model_apis.py`.
    """
    told: Any = schema.get("properties", {})
    properties = {name: _portable_value(item) for name, item in told.items()} if isinstance(told, dict) else {"": None}
    if schema.get("type") != "object" or None in properties.values():
        return None
    needed: Any = schema.get("required")
    required = [name for name in needed if name in properties] if isinstance(needed, list) else []
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})


def _portable_value(schema: Any) -> dict[str, Any] | None:
    schema = _single(schema)
    if schema is None:
        return None
    value = {name: item for name, item in schema.items() if name in _KEPT[schema["type"]] and item is not None}
    if "enum" in value and not _is_texts(value["enum"]):
        return None
    nested: Any = True
    if value["type"] == "array":
        nested = value["items"] = _portable_value(schema.get("items"))
    elif value["type"] == "object":
        nested = portable(schema)
        value |= nested or {}
    return value if nested and value.get("properties") != {} else None


def _is_texts(choices: Any) -> bool:
    return isinstance(choices, list) and bool(choices) and all(isinstance(one, str) and one for one in choices)


def _single(schema: Any) -> dict[str, Any] | None:
    """The schema with one type, where it has one besides null and no alternatives."""
    if not isinstance(schema, dict) or _ELSEWHERE & schema.keys():
        return None
    given = dict(cast("dict[str, Any]", schema))
    if "anyOf" in given:
        members = [one for one in cast("list[Any]", given.pop("anyOf")) if one != {"type": "null"}]
        if len(members) != 1 or not isinstance(members[0], dict) or _ELSEWHERE & members[0].keys():
            return None
        given = {**members[0], **given}
    kinds = given.get("type")
    named = [kind for kind in (kinds if isinstance(kinds, list) else [kinds]) if kind != "null"]
    kind = named[0] if len(named) == 1 else None
    return {**given, "type": kind} if isinstance(kind, str) and kind in _KEPT else None


_COMMON = frozenset({"type", "description", "default"})
_KEPT: Mapping[Any, frozenset[str]] = {
    "string": _COMMON | {"enum", "minLength", "maxLength"},
    "integer": _COMMON | {"minimum", "maximum"},
    "number": _COMMON | {"minimum", "maximum"},
    "boolean": _COMMON,
    "array": _COMMON | {"minItems", "maxItems"},
    "object": _COMMON,
}
_ELSEWHERE = frozenset({"$ref", "$dynamicRef", "oneOf", "allOf", "not", "if", "const"})


def without_header_notes(schema: Any) -> Any:
    """The schema as it is, but for notes on headers."""
    if isinstance(schema, Mapping):
        return {name: without_header_notes(item) for name, item in schema.items() if name != HEADER_NOTE}
    return [without_header_notes(item) for item in schema] if isinstance(schema, list) else schema


def is_shallow(content: Any) -> bool:
    """Whether the nesting is as deep as sense needs; what is deeper could exhaust whoever walks through it."""
    level = [content]
    for _ in range(_LEVELS):
        level = [item for value in level for item in _items(value)]
        if not level:
            return True
    return False


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        for name, item in schema.items():
            if name in {"$ref", "$dynamicRef"} and isinstance(item, str):
                yield item
            yield from _references(item)
    elif isinstance(schema, list):
        for item in schema:
            yield from _references(item)


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()
