"""Arguments held against a schema that a stranger wrote, in time that the stranger cannot stretch.

Only the first level is checked, and no regular expression, reference or alternative of the schema is followed: a
hostile one could take for ever. The endpoint checks the rest itself.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from expressway.core.text import near_name
from expressway.privacy.untrusted import echoed, named

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (dict,),
}
_CHOICES_SHOWN = 20
_MOST_CHECKED = 200


def argument_problems(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> list[dict[str, str]]:
    """Every problem of `arguments`, each with its path, what was expected and what came; empty when they fit."""
    properties = _mapping(schema.get("properties"))
    required = schema.get("required")
    problems = [
        {"path": name, "expected": "a value (it is required)", "got": "nothing"}
        for name in (required if isinstance(required, list) else [])
        if isinstance(name, str) and name not in arguments
    ]
    for name, value in islice(arguments.items(), _MOST_CHECKED):
        if name in properties:
            expected = _expected(_mapping(properties[name]), value)
            if expected:
                problems.append({"path": name, "expected": expected, "got": _shown(value)})
        elif properties and schema.get("additionalProperties", False) is False:
            problems.append(_unknown(name, list(properties)))
    return problems


def _expected(schema: Mapping[str, Any], value: Any) -> str:
    """What the schema expects instead of `value`; empty when the value fits or the schema says nothing simple."""
    expected_type = schema.get("type")
    if isinstance(expected_type, str) and expected_type in _TYPES:
        mistaken = isinstance(value, bool) and expected_type != "boolean"
        if mistaken or not isinstance(value, _TYPES[expected_type]):
            return f"a value of type {expected_type}"
    choices = schema.get("enum")
    if isinstance(choices, list) and value not in choices:
        return f"one of {', '.join(_shown(choice) for choice in choices[:_CHOICES_SHOWN])}"
    return _bounds(schema, value)


def _bounds(schema: Mapping[str, Any], value: Any) -> str:
    measures: Sequence[tuple[str, str, str, float | None]] = (
        ("minimum", "maximum", "", value if isinstance(value, int | float) else None),
        ("minLength", "maxLength", " characters", len(value) if isinstance(value, str) else None),
        ("minItems", "maxItems", " items", len(value) if isinstance(value, list) else None),
    )
    for lowest, highest, unit, measured in measures:
        least, most = schema.get(lowest), schema.get(highest)
        if measured is None:
            continue
        if isinstance(least, int | float) and measured < least:
            return f"at least {least}{unit}"
        if isinstance(most, int | float) and measured > most:
            return f"at most {most}{unit}"
    return ""


def _unknown(name: str, known: Sequence[str]) -> dict[str, str]:
    near = near_name(name, known[:_CHOICES_SHOWN])
    meant = f"{near} (was it meant?)" if near else f"one of {', '.join(known[:_CHOICES_SHOWN])}"
    return {"path": named(name), "expected": meant, "got": "an argument of that name"}


def _shown(value: object) -> str:
    if isinstance(value, str):
        return echoed(value)
    is_plain = value is None or isinstance(value, bool | int | float)
    return str(value) if is_plain else f"a value of type {type(value).__name__}"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
