"""What registries and clients read about the server agrees with the package."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from expressway import __version__
from expressway.privacy.gates import SENSITIVE_VARIABLE, WRITE_VARIABLE

ROOT = Path(__file__).parents[2]


@pytest.fixture
def manifest() -> dict[str, Any]:
    return json.loads((ROOT / "server.json").read_text(encoding="utf-8"))


def test_the_version_is_the_packages_own_everywhere(manifest: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == __version__
    assert manifest["version"] == __version__
    assert [package["version"] for package in manifest["packages"]] == [__version__]
    assert manifest["packages"][0]["identifier"] == project["name"]


def test_the_readme_carries_the_name_that_proves_ownership(manifest: dict[str, Any]) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"mcp-name: (\S+)", readme) == [manifest["name"]]


def test_the_registrys_limits_are_kept(manifest: dict[str, Any]) -> None:
    assert manifest["$schema"].endswith("/schemas/2025-12-11/server.schema.json")
    assert len(manifest["description"]) <= 100
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", manifest["name"])


def test_the_package_starts_the_server_on_stdio(manifest: dict[str, Any]) -> None:
    [package] = manifest["packages"]
    assert package["transport"] == {"type": "stdio"}
    assert package["packageArguments"] == [{"type": "positional", "value": "mcp"}]


def test_it_says_that_no_index_has_the_package_yet(manifest: dict[str, Any]) -> None:
    note = manifest["_meta"]["io.modelcontextprotocol.registry/publisher-provided"]["note"]
    assert note.startswith("Not published yet")
    assert "runtimeHint" not in manifest["packages"][0]


def test_no_secret_is_asked_for_and_both_gates_are_closed_by_default(manifest: dict[str, Any]) -> None:
    variables = {item["name"]: item for item in manifest["packages"][0]["environmentVariables"]}
    assert not any(item.get("isSecret") or item.get("isRequired") for item in variables.values())
    assert not any("KEY" in name or "TOKEN" in name or "PASSWORD" in name for name in variables)
    assert {variables[gate]["default"] for gate in (WRITE_VARIABLE, SENSITIVE_VARIABLE)} == {"false"}
