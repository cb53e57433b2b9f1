"""What the processes that are started get to see of this one's environment."""

import ast
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from expressway.app.definition import AppDefinition
from expressway.cloudformation.template import Template
from expressway.containerize.review.hadolint import Hadolint
from expressway.core.child_environment import NETWORK, child_environment
from expressway.image.engine.buildkit import find_buildkit_command
from expressway.image.engine.discovery import EngineAddress
from expressway.synth.kernel.jsii import ensure_index
from expressway.synth.kernel.process import KernelProcess
from expressway.synth.lint.linter import TemplateLinter
from expressway.synth.workers import worker_environment

pytestmark = pytest.mark.process

SOURCE = Path(__file__).parents[2] / "src"
PLANTED = "pl4nted-value"
SECRETS = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE"),
    *("AWS_CONTAINER_AUTHORIZATION_TOKEN", "GITHUB_TOKEN", "NPM_TOKEN", "OPENAI_API_KEY", "DATABASE_URL"),
    *("SSH_AUTH_SOCK", "ALLOW_WRITE", "HADOLINT_IGNORE", "NODE_OPTIONS", "A_SECRET_NOBODY_HEARD_OF", "Path_Token"),
)
PROXIES = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "SSL_CERT_FILE")


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SECRETS, *PROXIES):
        monkeypatch.setenv(name, f"{PLANTED} of {name}")


STARTING = {
    "subprocess": {"run", "Popen", "call", "check_call", "check_output", "getoutput", "getstatusoutput"},
    "asyncio": {"create_subprocess_exec", "create_subprocess_shell"},
    "anyio": {"run_process", "open_process"},
    "os": {"posix_spawn", "posix_spawnp", "system", "popen", "fork", "forkpty", "startfile"},
    "pty": {"spawn", "fork"},
    "multiprocessing": {"Process", "Pool", "get_context"},
}
MAKERS = {"child_environment", "worker_environment", "emulator_environment"}


def _starts(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
        ):
            module, name = node.func.value.id, node.func.attr
            if name in STARTING.get(module, ()) or (module == "os" and name.startswith(("exec", "spawn"))):
                yield node


def _has_environment(call: ast.Call) -> bool:
    spawn = isinstance(call.func, ast.Attribute) and call.func.attr == "posix_spawn"
    return spawn or any(keyword.arg == "env" for keyword in call.keywords)


def test_every_process_that_is_started_gets_an_environment_of_its_own() -> None:
    started = 0
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = list(_starts(tree))
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        hidden = {"Popen", "ProcessPoolExecutor", "check_output", "create_subprocess_exec", "posix_spawn"} & imported
        assert not hidden, f"{path}: {hidden} imported by name, where this test does not see it"
        started += len(calls)
        for call in calls:
            assert _has_environment(call), f"{path}:{call.lineno} starts a process with the whole environment"
        assert not calls or imported & MAKERS, f"{path} makes an environment without the allow-list"
    assert started >= 10


@pytest.mark.usefixtures("planted")
def test_an_environment_has_what_is_on_the_list_and_nothing_else() -> None:
    given = dict.fromkeys((*SECRETS, *PROXIES, "HOME", "LC_ALL", "PATH"), "x")
    assert child_environment(given).keys() == {"HOME", "LC_ALL", "PATH"}
    assert child_environment(given, also=NETWORK).keys() == {"HOME", "LC_ALL", "PATH", *PROXIES}
    assert child_environment({})["PATH"].startswith("/usr/local/sbin:")
    assert not any(PLANTED in value for value in worker_environment().values())


@pytest.mark.usefixtures("planted")
def test_the_kernel_and_its_node_get_no_credentials() -> None:
    kernel = KernelProcess.start()
    try:
        kernel.request(AppDefinition(name="shop", image="public.ecr.aws/docker/library/httpd:2.4"), timeout_seconds=120)
        process = psutil.Process(kernel.pid)
        seen = [one.environ() for one in (process, *process.children(recursive=True))]
        programs = [Path(one.exe()).name for one in process.children(recursive=True)]
    finally:
        kernel.close()
    assert "node" in programs
    assert not [value for variables in seen for value in variables.values() if PLANTED in value]


@pytest.mark.usefixtures("planted")
def test_the_linters_get_no_credentials(tmp_path: Path) -> None:
    seen: list[dict[str, str]] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for child in psutil.Process().children(recursive=True):
                try:
                    if "expressway.synth.lint.worker" in child.cmdline():
                        seen.append(child.environ())
                except psutil.Error:
                    continue
            time.sleep(0.02)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        TemplateLinter(cache_dir=tmp_path)([Template("shop", json.dumps({"Resources": {}}))], ("us-east-1",))
    finally:
        done.set()
        watching.join()
    assert seen
    assert not [value for variables in seen for value in variables.values() if PLANTED in value]


def _dumping(program: Path, seen: Path, answer: str = "[]") -> Path:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\ncat /proc/$$/environ >> {seen}\necho '{answer}'\n", encoding="utf-8")
    program.chmod(0o755)
    return program


@pytest.mark.usefixtures("planted")
def test_hadolint_gets_no_credentials_and_no_settings(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    assert Hadolint(_dumping(tmp_path / "hadolint", seen))("FROM scratch\n") == ()
    assert "PATH=" in seen.read_text()
    assert PLANTED not in seen.read_text()


@pytest.mark.usefixtures("planted")
def test_the_process_that_indexes_the_cdk_gets_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tmp_path / "seen"
    monkeypatch.setattr("sys.executable", str(_dumping(tmp_path / "python", seen)))
    assert not ensure_index({**os.environ, "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(tmp_path / "empty")})
    assert "JSII_RUNTIME_PACKAGE_CACHE_ROOT=" in seen.read_text()
    assert PLANTED not in seen.read_text()


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize(
    ("configuration", "host", "wanted"),
    [
        ({}, "unix:///run/docker.sock", ()),
        ({"credsStore": "desktop", "credHelpers": {"gcr.io": "gcloud"}}, "tcp://127.0.0.1:1", ()),
        ({"credHelpers": ["odd"], "credsStore": 7}, "tcp://127.0.0.1:1", ()),
        (
            {"credHelpers": {"111122223333.dkr.ecr.us-east-1.amazonaws.com": "ecr-login"}},
            "tcp://127.0.0.1:1",
            ("AWS_",),
        ),
        ({"credsStore": "ecr-login"}, "tcp://127.0.0.1:1", ("AWS_",)),
        ({}, "ssh://builder@example.com", ("SSH_AUTH_SOCK",)),
    ],
)
def test_the_docker_command_gets_only_credentials_that_it_works_with(
    configuration: dict[str, object], host: str, wanted: tuple[str, ...], tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    _dumping(tmp_path / "bin" / "docker", seen)
    (tmp_path / "config.json").write_text(json.dumps(configuration), encoding="utf-8")
    environ = {**os.environ, "DOCKER_CONFIG": str(tmp_path)}
    found = find_buildkit_command(EngineAddress(host, "test"), environ=environ, folders=(str(tmp_path / "bin"),))
    assert found is not None
    given = dict(line.split("=", 1) for line in seen.read_text().split("\0") if "=" in line)
    assert given == {**found[1], **{name: given[name] for name in given.keys() - found[1].keys()}}
    planted = {name for name, value in given.items() if PLANTED in value}
    assert planted - set(PROXIES) == {name for name in SECRETS if wanted and name.startswith(wanted)}
    assert set(PROXIES) <= planted
    assert given["DOCKER_HOST"] == host
