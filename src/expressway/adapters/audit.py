"""The audit log: one JSON line a call in the state directory, readable by its owner alone, rotated by size."""

import fcntl
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from expressway.adapters.journal import state_not_writable

FILE_BYTES = 2_000_000
FILES_KEPT = 5


class AuditLog:
    """Appends lines to ``audit/calls.jsonl``; threads and processes may share it."""

    def __init__(self, directory: Path, *, file_bytes: int = FILE_BYTES, files_kept: int = FILES_KEPT) -> None:
        self._path = directory / "audit" / "calls.jsonl"
        self._file_bytes = file_bytes
        self._files_kept = files_kept
        self._lock = threading.Lock()

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one line with the time and the process; secrets of known kinds are masked in it.

        Raises:
            ExpresswayError: ``state_not_writable``.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        from expressway.adapters.secret_detector import masked_json  # a server that only starts needs no patterns

        line = f"{masked_json({'time': now, 'process_id': os.getpid(), **record})}\n".encode()
        try:
            with self._lock:
                self._append(line)
        except OSError as exc:
            raise state_not_writable(exc) from exc

    def _append(self, line: bytes) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # held for one write; another process may be rotating
            if self._size() and self._size() + len(line) > self._file_bytes:
                self._rotate()
            target = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.fchmod(target, 0o600)
                os.write(target, line)
            finally:
                os.close(target)

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
