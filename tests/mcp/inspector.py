"""The MCP Inspector, pinned."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.node_tools import NODE, npm_package, with_node

VERSION = "2.12.0"
_ROOT = Path(__file__).parents[2]


def inspect(server: Sequence[str], *arguments: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run the Inspector's command line against a server that it starts itself."""
    package = npm_package("@modelcontextprotocol/inspector", VERSION)
    return subprocess.run(
        [NODE, package / "clients" / "launcher" / "build" / "index.js", "--cli", *server, *arguments],
        env=with_node(environment),
        capture_output=True,
        text=True,
        cwd=_ROOT,
        check=False,
    )
