"""A small journal in the state directory: one file an app, written atomically, read after a restart."""

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from expressway.errors import ExpresswayError, StackError
from expressway.model.operation import OperationKind, OperationRecord
from expressway.model.target import Target


def state_directory(environ: Mapping[str, str] | None = None) -> Path:
    """Where Expressway keeps what it must remember: $EXPRESSWAY_HOME, or the XDG state directory."""
    variables = os.environ if environ is None else environ
    if home := variables.get("EXPRESSWAY_HOME"):
        return Path(home)
    base = variables.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "expressway"


class Journal:
    """The operations of one target (account, region, or sandbox)."""

    def __init__(self, directory: Path, target: Target) -> None:
        place = "sandbox" if target.is_sandbox else target.partition
        self._directory = directory / "operations" / f"{place}-{target.account_id}-{target.region}"

    def latest(self, app_name: str) -> OperationRecord | None:
        """The app's last operation, or None; a record whose process is gone reads as interrupted."""
        try:
            raw: dict[str, Any] = json.loads(self._path(app_name).read_text())
            record = OperationRecord(**raw)
        except (FileNotFoundError, ValueError, TypeError):
            return None
        if record.state == "running" and not _is_alive(record):
            return replace(record, state="interrupted", message=f"{record.message} (its process ended)")
        return record

    @contextmanager
    def operation(self, app_name: str, kind: OperationKind) -> Generator["RunningOperation"]:
        """Hold the app for one operation and record how it ends.

        Raises:
            StackError: ``operation_running`` when another process on this machine works on the same app.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        with self._path(app_name).with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                raise self._already_running(app_name) from exc
            running = RunningOperation(self._path(app_name), _new_record(app_name, kind))
            try:
                yield running
            except ExpresswayError as exc:
                running.record(state="failed", message=exc.message, error=exc.to_dict())
                raise
            except BaseException as exc:
                running.record(state="interrupted", message=f"stopped in phase {running.current.phase}: {exc!r}")
                raise

    def _already_running(self, app_name: str) -> StackError:
        record = self.latest(app_name)
        operation_id = record.operation_id if record else "unknown"
        return StackError(
            "operation_running",
            f"Another process is already working on {app_name} (operation {operation_id}).",
            "Ask for its status, and repeat the command when it has ended.",
            {"operation_id": operation_id},
        )

    def _path(self, app_name: str) -> Path:
        return self._directory / f"{app_name}.json"


class RunningOperation:
    """The record of the operation that this process carries out."""

    def __init__(self, path: Path, record: OperationRecord) -> None:
        self._path = path
        self.current = record
        self._write()

    def record(self, **changes: Any) -> None:
        """Replace fields of the record and write it down."""
        self.current = replace(self.current, updated_at=_now(), **changes)
        self._write()

    def _write(self) -> None:
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".journal-")
        with os.fdopen(handle, "w") as stream:
            json.dump(asdict(self.current), stream)
        Path(name).replace(self._path)


def _new_record(app_name: str, kind: OperationKind) -> OperationRecord:
    now = _now()
    return OperationRecord(
        operation_id=f"{kind}-{app_name}-{secrets.token_hex(4)}",
        app_name=app_name,
        kind=kind,
        state="running",
        phase="check",
        message="started",
        started_at=now,
        updated_at=now,
        process_id=os.getpid(),
        process_started=_process_started(os.getpid()),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _is_alive(record: OperationRecord) -> bool:
    try:
        os.kill(record.process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _process_started(record.process_id) == record.process_started


def _process_started(process_id: int) -> str:
    """The kernel's start time of a process, so that a reused process id is not taken for the old one."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""  # no /proc (macOS): the process id alone has to do
