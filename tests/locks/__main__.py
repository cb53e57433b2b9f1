"""Resolves every lock file anew: ``make lock``, which runs this as ``python -m tests.locks``."""

import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.locks import APPS, NODE, PYTHON
from tests.node_tools import npm_command, with_node

_SAMPLES = Path(__file__).parents[1] / "containerize" / "apps"
_NPM = ("install", "--package-lock-only", "--ignore-scripts", "--omit-lockfile-registry-resolved", "--no-fund")
_TOOLS: Mapping[str, tuple[str, Sequence[str]]] = {
    "package-lock.json": ("", _NPM),
    "yarn.lock": ("yarn@1.22.22", ("yarn", "install", "--ignore-scripts", "--ignore-engines")),
    "berry": ("@yarnpkg/cli-dist@4.18.1", ("yarn", "install", "--mode=update-lockfile")),
    "pnpm-lock.yaml": ("pnpm@12.21.0", ("pnpm", "install", "--lockfile-only")),
}
_APPS = {
    "nextjs-npm": "package-lock.json",
    "express-npm": "package-lock.json",
    "laravel-composer": "package-lock.json",
    "vite-yarn": "yarn.lock",
    "express-yarn": "berry",
    "node-pnpm": "pnpm-lock.yaml",
}
_PYTHON = {
    "flask": ("flask==3.1.3",),
    "fastapi": ("fastapi==0.165.0",),
    "django": ("django==5.2.19", "gunicorn==27.0.1"),
    "starlette": ("starlette==1.10.0", "uvicorn==0.54.0"),
}
_ADDED = {"flask": "gunicorn==27.0.1", "fastapi": "uvicorn==0.54.0"}
"""What the written Dockerfile installs besides: not the app's, but what it needs is locked with the app."""
_INSTALLERS = ("poetry==2.5.1", "uv==0.13.9")


def main() -> None:
    for folder in sorted(NODE.iterdir()):
        _lock_node(folder, folder, "package-lock.json")
    for name, kind in _APPS.items():
        _lock_node(_SAMPLES / name.partition("-")[0], APPS / name, kind)
    everything = (*itertools.chain(*_PYTHON.values()), *_ADDED.values(), *_INSTALLERS)
    pins = _compile(everything)
    (PYTHON / "images.txt").write_text(pins, encoding="utf-8")
    for name, requirements in _PYTHON.items():
        added = _ADDED.get(name, "")
        pins = _compile((*requirements, added), "--constraint", str(PYTHON / "images.txt"))
        (PYTHON / f"{name}.txt").write_text(pins.replace(f"{added}\n", "") if added else pins, encoding="utf-8")


def _lock_node(app: Path, kept: Path, kind: str) -> None:
    package, command = _TOOLS[kind]
    file = "yarn.lock" if kind == "berry" else kind
    with tempfile.TemporaryDirectory() as scratch:
        for source in (app, kept):
            for name in ("package.json", ".yarnrc.yml"):
                if (source / name).is_file():
                    shutil.copy(source / name, scratch)
        if kind == "berry":
            Path(scratch, file).touch()
        prefix = ("exec", "--yes", f"--package={package}", "--") if package else ()
        _run([*npm_command(), *prefix, *command], Path(scratch))
        text = Path(scratch, file).read_text(encoding="utf-8")
    kept.mkdir(parents=True, exist_ok=True)
    (kept / file).write_text(re.sub(r"(?m)^  resolved .*\n", "", text), encoding="utf-8")


def _compile(requirements: Iterable[str], *options: str) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        asked, pinned = Path(scratch, "asked.in"), Path(scratch, "pinned.txt")
        asked.write_text("\n".join(requirements) + "\n", encoding="utf-8")
        uv = [str(Path(sys.executable).parent / "uv"), "pip", "compile", "--quiet", "--no-config", "--no-header"]
        uv += ["--no-annotate", "--python-version", "3.11", "--python-platform", "linux"]
        _run([*uv, *options, str(asked), "--output-file", str(pinned)], Path(scratch))
        return pinned.read_text(encoding="utf-8")


def _run(command: Sequence[str], folder: Path) -> None:
    # The version of pnpm that an app names is the one that runs: it need not look for its builds for all platforms.
    environment = with_node({**os.environ, "pnpm_config_pm_on_fail": "ignore"})
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
