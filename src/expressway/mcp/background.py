"""Work that outlives the request that asked for it: one daemon thread an operation, joined when asked again."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from expressway.core.progress import Progress, ProgressSink
from expressway.errors import ExpresswayError, StillRunning

ResultT = TypeVar("ResultT")
_REMARKABLE_KEPT = 50
_LOG = logging.getLogger(__name__)


def in_daemon_thread(work: Callable[[], ResultT], *, name: str) -> "Future[ResultT]":
    """Run `work` in a thread that never keeps the process alive; the future cannot be cancelled, only left alone."""
    future: Future[ResultT] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result = work()
        except BaseException as exc:  # noqa: BLE001 - whatever it is, it belongs to the thread that waits
            future.set_exception(exc)
        else:
            future.set_result(result)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


async def in_thread(work: Callable[[], ResultT]) -> ResultT:
    """Run blocking `work` off the event loop."""
    return await asyncio.wrap_future(in_daemon_thread(work, name="expressway tool"))


class BackgroundOperation:
    """One piece of work in progress, or done.

    Attributes:
        request: what was asked, as canonical text; the same request joins, another one is refused.
        content: what the files that it works on said when it was asked, as text; with others a request is another.
        target: where it acts, in words, once that is known.
        done: resolves to the outcome, or raises what the work raised.
        identified: resolves as soon as `operation_id` is known or never will be.
    """

    def __init__(self, key: str, request: str, content: str = "") -> None:
        self.key = key
        self.request = request
        self.content = content
        self.operation_id: str | None = None
        self.target: str | None = None
        self.latest: Progress | None = None
        self._remarkable: deque[Progress] = deque(maxlen=_REMARKABLE_KEPT)
        self.done: Future[Any] = Future()
        self.identified: Future[None] = Future()
        self.identified.set_running_or_notify_cancel()
        self._watchers: list[ProgressSink] = []
        self._lock = threading.Lock()

    def report(self, progress: Progress) -> None:
        """Tell everybody who watches; the progress sink of the work itself."""
        with self._lock:
            self.latest = progress
            if progress.level != "info":
                self._remarkable.append(progress)
            watchers = tuple(self._watchers)
        for watcher in watchers:
            watcher(progress)

    def started(self, operation_id: str) -> None:
        """The journal knows the work by this id from now on."""
        self.operation_id = operation_id
        self.identify()

    def identify(self) -> None:
        """Let those go on who wait for the operation's id."""
        with self._lock:
            if not self.identified.done():
                self.identified.set_result(None)

    def watch(self, watcher: ProgressSink) -> Callable[[], None]:
        """Call `watcher` with the warnings and errors so far, the latest progress, and all that follows.

        What follows comes from the work's thread. Returns what ends it.
        """
        with self._lock:
            self._watchers.append(watcher)
            told = [progress for progress in self._remarkable if progress is not self.latest]
            told += [self.latest] if self.latest is not None else []
        for progress in told:
            watcher(progress)

        def stop() -> None:
            with self._lock:
                if watcher in self._watchers:
                    self._watchers.remove(watcher)

        return stop

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings so far."""
        with self._lock:
            return tuple(progress.message for progress in self._remarkable if progress.level == "warning")

    @property
    def is_watched(self) -> bool:
        """Whether a request still waits for it."""
        return bool(self._watchers)

    def wait(self, timeout_seconds: float) -> bool:
        """Block until the work is done, at most so long; True when it is."""
        return not wait([self.done], timeout_seconds).not_done


Work = Callable[[BackgroundOperation], Any]


class BackgroundOperations:
    """The operations of this process, one a key at a time."""

    def __init__(self) -> None:
        self._operations: dict[str, BackgroundOperation] = {}
        self._lock = threading.Lock()

    def start(self, key: str, work: Work, *, request: str, content: str = "") -> BackgroundOperation:
        """Start `work`, or join the operation that carries out the same `request` on the same `content` already.

        Raises:
            StillRunning: ``operation_running`` when something else is in progress for this key.
        """
        with self._lock:
            current = self._operations.get(key)
            if current is not None and not current.done.done():
                if (current.request, current.content) != (request, content):
                    raise _busy(current, is_outdated=current.request == request)
                return current
            operation = BackgroundOperation(key, request, content)
            self._operations[key] = operation
            operation.done = in_daemon_thread(lambda: _carry_out(operation, work), name=f"expressway {key}")
            return operation

    def running(self) -> tuple[BackgroundOperation, ...]:
        """The operations in progress."""
        with self._lock:
            return tuple(operation for operation in self._operations.values() if not operation.done.done())


def _carry_out(operation: BackgroundOperation, work: Work) -> Any:
    try:
        return work(operation)
    except ExpresswayError:
        raise
    except BaseException:
        if not operation.is_watched:
            _LOG.exception("the operation %s for %s broke off", operation.operation_id, operation.key)
        raise
    finally:
        operation.identify()


def _busy(current: BackgroundOperation, *, is_outdated: bool) -> StillRunning:
    """Why it is not joined; `is_outdated` when the same was asked of files that have changed since."""
    phase = f", phase {current.latest.phase}" if current.latest else ""
    under_way = f"is in progress for {current.key} ({current.operation_id or 'just started'}{phase})"
    message = (
        f"The app's folder has changed since the operation began that {under_way}: it works on the earlier content."
        if is_outdated
        else f"Another operation {under_way}."
    )
    return StillRunning(
        "operation_running",
        message,
        "Ask for its status, and repeat the call when it has ended.",
        {"operation_id": current.operation_id} if current.operation_id else None,
    )
