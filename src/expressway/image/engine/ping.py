"""One question to a container engine, asked without loading a client library: are you there?"""

import http.client
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


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
    """Ask ``GET /_ping``. None when the engine answers, else the reason why not, in words."""
    try:
        if address.docker_host.startswith("ssh://"):
            return _ping_through_ssh(address.docker_host, timeout_seconds)
        connection = _connection(address, timeout_seconds)
        try:
            connection.request("GET", "/_ping")
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as exc:
        return _reason(exc)
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
        client = APIClient(base_url=docker_host, timeout=int(max(timeout_seconds, 10)), use_ssh_client=True)
        try:
            return None if client.ping() else "it did not answer OK"
        finally:
            client.close()
    except DockerException as exc:
        return str(exc)


def _reason(exc: Exception) -> str:
    if isinstance(exc, FileNotFoundError):
        return "no such socket"
    if isinstance(exc, PermissionError):
        return "permission denied (is this user in the docker group?)"
    if isinstance(exc, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(exc, TimeoutError):
        return "it did not answer in time"
    return str(exc)
