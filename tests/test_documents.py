"""The documents tell the truth: their definitions parse, their code runs, their commands and files exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from expressway.model.definition import parse_definition_text
from tests.mcp.known_tools import PARAMETERS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_each_definition_in_the_readme_is_right(text: str) -> None:
    assert parse_definition_text(text).name == "shop"


@pytest.mark.parametrize("code", blocks("python"))
def test_the_constructs_work_from_a_foreign_app_as_the_readme_shows(code: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_each_command_in_the_readme_exists() -> None:
    from typer.main import get_command

    from expressway.cli.application import app

    known = set(getattr(get_command(app), "commands", {}))
    used = set(re.findall(r"^expressway ([a-z]+)", "\n".join(blocks("sh")), flags=re.MULTILINE))
    assert used
    assert used <= known


def test_every_setting_of_a_definition_is_in_the_readmes_reference() -> None:
    from expressway.model.definition import AppDefinition

    reference = README.split("## The definition")[1].split("## The CDK")[0]
    assert {name for name in AppDefinition.model_fields if f"`{name}`" not in reference} == set()


def test_every_tool_of_the_server_is_in_the_readme() -> None:
    assert {tool for tool in PARAMETERS if f"`{tool}`" not in README} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_links_to_exists(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []
