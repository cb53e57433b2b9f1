"""Facts that are read at the same time; what may not be read becomes a named gap, never a conclusion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from expressway.core.progress import ReadPool
from expressway.error_codes import has_trait
from expressway.errors import TargetError

T = TypeVar("T")

_MAY_BE_REFUSED = frozenset({"access_denied", "throttled", "service_unavailable", "aws_error"})


class ConcurrentReads:
    """Reads that run at the same time while the block is open; `gaps` names those that were refused.

        with ConcurrentReads(6, name="explain") as reads:
            asked = reads.ask("service", lambda: ecs.service(cluster, name))
            service = reads.take(asked, None)

    A read that was refused (a permission, throttling, an endpoint out of reach) becomes a gap. Anything else breaks
    the block off: a fault, and what would meet every other read too, such as expired credentials, which a long-lived
    server can renew.

    Args:
        beside_a_failure: the reads only explain a failure that is reported anyhow: no error of AWS's ends the block.
    """

    def __init__(self, threads: int, *, name: str, beside_a_failure: bool = False) -> None:
        self.gaps: list[str] = []
        self.beside_a_failure = beside_a_failure
        self._pool = ReadPool(threads, thread_name_prefix=name)
        self._names: dict[int, str] = {}

    def __enter__(self) -> ConcurrentReads:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._pool.__exit__(kind, *_)

    def ask(self, name: str, read: Callable[[], T]) -> Future[T]:
        """Begin a read; `name` is what a gap is called."""
        future = self._pool.submit(read)
        self._names[id(future)] = name
        return future

    def take(self, future: Future[T], default: T) -> T:
        """What was read, or `default` and a gap (``name: message``) where it was refused.

        Raises:
            TargetError: ``credentials_expired`` and what else would meet every other read.
        """
        try:
            return future.result()
        except TargetError as error:
            if not self.beside_a_failure and has_trait(error.code, "about_caller"):
                raise
            gap = f"{self._names[id(future)]}: {error.message}"
            if gap not in self.gaps:
                self.gaps.append(gap)
            return default

    def take_or_stop(self, future: Future[T], default: T) -> T:
        """What was read, or `default` and a gap where a permission is missing.

        Raises:
            TargetError: no read is possible: no credentials, no connection, no such Region.
        """
        error = future.exception()
        stops = isinstance(error, TargetError) and error.code not in _MAY_BE_REFUSED
        if error is not None and stops and not self.beside_a_failure:
            raise error
        return self.take(future, default)

    def was_read(self, name: str) -> bool:
        """Whether no read of that name was refused."""
        return not any(gap.startswith(f"{name}:") for gap in self.gaps)


class MemoizedReads(Generic[T]):
    """Things of one kind that are read by their ids, each once."""

    def __init__(self, reads: ConcurrentReads, name: str, read: Callable[[Sequence[str]], tuple[T, ...]]) -> None:
        self._reads = reads
        self._name = name
        self._read = read
        self._ids: set[str] = set()
        self._futures: list[Future[tuple[T, ...] | None]] = []

    def ask(self, ids: Iterable[str]) -> None:
        """Begin to read those that are not asked for yet."""
        new = [wanted for wanted in dict.fromkeys(ids) if wanted and wanted not in self._ids]
        if new:
            self._ids.update(new)
            self._futures.append(or_none(self._reads, self._name, lambda: self._read(new)))

    def take(self) -> tuple[T, ...] | None:
        """All that was read; None when a read was refused."""
        found: list[T] = []
        for future in self._futures:
            some = self._reads.take(future, None)
            if some is None:
                return None
            found.extend(thing for thing in some if thing not in found)
        return tuple(found)


def or_none(reads: ConcurrentReads, name: str, read: Callable[[], T]) -> Future[T | None]:
    """A read of which nothing is left where it is refused."""

    def read_all() -> T | None:
        return read()

    return reads.ask(name, read_all)
