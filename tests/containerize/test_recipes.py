"""Templates are filled completely, or not at all."""

import pytest

from expressway.containerize.recipes import fill, fill_words


def test_a_line_that_is_a_slot_alone_stands_for_any_number_of_lines() -> None:
    slots = {"many": ["one", "two"], "none": "", "word": "x"}
    assert fill("a\n$many\n$none\nb $word $$word\n", slots) == "a\none\ntwo\nb x $word\n"


def test_what_an_empty_slot_leaves_is_never_more_than_one_blank_line() -> None:
    assert fill("a\n\n$none\n\n$none\nb", {"none": ""}) == "a\n\nb\n"


def test_a_slot_that_nobody_fills_is_a_fault_and_not_an_empty_text() -> None:
    with pytest.raises(KeyError):
        fill("$missing", {})
    with pytest.raises(KeyError):
        fill("a $missing", {})


def test_words_are_filled_in_each_for_itself() -> None:
    assert fill_words(("--port", "$port", "a b"), {"port": "80"}) == ("--port", "80", "a b")
