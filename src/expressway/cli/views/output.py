"""What a person or a script sees: data on standard output, everything else on standard error."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from expressway.errors import ExpresswayError, StillRunning
from expressway.hints import for_people

if TYPE_CHECKING:
    from rich.console import Console

STDOUT_NOT_WRITABLE = "stdout_not_writable"
_PICTURE_COLUMNS = 118
_OUTPUTS = ("output", "log", "lines", "trace", "findings")
"""The details of an error that hold what a program said."""
_SHOWN_LINES = 15


class _Checked:
    """A text stream whose writing fails with Expressway's own error; a reader that has seen enough is left alone.

    Everything else is the stream's own.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if text == "":
            return 0  # how libraries try what kind of stream it is, and swallow the answer
        with self._telling():
            return self._stream.write(text)
        raise AssertionError("writing returns or raises")

    def writelines(self, lines: Iterable[str]) -> None:
        with self._telling():
            self._stream.writelines(lines)

    def flush(self) -> None:
        with self._telling():
            self._stream.flush()

    def drop(self) -> None:
        """Let go of what is buffered, which would fail again when the process ends."""
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    @contextmanager
    def _telling(self) -> Generator[None]:
        try:
            yield
        except BrokenPipeError:
            raise  # nobody reads on (``| head``): the command line ends quietly
        except OSError as exc:
            self.drop()
            raise ExpresswayError(
                STDOUT_NOT_WRITABLE,
                f"The answer cannot be written to standard output: {exc.strerror or exc}.",
                "Free the disk or send the output elsewhere, and repeat the command.",
            ) from exc


@contextmanager
def checked_standard_output() -> Generator[None]:
    """Let whatever is printed meanwhile, help included, reach standard output or fail with one error.

    Raises:
        ExpresswayError: ``stdout_not_writable``, say on a full disk; also for what was still buffered at the end.
        SystemExit: 1 when nobody reads on.
    """
    stream = sys.stdout
    checked = _Checked(stream)
    sys.stdout = cast("TextIO", checked)
    try:
        try:
            yield
        finally:
            checked.flush()
    except BrokenPipeError:
        checked.drop()
        raise SystemExit(1) from None
    finally:
        sys.stdout = stream


def data_console() -> Console:
    """Standard output; plain when piped."""
    from rich.console import Console

    return Console(highlight=False, emoji=False, soft_wrap=not sys.stdout.isatty())


@cache
def message_console() -> Console:
    """Standard error; for everything that is not data. One for the process, so that it can be recorded."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False, soft_wrap=not sys.stderr.isatty())


def readable(value: Any) -> Any:
    """A text, or all texts of a value, for whoever operates this: what others wrote is shown without its marks and
    without what a terminal would obey, and secrets of known kinds are masked."""
    from expressway.privacy.masking.detector import masked
    from expressway.privacy.untrusted import cleaned, plain

    if isinstance(value, str):
        return masked(for_people(plain(cleaned(value))))
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


def print_below(head: str, message: str, *, columns: int, soft_wrap: bool | None = None) -> None:
    """A message (markup) on standard error behind `head`, which takes so many columns.

    A picture has a fixed width: what is longer goes on below its own beginning, so that nothing is cut off.
    """
    console = message_console()
    if not console.record:
        console.print(f"{head}{message}", soft_wrap=soft_wrap)
        return
    from rich.table import Table

    lines = Table.grid()
    lines.add_column(width=columns, no_wrap=True)
    lines.add_column(overflow="fold")
    lines.add_row(head, message)
    console.print(lines)


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
    drawn = re.sub(r"@font-face \{[^{}]*\}\n", "", console.export_svg(title="make demo", unique_id="demo"))
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
        ExpresswayError: ``stdout_not_writable``, say on a full disk (see `expressway.cli.views.output`).
    """
    shown = value if exact else readable(value)
    sys.stdout.write(json.dumps(shown, indent=2, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def print_error(error: ExpresswayError, *, as_json: bool, beside: Mapping[str, Any] | None = None) -> None:
    """The one way in which a command shows an error; `beside` goes into the same JSON document."""
    if as_json and error.code != STDOUT_NOT_WRITABLE:
        print_json({**(beside or {}), "error": error.to_dict()})
        return
    console = message_console()
    label = "still running" if isinstance(error, StillRunning) else "error"
    problems = [_problem_line(problem) for problem in error.details.get("problems", [])]
    message = _without_list(error.message, [text for _, text in problems])
    console.print(f"[bold red]{label}[/] [dim]{escape(error.code)}[/] {escape(message)}")
    for place, text in problems:
        console.print(f"  [bold]{escape(place)}[/]: {escape(text)}" if place else f"  {escape(text)}")
    for line in (*error.details.get("evidence", ()), *_output_lines(error.details)):
        console.print(f"  [dim]│[/] {escape(str(line))}")
    if error.hint:
        console.print(f"  [cyan]→[/] {escape(error.hint)}")


def _output_lines(details: Mapping[str, Any]) -> Sequence[str]:
    """The end of what a program said that failed (a build, a daemon, the CDK), or what linters found."""
    for name in _OUTPUTS:
        output = details.get(name)
        lines = output.splitlines() if isinstance(output, str) else [_output_line(line) for line in output or ()]
        told = [line for line in lines if line.strip()]
        if told:
            return told[-_SHOWN_LINES:]
    return ()


def _output_line(line: object) -> str:
    if not isinstance(line, Mapping):
        return str(line)
    return " ".join(str(value) for value in cast("Mapping[str, object]", line).values() if value not in (None, ""))


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


def print_target(description: str) -> None:
    """Where this command acts; always said, never on standard output."""
    message_console().print(f"[dim]target[/] {escape(description)}")
