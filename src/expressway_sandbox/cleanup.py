"""What a sandbox leaves in the container engine: its containers, and the images of its registry.

Containers are told by the label that names the state directory, whatever port the sandbox had; so what a killed one
left is found by the next, and another sandbox's never is.
"""

import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from expressway_sandbox import record
from expressway_sandbox.record import SandboxInfo

_INSTANCE = "ministack.instance"
_LOCAL_BUILD = "expressway/"
_LOOPBACK = "127.0.0.1:"


def containers_of(state_dir: Path, docker_host: str | None) -> list[str]:
    """The names of the containers, running or not, that sandboxes of this state directory started and left."""
    with _engine(docker_host) as client:
        return (
            [str(container.attrs["Names"][0]).lstrip("/") for container in _containers(client, state_dir)]
            if client
            else []
        )


def remove_containers(state_dir: Path, docker_host: str | None) -> int:
    """Remove them; how many went. An engine that does not answer has none to remove."""
    from docker.errors import DockerException

    removed = 0
    with suppress(DockerException, OSError), _engine(docker_host) as client:
        for container in _containers(client, state_dir) if client else ():
            with suppress(DockerException):
                container.remove(v=True, force=True)
                removed += 1
    return removed


def remove_images(info: SandboxInfo) -> int:
    """Take the images of this sandbox's registry out of the engine, and what they were called before they were pushed.

    An image that has been pushed to another registry too keeps its other names; base images are never called so.
    """
    from docker.errors import DockerException

    removed = 0
    with suppress(DockerException, OSError), _engine(info.docker_host) as client:
        for image in client.api.images() if client else ():
            names = [*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ())]
            for name in _names_of_registry(names, info.port):
                with suppress(DockerException):  # gone with another of its names, or still used
                    client.api.remove_image(name)
                    removed += 1
    return removed


def port_answers(port: int) -> bool:
    """Whether somebody serves there now, say another sandbox that was given a dead one's port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _names_of_registry(names: list[str], port: int) -> list[str]:
    named = [name for name in names if "<none>" not in name]
    own = [name for name in named if name.startswith(f"{_LOOPBACK}{port}/")]
    built = [name for name in named if name.startswith(_LOCAL_BUILD)]
    elsewhere = set(named) - set(own) - set(built)
    # Tags first: an image's digests go with its last tag.
    return sorted(own if elsewhere else [*own, *built], key=lambda name: "@" in name) if own else []


def _containers(client: Any, state_dir: Path) -> Iterator[Any]:
    owner = f"{record.instance_name(state_dir)}:"
    for container in client.containers.list(all=True, sparse=True, filters={"label": _INSTANCE}):
        if str((container.attrs.get("Labels") or {}).get(_INSTANCE, "")).startswith(owner):
            yield container


@contextmanager
def _engine(docker_host: str | None) -> Generator[Any]:
    if docker_host is None:
        yield None
        return
    import docker

    client = docker.DockerClient(base_url=docker_host, timeout=30)
    try:
        yield client
    finally:
        client.close()
