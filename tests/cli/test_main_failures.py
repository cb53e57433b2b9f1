"""Whatever goes wrong, a command ends with one error that says what to do; a trace only when asked for."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from expressway.cli.application import app
from expressway.cli.views.reporting import reporting
from expressway.errors import StillRunning
from tests.cli.test_main import error_of, run

pytestmark = pytest.mark.process


@pytest.fixture
def image_app(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "expressway.yaml").write_text("name: shop\nimage: public.ecr.aws/docker/library/httpd:2.4\n")
    return folder


def reported(fault: BaseException, capsys: pytest.CaptureFixture[str], *, as_json: bool) -> tuple[Any, str, str]:
    with pytest.raises(SystemExit) as end, reporting(as_json=as_json):
        raise fault
    captured = capsys.readouterr()
    return end.value.code, captured.out, captured.err


def test_a_fault_of_expressway_itself_is_an_error_like_any_other(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = reported(ZeroDivisionError("by zero"), capsys, as_json=True)
    error = json.loads(out)["error"]
    assert (code, error["code"]) == (1, "internal_error")
    assert "ZeroDivisionError: by zero" in error["message"]
    assert "EXPRESSWAY_DEBUG=1" in error["hint"]
    assert err == ""


def test_its_trace_is_shown_when_asked_for(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPRESSWAY_DEBUG", "1")
    code, out, err = reported(ZeroDivisionError("by zero"), capsys, as_json=False)
    assert (code, out) == (1, "")
    assert "Traceback (most recent call last)" in err
    assert "error internal_error" in err


def test_work_that_goes_on_is_told_apart_from_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = reported(StillRunning("still_running", "It goes on.", "Repeat."), capsys, as_json=False)
    assert code == 6
    assert err.startswith("still running")


@pytest.mark.parametrize("out", ["/etc/passwd", "{app}/expressway.yaml/x", "/proc/nope"])
@pytest.mark.parametrize("as_json", [True, False])
def test_templates_that_cannot_be_written_are_one_error(out: str, as_json: bool, image_app: Path) -> None:
    done = run(
        "synth", str(image_app), "--no-lint", "--out", out.format(app=image_app), *(["--json"] if as_json else [])
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    if as_json:
        assert error_of(done)["code"] == "output_not_writable"
    else:
        assert "output_not_writable" in done.stderr


TABLE = """
from expressway.cli import application
from expressway.cli.views import views
from expressway.cli.views.reporting import reporting

@application.app.command()
def tell() -> None:
    with reporting(as_json=False):
        views.show_mapping({"status": "ready"}, as_json=False)
        views.data_console().print("https://shop.example/")

application.app(["tell"])
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the kernel's always full device")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "command",
    [
        ["-m", "expressway", "schema", "--json"],
        ["-m", "expressway", "--help"],
        ["-m", "expressway", "deploy", "--help"],
        ["-m", "expressway", "--version"],
        ["-c", TABLE],
    ],
    ids=["json", "help", "a command's help", "version", "table"],
)
def test_an_answer_that_cannot_be_written_is_one_error(command: list[str], unbuffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, *command],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error stdout_not_writable")
    assert done.stderr.count("stdout_not_writable") == 1
    assert "Exception ignored" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the kernel's always full device")
def test_an_error_that_cannot_be_written_there_is_told_on_standard_error() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "expressway", "delete", "shop", "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 3
    assert "error stdout_not_writable" in done.stderr
    assert "error confirmation_required" in done.stderr


@pytest.mark.parametrize("command", ["schema", "--help"])
def test_a_reader_that_has_seen_enough_is_no_error(command: str) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m expressway {command} | head -c 1"], capture_output=True, text=True
    )
    assert len(done.stdout) == 1
    assert done.stderr == ""


def test_a_reader_that_has_left_before_is_no_error() -> None:
    command = f"(sleep 0.3; {sys.executable} -m expressway --version) | true"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True)
    assert done.stderr == ""


@pytest.mark.parametrize("port", ["80000", "-1"])
def test_what_is_no_port_is_refused(port: str) -> None:
    done = run("sandbox", "start", f"--port={port}", "--json")
    assert done.returncode == 2
    assert error_of(done)["code"] == "invalid_port"


