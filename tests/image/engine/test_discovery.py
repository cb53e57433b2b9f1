"""Which container engine is found, in which order, and what is said when there is none."""

import hashlib
import json
import os
import shutil
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from expressway.errors import EngineError
from expressway.image.engine.discovery import EngineAddress, engine_candidates, find_engine, ping_engine
from expressway.image.engine.record import EngineRecord, process_start_ticks, write_engine_record


class _Pong(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/_ping" else 404)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"OK")

    def log_message(self, format: str, *args: object) -> None:
        return

    def address_string(self) -> str:
        return "unix"


class _Broken(_Pong):
    status = 500


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory with a path short enough for unix sockets."""
    path = Path(tempfile.mkdtemp(prefix="xw", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def engine_at() -> Iterator[Callable[[Path], str]]:
    """Starts something that answers /_ping on a unix socket."""
    servers: list[socketserver.UnixStreamServer] = []

    def start(path: Path, handler: type[BaseHTTPRequestHandler] = _Pong) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        server = socketserver.UnixStreamServer(str(path), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return f"unix://{path}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def nowhere(short_path: Path) -> dict[str, str]:
    return {"XDG_RUNTIME_DIR": str(short_path / "run"), "EXPRESSWAY_HOME": str(short_path / "state")}


def make_context(home: Path, name: str, host: str, *, current: bool = True) -> None:
    identifier = hashlib.sha256(name.encode()).hexdigest()
    meta = home / ".docker/contexts/meta" / identifier
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))
    if current:
        (home / ".docker/config.json").write_text(json.dumps({"currentContext": name}))


def test_docker_host_goes_before_everything(short_path: Path, engine_at: Callable[[Path], str]) -> None:
    host = engine_at(short_path / "named.sock")
    make_context(short_path, "desktop", engine_at(short_path / "context.sock"))
    found = find_engine({**nowhere(short_path), "DOCKER_HOST": host}, short_path)
    assert found == EngineAddress(host, "DOCKER_HOST")


def test_the_current_context_goes_before_the_usual_sockets(short_path: Path, engine_at: Callable[[Path], str]) -> None:
    make_context(short_path, "desktop", engine_at(short_path / "context.sock"))
    engine_at(short_path / "run/docker.sock")
    found = find_engine(nowhere(short_path), short_path)
    assert found == EngineAddress(f"unix://{short_path}/context.sock", "Docker context desktop")


def test_docker_context_names_another_context_than_the_current(
    short_path: Path, engine_at: Callable[[Path], str]
) -> None:
    make_context(short_path, "one", engine_at(short_path / "one.sock"))
    make_context(short_path, "two", engine_at(short_path / "two.sock"), current=False)
    found = find_engine({**nowhere(short_path), "DOCKER_CONTEXT": "two"}, short_path)
    assert found.source == "Docker context two"


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("run/docker.sock", "rootless Docker"),
        (".docker/run/docker.sock", "Docker Desktop"),
        ("run/podman/podman.sock", "rootless Podman"),
        (".local/share/containers/podman/machine/podman.sock", "Podman machine"),
        (".colima/default/docker.sock", "Colima"),
        (".rd/docker.sock", "Rancher Desktop"),
    ],
)
def test_every_product_is_found_at_its_socket(
    short_path: Path, engine_at: Callable[[Path], str], path: str, source: str
) -> None:
    host = engine_at(short_path / path)
    candidates = [c for c in engine_candidates(nowhere(short_path), short_path) if ping_engine(c) is None]
    assert EngineAddress(host, source) in candidates


def test_the_sockets_of_the_machine_are_tried() -> None:
    tried = {candidate.docker_host for candidate in engine_candidates({}, Path("/nowhere"))}
    assert {"unix:///var/run/docker.sock", "unix:///run/podman/podman.sock", "unix:///var/run/finch.sock"} <= tried


def test_no_address_is_tried_twice(short_path: Path) -> None:
    make_context(short_path, "desktop", f"unix://{short_path}/.docker/run/docker.sock")
    hosts = [candidate.docker_host for candidate in engine_candidates(nowhere(short_path), short_path)]
    assert len(hosts) == len(set(hosts))


def test_the_private_engine_is_found_by_its_record_while_it_runs(
    short_path: Path, engine_at: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    host = engine_at(short_path / "private.sock")
    directory = short_path / "state/engine"
    directory.mkdir(parents=True)
    ticks = process_start_ticks(os.getpid()) or 0
    write_engine_record(directory, EngineRecord(os.getpid(), ticks, host))
    candidates = list(engine_candidates(nowhere(short_path), short_path))
    assert candidates[-1] == EngineAddress(host, "Expressway's private engine")
    write_engine_record(directory, EngineRecord(os.getpid(), ticks + 1, host))  # the id was given to another process
    assert candidates[-1] not in engine_candidates(nowhere(short_path), short_path)


def test_an_engine_that_is_named_but_silent_is_not_replaced_by_another(
    short_path: Path, engine_at: Callable[[Path], str]
) -> None:
    engine_at(short_path / "run/docker.sock")
    with pytest.raises(EngineError) as caught:
        find_engine({**nowhere(short_path), "DOCKER_HOST": f"unix://{short_path}/gone.sock"}, short_path)
    assert caught.value.code == "engine_unreachable"
    assert "no such socket" in caught.value.message
    with pytest.raises(EngineError) as caught:
        find_engine({**nowhere(short_path), "DOCKER_CONTEXT": "unknown"}, short_path)
    assert caught.value.code == "engine_unreachable"


def test_without_any_engine_every_place_is_named(short_path: Path) -> None:
    elsewhere = [c.docker_host for c in engine_candidates(nowhere(short_path), short_path) if ping_engine(c) is None]
    if elsewhere:
        pytest.skip(f"this machine has an engine of its own at {elsewhere[0]}")
    with pytest.raises(EngineError) as caught:
        find_engine(nowhere(short_path), short_path)
    assert caught.value.code == "engine_missing"
    tried = caught.value.details["tried"]
    assert f"unix://{short_path}/run/docker.sock" in {place["docker_host"] for place in tried}
    assert all(place["problem"] for place in tried)


def test_why_an_engine_does_not_answer_is_told(short_path: Path, engine_at: Callable[..., str]) -> None:
    def reason(host: str) -> str | None:
        return ping_engine(EngineAddress(host, "test"), timeout_seconds=1)

    (short_path / "file").write_text("")
    assert reason(f"unix://{short_path}/none.sock") == "no such socket"
    assert reason(f"unix://{short_path}/file") == "nothing listens there"
    assert reason(engine_at(short_path / "bad.sock", _Broken)) == "it answered with HTTP status 500"
    assert "no address" in (reason("carrier-pigeon://x") or "")
    assert reason("tcp://127.0.0.1:1") == "nothing listens there"


@pytest.mark.engine
def test_a_real_engine_answers(engine_host: str) -> None:
    assert find_engine({"DOCKER_HOST": engine_host}, Path("/nowhere")).docker_host == engine_host
