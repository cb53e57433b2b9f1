"""The options that commands share, each declared once."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

MARKUP: Literal["rich"] | None = "rich" if sys.stdout.isatty() and sys.stderr.isatty() else None
"""Help and usage errors have boxes and colours where somebody sees them; loading these is a third of its time."""

DefinitionPath = Annotated[
    Path,
    typer.Argument(help="The app's folder, or its expressway.yaml.", show_default="this folder or the nearest above"),
]
AppName = Annotated[
    str | None, typer.Argument(help="The app's name, as in its definition.", show_default="of this folder's app")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Sandbox = Annotated[bool, typer.Option("--sandbox", help="Act on the running local AWS sandbox, not on AWS.")]
Profile = Annotated[str | None, typer.Option(help="AWS profile to use.", show_default="AWS_PROFILE")]
Region = Annotated[str | None, typer.Option(help="AWS region to act in.", show_default="AWS_REGION")]
Adopt = Annotated[bool, typer.Option("--adopt", help="Take over others' stacks, and resources that a deletion kept.")]
AllowReplacement = Annotated[
    bool, typer.Option("--allow-replacement", help="Allow replacing resources; the URL then changes.")
]
Rebuild = Annotated[bool, typer.Option("--rebuild", help="Build the image again, with its base images pulled again.")]
Wait = Annotated[
    float | None,
    typer.Option(
        "--wait",
        min=0,
        metavar="SECONDS",
        help="Wait at most so long for AWS (0: only begin); if it is not done then, leave it running and exit with 6.",
        show_default="until it is done",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before changing anything.")]
