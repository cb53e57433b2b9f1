"""An answer that comes in pages, read up to a limit, and tokens that continue exactly behind what was shown."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, cast

from expressway.core.pages import MOST_PAGES, pages
from expressway.core.progress import ReadPool, raise_if_cancelled
from expressway.ecs_api.operations import Paging

Call = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""One round trip: parameters in, a page out."""

TOKEN, SIZE = "nextToken", "maxResults"
_OWN_TOKEN = re.compile(r"skip:(\d{1,6}):(\d{1,6}):(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: the token and size it was asked with (0: none), how many items were passed over, how many came."""

    token: str
    size: int
    skipped: int
    count: int


@dataclass(frozen=True, slots=True)
class PagedAnswer:
    """The first page's answer with the lists of all pages; `next_token` is empty when that was all.

    `lists` are the paths of the lists that pages add to: ``serviceArns``, ``imageScanFindings.findings``. `note` says
    why a list was left before its end.
    """

    content: dict[str, Any]
    next_token: str = ""
    note: str = ""
    pages: tuple[Page, ...] = ()
    lists: tuple[str, ...] = ()

    def token_after(self, kept: int) -> str:
        """The token that continues behind the first `kept` items."""
        before = 0
        for page in self.pages:
            if before <= kept < before + page.count:
                return _own_token(page, page.skipped + kept - before)
            before += page.count
        return self.next_token


def read_pages(call: Call, paging: Paging, parameters: Mapping[str, Any], *, limit: int | None) -> PagedAnswer:
    """Pages until there are `limit` items (None: all), never fewer than AWS sent: a page is never cut here.

    A token that `token_after` made is taken like one of AWS's.
    """
    fixed = {name: value for name, value in parameters.items() if name not in {TOKEN, SIZE}}
    token, size, skip = _read_token(str(parameters.get(TOKEN, "")))
    largest = min(int(parameters.get(SIZE, paging.largest_page)), paging.largest_page)
    sized = not any(isinstance(value, list) for value in fixed.values())  # what is named is not paged
    content: dict[str, Any] = {}
    read: list[Page] = []
    count = 0
    asked = {token}
    while True:
        raise_if_cancelled()
        wanted = largest if limit is None else min(largest, limit - count)
        size = size or (wanted if sized else 0)
        answer = call({**fixed, **({SIZE: size} if size else {}), **({TOKEN: token} if token else {})})
        came = _add(content, answer, paging, skip)
        read.append(Page(token, size, skip, came))
        count += came
        following = str(answer.get(TOKEN) or "")
        note = _broken(following, asked, len(read))
        if not following or note or (limit is not None and count >= limit):
            lists = tuple(".".join(path) for path in paging.lists)
            return PagedAnswer(content, "" if following in asked else following, note, tuple(read), lists)
        asked.add(following)
        token, size, skip = following, 0, 0


def _broken(following: str, asked: Set[str], pages: int) -> str:
    """Why no further page is asked for, although the service names one."""
    if following and following in asked:
        return "The list may go on: the service named a page for the second time, so that no more of it can be read."
    if following and pages >= MOST_PAGES:
        return f"The list continues: {pages:,} pages were read."
    return ""


def _add(content: dict[str, Any], answer: Mapping[str, Any], paging: Paging, skip: int) -> int:
    """Put a page's lists behind those that are there; how many items it brought."""
    came = 0
    for path in paging.lists:
        items = _at(answer, path)
        if items is not None:
            came += len(items[skip:])
            _put(content, path, [*(_at(content, path) or []), *items[skip:]])
    for name, value in answer.items():
        if (name,) not in paging.lists and name != TOKEN:
            content[name] = _joined(content.get(name), value)
    return came


def _joined(known: Any, more: Any) -> Any:
    """What two pages say besides their items: the failures of both, and everything else as the first says it."""
    if isinstance(known, list) and isinstance(more, list):
        return [*cast("list[Any]", known), *cast("list[Any]", more)]
    if isinstance(known, Mapping) and isinstance(more, Mapping):
        return {**cast("Mapping[str, Any]", more), **cast("Mapping[str, Any]", known)}
    return more if known is None else known


def _at(answer: Mapping[str, Any], path: Sequence[str]) -> list[Any] | None:
    value: Any = answer
    for name in path:
        value = cast("Mapping[str, Any]", value).get(name) if isinstance(value, Mapping) else None
    return cast("list[Any]", value) if isinstance(value, list) else None


def _put(content: dict[str, Any], path: Sequence[str], items: list[Any]) -> None:
    for name in path[:-1]:
        content = content.setdefault(name, {})
    content[path[-1]] = items


def _read_token(token: str) -> tuple[str, int, int]:
    own = _OWN_TOKEN.fullmatch(token)
    return (own[3], int(own[2]), int(own[1])) if own else (token, 0, 0)


def _own_token(page: Page, skip: int) -> str:
    return page.token if skip == 0 and page.token else f"skip:{skip}:{page.size}:{page.token}"


_DEFAULT_PAGE = 100
_CLUSTERS_AT_ONCE = 8


def list_express_services(list_services: Call, list_clusters: Call, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """One page of the Express Mode services of a cluster, or of all clusters in order of their ARNs.

    A token over all clusters is the cluster's name, a colon and ECS's own token there.
    """
    if parameters.get("cluster"):
        return list_services({**parameters, "resourceManagementType": "ECS"})
    size = int(parameters.get(SIZE, _DEFAULT_PAGE))
    start, _, token = str(parameters.get(TOKEN, "")).partition(":")
    clusters = sorted(_cluster_names(list_clusters))
    waiting = [name for name in clusters if name >= start]
    arns: list[str] = []

    def room() -> int:
        return size - len(arns)

    for name, first in _first_pages(list_services, waiting, size, {start: token} if token else {}):
        asked = token if name == start else ""
        for page in _pages_of(name, first, list_services, room):
            if arns and len(arns) + len(page["serviceArns"]) > size:  # it comes first in the next page
                return {"serviceArns": arns, TOKEN: f"{name}:{asked}"}
            arns.extend(page["serviceArns"])
            asked = str(page.get(TOKEN) or "")
            if asked and len(arns) >= size:
                return {"serviceArns": arns, TOKEN: f"{name}:{asked}"}
    return {"serviceArns": arns}


def _first_pages(
    list_services: Call, clusters: Sequence[str], size: int, tokens: Mapping[str, str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The first page of each cluster, a few clusters at the same time."""
    with ReadPool(_CLUSTERS_AT_ONCE, thread_name_prefix="express services") as pool:
        for start in range(0, len(clusters), _CLUSTERS_AT_ONCE):
            batch = clusters[start : start + _CLUSTERS_AT_ONCE]
            asked = [_asked(name, size, tokens.get(name, "")) for name in batch]
            yield from zip(batch, pool.map(list_services, asked), strict=True)


def _asked(cluster: str, size: int, token: str) -> dict[str, Any]:
    asked: dict[str, Any] = {"cluster": cluster, "resourceManagementType": "ECS", SIZE: size}
    return {**asked, TOKEN: token} if token else asked


def _cluster_names(list_clusters: Call) -> Iterator[str]:
    def ask(**token: str) -> Mapping[str, Any]:
        return list_clusters({SIZE: _DEFAULT_PAGE, **token})

    for page in pages(ask, doing="list the clusters", by=TOKEN):
        yield from (str(arn).rsplit("/", 1)[-1] for arn in page["clusterArns"])


def _pages_of(
    cluster: str, first: Mapping[str, Any], list_services: Call, room: Callable[[], int]
) -> Iterator[Mapping[str, Any]]:
    """A cluster's pages, of which the first is there already."""

    def ask(**token: str) -> Mapping[str, Any]:
        return list_services(_asked(cluster, room(), token[TOKEN])) if token else first

    return pages(ask, doing=f"list the services of {cluster}", by=TOKEN)
