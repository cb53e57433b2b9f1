"""What is written builds and serves: real images, real answers, an ordinary user, a health check, a quick stop."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import docker
import pytest

from expressway.containerize.result import Containerization
from expressway.toolkit import Toolkit
from tests.containerize.conftest import Ran, Runner, build_image
from tests.containerize.debian_gems import vendor_gems
from tests.containerize.manifests import write_pip, write_poetry, write_project, write_uv
from tests.locks import APPS as LOCKED
from tests.locks import python_pins

APPS = Path(__file__).parent / "apps"
WITH_DEBIAN = Path(__file__).parent / "with_debian"
pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]
PIN = "3.11\n"


@dataclass(frozen=True)
class Case:
    """A sample app, how its manifests are written, and what it answers at `path`.

    What `with_debian` holds of the app makes it one of the versions that Debian has. `pins` are the Python packages
    that it installs; the packages of other languages are in its lock file.
    """

    app: str
    says: str
    path: str = "/"
    installer: str | None = None
    write: Callable[[Path], None] = lambda folder: None
    pins: tuple[str, ...] = ()
    write_gems: bool = False
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    stops_with: frozenset[int] = frozenset({0, 2, 143})


def _python(app: str, says: str, path: str = "/") -> list[Case]:
    pins = python_pins(app)
    writers = {"pip": write_pip, "uv": write_uv, "Poetry": write_poetry}

    def writing(writer: Callable[[Path, tuple[str, ...]], None]) -> Callable[[Path], None]:
        def write(folder: Path) -> None:
            for name in ("requirements.txt", "pyproject.toml"):
                (folder / name).unlink(missing_ok=True)
            (folder / ".python-version").write_text(PIN)
            writer(folder, pins)

        return write

    return [Case(app, says, path, title, writing(writer), pins) for title, writer in writers.items()]


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
    Case("express", "hello from express", installer="npm"),
    Case("express", "hello from express", installer="Yarn 4"),
    Case("node", "hello from typescript", installer="pnpm"),
    Case(
        *("starlette", "hello from starlette", "/", "uv (pyproject.toml alone)"),
        write=lambda folder: write_project(folder, python_pins("starlette")),
        pins=python_pins("starlette"),
    ),
    *_python("flask", "hello from flask"),
    *_python("fastapi", '{"number":7}', "/items/7"),
    *_python("django", "hello from django"),
]


def case_name(case: Case) -> str:
    """Such as ``flask-uv``: the name of its image, and of the folder of its lock file."""
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
        futures = {case_name(case): pool.submit(_build, case, root / case_name(case), base_images) for case in wanted}
        yield futures
        for future in futures.values():
            if not future.cancel() and future.exception() is None:
                # Its layers stay, as after every build: removing them takes longer than all else here.
                client.remove_image(future.result().image, force=True, noprune=True)


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_an_app_is_containerized_built_and_answers(
    case: Case, images: Mapping[str, Future[Built]], runner: Runner
) -> None:
    built = images[case_name(case)].result()
    assert built.made.installer == case.installer
    assert (built.made.findings, built.made.gaps) == ((), ())
    ran = runner.run(built.image, built.made.container_port, case.environment)
    status, text = ran.get(case.path)
    assert status == 200, ran.log()
    assert case.says in text
    exit_code, told = ran.probe()
    assert exit_code == 0, told
    assert ran.user_id() not in {"", "0"}
    assert_nothing_else_is_installed(ran, case.pins)
    assert ran.stop() in case.stops_with, ran.log()


def assert_nothing_else_is_installed(ran: Ran, pins: tuple[str, ...]) -> None:
    """An image with a package that nobody pinned would be another one next month."""
    if not pins:
        return
    report = "import importlib.metadata as m; print(*(f'{d.name.lower()}=={d.version}' for d in m.distributions()))"
    exit_code, told = ran.execute("python", "-c", report)
    assert exit_code == 0, told
    ours = {"pip", "setuptools"}
    installed = {line.replace("_", "-") for line in told.split() if line.partition("==")[0] not in ours}
    assert set(pins) <= installed <= set(python_pins("images"))


def _build(case: Case, root: Path, docker_host: str) -> Built:
    folder = root / case.app
    shutil.copytree(APPS / case.app, folder)
    for more in (WITH_DEBIAN / case.app, LOCKED / case_name(case)):
        if more.is_dir():
            shutil.copytree(more, folder, dirs_exist_ok=True)
    case.write(folder)
    if case.write_gems:
        vendor_gems(folder, docker_host)
    with Toolkit(environ={"EXPRESSWAY_HOME": str(root / "home")}) as toolkit:
        made = toolkit.containerize(folder, write=True)
    return Built(build_image(folder, case_name(case), docker_host), made)
