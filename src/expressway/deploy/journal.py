"""A journal of operations in the state directory, written atomically, read after a restart.

Secrets of known kinds are masked in it; untrusted text keeps its marks. Each app has one file for deployments and
deletions, and one each for builds and restarts, which take no approval and no unfinished work from a deployment.
"""

import fcntl
import json
import os
import secrets
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from expressway.app.names import check_app_name
from expressway.aws.values.target import Target
from expressway.core.directories import state_not_writable
from expressway.deploy.operation import OperationKind, OperationRecord
from expressway.errors import ExpresswayError, StillRunning
from expressway.privacy.untrusted import quoted


def _nobody(warning: str) -> None:
    del warning


_KINDS: tuple[OperationKind, ...] = ("deploy", "build", "restart")
"""One of each file."""


class Journal:
    """The newest operations of each app in one target (account and region, or sandbox).

    An operation holds a lock file of its app, which the kernel frees when the process ends, however it ends.
    """

    def __init__(self, directory: Path, target: Target) -> None:
        place = "sandbox" if target.is_sandbox else target.partition
        self._directory = directory / "operations" / f"{place}-{target.account_id}-{target.region}"

    def latest(self, app_name: str) -> OperationRecord | None:
        """The app's operation in progress, else its last one, or None. A record without its process is interrupted."""
        known = [record for kind in _KINDS if (record := self._read(self._path(app_name, kind)))]
        return max(known, key=lambda record: (record.state == "running", record.started_at), default=None)

    def _read(self, path: Path) -> OperationRecord | None:
        try:
            raw: dict[str, Any] = json.loads(path.read_text())
            record = OperationRecord(**raw)
            interrupted = record.state == "running" and not _is_alive(record)
        except (FileNotFoundError, ValueError, TypeError):
            return None  # never written, or damaged: AWS knows the rest
        except OSError as exc:
            raise state_not_writable(exc) from exc
        if interrupted:
            return replace(record, state="interrupted", message=f"{record.message} (its process ended)")
        return record

    @contextmanager
    def operation(
        self, app_name: str, kind: OperationKind, warn: Callable[[str], None] = _nobody
    ) -> Generator["RunningOperation"]:
        """Lock the app for one operation and record how it ends.

        Once it has begun, a record that cannot be written does not stop it: `warn` is called, once.

        Raises:
            StillRunning: ``operation_running`` when another process on this machine works on the same app.
            ExpresswayError: ``state_not_writable`` (a full disk, say), before anything is started.
        """
        path = self._path(app_name, kind)
        with _lock_file(self._path(app_name).with_suffix(".lock")) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                raise self._already_running(app_name) from exc
            running = RunningOperation(path, _new_record(app_name, kind, self._read(path)), warn)
            try:
                yield running
            except StillRunning as exc:
                running.record(state="interrupted", message=exc.message)
                raise
            except ExpresswayError as exc:
                state = "interrupted" if exc.code == "cancelled" else "failed"
                running.record(state=state, message=exc.message, error=exc.to_dict())
                raise
            except BaseException as exc:
                phase = running.current.phase
                running.record(
                    state="interrupted", message=f"stopped in phase {phase}: {type(exc).__name__} {quoted(str(exc))}"
                )
                raise
            if running.current.state == "running":
                running.record(state="succeeded")

    def _already_running(self, app_name: str) -> StillRunning:
        record = self.latest(app_name)
        operation_id = record.operation_id if record else "unknown"
        return StillRunning(
            "operation_running",
            f"Another process is already working on {app_name} (operation {operation_id}).",
            "Ask for its status, and repeat the command when it has ended.",
            {"operation_id": operation_id},
        )

    def _path(self, app_name: str, kind: OperationKind = "deploy") -> Path:
        check_app_name(app_name)
        return self._directory / (f"{app_name}.{kind}.json" if kind in {"build", "restart"} else f"{app_name}.json")


class RunningOperation:
    """The record of the operation that this process carries out. Threads may share it.

    Raises:
        ExpresswayError: ``state_not_writable`` where not even its beginning can be written.
    """

    def __init__(self, path: Path, record: OperationRecord, warn: Callable[[str], None] = _nobody) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._warn = warn
        self._has_warned = False
        self.current = record
        try:
            self._write()
        except OSError as exc:
            raise state_not_writable(exc) from exc

    def record(self, **changes: Any) -> None:
        """Replace fields of the record and write it; if that fails, warn once and try again with the next record."""
        with self._lock:
            self.current = replace(self.current, updated_at=_now(), **changes)
            try:
                self._write()
            except OSError as exc:
                trouble = state_not_writable(exc)
            else:
                return
        if not self._has_warned:
            self._has_warned = True
            self._warn(
                f"The progress cannot be recorded; the work continues. {trouble.message} Until it ends, status "
                "on this machine shows an older state, and an approval may have to be given again."
            )

    def _write(self) -> None:
        from expressway.privacy.masking.detector import masked_json  # not for a server that only starts

        draft = self._path.with_suffix(".draft")  # one writer at a time: the lock's holder
        text = masked_json(asdict(self.current))
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(text)
        draft.replace(self._path)


@contextmanager
def _lock_file(path: Path) -> Generator[IO[str]]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
    except OSError as exc:
        raise state_not_writable(exc) from exc
    with lock:
        yield lock


def _new_record(app_name: str, kind: OperationKind, previous: OperationRecord | None) -> OperationRecord:
    now = _now()
    unfinished = previous if previous and previous.kind == kind and previous.state != "succeeded" else None
    continued = unfinished if unfinished and (unfinished.was_cut_short or unfinished.continues) else None
    return OperationRecord(
        operation_id=f"{kind}-{app_name}-{secrets.token_hex(4)}",
        app_name=app_name,
        kind=kind,
        state="running",
        phase="check",
        message="started",
        started_at=now,
        updated_at=now,
        approved=unfinished.approved if unfinished else None,
        continues=continued.operation_id if continued else "",
        process_id=os.getpid(),
        process_started=_process_started(os.getpid()),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _is_alive(record: OperationRecord) -> bool:
    if record.process_id <= 0:
        return False
    with suppress(PermissionError):  # another user's process, which its start time identifies
        try:
            os.kill(record.process_id, 0)
        except ProcessLookupError:
            return False
    return _process_started(record.process_id) == record.process_started


def _process_started(process_id: int) -> str:
    """The kernel's start time of a process, so that a reused process id is not taken for the old one."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""  # no /proc (macOS): the process id alone has to do
