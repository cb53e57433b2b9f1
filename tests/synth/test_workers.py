"""A kernel's temporary folder goes with it, at the latest when the next one is made."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from expressway.synth.workers import KernelFolder

pytestmark = pytest.mark.process

LONG_AGO = time.time() - 3600


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def aged(folder: Path) -> Path:
    os.utime(folder, (LONG_AGO, LONG_AGO))
    return folder


def test_it_is_removed_with_all_that_is_in_it() -> None:
    folder = KernelFolder()
    (folder.path / "cdk.out").mkdir()
    folder.remove()
    folder.remove()
    assert not folder.path.exists()


def test_what_a_killed_process_left_is_cleared_and_what_somebody_holds_stays(temporary: Path) -> None:
    program = (
        "import os, sys, tempfile; tempfile.tempdir = sys.argv[1]\n"
        "from expressway.synth.workers import KernelFolder\n"
        "held = KernelFolder(); print(held.path, flush=True); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", program, str(temporary)]
    left = Path(subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip())
    held, fresh, foreign = KernelFolder(), KernelFolder(), temporary / "somebody-elses"
    foreign.mkdir()
    assert left.is_dir()
    for folder in (left, held.path, foreign):
        aged(folder)
    another = KernelFolder()
    assert set(temporary.iterdir()) == {held.path, fresh.path, another.path, foreign}


def test_a_link_in_its_place_is_not_followed(temporary: Path) -> None:
    precious = temporary / "precious"
    precious.mkdir()
    (precious / "file").touch()
    aged(precious)
    (temporary / "expressway-kernel-link").symlink_to(precious)
    folder = KernelFolder()
    assert folder.path.exists()
    assert (precious / "file").exists()


class Interruption:
    """A Ctrl-C just before one instruction of the folder's making."""

    def __init__(self, instruction: int) -> None:
        self._left = instruction
        self.came = False

    def trace(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if frame.f_code is not KernelFolder.__init__.__code__:
            return None
        frame.f_trace_opcodes = True
        self._left -= event == "opcode"
        if self._left == 0 and not self.came:
            self.came = True
            raise KeyboardInterrupt
        return self.trace


def interrupted_at(instruction: int) -> bool:
    """Whether the making has so many instructions; nothing of it is held any more."""
    interruption, before = Interruption(instruction), sys.gettrace()
    sys.settrace(interruption.trace)
    try:
        KernelFolder().remove()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    return interruption.came


def test_a_signal_while_it_is_made_leaves_none_behind(temporary: Path) -> None:
    instruction = 1
    while interrupted_at(instruction):
        assert list(temporary.iterdir()) == [], instruction
        instruction += 1
    assert instruction > 50
    assert list(temporary.iterdir()) == []
