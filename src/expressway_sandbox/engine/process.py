"""The process of a private engine: its command line, its start, the reasons when it does not start, its end."""

import ctypes
import hashlib
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from expressway.core.child_environment import NETWORK, child_environment
from expressway.errors import EngineError
from expressway.image.engine.discovery import EngineAddress, ping_engine
from expressway.image.engine.network import NETWORK_FILE, WITHOUT_RULES
from expressway.image.engine.record import (
    EngineRecord,
    process_start_ticks,
    read_engine_record,
    remove_engine_record,
    write_engine_record,
)
from expressway_sandbox.base_images.debian import find_program
from expressway_sandbox.engine.network import (
    add_bridge,
    one_at_a_time,
    other_engine_runs,
    remove_abandoned_bridges,
    remove_bridge,
)

# containerd puts ".../exec/containerd/containerd-debug.sock" below the directory; a socket path has 107 bytes.
_LONGEST_DIRECTORY = 60
_MNT_DETACH = 2  # linux/fs.h
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0


def stop_private_engine(directory: Path) -> bool:
    """Stop the private engine of `directory` with all its containers. False when none was running."""
    record = read_engine_record(directory)
    if record is None:
        remove_engine_record(directory)
        return False
    _stop_process(record.pid, record.start_ticks)
    remove_engine_record(directory)
    if record.bridge:
        remove_bridge(record.bridge)
    _unmount(directory / "data")
    return True


def _unmount(data: Path) -> None:
    """Undo the mount that dockerd makes of its data directory and does not undo after a crash."""
    ctypes.CDLL(None).umount2(os.fsencode(data), _MNT_DETACH)  # fails where nothing is mounted, as it should be


def docker_host_of(directory: Path) -> str:
    """The address of the private engine of `directory`, whether or not it runs."""
    return f"unix://{_short_directory(directory)}/docker.sock"


def start_daemon(directory: Path, arguments: tuple[str, ...], legacy_iptables: str) -> EngineRecord:
    """Start dockerd, detached, and return when it answers.

    Args:
        legacy_iptables: path of iptables-legacy, to be used instead of iptables; "" for the usual one.

    Raises:
        EngineError: ``engine_start_failed`` with the end of its log.
    """
    short = _short_directory(directory)
    short.mkdir(parents=True, exist_ok=True, mode=0o700)
    mark = hashlib.sha256(str(directory).encode()).hexdigest()[:8]
    (directory / "daemon.json").write_text("{}\n", encoding="utf-8")  # never the machine's own configuration
    docker_host = docker_host_of(directory)
    command = [
        find_program("dockerd") or "dockerd",
        *("--config-file", f"{directory}/daemon.json", "--data-root", f"{directory}/data"),
        *("--exec-root", f"{short}/exec", "-H", docker_host, "--pidfile", f"{short}/pid"),
        *("--containerd-namespace", f"expressway-{mark}", "--containerd-plugins-namespace", f"expressway-p-{mark}"),
        *arguments,
    ]
    _clear_leftovers(short)
    bare = "--iptables=false" in arguments
    (short / NETWORK_FILE).write_text(WITHOUT_RULES if bare else "with network rules", encoding="utf-8")
    environment = _daemon_environment(directory, legacy_iptables)
    with one_at_a_time():
        remove_abandoned_bridges()
        bridge = _own_bridge(mark, directory) if other_engine_runs() else ""
        own_network = [f"--bridge={bridge}"] if bridge else []
        pid = _spawn([*command, *own_network], directory / "log", environment)
        _await_command_line(pid)  # which tells others that the bridge is in use
    started = process_start_ticks(pid)
    record = EngineRecord(pid, started or 0, docker_host, bridge)
    write_engine_record(directory, record)
    try:
        await_answer(pid, docker_host, directory)
    except EngineError:
        stop_private_engine(directory)
        if bridge:
            remove_bridge(bridge)
        raise
    return record


