"""Manifests of Python's package managers, written for one app at a time out of exact versions."""

import os
import subprocess
import sys
from pathlib import Path

_BIN = Path(sys.executable).parent


def write_pip(folder: Path, requirements: tuple[str, ...]) -> None:
    (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in requirements))


def write_project(folder: Path, requirements: tuple[str, ...]) -> None:
    """pyproject.toml alone."""
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "sample"\nversion = "1"\nrequires-python = "==3.11.*"\n'
        f"dependencies = {list(requirements)}\n"
    )


def write_uv(folder: Path, requirements: tuple[str, ...]) -> None:
    """pyproject.toml and the lock that uv makes of it: one that is kept would hold download addresses."""
    write_project(folder, requirements)
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


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
