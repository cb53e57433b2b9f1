"""ListExpressGatewayServices, which AWS documents and does not have: answered from ListServices, in the same shape."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from expressway.operations.api_pages import SIZE, TOKEN, Call

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
    for name, first in _first_pages(list_services, waiting, size, {start: token} if token else {}):
        asked, page = token if name == start else "", first
        while True:
            if arns and len(arns) + len(page["serviceArns"]) > size:  # it comes first in the next page
                return {"serviceArns": arns, TOKEN: f"{name}:{asked}"}
            arns += page["serviceArns"]
            asked = str(page.get(TOKEN) or "")
            if not asked:
                break
            if len(arns) >= size:
                return {"serviceArns": arns, TOKEN: f"{name}:{asked}"}
            page = list_services(_asked(name, size - len(arns), asked))
    return {"serviceArns": arns}


def _first_pages(
    list_services: Call, clusters: Sequence[str], size: int, tokens: Mapping[str, str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The first page of each cluster, a few clusters at the same time."""
    with ThreadPoolExecutor(_CLUSTERS_AT_ONCE, thread_name_prefix="express services") as pool:
        for start in range(0, len(clusters), _CLUSTERS_AT_ONCE):
            batch = clusters[start : start + _CLUSTERS_AT_ONCE]
            asked = [_asked(name, size, tokens.get(name, "")) for name in batch]
            yield from zip(batch, pool.map(list_services, asked), strict=True)


def _asked(cluster: str, size: int, token: str) -> dict[str, Any]:
    asked: dict[str, Any] = {"cluster": cluster, "resourceManagementType": "ECS", SIZE: size}
    return {**asked, TOKEN: token} if token else asked


def _cluster_names(list_clusters: Call) -> Iterator[str]:
    token = ""
    while True:
        page = list_clusters({SIZE: _DEFAULT_PAGE, **({TOKEN: token} if token else {})})
        yield from (str(arn).rsplit("/", 1)[-1] for arn in page["clusterArns"])
        token = str(page.get(TOKEN) or "")
        if not token:
            return
