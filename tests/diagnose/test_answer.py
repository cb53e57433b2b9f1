"""Answers fit, say what they left out, and never damage a name."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from expressway.diagnose.answer import SUMMARY_BYTES, size_of, summarised
from expressway.privacy.masking.detector import masked_value
from tests.secret_samples import SecretSource

ARN = "arn:aws:ecs:us-east-1:000000000000:service/default/" + "w" * 200
_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=900)
_FINDINGS = st.fixed_dictionaries(
    {
        "code": st.just("container_exited"),
        "severity": st.sampled_from(["critical", "warning"]),
        "resource": st.just(ARN[:80]),
        "cause": _TEXTS,
        "evidence": st.lists(_TEXTS, max_size=8),
        "remedy": _TEXTS,
    }
)
_ANSWERS = st.fixed_dictionaries(
    {
        "status": st.just("success"),
        "assessment": _TEXTS,
        "findings": st.lists(_FINDINGS, max_size=30),
        "gaps": st.lists(_TEXTS, max_size=10),
        "failure_categories": st.dictionaries(
            st.sampled_from(["out_of_memory", "other"]), st.lists(st.fixed_dictionaries({"task_id": st.just("t" * 32)}))
        ),
        "events": st.lists(st.fixed_dictionaries({"message": _TEXTS, "id": st.uuids().map(str)}), max_size=100),
        "raw_data": st.fixed_dictionaries({"service_details": st.lists(st.fixed_dictionaries({"arn": st.just(ARN)}))}),
    }
)


@given(_ANSWERS)
def test_every_answer_fits_and_keeps_its_gravest_finding(answer: Mapping[str, Any]) -> None:
    before = json.dumps(answer)
    shown = summarised(answer)
    assert size_of(shown) <= SUMMARY_BYTES
    assert json.dumps(answer) == before
    assert bool(shown["findings"]) == bool(answer["findings"])
    if size_of(answer) > SUMMARY_BYTES and len(answer["findings"]) > len(shown["findings"]):
        assert shown["omitted"]["findings"] == len(answer["findings"]) - len(shown["findings"])


@given(_ANSWERS, st.integers(1_000, SUMMARY_BYTES))
def test_no_list_with_elements_is_shown_empty_and_what_is_left_out_is_counted(
    answer: Mapping[str, Any], limit_bytes: int
) -> None:
    shown = summarised(answer, limit_bytes)
    for path, items in _lists(answer):
        kept: Any = shown
        for key in path:
            kept = kept.get(key) if kept else None
        assert kept or not items or _counted(path, shown["omitted"])
        assert kept != [] or not items


def _lists(answer: Mapping[str, Any], *above: str) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    for key, value in answer.items():
        if isinstance(value, list):
            yield (*above, key), value
        elif isinstance(value, dict):
            yield from _lists(value, *above, key)


def _counted(path: tuple[str, ...], omitted: Mapping[str, int]) -> bool:
    return path[0] in omitted or ".".join(path) in omitted


def test_an_answer_that_fits_comes_back_as_it_is() -> None:
    answer = {"status": "success", "findings": [{"cause": "word " * 150}]}
    assert summarised(answer) == answer


def test_names_are_never_cut() -> None:
    answer = {"findings": [{"resource": ARN, "cause": "why " * 300}] * 9, "raw_data": {"x": ["y z " * 50] * 100}}
    assert all(one["resource"] == ARN for one in summarised(answer)["findings"])


def test_a_text_that_is_cut_keeps_no_half_of_a_secret() -> None:
    told, secret = SecretSource(1).of_kind("postgres url")
    for words in range(10, 120):
        finding = {
            "code": "x",
            "resource": ARN,
            "cause": "why " * words + told + " why" * 200,
            "evidence": ["e " * 300],
        }
        assert secret[:8] not in json.dumps(masked_value(summarised({"findings": [finding] * 12})))


def test_the_newest_lines_of_a_log_are_kept_and_the_others_counted() -> None:
    answer = {"findings": [], "log_entries": [{"message": f"line {number} " + "x " * 100} for number in range(500)]}
    shown = summarised(answer)
    assert shown["log_entries"][-1]["message"].startswith("line 499 ")
    assert shown["omitted"]["log_entries"] == 500 - len(shown["log_entries"])
    assert len(shown["log_entries"]) >= 3
