"""The demo tells how fast nothing was done, as it is, and fails when that was not as fast as is promised."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from expressway.cli.commands.demo import Demo, Steps
from expressway.deploy.deploy import DeployResult
from expressway.errors import StackError
from expressway.toolkit import Toolkit, inline_source


class SlowToolkit:
    """Deployments that have nothing to do and take as long as is said, on a clock of their own."""

    def __init__(self, seconds: Sequence[float], status: Any = "unchanged") -> None:
        self._seconds = list(seconds)
        self._status = status
        self._now = 0.0
        self.runs = 0

    def clock(self) -> float:
        return self._now

    def deploy(self, _source: object) -> DeployResult:
        self._now += self._seconds[self.runs]
        self.runs += 1
        return DeployResult("deploy-hello-1", "hello", self._status, None, "", "", "", "")


def repeated(toolkit: SlowToolkit) -> None:
    source = inline_source({"name": "hello", "image": "public.ecr.aws/docker/library/httpd:2.4"}, Path())
    Demo(cast("Toolkit", toolkit), source, source, list[str], Steps(), toolkit.clock).deploy_again()


@pytest.mark.parametrize(
    ("seconds", "runs", "told"),
    [
        ((0.4, 9, 9), 1, "unchanged after 0.40 s"),
        ((1.6, 0.9, 9), 2, "unchanged after 0.90 s, the best of 2 times"),
        ((1.6, 1.2, 0.5), 3, "unchanged after 0.50 s, the best of 3 times"),
    ],
)
def test_a_busy_machine_gets_several_tries_and_the_best_is_told_as_it_is(
    seconds: Sequence[float], runs: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    toolkit = SlowToolkit(seconds)
    repeated(toolkit)
    assert toolkit.runs == runs
    assert capsys.readouterr().err.strip() == told


def test_a_promise_that_no_try_keeps_fails_the_demo() -> None:
    toolkit = SlowToolkit((1.6, 1.2, 1.4, 1.3, 1.5, 0.1))
    with pytest.raises(StackError, match=r"unchanged after 1\.20 s, the best of 5 times"):
        repeated(toolkit)
    assert toolkit.runs == 5


def test_a_repetition_that_does_something_fails_the_demo_however_fast_it_is() -> None:
    with pytest.raises(StackError) as caught:
        repeated(SlowToolkit((0.1,), status="deployed"))
    assert caught.value.code == "demo_step_failed"
