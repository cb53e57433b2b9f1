"""Ends a command in order on Ctrl-C or SIGTERM, whatever it is doing at that moment."""

import atexit
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

INTERRUPTED, TERMINATED = 128 + signal.SIGINT, 128 + signal.SIGTERM
"""The exit status of a command that a signal ended, as shells tell it."""

_SOON = 0.01  # seconds: until whatever swallowed the signal is left


def end_on_signals() -> None:
    """Let SIGTERM end the process like Ctrl-C does, so that no process, temporary folder or lock stays behind."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.unraisablehook = _tell_what_was_swallowed
    # Registered first, so called last: Python then takes its handlers away, and a repeated signal would kill.
    atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    sys.exit(TERMINATED)


def _tell_what_was_swallowed(unraisable: "UnraisableHookArgs", /) -> None:
    """Repeat a signal that came while Python ran a finalizer, whose exceptions go nowhere.

    Imports have such moments too: a signal would be lost, and the command go on to its end.
    """
    number = _signal_of(unraisable)
    if number is None:
        sys.__unraisablehook__(unraisable)
        return
    if sys.is_finalizing():  # the command is over
        return
    signal.signal(signal.SIGALRM, signal.getsignal(number))
    signal.setitimer(signal.ITIMER_REAL, _SOON)


def _signal_of(unraisable: "UnraisableHookArgs") -> signal.Signals | None:
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        return signal.SIGINT
    value = unraisable.exc_value
    return signal.SIGTERM if isinstance(value, SystemExit) and value.code == TERMINATED else None
