"""Where the name of a service may not resolve, an address that does is told."""

import pytest

from expressway.deploy.status.endpoint import access_hint_of

HOST = "ex-0123456789abcdef0123456789abcdef.ecs.us-east-1.localhost"


@pytest.mark.parametrize(
    ("url", "access_hint"),
    [
        (f"http://{HOST}:4566/", f"http://127.0.0.1:4566/ with the header Host: {HOST}"),
        (f"http://{HOST}", f"http://127.0.0.1/ with the header Host: {HOST}"),
        (f"http://{HOST}:4566/health", f"http://127.0.0.1:4566/health with the header Host: {HOST}"),
        ("https://ex-0123.ecs.us-east-1.on.aws/", ""),
        ("https://localhost.example/", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_service_of_the_embedded_aws_is_reached_at_loopback_by_its_name(url: str | None, access_hint: str) -> None:
    assert access_hint_of(url) == access_hint
