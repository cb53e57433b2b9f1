"""The address of a service, and how one of the embedded AWS is reached where its name does not resolve."""

from urllib.parse import urlsplit

from expressway.aws.values.target import Target

_RESOLVED_BY_SOME = ".localhost"
"""Browsers and curl resolve these names to loopback by themselves; Python, wget and others ask the system, which may
not know them (RFC 6761, 6.3)."""


def access_hint_of(url: str | None) -> str:
    """The request that leads to a service of the embedded AWS for sure, in a phrase; "" for one of AWS or none."""
    parts = urlsplit(url or "")
    if not parts.hostname or not parts.hostname.endswith(_RESOLVED_BY_SOME):
        return ""
    port = f":{parts.port}" if parts.port else ""
    return f"http://127.0.0.1{port}{parts.path or '/'} with the header Host: {parts.hostname}"


def service_url(endpoint: str, target: Target) -> str:
    """The URL at which an endpoint answers: HTTPS on AWS, the emulator's own port on the sandbox."""
    host = endpoint.removeprefix("https://").removeprefix("http://").rstrip("/")
    if target.sandbox_url is None:
        return f"https://{host}/"
    port = urlsplit(target.sandbox_url).port
    return f"http://{host}:{port}/" if port else f"http://{host}/"
