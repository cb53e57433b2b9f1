"""``expressway demo``: the whole way, on the embedded AWS or on an account."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expressway.cli.demo_steps import Demo, failed, say, step, tell
from expressway.cli.options import Profile, Region
from expressway.cli.output import message_console, print_error, recording
from expressway.errors import DefinitionError, ExpresswayError

if TYPE_CHECKING:
    from expressway.toolkit import AppSource, Toolkit

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def demo(
    app: Annotated[Path, typer.Argument(help="Folder of the app; broken.yaml in it is its broken version.")] = EXAMPLES
    / "httpbin",
    aws: Annotated[bool, typer.Option("--aws", help="Act on the AWS account, not on an embedded AWS.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Write a picture of the terminal to this file.")] = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Show the whole way: build, review, deploy, fetch, repeat, break and roll back, delete."""
    started = time.monotonic()
    try:
        with recording(svg):
            source, broken = _sources(app)
            with _toolkit_on_aws(profile, region) if aws else _toolkit_on_sandbox(source) as (toolkit, left):
                Demo(toolkit, source, broken, left).run()
            seconds = time.monotonic() - started
            message_console().print(f"\n[bold green]Every step held[/] [dim]({seconds:.0f} s)[/]")
    except ExpresswayError as error:
        failed(error)
        print_error(error, as_json=False)
        raise SystemExit(error.exit_code) from None


def _sources(app: Path) -> tuple[AppSource, AppSource]:
    from expressway.toolkit import app_source

    source = app_source(app)
    broken_file = source.base_dir / "broken.yaml"
    if not broken_file.is_file():
        raise DefinitionError(
            "definition_missing",
            f"The demo deploys a broken version too, but {broken_file} does not exist.",
            "Copy expressway.yaml to broken.yaml and break the app in it, say by its command.",
        )
    return source, app_source(broken_file)


@contextmanager
def _toolkit_on_aws(profile: str | None, region: str | None) -> Generator[tuple[Toolkit, Callable[[], list[str]]]]:
    from expressway.toolkit import Toolkit

    with Toolkit(profile=profile, region=region) as toolkit:
        with step(1, "Find the AWS account"):
            say(toolkit.target.describe())
            toolkit.warm()
        yield toolkit, list[str]


@contextmanager
def _toolkit_on_sandbox(source: AppSource) -> Generator[tuple[Toolkit, Callable[[], list[str]]]]:
    """A sandbox of the demo's own, gone afterwards; the engine and the base images stay for the next time."""
    from expressway.sandbox.lifecycle import container_names, start, stop
    from expressway.sandbox.private_engine import provide_engine
    from expressway.toolkit import Toolkit

    state_dir = Path(tempfile.mkdtemp(prefix="expressway-demo-"))
    engine = None
    try:
        with step(1, "Start the embedded AWS"):
            engine = provide_engine(install=True, progress=tell)
            _prepare_build(engine.docker_host, source)
            info = start(state_dir=state_dir / "sandbox", docker_host=engine.docker_host)
            say(f"{info.endpoint_url} (account {info.account_id}, {info.region}); container engine: {engine.source}")
        environ = {"DOCKER_HOST": engine.docker_host, "EXPRESSWAY_HOME": str(state_dir)}
        with Toolkit(sandbox_url=info.endpoint_url, environ=environ) as toolkit:
            toolkit.warm()
            yield toolkit, lambda: _left_on_this_machine(toolkit, container_names(info), source.definition.name)
    finally:
        stop(state_dir / "sandbox")
        if engine is not None:
            engine.close()
        shutil.rmtree(state_dir, ignore_errors=True)


def _prepare_build(docker_host: str, source: AppSource) -> None:
    """Base images and wheels, for builds on a machine that cannot pull them."""
    from expressway.sandbox.prepare import prepare_example

    for image in prepare_example(source.base_dir, docker_host, install=True, progress=tell):
        say(f"base image {image.name}: {image.origin}")


def _left_on_this_machine(toolkit: Toolkit, containers: list[str], app_name: str) -> list[str]:
    images = toolkit.remove_local_images(app_name)
    return [f"container {name}" for name in containers] + [f"image {name}" for name in images]
