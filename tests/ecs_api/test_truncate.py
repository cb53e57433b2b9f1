"""Answers fit: nothing is lost without being told, nothing that names something is cut."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.ecs_api.truncate import SHORTEST_CUT_TEXT, cut_answer, json_bytes, plain_json
from expressway.privacy.untrusted import is_quoted, quoted

ARN = "arn:aws:ecs:eu-west-1:000000000000:task/default/0123456789abcdef0123456789abcdef"
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=900)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=12), inner, max_size=12),
    max_leaves=60,
)


def test_nulls_and_empties_go_and_times_are_iso_in_utc() -> None:
    when = datetime(2026, 11, 21, 14, 0, 0, 120_000, tzinfo=timezone(timedelta(hours=2)))
    answer = {"a": None, "b": {"c": "", "d": []}, "e": [], "ResponseMetadata": {"x": 1}, "f": {"g": when, "h": 0}}
    assert plain_json(answer) == {"e": [], "f": {"g": "2026-11-21T12:00:00.120Z", "h": 0}}
    assert plain_json({"a": datetime(2026, 11, 21, tzinfo=UTC), "b": False}) == {
        "a": "2026-11-21T00:00:00Z",
        "b": False,
    }


def test_what_fits_is_not_touched() -> None:
    answer = {"taskArns": [ARN] * 10, "text": "x" * 2000}
    assert cut_answer(answer, max_bytes=json_bytes(answer)).content == answer
    assert not cut_answer(answer, max_bytes=json_bytes(answer)).omitted


@given(JSON, st.integers(2, 5000))
def test_the_answer_is_never_longer_than_stated_and_what_is_missing_is_said(value: Any, most: int) -> None:
    cut = cut_answer({"answer": value}, max_bytes=most)
    assert json_bytes(cut.content) <= most
    assert (cut.content == {"answer": value}) == (not cut.omitted)


def test_lists_inside_give_way_before_those_at_the_top() -> None:
    services = [{"serviceName": f"s{n}", "events": [{"message": "m" * 80}] * 100} for n in range(10)]
    cut = cut_answer({"services": services}, max_bytes=8000)
    assert len(cut.content["services"]) == 10
    assert 0 < len(cut.content["services"][0]["events"]) < 100
    assert str(cut.omitted[0]).startswith("services[].events: ")
    assert str(cut.omitted[0]).endswith(" of 100 items")


def test_a_flat_list_keeps_as_many_as_there_is_room_for_and_each_of_them_whole() -> None:
    cut = cut_answer({"taskArns": [ARN] * 500}, max_bytes=2000)
    shown = cut.content["taskArns"]
    assert set(shown) == {ARN}
    assert cut.kept == {"taskArns": len(shown)}
    assert 2000 - len(ARN) - 4 < json_bytes(cut.content) <= 2000


def test_a_main_list_further_down_is_treated_like_one_at_the_top() -> None:
    answer = {"imageScanFindings": {"findings": [{"name": f"CVE-{n}", "uri": "u" * 50} for n in range(200)]}}
    cut = cut_answer(answer, max_bytes=2000, main_lists=["imageScanFindings.findings"])
    shown = cut.content["imageScanFindings"]["findings"]
    assert shown == answer["imageScanFindings"]["findings"][: len(shown)]
    assert cut.kept["imageScanFindings.findings"] == len(shown) > 10


def test_texts_that_could_be_names_are_never_shortened_and_long_ones_say_so() -> None:
    name = "n" * SHORTEST_CUT_TEXT
    answer = {"policy": {"name": name, "text": "t" * 50_000}}
    cut = cut_answer(answer, max_bytes=2500)
    assert cut.content["policy"]["name"] == name
    assert cut.content["policy"]["text"].endswith("t…")
    assert "policy.text" in str(cut.omitted[0])


def test_a_quotation_that_is_shortened_stays_one() -> None:
    cut = cut_answer({"events": [{"message": quoted("m" * 50_000)}]}, max_bytes=3000)
    assert is_quoted(cut.content["events"][0]["message"])


def test_something_that_is_enormous_when_written_down_costs_no_more_than_its_limit() -> None:
    value: Any = ["x"]
    for _ in range(60):
        value = [value, value]  # 2^60 texts when written down
    cut = cut_answer({"result": value}, max_bytes=1000)
    assert json_bytes(cut.content) <= 1000
    assert cut.omitted


@pytest.mark.parametrize("most", [0, 1, 2, 10])
def test_with_no_room_at_all_there_is_still_an_answer(most: int) -> None:
    cut = cut_answer({"a": [{"b": "c"}]}, max_bytes=most)
    assert cut.omitted
