"""How a command ends: an error has one shape and one exit code, and changes are asked for at a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import typer

from expressway.cli.signals import INTERRUPTED
from expressway.cli.views.output import message_console, print_error, readable
from expressway.errors import STOPPED, ExpresswayError, RefusedError


@contextmanager
def reporting(*, as_json: bool, beside: Callable[[], Mapping[str, Any]] = dict) -> Generator[None]:
    """Turn an error into its message and its exit code, once, for every command.

    `beside` tells what else an error's JSON document has.
    """
    try:
        yield
    except ExpresswayError as error:
        _print_in_any_case(error, as_json, beside())
        raise SystemExit(error.exit_code) from None
    except (KeyboardInterrupt, typer.Abort):
        tell_stopped(as_json=as_json, beside=beside())
        raise SystemExit(INTERRUPTED) from None
    except (typer.Exit, BrokenPipeError):
        raise
    except Exception as exc:  # noqa: BLE001 - the face's one boundary: whatever it is, scripts get an error they can read
        _print_in_any_case(_internal_error(exc), as_json, beside())
        raise SystemExit(1) from None


def tell_stopped(*, as_json: bool, beside: Mapping[str, Any] | None = None) -> None:
    """Say that Ctrl-C ended the command, and what that means."""
    message_console().print(f"[yellow]stopped[/] {STOPPED.hint}")
    if as_json:
        _print_in_any_case(STOPPED, as_json, beside or {})


def _print_in_any_case(error: ExpresswayError, as_json: bool, beside: Mapping[str, Any]) -> None:
    """On standard error where standard output takes no more."""
    try:
        print_error(error, as_json=as_json, beside=beside)
    except ExpresswayError as unwritable:
        print_error(unwritable, as_json=False)
        print_error(error, as_json=False)


def _internal_error(exc: Exception) -> ExpresswayError:
    if os.environ.get("EXPRESSWAY_DEBUG") == "1":
        import traceback

        sys.stderr.write(readable("".join(traceback.format_exception(exc))))
    return ExpresswayError(
        "internal_error",
        f"Expressway did not expect this: {type(exc).__name__}: {exc}",
        "Repeat the command with EXPRESSWAY_DEBUG=1 to see where it happened, and report it.",
    )


def can_ask(*, as_json: bool) -> bool:
    """Whether somebody sits at a terminal, sees a question and can answer it."""
    return not as_json and sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str) -> None:
    """Ask on standard error, and go on only after a yes.

    Raises:
        RefusedError: ``not_confirmed``.
        typer.Abort: there is nobody who answers any more.
    """
    while (answer := _answer_to(question)) not in _YES | _NO:
        typer.echo("Please answer y or n.", err=True)
    if answer in _NO:
        raise RefusedError("not_confirmed", "The answer was no; nothing was changed.", "Repeat it when you are sure.")


_YES, _NO = frozenset({"y", "yes"}), frozenset({"n", "no", ""})


def _answer_to(question: str) -> str:
    typer.echo(f"{question} [y/N]: ", nl=False, err=True)
    _await_line()
    line = sys.stdin.readline()
    if not line:
        raise typer.Abort
    return line.strip().lower()


def _await_line() -> None:
    """Wait until a line is typed. Ctrl-C just before a read would be heeded only after it; here it ends the wait."""
    import select
    import signal
    import socket

    told, telling = socket.socketpair()
    with told, telling:
        telling.setblocking(False)
        before = signal.set_wakeup_fd(telling.fileno())
        try:
            while sys.stdin not in select.select([sys.stdin, told], [], [])[0]:
                told.recv(64)
        finally:
            signal.set_wakeup_fd(before)
