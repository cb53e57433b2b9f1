"""Reading an app starts nothing of it: no script, no module, no package manager."""

import sys
from pathlib import Path

from expressway.containerize.containerize import ContainerizeRequest, containerize_app
from expressway.toolkit.wiring import LocalWiring

_started: list[str] = []
_watched: list[bool] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if _watched and event in {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"}:
        _started.append(f"{event} {arguments[0]!r}")


sys.addaudithook(_watch)


def test_nothing_of_the_folder_is_run(tmp_path: Path) -> None:
    folder, marker = tmp_path / "shop", tmp_path / "it-ran"
    folder.mkdir()
    runs = f"open({str(marker)!r}, 'w')\n"
    for name in ("app.py", "wsgi.py", "setup.py", "conftest.py", "sitecustomize.py", "gunicorn.conf.py"):
        (folder / name).write_text(f"{runs}from flask import Flask\napp = Flask(__name__)\n")
    (folder / "requirements.txt").write_text("flask==3.1.3\n")
    (folder / "pyproject.toml").write_text('[build-system]\nrequires = ["setuptools==80.0"]\n')
    scripts = ", ".join(f'"{name}": "touch {marker}"' for name in ("preinstall", "prepare", "build", "postinstall"))
    (folder / "package.json").write_text(f'{{"private": true, "scripts": {{{scripts}}}}}')
    (folder / "Makefile").write_text(f"all:\n\ttouch {marker}\n")
    _started.clear()
    _watched.append(True)
    try:
        ports = LocalWiring({"EXPRESSWAY_HOME": str(tmp_path / "home")}).containerize_ports
        made = containerize_app(ContainerizeRequest(folder), ports)
    finally:
        _watched.clear()
    assert "Dockerfile" in made.files
    assert not marker.exists()
    assert _started, "the linter of Dockerfiles is the one program that runs"
    assert [one for one in _started if "hadolint" not in one] == []
