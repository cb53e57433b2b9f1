"""Who may use the sandbox's registry: holders of a token from ECR GetAuthorizationToken, for twelve hours.

A download URL of GetDownloadUrlForLayer holds its permission in its query, as Amazon ECR's do.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from expressway_sandbox import emulator

USER = "AWS"
_LIFETIME_SECONDS = 12 * 3600
_DOWNLOAD_KEY_BYTES = 32
_PERMISSION = "x-expressway-download"


class RegistryTokens:
    """The passwords that were given out, by their digests."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._expiry: dict[bytes, float] = {}
        self._lock = threading.Lock()
        self._download_key = secrets.token_bytes(_DOWNLOAD_KEY_BYTES)

    def issue(self) -> tuple[str, int]:
        """A new password, and when it expires in seconds since the epoch."""
        password, now = secrets.token_urlsafe(48), self._clock()
        with self._lock:
            self._expiry = {digest: expiry for digest, expiry in self._expiry.items() if expiry > now}
            self._expiry[_digest(password)] = now + _LIFETIME_SECONDS
        return password, int(now + _LIFETIME_SECONDS)

    def accepts(self, authorization: str) -> bool:
        """Whether an Authorization header (Basic) holds a password that was given out and has not expired."""
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            user, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return False
        with self._lock:
            return user == USER and self._expiry.get(_digest(password), 0) > self._clock()

    def sign_download(self, url: str) -> str:
        """`url`, with the permission to download in its query."""
        return f"{url}?{_PERMISSION}={self._permission(urlsplit(url).path)}"

    def accepts_download(self, path: str, query: str) -> bool:
        given = parse_qs(query).get(_PERMISSION, [""])[0]
        return hmac.compare_digest(given.encode(), self._permission(path).encode())

    def _permission(self, path: str) -> str:
        return hmac.new(self._download_key, quote(path).encode(), hashlib.sha256).hexdigest()


TOKENS = RegistryTokens()


def login() -> dict[str, str]:
    """Credentials for the engine, in the form of docker-py's ``auth_config``."""
    return {"username": USER, "password": TOKENS.issue()[0]}


def hook() -> None:
    """Have ECR give out tokens that the registry checks."""
    ecr = emulator.module("services.ecr")
    ecr._get_authorization_token = _get_authorization_token
    emulator.wrap("services.ecr", _get_download_url_for_layer=with_usable_address)


def _get_authorization_token(_request: Mapping[str, Any]) -> emulator.Answer:
    password, expiry = TOKENS.issue()
    data = {
        "authorizationToken": base64.b64encode(f"{USER}:{password}".encode()).decode(),
        "expiresAt": expiry,
        "proxyEndpoint": f"https://{emulator.account_id()}.dkr.ecr.{emulator.region()}.amazonaws.com",
    }
    return emulator.answer_json({"authorizationData": [data]})


@emulator.amending
def with_usable_address(payload: dict[str, Any], _request: Mapping[str, Any]) -> dict[str, Any]:
    """GetDownloadUrlForLayer, answering an address that opens the registry; its errors stay as they are."""
    return {**payload, "downloadUrl": TOKENS.sign_download(payload["downloadUrl"])}


def _digest(password: str) -> bytes:
    return hashlib.sha256(password.encode()).digest()
