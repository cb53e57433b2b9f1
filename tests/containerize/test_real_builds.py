"""What is written builds and serves: real images, real answers, an ordinary user, a health check, a quick stop."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.containerize.conftest import Builder, Ran, containerize
from tests.containerize.manifests import write_npm_lock, write_pip, write_poetry, write_uv

APPS = Path(__file__).parent / "apps"
pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]
PIN = "3.11\n"


@dataclass(frozen=True)
class Case:
    """A sample app, how its manifests are written, and what it answers at `path`."""

    app: str
    says: str
    path: str = "/"
    installer: str | None = None
    write: Callable[[Path], None] = lambda folder: None


def _python(app: str, says: str, requirements: tuple[str, ...], path: str = "/") -> list[Case]:
    writers = {"pip": write_pip, "uv": write_uv, "Poetry": write_poetry}

    def writing(writer: Callable[[Path, tuple[str, ...]], None]) -> Callable[[Path], None]:
        def write(folder: Path) -> None:
            for name in ("requirements.txt", "pyproject.toml"):
                (folder / name).unlink(missing_ok=True)
            (folder / ".python-version").write_text(PIN)
            writer(folder, requirements)

        return write

    return [Case(app, says, path, title, writing(writer)) for title, writer in writers.items()]


CASES = [
    *_python("flask", "hello from flask", ("flask==3.1.3",)),
    *_python("fastapi", '{"number":7}', ("fastapi==0.165.0",), "/items/7"),
    *_python("django", "hello from django", ("django==5.2.19", "gunicorn==27.0.1")),
    Case("starlette", "hello from starlette", installer="uv, from pyproject.toml alone,"),
    Case("express", "hello from express", installer="npm", write=write_npm_lock),
    Case("node", "hello from typescript", installer="pnpm"),
    Case("vite", "hello from vite", "/any/route", installer="Yarn 1"),
    Case("nextjs", "hello from next", installer="npm"),
    Case("static", "hello from a static site"),
    Case("go", "hello from go", installer="Go modules"),
    Case("php", "hello from php"),
    Case("rust", "hello from rust", installer="Cargo"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.app}-{(case.installer or 'none').split(',')[0]}")
def test_an_app_is_containerized_built_and_answers(case: Case, builder: Builder, tmp_path: Path) -> None:
    folder = tmp_path / case.app
    shutil.copytree(APPS / case.app, folder)
    case.write(folder)
    made = containerize(folder)
    assert made.get("package_manager") == case.installer
    assert "findings" not in made
    name = f"case-{case.app}"
    ran = builder.run(builder.build(folder, name), made["container_port"])
    _serves(ran, case)


def _serves(ran: Ran, case: Case) -> None:
    status, text = ran.get(case.path)
    assert status == 200, ran.log()
    assert case.says in text
    exit_code, told = ran.probe()
    assert exit_code == 0, told
    assert ran.user_id() not in {"", "0"}
    assert ran.stop() in {0, 2, 143}, ran.log()