@pytest.mark.engine
def test_a_state_directory_that_cannot_be_made_is_one_error(engine_host: str) -> None:
    done = run("sandbox", "start", "--json", EXPRESSWAY_HOME="/proc/nope", DOCKER_HOST=engine_host)
    assert done.returncode == 1
    assert error_of(done)["code"] == "state_not_writable"


@pytest.mark.parametrize("region", ["bad region!", "mars-north-1"])
def test_what_is_no_region_is_refused_on_the_sandbox_as_on_aws(region: str) -> None:
    done = run("status", "shop", "--json", AWS_REGION=region, EXPRESSWAY_SANDBOX="http://127.0.0.1:1")
    assert done.returncode == 4
    assert error_of(done)["code"] == "region_unknown"


def test_a_region_that_the_operator_does_not_allow_is_refused() -> None:
    allowed = {"AWS_REGION": "eu-west-1", "EXPRESSWAY_REGIONS": "eu-*"}
    done = run("status", "shop", "--region", "us-east-1", "--json", **allowed)
    assert (done.returncode, error_of(done)["code"]) == (3, "region_not_allowed")


def test_deleting_without_a_terminal_needs_a_yes() -> None:
    for arguments in (["--json"], []):
        done = run("delete", "shop", *arguments, EXPRESSWAY_SANDBOX="http://127.0.0.1:1")
        assert done.returncode == 3
        assert "confirmation_required" in done.stdout + done.stderr
        assert "--yes" in done.stdout + done.stderr
    assert run("delete", "shop", "--yes", "--json", EXPRESSWAY_SANDBOX="http://127.0.0.1:1").returncode == 4


def test_the_demo_says_so_where_no_examples_are(tmp_path: Path) -> None:
    """As from an installed wheel: the package alone, in a folder without examples."""
    package = Path(sys.modules["expressway"].__file__ or "").parent
    shutil.copytree(package, tmp_path / "a" / "b" / "site" / "expressway", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "expressway", "demo", "--json"],
        cwd=tmp_path / "empty",
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "a" / "b" / "site")},
    )
    assert done.returncode == 2
    document = json.loads(done.stdout)
    assert document["error"]["code"] == "examples_missing"
    assert document["held"] is False


def test_the_help_of_the_demo_names_no_folder_of_this_machine() -> None:
    help_text = run("demo", "--help").stdout
    assert "examples/httpbin" in help_text
    assert str(Path(__file__).parents[2]) not in help_text


def test_every_command_takes_json() -> None:
    commands = ["synth", "diff", "deploy", "status", "delete", "build", "schema", "mcp", "demo"]
    commands += [f"sandbox {name}" for name in ("start", "stop", "status", "reset", "env")]
    without = [one for one in commands if "--json" not in CliRunner().invoke(app, [*one.split(), "--help"]).stdout]
    assert without == []


def test_the_mcp_server_describes_itself_as_one_json_document() -> None:
    done = run("mcp", "--json")
    assert done.returncode == 0
    described = json.loads(done.stdout)
    assert described["name"] == "expressway"
    assert {"deploy_app", "get_deployment_status"} <= {tool["name"] for tool in described["tools"]}
    assert all(tool["inputSchema"] for tool in described["tools"])


def test_the_schema_is_the_same_with_json() -> None:
    assert run("schema", "--json").stdout == run("schema").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["deploy", "--bogus", "--json"], "--bogus"),
        (["deploy", "--wait", "-1", "--json"], "--wait"),
        (["status", "shop", "hello", "--json"], "hello"),
        (["nonsense", "--json"], "nonsense"),
        (["sandbox", "nonsense", "--json"], "nonsense"),
        (["--bogus", "deploy", "--json"], "--bogus"),
    ],
)
def test_wrong_usage_is_told_to_scripts_and_to_people(arguments: list[str], words: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    error = error_of(done)
    assert error["code"] == "usage"
    assert words in error["message"]
    assert error["hint"].endswith(" --help.")
    assert words in done.stderr
    assert "Usage: " in done.stderr


def test_wrong_usage_without_json_leaves_standard_output_alone() -> None:
    done = run("deploy", "--bogus", "--", "--json")
    assert (done.returncode, done.stdout) == (2, "")


def test_waiting_for_nothing_is_taken_by_the_command_line_as_by_the_tools() -> None:
    done = run("delete", "shop", "--wait", "0", "--json", EXPRESSWAY_SANDBOX="http://127.0.0.1:1")
    assert error_of(done)["code"] == "confirmation_required"
