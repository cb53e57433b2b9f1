"""The process of a sandbox's emulator: its port, its start with few variables, and requests to its own paths."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping

from expressway.core.child_environment import PYTHON, child_environment
from expressway.errors import SandboxError
from expressway_sandbox.access.gate import PRIVATE_TOKEN_HEADER, private_token
from expressway_sandbox.record import SandboxInfo

_LOG = "sandbox.log"
_ENGINE_CLIENT = ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONFIG")


def own_port(port: int) -> socket.socket:
    """A socket that holds the port, or a free one for 0, until the server takes it: nobody else gets it meanwhile."""
    place = socket.socket()
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    place.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        place.bind(("127.0.0.1", port))
    except OSError as exc:
        place.close()
        raise SandboxError(
            "sandbox_port_taken",
            f"Port {port} on 127.0.0.1 cannot be used: {exc.strerror}.",
            "Choose another port, or none to have a free one picked.",
        ) from exc
    return place


def launch(place: socket.socket, info: SandboxInfo) -> subprocess.Popen[bytes]:
    directory = info.state_dir
    command = [sys.executable, "-m", "expressway_sandbox.server", "--port", str(info.port)]
    command += ["--state-dir", str(directory), "--socket", str(place.fileno())]
    command += ["--account-id", info.account_id, "--region", info.region]
    if info.docker_host:
        command += ["--docker-host", info.docker_host]
    if info.services:
        command += ["--services", ",".join(info.services)]
    own = {"AWS_ACCESS_KEY_ID": info.key.access_key_id, "AWS_SECRET_ACCESS_KEY": info.key.secret_access_key}
    with (directory / _LOG).open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=emulator_environment(os.environ) | own,
            start_new_session=True,
            pass_fds=(place.fileno(),),
        )


def emulator_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What the emulator's process gets of `environ`: how it talks to the container engine, and how fast it judges."""
    timing = [name for name in environ if name.startswith("EXPRESSWAY_SANDBOX_") and name.endswith("_SECONDS")]
    return child_environment(environ, also=PYTHON.union(_ENGINE_CLIENT, timing, ["LOG_LEVEL"]))


def wait_until_ready(info: SandboxInfo, process: subprocess.Popen[bytes], wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise _start_error(info, f"it ended with exit status {process.returncode}")
        try:
            ask(info, "/_ministack/ready", timeout=2)
            return
        except OSError:  # urllib's errors too
            time.sleep(0.03)
    raise _start_error(info, f"it did not answer within {wait_seconds:g} seconds")


def _start_error(info: SandboxInfo, what: str) -> SandboxError:
    try:
        fields = json.loads((info.state_dir / "error.json").read_text())
        return SandboxError(fields["code"], fields["message"], fields["hint"], fields.get("details"))
    except (OSError, ValueError, KeyError):
        pass
    log = info.state_dir / _LOG
    tail = log.read_text(errors="replace").splitlines()[-10:] if log.exists() else []
    message = f"The sandbox could not start: {what}."
    return SandboxError("sandbox_start_failed", message, f"See its log: {log}.", {"log": tail})


def ask(info: SandboxInfo, path: str, *, method: str = "GET", timeout: float) -> None:
    """Send a request to one of the emulator's own paths, which take only the sandbox's private token."""
    headers = {PRIVATE_TOKEN_HEADER: private_token(info.key)}
    request = urllib.request.Request(f"{info.endpoint_url}{path}", method=method, headers=headers)  # noqa: S310
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout):
        pass
