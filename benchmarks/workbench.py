"""What the measurements run on: an engine, a sandbox of their own, the peers' command lines, throw-away apps."""

import base64
import itertools
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.node_tools import NODE, cdk_command
from tests.sandbox_clients import registry_login

from benchmarks.commands import MeasurementFailed, run
from expressway.core.progress import Progress
from expressway.toolkit import AppSource, Toolkit, app_source
from expressway_sandbox import lifecycle
from expressway_sandbox.base_images.debian import find_program, install_packages
from expressway_sandbox.base_images.seed import BUSYBOX_IMAGE, prepare_example, seed_base_images
from expressway_sandbox.engine.private import provide_engine
from expressway_sandbox.lifecycle import SandboxInfo

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "hello"
EXPRESSWAY = Path(sys.executable).with_name("expressway")
_KEPT_VARIABLES = ("PATH", "HOME", "XDG_CACHE_HOME", "LANG", "TMPDIR")


@dataclass(frozen=True)
class Workbench:
    """A folder of its own, an engine and a sandbox; every app made on it has a name of its own."""

    folder: Path
    docker_host: str
    sandbox: SandboxInfo
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _apps: list[str] = field(default_factory=list[str])

    @cached_property
    def docker(self) -> str:
        """The docker command line; Debian's newer engine package comes without it."""
        found = find_program("docker")
        if found is None:
            install_packages(("docker-cli",), progress=tell)
            found = find_program("docker")
        if found is None:
            raise MeasurementFailed("there is no docker command line to measure against")
        return found

    @cached_property
    def docker_login(self) -> Path:
        """A folder of Docker's configuration that holds a login of the sandbox's registry."""
        folder, login = self.fresh_folder("docker"), registry_login(self.sandbox)
        basic = base64.b64encode(f"{login['username']}:{login['password']}".encode()).decode()
        settings = {"auths": {f"127.0.0.1:{self.sandbox.port}": {"auth": basic}}}
        (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
        return folder

    @cached_property
    def cdk(self) -> list[str]:
        return cdk_command()

    def fresh_folder(self, kind: str) -> Path:
        folder = self.folder / f"{kind}-{next(self._numbers)}"
        folder.mkdir()
        return folder

    def environment(self, home: Path) -> dict[str, str]:
        """The variables of every measured process: on the sandbox, with `home` for what Expressway remembers."""
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        quiet = {"CDK_DISABLE_CLI_TELEMETRY": "true", "CI": "true", "NO_COLOR": "1"}
        ours = {"EXPRESSWAY_HOME": str(home), "DOCKER_HOST": self.docker_host, "JSII_NODE": str(NODE)}
        ours["DOCKER_CONFIG"] = str(self.docker_login)
        return kept | quiet | lifecycle.environment(self.sandbox) | ours

    def app(self, name: str) -> Path:
        """A copy of the example in a folder of its own, under another name."""
        self._apps.append(name)
        folder = self.fresh_folder("app") / name
        shutil.copytree(EXAMPLE, folder)
        text = (folder / "expressway.yaml").read_text(encoding="utf-8")
        (folder / "expressway.yaml").write_text(text.replace("name: hello", f"name: {name}", 1), encoding="utf-8")
        (folder / "broken.yaml").unlink()
        return folder

    def source(self, app: Path) -> AppSource:
        return app_source(app)

    def toolkit(self, kind: type[Toolkit] = Toolkit) -> Toolkit:
        """A toolkit on the sandbox that remembers nothing."""
        environ = {"EXPRESSWAY_HOME": str(self.fresh_folder("home")), "DOCKER_HOST": self.docker_host}
        return kind(sandbox_url=self.sandbox.endpoint_url, environ=environ)

    def expressway(self, *arguments: str | Path, home: Path | None = None) -> str:
        """Run our command line in a process of its own; without `home` it remembers nothing."""
        place = home or self.fresh_folder("home")
        return run([EXPRESSWAY, *arguments], cwd=self.folder, environment=self.environment(place))

    def remove_local_images(self) -> None:
        """Take the images of all its apps out of the engine."""
        with self.toolkit() as toolkit:
            for name in self._apps:
                toolkit.remove_local_images(name)

    def cdk_project(self, app: Path) -> "CdkProject":
        """The checkout's own CDK app in a folder of its own, with the definition of `app`."""
        folder = self.fresh_folder("cdk")
        (folder / "stacks").mkdir()
        shutil.copy(ROOT / "stacks" / "app.py", folder / "stacks")
        shutil.copy(app / "expressway.yaml", folder / "stacks" / "app.yaml")
        settings = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))
        settings["app"] = f"{sys.executable} stacks/app.py"
        return self._project(folder, settings)

    def ordinary_cdk_project(self, app: Path) -> "CdkProject":
        """The same stacks in an app with the CDK's own defaults, validation of templates included."""
        script = Path(__file__).with_name("ordinary_cdk_app.py")
        folder = self.fresh_folder("cdk")
        return self._project(folder, {"app": f"{sys.executable} {script} {app / 'expressway.yaml'}"})

    def _project(self, folder: Path, settings: dict[str, Any]) -> "CdkProject":
        (folder / "cdk.json").write_text(json.dumps(settings), encoding="utf-8")
        return CdkProject(folder, self.cdk, self.environment(folder))


@dataclass(frozen=True, slots=True)
class CdkProject:
    """A folder in which the ``cdk`` command line runs; it asks nobody for news, so that no network counts."""

    folder: Path
    command: list[str]
    variables: dict[str, str]

    def cdk(self, *arguments: str) -> str:
        return run([*self.command, *arguments, "--no-notices"], cwd=self.folder, environment=self.variables)

    def deploy(self, *arguments: str) -> str:
        return self.cdk("deploy", "--require-approval", "never", *arguments)


@contextmanager
def workbench() -> Generator[Workbench]:
    """Set everything up; afterwards, and where that fails, remove what is left in the engine and on the disk."""
    with ExitStack() as cleaning:  # what one of its steps raises, keeps no other from being taken
        folder = Path(tempfile.mkdtemp(prefix="expressway-bench-"))
        cleaning.callback(shutil.rmtree, folder, ignore_errors=True)
        engine = provide_engine(install=True, progress=tell)
        cleaning.callback(engine.close)
        prepare_example(EXAMPLE, engine.docker_host, install=True, progress=tell)
        seed_base_images(engine.docker_host, tell, names=[BUSYBOX_IMAGE], install=True)
        sandbox = lifecycle.start(state_dir=folder / "sandbox", docker_host=engine.docker_host)
        cleaning.callback(_remove_images, engine.docker_host, sandbox.port)
        bench = Workbench(folder, engine.docker_host, sandbox)
        cleaning.callback(bench.remove_local_images)
        # Called first: when its containers are gone, nothing holds the images any more.
        cleaning.callback(lifecycle.stop, folder / "sandbox")
        yield bench


def tell(progress: Progress) -> None:
    """Progress on standard error."""
    print(f"  {progress.message}", file=sys.stderr, flush=True)


def _remove_images(docker_host: str, port: int) -> None:
    """Remove what has a name of the sandbox's registry; no other sandbox has its port."""
    import docker
    from docker.errors import DockerException

    registry = f"127.0.0.1:{port}/"
    client = docker.DockerClient(base_url=docker_host, timeout=60)
    for image in client.images.list(filters={"reference": f"{registry}*"}):
        for name in [*image.tags, *image.attrs.get("RepoDigests", [])]:
            if name.startswith(registry):
                with suppress(DockerException):  # others may use the same image under a name of theirs
                    client.images.remove(name)
    client.close()
