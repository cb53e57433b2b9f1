"""``expressway demo``: the whole way, on the embedded AWS or on an account."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expressway.cli.options import AsJson, Profile, Region
from expressway.cli.ports import installed_sandbox
from expressway.cli.views.output import message_console, print_json, recording
from expressway.cli.views.reporting import reporting
from expressway.errors import DefinitionError

if TYPE_CHECKING:
    from expressway.cli.commands.demo_steps import Steps
    from expressway.toolkit import AppSource, Toolkit

_EXAMPLE = Path("examples") / "httpbin"


def demo(
    app: Annotated[
        Path | None,
        typer.Argument(help="Folder of the app; broken.yaml in it is its broken version.", show_default=str(_EXAMPLE)),
    ] = None,
    aws: Annotated[bool, typer.Option("--aws", help="Act on the AWS account, not on an embedded AWS.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Write a picture of the terminal to this file.")] = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Show the whole way: build, review, deploy, fetch, repeat, break and roll back, delete.

    It tells what it does on standard error; --json prints the steps with their times on standard output.
    """
    from expressway.cli.commands.demo_steps import Demo, Steps

    steps = Steps()
    with reporting(as_json=as_json, beside=steps.to_dict), recording(svg):
        source, broken = _sources(app or _example())
        with _toolkit_on_aws(steps, profile, region) if aws else _toolkit_on_sandbox(steps, source) as (toolkit, left):
            Demo(toolkit, source, broken, left, steps).run()
        message_console().print(f"\n[bold green]Every step held[/] [dim]({steps.seconds:.0f} s)[/]")
        if as_json:
            print_json(steps.to_dict())


def _example() -> Path:
    """The example that the demo shows: of the checkout that this module belongs to, or of the current folder."""
    checkout = Path(__file__).resolve().parents[4]
    found = next((root / _EXAMPLE for root in (checkout, Path.cwd()) if (root / _EXAMPLE).is_dir()), None)
    if found is None:
        raise DefinitionError(
            "examples_missing",
            f"The demo shows {_EXAMPLE}, which comes with Expressway's source and not with the installed package.",
            "Run it in a checkout of the source, or name a folder with a Dockerfile, expressway.yaml and broken.yaml.",
        )
    return found


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
def _toolkit_on_aws(
    steps: Steps, profile: str | None, region: str | None
) -> Generator[tuple[Toolkit, Callable[[], list[str]]]]:
    from expressway.toolkit import Toolkit

    with Toolkit(profile=profile, region=region) as toolkit:
        with steps.step("Find the AWS account"):
            steps.say(toolkit.target.describe())
            toolkit.warm()
        yield toolkit, list[str]


@contextmanager
def _toolkit_on_sandbox(steps: Steps, source: AppSource) -> Generator[tuple[Toolkit, Callable[[], list[str]]]]:
    """A sandbox of the demo's own, gone afterwards; the engine and the base images stay for the next time."""
    from expressway.toolkit import Toolkit

    sandbox = installed_sandbox()

    state_dir = Path(tempfile.mkdtemp(prefix="expressway-demo-"))
    engine = None
    try:
        with steps.step("Start the embedded AWS"):
            engine = sandbox.provide_engine(install=True, progress=steps.tell)
            for image in sandbox.prepare_example(
                source.base_dir, engine.docker_host, install=True, progress=steps.tell
            ):  # base images and wheels, for builds on a machine that cannot pull them
                steps.say(f"base image {image.name}: {image.origin}")
            info = sandbox.start(state_dir=state_dir / "sandbox", docker_host=engine.docker_host)
            steps.say(
                f"{info.endpoint_url} (account {info.account_id}, {info.region}); container engine: {engine.source}"
            )
        environ = {"DOCKER_HOST": engine.docker_host, "EXPRESSWAY_HOME": str(state_dir)}
        with Toolkit(sandbox_url=info.endpoint_url, environ=environ) as toolkit:
            toolkit.warm()
            yield toolkit, lambda: _left_on_this_machine(toolkit, sandbox.container_names(info), source.definition.name)
    finally:
        sandbox.stop(state_dir / "sandbox")
        if engine is not None:
            engine.close()
        shutil.rmtree(state_dir, ignore_errors=True)


def _left_on_this_machine(toolkit: Toolkit, containers: list[str], app_name: str) -> list[str]:
    images = toolkit.remove_local_images(app_name)
    return [f"container {name}" for name in containers] + [f"image {name}" for name in images]
