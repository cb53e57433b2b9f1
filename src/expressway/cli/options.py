"""The options that commands share, each declared once."""

from pathlib import Path
from typing import Annotated

import typer

DefinitionPath = Annotated[
    Path, typer.Argument(help="The app's folder, or its expressway.yaml.", show_default="this folder")
]
AppName = Annotated[str, typer.Argument(help="The app's name, as in its definition.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Sandbox = Annotated[bool, typer.Option("--sandbox", help="Act on the running embedded AWS, not on AWS.")]
Profile = Annotated[str | None, typer.Option(help="AWS profile to use.", show_default="AWS_PROFILE")]
Region = Annotated[str | None, typer.Option(help="AWS region to act in.", show_default="AWS_REGION")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before changing anything.")]
