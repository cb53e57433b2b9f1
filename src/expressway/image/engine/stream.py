"""Reads what an engine streams, line by line, so that a caller can stop it while it is silent."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, TypeVar

from expressway.core.progress import Cancellation, Progress, ProgressSink

Item = TypeVar("Item")
_ASK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class _End:
    fault: BaseException | None = None


def interruptible(stream: Iterable[Item], *, cancellation: Cancellation, stop: Callable[[], None]) -> Iterator[Item]:
    """Yield what `stream` gives; between items, and while none comes, ask whether to go on.

    When cancelled, or when the caller stops reading, `stop` is called: it has to end the stream's blocking read.
    """
    read: queue.Queue[tuple[Item] | _End] = queue.Queue()
    threading.Thread(target=_read_into, args=(stream, read), name="engine-stream", daemon=True).start()
    ended = False
    try:
        while not ended:
            cancellation.raise_if_cancelled()
            try:
                got = read.get(timeout=_ASK_SECONDS)
            except queue.Empty:
                continue
            if isinstance(got, tuple):
                yield got[0]
                continue
            ended = True
            if got.fault is not None:
                raise got.fault
    finally:
        if not ended:
            stop()


def _read_into(stream: Iterable[Item], read: queue.Queue[tuple[Item] | _End]) -> None:
    try:
        for item in stream:
            read.put((item,))
    except BaseException as exc:  # noqa: BLE001 - raised again in the thread that asked
        read.put(_End(exc))
    else:
        read.put(_End())


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


_QUARTERS = 4


class PushProgress:
    """Follows every layer of one push."""

    def __init__(self, progress: ProgressSink) -> None:
        self._progress = progress
        self._started = time.monotonic()
        self._bytes: dict[str, tuple[int, int]] = {}
        self._reported: dict[str, str] = {}

    def tell(self, event: Mapping[str, Any]) -> None:
        """Take one event of the engine's stream; reports layers' states, and each quarter of their bytes."""
        layer, status = str(event.get("id") or ""), str(event.get("status") or "")
        if not status:
            return
        detail: Mapping[str, Any] = event.get("progressDetail") or {}
        current, total = int(detail.get("current") or 0), int(detail.get("total") or 0)
        mark = status
        if layer and total:
            self._bytes[layer] = (min(current, total), total)
            mark = f"{status} {current * _QUARTERS // total}"
        elif layer and layer in self._bytes and status in {"Pushed", "Layer already exists"}:
            total_bytes = self._bytes[layer][1]
            self._bytes[layer] = (total_bytes, total_bytes)
        if self._reported.get(layer) != mark:
            self._reported[layer] = mark
            self._progress(self._line(layer, status, current, total))

    def _line(self, layer: str, status: str, current: int, total: int) -> Progress:
        amount = f" {current / 1024**2:.1f} of {total / 1024**2:.1f} MiB" if total else ""
        message = f"layer {layer}: {status.lower()}{amount}" if layer else status
        done, everything = sum(b for b, _ in self._bytes.values()), sum(t for _, t in self._bytes.values())
        fraction = done / everything if everything else None
        return Progress("push", message, time.monotonic() - self._started, fraction, layer or None)
