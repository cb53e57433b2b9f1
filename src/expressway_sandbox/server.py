"""The sandbox's process, ``python -m expressway_sandbox.server``: its start, what it serves, requests to its own paths.

It listens on loopback only and opens no connection to anywhere but the container engine. It takes only requests that
are signed with the key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. ministack reads its settings from the
environment when it is imported, so they are set here first.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from expressway.core.child_environment import PYTHON, child_environment
from expressway.core.sandbox_key import SandboxKey
from expressway.errors import SandboxError
from expressway_sandbox.access.gate import PRIVATE_TOKEN_HEADER, private_token
from expressway_sandbox.record import SandboxInfo, instance_name

_LOG = "sandbox.log"
_ENGINE_CLIENT = ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONFIG")


def own_port(port: int) -> socket.socket:
    """A socket that holds the port, or a free one for 0, until the server takes it over."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as exc:
        listener.close()
        raise SandboxError(
            "sandbox_port_taken",
            f"Port {port} on 127.0.0.1 cannot be used: {exc.strerror}.",
            "Choose another port, or none to have a free one picked.",
        ) from exc
    return listener


def launch(listener: socket.socket, info: SandboxInfo) -> subprocess.Popen[bytes]:
    directory = info.state_dir
    options = {
        "port": info.port,
        "socket": listener.fileno(),
        "state-dir": directory,
        "account-id": info.account_id,
        "region": info.region,
        "docker-host": info.docker_host,
        "services": ",".join(info.services),
    }
    words = [word for name, value in options.items() if value for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "expressway_sandbox.server", *words]
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
            pass_fds=(listener.fileno(),),
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


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit status is that of the error, if one prevents the start."""
    parser = argparse.ArgumentParser(prog="python -m expressway_sandbox.server", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--socket", type=int, default=None, help="number of an open file: a socket that holds the port")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--docker-host", default=None, help="the container engine; without one no task can run")
    parser.add_argument("--account-id", default="000000000000")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--services", default="", help="emulated services to switch on, separated by commas")
    options = parser.parse_args(arguments)
    key = SandboxKey(os.environ.get("AWS_ACCESS_KEY_ID", ""), os.environ.get("AWS_SECRET_ACCESS_KEY", ""))
    if not key.access_key_id or not key.secret_access_key:
        parser.error("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must hold the sandbox's own key")
    _prepare_environment(options)
    from expressway_sandbox.composition import compose

    try:
        application = compose(
            port=options.port, key=key, services=[name for name in options.services.split(",") if name]
        )
    except SandboxError as error:
        (options.state_dir / "error.json").write_text(json.dumps(error.to_dict()))
        print(error, file=sys.stderr)
        return error.exit_code
    address = f"127.0.0.1:{options.port}" if options.socket is None else f"fd://{options.socket}"
    asyncio.run(_serve(application, address))
    return 0


def _prepare_environment(options: argparse.Namespace) -> None:
    state_dir: Path = options.state_dir.resolve()
    state_dir.mkdir(parents=True, exist_ok=True)
    (state_dir / "error.json").unlink(missing_ok=True)
    os.environ.update(
        {
            "GATEWAY_PORT": str(options.port),
            "BIND_HOST": "127.0.0.1",
            # With the port, this labels the containers that belong to this sandbox and to no other.
            "MINISTACK_HOSTNAME": instance_name(state_dir),
            "MINISTACK_ACCOUNT_ID": options.account_id,
            "MINISTACK_REGION": options.region,
            "STATE_DIR": str(state_dir / "ministack"),
            "PERSIST_STATE": "0",
            "S3_DATA_DIR": str(state_dir / "s3"),
            # Listeners for devices and file transfer that nothing here needs.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "MINISTACK_DOCKER_TIMEOUT": "60",
            # Without an engine, name one that is not there: the client must not find another by itself.
            "DOCKER_HOST": options.docker_host or f"unix://{state_dir}/no-engine.sock",
        }
    )
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN", "LOCALSTACK_PERSISTENCE", "SERVICES", "AUTH"):
        os.environ.pop(name, None)


async def _serve(application: object, address: str) -> None:
    from typing import Any, cast

    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [address]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    config.graceful_timeout = 1.0
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)

    async def until_stopped() -> None:
        await stopping.wait()

    await serve(cast(Any, application), config, shutdown_trigger=until_stopped)


if __name__ == "__main__":
    sys.exit(main())
