"""What the APIs of models take for a tool, read from their makers' documents: each function names every objection."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Tool = Mapping[str, Any]
"""A tool as it is listed: name, description, inputSchema."""

_TYPES = {"string", "integer", "number", "boolean", "array", "object"}


def objections(tool: Tool) -> list[str]:
    """Of every API, and of platforms that filter tools before any API sees them."""
    checks = (openai, anthropic, gemini, bedrock, langgraph_agents)
    return [f"{check.__name__}: {tool['name']}: {problem}" for check in checks for problem in check(tool)]


def openai(tool: Tool) -> Iterator[str]:
    """Functions without ``strict``.

    Sources: OpenAI's API specification (``openai/openai-openapi``, FunctionObject: name of a-z, A-Z, 0-9, underscores
    and dashes, 64 at most; ``parameters`` are a JSON Schema object); https://platform.openai.com/docs/guides/
    structured-outputs (the root is an object and no ``anyOf``; arrays have items). ``strict`` would need every
    property required and no additional ones, which an open object cannot have.
    """
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", tool["name"]):
        yield "name"
    if len(tool["description"]) > 1024:
        yield "description of more than 1,024 characters"
    yield from _root(tool["inputSchema"])
    for path, schema in _schemas(tool["inputSchema"]):
        if schema.get("type") == "array" and "items" not in schema:
            yield f"{path}: an array without items"


def anthropic(tool: Tool) -> Iterator[str]:
    """Source: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use (names ^[a-zA-Z0-9_-]{1,64}$; input_schema
    is JSON Schema, of type object, without oneOf, allOf or anyOf at its top); property names ^[a-zA-Z0-9_.-]{1,64}$.
    """
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", tool["name"]):
        yield "name"
    yield from _root(tool["inputSchema"])
    for path, schema in _schemas(tool["inputSchema"]):
        for name in schema.get("properties", {}):
            if not re.fullmatch(r"[a-zA-Z0-9_.-]{1,64}", name):
                yield f"{path}: the property {name}"


_GEMINI = {
    *("type", "format", "title", "description", "nullable", "default", "items", "minItems", "maxItems", "enum"),
    *("properties", "propertyOrdering", "required", "minProperties", "maxProperties", "minimum", "maximum"),
    *("minLength", "maxLength", "pattern", "example", "anyOf", "additionalProperties"),
}


def gemini(tool: Tool) -> Iterator[str]:
    """The Gemini API and Vertex AI.

    Sources: https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/Schema (the fields above, ``type``
    a single word, ``enum`` of texts) and …/FunctionDeclaration (names begin with a letter or underscore, then letters,
    digits, underscores, dots and dashes, 64 at most). As the APIs answer: ``items: missing field`` for an array, and
    "When using any_of, it must be the only field set".
    """
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_.-]{0,63}", tool["name"]):
        yield "name"
    for path, schema in _schemas(tool["inputSchema"]):
        yield from (f"{path}: {problem}" for problem in (*_gemini_words(schema), *_gemini_members(schema)))


def _gemini_words(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"the unknown field {name}" for name in sorted(schema.keys() - _GEMINI))
    if "anyOf" in schema:
        yield from (f"anyOf beside {name}" for name in sorted(schema.keys() - {"anyOf"}))
    elif str(schema.get("type")) not in _TYPES:
        yield f"the type {schema.get('type')}"
    if "enum" in schema and not all(isinstance(one, str) and one for one in schema["enum"]):
        yield "an enum of other things than texts"
    if schema.get("format", "date-time") not in {"date-time", "enum", "float", "double", "int32", "int64"}:
        yield f"the format {schema['format']}"


def _gemini_members(schema: Mapping[str, Any]) -> Iterator[str]:
    if schema.get("type") == "array" and "items" not in schema:
        yield "an array without items"
    if schema.get("type") == "object" and not schema.get("properties"):
        yield "an object without properties"
    if not set(schema.get("required", [])) <= schema.get("properties", {}).keys():
        yield "requires what it does not name"


def bedrock(tool: Tool) -> Iterator[str]:
    """Converse.

    Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html (names
    [a-zA-Z0-9_-]+ of 1 to 64, a description of at least one character) and ToolInputSchema (a JSON Schema, whose top
    has to be an object: alternatives there are refused).
    """
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", tool["name"]):
        yield "name"
    if not tool["description"]:
        yield "no description"
    yield from _root(tool["inputSchema"])


def langgraph_agents(tool: Tool) -> Iterator[str]:
    """A filter that agents of the field put before any API: a tool goes that has an object without named properties."""
    schema = tool["inputSchema"]
    if not schema.get("properties"):
        yield "no properties"
    for name, item in schema["properties"].items():
        if item.get("type") == "object" and not item.get("properties"):
            yield f"{name}: an object without properties"


def _root(schema: Mapping[str, Any]) -> Iterator[str]:
    if schema.get("type") != "object" or not isinstance(schema.get("properties"), Mapping):
        yield "the top is no object with properties"
    yield from (f"{name} at the top" for name in ("anyOf", "oneOf", "allOf", "not", "enum", "$ref") if name in schema)


def _schemas(schema: Mapping[str, Any], path: str = "$") -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield path, schema
    for name, item in schema.get("properties", {}).items():
        yield from _schemas(item, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), Mapping):
            yield from _schemas(schema[name], f"{path}.{name}")
    for item in schema.get("anyOf", []):
        yield from _schemas(item, f"{path}|")


def undescribed(schema: Mapping[str, Any]) -> list[str]:
    """The parameters, nested ones included, that nothing describes."""
    return [
        f"{path}.{name}"
        for path, one in _schemas(schema)
        for name, item in one.get("properties", {}).items()
        if not item.get("description")
    ]
