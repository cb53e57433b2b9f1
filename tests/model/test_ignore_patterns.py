"""What a .dockerignore file leaves out."""

import pytest
from docker.utils.build import PatternMatcher
from hypothesis import given
from hypothesis import strategies as st

from expressway.model.ignore_patterns import IgnoreRules


@pytest.mark.parametrize(
    ("lines", "path", "excluded"),
    [
        (["*.log"], "a.log", True),
        (["*.log"], "deep/a.log", False),
        (["**/*.log"], "a.log", True),
        (["**/*.log"], "deep/er/a.log", True),
        (["deep/**"], "deep/er/a.log", True),
        (["node_modules"], "node_modules/x/y.js", True),
        (["/build/"], "build/out.o", True),
        (["./src/../tmp"], "tmp/x", True),
        (["a?c"], "abc", True),
        (["a?c"], "a/c", False),
        (["[ab].txt"], "b.txt", True),
        (["[^ab].txt"], "b.txt", False),
        ([r"\*.txt"], "a.txt", False),
        ([r"\*.txt"], "*.txt", True),
        (["*", "!app.py"], "app.py", False),
        (["*", "!app.py"], "other.py", True),
        (["*", "!src"], "src/a/b.py", False),
        (["!app.py", "*"], "app.py", True),
        (["a.b"], "axb", False),
        (["# *"], "anything", False),
        (["", "   ", "."], "anything", False),
        (["\ufeff*.log"], "a.log", True),
    ],
)
def test_a_path_is_left_out_as_engines_do_it(lines: list[str], path: str, excluded: bool) -> None:
    assert IgnoreRules(lines).excludes(path) is excluded


PIECES = st.sampled_from(["a", "b", "*", "a*", "**", "?", "a.b", "[ab]"])
PATTERNS = st.builds(
    lambda not_, parts: ("!" if not_ else "") + "/".join(parts), st.booleans(), st.lists(PIECES, min_size=1, max_size=3)
)
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "a.b", "c"]), min_size=1, max_size=4).map("/".join)


@given(st.lists(PATTERNS, max_size=4), PATHS)
def test_the_same_paths_are_left_out_as_by_the_docker_library(patterns: list[str], path: str) -> None:
    # The library looks only at parents as deep as the pattern, which its "**" can be longer than: skip these.
    if any("**" in pattern for pattern in patterns):
        return
    assert IgnoreRules(patterns).excludes(path) is PatternMatcher(list(patterns)).matches(path)


def test_a_folder_is_looked_into_only_when_something_in_it_may_come_back() -> None:
    rules = IgnoreRules(["*", "!src/keep.py", "!docs/**/*.md"])
    assert rules.may_take_back_below("src")
    assert rules.may_take_back_below("docs/guide")
    assert not rules.may_take_back_below("node_modules")
    assert IgnoreRules(["*", "!**/keep.py"]).may_take_back_below("any/where")


def test_only_a_line_with_a_name_names_a_path_explicitly() -> None:
    assert IgnoreRules(["!.env"]).names_explicitly(".env")
    assert IgnoreRules(["!certs/*.pem"]).names_explicitly("certs/ca.pem")
    assert IgnoreRules(["!.git"]).names_explicitly(".git/config")
    assert not IgnoreRules(["!*"]).names_explicitly(".env")
    assert not IgnoreRules(["!**"]).names_explicitly("a/.env")
    assert not IgnoreRules(["!certs"]).names_explicitly("keys/ca.pem")
