"""The server that ours is measured against, installed from PyPI into a git-ignored environment of its own."""

import fcntl
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.commands import MeasurementFailed

PACKAGE = "awslabs.ecs-mcp-server"
_ROOT = Path(__file__).resolve().parents[1]
_PINS = _ROOT / "requirements" / "peer.txt"
_HOME = _ROOT / ".expressway" / "peers" / f"{PACKAGE}-{hashlib.sha256(_PINS.read_bytes()).hexdigest()[:12]}"
_REPORT = "import importlib.metadata as m; print(', '.join(f'{n} {m.version(n)}' for n in ('%s', 'fastmcp', 'boto3')))"


def peer_command() -> Path:
    """The program; installed on the first call, by one process at a time.

    Raises:
        MeasurementFailed: it could not be installed.
    """
    program = _HOME / "bin" / "ecs-mcp-server"
    installed = _HOME / "installed"
    _HOME.parent.mkdir(parents=True, exist_ok=True)
    with (_HOME.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists():
            print(f"  installing {PACKAGE} …", file=sys.stderr, flush=True)
            venv.create(_HOME, with_pip=True, clear=True)
            _run(_HOME / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", _PINS)
            installed.touch()
    return program


def peer_versions() -> str:
    """What the environment holds of what counts, such as ``awslabs.ecs-mcp-server 0.1.37, fastmcp …, boto3 …``."""
    return _run(_HOME / "bin" / "python", "-c", _REPORT % PACKAGE).strip()


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    if done.returncode != 0:
        raise MeasurementFailed(f"{PACKAGE}: {done.stderr.strip()[-1000:]}")
    return done.stdout
