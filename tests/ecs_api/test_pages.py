"""Pages up to a limit, and tokens that lose nothing and repeat nothing."""

import itertools
import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.core.pages import MOST_PAGES
from expressway.core.progress import cancelled_by
from expressway.ecs_api.operations import Paging
from expressway.ecs_api.pages import list_express_services, read_pages
from expressway.errors import ExpresswayError

PAGING = Paging((("items",),), 10)


class Lister:
    """A list that is handed out in pages, like AWS's: the token is where to go on."""

    def __init__(self, total: int, *, largest: int = 10) -> None:
        self.items = [f"item-{number}" for number in range(total)]
        self.largest = largest
        self.asked: list[Mapping[str, Any]] = []

    def __call__(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(parameters)
        start = int(parameters.get("nextToken") or 0)
        end = start + min(int(parameters.get("maxResults", 3)), self.largest)
        page = {"items": self.items[start:end], "failures": [{"arn": str(start)}]}
        return page | ({"nextToken": str(end)} if end < len(self.items) else {})


def test_pages_are_followed_and_put_together() -> None:
    lister = Lister(25)
    answer = read_pages(lister, PAGING, {"cluster": "c"}, limit=None)
    assert answer.content["items"] == lister.items
    assert answer.next_token == ""
    assert [one["arn"] for one in answer.content["failures"]] == ["0", "10", "20"]
    assert all(asked["cluster"] == "c" for asked in lister.asked)


def test_no_more_is_asked_for_than_the_limit_and_the_token_goes_on_behind_it() -> None:
    lister = Lister(25)
    answer = read_pages(lister, PAGING, {}, limit=12)
    assert (len(answer.content["items"]), answer.next_token) == (12, "12")
    assert [asked["maxResults"] for asked in lister.asked] == [10, 2]


def test_a_callers_own_page_size_is_kept() -> None:
    lister = Lister(25)
    read_pages(lister, PAGING, {"maxResults": 4}, limit=10)
    assert [asked["maxResults"] for asked in lister.asked] == [4, 4, 2]


def test_what_is_named_is_not_sized_because_aws_refuses_both() -> None:
    lister = Lister(2)
    read_pages(lister, PAGING, {"imageIds": ["a"]}, limit=10)
    assert "maxResults" not in lister.asked[0]


def test_a_page_larger_than_asked_for_is_kept_whole() -> None:
    answer = read_pages(lambda _: {"items": list("abcdef"), "nextToken": "t"}, PAGING, {}, limit=2)
    assert (answer.content["items"], answer.next_token) == (list("abcdef"), "t")


def test_a_token_that_leads_nowhere_ends_the_list() -> None:
    asked: list[object] = []

    def same(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append(parameters)
        return {"items": ["a"], "nextToken": "again"}

    assert read_pages(same, PAGING, {}, limit=None).next_token == ""
    assert len(asked) == 2


def test_lists_further_down_are_put_together_too() -> None:
    paging = Paging((("scan", "findings"), ("scan", "enhanced")), 10)
    pages = iter(
        [
            {"scan": {"findings": [1], "counts": {"HIGH": 2}}, "nextToken": "t"},
            {"scan": {"findings": [2], "counts": {"HIGH": 2}}},
        ]
    )
    answer = read_pages(lambda _: next(pages), paging, {}, limit=None)
    assert answer.content == {"scan": {"findings": [1, 2], "counts": {"HIGH": 2}}}
    assert answer.lists == ("scan.findings", "scan.enhanced")


@given(
    st.integers(0, 40), st.integers(1, 15), st.integers(1, 12), st.lists(st.integers(1, 9), min_size=45, max_size=45)
)
def test_following_the_tokens_shows_every_item_once_however_little_of_an_answer_is_kept(
    total: int, limit: int, largest: int, kept_each_time: list[int]
) -> None:
    lister = Lister(total, largest=largest)
    seen: list[str] = []
    parameters: dict[str, Any] = {}
    for keeps in kept_each_time:
        answer = read_pages(lister, PAGING, parameters, limit=limit)
        shown = answer.content["items"][:keeps]
        seen += shown
        token = answer.token_after(len(shown)) if len(shown) < len(answer.content["items"]) else answer.next_token
        if not token:
            break
        parameters = {"nextToken": token}
    assert seen == lister.items


class Clusters:
    """Clusters with Express Mode services, behind the two operations that AWS has."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self.services = {name: Lister(count, largest=100) for name, count in counts.items()}
        self.kinds: set[object] = set()

    def list_clusters(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        names = list(self.services)
        start = int(parameters.get("nextToken") or 0)
        arns = [f"arn:aws:ecs:eu-west-1:000000000000:cluster/{name}" for name in names[start : start + 2]]
        return {"clusterArns": arns, **({"nextToken": str(start + 2)} if start + 2 < len(names) else {})}

    def list_services(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self.kinds.add(parameters.get("resourceManagementType"))
        page = self.services[parameters["cluster"]](parameters)
        arns = [f"{parameters['cluster']}/{item}" for item in page["items"]]
        return {"serviceArns": arns, **({"nextToken": page["nextToken"]} if "nextToken" in page else {})}

    def page(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        return list_express_services(self.list_services, self.list_clusters, parameters)


@given(st.dictionaries(st.sampled_from("abcdefghijklmno"), st.integers(0, 7), max_size=15), st.integers(1, 9))
def test_express_services_of_all_clusters_come_in_pages_each_of_them_once(counts: dict[str, int], size: int) -> None:
    clusters = Clusters(counts)
    seen: list[str] = []
    token: dict[str, Any] = {}
    for _ in range(sum(counts.values()) + 2):
        page = clusters.page({"maxResults": size, **token})
        assert len(page["serviceArns"]) <= size
        seen += page["serviceArns"]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert seen == [f"{name}/item-{number}" for name in sorted(counts) for number in range(counts[name])]
    assert clusters.kinds <= {"ECS"}


@pytest.mark.parametrize("cluster", ["a", "b"])
def test_express_services_of_one_cluster_are_that_clusters_page(cluster: str) -> None:
    clusters = Clusters({"a": 2, "b": 3})
    page = clusters.page({"cluster": cluster, "maxResults": 100})
    assert len(page["serviceArns"]) == {"a": 2, "b": 3}[cluster]


class Endless:
    """A service that always names a next page."""

    def __init__(self, tokens: Iterator[str], items: Iterator[int]) -> None:
        self.asked = 0
        self._tokens, self._items = tokens, items

    def __call__(self, _parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked += 1
        brought = [f"item-{self.asked}"] * next(self._items)
        return {"items": brought, "serviceArns": brought, "clusterArns": brought, "nextToken": next(self._tokens)}


@pytest.mark.parametrize("seed", range(40))
def test_a_list_without_end_is_left_and_says_so(seed: int) -> None:
    chance = random.Random(seed)
    cycle = chance.choice([1, 2, 5, 10**9])
    sizes = chance.choice([[0], [0, 0, 1], [10]])
    service = Endless((str(n % cycle) for n in itertools.count(1)), (chance.choice(sizes) for _ in itertools.count()))
    limit = chance.choice([None, 10**6])
    answer = read_pages(service, PAGING, {}, limit=limit)
    assert service.asked <= min(MOST_PAGES, cycle + 1)
    assert answer.note
    assert bool(answer.next_token) == (cycle == 10**9)  # what follows can be read, unless it would be the same again


@pytest.mark.parametrize("endless", ["clusters", "services"])
def test_a_listing_over_all_clusters_without_end_is_an_error(endless: str) -> None:
    def clusters(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        return service(parameters) if endless == "clusters" else {"clusterArns": ["a"]}

    service = Endless((str(n) for n in itertools.count()), itertools.repeat(0))
    with pytest.raises(ExpresswayError) as error:
        list_express_services(service, clusters, {})
    assert error.value.code == "endless_answer"
    assert service.asked <= MOST_PAGES


def test_pages_are_no_longer_asked_for_once_nobody_wants_them() -> None:
    service = Endless((str(n) for n in itertools.count()), itertools.repeat(0))

    class AfterThree:
        def raise_if_cancelled(self) -> None:
            if service.asked >= 3:
                raise ExpresswayError("cancelled", "The client cancelled the request.")

    with cancelled_by(AfterThree()), pytest.raises(ExpresswayError):
        read_pages(service, PAGING, {}, limit=None)
    assert service.asked == 3
