"""An answer as a query sees it: text of others without its marks, to be compared, and marked again afterwards."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from expressway.privacy.untrusted import is_quoted, plain, quoted


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
    return QueriedText(_mapped(content, _unmarked), own, len(own) < len(set(texts)))


def _unmarked(text: str) -> str:
    return plain(text) if is_quoted(text) else text


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
