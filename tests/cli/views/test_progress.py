"""Progress for a log: a line a phase and an event, every warning, and now and then a sign of life."""

import pytest

from expressway.cli.views.progress import ProgressLines, watching
from expressway.core.progress import Progress
from tests.cli.terminal import at_terminal

DEPLOYMENT = (
    Progress("check", "checking shop"),
    Progress("build", "kept .env out", level="warning"),
    Progress("build", "building the image"),
    Progress("build", "Step 1/2 : FROM scratch", fraction=0.5),
    Progress("build", " ---> Running in 0123"),
    Progress("push", "layer 0123: pushing", fraction=0.1, resource="0123"),
    Progress("push", "layer 0123: pushing more", fraction=0.2, resource="0123"),
    Progress("service", "bringing shop-express-service up to date"),
    Progress("service", "CREATE_IN_PROGRESS Service", resource="AWS::ECS::ExpressGatewayService"),
    Progress("service", "CREATE_COMPLETE Service", resource="AWS::ECS::ExpressGatewayService"),
    Progress("service", "CREATE_COMPLETE Service", resource="AWS::ECS::ExpressGatewayService"),
    Progress("service", "CREATE_FAILED Logs", resource="AWS::Logs::LogGroup", level="error"),
)
LINES = [
    "check      checking shop",
    "build      warning: kept .env out",
    "build      building the image",
    "push       layer 0123: pushing",
    "service    bringing shop-express-service up to date",
    "service    CREATE_COMPLETE Service",
    "service    error: CREATE_FAILED Logs",
]


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def told(lines: str) -> list[str]:
    """The lines without their times."""
    return [line.split("s ", 1)[1] for line in lines.splitlines()]


@pytest.mark.parametrize("as_json", [True, False])
def test_a_log_gets_a_line_for_each_phase_and_event_and_standard_output_none(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with watching(as_json=as_json) as printer:
        for progress in DEPLOYMENT:
            printer(progress)
    captured = capsys.readouterr()
    assert told(captured.err) == LINES
    assert captured.out == ""


def test_a_long_build_does_not_look_dead_and_floods_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    printer = ProgressLines(clock=clock)
    printer(Progress("build", "building the image"))
    for second in range(1, 100):
        clock.seconds = 100.0 + second
        printer(Progress("build", f"compiling {second}"))
    assert capsys.readouterr().err.splitlines() == [
        "   0.0s build      building the image",
        "  30.0s build      compiling 30",
        "  60.0s build      compiling 60",
        "  90.0s build      compiling 90",
    ]


def test_a_long_line_is_one_line_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    ProgressLines()(Progress("service", "word " * 100))
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_with_json_a_terminal_gets_no_status_line_either() -> None:
    code = """
from expressway.cli.views.progress import watching
from expressway.core.progress import Progress
with watching(as_json=True) as printer:
    printer(Progress("push", "pushing the image"))
    printer(Progress("push", "layer 1: pushing", fraction=0.5))
"""
    with at_terminal(["-c", code]) as terminal:
        assert terminal.end() == 0
    assert told(terminal.text) == ["push       pushing the image"]
