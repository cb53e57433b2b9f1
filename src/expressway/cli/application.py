"""The command line: names the commands; each loads what it needs when it runs."""

from typing import Annotated

import typer

from expressway.cli.commands import api as api_command
from expressway.cli.commands import app as app_commands
from expressway.cli.commands import containerize as containerize_command
from expressway.cli.commands import demo as demo_command
from expressway.cli.commands import troubleshoot as troubleshoot_command
from expressway.cli.commands.docs import docs
from expressway.cli.commands.sandbox import sandbox
from expressway.cli.options import MARKUP
from expressway.cli.usage_errors import CommandLine

_EPILOG = (
    "Exit codes: 0 done · 1 failed · 2 wrong definition or usage · 3 refused (ownership, protection, approval) · "
    "4 no credentials, permission, engine or sandbox · 5 build, template, stack or service failed · "
    "6 still running, ask again · 10 found (--exit-code of diff and troubleshoot) · 130 stopped by Ctrl-C."
)

app = typer.Typer(
    name="expressway",
    cls=CommandLine,
    help="From an application folder to a running service on Amazon ECS Express Mode, and away again.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode=MARKUP,
    pretty_exceptions_enable=False,
)
for command in (
    app_commands.synth,
    app_commands.diff,
    app_commands.deploy,
    app_commands.status,
    troubleshoot_command.troubleshoot,
    app_commands.restart,
    app_commands.delete,
    app_commands.build,
    api_command.api,
    containerize_command.containerize,
    app_commands.schema,
    app_commands.mcp,
    demo_command.demo,
):
    app.command()(command)
app.command(name="list")(app_commands.list_apps)
app.add_typer(docs, name="docs")
app.add_typer(sandbox, name="sandbox")


def _print_version(asked: bool) -> None:
    if asked:
        from expressway import __version__

        typer.echo(f"expressway {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options before the command."""
