"""Findings: ranked, without repetitions, and shown in one shape."""

from dataclasses import replace

from expressway.diagnose.finding import Finding, ranked

MISSING = Finding("image_not_found", "critical", "The image is missing.", resource="shop")


def test_the_gravest_and_surest_come_first() -> None:
    unsure = replace(MISSING, code="no_route", confidence="low")
    small = replace(MISSING, code="one_zone", severity="warning")
    note = replace(MISSING, code="nothing_wrong", severity="info")
    assert ranked([note, small, unsure, MISSING]) == (MISSING, unsure, small, note)


def test_of_the_same_finding_the_surer_one_is_kept() -> None:
    guessed = replace(MISSING, confidence="low")
    assert ranked([guessed, MISSING]) == (MISSING,)
    assert ranked([MISSING, guessed]) == (MISSING,)


def test_the_same_code_for_another_resource_is_another_finding() -> None:
    other = replace(MISSING, resource="blog")
    assert ranked([MISSING, other]) == (MISSING, other)


def test_empty_parts_are_not_shown() -> None:
    assert MISSING.to_dict() == {
        "code": "image_not_found",
        "severity": "critical",
        "resource": "shop",
        "cause": "The image is missing.",
        "confidence": "high",
    }
