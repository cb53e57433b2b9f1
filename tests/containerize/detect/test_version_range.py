"""Ranges as npm, Python, Composer and Ruby write them, against the versions that there are images of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.containerize.detect.version_range import newest_in_range, satisfies

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
NODES = ("20", "22", "24")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (">=3.9", "3.13"),
        (">=3.11,<3.13", "3.12"),
        ("<3.12", "3.11"),
        ("==3.11.*", "3.11"),
        ("~=3.11", "3.13"),
        ("~=3.11.4", "3.11"),
        ("^3.10", "3.13"),
        ("~3.12", "3.12"),
        (">=3.12.4", "3.13"),
        ("<=3.12.9", "3.12"),
        ("!=3.13", "3.14"),
        (">=3.13.1,<3.14", "3.13"),
        ("<3.10", None),
        (">=4", None),
        ("", "3.13"),
    ],
)
def test_a_range_of_pythons_gives_the_preferred_or_the_newest(text: str, expected: str | None) -> None:
    assert newest_in_range(text, PYTHONS, preferred="3.13") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (">=18", "24"),
        ("^20", "20"),
        ("20.x", "20"),
        ("18 || 20 || 22", "22"),
        (">=20 <23", "22"),
        ("20 - 22", "22"),
        ("^20.19.0 || >=22.12.0", "24"),
        ("*", "24"),
        (">=22.3", "24"),
        ("v22", "22"),
        ("16", None),
    ],
)
def test_a_range_of_node_versions_is_read_as_npm_reads_it(text: str, expected: str | None) -> None:
    assert newest_in_range(text, NODES, preferred="24") == expected


@given(st.sampled_from(PYTHONS), st.sampled_from(PYTHONS))
def test_lower_and_upper_bounds_agree_with_the_order_of_versions(version: str, bound: str) -> None:
    minor, other = int(version.split(".")[1]), int(bound.split(".")[1])
    assert satisfies(version, f">={bound}") == (minor >= other)
    assert satisfies(version, f"<{bound}") == (minor < other)
    assert satisfies(version, f"=={bound}") == (minor == other)
    assert satisfies(version, f">{bound}") != satisfies(version, f"<={bound}")


@given(st.text(max_size=40))
def test_any_text_is_answered(text: str) -> None:
    assert newest_in_range(text, NODES, preferred="24") in {*NODES, None}
