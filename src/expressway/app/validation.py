"""What pydantic found wrong becomes problems with a path, what was expected and what came."""

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from expressway.app.names import NAME_RULE
from expressway.app.sections import EXPECTED_BY_PATTERN, Section
from expressway.core.problems import Problem
from expressway.core.text import near_name, shortened
from expressway.privacy.untrusted import echoed, quoted

_KEY_MARK = "[key]"
_SHOWN_CHARACTERS = 80
_MOST_ERRORS = 200
"""That many are told apart at the most; an answer shows fewer."""

Context = Mapping[str, Any]

_EXPECTED: dict[str, Callable[[Context], str]] = {
    "missing": lambda _: "a value",
    "string_type": lambda _: "text (put quotes around numbers, dates and yes/no)",
    "string_unicode": lambda _: "text without lone surrogates",
    "int_type": lambda _: "a whole number without quotes",
    "bool_type": lambda _: "true or false",
    "dict_type": lambda _: "a mapping of names to values",
    "invalid_key": lambda _: "a key that is text",
    "model_type": lambda _: "a mapping of settings",
    "tuple_type": lambda _: "a list",
    "literal_error": lambda context: f"{context['expected']}",
    "greater_than_equal": lambda context: f"{context['ge']} or more",
    "less_than_equal": lambda context: f"{context['le']} or less",
    "string_too_long": lambda context: f"at most {context['max_length']} characters",
    "string_too_short": lambda _: "text that is not empty",
    "too_long": lambda context: f"at most {context['max_length']} values",
    "too_short": lambda _: "at least one value",
    "string_pattern_mismatch": lambda context: EXPECTED_BY_PATTERN[context["pattern"]],
    "log_retention": lambda context: f"{context['expected']}",
    "image_reference": lambda context: f"{context['expected']}",
    "aws_limit": lambda context: f"{context['expected']}",
    "plain_text": lambda context: f"{context['expected']}",
}

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
    describe = _EXPECTED.get(error["type"])
    expected = describe(error.get("ctx", {})) if describe else error["msg"]
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