def _own_bridge(mark: str, directory: Path) -> str:
    bridge, is_new = add_bridge(mark)
    if is_new:
        # What dockerd remembers of networks; it would give the bridge the subnet of the last time.
        (directory / "data/network/files/local-kv.db").unlink(missing_ok=True)
    return bridge


def _short_directory(directory: Path) -> Path:
    if len(os.fsencode(directory)) <= _LONGEST_DIRECTORY:
        return directory
    base = Path("/run/expressway") if os.access("/run", os.W_OK) else Path("/tmp")  # noqa: S108 - mode 0700 below
    return base / f"expressway-{hashlib.sha256(str(directory).encode()).hexdigest()[:12]}"


def _daemon_environment(directory: Path, legacy_iptables: str) -> dict[str, str]:
    environment = child_environment(also=NETWORK)
    if legacy_iptables:
        shims = directory / "legacy-iptables"
        shims.mkdir(exist_ok=True)
        for name in ("iptables", "ip6tables"):
            program = Path(legacy_iptables).with_name(f"{name}-legacy")
            (shims / name).unlink(missing_ok=True)
            (shims / name).symlink_to(program)
        environment["PATH"] = f"{shims}{os.pathsep}{environment['PATH']}"
    return environment


def _spawn(command: list[str], log: Path, environment: dict[str, str]) -> int:
    append = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    return os.posix_spawn(
        command[0],
        command,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def _await_command_line(pid: int) -> None:
    """The kernel shows it a moment after a program was started."""
    while not _command_line(pid) and process_start_ticks(pid) is not None:
        time.sleep(0.001)


def await_answer(pid: int, docker_host: str, directory: Path) -> None:
    """Wait until the engine answers; raises ``engine_start_failed`` when its process ends first."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if ping_engine(EngineAddress(docker_host, "private"), timeout_seconds=1) is None:
            return
        if process_start_ticks(pid) is None:
            break
        time.sleep(0.05)
    tail = _text(directory / "log").splitlines()[-12:]
    raise EngineError(
        "engine_start_failed",
        f"The private container engine did not start: {tail[-1] if tail else 'it wrote no log'}",
        _start_hint(tail),
        {"log": tail},
    )


def _start_hint(tail: list[str]) -> str:
    text = "\n".join(tail).lower()
    if "cgroup" in text:
        return "This machine gives no control groups: mount /sys/fs/cgroup, or run in a privileged container."
    if "operation not permitted" in text or "permission denied" in text:
        return "This machine forbids what a container engine needs: use a privileged container, or set DOCKER_HOST."
    if "no space left" in text:
        return "Free some disk space and repeat the command."
    return "See the last lines of its log, or use an engine elsewhere by setting DOCKER_HOST."


def _clear_leftovers(short: Path) -> None:
    """Remove what a crash leaves: a stale process id, and a containerd that waits for a dockerd that is gone."""
    pid = _read_pid(short / "pid")
    if pid is None or _command_line(pid).partition("\0")[0].rpartition("/")[2] != "dockerd":
        (short / "pid").unlink(missing_ok=True)
    orphan = _read_pid(short / "exec/containerd/containerd.pid")
    ticks = process_start_ticks(orphan) if orphan is not None else None
    if orphan is not None and ticks is not None and f"{short}/exec/containerd/" in _command_line(orphan):
        _stop_process(orphan, ticks)
    # dockerd takes a zombie for a running process, and would wait for it.
    (short / "exec/containerd/containerd.pid").unlink(missing_ok=True)


def _read_pid(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None


def _command_line(pid: int) -> str:
    return _text(Path(f"/proc/{pid}/cmdline"))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _stop_process(pid: int, start_ticks: int) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + _STOP_SECONDS
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            return
        while time.monotonic() < deadline:
            with suppress(ChildProcessError):  # another process started it: init reaps it
                os.waitpid(pid, os.WNOHANG)
            if process_start_ticks(pid) != start_ticks:
                return
            time.sleep(0.05)
