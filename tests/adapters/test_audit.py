"""The audit log in the state directory."""

import json
import stat
import threading
from pathlib import Path

import pytest

from expressway.adapters.audit import AuditLog
from expressway.errors import ExpresswayError
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
