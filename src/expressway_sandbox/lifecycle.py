"""Starts, finds, resets and stops the sandbox; what the command line calls.

The sandbox is one detached process for each state directory. Its state lives in memory: a stop ends it.
"""

import os
import signal
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from expressway.core import sandbox_key
from expressway.core.directories import state_not_writable
from expressway.core.sandbox_key import RECORD_NAME
from expressway.errors import DefinitionError, SandboxError
from expressway_sandbox import record
from expressway_sandbox.record import SandboxInfo, default_state_dir
from expressway_sandbox.server import ask, launch, own_port, wait_until_ready

ACCOUNT_ID = "000000000000"
REGION = "us-east-1"
_STOP_SECONDS = 20.0


def start(
    *,
    port: int | None = None,
    state_dir: Path | None = None,
    docker_host: str | None = None,
    wait_seconds: float = 30,
    region: str = REGION,
    services: Collection[str] = (),
) -> SandboxInfo:
    """Start the sandbox and wait until it answers; one that already runs is returned as it is.

    Args:
        port: the loopback port, 1 to 65535; None or 0 picks a free one.
        state_dir: where it records itself and logs; see `default_state_dir`.
        docker_host: the container engine in the form of DOCKER_HOST; without one no service can run.
        wait_seconds: how long it may take to answer.
        services: emulated services to switch on besides those that Expressway and the CDK use, such as ``s3``.

    Raises:
        DefinitionError: ``invalid_port``.
        SandboxError: ``sandbox_runs_elsewhere`` (on another port), ``sandbox_runs_without`` (the services),
            ``sandbox_port_taken``, ``sandbox_start_failed`` or an error of the process itself, as ``unknown_service``.
        ExpresswayError: ``state_not_writable`` when the state directory cannot be used, as on a full disk.
    """
    check_port(port)
    directory = _directory(state_dir)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with record.locked(directory):
            running = status(directory)
            if running is not None:
                refuse_other_settings(running, port, services)
                return running
            named = tuple(sorted(set(services)))
            wanted = SandboxInfo("", 0, port or 0, ACCOUNT_ID, region, directory, docker_host, named)
            return _start(wanted, wait_seconds)
    except OSError as exc:
        raise state_not_writable(exc) from exc


def _directory(state_dir: Path | None) -> Path:
    return (state_dir or default_state_dir()).expanduser().resolve()


def _start(wanted: SandboxInfo, wait_seconds: float) -> SandboxInfo:
    _clear_after_a_killed_one(wanted.state_dir, wanted.docker_host)
    with own_port(wanted.port) as listener:
        port = int(listener.getsockname()[1])
        info = replace(wanted, endpoint_url=f"http://127.0.0.1:{port}", port=port, key=sandbox_key.new_key())
        process = launch(listener, info)
    info = replace(info, pid=process.pid)
    try:
        record.write(info)
        sandbox_key.announce(port, info.state_dir)
        wait_until_ready(info, process, wait_seconds)
    except BaseException:  # a full disk or Ctrl-C too: a process that nothing records could never be stopped
        process.kill()
        process.wait()
        record.forget(info)
        raise
    # It is meant to outlive this process, so its handle must not complain when it is collected.
    process.returncode = 0
    return info


def status(state_dir: Path | None = None) -> SandboxInfo | None:
    """The running sandbox of a state directory, or None."""
    return record.read(_directory(state_dir))


@dataclass(frozen=True, slots=True)
class Stopped:
    """Whether a sandbox ran and was stopped (as which it counts), and how many containers a killed one had left."""

    was_running: bool
    removed_containers: int = 0

    def __bool__(self) -> bool:
        return self.was_running


def stop(state_dir: Path | None = None) -> Stopped:
    """Stop the sandbox; its containers and the images of its registry go, also those that a killed one left.

    Nothing of another sandbox is touched.
    """
    directory = _directory(state_dir)
    info = record.read(directory)
    if info is None:
        removed = _clear_after_a_killed_one(directory, None)
        (directory / RECORD_NAME).unlink(missing_ok=True)
        return Stopped(False, removed)
    with suppress(ProcessLookupError):
        os.kill(info.pid, signal.SIGTERM)
    if not _gone(info, _STOP_SECONDS):
        with suppress(ProcessLookupError):
            os.kill(info.pid, signal.SIGKILL)
        _gone(info, 5.0)
    _clear(info)
    record.forget(info)
    return Stopped(True)


