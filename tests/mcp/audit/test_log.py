"""The audit log in the state directory."""

import fcntl
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from expressway.errors import ExpresswayError
from expressway.mcp.audit.log import AuditLog
from tests.secret_samples import SecretSource


def lines(directory: Path, name: str = "calls.jsonl") -> list[dict[str, object]]:
    return [json.loads(line) for line in (directory / "audit" / name).read_text().splitlines()]


def test_each_record_is_one_line_with_its_time_that_only_the_owner_reads(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    log.append({"tool": "deploy_app", "arguments": {"app_name": "a\nb"}})
    log.append({"tool": "delete_app"})
    told = lines(tmp_path)
    assert [one["tool"] for one in told] == ["deploy_app", "delete_app"]
    assert all(str(one["time"]).endswith("+00:00") for one in told)
    path = tmp_path / "audit" / "calls.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_secrets_of_known_kinds_are_masked_in_it(tmp_path: Path) -> None:
    text, secret = SecretSource(7).of_kind("github token")
    AuditLog(tmp_path).append({"tool": "deploy_app", "arguments": {"app_path": text}})
    assert secret not in (tmp_path / "audit" / "calls.jsonl").read_text()


def test_a_log_that_grew_is_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, file_bytes=300, files_kept=3)
    for number in range(40):
        log.append({"tool": "deploy_app", "number": number})
    names = sorted(path.name for path in (tmp_path / "audit").glob("*.jsonl"))
    assert names == ["calls.1.jsonl", "calls.2.jsonl", "calls.jsonl"]
    kept = [
        one["number"] for name in ("calls.2.jsonl", "calls.1.jsonl", "calls.jsonl") for one in lines(tmp_path, name)
    ]
    assert kept == list(range(40))[-len(kept) :]
    assert all((tmp_path / "audit" / name).stat().st_size <= 300 for name in names)


def test_threads_and_processes_do_not_mix_their_lines(tmp_path: Path) -> None:
    logs = [AuditLog(tmp_path), AuditLog(tmp_path)]

    def write(log: AuditLog) -> None:
        for _ in range(50):
            log.append({"tool": "deploy_app", "filling": "x" * 500})

    threads = [threading.Thread(target=write, args=(log,)) for log in logs * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(tmp_path)) == 200


def test_a_place_that_cannot_be_written_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("a file is in the way")
    with pytest.raises(ExpresswayError) as error:
        AuditLog(tmp_path).append({"tool": "deploy_app"})
    assert error.value.code == "state_not_writable"


def test_a_line_that_does_not_fit_the_disk_leaves_nothing_of_itself(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    log.append({"tool": "deploy_app"})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    size = (tmp_path / "audit" / "calls.jsonl").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, hard))
    try:
        with pytest.raises(ExpresswayError) as error:
            log.append({"tool": "delete_app"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert error.value.code == "state_not_writable"
    log.append({"tool": "list_apps"})
    assert [one["tool"] for one in lines(tmp_path)] == ["deploy_app", "list_apps"]


def test_a_line_that_a_kill_cut_off_does_not_run_into_the_next(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    log.append({"tool": "deploy_app"})
    path = tmp_path / "audit" / "calls.jsonl"
    path.write_bytes(path.read_bytes() + b'{"tool": "cut o')
    log.append({"tool": "delete_app"})
    told = path.read_text().splitlines()
    assert [json.loads(told[0])["tool"], told[1], json.loads(told[2])["tool"]] == [
        "deploy_app",
        '{"tool": "cut o',
        "delete_app",
    ]


def test_a_process_that_was_stopped_with_the_lock_does_not_stop_the_others(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, lock_seconds=0.02)
    log.append({"tool": "deploy_app"})
    with (tmp_path / "audit" / "calls.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ExpresswayError) as error:
            log.append({"tool": "delete_app"})
    assert error.value.code == "state_not_writable"
    assert "lock" in error.value.message


_WRITER = """
import sys
from pathlib import Path
from expressway.mcp.audit.log import AuditLog
log = AuditLog(Path(sys.argv[1]), file_bytes=20_000, files_kept=9)
for number in range(100):
    log.append({"tool": "deploy_app", "writer": sys.argv[2], "number": number, "filling": "x" * 300})
"""


def test_processes_that_write_and_rotate_at_once_lose_no_line(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path), str(one)]) for one in range(3)]
    assert [one.wait(60) for one in writers] == [0, 0, 0]
    kept = sorted((tmp_path / "audit").glob("calls*.jsonl"))
    told = [json.loads(line) for path in kept for line in path.read_text().splitlines()]
    assert len(kept) > 1
    assert {(one["writer"], one["number"]) for one in told} == {
        (str(writer), number) for writer in range(3) for number in range(100)
    }
    assert len(told) == 300


def test_a_line_is_on_disk_when_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []

    def fsync(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink().name)

    monkeypatch.setattr(os, "fsync", fsync)
    AuditLog(tmp_path).append({"tool": "deploy_app"})
    assert synced == ["calls.jsonl", "audit"]
