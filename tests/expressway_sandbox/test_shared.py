"""What test processes share outlives none of them, however they end."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from expressway.image.engine.record import read_engine_record
from expressway_sandbox import lifecycle
from tests.expressway_sandbox.engine.test_private import needs_dockerd

ROOT = Path(__file__).parents[2]
ENGINE = "with shared_engine() as place: print(place, flush=True); input()"
SANDBOX = "with shared_sandbox(Path(sys.argv[1]), None) as info: print(info.pid, flush=True); input()"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(engine_directory: Path) -> Start:
    """Starts a process that uses what is shared, until its input ends; what it started has printed a line."""
    variables = {"PATH": os.environ["PATH"], "TMPDIR": str(engine_directory), "HOME": str(engine_directory)}
    variables |= {"EXPRESSWAY_ENGINE_DIR": str(engine_directory), "EXPRESSWAY_HOME": str(engine_directory)}

    def process(code: str, *arguments: str) -> "subprocess.Popen[str]":
        imports = "import sys; from pathlib import Path; from tests.shared import *\n"
        command = [sys.executable, "-c", imports + code, *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=variables, cwd=ROOT, **pipes)

    return process


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@needs_dockerd
@pytest.mark.skipif(Path("/var/run/docker.sock").exists(), reason="the machine's own engine would be used")
@pytest.mark.engine
@pytest.mark.usefixtures("engine_host")
def test_an_engine_runs_until_the_last_process_has_left_it_killed_or_not(start: Start, engine_directory: Path) -> None:
    first = start(ENGINE)
    place = first_line(first)
    second = start(ENGINE)
    assert first_line(second) == place
    first.send_signal(signal.SIGKILL)
    first.communicate()
    record = read_engine_record(engine_directory)
    assert record is not None
    third = start(ENGINE)
    assert first_line(third) == place
    third.communicate("\n")
    assert read_engine_record(engine_directory) == record
    second.communicate("\n")
    assert read_engine_record(engine_directory) is None


@pytest.mark.sandbox
def test_the_sandbox_of_a_killed_process_is_stopped_and_no_others(start: Start, tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("killed", "used")}
    for folder in folders.values():
        folder.mkdir()
    killed, used = (start(SANDBOX, str(folder)) for folder in folders.values())
    pids = [int(first_line(one)) for one in (killed, used)]
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    running = lifecycle.status(folders["killed"])
    assert running is not None
    assert running.pid == pids[0]
    start("stop_left_sandboxes()").communicate()
    assert lifecycle.status(folders["killed"]) is None
    assert lifecycle.status(folders["used"]) is not None
    used.communicate("\n")
    assert lifecycle.status(folders["used"]) is None
