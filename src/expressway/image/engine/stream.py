"""Reads what an engine streams, line by line, so that a caller can stop it while it is silent."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Generic, TypeVar

from expressway.core.progress import Cancellation

Item = TypeVar("Item")
_ASK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class _Read(Generic[Item]):
    item: Item


@dataclass(frozen=True, slots=True)
class _End:
    fault: BaseException | None


def interruptible(stream: Iterable[Item], *, cancellation: Cancellation, stop: Callable[[], None]) -> Iterator[Item]:
    """Yield what `stream` gives; between items, and while none comes, ask whether to go on.

    When cancelled, or when the caller stops reading, `stop` is called: it has to end the stream's blocking read.
    """
    read: queue.Queue[_Read[Item] | _End] = queue.Queue()
    threading.Thread(target=_read_into, args=(stream, read), name="engine-stream", daemon=True).start()
    ended = False
    try:
        while not ended:
            cancellation.raise_if_cancelled()
            try:
                got = read.get(timeout=_ASK_SECONDS)
            except queue.Empty:
                continue
            if isinstance(got, _Read):
                yield got.item
                continue
            ended = True
            if got.fault is not None:
                raise got.fault
    finally:
        if not ended:
            stop()


def _read_into(stream: Iterable[Item], read: "queue.Queue[_Read[Item] | _End]") -> None:
    try:
        for item in stream:
            read.put(_Read(item))
    except BaseException as exc:  # noqa: BLE001 - raised again in the thread that asked
        read.put(_End(exc))
    else:
        read.put(_End(None))


class CancellableFile:
    """A file whose reads ask first whether to go on: for uploads."""

    def __init__(self, handle: IO[bytes], cancellation: Cancellation) -> None:
        self._handle = handle
        self._cancellation = cancellation

    def read(self, size: int = -1) -> bytes:
        self._cancellation.raise_if_cancelled()
        return self._handle.read(size)

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(64 * 1024):
            yield chunk
