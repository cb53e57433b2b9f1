"""The gates: closed unless opened, and refusals that say how to open them."""

import pytest

from expressway.privacy.gates import Gates, decide, gates_of


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
