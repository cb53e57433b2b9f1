"""The command line as a script sees it: exit codes, one JSON document, nothing loaded that is not needed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HEAVY = {"aws_cdk", "mcp", "boto3", "botocore", "docker", "cfnlint", "constructs", "jsii"}


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
