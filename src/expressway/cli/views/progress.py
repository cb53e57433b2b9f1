"""Progress on standard error: with a status line for who watches, as a few plain lines for a log."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from expressway.cli.views.output import escape, message_console, print_below
from expressway.core.progress import Phase, Progress

_MOVES = re.compile(r"_IN_PROGRESS\b|^layer ")
_LEVEL_STYLES = {"info": "dim", "warning": "yellow", "error": "red"}
_HEAD_COLUMNS = len("  12.3s repository ")
_SIGN_OF_LIFE_SECONDS = 30.0


class ProgressPrinter:
    """A line for what has come to be, and where somebody watches a status line for what is still moving.

    Every line tells the time since the start.
    """

    def __init__(self, *, indent: str = "") -> None:
        self._indent = indent
        self._started = time.monotonic()
        self._console = message_console()
        self._status = self._console.status("")
        self._last = ""

    def __call__(self, progress: Progress) -> None:
        if progress.message == self._last:
            return
        self._last = progress.message
        elapsed = f"[dim]{self._indent}{time.monotonic() - self._started:6.1f}s[/]"
        if _is_moving(progress):
            if self._console.is_terminal and not self._console.record:
                self._status.update(f"{elapsed} {progress.phase:<10} {escape(progress.message)}")
                self._status.start()
            return
        self._status.stop()
        style = _LEVEL_STYLES[progress.level]
        head = f"{elapsed} [cyan]{progress.phase:<10}[/] "
        print_below(head, f"[{style}]{escape(progress.message)}[/]", columns=len(self._indent) + _HEAD_COLUMNS)

    def stop(self) -> None:
        """Take the status line away."""
        self._status.stop()


class ProgressLines:
    """Plain lines for a log: what has come to be, with the seconds since the start, and every warning.

    What is still moving and what a build says are left out, but for one line in half a minute in which nothing else
    was told: a log should neither be flooded nor look dead.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = self._told_at = clock()
        self._last = ""
        self._phase: Phase | None = None

    def __call__(self, progress: Progress) -> None:
        if progress.message == self._last:
            return
        self._last = progress.message
        now = self._clock()
        if self._is_detail(progress) and now - self._told_at < _SIGN_OF_LIFE_SECONDS:
            return
        self._told_at = now
        if progress.level == "info":
            self._phase = progress.phase
        label = "" if progress.level == "info" else f"{progress.level}: "
        line = f"{now - self._started:6.1f}s {progress.phase:<10} {label}{escape(progress.message)}"
        message_console().print(line, soft_wrap=True)

    def stop(self) -> None:
        """Nothing is to be taken away."""

    def _is_detail(self, progress: Progress) -> bool:
        if progress.level != "info" or progress.phase != self._phase:
            return False  # the first line of a phase says that it has begun
        return progress.phase == "build" or _is_moving(progress)


def _is_moving(progress: Progress) -> bool:
    """Whether the line is about something in progress, to be followed by another about the same thing."""
    if progress.level != "info":
        return False
    return progress.fraction is not None or (
        progress.resource is not None and _MOVES.search(progress.message) is not None
    )


@contextmanager
def watching(*, as_json: bool) -> Generator[ProgressPrinter | ProgressLines]:
    """Show progress while something runs; as plain lines with --json, and when standard error is no terminal."""
    printer = ProgressLines() if as_json or not sys.stderr.isatty() else ProgressPrinter()
    try:
        yield printer
    finally:
        printer.stop()
