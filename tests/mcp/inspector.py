"""The MCP Inspector, in the version that its lock file names."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.node_tools import NODE, npm_program, with_node

_ROOT = Path(__file__).parents[2]


def inspect(server: Sequence[str], *arguments: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run the Inspector's command line against a server that it starts itself."""
    package = npm_program("inspector") / "@modelcontextprotocol" / "inspector"
    return subprocess.run(
        [NODE, package / "clients" / "launcher" / "build" / "index.js", "--cli", *server, *arguments],
        env=with_node(environment),
        capture_output=True,
        text=True,
        cwd=_ROOT,
        check=False,
    )
