"""A container engine for the embedded AWS: the one that is there, or a private one where none is."""

import fcntl
import hashlib
import os
import signal
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from expressway.adapters.engine_discovery import find_engine
from expressway.adapters.engine_ping import EngineAddress, ping_engine
from expressway.adapters.engine_record import (
    EngineRecord,
    engine_directory,
    process_start_ticks,
    read_engine_record,
    remove_engine_record,
    write_engine_record,
)
from expressway.errors import EngineError
from expressway.model.progress import Progress, ProgressSink, ignore_progress
from expressway.sandbox.debian_packages import find_program, install_packages
from expressway.sandbox.engine_network import add_bridge, other_engine_runs, remove_bridge

ENGINE_PACKAGES = ("docker.io", "iptables")
# containerd puts ".../exec/containerd/containerd-debug.sock" below the directory; a socket path has 107 bytes.
_LONGEST_DIRECTORY = 60
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class ProvidedEngine:
    """An engine to use. `started` tells whether this call started it; only then `close` stops it."""

    docker_host: str
    started: bool
    source: str = ""
    directory: Path | None = None

    def close(self) -> None:
        """Stop the engine if this value's call started it; its images stay on disk for the next start."""
        if self.started and self.directory is not None:
            stop_private_engine(self.directory)


def provide_engine(
    directory: Path | None = None,
    *,
    install: bool = False,
    environ: Mapping[str, str] | None = None,
    home: Path | None = None,
    progress: ProgressSink = ignore_progress,
) -> ProvidedEngine:
    """Find this machine's engine, or start a private one (root on Linux only).

    Args:
        directory: the private engine's directory; by default EXPRESSWAY_ENGINE_DIR, or ``engine`` in the state
            directory.
        install: whether the Debian packages of the engine may be installed when they are missing.

    Raises:
        EngineError: ``engine_missing`` with what to do on this platform, ``engine_unreachable``,
            ``engine_start_failed``, ``package_install_failed``.
    """
    variables = os.environ if environ is None else environ
    own_home = home or Path.home()
    where = directory or engine_directory(variables, own_home)
    try:
        found = find_engine(variables, own_home)
    except EngineError as exc:
        if exc.code != "engine_missing":
            raise
        missing = exc
    else:
        return ProvidedEngine(found.docker_host, False, found.source)
    if not find_program("dockerd") and _may_run_an_engine():
        if not install:
            raise _missing(missing)
        install_packages(ENGINE_PACKAGES, progress=progress)
    if not find_program("dockerd") or not _may_run_an_engine():
        raise _missing(missing)
    return start_private_engine(where, progress=progress)


