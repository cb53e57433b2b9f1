"""How long work tells what it is doing, and how it is asked to stop."""

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from threading import Event
from typing import Literal, ParamSpec, Protocol, TypeVar

from expressway.errors import ExpresswayError

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


ParametersT = ParamSpec("ParametersT")
ResultT = TypeVar("ResultT")

_CURRENT: ContextVar[tuple[Cancellation, ...]] = ContextVar("cancellations", default=())


@contextmanager
def cancelled_by(cancellation: Cancellation) -> Generator[None]:
    """Let the work inside stop when `cancellation` says so."""
    token = _CURRENT.set((*_CURRENT.get(), cancellation))
    try:
        yield
    finally:
        _CURRENT.reset(token)


def raise_if_cancelled() -> None:
    """Stop here where whoever asked for the work no longer wants it; called before each call of AWS.

    Raises:
        ExpresswayError: ``cancelled``.
    """
    for cancellation in _CURRENT.get():
        cancellation.raise_if_cancelled()


class ReadPool(ThreadPoolExecutor):
    """Threads that stop with whoever started them: on a cancelled request, and when the block ends with an exception.

    Ctrl-C, say, then waits for the calls in progress and not for whole lists.
    """

    def __init__(self, threads: int, thread_name_prefix: str) -> None:
        super().__init__(threads, thread_name_prefix=thread_name_prefix)
        self._stop = _Stop()

    def submit(
        self, fn: Callable[ParametersT, ResultT], /, *args: ParametersT.args, **kwargs: ParametersT.kwargs
    ) -> Future[ResultT]:
        """As usual, in a copy of the caller's context."""
        context = copy_context()

        def stopping() -> ResultT:
            with cancelled_by(self._stop):
                return fn(*args, **kwargs)

        return super().submit(context.run, stopping)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._stop.set()
        self.shutdown(cancel_futures=kind is not None)


class _Stop(Event):
    def raise_if_cancelled(self) -> None:
        if self.is_set():
            raise ExpresswayError("cancelled", "The work that this was read for has ended.", "Start it again.")
