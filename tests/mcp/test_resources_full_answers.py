"""Whole answers are kept within bounds, the newest longest."""

import pytest
from mcp.server.mcpserver.exceptions import ResourceNotFoundError

from expressway.mcp.resources import FullResponses


def _number(uri: object) -> str:
    return str(uri).rsplit("/", 1)[-1]


def test_the_link_leads_to_the_answer() -> None:
    kept = FullResponses()
    link = kept.keep("guidance", '{"a":1}')
    assert link is not None
    assert kept.text(_number(link.uri)) == '{"a":1}'
    assert link.size == 7


def test_the_oldest_give_way_by_number_and_by_size() -> None:
    kept = FullResponses(answers=3, size_bytes=100)
    links = [kept.keep("x", "y" * 40) for _ in range(3)]
    assert all(links)
    with pytest.raises(ResourceNotFoundError, match="Repeat the call"):
        kept.text("1")
    assert kept.text("2") == kept.text("3")
    for _ in range(5):
        kept.keep("x", "z")
    assert [number for number in map(str, range(1, 9)) if _is_kept(kept, number)] == ["6", "7", "8"]


def test_one_that_is_too_large_is_not_kept_and_takes_nobodys_place() -> None:
    kept = FullResponses(size_bytes=10)
    kept.keep("small", "y")
    assert kept.keep("large", "y" * 11) is None
    assert [kept.has_room_for(size) for size in (10, 11)] == [True, False]
    assert kept.text("1") == "y"


def _is_kept(kept: FullResponses, number: str) -> bool:
    try:
        kept.text(number)
    except ResourceNotFoundError:
        return False
    return True
