"""Over real pipes: one process serves one client, and its death loses nothing."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError
from mcp.types import PARSE_ERROR

from mcp import Client
from tests.knowledge.hostile import hostile, never
from tests.mcp.connections import ERAS, Era, error_shape, good_shape
from tests.mcp.fakes import LONG, write_app
from tests.mcp.known_tools import PARAMETERS

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
FAKE = ("-m", "tests.mcp.stdio_server")
REAL = ("-m", "expressway.mcp.server")
MEMORY_MIB = 90
HEAVY = (
    "boto3",
    "botocore",
    "docker",
    "aws_cdk",
    "jsii",
    "cfnlint",
    "ministack",
    "expressway.toolkit",
    "expressway.knowledge.client",
    "jsonschema",
)


def _environment(tmp_path: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "EXPRESSWAY_HOME": str(tmp_path / "home"),
        **more,
    }


@asynccontextmanager
async def _client(module: tuple[str, ...], environment: dict[str, str], era: Era = "auto") -> AsyncGenerator[Client]:
    parameters = StdioServerParameters(command=sys.executable, args=list(module), env=environment, cwd=ROOT)
    async with Client(parameters, mode=era, read_timeout_seconds=LONG) as client:
        yield client


@pytest.mark.parametrize("era", ERAS)
async def test_a_fresh_process_lists_its_tools_and_refuses_writes(era: Era, tmp_path: Path) -> None:
    async with _client(REAL, _environment(tmp_path), era) as client:
        assert client.server_info is not None
        assert client.server_info.name == "expressway"
        assert len((await client.list_tools()).tools) == len(PARAMETERS)
        refused = error_shape(await client.call_tool("delete_app", {"app_name": "shop"}))
    assert refused["code"] == "write_not_allowed"


async def test_the_gate_is_read_when_the_server_starts(tmp_path: Path) -> None:
    environment = _environment(tmp_path, ALLOW_WRITE="true")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "go").touch()
    async with _client(FAKE, environment) as client:
        shape = good_shape(await client.call_tool("deploy_app", {"app_path": str(write_app(tmp_path / "app"))}))
    assert shape["status"] == "deployed"


@pytest.mark.parametrize("era", ERAS)
async def test_a_killed_server_leaves_an_operation_that_the_next_one_knows_and_continues(
    era: Era, tmp_path: Path
) -> None:
    environment = _environment(tmp_path, ALLOW_WRITE="1")
    app = {"app_path": str(write_app(tmp_path / "app"))}
    shop = {"app_name": "shop"}
    async with _client(FAKE, environment, era) as client:
        begun = await _begun(client, app)
        status = good_shape(await client.call_tool("get_deployment_status", shop))
        assert status["operation"]["state"] == "running"
        os.kill(status["service"]["pid"], signal.SIGKILL)
    async with _client(FAKE, environment, era) as client:
        operation = good_shape(await client.call_tool("get_deployment_status", shop))["operation"]
        assert (operation["operation_id"], operation["state"]) == (begun["operation_id"], "interrupted")
        (tmp_path / "home" / "go").touch()
        assert good_shape(await client.call_tool("deploy_app", app))["status"] == "deployed"
        operation = good_shape(await client.call_tool("get_deployment_status", shop))["operation"]
        assert operation["state"] == "succeeded"


async def _begun(client: Client, app: dict[str, str]) -> Mapping[str, Any]:
    """A deployment in progress, once its id is known: the same call joins it."""
    with anyio.fail_after(LONG):
        while True:
            shape = good_shape(await client.call_tool("deploy_app", {**app, "wait_seconds": 0}))
            assert shape["status"] == "running"
            if "operation_id" in shape:
                return shape


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, "closed stdin"])
async def test_a_change_is_in_the_audit_log_however_the_server_ends(
    end: signal.Signals | str, waits: bool, era: Era, tmp_path: Path
) -> None:
    environment = _environment(tmp_path, ALLOW_WRITE="true", EXPRESSWAY_CALLER="ann")
    app = {"app_path": str(write_app(tmp_path / "app")), "wait_seconds": 45 if waits else 0}
    async with anyio.create_task_group() as tasks:
        async with _client(FAKE, environment, era) as client:
            pid = good_shape(await client.call_tool("get_deployment_status", {"app_name": "shop"}))["service"]["pid"]
            if waits:
                tasks.start_soon(_given_up, client, app)
            else:
                good_shape(await client.call_tool("deploy_app", app))
            await _written(tmp_path, 1 if waits else 2)
            if isinstance(end, signal.Signals):
                os.kill(pid, end)
                await _gone(pid)
        await _gone(pid)
        tasks.cancel_scope.cancel()
    told = _audit(tmp_path)
    answered = [] if waits else [("outcome", "running")]
    at_the_end = {
        signal.SIGKILL: [],
        signal.SIGTERM: [("outcome", "server_stopped") if waits else ("end", "interrupted")],
        "closed stdin": [("outcome", "cancelled"), ("end", "interrupted")] if waits else [("end", "interrupted")],
    }
    assert [(one["event"], one.get("outcome")) for one in told] == [("intent", None), *answered, *at_the_end[end]]
    for one in told:
        assert one["call_id"] == told[0]["call_id"]
        assert one["tool"] == "deploy_app"
        assert "000000000000" in one["target"]
        assert (one["account_id"], one["region"]) == ("000000000000", "us-east-1")
        assert one["who"]["caller"] == "ann"
        assert one["who"]["client"] == "mcp"


async def _given_up(client: Client, app: Mapping[str, Any]) -> None:
    with suppress(MCPError):
        await client.call_tool("deploy_app", dict(app))


async def _gone(pid: int) -> None:
    with anyio.fail_after(LONG), suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            await anyio.sleep(0.01)


def _audit(tmp_path: Path) -> list[dict[str, Any]]:
    path = tmp_path / "home" / "audit" / "calls.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


async def _written(tmp_path: Path, count: int) -> None:
    with anyio.fail_after(LONG):
        while len(_audit(tmp_path)) < count:
            await anyio.sleep(0.01)


def test_the_end_of_stdin_ends_the_process_although_a_deployment_is_under_way(tmp_path: Path) -> None:
    with _raw_server(FAKE, _environment(tmp_path, ALLOW_WRITE="yes")) as server:
        app = str(write_app(tmp_path / "app"))
        answer = _ask(server, "tools/call", {"name": "deploy_app", "arguments": {"app_path": app, "wait_seconds": 0}})
        assert answer["structuredContent"]["status"] == "running"
        assert server.stdin is not None
        server.stdin.close()
        assert server.wait(LONG) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("under_way", [False, True])
def test_a_signal_ends_the_process_although_its_client_keeps_stdin_open(
    number: signal.Signals, under_way: bool, tmp_path: Path
) -> None:
    with _raw_server(FAKE, _environment(tmp_path, ALLOW_WRITE="yes")) as server:
        if under_way:
            app = str(write_app(tmp_path / "app"))
            _ask(server, "tools/call", {"name": "deploy_app", "arguments": {"app_path": app, "wait_seconds": 0}})
        server.send_signal(number)
        assert server.wait(LONG) == 128 + number


_BUSY = """
import hashlib
from expressway.mcp.server import leave_on_signals
from expressway.mcp.background import BackgroundOperations

