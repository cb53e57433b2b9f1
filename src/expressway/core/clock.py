"""Time as a port, so that everything that waits can be tested without waiting; and how moments compare."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Seconds on a monotonic scale, and a way to let them pass."""

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


def polling_delays(first_seconds: float = 0.1, growth: float = 1.25, longest_seconds: float = 1.5) -> Iterator[float]:
    """Delays between polls: short at first, so that quick work is seen at once, never above the longest."""
    delay = first_seconds
    while True:
        yield delay
        delay = min(delay * growth, longest_seconds)


def not_before(moment: datetime | None, start: datetime | None) -> bool:
    """Whether something happened at or after `start`, to the second; an unknown moment counts."""
    return moment is None or start is None or moment.replace(microsecond=0) >= start.replace(microsecond=0)
