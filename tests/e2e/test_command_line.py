"""The command line from end to end, as a person or a script types it: one app on an embedded AWS of its own."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
APP = "cli-hello"


class CommandLine:
    """Runs ``expressway`` with a state directory and an engine of its own."""

    def __init__(self, home: Path, docker_host: str) -> None:
        self._environment = {**os.environ, "EXPRESSWAY_HOME": str(home), "DOCKER_HOST": docker_host}

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "expressway", *arguments],
            capture_output=True,
            text=True,
            env=self._environment | environment,
            timeout=240,
        )

    def json(self, *arguments: str, code: int = 0, **environment: str) -> Any:
        done = self.run(*arguments, "--json", **environment)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def command_line(base_images: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    line = CommandLine(tmp_path_factory.mktemp("home"), base_images)
    line.json("sandbox", "start")
    yield line
    line.json("sandbox", "stop")


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    shutil.copytree(EXAMPLES / "hello", folder)
    for name in ("expressway.yaml", "broken.yaml"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("name: hello", f"name: {APP}"))
    return folder


def test_an_app_goes_the_whole_way_and_leaves_nothing(command_line: CommandLine, app: Path) -> None:
    plan = command_line.json("diff", str(app), "--sandbox")
    assert {stack["change"] for stack in plan["stacks"]} == {"create"}
    assert command_line.run("diff", str(app), "--sandbox", "--exit-code").returncode == 10

    wrong = command_line.json("deploy", str(app), "--sandbox", "--plan", "0" * 16, code=3)
    assert wrong["error"]["code"] == "plan_changed"
    assert command_line.json("status", APP, "--sandbox")["status"] == "absent"

    done = command_line.run("deploy", str(app), "--sandbox", "--plan", plan["plan_digest"], "--json")
    assert done.returncode == 0, done.stderr
    deployed = json.loads(done.stdout)
    told = [line.split()[1] for line in done.stderr.splitlines() if re.match(r" *\d+\.\ds ", line)]
    assert list(dict.fromkeys(told)) == [
        "check",
        "synth",
        "lint",
        "plan",
        "build",
        "repository",
        "push",
        "service",
        "wait",
    ]
    assert deployed["status"] == "deployed"
    assert "@sha256:" in deployed["image_uri"]
    assert answer_of(command_line, deployed["endpoint"])["path"] == "/any"
    assert answer_at(deployed["access_hint"])["path"] == "/"
    assert command_line.json("status", APP, "--sandbox")["access_hint"] == deployed["access_hint"]
    assert deployed["target"] == plan["target"] == command_line.json("status", APP, "--sandbox")["target"]

    listed = command_line.json("list", "--sandbox", "--region", "eu-west-1", "--region", "us-east-1")
    assert [(one["app_name"], one["region"], len(one["stacks"])) for one in listed["apps"]] == [(APP, "us-east-1", 2)]
    assert listed["apps"][0]["endpoint"] == deployed["endpoint"]

    piped = command_line.run("status", APP, "--sandbox").stdout.splitlines()
    assert dict(line.split("\t") for line in piped)["url"] == deployed["url"]
    built = command_line.run("build", str(app), "--sandbox").stdout.splitlines()
    assert [line.split("\t")[0] for line in built][:3] == ["repository_uri", "image_tag", "full_image_uri"]

    assert command_line.json("deploy", str(app), "--sandbox")["status"] == "unchanged"
    assert command_line.run("diff", str(app), "--sandbox", "--exit-code").returncode == 0

    failed = command_line.json("deploy", str(app / "broken.yaml"), "--sandbox", code=5)
    assert failed["error"]["code"] == "deployment_failed"
    assert "ValueError: Unknown level: 'LOUD'" in failed["error"]["message"]
    assert answer_of(command_line, deployed["endpoint"])["path"] == "/any"

    deleted = command_line.json("delete", APP, "--sandbox", "--yes")
    assert deleted["service_deletion"]["status"] == "deleted"
    assert deleted["ecr_deletion"]["status"] == "deleted"
    again = command_line.json("delete", APP, "--sandbox", "--yes")
    assert again["service_deletion"]["status"] == "absent"
    assert command_line.json("status", APP, "--sandbox")["status"] == "absent"


def test_a_bounded_wait_leaves_aws_at_work_and_repeating_continues(command_line: CommandLine, app: Path) -> None:
    deployed = command_line.json("deploy", str(app), "--sandbox")
    waited = command_line.json("deploy", str(app / "broken.yaml"), "--sandbox", "--wait", "1", code=6)
    assert waited["error"]["code"] == "still_running"
    operation = command_line.json("status", APP, "--sandbox")["operation"]
    assert operation["operation_id"] == waited["error"]["details"]["operation_id"]
    assert (operation["state"], operation["hint"]) == ("interrupted", "Repeat the deploy: it continues.")
    assert command_line.json("deploy", str(app), "--sandbox")["url"] == deployed["url"]
    assert command_line.json("status", APP, "--sandbox")["status"] == "ready"
    command_line.json("delete", APP, "--sandbox", "--yes")


def test_building_alone_makes_the_repository_and_pushes_once(command_line: CommandLine, app: Path) -> None:
    built = command_line.json("build", str(app), "--sandbox")
    assert set(built) == {
        "repository_uri",
        "image_tag",
        "full_image_uri",
        "ecr_push_pull_role_arn",
        "stack_name",
    }
    assert built["repository_uri"].endswith(f"/{APP}-repo")
    assert built["ecr_push_pull_role_arn"].endswith(f":role/{APP}-ecr-push-pull-role")
    assert command_line.json("build", str(app), "--sandbox") == built
    tagged = command_line.json("build", str(app), "--sandbox", "--tag", "v1")
    assert tagged["image_tag"] == "v1"
    command_line.json("delete", APP, "--sandbox", "--yes")


def test_every_command_names_its_target_on_standard_error(command_line: CommandLine, app: Path) -> None:
    for arguments in (["diff", str(app)], ["status", APP], ["delete", APP, "--yes"]):
        done = command_line.run(*arguments, "--sandbox")
        assert done.returncode == 0, done.stderr
        assert "target sandbox http://127.0.0.1:" in done.stderr
        assert "target sandbox" not in done.stdout  # there it is a value of the answer, if anything


def test_a_shell_is_pointed_at_the_sandbox_by_its_own_words_only(command_line: CommandLine) -> None:
    variables = command_line.json("sandbox", "env")
    assert command_line.json("status", APP, **variables)["status"] == "absent"
    only_the_endpoint = {"AWS_ENDPOINT_URL": variables["AWS_ENDPOINT_URL"], "AWS_REGION": "us-east-1"}
    assert command_line.json("status", APP, code=4, **only_the_endpoint)["error"]["code"] == "endpoint_override"


def test_a_sandbox_can_be_started_with_the_examples_base_images(command_line: CommandLine) -> None:
    before = command_line.json("sandbox", "status")
    started = command_line.json("sandbox", "start", "--seed")
    assert started["endpoint_url"] == before["endpoint_url"]
    assert {image["origin"] for image in started["base_images"]} == {"present"}
    assert any("/python:" in image["name"] for image in started["base_images"])


def test_options_that_a_running_sandbox_does_not_have_are_not_ignored(command_line: CommandLine) -> None:
    running = command_line.json("sandbox", "status")
    refused = command_line.json("sandbox", "start", "--port", str(running["port"] - 1), code=4)
    assert refused["error"]["code"] == "sandbox_runs_elsewhere"
    other_engine = command_line.run("sandbox", "start", DOCKER_HOST="unix:///nowhere.sock")
    assert other_engine.returncode == 0
    assert f"with the engine {running['docker_host']}, and keeps it" in other_engine.stderr
    assert command_line.run("sandbox", "start").stderr.startswith("The sandbox answers already at")


def test_a_reset_empties_the_sandbox_and_keeps_it_running(command_line: CommandLine, app: Path) -> None:
    command_line.json("build", str(app), "--sandbox")
    before = command_line.json("sandbox", "status")
    command_line.json("sandbox", "reset")
    assert command_line.json("sandbox", "status") == before
    assert command_line.json("status", APP, "--sandbox")["status"] == "absent"


def test_templates_are_written_where_asked(command_line: CommandLine, app: Path, tmp_path: Path) -> None:
    done = command_line.run("synth", str(app), "--out", str(tmp_path / "out"))
    assert done.returncode == 0
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == [f"{APP}-ecr-infrastructure.template.json", f"{APP}-express-service.template.json"]
    assert [Path(line).name for line in done.stdout.split()] == written


def answer_at(reach: str) -> dict[str, Any]:
    """What the service answers to the request that its deployment names."""
    address, _, host = reach.partition(" with the header Host: ")
    with urllib.request.urlopen(urllib.request.Request(address, headers={"Host": host}), timeout=60) as answer:
        return json.loads(answer.read())


def answer_of(command_line: CommandLine, endpoint: str) -> dict[str, Any]:
    gateway = command_line.json("sandbox", "status")["endpoint_url"]
    request = urllib.request.Request(f"{gateway}/any", headers={"Host": endpoint})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())
