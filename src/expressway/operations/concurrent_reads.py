"""Facts that are read at the same time; what may not be read becomes a named gap, never a conclusion."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from expressway.errors import TargetError

T = TypeVar("T")


class ConcurrentReads:
    """Reads that run at the same time while the block is open; `gaps` names those that were refused.

        with ConcurrentReads(6, name="explain") as reads:
            asked = reads.ask("service", lambda: ecs.service(cluster, name))
            service = reads.take(asked, None)

    A read that raises anything but a TargetError (a permission, throttling, the network) breaks the block off.
    """

    def __init__(self, threads: int, *, name: str) -> None:
        self.gaps: list[str] = []
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._names: dict[int, str] = {}

    def __enter__(self) -> ConcurrentReads:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def ask(self, name: str, read: Callable[[], T]) -> Future[T]:
        """Begin a read; `name` is what a gap is called."""
        future = self._pool.submit(read)
        self._names[id(future)] = name
        return future

    def take(self, future: Future[T], default: T) -> T:
        """What was read, or `default` and a gap (``name: message``) where it was refused."""
        try:
            return future.result()
        except TargetError as error:
            gap = f"{self._names[id(future)]}: {error.message}"
            if gap not in self.gaps:
                self.gaps.append(gap)
            return default
