"""What the endpoint listed last: remembered per endpoint, believed only where it does no harm."""

import json
from pathlib import Path

import pytest

from expressway.knowledge.tool_cache import RememberedListing
from expressway.knowledge.values import READ, SEARCH, KnowledgeTool

URL = "https://knowledge.example/mcp"
SCHEMA = {"type": "object", "properties": {"search_phrase": {"type": "string"}}}
LISTED = (KnowledgeTool(SEARCH, "Search.\n\nWell.", SCHEMA), KnowledgeTool(READ, "Read.", {"type": "object"}))


def file_of(state: Path) -> Path:
    (path,) = (state / "cache" / "knowledge").iterdir()
    return path


def test_what_was_saved_is_loaded_by_the_next_process(tmp_path: Path) -> None:
    RememberedListing(tmp_path, URL).save(LISTED)
    assert RememberedListing(tmp_path, URL).load() == LISTED


def test_another_endpoint_has_a_listing_of_its_own(tmp_path: Path) -> None:
    RememberedListing(tmp_path, URL).save(LISTED)
    assert RememberedListing(tmp_path, "https://other.example").load() == ()


def test_only_tools_that_are_passed_on_are_remembered(tmp_path: Path) -> None:
    RememberedListing(tmp_path, URL).save((*LISTED, KnowledgeTool("aws___list_regions", "Regions.", SCHEMA)))
    assert RememberedListing(tmp_path, URL).load() == LISTED


def test_what_is_known_is_not_written_again(tmp_path: Path) -> None:
    listing = RememberedListing(tmp_path, URL)
    listing.save(LISTED)
    before = file_of(tmp_path).stat().st_ino
    listing.save(LISTED)
    assert file_of(tmp_path).stat().st_ino == before
    listing.save(LISTED[:1])
    assert listing.load() == LISTED[:1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        "[" * 100_000,
        "\x00\xff",
        json.dumps([[SEARCH, "d", {"type": "array"}]]),
        json.dumps([["rm", "d", SCHEMA]]),
        json.dumps([[SEARCH, "d" * 400_000, SCHEMA]]),
    ],
    ids=["empty", "no list", "no tools", "deep", "bytes", "harmful", "foreign", "large"],
)
def test_a_file_that_is_damaged_or_could_do_harm_counts_as_none(text: str, tmp_path: Path) -> None:
    listing = RememberedListing(tmp_path, URL)
    listing.save(LISTED)
    file_of(tmp_path).write_bytes(text.encode("latin-1"))
    assert listing.load() == ()


def test_a_folder_that_cannot_be_written_costs_nothing_but_the_memory(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    listing = RememberedListing(tmp_path, URL)
    listing.save(LISTED)
    assert listing.load() == ()
