"""The documents tell the truth: their definitions parse, their code runs, their links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from expressway.app.definition import AppDefinition
from expressway.app.parse import parse_definition_text
from tests.mcp.known_tools import PARAMETERS

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
DOCUMENTS = [*(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")), *DOCS]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in DOCUMENTS}


def blocks(language: str) -> list[tuple[str, str]]:
    """Every block of a language, with the document that it is in."""
    found = re.compile(rf"^```{language}\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
    return [(name, block) for name, text in TEXTS.items() for block in found.findall(text)]


@pytest.mark.parametrize(("document", "text"), blocks("yaml"))
def test_each_definition_is_right(document: str, text: str) -> None:
    assert parse_definition_text(text).name == "shop"


@pytest.mark.process
@pytest.mark.parametrize(("document", "code"), blocks("python"))
def test_the_constructs_work_from_a_foreign_app_as_shown(document: str, code: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_setting_of_a_definition_is_in_the_reference() -> None:
    reference = TEXTS["docs/reference/definition.md"]
    assert {name for name in AppDefinition.model_fields if f"`{name}`" not in reference} == set()


def test_every_tool_of_the_server_is_in_the_reference() -> None:
    assert {tool for tool in PARAMETERS if f"`{tool}`" not in TEXTS["docs/reference/tools.md"]} == set()


@pytest.mark.parametrize("document", TEXTS)
def test_every_file_that_a_document_links_to_exists(document: str) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", TEXTS[document])
    assert [link for link in links if not ((ROOT / document).parent / link).exists()] == []


def test_what_is_read_first_is_short() -> None:
    assert max(TEXTS[name].count("\n") for name in ("README.md", "ARCHITECTURE.md")) <= 200


SHOWN = {path: path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")}


@pytest.mark.parametrize("pattern", [r"\buvx\b", r"pip install '?expressway", r"--from expressway"])
def test_nothing_promises_a_package_that_is_on_no_index(pattern: str) -> None:
    texts = {**TEXTS, **{str(path): text for path, text in SHOWN.items()}}
    assert [name for name, text in texts.items() if re.search(pattern, text)] == []


PLACES = (ROOT, ROOT / "src" / "expressway", ROOT / "src", ROOT / "tests")
MAPS = ("ARCHITECTURE.md", "CONTRIBUTING.md")


def named_paths(text: str) -> set[str]:
    """What is in code format and looks like a path; NAME is a placeholder."""
    paths = re.findall(r"`([\w.-]+/[\w./*-]*|[\w-]+\.py)`", text)
    return {path for path in paths if "NAME" not in path and not path.startswith("expressway.")}


@pytest.mark.parametrize("document", MAPS)
def test_every_path_that_a_map_names_exists(document: str) -> None:
    paths = named_paths(TEXTS[document])
    assert len(paths) >= 30
    assert {path for path in paths if not any((place / path).exists() for place in PLACES)} - GLOSSARY == set()


GLOSSARY = {"values.py", "facts.py", "rules.py", "ports.py", "collect.py", "push.py", "fakes.py"}
"""Names of files that stand in several folders."""


@pytest.mark.parametrize("document", MAPS)
def test_every_name_that_a_map_finds_in_a_file_is_there(document: str) -> None:
    named = re.findall(r"`(\w+)`(?: of| in|,? in the table of) `([\w./-]+\.py)`", " ".join(TEXTS[document].split()))
    assert named
    for name, path in named:
        [file] = {place / path for place in PLACES if (place / path).is_file()}
        assert name in file.read_text(encoding="utf-8"), f"{path} has no {name}"


def test_a_recipe_has_at_most_ten_lines() -> None:
    recipes = TEXTS["CONTRIBUTING.md"].split("## Recipes")[1].split("\n## ")[0].split("\n### ")[1:]
    assert len(recipes) == 5
    assert [recipe for recipe in recipes if len(recipe.strip().splitlines()) - 2 > 10] == []
