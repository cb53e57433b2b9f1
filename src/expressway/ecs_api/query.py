"""JMESPath over an answer, bounded: an expression may not make more of an answer than there is room for."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from expressway.errors import UsageError
from expressway.privacy.untrusted import echoed, is_quoted, quoted, unquoted

LONGEST_EXPRESSION = 2000
_LARGEST_VALUE = 1_000_000
_MOST_STEPS = 500_000
_MOST_VALUES = 2_000_000
_MAKING = frozenset({"multi_select_list", "multi_select_dict", "function_expression"})
"""Nodes that make values which were not there."""


def check_query(expression: str) -> None:
    """Make sure that it is an expression of JMESPath (jmespath.org).

    Raises:
        UsageError: ``query_invalid``.
    """
    with _told(expression):
        _compiled(expression)


def search_query(expression: str, document: object) -> Any:
    """What `expression` finds in a JSON `document`; None where it finds nothing.

    Raises:
        UsageError: ``query_invalid`` for an expression that is none, does not fit, or asks for too much.
    """
    with _told(expression):
        return _interpreter()().visit(_compiled(expression), document)


class _TooMuchError(Exception):
    """The expression asks for more than there is room for."""


@contextmanager
def _told(expression: str) -> Generator[None]:
    from jmespath.exceptions import JMESPathError

    try:
        yield
    except _TooMuchError as exc:
        raise _wrong(expression, str(exc)) from exc
    except RecursionError as exc:
        raise _wrong(expression, "it is nested too deeply") from exc
    except JMESPathError as exc:
        raise _wrong(expression, str(exc).splitlines()[0]) from exc
    except (TypeError, ValueError, AttributeError, OverflowError) as exc:  # its functions do not check all they take
        raise _wrong(expression, f"it does not fit the answer ({type(exc).__name__})") from exc


def _compiled(expression: str) -> Any:
    import jmespath

    if len(expression) > LONGEST_EXPRESSION:
        raise _TooMuchError(f"it has more than {LONGEST_EXPRESSION} characters")
    compiled: Any = jmespath.compile(expression)
    return compiled.parsed


@cache
def _interpreter() -> Any:
    from jmespath.visitor import TreeInterpreter

    class Bounded(TreeInterpreter):
        """Stops an expression that makes more and more values of the same ones."""

        def __init__(self) -> None:
            super().__init__()
            self.steps = 0
            self.values = 0

        def visit(self, node: Any, *args: Any, **named: Any) -> Any:
            self.steps += 1
            found: Any = super().visit(node, *args, **named)
            if node["type"] in _MAKING:
                self.values += _count(found, _MOST_VALUES - self.values)
            large = isinstance(found, list | str) and len(found) > _LARGEST_VALUE
            if large or self.steps > _MOST_STEPS or self.values >= _MOST_VALUES:
                raise _TooMuchError("it asks for too much")
            return found

    return Bounded


def _count(value: Any, most: int) -> int:
    """How many values are in `value`, itself included; no more than `most` are counted."""
    waiting, counted = [value], 0
    while waiting and counted < most:
        one = waiting.pop()
        counted += 1
        if isinstance(one, dict):
            waiting.extend(cast("dict[str, Any]", one).values())
        elif isinstance(one, list):
            waiting.extend(cast("list[Any]", one))
    return counted


def _wrong(expression: str, reason: str) -> UsageError:
    return UsageError(
        "query_invalid",
        f"query is expected to be a JMESPath expression over the answer, got {echoed(expression, 200)}: "
        f"{echoed(reason.rstrip(':.'), 200)}.",
        "For example services[].{name: serviceName, running: runningCount}; the specification is at jmespath.org.",
    )


@dataclass(frozen=True, slots=True)
class QueriedText:
    """`content` without marks. `own` are the texts that stood in the answer outside of quotations, names included."""

    content: Any
    own: frozenset[str]
    has_quotations: bool

    def marked(self, found: Any) -> Any:
        """What a query found, with every text marked that is not one of the answer's own to the letter.

        A text that the query made (joined, turned around) might hold words of others, so it is marked as well.
        """
        return _mapped(found, self._mark) if self.has_quotations else found

    def _mark(self, text: str) -> str:
        return text if text in self.own else quoted(text)


def queried_text(content: Any) -> QueriedText:
    """The answer `content`, made ready for a query."""
    texts = list(_texts(content))
    own = frozenset(text for text in texts if not is_quoted(text))
    return QueriedText(_mapped(content, unquoted), own, len(own) < len(set(texts)))


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {name: _mapped(item, change) for name, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [_mapped(item, change) for item in cast("list[Any]", value)]
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, item in cast("Mapping[str, Any]", value).items():
            yield name
            yield from _texts(item)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _texts(item)
