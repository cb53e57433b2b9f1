"""Turn text or data into the definition of an app, reporting every problem at once."""

import ast
import copy
import inspect
import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from expressway.app.definition import COLLECTING, AppDefinition, find_problems, with_metric_for_target
from expressway.app.names import NAME_RULE
from expressway.app.sections import EXPECTED_BY_PATTERN, SCHEMA, Section
from expressway.app.yaml_text import load_yaml
from expressway.core.bounded_data import why_too_large
from expressway.core.problems import Problem
from expressway.core.text import near_name, shortened
from expressway.errors import DefinitionError
from expressway.privacy.untrusted import echoed, plain, quoted

_KEY_MARK = "[key]"
_SHOWN_CHARACTERS = 80
_MOST_ERRORS = 200
"""That many are told apart at the most; an answer shows fewer."""

_EXPECTED = {
    "missing": "a value",
    "string_type": "text (put quotes around numbers, dates and yes/no)",
    "string_unicode": "text without lone surrogates",
    "int_type": "a whole number without quotes",
    "bool_type": "true or false",
    "dict_type": "a mapping of names to values",
    "invalid_key": "a key that is text",
    "model_type": "a mapping of settings",
    "tuple_type": "a list",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "text that is not empty",
    "too_long": "at most {max_length} values",
    "too_short": "at least one value",
    **dict.fromkeys(("literal_error", "log_retention", "image_reference", "aws_limit", "plain_text"), "{expected}"),
}
"""What was expected, for each type of error of pydantic's and of ours, with the values of the error's context."""

_OF_LENGTH_OR_CHARACTERS = frozenset({"string_too_long", "string_too_short", "string_pattern_mismatch"})
_WHOLE_RULES = {"name": NAME_RULE}
"""Texts whose length and characters are told together: pydantic reports whichever it finds first."""


def field_problems(model: type[BaseModel], exc: ValidationError) -> tuple[Problem, ...]:
    """One problem for each error that pydantic reports, in the order of the fields."""
    errors = exc.errors(include_url=False)[:_MOST_ERRORS]
    return tuple(_problem(model, error) for error in errors if not _only_lacks_faulty_items(error))


def _only_lacks_faulty_items(error: ErrorDetails) -> bool:
    """Whether a list is called too short only since its faulty items, each reported by itself, do not count."""
    given: object = error["input"]
    return error["type"] == "too_short" and isinstance(given, list | tuple) and bool(given)


def _problem(model: type[BaseModel], error: ErrorDetails) -> Problem:
    path = path_text(error["loc"])
    if error["type"] == "extra_forbidden":
        return _unknown_key(model, error, path)
    context: Mapping[str, Any] = error.get("ctx", {})
    expected = EXPECTED_BY_PATTERN.get(context.get("pattern", "")) or _EXPECTED.get(error["type"], "").format_map(
        context
    )
    expected = expected or error["msg"]
    if error["type"] in _OF_LENGTH_OR_CHARACTERS:
        expected = _WHOLE_RULES.get(path, expected)
    got = "nothing" if error["type"] == "missing" else _got(error)
    return Problem(path, expected, got, f"{path}: expected {expected}, got {got}.")


_OF_OPERATORS = frozenset({"environment", "secrets", "command", "args"})
"""Settings whose values may be secrets: quoted, so that a face shows them only where it may."""
_NAMED_BY_OPERATORS = frozenset({"environment", "secrets", "build.args"})
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_. -]{1,128}")


def _got(error: ErrorDetails) -> str:
    value: object = error["input"]
    if error["loc"][:1] and str(error["loc"][0]) in _OF_OPERATORS and not isinstance(value, Mapping | list | tuple):
        kind = f"text of {len(value)} characters" if isinstance(value, str) else type(value).__name__
        return f"{kind} {_withheld(value)}"
    return shown(value)


def _withheld(value: object) -> str:
    return quoted(shortened(json.dumps(value, ensure_ascii=False, default=str), _SHOWN_CHARACTERS))


