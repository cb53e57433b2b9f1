"""Ends the private engine that `sandbox start` started, once nothing uses it; its images stay on disk."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from expressway.image.engine.record import engine_directory, read_engine_record
from expressway_sandbox.engine.process import stop_private_engine


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
    import docker
    from docker.errors import DockerException

    with suppress(DockerException, OSError):
        client = docker.DockerClient(base_url=docker_host, timeout=30)
        try:
            return bool(client.containers.list(sparse=True))
        finally:
            client.close()
    return False
