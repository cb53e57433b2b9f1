"""The record of Expressway's own container engine, and whether that engine still runs."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from expressway.core.directories import state_directory

ENGINE_DIRECTORY_VARIABLE = "EXPRESSWAY_ENGINE_DIR"
_RECORD_NAME = "engine.json"


@dataclass(frozen=True, slots=True)
class EngineRecord:
    """A private engine: its daemon's process id, that process's start time (clock ticks since boot), its address."""

    pid: int
    start_ticks: int
    docker_host: str
    bridge: str = ""


def engine_directory(environ: Mapping[str, str]) -> Path:
    """The directory of the private engine: EXPRESSWAY_ENGINE_DIR, or ``engine`` in the state directory."""
    named = environ.get(ENGINE_DIRECTORY_VARIABLE)
    return Path(named).absolute() if named else state_directory(environ) / "engine"


def read_engine_record(directory: Path) -> EngineRecord | None:
    """The record of an engine that runs now, or None when there is none (or its process is gone)."""
    try:
        content = json.loads((directory / _RECORD_NAME).read_text(encoding="utf-8"))
        record = EngineRecord(
            pid=int(content["pid"]),
            start_ticks=int(content["start_ticks"]),
            docker_host=str(content["docker_host"]),
            bridge=str(content.get("bridge", "")),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if process_start_ticks(record.pid) == record.start_ticks else None


def write_engine_record(directory: Path, record: EngineRecord) -> None:
    """Write the record so that a reader sees the old one or the new one, never a part."""
    partial = directory / f".{_RECORD_NAME}.{os.getpid()}"
    partial.write_text(json.dumps(asdict(record)) + "\n", encoding="utf-8")
    partial.replace(directory / _RECORD_NAME)


def remove_engine_record(directory: Path) -> None:
    """Forget the engine; harmless when there is no record."""
    (directory / _RECORD_NAME).unlink(missing_ok=True)


def process_start_ticks(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None when it is gone or a zombie (Linux: proc(5))."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat[stat.rfind(")") + 2 :].split()
    return None if fields[0] in {"Z", "X"} else int(fields[19])
