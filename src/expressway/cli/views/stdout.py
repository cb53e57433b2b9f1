"""Standard output that takes no more: one error for every way in which something is printed there."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from expressway.errors import ExpresswayError

STDOUT_NOT_WRITABLE = "stdout_not_writable"


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