leave_on_signals(BackgroundOperations())
print("busy", flush=True)
hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # for a quarter of an hour, in which Python runs no handler
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_process_although_its_main_thread_heeds_none(number: signal.Signals, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _BUSY], env=_environment(tmp_path), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "busy\n"
            process.send_signal(number)
            assert process.wait(LONG) == 128 + number
        finally:
            process.kill()


def test_standard_output_carries_nothing_but_the_protocol(tmp_path: Path) -> None:
    with _raw_server(FAKE, _environment(tmp_path)) as server:
        _ask(server, "tools/call", {"name": "get_deployment_status", "arguments": {"app_name": "shop"}})
        _ask(server, "tools/call", {"name": "nothing", "arguments": {}})
        server.stdin.close()  # type: ignore[union-attr]
        rest = server.stdout.read()  # type: ignore[union-attr]
    for line in rest.splitlines():
        assert json.loads(line)["jsonrpc"] == "2.0"


def test_a_server_that_has_listed_its_tools_needs_little_memory(tmp_path: Path) -> None:
    with _raw_server(REAL, _environment(tmp_path)) as server:
        assert len(_ask(server, "tools/list", {})["tools"]) == len(PARAMETERS)
        assert psutil.Process(server.pid).memory_info().rss / 2**20 <= MEMORY_MIB
        assert psutil.Process(server.pid).children() == []


def test_what_is_loaded_beside_a_server_that_waits_fits_the_same_memory(tmp_path: Path) -> None:
    program = (
        "import expressway.mcp.server, psutil\n"
        "from expressway.mcp.server import preload_later\n"
        "loading = preload_later(0)\n"
        "loading.join()\n"
        "import sys\n"
        "assert {'boto3', 'expressway.diagnose.guidance.guidance'} <= set(sys.modules)\n"
        "assert not {'docker', 'aws_cdk', 'jsii', 'cfnlint', 'ministack'} & set(sys.modules)\n"
        "print(psutil.Process().memory_info().rss / 2**20)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=_environment(tmp_path), capture_output=True, text=True, check=True
    )
    assert float(done.stdout) <= MEMORY_MIB