def reset(state_dir: Path | None = None) -> None:
    """Remove all state and all containers of the running sandbox; its process stays.

    Raises:
        SandboxError: ``sandbox_not_running``, ``sandbox_reset_failed``.
    """
    info = status(state_dir)
    if info is None:
        raise SandboxError("sandbox_not_running", "No sandbox is running.", "Start one: expressway sandbox start.")
    try:
        ask(info, "/_ministack/reset", method="POST", timeout=120)
    except OSError as exc:
        raise SandboxError(
            "sandbox_reset_failed",
            f"The sandbox at {info.endpoint_url} could not be reset: {exc}.",
            "Restart it: expressway sandbox stop, then expressway sandbox start.",
        ) from exc
    _clear(info)


def _clear(info: SandboxInfo) -> None:
    record.remove_containers(info.state_dir, info.docker_host)
    record.remove_images(info)


def _clear_after_a_killed_one(directory: Path, docker_host: str | None) -> int:
    """Remove what a killed sandbox left, on the engine that it used and on the one to be used."""
    removed, last = 0, record.last(directory)
    if last is not None:
        removed += record.remove_containers(directory, last.docker_host)
        if not record.port_answers(last.port):
            record.remove_images(last)
    if docker_host is not None and (last is None or last.docker_host != docker_host):
        removed += record.remove_containers(directory, docker_host)
    return removed


def environment(info: SandboxInfo) -> dict[str, str]:
    """The variables that point AWS clients at the sandbox, and only there."""
    return {
        "AWS_ENDPOINT_URL": info.endpoint_url,
        "AWS_ACCESS_KEY_ID": info.key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": info.key.secret_access_key,
        "AWS_REGION": info.region,
        "AWS_DEFAULT_REGION": info.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "EXPRESSWAY_SANDBOX": info.endpoint_url,
    }


def check_port(port: int | None) -> None:
    """Refuse what is no port.

    Raises:
        DefinitionError: ``invalid_port``.
    """
    if port is not None and not 0 <= port <= 65535:
        raise DefinitionError(
            "invalid_port",
            f"Expected a port from 1 to 65535, got {port}.",
            "Choose another port, or none to have a free one picked.",
        )


def refuse_other_settings(running: SandboxInfo, port: int | None, services: Collection[str] = ()) -> None:
    """Refuse to pass a running sandbox off as one on the port or with the services that were asked for.

    Raises:
        SandboxError: ``sandbox_runs_elsewhere``, ``sandbox_runs_without``.
    """
    restart = "stop it (expressway sandbox stop), which deletes its content, and start it again."
    if port and port != running.port:
        raise SandboxError(
            "sandbox_runs_elsewhere",
            f"Port {port} was asked for, but the sandbox runs already, at {running.endpoint_url}.",
            f"Use it there; or {restart}",
            {"endpoint_url": running.endpoint_url},
        )
    missing = sorted(set(services) - set(running.services))
    if missing:
        raise SandboxError(
            "sandbox_runs_without",
            f"The sandbox runs already, at {running.endpoint_url}, without {', '.join(missing)}.",
            f"To switch services on, {restart}",
            {"endpoint_url": running.endpoint_url, "services": list(running.services)},
        )


def _gone(info: SandboxInfo, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        # As long as this process started it, its exit status must be taken or it stays a zombie.
        with suppress(ChildProcessError):
            os.waitpid(info.pid, os.WNOHANG)
        if record.process_start(info.pid) is None:
            return True
        time.sleep(0.02)
    return False


def container_names(info: SandboxInfo) -> list[str]:
    """The containers, running or not, that the sandbox started and that are still there."""
    return record.containers_of(info.state_dir, info.docker_host)
