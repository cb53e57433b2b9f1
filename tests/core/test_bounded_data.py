"""Data of callers is measured before anything walks through it: what is too large is told without repeating any."""

import math
from typing import Any

import pytest

from expressway.core.bounded_data import is_too_deep, why_too_large


def nested(levels: int, *, in_list: bool = False) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value] if in_list else {"a": value}
    return value


def itself() -> list[Any]:
    data: list[Any] = []
    data.append(data)
    return data


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        "x" * 1_000_000,
        ["x" * 500_000] * 2,
        b"x" * 1_000_000,
        nested(40),
        nested(40, in_list=True),
        [0] * 49_999,
        (0,) * 49_999,
        dict.fromkeys(range(24_999), 0),
        2**63 - 1,
        -(2**63) + 1,
        1e308,
        True,
    ],
    ids=range(14),
)
def test_what_is_within_the_bounds_is_not_too_large(data: object) -> None:
    assert why_too_large(data) == ""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("x" * 1_000_001, "more than 1,000,000 characters"),
        (b"x" * 1_000_001, "more than 1,000,000 characters"),
        ({"x" * 600_000: "x" * 600_000}, "more than 1,000,000 characters"),
        (nested(41), "values nested deeper than 40 levels"),
        (nested(41, in_list=True), "values nested deeper than 40 levels"),
        (itself(), "values nested deeper than 40 levels"),
        ([0] * 50_000, "more than 50,000 values"),
        ([[0] * 25_000] * 2, "more than 50,000 values"),
        (dict.fromkeys(range(25_000), 0), "more than 50,000 values"),
        (dict.fromkeys(range(60_000), 0), "more than 50,000 values"),
        ([2**63], "a number of more than 64 bits"),
        ([-(2**63)], "a number of more than 64 bits"),
        ({"a": math.inf}, "a number of more than 64 bits"),
        ({"a": math.nan}, "a number of more than 64 bits"),
    ],
    ids=range(14),
)
def test_what_is_too_large_is_told_by_its_kind(data: object, reason: str) -> None:
    assert why_too_large(data) == reason
    assert why_too_large({"inside": data}) == reason


def test_large_numbers_may_be_left_to_the_caller() -> None:
    assert why_too_large([2**70, math.inf], numbers=False) == ""
    assert why_too_large(nested(41), numbers=False)


@pytest.mark.parametrize("in_list", [False, True])
def test_the_depth_alone_may_be_asked_for(in_list: bool) -> None:
    assert not is_too_deep(nested(40, in_list=in_list))
    assert is_too_deep(nested(41, in_list=in_list))
    assert is_too_deep([0] * 60_000 + [nested(40)])
    assert not is_too_deep(dict.fromkeys(range(60_000), "x" * 100))
