"""Runs ``expressway`` as a person at a terminal does, and an AWS that takes calls and never answers them."""

import fcntl
import os
import pty
import re
import select
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LONG = 120.0
"""Seconds after which a hanging test fails."""


class Terminal:
    """A process whose standard streams are one terminal."""

    def __init__(self, command: Sequence[str], *, columns: int = 80, **environment: str) -> None:
        self._screen, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        variables = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "NO_COLOR"}}
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env=variables | {"TERM": "xterm"} | environment,
            start_new_session=True,
        )
        os.close(inside)
        self._received = ""

    @property
    def text(self) -> str:
        """What was shown, without colours."""
        return _ANSI.sub("", self._received)

    def read_until(self, awaited: str) -> None:
        """Read the screen until it shows `awaited`."""
        deadline = time.monotonic() + LONG
        while awaited not in self.text:
            assert time.monotonic() < deadline, self.text
            assert self._read(), f"ended before {awaited!r}: {self.text}"

    def type(self, text: str) -> None:
        os.write(self._screen, text.encode())

    def end(self) -> int:
        """The exit status, once it has ended."""
        while self._read():
            pass
        return self.process.wait(LONG)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(LONG)
        os.close(self._screen)

    def _read(self) -> bool:
        if not select.select([self._screen], [], [], LONG)[0]:
            raise AssertionError(f"nothing happens: {self.text}")
        try:
            self._received += os.read(self._screen, 4096).decode().replace("\r\n", "\n")
        except OSError:  # how Linux tells that the other side is closed
            return False
        return True


@contextmanager
def at_terminal(command: Sequence[str], *, columns: int = 80, **environment: str) -> Iterator[Terminal]:
    terminal = Terminal(command, columns=columns, **environment)
    try:
        yield terminal
    finally:
        terminal.close()


class MuteAws:
    """A sandbox's address at which calls arrive and are never answered."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(LONG)
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._calls: list[socket.socket] = []

    def await_call(self) -> None:
        self._calls.append(self._server.accept()[0])

    @property
    def was_called(self) -> bool:
        return bool(select.select([self._server], [], [], 0)[0])

    def close(self) -> None:
        for one in (*self._calls, self._server):
            one.close()
