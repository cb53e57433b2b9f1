"""The record that a running sandbox leaves in its state directory, and whether its process still lives."""

import hashlib
import json
import os
import socket
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from expressway.core.child_environment import child_environment
from expressway.core.sandbox_key import RECORD_NAME, UNKNOWN_KEY, SandboxKey


@dataclass(frozen=True, slots=True)
class SandboxInfo:
    """A running sandbox: where it answers and what it is made of.

    Attributes:
        services: the emulated services that are on besides those that Expressway and the CDK use.
        key: signs the requests that it accepts.
    """

    endpoint_url: str
    pid: int
    port: int
    account_id: str
    region: str
    state_dir: Path
    docker_host: str | None
    services: tuple[str, ...] = ()
    key: SandboxKey = field(default=UNKNOWN_KEY, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """What may be printed: everything but the key."""
        fields = asdict(self)
        del fields["key"]
        return fields


def default_state_dir() -> Path:
    """``$EXPRESSWAY_HOME/sandbox``, else ``$XDG_STATE_HOME/expressway/sandbox``, else below ``~/.local/state``."""
    home = os.environ.get("EXPRESSWAY_HOME")
    if home:
        return Path(home) / "sandbox"
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "expressway" / "sandbox"


def instance_name(state_dir: Path) -> str:
    """A name for the sandbox of a state directory of this machine, for the labels of its containers."""
    identity = f"{socket.gethostname()}:{state_dir}"
    return f"expressway-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def process_start(pid: int) -> str | None:
    """When the process started, in any form that differs for another process of the same id; None when it is gone."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():
        try:
            # The command in parentheses may hold spaces; state is field 3, start time field 22.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] == "Z" else fields[19]
    if Path("/proc/self/stat").exists():
        return None
    return _start_by_ps(pid)


def _start_by_ps(pid: int) -> str | None:
    """Where there is no /proc (macOS): ps knows."""
    import subprocess

    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env=child_environment(),
    )
    state, _, started = answer.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def write(info: SandboxInfo) -> None:
    """Record a running sandbox atomically, in a file that only its user can read."""
    fields = info.to_dict() | asdict(info.key)
    fields |= {"state_dir": str(info.state_dir), "started": process_start(info.pid)}
    handle, name = tempfile.mkstemp(dir=info.state_dir, prefix=RECORD_NAME)
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(fields, file, indent=2)
        Path(name).replace(info.state_dir / RECORD_NAME)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def read(state_dir: Path) -> SandboxInfo | None:
    """The sandbox that runs with this state directory; a record of a process that is gone counts as none."""
    info, started = _recorded(state_dir)
    if info is None or started is None:
        return None
    return info if process_start(info.pid) == started else None


def last(state_dir: Path) -> SandboxInfo | None:
    """The sandbox that was recorded last and not stopped, whether or not its process still lives."""
    return _recorded(state_dir)[0]


def _recorded(state_dir: Path) -> tuple[SandboxInfo | None, str | None]:
    """The record, and when its process had started."""
    try:
        fields: dict[str, Any] = json.loads((state_dir / RECORD_NAME).read_text())
        started = fields.pop("started")
        fields["state_dir"] = Path(fields["state_dir"])
        fields["services"] = tuple(fields.get("services") or ())
        key = SandboxKey(fields.pop("access_key_id", ""), fields.pop("secret_access_key", ""))
        return SandboxInfo(**fields, key=key), started
    except (OSError, ValueError, TypeError, KeyError):
        return None, None


def forget(state_dir: Path) -> None:
    """Remove the record."""
    (state_dir / RECORD_NAME).unlink(missing_ok=True)
