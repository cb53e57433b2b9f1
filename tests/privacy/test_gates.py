"""The gates: closed unless opened, and refusals that say how to open them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.privacy.gates import (
    Gates,
    TargetRules,
    allowed_regions,
    decide,
    decide_elsewhere,
    decide_target,
    gates_of,
    target_rules,
)


@pytest.mark.parametrize("value", ["true", "TRUE", "1", "yes", " Yes "])
def test_a_gate_opens_for_every_way_of_saying_yes(value: str) -> None:
    assert gates_of({"ALLOW_WRITE": value}) == Gates(allow_write=True)
    assert gates_of({"ALLOW_SENSITIVE_DATA": value}) == Gates(allow_sensitive_data=True)


@pytest.mark.parametrize("value", ["", "false", "0", "no", "on", "truthy", "y"])
def test_a_gate_stays_closed_for_anything_else(value: str) -> None:
    assert gates_of({"ALLOW_WRITE": value, "ALLOW_SENSITIVE_DATA": value}) == Gates()


def test_both_gates_are_closed_when_nothing_is_set() -> None:
    assert gates_of({}) == Gates(allow_write=False, allow_sensitive_data=False)


def test_a_write_is_refused_with_a_stable_code_and_the_way_to_allow_it() -> None:
    decision = decide("deploy_app", Gates(allow_sensitive_data=True), writes=True, sensitive=False)
    assert not decision.allowed
    assert decision.code == "write_not_allowed"
    assert "deploy_app" in decision.message
    assert "nothing was changed" in decision.message
    assert "ALLOW_WRITE=true" in decision.hint


def test_a_tool_that_shows_logs_is_refused_by_its_own_gate() -> None:
    decision = decide("fetch_task_logs", Gates(allow_write=True), writes=False, sensitive=True)
    assert decision.code == "sensitive_data_not_allowed"
    assert "ALLOW_SENSITIVE_DATA=true" in decision.hint


def test_one_gate_does_not_open_the_other() -> None:
    assert not decide("t", Gates(allow_sensitive_data=True), writes=True, sensitive=True).allowed
    assert not decide("t", Gates(allow_write=True), writes=True, sensitive=True).allowed
    assert decide("t", Gates(True, True), writes=True, sensitive=True).allowed


def test_a_read_needs_no_gate() -> None:
    assert decide("diff_app", Gates(), writes=False, sensitive=False).allowed


OWN = ("work", "eu-west-1")


def refusal(variables: dict[str, str], *, strict: bool = True, **asked: str | None) -> str:
    wanted = {"profile": None, "region": None} | asked
    decision = decide_target(target_rules(variables), own=OWN, strict=strict, **wanted)
    assert decision.allowed is not bool(decision.code)
    return decision.code


def test_the_environments_own_profile_and_region_always_may() -> None:
    assert refusal({}) == ""
    assert refusal({"EXPRESSWAY_REGIONS": "us-east-1"}, profile="work", region="eu-west-1") == ""


def test_an_agents_server_without_a_list_allows_nothing_else() -> None:
    assert refusal({}, profile="production") == "profile_not_allowed"
    assert refusal({}, region="us-east-1") == "region_not_allowed"


def test_a_person_without_a_list_may_name_anything() -> None:
    assert refusal({}, strict=False, profile="production", region="us-east-1") == ""


@pytest.mark.parametrize("strict", [True, False])
def test_a_list_holds_for_everybody(strict: bool) -> None:
    variables = {"EXPRESSWAY_PROFILES": "stage, test-*", "EXPRESSWAY_REGIONS": "eu-*"}
    assert refusal(variables, strict=strict, profile="test-7", region="eu-north-1") == ""
    assert refusal(variables, strict=strict, profile="production") == "profile_not_allowed"
    assert refusal(variables, strict=strict, region="us-east-1") == "region_not_allowed"


def test_a_refusal_names_what_is_allowed_and_how_to_allow_more() -> None:
    rules = target_rules({"EXPRESSWAY_REGIONS": "eu-*"})
    decision = decide_target(rules, profile=None, region="us-east-1", own=OWN, strict=True)
    assert "eu-west-1 (the default), eu-*" in decision.message
    assert "EXPRESSWAY_REGIONS=us-east-1" in decision.hint


def test_all_allowed_regions_begin_with_the_default() -> None:
    known = ("ap-south-1", "eu-north-1", "eu-west-1", "us-east-1")
    assert allowed_regions(target_rules({"EXPRESSWAY_REGIONS": "eu-*"}), known, "eu-west-1") == (
        "eu-west-1",
        "eu-north-1",
    )
    assert allowed_regions(TargetRules(), known, "eu-west-1") == ("eu-west-1",)


@given(st.text(), st.text())
def test_a_star_allows_every_name(profile: str, region: str) -> None:
    rules = target_rules({"EXPRESSWAY_PROFILES": "*", "EXPRESSWAY_REGIONS": "*"})
    assert decide_target(rules, profile=profile, region=region, own=OWN, strict=True).allowed


@pytest.mark.parametrize("regions", [None, "us-east-1", "us-east-1,eu-*"])
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("region", ["eu-west-1", "eu-north-1", "us-east-1", "ap-south-1"])
def test_what_an_arn_names_may_be_read_where_a_person_or_agent_may_ask(
    regions: str | None, strict: bool, region: str
) -> None:
    variables = {"EXPRESSWAY_REGIONS": regions} if regions else {}
    followed = decide_elsewhere(target_rules(variables), region, own=(OWN[1],), strict=strict)
    assert followed.code == refusal(variables, strict=strict, region=region)
    assert followed.allowed is not bool(followed.code)


def test_a_region_that_is_not_followed_is_named_with_those_that_are() -> None:
    rules = target_rules({"EXPRESSWAY_REGIONS": "us-west-*"})
    told = decide_elsewhere(rules, "eu-west-1", own=("us-east-1",), strict=True).message
    assert told.startswith("eu-west-1 is outside the allowed regions (us-east-1, us-west-*)")
    assert "EXPRESSWAY_REGIONS=eu-west-1" in told
