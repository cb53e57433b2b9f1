"""The reference of the definition, generated from its JSON Schema."""

from collections.abc import Iterator, Mapping
from typing import Any

from expressway.app.parse import definition_schema
from tests.documents.tables import code, table

_HEAD = """# Definition

Every setting of `expressway.yaml`. `expressway schema` prints the JSON Schema from which this page is generated. All
problems of a definition are reported at once. Exactly one of `build`, `image` and `task_definition_arn` is required.
"""


def definition_page() -> str:
    """The settings of the definition, then those of each section."""
    schema = definition_schema()
    return "\n".join([_HEAD, _settings(schema), *_sections(schema)])


def _sections(schema: Mapping[str, Any]) -> Iterator[str]:
    for name, part in schema["properties"].items():
        for section in _referenced(part):
            described = schema["$defs"][section]
            yield f"## {name}\n\n{described.get('description', '').strip()}\n\n{_settings(described)}"


def _settings(part: Mapping[str, Any]) -> str:
    required = set(part.get("required", ()))
    rows = [
        (code(name), _type(name, setting), _default(name, setting, required), setting.get("description", ""))
        for name, setting in part["properties"].items()
    ]
    return table(("setting", "type", "default", "meaning"), rows) + "\n"


def _alternatives(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return part.get("anyOf", [part])


def _referenced(part: Mapping[str, Any]) -> list[str]:
    return [one["$ref"].rpartition("/")[2] for one in _alternatives(part) if "$ref" in one]


def _type(name: str, part: Mapping[str, Any]) -> str:
    return ", or ".join(_one_type(name, one) for one in _alternatives(part) if one.get("type") != "null")


def _one_type(name: str, part: Mapping[str, Any]) -> str:
    if "$ref" in part:
        return f"[section](#{name})"
    if "const" in part:
        return code(part["const"])
    if "enum" in part:
        return ", ".join(code(value) for value in part["enum"])
    return {"array": "list", "object": "mapping"}.get(part["type"], part["type"]) + _bounds(part)


def _bounds(part: Mapping[str, Any]) -> str:
    words = {"minimum": "from {}", "maximum": "to {}", "minItems": "at least {}", "maxItems": "at most {}"}
    shown = [words[key].format(f"{part[key]:,}") for key in words if key in part]
    if part.get("type") == "string" and "maxLength" in part:
        shown.append(f"at most {part['maxLength']:,} characters")
    return f" ({', '.join(shown)})" if shown else ""


def _default(name: str, part: Mapping[str, Any], required: set[str]) -> str:
    if name in required:
        return "required"
    value = part.get("default")
    return "" if value is None or value == {} else code(str(value).lower() if isinstance(value, bool) else value)
