"""Turn text or data into the definition of an app, reporting every problem at once."""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from expressway.app.definition import COLLECTING, AppDefinition, find_problems, with_metric_for_target
from expressway.app.sections import SCHEMA, Section
from expressway.app.validation import field_problems, without_faulty_values
from expressway.app.yaml_text import load_yaml
from expressway.core.bounded_data import why_too_large
from expressway.core.problems import Problem
from expressway.errors import DefinitionError
from expressway.privacy.untrusted import plain

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


_MOST_SHOWN = 20
"""Problems in one answer; the rest is counted."""


def parse_definition(data: object) -> AppDefinition:
    """The definition that `data` (the parsed YAML or JSON of one app) describes.

    Raises:
        DefinitionError: ``invalid_definition``; ``details["problems"]`` lists all of them, each with path,
            expected, got and message.
    """
    if reason := why_too_large(data, numbers=False):
        raise DefinitionError(
            "definition_too_large",
            f"Expected the definition of an app, got {reason}.",
            "Check that this is the definition of an app and not something else.",
        )
    if not isinstance(data, Mapping):
        got = "nothing" if data is None else f"a {type(data).__name__}"
        raise invalid_definition((Problem("", "a mapping of keys", got, f"Expected a mapping of keys, got {got}."),))
    try:
        definition = AppDefinition.model_validate(data, context=COLLECTING)
    except ValidationError as exc:
        raise invalid_definition(_all_problems(data, exc)) from exc
    problems = find_problems(definition)
    if problems:
        raise invalid_definition(problems)
    return definition


def parse_definition_text(yaml_text: str) -> AppDefinition:
    """The definition that a YAML (or JSON) text describes; a key that is given twice is an error.

    Raises:
        DefinitionError: ``invalid_yaml`` with line and column, or ``invalid_definition``.
    """
    return parse_definition(load_yaml(yaml_text))


def invalid_definition(problems: tuple[Problem, ...]) -> DefinitionError:
    """The one error for all `problems` of a definition."""
    shown = problems[:_MOST_SHOWN]
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    more = len(problems) - len(shown)
    listed = " ".join(f"({number}) {problem.message}" for number, problem in enumerate(shown, 1))
    told = f"{listed} And {more} more." if more else listed
    known = dict(problem.known_keys for problem in shown if problem.known_keys)
    keys = [f" The keys {f'of {name}' if name else 'here'}: {', '.join(names)}." for name, names in known.items()]
    details: dict[str, Any] = {"problems": [problem.to_dict() for problem in shown]}
    return DefinitionError(
        "invalid_definition",
        f"The definition has {count}: {told}",
        f"Correct each path named above; {SCHEMA} has every key with its meaning.{''.join(keys)}",
        details | ({"more_problems": more} if more else {}),
    )


def _all_problems(data: Mapping[Any, Any], exc: ValidationError) -> tuple[Problem, ...]:
    """Problems of single fields, and those of the rules that only touch fields that are in order."""
    faults = field_problems(AppDefinition, exc)
    rest = without_faulty_values(data, exc)
    rest.setdefault("name", "unnamed")
    try:
        definition = AppDefinition.model_validate(rest, context=COLLECTING)
    except ValidationError:
        return faults
    faulty = {plain(fault.path) for fault in faults}
    rules = [rule for rule in find_problems(definition) if not any(_touches(path, faulty) for path in rule.reads)]
    return (*(with_metric_for_target(fault, definition) for fault in faults), *rules)


def _touches(path: str, faulty: set[str]) -> bool:
    return any(_within(path, fault) or _within(fault, path) for fault in faulty)


def _within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def definition_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the definition file."""

    return make_schema()
