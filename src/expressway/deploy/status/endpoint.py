"""The address of a service, and how one of the local AWS sandbox is reached where its name does not resolve."""

import http.client
import time
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from expressway.aws.values.target import Target

_RESOLVED_BY_SOME = ".localhost"
"""Browsers and curl resolve these names to loopback by themselves; Python, wget and others ask the system, which may
not know them (RFC 6761, 6.3)."""


def access_hint_of(url: str | None) -> str:
    """The request that leads to a service of the local AWS sandbox for sure, in a phrase; "" for one of AWS or none."""
    parts = urlsplit(url or "")
    if not parts.hostname or not parts.hostname.endswith(_RESOLVED_BY_SOME):
        return ""
    port = f":{parts.port}" if parts.port else ""
    return f"http://127.0.0.1{port}{parts.path or '/'} with the header Host: {parts.hostname}"


def service_url(endpoint: str, target: Target) -> str:
    """The URL at which an endpoint answers: HTTPS on AWS, the emulator's own port on the sandbox."""
    host = endpoint.removeprefix("https://").removeprefix("http://").rstrip("/")
    return HttpProbe(target).url(host)


_BODY_LIMIT_BYTES = 2_000


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What came back. `status` is None when nothing did, and then `error` says why."""

    url: str
    status: int | None
    elapsed_seconds: float
    body: str = ""
    error: str = ""

    @property
    def answers(self) -> bool:
        """True when the application itself answered; 502, 503 and 504 are the load balancer's."""
        return self.status is not None and self.status not in {502, 503, 504}


class UrlProbe(Protocol):
    """Fetches a service's endpoint."""

    def url(self, endpoint: str) -> str: ...
    def fetch(self, endpoint: str, *, path: str = "/", timeout_seconds: float = 5.0) -> ProbeAnswer: ...


class HttpProbe:
    """Fetches a service's URL. Never raises for what the network does: that is an answer too."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def url(self, endpoint: str) -> str:
        """The URL that a person opens for the endpoint (a bare host name, or already a URL)."""
        if "://" in endpoint:
            return endpoint
        if self._target.sandbox_url is None:
            return f"https://{endpoint}/"
        gateway = urlsplit(self._target.sandbox_url)
        return f"http://{endpoint}{f':{gateway.port}' if gateway.port else ''}/"

    def fetch(self, endpoint: str, *, path: str = "/", timeout_seconds: float = 5.0) -> ProbeAnswer:
        """GET `path` once; `timeout_seconds` bounds connecting and each read."""
        host = urlsplit(endpoint).netloc if "://" in endpoint else endpoint
        shown = self.url(host) if path == "/" else self.url(host).rstrip("/") + path
        connection = self._connect(host, timeout_seconds)
        started = time.perf_counter()
        try:
            connection.request("GET", path, headers={"Host": host, "User-Agent": "expressway", "Connection": "close"})
            response = connection.getresponse()
            body = response.read(_BODY_LIMIT_BYTES).decode("utf-8", "replace")
            return ProbeAnswer(shown, response.status, time.perf_counter() - started, body)
        except (OSError, http.client.HTTPException) as exc:
            reason = str(exc) or type(exc).__name__
            return ProbeAnswer(shown, None, time.perf_counter() - started, error=reason)
        finally:
            connection.close()

    def _connect(self, host: str, timeout_seconds: float) -> http.client.HTTPConnection:
        if self._target.sandbox_url is None:
            return http.client.HTTPSConnection(host, timeout=timeout_seconds)
        gateway = urlsplit(self._target.sandbox_url)
        return http.client.HTTPConnection(gateway.hostname or "127.0.0.1", gateway.port, timeout=timeout_seconds)
