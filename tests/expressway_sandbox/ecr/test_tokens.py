"""Who may use the sandbox's registry: whoever has a password of its ECR, for twelve hours, or a download's address."""

import base64
import json
from functools import partial
from urllib.parse import urlsplit

import pytest

from expressway_sandbox.ecr.tokens import TOKENS, RegistryTokens, with_usable_address


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def basic(user: str, password: str, scheme: str = "Basic") -> str:
    return f"{scheme} {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def test_a_password_is_good_for_twelve_hours() -> None:
    clock = Clock()
    tokens = RegistryTokens(clock)
    password, expiry = tokens.issue()
    assert expiry == 1_000 + 12 * 3_600
    clock.now = expiry - 1
    assert tokens.accepts(basic("AWS", password))
    assert tokens.accepts(basic("AWS", password, "bASIC"))
    other, _ = tokens.issue()
    assert tokens.accepts(basic("AWS", password)), "a new one does not end an older one"
    clock.now = expiry
    assert not tokens.accepts(basic("AWS", password))
    assert tokens.accepts(basic("AWS", other))


def test_what_has_expired_is_forgotten() -> None:
    clock = Clock()
    tokens = RegistryTokens(clock)
    password, expiry = tokens.issue()
    clock.now = expiry
    tokens.issue()
    clock.now = 0
    assert not tokens.accepts(basic("AWS", password))


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic %%%",
        "Basic é",
        f"Basic {base64.b64encode(bytes([0xFF, 0xFE])).decode()}",
        basic("AWS", "other"),
        basic("AWS", ""),
    ],
)
def test_nothing_else_opens_the_registry(authorization: str) -> None:
    tokens = RegistryTokens(Clock())
    tokens.issue()
    assert not tokens.accepts(authorization)


def test_a_password_opens_it_only_with_its_user_and_scheme() -> None:
    tokens = RegistryTokens(Clock())
    password, _ = tokens.issue()
    assert not tokens.accepts(basic("aws", password))
    assert not tokens.accepts(basic("AWS", password, "Bearer"))
    assert not tokens.accepts(password)
    right = basic("AWS", password)
    assert not tokens.accepts(f"{right[:12]}!{right[12:]}")


def test_the_address_of_a_download_opens_that_download_alone() -> None:
    tokens = RegistryTokens(Clock())
    signed = urlsplit(tokens.sign_download("http://127.0.0.1:4566/v2/team/web/blobs/sha256:1"))
    assert tokens.accepts_download(signed.path, signed.query)
    assert not tokens.accepts_download("/v2/team/web/blobs/sha256:2", signed.query)
    assert not tokens.accepts_download(signed.path, "")
    assert not tokens.accepts_download(signed.path, "x-expressway-download=é")
    assert not RegistryTokens(Clock()).accepts_download(signed.path, signed.query)


def test_ecr_answers_the_address_of_a_download_usable_and_its_errors_as_they_are() -> None:
    told = {"layerDigest": "sha256:1", "downloadUrl": "http://127.0.0.1:4566/v2/team/web/blobs/sha256:1"}
    answers = {"good": (200, {}, json.dumps(told).encode()), "bad": (400, {}, b'{"__type": "LayersNotFoundException"}')}
    handle = partial(with_usable_address, lambda request: answers[request["which"]])
    status, _, body = handle({"which": "good"})
    answered = json.loads(body)
    address = urlsplit(answered["downloadUrl"])
    assert (status, answered["layerDigest"]) == (200, "sha256:1")
    assert TOKENS.accepts_download(address.path, address.query)
    assert handle({"which": "bad"}) == answers["bad"]
