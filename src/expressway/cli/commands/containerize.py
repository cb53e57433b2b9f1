"""`expressway containerize`: a Dockerfile for a folder, or what is to be said of the one it has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expressway.cli.options import AsJson
from expressway.cli.views.output import data_console, escape, message_console, print_json
from expressway.cli.views.reporting import reporting

if TYPE_CHECKING:
    from expressway.containerize.result import Containerization

_STYLES = {"critical": "red", "warning": "yellow", "info": "dim"}


def containerize(
    path: Annotated[Path, typer.Argument(help="The app's folder.", show_default="this folder")] = Path(),
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the app.", show_default="found in the app")
    ] = None,
    framework: Annotated[
        str | None, typer.Option(help="Framework, such as flask.", show_default="found in the folder")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the files that the folder lacks.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="With --write: also change the files that could be better.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a Dockerfile, a .dockerignore and a definition for an app, or check those it has.

    Prints them; the folder is left as it is without --write. Nothing of the app is run.
    """
    from expressway.toolkit import Toolkit

    with reporting(as_json=as_json), Toolkit() as toolkit:
        made = toolkit.containerize(path, port, framework=framework, write=write, overwrite=overwrite)
        if as_json:
            print_json(made.to_dict())
        else:
            _show(made)


def _show(made: Containerization) -> None:
    """Files and diff are the data; everything about them goes to standard error."""
    _show_files(made)
    console = message_console()
    known = " with ".join(part for part in (made.framework, made.installer) if part)
    base = escape(made.base_image or "no base image")
    console.print(f"[bold]{escape(known or 'unknown framework')}[/], port {made.container_port}, on {base}")
    for finding in made.findings:
        style = _STYLES[finding.severity]
        console.print(f"[{style}]{finding.severity}[/] {escape(finding.resource)} {escape(finding.cause)}")
        console.print(f"  [cyan]→[/] {escape(finding.remedy)}")
    for label, sentences in (("assumed", made.assumptions), ("note", made.notes), ("gap", made.gaps)):
        for sentence in sentences:
            console.print(f"[yellow]{label}[/] {escape(sentence)}")
    for reason in made.reasons:
        console.print(f"[dim]because[/] {escape(reason)}")


def _show_files(made: Containerization) -> None:
    for file, content in made.files.items():
        if file in made.written:
            data_console().print(f"wrote {file}", markup=False)
        else:
            data_console().print(f"# --- {file}\n{content}", markup=False)
    if made.diff and not set(made.improved) <= set(made.written):
        typer.echo(_printable(made.diff))
    for file in made.improved:
        if file in made.written:
            data_console().print(f"changed {file}", markup=False)


def _printable(diff: str) -> str:
    """The diff without what would move a terminal's cursor; Windows line ends stay, or it would not apply."""
    from rich.control import strip_control_codes

    lines = diff.split("\n")
    ends = ["\r" if line.endswith("\r") else "" for line in lines]
    return "\n".join(strip_control_codes(line).replace("\x1b", "") + end for line, end in zip(lines, ends, strict=True))