def test_loading_ahead_reads_no_configuration_and_asks_for_no_credentials(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    configuration = tmp_path / "config"
    configuration.write_text(f"[default]\ncredential_process = touch {asked}\n")
    environment = _environment(tmp_path, AWS_CONFIG_FILE=str(configuration), AWS_PROFILE="default")
    program = "from expressway.mcp.server import preload; preload()"
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert not asked.exists()


def test_starting_loads_none_of_the_heavy_libraries(tmp_path: Path) -> None:
    program = (
        "import sys; from expressway.mcp.server import build_server; from expressway.privacy.gates import Gates\n"
        "build_server(lambda: None, Gates())\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=_environment(tmp_path), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("era", ERAS)
async def test_a_documentation_endpoint_that_swallows_everything_is_not_touched_before_it_is_asked(
    era: Era, tmp_path: Path
) -> None:
    with hostile(never) as endpoint:
        environment = _environment(tmp_path, EXPRESSWAY_KNOWLEDGE_URL=endpoint.url)
        async with _client(REAL, environment, era) as client, anyio.create_task_group() as tasks:
            assert len((await client.list_tools()).tools) == len(PARAMETERS)
            app = {"app_path": str(write_app(tmp_path / "app", "Bad_Name"))}
            assert error_shape(await client.call_tool("synth_app", app))["code"] == "invalid_definition"
            assert endpoint.connections == 0
            tasks.start_soon(client.call_tool, "aws_knowledge_aws___recommend", {"url": "https://docs.example/a"})
            with anyio.fail_after(LONG):
                while not endpoint.requests:
                    await anyio.sleep(0.01)
            assert error_shape(await client.call_tool("synth_app", app))["code"] == "invalid_definition"
            tasks.cancel_scope.cancel()


async def test_turned_off_the_documentation_tools_are_not_listed(tmp_path: Path) -> None:
    async with _client(REAL, _environment(tmp_path, EXPRESSWAY_KNOWLEDGE_URL="off")) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
    assert names == {name for name in PARAMETERS if not name.startswith("aws_knowledge_")}


async def test_the_command_line_starts_the_same_server(tmp_path: Path) -> None:
    module = ("-c", "from expressway.cli.main import main; main()", "mcp")
    async with _client(module, _environment(tmp_path)) as client:
        assert len((await client.list_tools()).tools) == len(PARAMETERS)


CALL = '{"jsonrpc": "2.0", %s, "method": "tools/call", "params": {"name": "get_deployment_status", "arguments": %s}}'
TAIL = '{"method": "tools/call", "params": {"name": "synth_app", "arguments": {"app_path": %s}}, "jsonrpc": "2.0", %s}'


@pytest.mark.parametrize(
    ("line", "answered"),
    [
        (CALL % ('"id": 7', '{"app_name": "cut \\ud83d"}'), 7),
        (CALL % ('"id": "seven"', f'{{"app_name": {"[" * 400}{"]" * 400}}}'), "seven"),
        (CALL % ('"id": 7', f'{{"app_name": {"[" * 200_000}{"]" * 200_000}}}'), 7),
        (TAIL % ("[" * 200_000 + "]" * 200_000, '"id": 7'), 7),
        (CALL % ('"id": 7', f'{{"app_name": {"9" * 5_000}}}'), 7),
        (CALL % ('"id": 7', '{"app_name": "shop"'), 7),
        ('{"jsonrpc": "2.0", "method": "notifications/x", "params": {"a": "\\ud83d"}}', None),
        ("no message at all", None),
    ],
)
def test_a_request_that_cannot_be_read_is_answered_and_the_next_one_too(
    tmp_path: Path, line: str, answered: int | str | None
) -> None:
    with _raw_server(FAKE, _environment(tmp_path)) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(f"{line}\n".encode())
        if answered is not None:
            server.stdin.flush()
            refused = json.loads(server.stdout.readline())
            assert refused["id"] == answered
            assert refused["error"]["code"] == PARSE_ERROR
            assert len(refused["error"]["message"]) < 300
        assert _ask(server, "ping", {}) == {}


@contextmanager
def _raw_server(module: tuple[str, ...], environment: dict[str, str]) -> Generator["subprocess.Popen[bytes]"]:
    server = subprocess.Popen(
        [sys.executable, *module],
        env=environment,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        client = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        assert _ask(server, "initialize", client)["serverInfo"]["name"] == "expressway"
        _send(server, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        yield server
    finally:
        server.kill()
        server.wait()


def _ask(server: "subprocess.Popen[bytes]", method: str, params: dict[str, Any]) -> Any:
    _send(server, {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    assert server.stdout is not None
    return json.loads(server.stdout.readline())["result"]


def _send(server: "subprocess.Popen[bytes]", message: dict[str, Any]) -> None:
    assert server.stdin is not None
    server.stdin.write(json.dumps(message).encode() + b"\n")
    server.stdin.flush()
