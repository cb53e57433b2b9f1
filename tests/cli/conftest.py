"""The command line's tests stop what they start with Ctrl-C, however they were started themselves."""

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def heeding_ctrl_c() -> Iterator[None]:
    """A shell lets what it starts in the background ignore Ctrl-C, and so would everything started from here."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
