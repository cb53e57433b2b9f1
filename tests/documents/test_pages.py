"""The generated pages are current, the site builds strictly, and every page is in its navigation."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.documents.pages import DOCS, PAGES, ROOT
from tests.documents.permissions_page import BY_TASK, SOURCE, called_operations


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_generated_page_is_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == PAGES[path](), "run make goldens"


@pytest.mark.process
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    shutil.copytree(DOCS, tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout + done.stderr
    assert (tmp_path / "site" / "reference" / "commands" / "index.html").is_file()


@pytest.mark.process
def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("[nowhere](nowhere.md)\n")
    (tmp_path / "zensical.toml").write_text('[project]\nsite_name = "broken"\n')
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode != 0


def _pages_of(nav: Any) -> Iterator[str]:
    for entry in nav if isinstance(nav, list) else nav.values():
        if isinstance(entry, str):
            yield entry
        else:
            yield from _pages_of(entry)


def test_every_page_is_once_in_the_navigation() -> None:
    nav = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]
    assert sorted(_pages_of(nav)) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


@pytest.mark.parametrize("task", BY_TASK)
def test_every_permission_of_a_task_is_used(task: str) -> None:
    used = {f"{prefix}:{name}" for prefix, names in called_operations().items() for name in names}
    assert set(BY_TASK[task].split()) <= used


VARIABLE = re.compile(r"(?:EXPRESSWAY|FASTMCP|ALLOW|COMPAT|ENABLE|ECS_MCP)_[A-Z_]*[A-Z]")


def test_every_variable_that_the_code_reads_is_documented_and_no_other() -> None:
    texts = [path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py")]
    read = {name for text in texts for name in re.findall(rf'"({VARIABLE.pattern})"', text)}
    page = (DOCS / "reference" / "variables.md").read_text(encoding="utf-8")
    documented = set(VARIABLE.findall(page)) - {"ECS_MCP_ALLOW_WRITE", "ECS_MCP_ALLOW_SENSITIVE_DATA"}
    assert documented == read
