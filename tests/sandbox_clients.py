"""Access to the embedded AWS in tests: clients, logins of its registry, requests that a proxy signs anew."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from expressway.core.sandbox_key import SandboxKey
from expressway_sandbox.lifecycle import SandboxInfo

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_OF_A_SIGNATURE = {"host", "authorization", "x-amz-date", "x-amz-security-token", "connection", "content-length"}


def client(info: SandboxInfo, service: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=info.endpoint_url,
        region_name=info.region,
        aws_access_key_id=info.key.access_key_id,
        aws_secret_access_key=info.key.secret_access_key,
    )


def registry_login(info: SandboxInfo) -> dict[str, str]:
    """A login that ECR gave out, in the form of docker-py's ``auth_config``."""
    from expressway.aws.ecr import EcrRegistry
    from expressway.aws.session import open_session

    login = EcrRegistry(open_session(sandbox_url=info.endpoint_url)).authorization()
    return {"username": login.username, "password": login.password}


def signed(
    url: str, key: SandboxKey, *, service: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> dict[str, str]:
    """The headers of a request to `url` (a POST where there is a body), signed."""
    request = AWSRequest("GET" if body is None else "POST", url, headers=dict(headers or {}), data=body)
    SigV4Auth(Credentials(key.access_key_id, key.secret_access_key), service, "us-east-1").add_auth(request)
    return dict(request.headers.items())


def signed_anew(
    method: str, path: str, headers: Mapping[str, str], body: bytes, *, endpoint_url: str, key: SandboxKey
) -> dict[str, str]:
    """The headers with which a proxy sends a request on to the sandbox, which takes none with the proxy's own Host."""
    scope = _SCOPE.search(next((value for name, value in headers.items() if name.lower() == "authorization"), ""))
    kept = {name: value for name, value in headers.items() if name.lower() not in _OF_A_SIGNATURE}
    if scope is None:
        return kept | {"Host": urlsplit(endpoint_url).netloc}
    request = AWSRequest(method, endpoint_url + path, headers=kept, data=body)
    SigV4Auth(Credentials(key.access_key_id, key.secret_access_key), scope["service"], scope["region"]).add_auth(
        request
    )
    return dict(request.headers.items()) | {"Host": urlsplit(endpoint_url).netloc}
