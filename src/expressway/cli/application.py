"""The command line: names the commands; each loads what it needs when it runs."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from expressway.cli.commands import api as api_command
from expressway.cli.commands import app as app_commands
from expressway.cli.commands import containerize as containerize_command
from expressway.cli.commands import demo as demo_command
from expressway.cli.commands import troubleshoot as troubleshoot_command
from expressway.cli.commands.docs import docs
from expressway.cli.commands.sandbox import sandbox
from expressway.cli.options import MARKUP
from expressway.cli.signals import INTERRUPTED
from expressway.cli.views.output import checked_standard_output, print_error, print_json
from expressway.cli.views.reporting import tell_stopped
from expressway.errors import ExpresswayError, UsageError

_EPILOG = (
    "Exit codes: 0 done · 1 failed · 2 wrong definition or usage · 3 refused (ownership, protection, approval) · "
    "4 no credentials, permission, engine or sandbox · 5 build, template, stack or service failed · "
    "6 still running, ask again · 10 found (--exit-code of diff and troubleshoot) · 130 stopped by Ctrl-C."
)
_USAGE = 2
_ASKED_AS_JSON = "expressway.as_json"


class CommandLine(TyperGroup):
    """The root command. With ``--json``, wrong usage that Typer finds is also printed as a JSON document."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """As the base class does; what cannot be printed, help included, is one error."""
        try:
            with checked_standard_output():
                return super().main(*arguments, **options)
        except ExpresswayError as error:
            print_error(error, as_json=False)
            raise SystemExit(error.exit_code) from None

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **extra: Any) -> typer.Context:
        """As the base class does; told as JSON where one of the arguments asks for it."""
        as_json = _asks_for_json(args)
        with _usage_errors(as_json=as_json, command=info_name or "expressway"):
            made: Any = super().make_context(info_name, args, *more, **extra)
            made.meta[_ASKED_AS_JSON] = as_json
            return made

    def invoke(self, ctx: Any) -> Any:
        """As the base class does; the options of a command are read here."""
        with _usage_errors(as_json=ctx.meta.get(_ASKED_AS_JSON, False), command=ctx.command_path):
            return super().invoke(ctx)


def _asks_for_json(arguments: Sequence[str]) -> bool:
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options


@contextmanager
def _usage_errors(*, as_json: bool, command: str) -> Generator[None]:
    try:
        yield
    except typer.TyperException as exc:
        if as_json and exc.exit_code == _USAGE:
            print_json({"error": _usage_error(exc, command).to_dict()})
        raise
    except KeyboardInterrupt:  # while a command's own libraries load
        tell_stopped(as_json=as_json)
        raise typer.Exit(INTERRUPTED) from None


def _usage_error(exc: typer.TyperException, command: str) -> UsageError:
    context = getattr(exc, "ctx", None)
    where = context.command_path if context is not None else command
    return UsageError("usage", exc.format_message(), f"See {where} --help.")


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
