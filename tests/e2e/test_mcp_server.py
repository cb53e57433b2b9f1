"""A real app through the server's tools: on the embedded AWS, with real containers, through a killed server."""

import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from http.client import HTTPConnection
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import anyio
import psutil
import pytest
from mcp.client.stdio import StdioServerParameters
from mcp.shared.dispatcher import ProgressFnT

from mcp import Client
from tests.mcp.connections import error_shape, good_shape

if TYPE_CHECKING:
    from expressway_sandbox.lifecycle import SandboxInfo

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

ROOT = Path(__file__).parents[2]
APP = "mcp-hello"
MEMORY_MIB = 260
ROUNDS = 20
"""So often is the status asked before a test gives up; each deployment call waits up to 45 s."""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = copytree(ROOT / "examples" / "hello", tmp_path / "hello")
    file = folder / "expressway.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("name: hello", f"name: {APP}"), encoding="utf-8")
    return folder


@pytest.fixture
def environment(embedded_aws: "SandboxInfo", base_images: str, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],  # the caches of the CDK and of compiled modules
        "EXPRESSWAY_HOME": str(tmp_path / "state"),
        "EXPRESSWAY_SANDBOX": embedded_aws.endpoint_url,
        "DOCKER_HOST": base_images,
        "ALLOW_WRITE": "true",
    }


@asynccontextmanager
async def _client(environment: dict[str, str]) -> AsyncGenerator[Client]:
    server = StdioServerParameters(command=sys.executable, args=["-m", "expressway.mcp.server"], env=environment)
    async with Client(server, read_timeout_seconds=90) as client:
        yield client


async def _ended(client: Client, tool: str, arguments: dict[str, Any], watch: ProgressFnT | None = None) -> Any:
    """What the work comes to: a call that answers before its end is repeated, and joins it."""
    for _ in range(ROUNDS):
        shape = good_shape(await client.call_tool(tool, arguments, progress_callback=watch))
        if shape.get("status") != "running":
            return shape
    raise AssertionError(f"{tool} does not end")


async def _begun(client: Client, app: Path) -> Any:
    """A deployment in progress whose id is known."""
    for _ in range(ROUNDS):
        shape = good_shape(await client.call_tool("deploy_app", {"app_path": str(app), "wait_seconds": 0}))
        assert shape["status"] == "running"
        if "operation_id" in shape:
            return shape
    raise AssertionError("the deployment does not begin")


async def test_an_app_is_planned_deployed_seen_and_deleted(app: Path, environment: dict[str, str]) -> None:
    async with _client(environment) as client:
        synthesized = good_shape(await client.call_tool("synth_app", {"app_path": str(app)}))
        assert [stack["stack_name"] for stack in synthesized["stacks"]] == [
            f"{APP}-ecr-infrastructure",
            f"{APP}-express-service",
        ]
        assert _family_mib() <= MEMORY_MIB
        plan = good_shape(await client.call_tool("diff_app", {"app_path": str(app)}))
        assert plan["nothing_to_do"] is False
        refused = await client.call_tool("deploy_app", {"app_path": str(app), "approved_plan": "0" * 16})
        assert error_shape(refused)["code"] == "plan_changed"

        told: list[str] = []

        async def watch(progress: float, total: float | None, message: str | None) -> None:
            told.append(message or "")

        arguments = {"app_path": str(app), "approved_plan": plan["plan_digest"]}
        shape = await _ended(client, "deploy_app", arguments, watch)
        assert shape["status"] == "deployed"
        assert any(message.startswith("service:") for message in told)
        assert _fetch(shape["url"]) == 200

        ready = await client.call_tool("wait_for_service_ready", {"cluster": "default", "service_name": APP})
        assert good_shape(ready)["status"] == "success"
        status = good_shape(await client.call_tool("get_deployment_status", {"app_name": APP}))
        assert (status["status"], status["url"]) == ("ready", shape["url"])
        assert status["operation"]["state"] == "succeeded"

        again = await _ended(client, "deploy_app", {"app_path": str(app)})
        assert again["status"] == "unchanged"

        deleted = await _ended(client, "delete_app", {"app_name": APP})
        assert deleted["errors"] == []
        assert deleted["service_deletion"]["status"] == "deleted"
        status = good_shape(await client.call_tool("get_deployment_status", {"app_name": APP}))
        assert status["status"] == "absent"


async def test_a_deployment_outlives_its_server(app: Path, environment: dict[str, str]) -> None:
    async with _client(environment) as client:
        shape = await _begun(client, app)
        _server().send_signal(signal.SIGKILL)
    async with _client(environment) as client:
        status = good_shape(await client.call_tool("get_deployment_status", {"app_name": APP}))
        assert status["operation"]["operation_id"] == shape["operation_id"]
        assert status["operation"]["state"] == "interrupted"
        assert (await _ended(client, "deploy_app", {"app_path": str(app)}))["url"]
        await _ended(client, "delete_app", {"app_name": APP})


async def test_an_edit_made_during_a_deployment_is_never_called_deployed(
    app: Path, environment: dict[str, str]
) -> None:
    async with _client(environment) as client:
        arguments = {"app_path": str(app), "wait_seconds": 0}
        first = await _begun(client, app)
        await _operation(client, lambda operation: operation["phase"] not in {"check", "synth"})
        file = app / "app.py"
        file.write_text(file.read_text(encoding="utf-8").replace("Hello from", "Hello again from"), encoding="utf-8")
        refused = error_shape(await client.call_tool("deploy_app", arguments))
        assert refused["code"] == "operation_running"
        assert refused["details"]["operation_id"] == first["operation_id"]
        await _operation(client, lambda operation: operation["state"] != "running")
        second = await _ended(client, "deploy_app", {"app_path": str(app)})
        assert second["operation_id"] != first["operation_id"]
        assert _answer(second["access_hint"])["message"].startswith("Hello again")
        await _ended(client, "delete_app", {"app_name": APP})


async def _operation(client: Client, is_there: Callable[[Any], bool]) -> None:
    """Ask how the app stands until its operation is as awaited."""
    with anyio.fail_after(200):
        while True:
            status = good_shape(await client.call_tool("get_deployment_status", {"app_name": APP}))
            if is_there(status["operation"]):
                return
            await anyio.sleep(0.2)


def _answer(reach: str) -> Any:
    """What the service answers to the request that a result names."""
    address, _, host = reach.partition(" with the header Host: ")
    with urlopen(Request(address, headers={"Host": host}), timeout=60) as answer:
        return json.load(answer)


def _fetch(url: str) -> int:
    """The answer's status; the sandbox's host names are the loopback address, whatever the resolver knows."""
    parts = urlsplit(url)
    connection = HTTPConnection("127.0.0.1", parts.port or 80, timeout=60)
    connection.request("GET", parts.path or "/", headers={"Host": parts.netloc})
    return connection.getresponse().status


def _family_mib() -> float:
    """Memory of the server and all that it started, without this test's own process."""
    server = _server()
    family = [server, *server.children(recursive=True)]
    return sum(process.memory_info().rss for process in family) / 2**20


def _server() -> psutil.Process:
    [server] = [process for process in psutil.Process().children() if "expressway.mcp.server" in _words_of(process)]
    return server


def _words_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # it has ended meanwhile
        return []
