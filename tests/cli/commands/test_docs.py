"""Looking things up at a terminal: the endpoint's text, or one JSON document."""

import json
from collections.abc import Iterator

import pytest

from expressway.privacy.untrusted import CLOSING, OPENING
from tests.cli.test_main import error_of, run
from tests.knowledge.endpoint import PAGE, Played, playing

pytestmark = pytest.mark.process


@pytest.fixture
def endpoint() -> Iterator[Played]:
    with playing() as played:
        yield played


def test_a_page_is_printed_as_it_is_and_where_it_goes_on_is_told_aside(endpoint: Played) -> None:
    done = run("docs", "read", "https://docs.example/a", EXPRESSWAY_KNOWLEDGE_URL=endpoint.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout == PAGE[:24_000] + "\n"
    assert "--start-index" in done.stderr


def test_options_become_the_endpoints_arguments(endpoint: Played) -> None:
    run("docs", "read", "u", "--start-index", "5", "--max-length", "7", EXPRESSWAY_KNOWLEDGE_URL=endpoint.url)
    run("docs", "search", "express mode", "--limit", "3", EXPRESSWAY_KNOWLEDGE_URL=endpoint.url)
    run("docs", "recommend", "u", EXPRESSWAY_KNOWLEDGE_URL=endpoint.url)
    assert endpoint.asked == [
        ("read", {"url": "u", "max_length": 7, "start_index": 5}),
        ("search", {"search_phrase": "express mode", "limit": 3}),
        ("recommend", {"url": "u"}),
    ]


def test_json_is_one_document_without_marks(endpoint: Played) -> None:
    done = run("docs", "search", "x", "--json", EXPRESSWAY_KNOWLEDGE_URL=endpoint.url)
    assert json.loads(done.stdout) == {
        "source": endpoint.url,
        "content": {"content": {"result": [{"rank_order": 1, "title": "About x"}]}},
    }
    assert not {OPENING, CLOSING} & set(done.stdout)


def test_arguments_that_the_endpoint_does_not_know_are_told(endpoint: Played) -> None:
    done = run("docs", "search", "x", "--topic", "general", "--json", EXPRESSWAY_KNOWLEDGE_URL=endpoint.url)
    assert done.returncode == 2
    assert error_of(done)["details"]["problems"][0]["path"] == "topics"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("off", "knowledge_off"),
        ("http://knowledge.example", "knowledge_url_refused"),
        ("http://127.0.0.1:9/mcp", "knowledge_unavailable"),
    ],
)
def test_without_an_endpoint_the_command_fails_in_one_shape(url: str, code: str) -> None:
    done = run("docs", "search", "x", "--json", EXPRESSWAY_KNOWLEDGE_URL=url)
    assert done.returncode == 4
    assert error_of(done)["code"] == code
