"""An error is never longer than a model can read, and says what was left out."""

from typing import Any

import pytest

from expressway.mcp.results import bounded_error


def test_an_error_within_the_bounds_stays_as_it_is() -> None:
    error = {
        "code": "stack_failed",
        "message": "a " * 4_000,
        "hint": "b " * 4_000,
        "details": {"text": "c " * 1_000, "items": [1, None, True, *range(47)], "raw": b"x"},
    }
    assert bounded_error(error) == error


def test_sentences_may_be_longer_than_other_texts() -> None:
    text = "a " * 4_001
    cut = bounded_error({"message": text, "hint": text, "code": text, "details": {"message": text}})
    assert [len(cut[name]) for name in ("message", "hint")] == [8_001, 8_001]
    assert len(cut["code"]) == len(cut["details"]["message"]) == 2_001
    assert bounded_error({"message": ["a"] * 3})["message"] == ["a"] * 3


def test_long_lists_and_objects_are_cut_with_a_count_of_the_rest() -> None:
    cut = bounded_error({"list": list(range(53)), "full": tuple(range(50)), "map": {str(n): n for n in range(51)}})
    assert cut["list"] == [*range(50), "… and 3 more"]
    assert cut["full"] == list(range(50))
    assert cut["map"] == {str(n): n for n in range(50)} | {"…": "and 1 more"}


def test_a_long_name_of_a_member_is_cut() -> None:
    (name,) = bounded_error({"details": {"n " * 1_001: 1}})["details"]
    assert len(name) == 2_001


@pytest.mark.parametrize(("levels", "kept"), [(8, True), (9, False)])
@pytest.mark.parametrize("in_list", [True, False])
def test_what_lies_deeper_than_eight_levels_is_left_out(in_list: bool, levels: int, kept: bool) -> None:
    value: Any = "bottom"
    for _ in range(levels):
        value = [value] if in_list else {"a": value}
    assert ("bottom" in str(bounded_error({"details": value}))) is kept


def test_what_is_left_out_for_its_depth_is_counted_like_the_rest() -> None:
    value: Any = list(range(53))
    for _ in range(8):
        value = [value]
    cut = bounded_error({"details": value})["details"]
    for _ in range(8):
        (cut,) = cut
    assert cut == ["… and 3 more"]
