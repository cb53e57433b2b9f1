"""Whether a schema that a stranger wrote may be listed as a tool's of ours.

A client hands all listed schemas to its model's API, and one that is malformed can make the API refuse the whole
list: a hostile endpoint could take every other tool away.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

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
