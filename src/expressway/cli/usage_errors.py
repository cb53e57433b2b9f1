"""Wrong usage, which Typer finds before a command runs: with ``--json`` it is told as a JSON document as well."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from expressway.cli.signals import INTERRUPTED
from expressway.cli.views.output import print_error, print_json
from expressway.cli.views.reporting import tell_stopped
from expressway.cli.views.stdout import checked_standard_output
from expressway.errors import ExpresswayError, UsageError

_USAGE = 2
_ASKED_AS_JSON = "expressway.as_json"


class CommandLine(TyperGroup):
    """The root command: Typer's text for people stays on standard error, scripts get an error that they can read."""

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
        with _told(as_json=as_json, command=info_name or "expressway"):
            made: Any = super().make_context(info_name, args, *more, **extra)
            made.meta[_ASKED_AS_JSON] = as_json
            return made

    def invoke(self, ctx: Any) -> Any:
        """As the base class does; the options of a command are read here."""
        with _told(as_json=ctx.meta.get(_ASKED_AS_JSON, False), command=ctx.command_path):
            return super().invoke(ctx)


def _asks_for_json(arguments: Sequence[str]) -> bool:
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options


@contextmanager
def _told(*, as_json: bool, command: str) -> Generator[None]:
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
