"""Lists that come in pages: read to a bound, stopped between pages, and never taken for whole where they are not."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from expressway.core.progress import raise_if_cancelled
from expressway.errors import TargetError

Page = Mapping[str, Any]
MOST_PAGES = 1000
"""Far more than any account has of what is read here: a thousand pages hold 20,000 to a million items."""


def pages(
    ask: Callable[..., Page | None], *, doing: str, by: str, given: str = "", most: int = MOST_PAGES
) -> Iterator[Page]:
    """Every page of a list, as long as the service names a next one.

    Args:
        ask: gives one page; called with `by` as the only keyword, or with none for the first page. None where
            there is no such list.
        doing: what is attempted, for the error: ``list the stacks``.
        by: the parameter that takes the token.
        given: the member of the answer that gives it, where it is called otherwise.

    Raises:
        TargetError: ``endless_answer`` where a token comes for the second time or the pages do not end; ``aws_error``
            where the list is gone after some of its pages: those are not the whole of it.
        ExpresswayError: ``cancelled``.
    """
    seen: set[str] = set()
    following = ""
    for _ in range(most):
        raise_if_cancelled()
        page = ask(**({by: following} if following else {}))
        if page is None and following:
            raise _vanished(doing)
        if page is None:
            return
        yield page
        following = str(page.get(given or by) or "")
        if not following:
            return
        if following in seen:
            raise endless_answer(doing, "gave the same page token for the second time")
        seen.add(following)
    raise endless_answer(doing, f"named a next page after {most:,} pages")


def _vanished(doing: str) -> TargetError:
    return TargetError(
        "aws_error",
        f"AWS did not {doing}: what was asked for disappeared between two pages; the list was not read to its end.",
        "It was deleted meanwhile, most likely: repeat the command.",
    )


def endless_answer(doing: str, what: str) -> TargetError:
    """The error for a list whose end does not come; what was read of it must not be taken for all."""
    return TargetError(
        "endless_answer",
        f"The service {what} when it was asked to {doing}; the list was not read to its end.",
        "Repeat the command; if it happens again, see whether a proxy or an emulator answers in place of AWS.",
    )
