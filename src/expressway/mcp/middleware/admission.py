"""What happens to every call before a tool sees it: is there such a tool, may it run, do the arguments fit."""

from collections.abc import Callable, Collection, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any, cast

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolRequestParams, CallToolResult
from pydantic import ValidationError

from expressway.core.bounded_data import why_too_large
from expressway.core.problems import MOST_SHOWN, told_problems
from expressway.core.text import near_name
from expressway.errors import ExpresswayError, RefusedError, UsageError
from expressway.mcp.results import error_of_in_thread, internal_error
from expressway.mcp.target import TARGET_PROPERTIES, selecting
from expressway.privacy.gates import Gates, decide
from expressway.privacy.untrusted import echoed, named

_LONGEST_TEXT = 4_096
_OF_ANY_LENGTH = frozenset({"definition"})
_OF_OPERATORS = frozenset({"definition", "api_params", "parameters", "arguments"})
"""Arguments that hold values of operators, however they were sent: told by their kind and length alone."""
_FORMER_NAMES = {"create_ecs_infrastructure": "deploy_app", "delete_ecs_infrastructure": "delete_app"}


def refuse_large_arguments(given: object) -> None:
    """Refuse what no tool takes, before anything else looks at it.

    Raises:
        UsageError: ``arguments_too_large``.
    """
    if reason := why_too_large(given):
        raise UsageError(
            "arguments_too_large",
            f"Expected arguments of a tool, got {reason}.",
            "Call again with what the tool asks for; nothing was done.",
        )


def check_arguments(
    tool: str, given: Mapping[str, Any], known: Collection[str], validate: Callable[[dict[str, Any]], object]
) -> None:
    """Refuse arguments that the tool does not know or that do not fit.

    Raises:
        UsageError: ``invalid_arguments``; ``details["problems"]`` has path, expected and got of each.
    """
    unknown = [name for name in given if name not in known]
    fitting = {name: value for name, value in given.items() if name in known}
    problems = [_unknown(name, known) for name in unknown[:MOST_SHOWN]]
    problems += _target_problems(given) + _long_texts(fitting)
    count = len(problems) + max(0, len(unknown) - MOST_SHOWN)
    try:
        refuse_large_arguments(validate(fitting))  # what came as JSON text is measured as what it is
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_context=False)
        problems.extend(_misfit(error, given) for error in errors[:MOST_SHOWN])
        count += len(errors)
    if count:
        hint = "Correct each of them and call again; nothing was done."
        listed = f" {tool} takes {', '.join(known)}." if unknown else ""
        told, details = told_problems(problems, count=count)
        message = f"The arguments of {tool} do not fit: {told}."
        raise UsageError("invalid_arguments", message, f"{hint}{listed}", details)


def unknown_tool(name: str, known: Collection[str]) -> UsageError:
    """The error for a tool that is not here, with what was probably meant."""
    meant = _FORMER_NAMES.get(name) or near_name(name, known)
    return UsageError(
        "unknown_tool",
        f"There is no tool {named(name)} here.",
        f"Use {meant}." if meant in known else f"The tools are: {', '.join(sorted(known))}.",
    )


def _unknown(name: str, known: Collection[str]) -> dict[str, Any]:
    near = near_name(name, known)
    meant = f"{near} (was it meant?)" if near else "an argument of the tool"
    return {"path": named(name), "expected": meant, "got": "an argument of that name"}


def _target_problems(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is wrong with `profile` and `region` themselves."""
    return [
        {"path": name, "expected": "a name, as text", "got": _shown(given[name])}
        for name in TARGET_PROPERTIES
        if given.get(name) is not None and not (isinstance(given[name], str) and given[name].strip())
    ]


def _long_texts(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"path": name, "expected": f"at most {_LONGEST_TEXT:,} characters", "got": f"{len(value):,}"}
        for name, value in given.items()
        if isinstance(value, str) and name not in _OF_ANY_LENGTH and len(value) > _limit_of(name)
    ]


def _limit_of(name: str) -> int:
    """Objects may come as JSON text; they are measured as what they are."""
    return 1_000_000 if name in _OF_OPERATORS else _LONGEST_TEXT


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


def _got(name: str, given: Mapping[str, Any]) -> str:
    value = given.get(name) if name else given
    if name and name not in _OF_OPERATORS:
        return _shown(value)
    return f"text of {len(value)} characters" if isinstance(value, str) else _kind(value)


def _shown(value: object) -> str:
    if isinstance(value, str):
        return echoed(value)
    return str(value) if value is None or isinstance(value, bool | int | float) else _kind(value)


def _kind(value: object) -> str:
    if isinstance(value, Mapping | Sequence):
        kind = "an object" if isinstance(value, Mapping) else "a list"
        return f"{kind} of {len(cast('Sized', value))} members"
    return type(value).__name__


@dataclass(frozen=True, slots=True)
class Listed:
    """A tool and what the gates have to know of it; one that `proxied` its arguments checks them itself."""

    tool: Tool
    writes: bool
    sensitive: bool = False
    proxied: bool = False


class AdmissionMiddleware(Extension):
    """Refuses what must not run, in the one shape of an error; everything else goes on to its tool."""

    identifier = "io.github.expressway/errors"

    def __init__(self, tools: Mapping[str, Listed], gates: Gates) -> None:
        self._tools = tools
        self._gates = gates

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        arguments = params.arguments or {}
        try:
            self._check(params.name, arguments)
        except ExpresswayError as error:
            return await error_of_in_thread(error, self._gates)
        with selecting({} if self._tools[params.name].proxied else arguments):
            result = await call_next(ctx)
        if isinstance(result, CallToolResult) and result.is_error and result.structured_content is None:
            # In the SDK's own words, which are in its log already.
            return await error_of_in_thread(internal_error(params.name), self._gates)
        return result

    def _check(self, name: str, arguments: Mapping[str, Any]) -> None:
        listed = self._tools.get(name)
        if listed is None:
            raise unknown_tool(name, self._tools)
        decision = decide(name, self._gates, writes=listed.writes, sensitive=listed.sensitive)
        if not decision.allowed:
            raise RefusedError(decision.code, decision.message, decision.hint)
        refuse_large_arguments(arguments)
        if listed.proxied:
            return
        tool = listed.tool
        check_arguments(name, arguments, tool.parameters["properties"], tool.fn_metadata.validate_arguments)
