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
    assert TEXTS["README.md"].count("\n") <= 200


SHOWN = {path: path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")}


@pytest.mark.parametrize("pattern", [r"\buvx\b", r"pip install '?expressway", r"--from expressway"])
def test_nothing_promises_a_package_that_is_on_no_index(pattern: str) -> None:
    texts = {**TEXTS, **{str(path): text for path, text in SHOWN.items()}}
    assert [name for name, text in texts.items() if re.search(pattern, text)] == []
