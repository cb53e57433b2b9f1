"""The one place that makes docker-py clients."""

from typing import Any

import docker
from docker.tls import TLSConfig

from expressway.adapters.engine_ping import EngineAddress


class EngineClient(docker.APIClient):
    """docker-py's client, which also remembers the response it streams from, so that a stream can be cut off."""

    latest_response: Any = None

    def post(self, *args: Any, **kwargs: Any) -> Any:
        self.latest_response = super().post(*args, **kwargs)
        return self.latest_response


def open_client(address: EngineAddress, *, timeout_seconds: int) -> EngineClient:
    """A client of the engine at `address`. Raises docker-py's own exceptions."""
    tls: Any = False
    if address.tls_directory is not None:
        folder = address.tls_directory
        tls = TLSConfig(
            client_cert=(str(folder / "cert.pem"), str(folder / "key.pem")), ca_cert=str(folder / "ca.pem"), verify=True
        )
    return EngineClient(
        base_url=address.docker_host,
        timeout=timeout_seconds,
        tls=tls,
        use_ssh_client=address.docker_host.startswith("ssh://"),
    )
