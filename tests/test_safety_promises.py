"""What the documents promise about safety is held by tests that exist; see docs/safety.md."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
LINES = re.findall(r"^\| (.+?) \| (\[.+) \|$", PAGE, flags=re.MULTILINE)
PROMISES = dict(LINES)
PLACES = [README, *(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*/*.md"))]


def _plain(text: str) -> str:
    return " ".join(text.split())


def _tests_of(cell: str) -> list[tuple[str, str, str]]:
    """File, name and link of each test that a cell of the table names."""
    return re.findall(r"\[`(\S+?)::(\S+?)`\]\((\S+?)\)", cell)


@pytest.mark.parametrize(("promise", "cell"), LINES, ids=[promise[:50] for promise, _ in LINES])
def test_a_promise_is_in_the_documents_and_its_tests_exist(promise: str, cell: str) -> None:
    assert any(promise in _plain(place) for place in PLACES)
    named = _tests_of(cell)
    assert len(named) == cell.count("::")
    for file, name, link in named:
        assert link == f"../tests/{file}"
        tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
        found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in found, f"{file} has no {name}"


def _bullets() -> list[str]:
    section = README.split("\n## Safety\n")[1].split("\n## ")[0]
    return [_plain(bullet) for bullet in re.split(r"^- ", section, flags=re.MULTILINE)[1:]]


@pytest.mark.parametrize("bullet", _bullets(), ids=[bullet[:50] for bullet in _bullets()])
def test_every_paragraph_about_safety_has_a_promise_with_tests(bullet: str) -> None:
    assert [promise for promise in PROMISES if promise in bullet]


def test_the_section_about_safety_names_the_page() -> None:
    assert "(docs/safety.md)" in README.split("\n## Safety\n")[1].split("\n## ")[0]
    assert len(PROMISES) == len(LINES) >= 30
