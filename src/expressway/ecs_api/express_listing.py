"""ListExpressGatewayServices, which AWS documents and does not have: answered from ListServices, in the same shape."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from expressway.core.cancellation import ReadPool
from expressway.core.pages import Page, pages
from expressway.ecs_api.pages import SIZE, TOKEN, Call

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
    def ask(**token: str) -> Page:
        return list_clusters({SIZE: _DEFAULT_PAGE, **token})

    for page in pages(ask, doing="list the clusters", by=TOKEN):
        yield from (str(arn).rsplit("/", 1)[-1] for arn in page["clusterArns"])


def _pages_of(cluster: str, first: Page, list_services: Call, room: Callable[[], int]) -> Iterator[Page]:
    """A cluster's pages, of which the first is there already."""

    def ask(**token: str) -> Page:
        return list_services(_asked(cluster, room(), token[TOKEN])) if token else first

    return pages(ask, doing=f"list the services of {cluster}", by=TOKEN)
