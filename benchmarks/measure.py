"""What a measurement is: contenders run in turn, their medians, and the goals that these are held against."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TIMES = "\N{MULTIPLICATION SIGN}"

Run = Callable[[int], object]
"""One run, given its round (0, 1, …), so that each round can have inputs of its own."""


@dataclass(frozen=True, slots=True)
class Series:
    """What one contender needed in each round; `unit` is ``s`` or ``MiB``."""

    name: str
    samples: tuple[float, ...]
    unit: str = "s"

    @property
    def median(self) -> float:
        return statistics.median(self.samples)


@dataclass(frozen=True, slots=True)
class Contender:
    """Something to measure. `prepare` runs before each run and `finish` after it, both unmeasured.

    Attributes:
        repeat: runs in each round, for what is too short to be measured by one.
    """

    name: str
    run: Run
    prepare: Run | None = None
    finish: Run | None = None
    repeat: int = 1


def interleaved(contenders: Sequence[Contender], *, rounds: int) -> dict[str, Series]:
    """Measure in the order A B C, A B C, …, so that a change of the machine's load meets all of them alike."""
    samples: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        for contender in contenders:
            for turn in range(contender.repeat):
                samples[contender.name].append(_timed(contender, number * contender.repeat + turn))
    return {name: Series(name, tuple(taken)) for name, taken in samples.items()}


def _timed(contender: Contender, number: int) -> float:
    if contender.prepare is not None:
        contender.prepare(number)
    started = time.perf_counter()
    contender.run(number)
    elapsed = time.perf_counter() - started
    if contender.finish is not None:
        contender.finish(number)
    return elapsed


@dataclass(frozen=True, slots=True)
class Goal:
    """A number to reach: `measured` must not be below (or, with `at_most`, above) `bound`."""

    bound: float
    measured: float
    unit: str
    at_most: bool = False

    @property
    def reached(self) -> bool:
        return self.measured <= self.bound if self.at_most else self.measured >= self.bound


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: our series, the peer's beside it, and the goals. A row without goals informs."""

    work: str
    ours: Series
    peer: Series | None = None
    goals: tuple[Goal, ...] = field(default=())

    @property
    def times_faster(self) -> float | None:
        """How many times as long the peer takes; for memory, how many times as much it needs."""
        return self.peer.median / self.ours.median if self.peer is not None else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A table of its own beside the rows: what contenders answered, line by line; `details` go to the results only."""

    title: str
    headings: tuple[str, ...]
    lines: Sequence[tuple[str, ...]]
    goals: tuple[Goal, ...] = ()
    details: Sequence[Mapping[str, Any]] = ()


def times_faster(ours: Series, peer: Series, bound: float) -> Goal:
    """At least `bound` times as fast as the peer."""
    return Goal(bound, peer.median / ours.median, f"{TIMES} faster")


def share_of(ours: Series, peer: Series, bound: float) -> Goal:
    """At most `bound` times what the peer needs."""
    return Goal(bound, ours.median / peer.median, f"{TIMES} its time", at_most=True)


def at_most(ours: Series, bound: float) -> Goal:
    """At most `bound`, in the unit of the series."""
    return Goal(bound, ours.median, f" {ours.unit}", at_most=True)
