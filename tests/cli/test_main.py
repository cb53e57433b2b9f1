"""The command line as a script sees it: exit codes, one JSON document, nothing loaded that is not needed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from expressway.cli.views.output import print_error
from expressway.errors import DefinitionError, ImageError

pytestmark = pytest.mark.process

HEAVY = {"aws_cdk", "mcp", "boto3", "botocore", "docker", "cfnlint", "constructs", "jsii", "rich"}


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "expressway", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
    )


def error_of(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    return json.loads(done.stdout)["error"]


@pytest.fixture
def app_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "expressway.yaml").write_text("name: shop\nbuild: .\n")
    return folder


@pytest.mark.parametrize("arguments", [["--help"], ["deploy", "--help"], ["sandbox", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = "\n".join(
        (
            "import sys",
            f"sys.argv = ['expressway', *{arguments!r}]",
            "import expressway",
            "from expressway.cli.main import main",
            "try:",
            "    main()",
            "except SystemExit:",
            "    pass",
            f"print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)",
        )
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip().splitlines()[-1] == "[]"
    assert "xpressway" in done.stdout


def test_the_schema_is_one_json_document() -> None:
    done = run("schema")
    assert done.returncode == 0
    schema = json.loads(done.stdout)
    assert schema["additionalProperties"] is False
    assert "container_port" in schema["properties"]


def test_all_problems_of_a_definition_are_told_at_once(app_folder: Path) -> None:
    (app_folder / "expressway.yaml").write_text("name: Shop\nbuild: .\ncontainer_port: 99999\nhealth_check_pth: /x\n")
    done = run("synth", str(app_folder), "--json")
    assert done.returncode == 2
    error = error_of(done)
    assert error["code"] == "invalid_definition"
    assert {problem["path"] for problem in error["details"]["problems"]} == {
        "name",
        "container_port",
        "health_check_pth",
    }


def test_people_read_each_problem_of_a_definition_once(app_folder: Path) -> None:
    (app_folder / "expressway.yaml").write_text("name: Shop\nbuild: .\ncontainer_port: 99999\n")
    done = run("synth", str(app_folder), COLUMNS="200")
    assert done.stderr.count("name: expected") == done.stderr.count("container_port: expected") == 1
    assert "name: name" not in done.stderr
    assert done.stderr.splitlines()[0] == "error invalid_definition The definition has 2 problems:"


def test_people_read_the_line_of_each_problem_of_a_dockerfile(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [{"line": 1, "message": "unknown instruction 'FRM'"}, {"line": 3, "message": "RUN needs an argument"}]
    listed = "; ".join(f"line {one['line']}: {one['message']}" for one in problems)
    error = ImageError(
        "dockerfile_invalid", f"Dockerfile cannot be built: {listed}.", "Correct.", {"problems": problems}
    )
    print_error(error, as_json=False)
    assert capsys.readouterr().err.splitlines()[:3] == [
        "error dockerfile_invalid Dockerfile cannot be built:",
        "  line 1: unknown instruction 'FRM'",
        "  line 3: RUN needs an argument",
    ]


@pytest.mark.parametrize(
    ("message", "problems", "first"),
    [
        ("a/b: too much memory", ["too much memory"], "error c a/b:"),
        ("It cannot be: why so", ["another"], "error c It cannot be: why so"),
        ("No colon", [], "error c No colon"),
    ],
)
def test_an_error_keeps_what_its_list_does_not_tell(
    message: str, problems: list[str], first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_error(DefinitionError("c", message, "", {"problems": problems}), as_json=False)
    assert capsys.readouterr().err.splitlines() == [first, *(f"  {problem}" for problem in problems)]


def test_a_missing_definition_says_where_it_was_looked_for(tmp_path: Path) -> None:
    done = run("synth", str(tmp_path), "--json")
    assert done.returncode == 2
    assert error_of(done)["code"] == "definition_missing"


def test_errors_for_people_go_to_standard_error_alone(tmp_path: Path) -> None:
    done = run("synth", str(tmp_path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert "definition_missing" in done.stderr


def test_without_a_region_the_command_says_what_to_set(app_folder: Path) -> None:
    done = run("diff", str(app_folder), "--json")
    assert done.returncode == 4
    assert error_of(done)["code"] == "region_missing"


def test_without_credentials_the_command_says_what_to_do(app_folder: Path) -> None:
    done = run("diff", str(app_folder), "--json", "--region", "eu-west-1")
    assert done.returncode == 4
    assert error_of(done)["code"] == "credentials_missing"


def test_an_endpoint_override_is_refused(app_folder: Path) -> None:
    done = run("deploy", str(app_folder), "--json", AWS_ENDPOINT_URL="http://127.0.0.1:1", AWS_REGION="eu-west-1")
    assert done.returncode == 4
    assert error_of(done)["code"] == "endpoint_override"


def test_a_sandbox_that_does_not_run_is_named(app_folder: Path) -> None:
    done = run("deploy", str(app_folder), "--sandbox", "--json")
    assert done.returncode == 4
    error = error_of(done)
    assert error["code"] == "sandbox_not_running"
    assert "expressway sandbox start" in error["hint"]


def test_a_sandbox_that_is_not_on_loopback_is_refused(app_folder: Path) -> None:
    done = run("diff", str(app_folder), "--json", EXPRESSWAY_SANDBOX="http://10.0.0.1:4566")
    assert done.returncode == 4
    assert error_of(done)["code"] == "sandbox_not_loopback"


def test_the_sandboxs_status_is_an_exit_code() -> None:
    done = run("sandbox", "status", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"running": False}
