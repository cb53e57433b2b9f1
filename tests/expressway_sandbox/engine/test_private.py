"""A container engine of our own: found rather than started, started where it may, said clearly where it may not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from expressway.errors import EngineError
from expressway.image.engine.discovery import EngineAddress, ping_engine
from expressway.image.engine.record import EngineRecord, process_start_ticks, read_engine_record, write_engine_record
from expressway_sandbox import lifecycle
from expressway_sandbox.base_images.debian import find_program
from expressway_sandbox.engine.private import (
    ProvidedEngine,
    missing_engine_hint,
    provide_engine,
    start_private_engine,
    stop_private_engine,
    stop_unused_engine,
)

MAY_START = sys.platform == "linux" and os.geteuid() == 0 and find_program("dockerd") is not None
needs_dockerd = pytest.mark.skipif(not MAY_START, reason="needs root and dockerd")


@pytest.fixture
def directory(engine_directory: Path) -> Path:
    return engine_directory


def answers(docker_host: str) -> bool:
    return ping_engine(EngineAddress(docker_host, "test")) is None


@pytest.mark.engine
def test_an_engine_that_is_there_is_used_and_not_stopped(engine_host: str, tmp_path: Path) -> None:
    engine = provide_engine(tmp_path / "engine", environ={"DOCKER_HOST": engine_host}, home=tmp_path)
    assert (engine.docker_host, engine.started, engine.source) == (engine_host, False, "DOCKER_HOST")
    engine.close()
    assert answers(engine_host)
    assert not (tmp_path / "engine").exists()


def test_an_engine_that_is_named_but_silent_is_told_and_none_is_started(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        provide_engine(tmp_path / "e", environ={"DOCKER_HOST": f"unix://{tmp_path}/x"}, home=tmp_path, install=True)
    assert caught.value.code == "engine_unreachable"
    assert not (tmp_path / "e").exists()


@needs_dockerd
@pytest.mark.engine
def test_a_private_engine_starts_is_taken_up_again_and_stops_without_a_trace(directory: Path) -> None:
    engine = start_private_engine(directory)
    assert engine.started
    assert answers(engine.docker_host)
    again = start_private_engine(directory)
    assert again == ProvidedEngine(engine.docker_host, False, engine.source, directory)
    record = read_engine_record(directory)
    assert record is not None
    again.close()
    assert answers(engine.docker_host)
    engine.close()
    assert not answers(engine.docker_host)
    assert process_start_ticks(record.pid) is None
    assert read_engine_record(directory) is None
    assert not record.bridge or not Path(f"/sys/class/net/{record.bridge}").exists()
    assert stop_private_engine(directory) is False


@needs_dockerd
@pytest.mark.engine
def test_a_private_engine_is_stopped_once_nothing_uses_it(directory: Path, tmp_path: Path) -> None:
    variables = {"EXPRESSWAY_ENGINE_DIR": str(directory)}
    assert not stop_unused_engine(variables)
    engine = start_private_engine(directory)
    sandbox = lifecycle.start(state_dir=tmp_path / "sandbox", docker_host=engine.docker_host)
    assert not stop_unused_engine(variables)
    assert answers(engine.docker_host)
    lifecycle.stop(sandbox.state_dir)
    assert stop_unused_engine(variables)
    assert not answers(engine.docker_host)
    assert (directory / "data").is_dir()


@needs_dockerd
@pytest.mark.engine
def test_a_private_engine_outlives_the_process_that_started_it_and_is_found_by_its_record(directory: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from expressway_sandbox.engine.private import start_private_engine;"
        "print(start_private_engine(Path(sys.argv[1])).docker_host)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(directory)], capture_output=True, text=True, check=True)
    assert answers(done.stdout.strip())
    found = start_private_engine(directory)
    assert (found.docker_host, found.started) == (done.stdout.strip(), False)


@needs_dockerd
@pytest.mark.engine
def test_a_directory_with_a_long_path_gets_a_short_socket(directory: Path) -> None:
    deep = directory / ("very-long-name-" * 6)
    engine = start_private_engine(deep)
    try:
        assert answers(engine.docker_host)
        assert len(engine.docker_host.removeprefix("unix://")) < 100
    finally:
        engine.close()
    shutil.rmtree(Path(engine.docker_host.removeprefix("unix://")).parent, ignore_errors=True)


@needs_dockerd
@pytest.mark.engine
def test_after_a_crash_the_engine_is_started_anew(directory: Path) -> None:
    engine = start_private_engine(directory)
    record = read_engine_record(directory)
    assert record is not None
    os.kill(record.pid, 9)
    os.waitpid(record.pid, 0)
    assert read_engine_record(directory) is None
    anew = start_private_engine(directory)
    try:
        assert anew.started
        assert answers(engine.docker_host)
    finally:
        anew.close()


def test_a_daemon_that_cannot_start_is_told_with_its_last_words(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    false_daemon = tmp_path / "dockerd"
    false_daemon.write_text("#!/bin/sh\necho 'failed to start: Devices cgroup is not mounted' >&2\nexit 1\n")
    false_daemon.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(EngineError) as caught:
        start_private_engine(directory)
    assert caught.value.code == "engine_start_failed"
    if "bridge" not in caught.value.message:  # an ordinary user may not even make the network bridge
        assert "Devices cgroup is not mounted" in caught.value.message
        assert "control groups" in caught.value.hint
    assert read_engine_record(directory) is None


def test_a_daemon_that_fails_on_network_rules_is_started_without_them(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The false daemon refuses network rules, and waits when it is told to do without."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    server = tmp_path / "answer.py"
    server.write_text(
        "import http.server, os, socketserver, sys\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200); self.end_headers(); self.wfile.write(b'OK')\n"
        "    address_string = lambda self: 'unix'\n"
        "socketserver.UnixStreamServer(sys.argv[1].removeprefix('unix://'), H).serve_forever()\n"
    )
    false_daemon = tmp_path / "dockerd"
    false_daemon.write_text(
        f"""#!/bin/sh
case "$*" in *--iptables=false*) ;; *) echo 'failed to create NAT chain DOCKER' >&2; exit 1;; esac
while [ "$1" != -H ]; do shift; done
exec {sys.executable} {server} "$2"
"""
    )
    false_daemon.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    engine = start_private_engine(directory)
    try:
        assert answers(engine.docker_host)
        command = Path(f"/proc/{_record(directory).pid}/cmdline").read_bytes()
        assert str(server).encode() in command
    finally:
        engine.close()


def _record(directory: Path) -> EngineRecord:
    record = read_engine_record(directory)
    assert record is not None
    return record


def test_a_record_of_another_process_with_the_same_id_is_not_believed(directory: Path) -> None:
    ticks = process_start_ticks(os.getpid())
    assert ticks is not None
    write_engine_record(directory, EngineRecord(os.getpid(), ticks - 1, "unix:///x"))
    assert read_engine_record(directory) is None
    assert stop_private_engine(directory) is False  # and above all, this very process is not ended


@pytest.mark.parametrize(
    ("platform", "is_root", "has_apt", "words"),
    [
        ("darwin", False, False, "Docker Desktop"),
        ("linux", False, True, "sudo apt-get install -y --no-install-recommends docker.io iptables"),
        ("linux", True, True, "apt-get update && apt-get install -y --no-install-recommends docker.io iptables"),
        ("linux", True, False, "dockerd"),
    ],
)
def test_what_to_do_is_told_for_every_platform(platform: str, is_root: bool, has_apt: bool, words: str) -> None:
    assert words in missing_engine_hint(platform=platform, is_root=is_root, has_apt=has_apt)
