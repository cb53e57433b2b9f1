"""Every framework with every package manager, as files to review.

`python -m tests.containerize.golden` writes them anew.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from expressway.containerize.containerize import ContainerizeRequest, containerize_app
from expressway.containerize.result import Containerization
from expressway.toolkit.wiring import LocalWiring

APPS = Path(__file__).parent / "apps"
GOLDEN = Path(__file__).parents[1] / "golden" / "containerize"
_PYTHON = {
    "pip": {"requirements.txt": "{framework}==1.0\ngunicorn==1.0\nuvicorn==1.0\n"},
    "uv": {
        "pyproject.toml": '[project]\nname = "a"\nversion = "1"\n'
        'dependencies = ["{framework}", "gunicorn", "uvicorn"]\n',
        "uv.lock": "version = 1\n",
    },
    "poetry": {
        "pyproject.toml": '[tool.poetry]\nname = "a"\n[tool.poetry.dependencies]\n'
        '{framework} = "1"\ngunicorn = "1"\nuvicorn = "1"\n',
        "poetry.lock": "# lock\n",
    },
}
_NODE = {
    "npm": {"package-lock.json": "{}\n"},
    "pnpm": {"pnpm-lock.yaml": "lockfileVersion: '9.0'\n"},
    "yarn": {"yarn.lock": "# yarn lockfile v1\n"},
    "yarn-berry": {"yarn.lock": "__metadata:\n  version: 8\n", ".yarnrc.yml": "enableTelemetry: false\n"},
}
_FRAMEWORKS = {"flask": _PYTHON, "fastapi": _PYTHON, "django": _PYTHON, "starlette": _PYTHON}
_FRAMEWORKS |= {"express": _NODE, "node": _NODE, "nextjs": _NODE, "vite": _NODE}
_OTHERS = {"rust": {"rust-plain": {"Cargo.toml": '[package]\nname = "hello"\nversion = "1.0.0"\nedition = "2021"\n'}}}
"""Variants of apps that differ in more than their package manager."""
_LOCKS = {"sinatra": "Gemfile.lock", "rails": "Gemfile.lock", "laravel": "composer.lock"}


def variants() -> Iterator[tuple[str, dict[str, str]]]:
    """Names such as ``flask-uv``, and the files that make a sample app that variant."""
    for app in sorted(path.name for path in APPS.iterdir()):
        managers = _FRAMEWORKS.get(app)
        if managers is None:
            yield app, {}
            yield from _OTHERS.get(app, {}).items()
            if app in _LOCKS:
                yield f"{app}-locked", {_LOCKS[app]: "{}\n" if app == "laravel" else "GEM\n"}
            continue
        for manager, written in managers.items():
            yield f"{app}-{manager}", {name: text.replace("{framework}", app) for name, text in written.items()}


def make(folder: Path, name: str, written: dict[str, str]) -> Containerization:
    """The variant's files, made of a copy of its sample app in `folder`."""
    app = next(path.name for path in sorted(APPS.iterdir(), reverse=True) if name.startswith(path.name))
    copy = folder / "shop"
    shutil.copytree(APPS / app, copy)
    if app in _FRAMEWORKS and _FRAMEWORKS[app] is _PYTHON:
        for manifest in ("requirements.txt", "pyproject.toml"):
            (copy / manifest).unlink(missing_ok=True)
        (copy / ".python-version").write_text("3.13\n")
    if app in _FRAMEWORKS and _FRAMEWORKS[app] is _NODE:
        package = json.loads((copy / "package.json").read_text())
        package.pop("packageManager", None)
        (copy / "package.json").write_text(json.dumps(package))
    for file, text in written.items():
        (copy / file).write_text(text)
    return containerize_app(ContainerizeRequest(copy), LocalWiring({"EXPRESSWAY_HOME": str(folder)}).containerize_ports)


def rewrite() -> None:
    """Write all of them anew."""
    shutil.rmtree(GOLDEN, ignore_errors=True)
    for name, written in variants():
        with tempfile.TemporaryDirectory() as folder:
            made = make(Path(folder), name, written)
        for file, text in made.files.items():
            target = GOLDEN / name / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)


if __name__ == "__main__":
    rewrite()
