"""EXPRESSWAY_SANDBOX and --sandbox never lead to another sandbox than the one that is named."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from expressway.aws.session import open_session
from expressway.errors import TargetError
from expressway_sandbox import lifecycle
from expressway_sandbox.lifecycle import SandboxInfo

pytestmark = pytest.mark.sandbox


def run(*arguments: str, **environment: str) -> Result:
    from expressway.cli.application import app

    return CliRunner().invoke(app, arguments, env=environment)


@dataclass(frozen=True)
class Two:
    """Sandboxes of two state directories."""

    home: Path
    here: SandboxInfo
    there: SandboxInfo


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    homes = [tmp_path_factory.mktemp(name) for name in ("here", "there")]
    made = [lifecycle.start(state_dir=home / "sandbox") for home in homes]
    yield Two(homes[0], *made)
    for home in homes:
        lifecycle.stop(home / "sandbox")


def error(done: Any) -> dict[str, Any]:
    assert done.exit_code == 4, done.stdout + done.stderr
    return json.loads(done.stdout)["error"]


@pytest.fixture(params=["status", "list", "delete", "api", "troubleshoot", "diff", "deploy", "build"])
def command(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """Each command that takes --sandbox."""
    (tmp_path / "expressway.yaml").write_text("name: shop\nimage: public.ecr.aws/docker/library/httpd:2.4\n")
    folder = str(tmp_path)
    commands = {
        "status": ["status", "shop"],
        "list": ["list"],
        "delete": ["delete", "shop", "--yes"],
        "api": ["api", "ListClusters"],
        "troubleshoot": ["troubleshoot", "default"],
        "diff": ["diff", folder],
        "deploy": ["deploy", folder, "--yes"],
        "build": ["build", folder],
    }
    return commands[request.param]


def test_another_sandbox_than_the_one_of_the_environment_is_refused(two: Two, command: list[str]) -> None:
    told = error(
        run(*command, "--sandbox", "--json", EXPRESSWAY_HOME=str(two.home), EXPRESSWAY_SANDBOX=two.there.endpoint_url)
    )
    assert told["code"] == "sandbox_conflict"
    assert two.here.endpoint_url in told["message"]
    assert two.there.endpoint_url in told["message"]
    assert str(two.there.state_dir) in told["message"]


@pytest.mark.parametrize("name", ["start", "stop", "status", "reset", "env"])
def test_no_command_of_the_sandbox_itself_acts_on_another(two: Two, name: str) -> None:
    for named in (two.there.endpoint_url, "http://127.0.0.1:1", "http://sandbox.example:4566"):
        told = error(run("sandbox", name, "--json", EXPRESSWAY_HOME=str(two.home), EXPRESSWAY_SANDBOX=named))
        assert told["code"] == "sandbox_conflict"
        assert named in told["message"]
        assert two.here.endpoint_url in told["message"]
    assert lifecycle.status(two.here.state_dir) == two.here
    assert lifecycle.status(two.there.state_dir) == two.there


@pytest.mark.parametrize("name", ["start", "stop", "status", "reset", "env"])
def test_one_of_another_state_directory_is_told_with_its_directory(two: Two, tmp_path: Path, name: str) -> None:
    variables = {"EXPRESSWAY_HOME": str(tmp_path), "EXPRESSWAY_SANDBOX": two.there.endpoint_url}
    told = error(run("sandbox", name, "--json", **variables))
    assert told["code"] == "sandbox_conflict"
    assert str(two.there.state_dir) in told["message"]


def test_the_same_one_named_twice_is_meant(two: Two) -> None:
    for url in (two.here.endpoint_url, two.here.endpoint_url + "/", f"http://localhost:{two.here.port}"):
        variables = {"EXPRESSWAY_HOME": str(two.home), "EXPRESSWAY_SANDBOX": url}
        assert run("api", "ListClusters", "--sandbox", "--json", **variables).exit_code == 0
        done = run("sandbox", "env", "--json", **variables)
        assert json.loads(done.stdout)["EXPRESSWAY_SANDBOX"] == two.here.endpoint_url


def test_one_that_is_named_and_does_not_run_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        nowhere = f"http://127.0.0.1:{held.getsockname()[1]}"
    told = error(run("status", "shop", "--sandbox", "--json", EXPRESSWAY_SANDBOX=nowhere))
    assert told["code"] == "sandbox_not_running"
    assert error(run("sandbox", "env", "--json", EXPRESSWAY_SANDBOX=nowhere))["code"] == "sandbox_not_running"
    assert error(run("sandbox", "reset", "--json", EXPRESSWAY_SANDBOX=nowhere))["code"] == "sandbox_not_running"


@pytest.mark.parametrize("options", [["--port", "0"], ["--port", "4"]])
def test_a_sandbox_is_started_where_the_environment_says_or_not_at_all(options: list[str]) -> None:
    done = run("sandbox", "start", *options, "--json", EXPRESSWAY_SANDBOX="http://sandbox.example:4566")
    assert error(done)["code"] == "sandbox_conflict"
    done = run("sandbox", "start", "--port", "4", "--json", EXPRESSWAY_SANDBOX="http://127.0.0.1:5")
    told = error(done)
    assert told["code"] == "sandbox_conflict"
    assert "127.0.0.1:5" in told["message"]


def test_a_program_that_chooses_one_sandbox_in_the_environment_of_another_is_told(two: Two) -> None:
    with pytest.raises(TargetError) as caught:
        open_session(sandbox_url=two.here.endpoint_url, environ={"EXPRESSWAY_SANDBOX": two.there.endpoint_url})
    assert caught.value.code == "sandbox_conflict"
    open_session(sandbox_url=two.here.endpoint_url, environ={"EXPRESSWAY_SANDBOX": f"http://[::1]:{two.here.port}/"})
