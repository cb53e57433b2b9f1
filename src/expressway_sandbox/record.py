"""What a sandbox leaves behind: the record in its state directory, and containers and images in the engine.

Containers carry a label that names the state directory, whatever port the sandbox had. So the next sandbox of that
directory removes what a killed one left, and nothing of any other.
"""

import fcntl
import hashlib
import json
import os
import socket
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from expressway.core.child_environment import child_environment
from expressway.core.sandbox_key import RECORD_NAME, UNKNOWN_KEY, SandboxKey, withdraw


@dataclass(frozen=True, slots=True)
class SandboxInfo:
    """A running sandbox: where it answers and what it is made of.

    Attributes:
        services: the emulated services that are on besides those that Expressway and the CDK use.
        key: signs the requests that it accepts.
    """

    endpoint_url: str
    pid: int
    port: int
    account_id: str
    region: str
    state_dir: Path
    docker_host: str | None
    services: tuple[str, ...] = ()
    key: SandboxKey = field(default=UNKNOWN_KEY, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """What may be printed: everything but the key."""
        fields = asdict(self)
        del fields["key"]
        return fields


def default_state_dir() -> Path:
    """``$EXPRESSWAY_HOME/sandbox``, else ``$XDG_STATE_HOME/expressway/sandbox``, else below ``~/.local/state``."""
    home = os.environ.get("EXPRESSWAY_HOME")
    if home:
        return Path(home) / "sandbox"
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "expressway" / "sandbox"


def instance_name(state_dir: Path) -> str:
    """A name for the sandbox of a state directory of this machine, for the labels of its containers."""
    identity = f"{socket.gethostname()}:{state_dir}"
    return f"expressway-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def process_start(pid: int) -> str | None:
    """When the process started, in any form that differs for another process of the same id; None when it is gone."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():
        try:
            # The command in parentheses may hold spaces; state is field 3, start time field 22.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] == "Z" else fields[19]
    if Path("/proc/self/stat").exists():
        return None
    return _start_by_ps(pid)


def _start_by_ps(pid: int) -> str | None:
    """Where there is no /proc (macOS): ps knows."""
    import subprocess

    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env=child_environment(),
    )
    state, _, started = answer.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def write(info: SandboxInfo) -> None:
    """Record a running sandbox atomically, in a file that only its user can read."""
    fields = info.to_dict() | asdict(info.key)
    fields |= {"state_dir": str(info.state_dir), "started": process_start(info.pid)}
    handle, name = tempfile.mkstemp(dir=info.state_dir, prefix=RECORD_NAME)
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(fields, file, indent=2)
        Path(name).replace(info.state_dir / RECORD_NAME)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def read(state_dir: Path) -> SandboxInfo | None:
    """The sandbox that runs with this state directory; a record of a process that is gone counts as none."""
    info, started = _recorded(state_dir)
    if info is None or started is None:
        return None
    return info if process_start(info.pid) == started else None


def last(state_dir: Path) -> SandboxInfo | None:
    """The sandbox that was recorded last and not stopped, whether or not its process still lives."""
    return _recorded(state_dir)[0]


def _recorded(state_dir: Path) -> tuple[SandboxInfo | None, str | None]:
    """The record, and when its process had started."""
    try:
        fields: dict[str, Any] = json.loads((state_dir / RECORD_NAME).read_text())
        started = fields.pop("started")
        fields["state_dir"] = Path(fields["state_dir"])
        fields["services"] = tuple(fields.get("services") or ())
        key = SandboxKey(fields.pop("access_key_id", ""), fields.pop("secret_access_key", ""))
        return SandboxInfo(**fields, key=key), started
    except (OSError, ValueError, TypeError, KeyError):
        return None, None


def forget(info: SandboxInfo) -> None:
    """Remove the record, and the announcement of the key."""
    (info.state_dir / RECORD_NAME).unlink(missing_ok=True)
    withdraw(info.port, info.state_dir)


@contextmanager
def locked(directory: Path) -> Generator[None]:
    """Let only one process of this machine at a time work in a state directory."""
    with (directory / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


_INSTANCE = "ministack.instance"
_LOCAL_BUILD = "expressway/"
_LOOPBACK = "127.0.0.1:"


def containers_of(state_dir: Path, docker_host: str | None) -> list[str]:
    """The names of the containers, running or not, that sandboxes of this state directory started and left."""
    with engine_client(docker_host) as client:
        found = _containers(client, state_dir) if client else ()
        return [str(container.attrs["Names"][0]).lstrip("/") for container in found]


def remove_containers(state_dir: Path, docker_host: str | None) -> int:
    """Remove these containers and return how many there were; none where the engine does not answer."""
    from docker.errors import DockerException

    removed = 0
    with suppress(DockerException, OSError), engine_client(docker_host) as client:
        for container in _containers(client, state_dir) if client else ():
            with suppress(DockerException):
                container.remove(v=True, force=True)
                removed += 1
    return removed


def remove_images(info: SandboxInfo) -> None:
    """Remove the images of this sandbox's registry from the engine, with the names they had before they were pushed.

    An image that was also pushed to another registry keeps its other names; base images never have such a name.
    """
    from docker.errors import DockerException

    with suppress(DockerException, OSError), engine_client(info.docker_host) as client:
        for image in client.api.images() if client else ():
            names = [*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ())]
            for name in _names_of_registry(names, info.port):
                with suppress(DockerException):  # gone with another of its names, or still used
                    client.api.remove_image(name)


def port_answers(port: int) -> bool:
    """Whether a server listens there now, such as another sandbox that got the port of a killed one."""
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
    owner = f"{instance_name(state_dir)}:"
    for container in client.containers.list(all=True, sparse=True, filters={"label": _INSTANCE}):
        if str((container.attrs.get("Labels") or {}).get(_INSTANCE, "")).startswith(owner):
            yield container


@contextmanager
def engine_client(docker_host: str | None) -> Generator[Any]:
    """A client of the container engine, or None without one."""
    if docker_host is None:
        yield None
        return
    import docker

    client = docker.DockerClient(base_url=docker_host, timeout=30)
    try:
        yield client
    finally:
        client.close()
