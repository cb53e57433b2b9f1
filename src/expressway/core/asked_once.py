"""Things of one kind, asked for as their ids become known, each once."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from expressway.core.concurrent_reads import ConcurrentReads

T = TypeVar("T")


class AskedOnce(Generic[T]):
    """Things of one kind that are read by their ids, each once."""

    def __init__(self, reads: ConcurrentReads, name: str, read: Callable[[Sequence[str]], tuple[T, ...]]) -> None:
        self._reads = reads
        self._name = name
        self._read = read
        self._ids: set[str] = set()
        self._futures: list[Future[tuple[T, ...] | None]] = []

    def ask(self, ids: Iterable[str]) -> None:
        """Begin to read those that are not asked for yet."""
        new = [one for one in dict.fromkeys(ids) if one and one not in self._ids]
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
            found.extend(one for one in some if one not in found)
        return tuple(found)


def or_none(reads: ConcurrentReads, name: str, read: Callable[[], T]) -> Future[T | None]:
    """A read of which nothing is left where it is refused."""

    def read_all() -> T | None:
        return read()

    return reads.ask(name, read_all)
