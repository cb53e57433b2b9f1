"""Arguments that do not fit, told all at once in the shape of every other error."""

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence, Sized
from typing import Any, cast

from pydantic import ValidationError

from expressway.errors import UsageError
from expressway.mcp.selected_target import target_problems
from expressway.model.shortened_text import shortened


def check_arguments(
    tool: str, given: Mapping[str, Any], known: Collection[str], validate: Callable[[dict[str, Any]], object]
) -> None:
    """Refuse arguments that the tool does not know or that do not fit.

    Raises:
        UsageError: ``invalid_arguments``; ``details["problems"]`` has path, expected and got of each.
    """
    problems = [_unknown(name, known) for name in given if name not in known] + target_problems(given)
    try:
        validate({name: value for name, value in given.items() if name in known})
    except ValidationError as exc:
        problems.extend(_misfit(error, given) for error in exc.errors(include_url=False, include_context=False))
    if problems:
        told = "; ".join(f"{problem['path']}: expected {problem['expected']}" for problem in problems)
        raise UsageError(
            "invalid_arguments",
            f"The arguments of {tool} do not fit: {told}.",
            "Correct each of them and call again; nothing was done.",
            {"problems": problems},
        )


def unknown_tool(name: str, known: Collection[str]) -> UsageError:
    """The error for a tool that is not here, with what was probably meant."""
    meant = _FORMER_NAMES.get(name) or next(iter(difflib.get_close_matches(name, known, 1)), None)
    return UsageError(
        "unknown_tool",
        f"There is no tool {name!r} here.",
        f"Use {meant}." if meant in known else f"The tools are: {', '.join(sorted(known))}.",
    )


_FORMER_NAMES = {"create_ecs_infrastructure": "deploy_app", "delete_ecs_infrastructure": "delete_app"}
_LONGEST_VALUE = 80


def _unknown(name: str, known: Collection[str]) -> dict[str, Any]:
    near = difflib.get_close_matches(name, known, 1)
    meant = f"{near[0]} (was it meant?)" if near else f"one of {', '.join(known)}"
    return {"path": name, "expected": meant, "got": "an argument of that name"}


def _misfit(error: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    parts = [str(part) for part in error["loc"]]
    # A union (object or text) reports once for each of its members, named behind the argument.
    path = ".".join(parts) or "arguments"
    if error["type"] == "missing":
        return {"path": path, "expected": "a value (it is required)", "got": "nothing"}
    return {"path": path, "expected": _expected(error["msg"]), "got": _got(parts[0] if parts else "", given)}


def _expected(message: str) -> str:
    """Pydantic's words without their beginning: ``Input should be a valid string`` → ``a valid string``."""
    return message.removeprefix("Input should be ").removeprefix("String should ")


_OF_OPERATORS = frozenset({"definition", "api_params", "parameters", "arguments"})
"""Arguments that hold values of operators, however they were sent: told by their kind and length alone."""


def _got(name: str, given: Mapping[str, Any]) -> str:
    value = given.get(name) if name else given
    if name and name not in _OF_OPERATORS:
        return _shown(value)
    if isinstance(value, str):
        return f"text of {len(value)} characters"
    if isinstance(value, Mapping | Sequence):
        kind = "an object" if isinstance(value, Mapping) else "a list"
        return f"{kind} of {len(cast('Sized', value))} members"
    return type(value).__name__


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{shortened(text, _LONGEST_VALUE)} ({type(value).__name__})"
