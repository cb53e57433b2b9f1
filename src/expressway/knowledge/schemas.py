"""Schemas that the endpoint wrote: whether they may be listed, and whether arguments fit them.

A client hands all listed schemas to its model's API, and one that is malformed can make the API refuse the whole
list: a hostile endpoint could take every other tool away.
"""

import json
import re
from collections.abc import Mapping
from itertools import islice
from typing import Any, cast

from expressway.core.bounded_data import why_too_large
from expressway.core.text import near_name
from expressway.privacy.untrusted import echoed, named

_SCHEMA_CHARACTERS = 32_000
_MOST_PROPERTIES = 64
_MOST_CHECKED = 200
_CHOICES_SHOWN = 20
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ALTERNATIVES = frozenset({"oneOf", "anyOf", "allOf", "enum", "const", "not", "if", "$ref", "$dynamicRef"})
"""What model APIs refuse at the top of a tool's schema, or what leads away from it."""
_OUTSIDE_REFERENCE = re.compile(r'"\$(?:r|dynamicR)ef": "(?!#)')


def is_listable(schema: Mapping[str, Any]) -> bool:
    """Whether it is the valid, short schema of an object, with names that APIs take and references only to itself."""
    from jsonschema import Draft202012Validator, SchemaError

    properties = schema.get("properties", {})
    if (
        why_too_large(schema, numbers=False)
        or schema.get("type") != "object"
        or not isinstance(properties, dict)
        or len(properties) > _MOST_PROPERTIES
        or not all(_NAME.fullmatch(name) for name in properties)
        or _ALTERNATIVES & schema.keys()
    ):
        return False
    text = json.dumps(schema)
    if len(text) > _SCHEMA_CHARACTERS or _OUTSIDE_REFERENCE.search(text):
        return False
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError:
        return False
    return True


def portable(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema in the words that every model API takes, or None where it says what only some of them take.

    Taken by all: one type for each value, with a description, bounds, ``enum`` of texts, ``items`` and ``properties``.
    ``null`` besides a type goes, since leaving an argument out means the same; what only annotates goes too, such as
    notes on headers. Sources: `tests/mcp/model_apis.py`.
    """
    given: Any = schema.get("properties", {})
    properties = (
        {name: _portable_value(item) for name, item in given.items()} if isinstance(given, dict) else {"": None}
    )
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
    return isinstance(choices, list) and bool(choices) and all(isinstance(item, str) and item for item in choices)


def _single(schema: Any) -> dict[str, Any] | None:
    """The schema with one type, where it has one besides null and no alternatives."""
    if not isinstance(schema, dict) or _ELSEWHERE & schema.keys():
        return None
    given = dict(cast("dict[str, Any]", schema))
    if "anyOf" in given:
        members = [member for member in cast("list[Any]", given.pop("anyOf")) if member != {"type": "null"}]
        if len(members) != 1 or not isinstance(members[0], dict) or _ELSEWHERE & members[0].keys():
            return None
        given = {**members[0], **given}
    kinds = given.get("type")
    present = [kind for kind in (kinds if isinstance(kinds, list) else [kinds]) if kind != "null"]
    kind = present[0] if len(present) == 1 else None
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


_EXPECTED = {
    "type": "a value of type {}",
    "enum": "one of {}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
}
"""Keywords that a check of one value takes a bounded time for, in the order of the checks. Regular expressions,
references and alternatives are left to the endpoint: hostile ones could take for ever."""


def argument_problems(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> list[dict[str, str]]:
    """Every problem of `arguments` at the first level, each with path, expected and got; empty when they fit."""
    properties: Any = schema.get("properties")
    properties = properties if isinstance(properties, Mapping) else {}
    required = schema.get("required")
    problems = [
        {"path": name, "expected": "a value (it is required)", "got": "nothing"}
        for name in (required if isinstance(required, list) else [])
        if isinstance(name, str) and name not in arguments
    ]
    for name, value in islice(arguments.items(), _MOST_CHECKED):
        if name in properties:
            if expected := _expected(properties[name], value):
                problems.append({"path": name, "expected": expected, "got": _shown(value)})
        elif properties and schema.get("additionalProperties", False) is False:
            near = near_name(name, list(properties)[:_CHOICES_SHOWN])
            meant = f"{near} (was it meant?)" if near else f"one of {', '.join(list(properties)[:_CHOICES_SHOWN])}"
            problems.append({"path": named(name), "expected": meant, "got": "an argument of that name"})
    return problems


def _expected(schema: Any, value: Any) -> str:
    """What the schema expects instead of `value`; empty when the value fits or the schema says nothing simple."""
    given = cast("Mapping[str, Any]", schema) if isinstance(schema, Mapping) else {}
    broken = (keyword for keyword in _EXPECTED if keyword in given and _breaks({keyword: given[keyword]}, value))
    keyword = next(broken, None)
    if keyword is None:
        return ""
    expected = given[keyword]
    if keyword == "enum":
        expected = ", ".join(_shown(choice) for choice in expected[:_CHOICES_SHOWN])
    elif isinstance(expected, list):
        expected = " or ".join(cast("list[str]", expected))
    return _EXPECTED[keyword].format(expected)


def _breaks(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether the value does not fit a schema that is one; a malformed keyword expects nothing."""
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError:
        return False
    return not Draft202012Validator(schema).is_valid(value)


def _shown(value: object) -> str:
    if isinstance(value, str):
        return echoed(value)
    is_plain = value is None or isinstance(value, bool | int | float)
    return str(value) if is_plain else f"a value of type {type(value).__name__}"
