"""The MCP Inspector finds nothing to object to, in either protocol era."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.mcp.inspector import inspect
from tests.mcp.known_tools import PARAMETERS

pytestmark = pytest.mark.process

SERVER = (sys.executable, "-m", "expressway.mcp.server")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "EXPRESSWAY_HOME": str(tmp_path)}


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_strict_tool_list_passes_without_a_warning(era: str, environment: dict[str, str]) -> None:
    done = inspect(SERVER, "--method", "tools/list", "--strict", "--protocol-era", era, environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert {tool["name"] for tool in json.loads(done.stdout)["tools"]} == set(PARAMETERS)


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_refusal_is_an_error_result_for_the_inspector_too(era: str, environment: dict[str, str]) -> None:
    call = ("--method", "tools/call", "--tool-name", "delete_app", "--tool-arg", "app_name=shop")
    done = inspect(SERVER, *call, "--protocol-era", era, environment=environment)
    result = json.loads(done.stdout)
    assert result["isError"] is True
    assert result["structuredContent"]["code"] == "write_not_allowed"
