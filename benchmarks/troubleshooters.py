"""Two servers over stdio, asked the same questions by one client."""

import json
import os
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp.client.stdio import StdioServerParameters, stdio_client
from tests.e2e.scenarios.scenario import Question

from benchmarks.commands import MeasurementFailed
from benchmarks.peer_server import peer_command
from benchmarks.workbench import EXPRESSWAY, Workbench
from expressway.core.sandbox_key import find_key
from mcp import Client

TOOL = "ecs_troubleshooting_tool"
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR")
_GATES = {"ALLOW_SENSITIVE_DATA": "true", "ALLOW_WRITE": "true"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a tool answered: its text, and the same as an object where it is one."""

    text: str
    is_error: bool

    @property
    def shape(self) -> Mapping[str, Any]:
        try:
            value = json.loads(self.text)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


class Troubleshooter:
    """One running server."""

    def __init__(self, name: str, portal: BlockingPortal, client: Client) -> None:
        self.name = name
        self._portal = portal
        self._client = client

    def ask(self, question: Question) -> Reply:
        """Call the troubleshooting tool."""
        return self.call(TOOL, {"action": question.action, "parameters": dict(question.parameters)})

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Reply:
        result: Any = self._portal.call(self._client.call_tool, tool, dict(arguments))
        text = "".join(getattr(part, "text", "") for part in result.content)
        return Reply(text, bool(result.is_error))

    def tool_list_bytes(self) -> int:
        """The length of the answer to tools/list."""
        listed: Any = self._portal.call(self._client.list_tools)
        return len(listed.model_dump_json(by_alias=True, exclude_none=True).encode())


@contextmanager
def ours(endpoint_url: str, home: Path) -> Generator[Troubleshooter]:
    """Our server on an AWS stand-in at `endpoint_url`."""
    environment = {"EXPRESSWAY_SANDBOX": endpoint_url, "EXPRESSWAY_HOME": str(home), "AWS_REGION": "us-east-1"}
    with _server("expressway", EXPRESSWAY, ["mcp"], environment) as running:
        yield running


@contextmanager
def peer(endpoint_url: str) -> Generator[Troubleshooter]:
    """The peer on the same."""
    key = find_key(endpoint_url, {})
    environment = {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "FASTMCP_LOG_LEVEL": "ERROR",
    }
    with _server("ecs-mcp-server", peer_command(), [], environment) as running:
        yield running


@contextmanager
def _server(name: str, program: Path, arguments: list[str], variables: Mapping[str, str]) -> Generator[Troubleshooter]:
    kept = {one: os.environ[one] for one in _KEPT if one in os.environ}
    parameters = StdioServerParameters(command=str(program), args=arguments, env={**kept, **_GATES, **variables})
    with Path(os.devnull).open("w") as silence, start_blocking_portal() as portal:
        client = Client(stdio_client(parameters, errlog=silence), read_timeout_seconds=120)
        try:
            with portal.wrap_async_context_manager(client) as connected:
                yield Troubleshooter(name, portal, connected)
        except OSError as exc:
            raise MeasurementFailed(f"{name} did not start: {exc}") from exc


@dataclass(frozen=True, slots=True)
class Pair:
    """Both servers on the same state."""

    ours: Troubleshooter
    peer: Troubleshooter


@contextmanager
def both(bench: Workbench, endpoint_url: str) -> Generator[Pair]:
    """Both servers, running."""
    with ExitStack() as stack:
        yield Pair(
            stack.enter_context(ours(endpoint_url, bench.fresh_folder("home"))),
            stack.enter_context(peer(endpoint_url)),
        )
