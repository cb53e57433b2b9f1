"""No regular expression of the source takes time that grows faster than the text that it is run on."""

import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import islice
from pkgutil import walk_packages
from types import FrameType

import pytest

from expressway import containerize, diagnose, iam, plan
from expressway.containerize.recipes import load_recipes
from expressway.core import linear_regex
from expressway.diagnose.messages import LONGEST_MESSAGE
from tests.regex_attacks import Found, attacks, expressions, tables

LENGTH = 8_000
NOTICEABLE_SECONDS = 0.004
MOST_SECONDS = 0.25
"""Of the processor's time. What takes no noticeable time for `LENGTH` is linear; else four times the text decides."""
BOUNDED = {
    ("containerize/detect/version_range.py", ""): 200,
    ("diagnose/health/listening.py", ""): 1_000,
    ("expressway_constructs/secret_permissions.py", ""): 2_048,
    ("image/dockerfile/parser.py", r"\$(?:\{(?P<braced>"): 4_000,
}
"""Files whose code cuts the text before, or sees to it, and to how much. (`expand_variables` looks for no brace where
none closes; tests/image/dockerfile/test_parser_hostile.py holds that.)"""


PATTERNS = frozenset(
    {
        *("pattern", "pinned_by", "local_source", "loopback", "app_patterns", "factory_patterns", "output_patterns"),
        *("handles_stop", "mark_texts", "texts", "routes", "literals"),
    }
)
"""Fields of recipes that hold expressions."""


class TooSlowError(Exception):
    """The expression is still at it."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def seconds_for(found: Found, text: str) -> float:
    method = getattr(re.compile(found.text, found.flags), found.use)
    started = time.process_time()
    try:
        with at_most(MOST_SECONDS):
            method(text)
    except TooSlowError:
        return float("inf")
    return time.process_time() - started


def least_seconds_for(found: Found, text: str) -> float:
    """Of several runs: a busy machine can only make one longer."""
    return min(seconds_for(found, text) for _ in range(3))


def is_slow(found: Found) -> bool:
    """Whether the time grows faster than the text: it is the square of four for four times the text, or worse."""
    most = next(
        (n for (place, start), n in BOUNDED.items() if found.place.startswith(place) and found.text.startswith(start)),
        0,
    )
    for number, text in enumerate(attacks(found.text, found.flags, most or LENGTH)):
        if seconds_for(found, text) < NOTICEABLE_SECONDS:
            continue
        taken = least_seconds_for(found, text)
        if taken < (MOST_SECONDS if most else NOTICEABLE_SECONDS):
            continue
        longer = next(islice(attacks(found.text, found.flags, 4 * LENGTH), number, None))
        if taken == float("inf") or least_seconds_for(found, longer) > 8 * taken:
            return True
    return False


def test_every_expression_takes_linear_time_on_texts_made_against_it() -> None:
    found = list(expressions())
    assert len(found) > 200
    slow = [f"{one.place}: {one.text}" for one in found if is_slow(one)]
    assert not slow


def test_what_tables_look_for_in_messages_takes_no_time_for_the_longest_that_is_looked_at() -> None:
    walked = [
        one for root in (containerize, diagnose, iam, plan) for one in walk_packages(root.__path__, f"{root.__name__}.")
    ]
    walked = [one for one in walked if not one.name.endswith("version_range")]  # it reads versions, no messages
    found = list(tables(import_module(one.name) for one in walked))
    assert len(found) > 150
    slow = [
        one.text
        for one in found
        for text in attacks(one.text, one.flags, 1_000 if one.place.endswith("listening") else LONGEST_MESSAGE)
        if seconds_for(one, text) > MOST_SECONDS
    ]
    assert not slow


@pytest.mark.parametrize(
    "text", [r"^\s*name", r"(a+)+$", r"(\w+)=", r"a.*b", r"(?P<a>x|xx)*y", r"\s*:\s*$", r"\$\{[^}]*\}"]
)
def test_the_attacks_find_expressions_that_are_known_to_be_slow(text: str) -> None:
    assert is_slow(Found("here", text, re.MULTILINE, "findall"))


@pytest.mark.parametrize("text", [r"^[ \t]*name", r"(?<!\w)(\w+)=", r"a.{0,100}b", r"[^\s]{1,100}"])
def test_the_attacks_find_nothing_against_those_that_are_not(text: str) -> None:
    assert not is_slow(Found("here", text, re.MULTILINE, "findall"))


def test_what_recipes_look_for_in_an_apps_files_is_found_in_linear_time() -> None:
    recipes = load_recipes()
    patterns = {
        pattern
        for kind in (recipes.languages, recipes.installers, recipes.frameworks)
        for recipe in kind.values()
        for pattern in patterns_in(recipe.model_dump())
    }
    assert len(patterns) > 30
    for pattern in patterns:
        started = time.process_time()
        for text in islice(attacks(pattern, 0, 200_000), 4):
            linear_regex.search(pattern, text)
        assert time.process_time() - started < 10 * MOST_SECONDS, pattern


def patterns_in(value: object) -> Iterator[str]:
    """Every text in a recipe that is an expression: what its fields are called tells."""
    if isinstance(value, dict):
        for name, inside in value.items():
            yield from texts_of(inside) if name in PATTERNS else patterns_in(inside)
    elif isinstance(value, tuple | list):
        for inside in value:
            yield from patterns_in(inside)


def texts_of(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from texts_of(tuple(value.values()))
    elif isinstance(value, tuple | list):
        for inside in value:
            yield from texts_of(inside)


@pytest.mark.parametrize("pattern", ["(?=a)", r"(a)\1", "(?<!a)b", "a(", "(?>a)"])
def test_a_recipe_with_an_expression_that_backtracks_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="linear time"):
        linear_regex.check(pattern)
