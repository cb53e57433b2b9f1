"""The exact packages of everything that tests build or install, so that what was published today changes nothing.

``make lock`` writes them anew. No lock file holds a download address: packages come from wherever this machine's
settings say, and are recognized by their checksums.
"""

from pathlib import Path

LOCKS = Path(__file__).parent
APPS = LOCKS / "apps"
"""Beside the files of a sample app: the lock file of one package manager."""
NODE = LOCKS / "node"
"""Programs of npm that tests run: package.json and package-lock.json."""
PYTHON = LOCKS / "python"
"""What a sample app installs, with everything that these packages need; ``images.txt`` is all of it, and Poetry's."""


def python_pins(name: str) -> tuple[str, ...]:
    """Requirements such as ``flask==3.1.3``: of a sample app, or with the name ``images`` of everything."""
    lines = (PYTHON / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))
