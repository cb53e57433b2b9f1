"""The one place that makes docker-py clients."""

from typing import Any

import docker
from docker.tls import TLSConfig

from expressway.image.engine.discovery import EngineAddress


class EngineClient(docker.APIClient):
    """docker-py's client, which also remembers the response it streams from, so that a stream can be cut off."""

    latest_response: Any = None

    def post(self, url: str, *args: Any, **kwargs: Any) -> Any:
        if "/images/127.0.0.1:" in url:
            # Docker speaks plain HTTP to loopback by itself; Podman's interface has to be told, Docker ignores it.
            kwargs["params"] = {**(kwargs.get("params") or {}), "tlsVerify": "false"}
        self.latest_response = super().post(url, *args, **kwargs)
        return self.latest_response


def open_client(address: EngineAddress, *, timeout_seconds: int, api_version: str | None = None) -> EngineClient:
    """A client of the engine at `address`; the engine is asked for its version unless `api_version` says it.

    Raises docker-py's own exceptions.
    """
    tls: Any = False
    if address.tls_directory is not None:
        folder = address.tls_directory
        tls = TLSConfig(
            client_cert=(str(folder / "cert.pem"), str(folder / "key.pem")), ca_cert=str(folder / "ca.pem"), verify=True
        )
    return EngineClient(
        base_url=address.docker_host,
        version=api_version,
        timeout=timeout_seconds,
        tls=tls,
        use_ssh_client=address.docker_host.startswith("ssh://"),
    )
