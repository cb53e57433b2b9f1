"""Starting the sandbox: what is missing is reported before an engine is started for it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

WITHOUT_MINISTACK = """
import sys
from importlib import metadata

import expressway_sandbox.engine.private as engines

version = metadata.version

def installed(name):
    if name == "ministack":
        raise metadata.PackageNotFoundError(name)
    return version(name)

def provide_engine(**_):
    print("an engine was started", file=sys.stderr)
    raise SystemExit(99)

metadata.version = installed
engines.provide_engine = provide_engine
sys.argv = ["expressway", "sandbox", "start", "--json"]
from expressway.cli.main import main

main()
"""


def test_a_missing_emulator_is_reported_before_an_engine_is_started(tmp_path: Path) -> None:
    environment = {**os.environ, "EXPRESSWAY_HOME": str(tmp_path)}
    environment.pop("EXPRESSWAY_SANDBOX", None)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_MINISTACK], capture_output=True, text=True, env=environment, check=False
    )
    assert json.loads(done.stdout)["error"]["code"] == "ministack_missing"
    assert (done.returncode, "an engine was started" in done.stderr) == (4, False)
