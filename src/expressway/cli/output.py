"""What a person or a script sees: data on standard output, everything else on standard error."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from expressway.errors import ExpresswayError, StillRunning
from expressway.model.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console

_PICTURE_COLUMNS = 118
_STDOUT_NOT_WRITABLE = "stdout_not_writable"
_MOVES = re.compile(r"_IN_PROGRESS\b|^layer ")
_LEVEL_STYLES = {"info": "dim", "warning": "yellow", "error": "red"}


def data_console() -> Console:
    """Standard output; plain when piped."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


@cache
def message_console() -> Console:
    """Standard error; for everything that is not data. One for the process, so that it can be recorded."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def readable(value: Any) -> Any:
    """A text, or all texts of a value, for whoever operates this: what others wrote is shown without its marks and
    without what a terminal would obey, and secrets of known kinds are masked."""
    from expressway.adapters.secret_detector import masked
    from expressway.model.quotation import cleaned, plain

    if isinstance(value, str):
        return masked(plain(cleaned(value)))
    if isinstance(value, Mapping):
        return {key: readable(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [readable(item) for item in cast("Sequence[Any]", value)]
    return value


def escape(text: str, *, exact: bool = False) -> str:
    """Readable text, also where it looks like markup; `exact` text to the letter.

    Rich is loaded when something is shown, not for ``--help``.
    """
    from rich.markup import escape as escape_markup

    return escape_markup(text if exact else readable(text))


@contextmanager
def recording(picture: Path | None) -> Generator[None]:
    """Write what goes to standard error into an SVG picture of a terminal as well."""
    if picture is None:
        yield
        return
    console = message_console()
    console.record, console.width, console.soft_wrap = True, _PICTURE_COLUMNS, False
    yield
    # Without the web fonts: a picture should fetch nothing when it is looked at.
    drawn = re.sub(r"@font-face \{.*?\n\s*\}\n", "", console.export_svg(title="make demo"), flags=re.DOTALL)
    try:
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_text(drawn.replace("Fira Code", "ui-monospace"), encoding="utf-8")
    except OSError as exc:
        raise ExpresswayError(
            "output_not_writable",
            f"The picture cannot be written to {picture}: {exc.strerror or exc}.",
            "Name a file that can be made, on a disk with room.",
        ) from exc


def print_json(value: Mapping[str, Any] | list[Any], *, exact: bool = False) -> None:
    """One JSON document on standard output: readable, or (templates, settings) `exact` to the letter.

    Raises:
        ExpresswayError: ``stdout_not_writable``, say on a full disk.
    """
    try:
        sys.stdout.write(
            json.dumps(value if exact else readable(value), indent=2, ensure_ascii=False, default=str) + "\n"
        )
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # nobody reads on (``| head``): the command line ends quietly
    except OSError as exc:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered would fail again at the end
        raise ExpresswayError(
            _STDOUT_NOT_WRITABLE,
            f"The answer cannot be written to standard output: {exc.strerror or exc}.",
            "Free the disk or send the output elsewhere, and repeat the command.",
        ) from exc


def print_error(error: ExpresswayError, *, as_json: bool, beside: Mapping[str, Any] | None = None) -> None:
    """The one way in which a command shows an error; `beside` goes into the same JSON document."""
    if as_json and error.code != _STDOUT_NOT_WRITABLE:
        print_json({**(beside or {}), "error": error.to_dict()})
        return
    console = message_console()
    label = "still running" if isinstance(error, StillRunning) else "error"
    problems = [_problem_line(problem) for problem in error.details.get("problems", [])]
    message = _without_list(error.message, [text for _, text in problems])
    console.print(f"[bold red]{label}[/] [dim]{escape(error.code)}[/] {escape(message)}")
    for place, text in problems:
        console.print(f"  [bold]{escape(place)}[/]: {escape(text)}" if place else f"  {escape(text)}")
    for line in error.details.get("evidence", []):
        console.print(f"  [dim]│[/] {escape(str(line))}")
    if error.hint:
        console.print(f"  [cyan]→[/] {escape(error.hint)}")


def _problem_line(problem: object) -> tuple[str, str]:
    """Where a problem is (a path, or a line of a Dockerfile; "" when it does not say), and what it is."""
    if not isinstance(problem, Mapping):
        return "", str(problem)
    facts = cast("Mapping[str, Any]", problem)
    place = f"line {facts['line']}" if "line" in facts else str(facts.get("path", ""))
    text = str(facts.get("message") or f"expected {facts.get('expected')}, got {facts.get('got')!r}")
    return place, text.removeprefix(f"{place}: ")


def _without_list(message: str, problems: Sequence[str]) -> str:
    """The message up to where it begins to tell the problems, which are listed below it."""
    if not problems or problems[0] not in message or ": " not in message:
        return message
    told = message.partition(problems[0])[0]
    return f"{told.partition(': ')[0]}:"


class ProgressPrinter:
    """Progress on standard error: a line for what has come to be, a status line for what is still moving.

    Only warnings when nobody watches. Every line tells the time since the start.
    """

    def __init__(self, *, quiet: bool, indent: str = "") -> None:
        self._quiet = quiet
        self._indent = indent
        self._started = time.monotonic()
        self._console = message_console()
        self._status = self._console.status("")
        self._last = ""

    def __call__(self, progress: Progress) -> None:
        if progress.message == self._last:
            return
        self._last = progress.message
        if self._quiet:
            if progress.level == "warning":
                self._console.print(f"[yellow]warning[/] {escape(progress.message)}", soft_wrap=True)
            return
        elapsed = f"[dim]{self._indent}{time.monotonic() - self._started:6.1f}s[/]"
        if _is_moving(progress):
            if self._console.is_terminal and not self._console.record:
                self._status.update(f"{elapsed} {progress.phase:<10} {escape(progress.message)}")
                self._status.start()
            return
        self._status.stop()
        style = _LEVEL_STYLES[progress.level]
        self._console.print(f"{elapsed} [cyan]{progress.phase:<10}[/] [{style}]{escape(progress.message)}[/]")

    def stop(self) -> None:
        """Take the status line away."""
        self._status.stop()


def _is_moving(progress: Progress) -> bool:
    """Whether the line is about something under way, to be followed by another about the same thing."""
    if progress.level != "info":
        return False
    return progress.fraction is not None or (
        progress.resource is not None and _MOVES.search(progress.message) is not None
    )


@contextmanager
def watching(*, as_json: bool) -> Generator[ProgressPrinter]:
    """Show progress while something runs; with --json, and when standard error is no terminal, its warnings alone."""
    printer = ProgressPrinter(quiet=as_json or not sys.stderr.isatty())
    try:
        yield printer
    finally:
        printer.stop()


def print_target(description: str) -> None:
    """Where this command acts; always said, never on standard output."""
    message_console().print(f"[dim]target[/] {escape(description)}")
