"""The JSON Schema of the definition file, for editors and for agents."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

from expressway.app.definition import AppDefinition
from expressway.app.sections import Section

SCHEMA_ID = "urn:expressway:schema:app-definition:1"


def make_schema() -> dict[str, Any]:
    """The schema (draft 2020-12): every key with its meaning, its pattern or values, and its default."""
    schema = AppDefinition.model_json_schema()
    folder = {"type": "string", "description": "Folder that is sent to the container engine."}
    schema["properties"]["build"]["anyOf"].insert(0, folder)
    _close_patterned_mappings(schema)
    sections = {section.__name__: section for section in Section.__subclasses__()}
    for part in (schema, *schema["$defs"].values()):
        for key, description in _descriptions(sections[part["title"]]):
            part["properties"][key]["description"] = description
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, "title": "Expressway app"}
    return {**head, **{key: value for key, value in schema.items() if key != "title"}}


def _descriptions(section: type[Section]) -> Iterator[tuple[str, str]]:
    """The texts that stand under the fields of a section in its source."""
    (declaration,) = ast.parse(textwrap.dedent(inspect.getsource(section))).body
    assert isinstance(declaration, ast.ClassDef)
    for field, text in zip(declaration.body, declaration.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                yield name, " ".join(words.split())
            case _:
                continue


def _close_patterned_mappings(node: Any) -> None:
    """Names outside the pattern are errors for us, so they are for the schema."""
    if isinstance(node, dict):
        if "patternProperties" in node:
            node["additionalProperties"] = False
        for value in node.values():
            _close_patterned_mappings(value)
    elif isinstance(node, list):
        for value in node:
            _close_patterned_mappings(value)
