"""How long synthesis and linting may take is a setting; a wrong one is told."""

import pytest

from expressway.errors import UsageError
from expressway.synth.workers import SYNTH_VARIABLE, time_limit
from expressway.toolkit.wiring import LocalWiring


@pytest.mark.parametrize(("text", "seconds"), [("", 60.0), (" ", 60.0), ("90", 90.0), ("0.5", 0.5)])
def test_seconds_are_read(text: str, seconds: float) -> None:
    assert time_limit({SYNTH_VARIABLE: text}, SYNTH_VARIABLE, 60.0) == seconds


@pytest.mark.parametrize("text", ["0", "-1", "soon", "inf", "nan", "1e999", "60 s"])
def test_what_is_no_number_of_seconds_is_told(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        time_limit({SYNTH_VARIABLE: text}, SYNTH_VARIABLE, 60.0)
    assert caught.value.code == "invalid_setting"
    assert SYNTH_VARIABLE in caught.value.message


@pytest.mark.parametrize("variable", ["EXPRESSWAY_SYNTH_TIMEOUT", "EXPRESSWAY_LINT_TIMEOUT"])
def test_the_toolkit_reads_the_settings(variable: str) -> None:
    LocalWiring({variable: "7"}).close()
    with pytest.raises(UsageError, match=variable):
        LocalWiring({variable: "none"})
