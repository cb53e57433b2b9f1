"""The MCP server: how soon it lists its tools, and what memory it takes with its CDK kernel and Node."""

import json
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.commands import MeasurementFailed
from benchmarks.measure import Contender, Row, Series, at_most, interleaved, share_of
from benchmarks.workbench import EXPRESSWAY, ROOT, Workbench

ROUNDS = 7
MEMORY_ROUNDS = 2
_OURS = (str(EXPRESSWAY), "mcp")
_ONE_TOOL = (sys.executable, "-m", "benchmarks.one_tool_server")
_MIB = 2**20
_LOADED_SECONDS = 5.0
"""By then the server has loaded what it loads while it waits (`expressway.mcp.server`)."""


def measure(bench: Workbench) -> list[Row]:
    """Time from starting the process to the answer to tools/list; then the memory of the process and of all that it
    started, as the sum of their resident sets (which counts shared pages once for each).
    """
    home = bench.fresh_folder("home")
    environment = bench.environment(home)
    for command in (_OURS, _ONE_TOOL):
        _list_tools(command, environment)
    taken = interleaved(
        [
            Contender("expressway mcp", lambda _: _list_tools(_OURS, environment)),
            Contender("one tool, same SDK", lambda _: _list_tools(_ONE_TOOL, environment)),
        ],
        rounds=ROUNDS,
    )
    ours, peer = taken.values()
    listed, one_tool, synthesized, shared = _memory(bench, bench.app("bench-memory"), environment)
    return [
        Row("start → tools/list", ours, peer, (share_of(ours, peer, 1.15),)),
        Row("memory before the first synth (RSS)", listed, one_tool, (at_most(listed, 90),)),
        Row("memory after it, kernel and Node included (RSS)", synthesized, None, (at_most(synthesized, 260),)),
        Row("… with shared pages counted once (PSS)", shared),
    ]


def _memory(bench: Workbench, app: Path, environment: dict[str, str]) -> tuple[Series, Series, Series, Series]:
    listed, one_tool, synthesized, shared = [], [], [], []
    for _ in range(MEMORY_ROUNDS):
        with _server(_ONE_TOOL, environment) as peer:
            one_tool.append(_resident(peer.pid))
        with _server(_OURS, {**environment, "EXPRESSWAY_HOME": str(bench.fresh_folder("home"))}) as ours:
            time.sleep(_LOADED_SECONDS)
            listed.append(_resident(ours.pid))
            answer = _ask(ours, "tools/call", {"name": "synth_app", "arguments": {"app_path": str(app)}})
            if answer.get("isError"):
                raise MeasurementFailed(f"synth_app: {answer}")
            synthesized.append(_resident(ours.pid))
            shared.append(_proportional(ours.pid))
    return (
        Series("expressway mcp", tuple(listed), "MiB"),
        Series("one tool, same SDK", tuple(one_tool), "MiB"),
        Series("expressway mcp", tuple(synthesized), "MiB"),
        Series("expressway mcp", tuple(shared), "MiB"),
    )


def _processes(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _resident(pid: int) -> float:
    return sum(process.memory_info().rss for process in _processes(pid)) / _MIB


def _proportional(pid: int) -> float:
    """PSS where the system tells it (Linux); elsewhere what is each process's own (USS)."""
    infos = [process.memory_full_info() for process in _processes(pid)]
    return sum(getattr(info, "pss", info.uss) for info in infos) / _MIB


def _list_tools(command: Sequence[str], environment: dict[str, str]) -> None:
    with _server(command, environment):
        pass


@contextmanager
def _server(command: Sequence[str], environment: dict[str, str]) -> Generator["subprocess.Popen[bytes]"]:
    """A server that has listed its tools. Killed at the end: ending is not measured."""
    server = subprocess.Popen(
        command, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        client = {"name": "bench", "version": "1"}
        _ask(server, "initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client})
        _send(server, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        if not _ask(server, "tools/list", {})["tools"]:
            raise MeasurementFailed(f"{command[0]} lists no tools")
        yield server
    finally:
        _end(server)


def _end(server: "subprocess.Popen[bytes]") -> None:
    """Kill the server with all that it started, and nothing else."""
    processes = _processes(server.pid) if server.poll() is None else []
    for process in processes:
        process.kill()
    server.wait()
    psutil.wait_procs(processes, timeout=5)


def _ask(server: "subprocess.Popen[bytes]", method: str, params: dict[str, Any]) -> dict[str, Any]:
    _send(server, {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    assert server.stdout is not None
    for line in server.stdout:
        answer = json.loads(line)
        if answer.get("id") == 1:
            if "result" not in answer:
                raise MeasurementFailed(f"{method}: {answer}")
            return answer["result"]
    raise MeasurementFailed(f"the server ended before it answered {method}")


def _send(server: "subprocess.Popen[bytes]", message: dict[str, Any]) -> None:
    assert server.stdin is not None
    server.stdin.write(json.dumps(message).encode() + b"\n")
    server.stdin.flush()
