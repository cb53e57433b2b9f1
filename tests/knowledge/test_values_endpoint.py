"""Which documentation endpoint may be asked."""

import pytest

from expressway.errors import TargetError
from expressway.knowledge.values import DEFAULT_KNOWLEDGE_URL, named_url, usable_url

NAME = "EXPRESSWAY_KNOWLEDGE_URL"


def test_unset_it_is_awss_public_one() -> None:
    assert usable_url({}) == DEFAULT_KNOWLEDGE_URL


@pytest.mark.parametrize("value", ["", " ", "off", "OFF", "false", "0", "no"])
def test_it_can_be_turned_off(value: str) -> None:
    assert not named_url({NAME: value})
    with pytest.raises(TargetError) as caught:
        usable_url({NAME: value})
    assert caught.value.code == "knowledge_off"


@pytest.mark.parametrize(
    "url",
    [
        "https://docs.internal.example/mcp",
        "https://docs.internal.example:8443",
        "http://127.0.0.1:8000/mcp",
        "http://[::1]:8000/mcp",
        "http://localhost/mcp",
    ],
)
def test_https_and_this_machine_may_be_asked(url: str) -> None:
    assert usable_url({NAME: f" {url} "}) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://knowledge.example/mcp",
        "http://127.0.0.1.example/mcp",
        "http://169.254.169.254/latest",
        "http://localhost.example",
        "https://?host=none",
        "https://user@knowledge.example",
        "https://:word@knowledge.example",
        "https://knowledge.example:99999",
        "https://[::1",
        "file:///etc/hosts",
        "ftp://knowledge.example",
        "knowledge.example",
    ],
)
def test_everything_else_is_offered_but_refused_without_repeating_the_value(url: str) -> None:
    assert named_url({NAME: url}), "somebody has to learn that the setting is wrong"
    with pytest.raises(TargetError) as caught:
        usable_url({NAME: url})
    assert caught.value.code == "knowledge_url_refused"
    assert url not in str(caught.value)
