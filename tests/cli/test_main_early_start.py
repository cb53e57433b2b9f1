"""The CDK kernel loads beside the command line's own libraries, for the app that the arguments name."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

_PROGRAM = """
import sys
from expressway.synth.synthesizer import take_early
from expressway.cli.main import start_kernel_for
start_kernel_for(sys.argv[1:])
kernel = take_early()
print(kernel is not None, "typer" in sys.modules, "pydantic" in sys.modules)
if kernel is not None:
    kernel.close()
"""


def started(arguments: Sequence[str], folder: Path) -> str:
    environ = {**os.environ, "EXPRESSWAY_HOME": str(folder / "home")}
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    ("arguments", "is_started"),
    [
        (["shop"], True),
        (["shop/expressway.yaml", "--json"], True),
        (["--sandbox", "--region", "eu-west-1", "shop"], True),
        ([], False),
        (["missing"], False),
    ],
)
def test_the_kernel_of_the_app_that_is_named_starts_before_the_heavy_libraries(
    arguments: list[str], is_started: bool, tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "expressway.yaml").write_text("name: shop\nimage: busybox\n")
    assert started(arguments, tmp_path) == f"{is_started} False False"


def test_a_command_that_is_refused_leaves_no_kernel_behind(tmp_path: Path) -> None:
    (tmp_path / "expressway.yaml").write_text("name: shop\nimage: busybox\n")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environ = {**os.environ, "EXPRESSWAY_HOME": str(tmp_path / "home"), "TMPDIR": str(scratch)}
    command = [sys.executable, "-m", "expressway", "synth", "--no-such-option"]
    told = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert told.returncode == 2, told.stderr
    assert list(scratch.iterdir()) == []
