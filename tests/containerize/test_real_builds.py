"""What is written builds and serves: real images, real answers, an ordinary user, a health check, a quick stop."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import docker
import pytest

from expressway.operations.containerize.result import Containerization
from expressway.toolkit import Toolkit
from tests.containerize.conftest import Runner, build_image
from tests.containerize.debian_gems import vendor_gems
from tests.containerize.manifests import write_berry_lock, write_npm_lock, write_pip, write_poetry, write_uv

APPS = Path(__file__).parent / "apps"
WITH_DEBIAN = Path(__file__).parent / "with_debian"
pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]
PIN = "3.11\n"


@dataclass(frozen=True)
class Case:
    """A sample app, how its manifests are written, and what it answers at `path`.

    What `with_debian` holds of the app makes it one of the versions that Debian has.
    """

    app: str
    says: str
    path: str = "/"
    installer: str | None = None
    write: Callable[[Path], None] = lambda folder: None
    write_gems: bool = False
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    stops_with: frozenset[int] = frozenset({0, 2, 143})


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


def _ruby(app: str, says: str, environment: Mapping[str, str]) -> Case:
    """Puma has finished when it sends itself the signal to stop, which a container's first process does not notice."""
    return Case(app, says, installer="Bundler", write_gems=True, environment=environment, stops_with=frozenset({1}))


CASES = [  # those first whose base images take longest to make
    Case("rust", "hello from rust", installer="Cargo"),
    Case("laravel", "hello from laravel", installer="Composer"),
    _ruby("rails", 'href="/assets/application-', {"SECRET_KEY_BASE": "0" * 64}),
    _ruby("sinatra", "hello from sinatra", {}),
    Case("php", "hello from php"),
    Case("go", "hello from go", installer="Go modules"),
    Case("nextjs", "hello from next", installer="npm"),
    Case("static", "hello from a static site"),
    Case("vite", "hello from vite", "/any/route", installer="Yarn 1"),
    Case("express", "hello from express", installer="npm", write=write_npm_lock),
    Case("express", "hello from express", installer="Yarn 4", write=write_berry_lock),
    Case("node", "hello from typescript", installer="pnpm"),
    Case("starlette", "hello from starlette", installer="uv (pyproject.toml alone)"),
    *_python("flask", "hello from flask", ("flask==3.1.3",)),
    *_python("fastapi", '{"number":7}', ("fastapi==0.165.0",), "/items/7"),
    *_python("django", "hello from django", ("django==5.2.19", "gunicorn==27.0.1")),
]


def _name(case: Case) -> str:
    return f"{case.app}-{(case.installer or 'none').split(',')[0].split()[0].lower()}"


@dataclass(frozen=True)
class Built:
    """A built image, and what containerizing its app gave."""

    image: str
    made: Containerization


@pytest.fixture(scope="module")
def images(
    base_images: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[Built]]]:
    """The images of all cases that were asked for, built two at a time while the first of them are tried."""
    wanted = [item.callspec.params["case"] for item in request.session.items if item.path == request.path]
    root = tmp_path_factory.mktemp("containerize")
    with closing(docker.APIClient(base_url=base_images, timeout=600)) as client, ThreadPoolExecutor(2) as pool:
        futures = {_name(case): pool.submit(_build, case, root / _name(case), base_images) for case in wanted}
        yield futures
        for future in futures.values():
            if not future.cancel() and future.exception() is None:
                # Its layers stay, as after every build: removing them takes longer than all else here.
                client.remove_image(future.result().image, force=True, noprune=True)


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_an_app_is_containerized_built_and_answers(
    case: Case, images: Mapping[str, Future[Built]], runner: Runner
) -> None:
    built = images[_name(case)].result()
    assert built.made.installer == case.installer
    assert (built.made.findings, built.made.gaps) == ((), ())
    ran = runner.run(built.image, built.made.container_port, case.environment)
    status, text = ran.get(case.path)
    assert status == 200, ran.log()
    assert case.says in text
    exit_code, told = ran.probe()
    assert exit_code == 0, told
    assert ran.user_id() not in {"", "0"}
    assert ran.stop() in case.stops_with, ran.log()


def _build(case: Case, root: Path, docker_host: str) -> Built:
    folder = root / case.app
    shutil.copytree(APPS / case.app, folder)
    if (WITH_DEBIAN / case.app).is_dir():
        shutil.copytree(WITH_DEBIAN / case.app, folder, dirs_exist_ok=True)
    case.write(folder)
    if case.write_gems:
        vendor_gems(folder, docker_host)
    with Toolkit(environ={"EXPRESSWAY_HOME": str(root / "home")}) as toolkit:
        made = toolkit.containerize(folder, write=True)
    return Built(build_image(folder, _name(case), docker_host), made)
