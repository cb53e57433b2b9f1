"""Finds the container engine of this machine, whichever product provides it, and asks whether it answers."""

import hashlib
import http.client
import json
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from expressway.errors import EngineError
from expressway.image.engine.record import engine_directory, read_engine_record


@dataclass(frozen=True, slots=True)
class EngineAddress:
    """Where an engine listens.

    Attributes:
        docker_host: in the form of DOCKER_HOST: ``unix://…``, ``tcp://host:port`` or ``ssh://…``.
        source: how it was found, in words for a person.
        tls_directory: holds ca.pem, cert.pem and key.pem for a ``tcp`` address that wants TLS.
    """

    docker_host: str
    source: str
    tls_directory: Path | None = None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_seconds: float) -> None:
        super().__init__("localhost", timeout=timeout_seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ping_engine(address: EngineAddress, *, timeout_seconds: float = 2.0) -> str | None:
    """Ask ``GET /_ping`` without a client library. None when the engine answers, else the reason, in words."""
    try:
        if address.docker_host.startswith("ssh://"):
            return _ping_through_ssh(address.docker_host, timeout_seconds)
        with closing(_connection(address, timeout_seconds)) as connection:
            connection.request("GET", "/_ping")
            status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as exc:
        return next((reason for kind, reason in _REASONS.items() if isinstance(exc, kind)), str(exc))
    return None if status == http.client.OK else f"it answered with HTTP status {status}"


def _connection(address: EngineAddress, timeout_seconds: float) -> http.client.HTTPConnection:
    url = urlsplit(address.docker_host)
    if url.scheme == "unix":
        return _UnixConnection(url.path, timeout_seconds)
    if url.scheme not in {"tcp", "http", "https"} or not url.hostname:
        raise ValueError(f"{address.docker_host!r} is no address of a container engine (unix://, tcp:// or ssh://)")
    if address.tls_directory is None and url.scheme != "https":
        return http.client.HTTPConnection(url.hostname, url.port or 2375, timeout=timeout_seconds)
    context = ssl.create_default_context()
    if address.tls_directory is not None:
        context.load_verify_locations(address.tls_directory / "ca.pem")
        context.load_cert_chain(address.tls_directory / "cert.pem", address.tls_directory / "key.pem")
    return http.client.HTTPSConnection(url.hostname, url.port or 2376, timeout=timeout_seconds, context=context)


def _ping_through_ssh(docker_host: str, timeout_seconds: float) -> str | None:
    from docker import APIClient  # loaded here only: it costs more than all other candidates together
    from docker.errors import DockerException

    try:
        with closing(
            APIClient(base_url=docker_host, timeout=int(max(timeout_seconds, 10)), use_ssh_client=True)
        ) as client:
            return None if client.ping() else "it did not answer OK"
    except DockerException as exc:
        return str(exc)


_REASONS: Mapping[type[Exception], str] = {
    FileNotFoundError: "no such socket",
    PermissionError: "permission denied (is this user in the docker group?)",
    ConnectionRefusedError: "nothing listens there",
    TimeoutError: "it did not answer in time",
}


def find_engine(
    environ: Mapping[str, str] | None = None, home: Path | None = None, *, timeout_seconds: float = 2.0
) -> EngineAddress:
    """The first engine that answers.

    An engine that DOCKER_HOST or DOCKER_CONTEXT names is the only one tried: using another one than the one asked
    for would build and run in the wrong place.

    Raises:
        EngineError: ``engine_unreachable`` when the named engine does not answer, ``engine_missing`` when none of
            the usual places has one; ``details["tried"]`` lists each address with the reason.
    """
    variables = os.environ if environ is None else environ
    tried: list[dict[str, str]] = []
    for address in engine_candidates(variables, home or Path.home()):
        problem = ping_engine(address, timeout_seconds=timeout_seconds)
        if problem is None:
            return address
        tried.append({"source": address.source, "docker_host": address.docker_host, "problem": problem})
    named = variables.get("DOCKER_HOST") or variables.get("DOCKER_CONTEXT")
    if named:
        problem = tried[0]["problem"] if tried else "there is no such context"
        raise EngineError(
            "engine_unreachable",
            f"The container engine that the environment names ({named}) does not answer: {problem}.",
            "Start that engine, or unset DOCKER_HOST and DOCKER_CONTEXT to use another one.",
            {"tried": tried},
        )
    raise EngineError(
        "engine_missing",
        f"No container engine answers; {len(tried)} places were tried.",
        "Start Docker Desktop, Podman (podman machine start), Finch (finch vm start) or Colima, or set DOCKER_HOST.",
        {"tried": tried},
    )


def engine_candidates(environ: Mapping[str, str], home: Path) -> Iterator[EngineAddress]:
    """Every address worth a try, in order; without repetition."""
    if environ.get("DOCKER_HOST"):
        tls = Path(environ.get("DOCKER_CERT_PATH") or home / ".docker") if environ.get("DOCKER_TLS_VERIFY") else None
        yield EngineAddress(environ["DOCKER_HOST"], "DOCKER_HOST", tls)
        return
    context = _current_context(environ, home)
    if context is not None:
        yield context
    if environ.get("DOCKER_CONTEXT"):
        return
    seen = {context.docker_host} if context else set[str]()
    for source, path in _known_sockets(environ, home):
        docker_host = f"unix://{path}"
        if docker_host not in seen:
            seen.add(docker_host)
            yield EngineAddress(docker_host, source)
    record = read_engine_record(engine_directory(environ))
    if record is not None:
        yield EngineAddress(record.docker_host, "Expressway's private engine")


def _known_sockets(environ: Mapping[str, str], home: Path) -> Iterator[tuple[str, Path]]:
    runtime = Path(environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    machine = home / ".local/share/containers/podman/machine"
    yield "Docker", Path("/var/run/docker.sock")
    yield "rootless Docker", runtime / "docker.sock"
    yield "Docker Desktop", home / ".docker/run/docker.sock"
    yield "Docker Desktop", home / ".docker/desktop/docker.sock"
    yield "rootless Podman", runtime / "podman/podman.sock"
    yield "Podman", Path("/run/podman/podman.sock")
    yield "Podman machine", machine / "podman.sock"
    yield "Podman machine", machine / "qemu/podman.sock"
    if environ.get("TMPDIR"):
        yield "Podman machine", Path(environ["TMPDIR"]) / "podman/podman-machine-default-api.sock"
    yield "Finch", Path("/Applications/Finch/lima/data/finch/sock/finch.sock")
    yield "Finch", Path("/var/run/finch.sock")
    yield "Colima", home / ".colima/default/docker.sock"
    yield "Colima", home / ".config/colima/default/docker.sock"
    yield "Rancher Desktop", home / ".rd/docker.sock"
    yield "OrbStack", home / ".orbstack/run/docker.sock"


def _current_context(environ: Mapping[str, str], home: Path) -> EngineAddress | None:
    """The engine of the current Docker context; the file layout is that of docker/cli ``cli/context/store``."""
    configuration = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
    name = environ.get("DOCKER_CONTEXT") or _read_json(configuration / "config.json").get("currentContext")
    if not isinstance(name, str) or name in {"", "default"}:
        return None
    identifier = hashlib.sha256(name.encode()).hexdigest()
    endpoints = _read_json(configuration / "contexts/meta" / identifier / "meta.json").get("Endpoints")
    endpoint = endpoints.get("docker") if isinstance(endpoints, dict) else None
    host = endpoint.get("Host") if isinstance(endpoint, dict) else None
    if not host:
        return None
    tls = configuration / "contexts/tls" / identifier / "docker"
    return EngineAddress(str(host), f"Docker context {name}", tls if tls.is_dir() else None)


def credential_helpers(environ: Mapping[str, str]) -> frozenset[str]:
    """The programs (``docker-credential-NAME``) that the docker command's configuration names, by their NAME."""
    configuration = _read_json(Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json")
    by_registry = configuration.get("credHelpers")
    named = list(by_registry.values()) if isinstance(by_registry, dict) else []
    return frozenset(name for name in (*named, configuration.get("credsStore")) if isinstance(name, str))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
