"""``expressway sandbox``: start, stop, look at and clear the local AWS sandbox."""

import os
import shlex
from contextlib import ExitStack
from typing import Annotated

import typer

from expressway.cli.options import MARKUP, AsJson
from expressway.cli.ports import SandboxInfo, installed_sandbox
from expressway.cli.targets import own_sandbox, port_to_start, running_sandbox
from expressway.cli.views.output import message_console, print_json
from expressway.cli.views.progress import watching
from expressway.cli.views.reporting import reporting
from expressway.core.progress import Progress, ProgressSink

sandbox = typer.Typer(
    no_args_is_help=True, rich_markup_mode=MARKUP, help="The local AWS sandbox: a local account with Express Mode."
)

Install = Annotated[
    bool,
    typer.Option(
        "--install", help="Install a container engine (Debian, root) where there is none, and what --seed needs."
    ),
]
Seed = Annotated[
    bool,
    typer.Option("--seed", help="Give the engine the examples' base images: pulled, or made where none can be pulled."),
]

Services = Annotated[
    str,
    typer.Option(
        "--services",
        help="Further emulated services to enable, such as s3,lambda.",
        show_default=False,
    ),
]


@sandbox.command()
def start(
    port: Annotated[int | None, typer.Option(help="Port on 127.0.0.1.", show_default="a free one")] = None,
    install: Install = False,
    seed: Seed = False,
    services: Services = "",
    as_json: AsJson = False,
) -> None:
    """Start the local AWS sandbox, or tell that it runs already; one on another port than --port is refused."""
    with reporting(as_json=as_json):
        embedded = installed_sandbox()
        embedded.check_port(port)
        embedded.check_installed()  # before an engine is started for it
        names = [name.strip() for name in services.split(",") if name.strip()]
        running = own_sandbox()
        port = port if running else port_to_start(port)
        if running is not None:
            embedded.refuse_other_settings(running, port, names)  # before base images are made for it
        with ExitStack() as undo, watching(as_json=as_json) as printer:
            if running is not None and running.docker_host:
                _tell_other_engine(running, printer)
                engine = embedded.revive_engine(running.docker_host, progress=printer)
            else:
                engine = embedded.provide_engine(install=install, progress=printer)
                undo.callback(engine.close)  # what fails or is stopped from here on leaves no engine running
            images = embedded.seed_base_images(engine.docker_host, printer, install=install) if seed else ()
            info = embedded.start(port=port, docker_host=engine.docker_host, services=names)
            undo.pop_all()
        if as_json:
            shown = [{"name": image.name, "origin": image.origin, "seeded": image.seeded} for image in images]
            print_json(info.to_dict() | ({"base_images": shown} if seed else {}))
            return
        for image in images:
            message_console().print(f"base image {image.name}: {image.origin}")
        already = " already" if running else ""
        message_console().print(f"The sandbox answers{already} at {info.endpoint_url} (engine: {engine.docker_host}).")
        message_console().print('[dim]Use it with --sandbox, or in this shell: eval "$(expressway sandbox env)"[/]')


def _tell_other_engine(running: SandboxInfo, progress: ProgressSink) -> None:
    """A running sandbox keeps its engine, whatever DOCKER_HOST says by now."""
    named = os.environ.get("DOCKER_HOST")
    if named and running.docker_host and named != running.docker_host:
        message = (
            f"The sandbox runs already, with the engine {running.docker_host}, and keeps it; "
            f"DOCKER_HOST names {named}. To change engines, stop the sandbox first."
        )
        progress(Progress("sandbox", message, level="warning"))


@sandbox.command()
def stop(as_json: AsJson = False) -> None:
    """Stop the local AWS sandbox and the engine started for it; its containers and images go, base images stay."""
    with reporting(as_json=as_json):
        own_sandbox()  # refuses another one's name
        stopped = installed_sandbox().stop()
        engine_stopped = installed_sandbox().stop_unused_engine()
        if as_json:
            left = stopped.removed_containers
            print_json({"stopped": stopped.was_running, "removed_containers": left, "engine_stopped": engine_stopped})
            return
        message_console().print("The sandbox is stopped." if stopped.was_running else "No sandbox was running.")
        if stopped.removed_containers:
            message_console().print(f"Containers that a killed one had left are removed: {stopped.removed_containers}.")
        if engine_stopped:
            message_console().print("The container engine that was started for it is stopped; its images stay on disk.")


@sandbox.command()
def status(as_json: AsJson = False) -> None:
    """Tell whether the local AWS sandbox runs, and where; exits with 1 when it does not."""
    with reporting(as_json=as_json):
        info = own_sandbox()
        if as_json:
            print_json({"running": info is not None, **(info.to_dict() if info else {})})
        else:
            where = f"The sandbox answers at {info.endpoint_url}." if info else "No sandbox is running."
            message_console().print(where)
        if info is None:
            raise SystemExit(1)


@sandbox.command()
def reset(as_json: AsJson = False) -> None:
    """Remove everything from the local AWS sandbox; it keeps running."""
    with reporting(as_json=as_json):
        own_sandbox()  # refuses another one's name
        installed_sandbox().reset()
        if as_json:
            print_json({"reset": True})
        else:
            message_console().print("The sandbox is empty.")


@sandbox.command()
def env(as_json: AsJson = False) -> None:
    """Print what points a shell at the local AWS sandbox: eval "$(expressway sandbox env)"."""
    with reporting(as_json=as_json):
        variables = installed_sandbox().environment(running_sandbox())
        if as_json:
            print_json(variables, exact=True)
            return
        for name, value in variables.items():
            typer.echo(f"export {name}={shlex.quote(value)}")
