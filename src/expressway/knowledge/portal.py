"""An event loop in a thread of its own, for asynchronous clients behind blocking ports.

What is run on it can neither stall another event loop of the process nor outstay its deadline.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import wait
from contextlib import suppress
from typing import Any, TypeVar

from expressway.core.progress import Cancellation

ResultT = TypeVar("ResultT")

_LOOK_SECONDS = 0.1
_GRACE_SECONDS = 1.0


class DeadlinePassedError(Exception):
    """The work was not done in time; it has been cancelled."""


class LoopThread:
    """Started by the first work; a daemon, so that it never holds the process."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._last_work: Callable[[], Coroutine[Any, Any, None]] | None = None

    def run(
        self,
        work: Callable[["asyncio.Future[ResultT]"], Coroutine[Any, Any, None]],
        *,
        deadline_seconds: float,
        cancellation: Cancellation,
    ) -> ResultT:
        """What `work` puts into the future that it is given; whatever it does after that goes on by itself.

        Blocks the calling thread, at most a second longer than `deadline_seconds`.

        Raises:
            DeadlinePassedError: no answer in time.
        """
        overdue = time.monotonic() + deadline_seconds + _GRACE_SECONDS
        future = asyncio.run_coroutine_threadsafe(_answer_of(work, deadline_seconds), self._started())
        try:
            while not wait([future], timeout=_LOOK_SECONDS).done:
                cancellation.raise_if_cancelled()
                if time.monotonic() > overdue:  # the loop itself is busy: whoever asked must not wait for it
                    raise DeadlinePassedError
        finally:
            future.cancel()
        return future.result()

    def close(self, last_work: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        """End the loop and what still runs on it, after `last_work`; does not wait. Later work starts another."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is not None:
            self._last_work = last_work
            loop.call_soon_threadsafe(loop.stop)

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._serve, args=(self._loop,), name=self._name, daemon=True).start()
            return self._loop

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            loop.run_until_complete(_wind_up(self._last_work))
        finally:
            loop.close()


async def _answer_of(
    work: Callable[["asyncio.Future[ResultT]"], Coroutine[Any, Any, None]], deadline_seconds: float
) -> ResultT:
    answer: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(work(answer))
    task.add_done_callback(_forget)
    try:
        await asyncio.wait({task, answer}, timeout=deadline_seconds, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        if task.done():
            task.result()
            raise RuntimeError("the work ended without an answer")
        raise DeadlinePassedError
    finally:
        if not answer.done():
            task.cancel()


def _forget(task: "asyncio.Task[None]") -> None:
    """Its outcome was told already, or nobody waits for it any more."""
    if not task.cancelled():
        task.exception()


async def _wind_up(last_work: Callable[[], Coroutine[Any, Any, None]] | None) -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        _, left = await asyncio.wait(left, timeout=_GRACE_SECONDS)  # whoever says farewell may end it
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=_GRACE_SECONDS)  # what clings to life is left behind
    with suppress(TimeoutError):
        async with asyncio.timeout(_GRACE_SECONDS):
            if last_work is not None:
                await last_work()
            await asyncio.get_running_loop().shutdown_asyncgens()
