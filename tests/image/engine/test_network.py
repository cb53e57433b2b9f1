"""Builds in the private engine reach what this machine reaches, and no credentials stay in images."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from expressway.core.progress import Progress
from expressway.errors import ImageError
from expressway.image.check import BuildRequest, check_build
from expressway.image.engine.client import DockerEngine
from expressway.image.engine.discovery import EngineAddress
from expressway.image.engine.docker_api import open_client
from expressway.image.engine.errors import BuildFailure, build_error
from expressway.image.engine.network import NETWORK_FILE, WITHOUT_RULES, BuildNetwork, build_network, unreachable
from expressway_sandbox.base_images.seed import BUSYBOX_IMAGE
from tests.image.engine.test_client import NEVER


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The configuration of a machine; a private engine's socket would be in its folder ``engine``."""
    for folder in ("etc", "home", "engine", "run/systemd/resolve"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/resolv.conf").write_text("search example\nnameserver 192.0.2.1\n")
    (tmp_path / "engine" / NETWORK_FILE).write_text("with network rules")
    return tmp_path


def network(machine: Path, **environ: str) -> BuildNetwork:
    return build_network(f"unix://{machine}/engine/docker.sock", environ, root=machine, home=machine / "home")


def test_an_engine_that_is_not_ours_is_left_as_it_is(tmp_path: Path) -> None:
    for host in (f"unix://{tmp_path}/docker.sock", "tcp://192.0.2.1:2376", "ssh://me@host"):
        assert build_network(host, {"HTTP_PROXY": "http://p:1", "PIP_INDEX_URL": "http://i/"}) == BuildNetwork()


@pytest.mark.parametrize(
    ("servers", "stub", "mode"),
    [
        ("nameserver 192.0.2.1", False, ""),
        ("nameserver 127.0.0.53\noptions edns0", True, ""),
        ("nameserver 127.0.0.53", False, "host"),
        ("nameserver 127.0.0.1", True, "host"),
        ("nameserver ::1", False, "host"),
        ("nameserver 127.0.0.1\nnameserver 192.0.2.1", False, ""),
        ("", False, ""),
        ("# nameserver 127.0.0.1\nnonsense", False, ""),
    ],
)
def test_names_that_are_looked_up_on_loopback_take_the_machines_network(
    machine: Path, servers: str, stub: bool, mode: str
) -> None:
    (machine / "etc/resolv.conf").write_text(servers + "\n")
    if stub:
        (machine / "run/systemd/resolve/resolv.conf").write_text("nameserver 192.0.2.1\n")
    assert network(machine).mode == mode
    (machine / "engine" / NETWORK_FILE).write_text(WITHOUT_RULES)
    assert network(machine).mode == "host"


@pytest.mark.parametrize(
    "proxy", ["http://127.0.0.1:3128", "localhost:3128", "http://u:p@[::1]:1/", "http://localhost"]
)
def test_a_proxy_on_loopback_takes_the_machines_network(machine: Path, proxy: str) -> None:
    found = network(machine, https_proxy=proxy, NO_PROXY="127.0.0.1", HTTP_PROXY="http://proxy.example:1")
    assert found.mode == "host"
    assert found.args == {"https_proxy": proxy, "NO_PROXY": "127.0.0.1", "HTTP_PROXY": "http://proxy.example:1"}
    assert network(machine, HTTP_PROXY="http://proxy.example:1", NO_PROXY="127.0.0.1").mode == ""
    assert "proxy.example" not in repr(found)


def test_package_indexes_are_those_of_the_machine_without_credentials(machine: Path) -> None:
    (machine / "etc/pip.conf").write_text("[global]\nindex-url = http://index.example/simple\n")
    (machine / "home/.npmrc").write_text("; mine\nregistry=http://npm.example/\n//npm.example/:_authToken=npm_secret\n")
    assert network(machine).args == {
        "PIP_INDEX_URL": "http://index.example/simple",
        "NPM_CONFIG_REGISTRY": "http://npm.example/",
    }
    named = network(machine, PIP_INDEX_URL="https://other.example/simple", npm_config_registry="http://127.0.0.1:4873")
    assert named.args["PIP_INDEX_URL"] == "https://other.example/simple"
    assert named.mode == "host"
    kept_out = "https://me:secret@index.example/simple https://index.example/?token=secret file:///opt/wheels"
    assert "PIP_EXTRA_INDEX_URL" not in network(machine, PIP_EXTRA_INDEX_URL=kept_out).args
    found = network(machine, PIP_EXTRA_INDEX_URL=f"{kept_out} https://more.example/simple")
    assert found.args["PIP_EXTRA_INDEX_URL"] == "https://more.example/simple"


@pytest.mark.parametrize("broken", ["[global\nindex-url", "index-url = x", "\x00", "[global]\nindex-url = %(x)s\n"])
def test_broken_configuration_is_no_configuration(machine: Path, broken: str) -> None:
    (machine / "etc/pip.conf").write_text(broken)
    (machine / "home/.npmrc").write_bytes(b"\xff\xfe")
    assert network(machine).args == {}


@pytest.mark.parametrize(
    "line",
    [
        "WARNING: Retrying (Retry(total=4)) after NewConnectionError: [Errno -3] Temporary failure in name resolution",
        "npm error code EAI_AGAIN",
        "curl: (6) Could not resolve host: deb.example",
        "Temporary failure resolving 'deb.example'",
        "wget: bad address 'example.com'",
        "connect: Network is unreachable",
    ],
)
def test_the_first_line_that_tells_of_the_network_is_the_reason(line: str) -> None:
    assert unreachable(line)
    error = build_error(BuildFailure("returned a non-zero code: 1", "Step 2/2 : RUN x", ("y", "ERROR: no x"), 0, line))
    assert line in error.message
    assert "did not reach the network" in (error.hint or "")
    assert not unreachable("Successfully installed resolver-1.0 network-2.0")


@pytest.fixture
def server() -> Iterator[str]:
    """A package server that only this machine's own network reaches."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"a package\n")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    served = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    served.server_close()


@pytest.mark.engine
def test_a_build_in_the_private_engine_reaches_a_server_of_this_machine(
    base_images: str, server: str, tmp_path: Path
) -> None:
    if not (Path(base_images.removeprefix("unix://")).parent / NETWORK_FILE).is_file():
        pytest.skip("this machine has an engine of its own, with a network of its own")
    environ = {"PIP_INDEX_URL": server, "HTTPS_PROXY": "http://me:secret@127.0.0.1:1", "PATH": os.environ["PATH"]}
    (tmp_path / "Dockerfile").write_text(
        f"FROM {BUSYBOX_IMAGE}\nARG PIP_INDEX_URL\nRUN wget -q -O - $PIP_INDEX_URL && echo proxy=$HTTPS_PROXY\n"
    )
    engine, told = DockerEngine(EngineAddress(base_images, "test"), environ=environ), list[Progress]()
    checked = check_build(BuildRequest("network-test", tmp_path), engine=engine)
    engine.build(checked.build, progress=told.append, cancellation=NEVER)
    client = open_client(engine.address, timeout_seconds=60)
    history = str(client.history(checked.build.name)) + str(client.inspect_image(checked.build.name))
    client.remove_image(checked.build.name, force=True)
    client.close()
    lines = [one.message for one in told]
    assert any("a package" in line for line in lines)
    assert any("proxy=http://me:" in line and "echo" not in line for line in lines), (
        "the build itself is given the proxy"
    )
    assert "secret" not in history


@pytest.mark.engine
def test_a_build_that_reaches_nobody_says_so_at_the_first_line(base_images: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        f"FROM {BUSYBOX_IMAGE}\nRUN wget -q http://no-such-host.invalid/x || (echo tried again >&2; exit 4)\n"
    )
    engine, told = DockerEngine(EngineAddress(base_images, "test")), list[Progress]()
    checked = check_build(BuildRequest("network-test", tmp_path), engine=engine)
    with pytest.raises(ImageError) as caught:
        engine.build(checked.build, progress=told.append, cancellation=NEVER)
    assert "bad address" in caught.value.message
    assert "did not reach the network" in (caught.value.hint or "")
    warned = next(index for index, one in enumerate(told) if one.level == "warning")
    repeated = next(
        index for index, one in enumerate(told) if "tried again" in one.message and "echo" not in one.message
    )
    assert warned < repeated
