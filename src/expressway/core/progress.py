"""How long work tells what it is doing, and how it is asked to stop."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Phase = Literal["check", "synth", "lint", "plan", "repository", "build", "push", "service", "wait", "delete", "sandbox"]


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of progress: which phase, what happened, how long the phase has run, how much of it is done."""

    phase: Phase
    message: str
    elapsed_seconds: float = 0.0
    fraction: float | None = None
    resource: str | None = None
    level: Literal["info", "warning", "error"] = "info"


ProgressSink = Callable[[Progress], None]


def ignore_progress(_progress: Progress) -> None:
    """A sink for callers that do not watch."""


class Cancellation(Protocol):
    """Asked between steps; raises when the caller no longer wants the work."""

    def raise_if_cancelled(self) -> None: ...


class NeverCancelled:
    """The cancellation of callers that cannot cancel."""

    def raise_if_cancelled(self) -> None:
        return None
