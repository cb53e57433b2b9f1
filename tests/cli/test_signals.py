"""The process of a command: its signals, its standard streams, and what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.process

EXPRESSWAY = (sys.executable, "-m", "expressway")
LONG = 120.0
"""Seconds after which a hanging test fails."""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "expressway.yaml").write_text("name: shop\nimage: public.ecr.aws/docker/library/httpd:2.4\n")
    return folder


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "temporary").mkdir()
    return {**os.environ, "EXPRESSWAY_HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temporary")}


def in_a_shell(line: str, environ: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["sh", "-c", line, "sh", *EXPRESSWAY, *words], env=environ, capture_output=True, text=True)


def test_a_command_runs_without_standard_input(app: Path, environ: dict[str, str]) -> None:
    done = in_a_shell('exec "$@" <&-', environ, "synth", "--no-lint", "--json", str(app))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["templates"]


def test_an_answer_that_nobody_can_get_is_an_error(app: Path, environ: dict[str, str]) -> None:
    done = in_a_shell('exec "$@" >&-', environ, "synth", "--no-lint", "--json", str(app))
    assert done.returncode == 1
    assert "error stdout_not_writable" in done.stderr


def test_a_command_runs_without_standard_error(app: Path, environ: dict[str, str]) -> None:
    done = in_a_shell('exec "$@" 2>&-', environ, "synth", "--no-lint", "--json", str(app))
    assert done.returncode == 0
    assert json.loads(done.stdout)["templates"]


@pytest.mark.parametrize("command", ["synth", "diff", "deploy", "build"])
def test_a_path_too_long_for_any_file_is_one_error(command: str, environ: dict[str, str]) -> None:
    done = in_a_shell('exec "$@"', environ, command, "--json", "a" * 300)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["error"]["code"] != "internal_error"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("seconds_later", [0, 0.05, 0.15, 0.3])
def test_a_signal_ends_a_command_in_order_whenever_it_comes(
    number: signal.Signals, seconds_later: float, app: Path, environ: dict[str, str]
) -> None:
    temporary = Path(environ["TMPDIR"])
    command = [*EXPRESSWAY, "synth", "--json", str(app)]
    running = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: bool(list(temporary.iterdir())))  # the kernel's folder: the command has just begun
    time.sleep(seconds_later)  # wherever it is then
    running.send_signal(number)
    out, err = running.communicate(timeout=LONG)
    assert "Traceback" not in err
    wait_until(lambda: not list(temporary.iterdir()))
    # 0: it was quicker. Python itself ends with the signal, which shells call 128 + number, when Ctrl-C met an eval.
    assert running.returncode in {128 + number, 0, -number}
    if running.returncode == 130:
        assert error_of(out)["code"] == "stopped"


_FINALIZED_WHILE_TOLD = """
import signal, sys, time, weakref
from expressway.cli.signals import end_on_signals

class Thing: ...

end_on_signals()
thing = Thing()
reference = weakref.ref(thing, lambda _: signal.raise_signal(int(sys.argv[1])))
del thing  # what the callback raises goes nowhere
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_python_swallows_is_told_again(number: signal.Signals) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FINALIZED_WHILE_TOLD, str(int(number))], capture_output=True, text=True
    )
    assert done.returncode == {signal.SIGINT: -signal.SIGINT, signal.SIGTERM: 143}[number]
    assert "ignored" not in done.stderr


_SWALLOWED_AT_THE_END = """
import atexit, signal, sys, time
from expressway.cli.signals import end_on_signals

class Thing:
    def __del__(self, sleep=time.sleep):
        sleep(0.2)  # long enough for a signal that is told again

end_on_signals()
atexit.register(signal.raise_signal, int(sys.argv[1]))
sys.kept = Thing()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_is_swallowed_when_all_is_done_changes_nothing(number: signal.Signals) -> None:
    done = subprocess.run([sys.executable, "-c", _SWALLOWED_AT_THE_END, str(int(number))], capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def error_of(out: str) -> Any:
    return json.loads(out)["error"]