def _unknown_key(model: type[BaseModel], error: ErrorDetails, path: str) -> Problem:
    known = _keys_beside(model, error["loc"])
    key = str(error["loc"][-1])
    near = near_name(key, known, cutoff=0.5)
    section = path_text(error["loc"][:-1])
    if near:
        return Problem(path, near, echoed(key), f"{path}: unknown key; did you mean {near}?")
    message = f"{path}: unknown key."
    return Problem(path, "a key that is known here", echoed(key), message, known_keys=(section, tuple(known)))


def _keys_beside(model: type[BaseModel], loc: Sequence[int | str]) -> list[str]:
    for step in loc[:-1]:
        model = next(_models_in(model.model_fields[str(step)].annotation))
    return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def path_text(loc: Sequence[int | str]) -> str:
    """A location as people write it: ``network.subnets[0]``; names that are not ours are quotations."""
    text = ""
    ours = _own_names()
    for step in loc:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step != _KEY_MARK:
            text += f".{_name(step, text, ours)}" if text else _name(step, text, ours)
    return text


def _name(step: str, above: str, ours: frozenset[str]) -> str:
    if step in ours and above not in _NAMED_BY_OPERATORS:
        return step
    if above in _OF_OPERATORS and not _PLAIN_NAME.fullmatch(step):
        return quoted(shortened(step, _SHOWN_CHARACTERS))
    return echoed(step)


def _own_names() -> frozenset[str]:
    return frozenset(name for section in Section.__subclasses__() for name in section.model_fields)


def shown(value: object) -> str:
    """A value as an error shows it: short, on one line, and never the inside of a list or mapping.

    Numbers and the like as they are, everything else as a quotation.
    """
    if isinstance(value, Mapping):
        return f"a mapping of {len(value)}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    text = json.dumps(value, ensure_ascii=False, default=str)
    is_plain = value is None or isinstance(value, bool | int | float)
    return shortened(text, _SHOWN_CHARACTERS) if is_plain else echoed(text, _SHOWN_CHARACTERS)


def without_faulty_values(data: Mapping[Any, Any], exc: ValidationError) -> dict[str, Any]:
    """A copy of `data` without the values that pydantic objected to, so that the rest can be judged."""
    rest: dict[str, Any] = copy.deepcopy(dict(data))
    if exc.error_count() > _MOST_ERRORS:
        return {}  # there is enough to correct
    locations = {tuple(error["loc"]) for error in exc.errors(include_url=False)}
    if any(not [step for step in loc if step != _KEY_MARK] for loc in locations):
        return {}  # a key that cannot be told from others
    for loc in sorted(locations, key=lambda each: [(isinstance(step, str), step) for step in each], reverse=True):
        _remove(rest, [step for step in loc if step != _KEY_MARK])
    return rest


def _remove(data: dict[str, Any], steps: list[int | str]) -> None:
    *parents, last = steps
    container: Any = data
    for step in parents:
        try:
            container = container[step]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(container, dict):
        for key in [key for key in container if str(key) == str(last)]:
            del container[key]
    elif isinstance(container, list) and isinstance(last, int) and last < len(container):
        del container[last]
        if not container:
            _remove(data, parents)  # as if it had not been given: some lists may not be empty


SCHEMA_ID = "urn:expressway:schema:app-definition:1"


def definition_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the definition file: every key with its meaning, values and default."""
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
    message = f"{listed} And {more} more." if more else listed
    known = dict(problem.known_keys for problem in shown if problem.known_keys)
    keys = [f" The keys {f'of {name}' if name else 'here'}: {', '.join(names)}." for name, names in known.items()]
    details: dict[str, Any] = {"problems": [problem.to_dict() for problem in shown]}
    return DefinitionError(
        "invalid_definition",
        f"The definition has {count}: {message}",
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
    rules = [
        rule
        for rule in find_problems(definition)
        if not any(_overlap(path, fault) for path in rule.reads for fault in faulty)
    ]
    return (*(with_metric_for_target(fault, definition) for fault in faults), *rules)


def _overlap(one: str, other: str) -> bool:
    """Whether one of the paths is the other, or a part of it."""
    return one == other or one.startswith((f"{other}.", f"{other}[")) or other.startswith((f"{one}.", f"{one}["))
