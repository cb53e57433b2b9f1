"""How a client reaches a service of the sandbox: the one place where the convention is written down.

On AWS the endpoint of an Express Mode service is a bare host name, ``ex-<hash>.ecs.<region>.on.aws``, served
over HTTPS. In the sandbox it is ``ex-<hash>.ecs.<region>.localhost``, and **any request that arrives at the
sandbox's own port with that name in its Host header goes to the service**, whatever its path. So a client may

* connect to the gateway (``http://127.0.0.1:PORT``) and send ``Host: <endpoint>``: works everywhere; or
* open ``http://<endpoint>:PORT/``: works where ``*.localhost`` resolves (browsers, curl).
"""

import re
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

_ENDPOINT = re.compile(r"^ex-[0-9a-f]{32}\.ecs\.[a-z0-9-]+\.localhost$")


@dataclass(frozen=True, slots=True)
class EndpointRequest:
    """What to connect to (`url`) and which Host header to send, for a path of a service."""

    url: str
    host: str


def new_endpoint(region: str) -> str:
    """A fresh endpoint name; like on AWS it cannot be predicted."""
    return f"ex-{secrets.token_hex(16)}.ecs.{region}.localhost"


def is_sandbox_endpoint(host: str) -> bool:
    """Whether a host name, with or without a port, is the endpoint of a sandbox service."""
    return _ENDPOINT.match(host.partition(":")[0].lower()) is not None


def endpoint_request(endpoint: str, gateway_url: str, path: str = "/") -> EndpointRequest:
    """The request that reaches `path` of the service with `endpoint` through the sandbox at `gateway_url`."""
    return EndpointRequest(url=gateway_url.rstrip("/") + "/" + path.lstrip("/"), host=endpoint)


def browser_url(endpoint: str, gateway_url: str, path: str = "/") -> str:
    """The URL to show to a person: it opens in browsers and curl, which resolve ``*.localhost``."""
    return f"http://{endpoint}:{urlsplit(gateway_url).port}/" + path.lstrip("/")
