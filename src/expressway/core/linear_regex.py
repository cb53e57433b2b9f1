"""Regular expressions over an app's files, in time that grows with the file and no faster, whatever stands in it.

RE2 runs them; its syntax is that of `re` less look-around and back-references, which nobody can run in linear time.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, cast

Match = re.Match[str]
"""RE2's own matches have the same members."""


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    import re2  # loaded for the first pattern

    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def check(pattern: str) -> str:
    """The pattern itself, if RE2 takes it.

    Raises:
        ValueError: it does not.
    """
    import re2

    try:
        _compiled(pattern)
    except re2.error as exc:
        raise ValueError(f"{pattern} cannot run in linear time: {exc}") from exc
    return pattern


def search(pattern: str, text: str) -> Match | None:
    """Like `re.search`."""
    return cast("Match | None", _compiled(pattern).search(text))


def finditer(pattern: str, text: str) -> Iterator[Match]:
    """Like `re.finditer`."""
    return cast("Iterator[Match]", _compiled(pattern).finditer(text))
