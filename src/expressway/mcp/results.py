"""The two shapes in which every tool answers: its result, or one error."""

import functools
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar, cast, get_args

from mcp.types import CallToolResult, ContentBlock, ResourceLink, TextContent

from expressway.core.text import shortened
from expressway.errors import ExpresswayError
from expressway.mcp.background import in_thread
from expressway.privacy.gates import Gates
from expressway.privacy.render import RedactionPolicy, redact_response

_LOG = logging.getLogger(__name__)
_LONGEST_SENTENCES = 8_000
_LONGEST_TEXT = 2_000
_MOST_ITEMS = 50
_DEEPEST = 8
_SENTENCES = frozenset({"message", "hint"})


def redaction_policy_of(gates: Gates) -> RedactionPolicy:
    """What everything goes through on its way to a client."""
    return RedactionPolicy(gates.allow_sensitive_data, masked_text)


def masked_text(text: str) -> str:
    """The patterns are loaded for the first text, not to list the tools."""
    from expressway.privacy.masking.detector import masked

    return masked(text)


def bounded_error(error: Mapping[str, Any]) -> dict[str, Any]:
    """The error with long texts cut between words, and long lists and objects cut with a count of the rest."""
    return {
        name: shortened(value, _LONGEST_SENTENCES) if name in _SENTENCES and isinstance(value, str) else _cut(value, 0)
        for name, value in error.items()
    }


def _cut(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else shortened(value, _LONGEST_TEXT)
    if isinstance(value, Mapping):
        return _cut_members(cast("Mapping[str, Any]", value), depth)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        items = cast("Sequence[Any]", value)
        more = len(items) - _MOST_ITEMS
        cut = [_cut(item, depth + 1) for item in items[:_MOST_ITEMS]] if depth < _DEEPEST else []
        return [*cut, f"… and {more} more"] if more > 0 else cut
    return value


def _cut_members(members: Mapping[str, Any], depth: int) -> dict[str, Any]:
    kept = list(members.items())[:_MOST_ITEMS] if depth < _DEEPEST else []
    cut = {shortened(str(name), _LONGEST_TEXT): _cut(item, depth + 1) for name, item in kept}
    more = len(members) - _MOST_ITEMS
    return cut | {"…": f"and {more} more"} if more > 0 else cut


ContentT = TypeVar("ContentT", bound=Mapping[str, Any], covariant=True)


@dataclass(frozen=True, slots=True)
class Answer(Generic[ContentT]):
    """A result with links to resources that hold the rest of it; `failed` when it tells of a failure.

    The type of the content, as a tool function's annotation names it, is what the listed output schema is made of.
    `told` is the content's JSON where `told_of` has made it already, so that secrets are not looked for twice.
    """

    content: ContentT
    links: Sequence[ResourceLink] = ()
    failed: bool = False
    told: str = ""


ToolFunction = Callable[..., Awaitable[Answer[Any]]]


def compact_json(value: object) -> str:
    """JSON without spaces; what is no JSON (paths, timestamps) as text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def told_of(content: Mapping[str, Any], gates: Gates) -> str:
    """The JSON of the part of `content` that a client may see."""
    present = {name: value for name, value in content.items() if value is not None}
    return compact_json(redact_response(present, redaction_policy_of(gates)))


def result_of(answer: Answer[Any], gates: Gates) -> CallToolResult:
    """The result that a tool function answers."""
    return _result(answer.told or told_of(answer.content, gates), links=answer.links, is_error=answer.failed)


def error_of(error: ExpresswayError, gates: Gates) -> CallToolResult:
    """The one shape of an error: code, message, hint and, if any, details; both as text and as structured content."""
    return _result(told_of(bounded_error(error.to_dict()), gates), is_error=True)


async def error_of_in_thread(error: ExpresswayError, gates: Gates) -> CallToolResult:
    """`error_of`, off the event loop."""
    return await in_thread(lambda: error_of(error, gates))


def internal_error(tool: str) -> ExpresswayError:
    """What a model learns of a fault in Expressway itself; the trace is in the server's log."""
    return ExpresswayError(
        "internal_error",
        f"{tool} failed for a reason that Expressway does not know; what it did so far is recorded.",
        "The server's log (standard error) has the details. For an app, get_deployment_status shows its state.",
    )


def answering(function: ToolFunction, name: str, gates: Gates) -> Callable[..., Awaitable[CallToolResult]]:
    """`function` as a tool that always answers in one of the two shapes; the one place that translates errors.

    What it found is put into words in a thread too: to look for secrets in it takes a millisecond for each kilobyte.
    """

    @functools.wraps(function)
    async def answer(*arguments: Any, **named: Any) -> CallToolResult:
        try:
            found = await function(*arguments, **named)
            return await in_thread(lambda: result_of(found, gates))
        except ExpresswayError as error:
            return await error_of_in_thread(error, gates)
        except Exception:  # noqa: BLE001 - the face's one boundary: nothing may leave it in another shape
            _LOG.exception("%s broke off", name)
            return await error_of_in_thread(internal_error(name), gates)

    signature = inspect.signature(function, eval_str=True)
    (content,) = get_args(signature.return_annotation)
    signature = signature.replace(return_annotation=Annotated[CallToolResult, content])
    answer.__signature__ = signature  # pyright: ignore[reportAttributeAccessIssue]
    return answer


def _result(text: str, *, links: Sequence[ResourceLink] = (), is_error: bool = False) -> CallToolResult:
    blocks: list[ContentBlock] = [TextContent(type="text", text=text), *links]
    return CallToolResult(content=blocks, structured_content=json.loads(text), is_error=is_error)