def start_private_engine(directory: Path, *, progress: ProgressSink = ignore_progress) -> ProvidedEngine:
    """Start the private engine of `directory`, or take up the one that already runs there.

    The usual set-up of the network is tried first, then the legacy iptables, then none: without rules containers
    are still reached over published ports and their bridge address, they only cannot reach the outside.

    Raises:
        EngineError: ``engine_start_failed`` with the end of the daemon's log.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with _locked(directory):
        running = read_engine_record(directory)
        if running is not None:
            _await_answer(running.pid, running.docker_host, directory)
            return ProvidedEngine(running.docker_host, False, "Expressway's private engine", directory)
        attempts = _network_attempts()
        for number, (name, arguments, path_prefix) in enumerate(attempts, start=1):
            progress(Progress("sandbox", f"starting a private container engine ({name})"))
            try:
                record = _start(directory, arguments, path_prefix)
            except EngineError:
                if number == len(attempts):
                    raise
            else:
                return ProvidedEngine(record.docker_host, True, "Expressway's private engine", directory)
    raise AssertionError("every attempt either returns or raises")


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
    return True


def _may_run_an_engine() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0


def _missing(cause: EngineError) -> EngineError:
    install = f"apt-get install -y --no-install-recommends {' '.join(ENGINE_PACKAGES)}"
    if sys.platform == "darwin":
        hint = "Install and start Docker Desktop, Podman (podman machine init --now), Finch (finch vm init) or Colima."
    elif os.geteuid() != 0:
        hint = (
            f"Start Docker or Podman (systemctl --user start podman.socket), or install one: sudo {install} "
            "&& sudo usermod -aG docker $USER, then sign in again; or repeat the command as root."
        )
    elif find_program("apt-get"):
        hint = f"Install an engine: apt-get update && {install}; a private one is then started by itself."
    else:
        hint = "Install Docker Engine with this system's package manager (the program dockerd), or set DOCKER_HOST."
    return EngineError("engine_missing", cause.message, hint, cause.details)


def _network_attempts() -> list[tuple[str, tuple[str, ...], str]]:
    bare = ("--iptables=false", "--ip6tables=false", "--ip-masq=false")
    if other_engine_runs():  # its rules have the same names as ours would: leave them alone
        return [("beside another engine, without network rules", bare, "")]
    attempts: list[tuple[str, tuple[str, ...], str]] = [("with network rules", (), "")]
    legacy = find_program("iptables-legacy")
    if legacy:
        attempts.append(("with legacy network rules", (), legacy))
    return [*attempts, ("without network rules", bare, "")]


def _start(directory: Path, arguments: tuple[str, ...], legacy_iptables: str) -> EngineRecord:
    short = _short_directory(directory)
    short.mkdir(parents=True, exist_ok=True, mode=0o700)
    mark = hashlib.sha256(str(directory).encode()).hexdigest()[:8]
    bridge = ""
    if other_engine_runs():
        bridge = add_bridge(f"xpw{mark}")
        arguments = (*arguments, f"--bridge={bridge}")
    (directory / "daemon.json").write_text("{}\n", encoding="utf-8")  # never the machine's own configuration
    docker_host = f"unix://{short}/docker.sock"
    command = [
        find_program("dockerd") or "dockerd",
        *("--config-file", f"{directory}/daemon.json", "--data-root", f"{directory}/data"),
        *("--exec-root", f"{short}/exec", "-H", docker_host, "--pidfile", f"{short}/pid"),
        *("--containerd-namespace", f"expressway-{mark}", "--containerd-plugins-namespace", f"expressway-p-{mark}"),
        *arguments,
    ]
    _remove_stale_pidfile(short / "pid")
    pid = _spawn(command, directory / "log", _daemon_environment(directory, legacy_iptables))
    started = process_start_ticks(pid)
    record = EngineRecord(pid, started or 0, docker_host, bridge)
    write_engine_record(directory, record)
    try:
        _await_answer(pid, docker_host, directory)
    except EngineError:
        stop_private_engine(directory)
        if bridge:
            remove_bridge(bridge)
        raise
    return record


def _short_directory(directory: Path) -> Path:
    if len(os.fsencode(directory)) <= _LONGEST_DIRECTORY:
        return directory
    base = Path("/run/expressway") if os.access("/run", os.W_OK) else Path("/tmp")  # noqa: S108 - mode 0700 below
    return base / f"expressway-{hashlib.sha256(str(directory).encode()).hexdigest()[:12]}"


def _daemon_environment(directory: Path, legacy_iptables: str) -> dict[str, str]:
    path = [part for part in os.environ.get("PATH", "").split(":") if part]
    path += [part for part in ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin") if part not in path]
    if legacy_iptables:
        shims = directory / "legacy-iptables"
        shims.mkdir(exist_ok=True)
        for name in ("iptables", "ip6tables"):
            program = Path(legacy_iptables).with_name(f"{name}-legacy")
            (shims / name).unlink(missing_ok=True)
            (shims / name).symlink_to(program)
        path.insert(0, str(shims))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DOCKER_", "AWS_"))}
    return {**kept, "PATH": ":".join(path)}


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


def _await_answer(pid: int, docker_host: str, directory: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if ping_engine(EngineAddress(docker_host, "private"), timeout_seconds=1) is None:
            return
        if process_start_ticks(pid) is None:
            break
        time.sleep(0.05)
    tail = _log_tail(directory / "log")
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
    return "See the log lines in the details; or use an engine elsewhere by setting DOCKER_HOST."


def _log_tail(log: Path, lines: int = 12) -> list[str]:
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    except OSError:
        return []


def _remove_stale_pidfile(pidfile: Path) -> None:
    try:
        pid = int(pidfile.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    comm = Path(f"/proc/{pid}/comm")
    if not comm.exists() or comm.read_text(encoding="utf-8").strip() != "dockerd":
        pidfile.unlink(missing_ok=True)


def _stop_process(pid: int, start_ticks: int) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + _STOP_SECONDS
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            return
        while time.monotonic() < deadline:
            _reap(pid)
            if process_start_ticks(pid) != start_ticks:
                return
            time.sleep(0.05)


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return  # another process started it: init reaps it


@contextmanager
def _locked(directory: Path) -> Generator[None]:
    with (directory / "lock").open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
