"""A container engine for the sandbox: the one that is there, or a private one, which ends once nothing uses it."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from expressway.core.directories import state_not_writable
from expressway.core.progress import Progress, ProgressSink, ignore_progress
from expressway.errors import EngineError
from expressway.image.engine.discovery import EngineAddress, find_engine, ping_engine
from expressway.image.engine.record import engine_directory, read_engine_record
from expressway_sandbox.base_images.debian import find_program, install_packages
from expressway_sandbox.engine.network import other_engine_runs
from expressway_sandbox.engine.process import await_answer, docker_host_of, start_daemon, stop_private_engine
from expressway_sandbox.record import engine_client, locked

ENGINE_PACKAGES = ("docker.io", "iptables")


@dataclass(frozen=True, slots=True)
class ProvidedEngine:
    """An engine to use; `close` stops it only if this call `started` it."""

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
    where = directory or engine_directory(variables)
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


def revive_engine(
    docker_host: str, *, environ: Mapping[str, str] | None = None, progress: ProgressSink = ignore_progress
) -> ProvidedEngine:
    """The engine at `docker_host`, on which a sandbox runs: a private one that ended is started again, on its own data.

    Raises:
        EngineError: ``engine_unreachable`` where another engine does not answer, ``engine_start_failed``.
    """
    problem = ping_engine(EngineAddress(docker_host, "the sandbox"))
    if problem is None:
        return ProvidedEngine(docker_host, False, "the sandbox's")
    beside = Path(docker_host.removeprefix("unix://")).parent
    for directory in (engine_directory(os.environ if environ is None else environ), beside):
        if docker_host_of(directory) == docker_host and (directory / "data").is_dir():
            progress(Progress("sandbox", "the container engine has ended; starting it again", level="warning"))
            return start_private_engine(directory, progress=progress)
    raise EngineError(
        "engine_unreachable",
        f"The container engine of the running sandbox ({docker_host}) does not answer: {problem}.",
        "Start that engine; or give up what the sandbox holds: expressway sandbox stop.",
        {"docker_host": docker_host},
    )


def start_private_engine(directory: Path, *, progress: ProgressSink = ignore_progress) -> ProvidedEngine:
    """Start the private engine of `directory`, or take up the one that already runs there.

    The usual set-up of the network is tried first, then the legacy iptables, then none: without rules containers
    are still reached over published ports and their bridge address, they only cannot reach the outside.

    Raises:
        EngineError: ``engine_start_failed`` with the end of the daemon's log.
        ExpresswayError: ``state_not_writable``.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return _taken_up_or_started(directory, progress)
    except OSError as exc:
        raise state_not_writable(exc) from exc


def _taken_up_or_started(directory: Path, progress: ProgressSink) -> ProvidedEngine:
    with locked(directory):
        running = read_engine_record(directory)
        if running is not None:
            await_answer(running.pid, running.docker_host, directory)
            return ProvidedEngine(running.docker_host, False, "Expressway's private engine", directory)
        attempts = _network_attempts()
        for number, (name, arguments, path_prefix) in enumerate(attempts, start=1):
            progress(Progress("sandbox", f"starting a private container engine ({name})"))
            try:
                record = start_daemon(directory, arguments, path_prefix)
            except EngineError:
                if number == len(attempts):
                    raise
            else:
                return ProvidedEngine(record.docker_host, True, "Expressway's private engine", directory)
    raise AssertionError("every attempt either returns or raises")


def stop_unused_engine(environ: Mapping[str, str] | None = None) -> bool:
    """Stop Expressway's private engine unless a sandbox or a container still runs on it; whether it was stopped."""
    directory = engine_directory(os.environ if environ is None else environ)
    record = read_engine_record(directory)
    if record is None or _serves_a_sandbox(record.docker_host) or _runs_containers(record.docker_host):
        return False
    return stop_private_engine(directory)


def _serves_a_sandbox(docker_host: str) -> bool:
    """Whether a sandbox's process names this engine; a private engine runs on Linux only, where /proc tells."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if "expressway_sandbox.server" in words and docker_host in words:
                return True
    return False


def _runs_containers(docker_host: str) -> bool:
    from docker.errors import DockerException

    with suppress(DockerException, OSError), engine_client(docker_host) as client:
        return bool(client.containers.list(sparse=True))
    return False


def _may_run_an_engine() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0


def missing_engine_hint(*, platform: str, is_root: bool, has_apt: bool) -> str:
    """What to do on this platform (as in ``sys.platform``) to get an engine."""
    install = f"apt-get install -y --no-install-recommends {' '.join(ENGINE_PACKAGES)}"
    if platform == "darwin":
        return "Install and start Docker Desktop, Podman (podman machine init --now), Finch (finch vm init) or Colima."
    if not is_root:
        return (
            f"Start Docker or Podman (systemctl --user start podman.socket), or install one: sudo {install} "
            "&& sudo usermod -aG docker $USER, then sign in again; or repeat the command as root."
        )
    if has_apt:
        return f"Install an engine: apt-get update && {install}; a private one is then started automatically."
    return "Install Docker Engine with this system's package manager (the program dockerd), or set DOCKER_HOST."


def _missing(cause: EngineError) -> EngineError:
    hint = missing_engine_hint(
        platform=sys.platform, is_root=os.geteuid() == 0, has_apt=find_program("apt-get") is not None
    )
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
