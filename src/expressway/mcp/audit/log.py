"""The audit log: one JSON line a call in the state directory, readable by its owner alone, rotated by size."""

import errno
import fcntl
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from expressway.core.directories import state_not_writable

FILE_BYTES = 2_000_000
FILES_KEPT = 5
LOCK_SECONDS = 2.0
"""A process that was stopped in the middle of a write must not stop the others."""


class AuditLog:
    """Appends lines to ``audit/calls.jsonl``; threads and processes may share it."""

    def __init__(
        self,
        directory: Path,
        *,
        file_bytes: int = FILE_BYTES,
        files_kept: int = FILES_KEPT,
        lock_seconds: float = LOCK_SECONDS,
    ) -> None:
        self._path = directory / "audit" / "calls.jsonl"
        self._file_bytes = file_bytes
        self._files_kept = files_kept
        self._lock_seconds = lock_seconds
        self._lock = threading.Lock()

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one line with the time and the process, on disk when this returns; secrets of known kinds are masked.

        Raises:
            ExpresswayError: ``state_not_writable``.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        from expressway.privacy.masking.detector import masked_json  # a server that only starts needs no patterns

        line = f"{masked_json({'time': now, 'process_id': os.getpid(), **record})}\n".encode()
        try:
            with self._lock:
                self._append(line)
        except OSError as exc:
            raise state_not_writable(exc) from exc

    def _append(self, line: bytes) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            _hold(lock, self._lock_seconds)  # for one write; another process may be rotating
            if self._size() and self._size() + len(line) > self._file_bytes:
                self._rotate()
            is_new = not self._path.exists()
            target = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.fchmod(target, 0o600)
                _write_whole(target, line)
                os.fsync(target)
            finally:
                os.close(target)
            if is_new:
                _sync_directory(self._path.parent)

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def _rotate(self) -> None:
        """``calls.jsonl`` becomes ``calls.1.jsonl``, that ``calls.2.jsonl``; the oldest goes."""
        names = [self._path, *(self._path.with_suffix(f".{number}.jsonl") for number in range(1, self._files_kept))]
        for older, newer in zip(reversed(names), reversed(names[:-1]), strict=False):
            with suppress(FileNotFoundError):
                newer.replace(older)


def _hold(lock: IO[str], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(errno.ETIMEDOUT, "another process holds the audit log's lock") from None
            time.sleep(0.005)
        else:
            return


def _write_whole(target: int, line: bytes) -> None:
    """Append all of the line or nothing: what a full disk or a kill cut off must not run into the next line."""
    size = os.fstat(target).st_size
    if size and os.pread(target, 1, size - 1) != b"\n":
        line = b"\n" + line
    try:
        if os.write(target, line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        os.ftruncate(target, size)
        raise


def _sync_directory(directory: Path) -> None:
    """Let the file's name be on disk too."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
