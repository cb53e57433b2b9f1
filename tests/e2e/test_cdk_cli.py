"""The CDK's own command line deploys the very stacks that Expressway makes, on the embedded AWS, as real containers."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from expressway.app.file import load_definition
from expressway.app.source import app_source
from expressway.synth.synthesizer import Synthesizer
from expressway.toolkit.api import Toolkit
from expressway_sandbox.lifecycle import SandboxInfo, environment
from tests import node_tools
from tests.golden.regenerate import NAMES, definition_text
from tests.sandbox_clients import client, registry_login

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.cdk_cli, pytest.mark.timeout(600)]

DEFINITION = """\
name: cdk-cli
build: .
health_check_path: /health
environment: {GREETING: %s}
"""


@pytest.fixture(scope="session")
def cdk_command() -> list[str]:
    """Node and the pinned command line."""
    return node_tools.cdk_command()


@dataclass(frozen=True)
class Project:
    """A checkout's CDK app in a folder of its own, with a definition that the test writes."""

    folder: Path
    command: list[str]
    variables: dict[str, str]

    def define(self, text: str) -> None:
        (self.folder / "stacks" / "app.yaml").write_text(text, encoding="utf-8")

    def cdk(self, *arguments: str, fails: bool = False) -> str:
        """Run the command line and give all that it printed."""
        done = subprocess.run(
            [*self.command, *arguments, "--no-notices", "--no-color"],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        printed = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, printed
        return printed


def make_project(folder: Path, command: Sequence[str], variables: dict[str, str]) -> Project:
    (folder / "stacks").mkdir(parents=True)
    shutil.copy(ROOT / "stacks" / "app.py", folder / "stacks")
    settings = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))
    settings["app"] = settings["app"].replace(".venv/bin/python", sys.executable)
    (folder / "cdk.json").write_text(json.dumps(settings), encoding="utf-8")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_CACHE_HOME") if name in os.environ}
    quiet = {"CDK_DISABLE_CLI_TELEMETRY": "true", "CI": "true"}
    return Project(folder, list(command), {**kept, **quiet, **variables})


def test_the_project_pins_what_its_command_line_must_run() -> None:
    settings = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))
    assert settings["app"] == ".venv/bin/python stacks/app.py"
    assert (settings["versionReporting"], settings["pathMetadata"]) == (False, False)
    assert load_definition(ROOT / "stacks" / "hello.yaml").definition.name == "hello"


def test_the_command_line_synthesizes_the_same_bytes(tmp_path: Path, cdk_command: list[str]) -> None:
    project = make_project(tmp_path / "project", cdk_command, {"AWS_REGION": "us-east-1"})
    for name in NAMES:
        (project.folder / "stacks" / f"{name}.yaml").write_text(definition_text(name), encoding="utf-8")
    project.cdk("synth", "--quiet", "--output", str(tmp_path / "assembly"))
    ours: dict[str, str] = {}
    with Synthesizer() as synthesizer:
        for file in (project.folder / "stacks").glob("*.yaml"):
            templates = synthesizer.synthesize(load_definition(file).definition)
            ours |= {f"{template.stack_name}.template.json": template.body for template in templates}
    theirs = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "assembly").glob("*.template.json")}
    assert theirs == ours


@pytest.fixture
def sandbox_project(embedded_aws: SandboxInfo, tmp_path: Path, cdk_command: list[str]) -> Project:
    return make_project(tmp_path / "project", cdk_command, environment(embedded_aws))


@dataclass(frozen=True)
class Aws:
    info: SandboxInfo

    def client(self, service: str) -> Any:
        return client(self.info, service)

    def stacks(self) -> set[str]:
        """Names of the stacks of this test's app that are not deleted."""
        summaries = self.client("cloudformation").list_stacks()["StackSummaries"]
        live = {each["StackName"] for each in summaries if each["StackStatus"] != "DELETE_COMPLETE"}
        return {name for name in live if name.startswith("cdk-cli-")}

    def parameters(self, stack: str) -> dict[str, str]:
        (described,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}

    def get(self, endpoint: str, path: str) -> dict[str, Any]:
        request = urllib.request.Request(self.info.endpoint_url + path, headers={"Host": endpoint})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())


@pytest.fixture
def pushed_image(base_images: str, embedded_aws: SandboxInfo) -> Iterator[str]:
    """Reference (without registry) of the example, built; the test pushes it when its repository is there."""
    engine = docker.DockerClient(base_url=base_images)
    name = f"127.0.0.1:{embedded_aws.port}/cdk-cli-repo"
    engine.images.build(path=str(ROOT / "examples" / "hello"), tag=f"{name}:v1", rm=True)
    yield name
    engine.images.remove(f"{name}:v1", force=True)
    engine.close()


def push(embedded_aws: SandboxInfo, name: str) -> str:
    """Push the image; its digest."""
    engine = docker.DockerClient(base_url=embedded_aws.docker_host)
    digests = [
        line["aux"]["Digest"]
        for line in engine.api.push(name, tag="v1", stream=True, decode=True, auth_config=registry_login(embedded_aws))
        if "Digest" in line.get("aux", {})
    ]
    engine.close()
    assert digests
    return digests[-1]


@pytest.mark.engine
@pytest.mark.sandbox
def test_the_command_line_deploys_compares_finds_drift_and_destroys(
    sandbox_project: Project, embedded_aws: SandboxInfo, base_images: str, pushed_image: str, tmp_path: Path
) -> None:
    project, aws = sandbox_project, Aws(embedded_aws)
    project.define(DEFINITION % "hello")
    repository, service = "cdk-cli-ecr-infrastructure", "cdk-cli-express-service"
    yes = ("--require-approval", "never", "--exclusively")

    project.cdk("deploy", repository, *yes)
    assert aws.stacks() == {repository}
    image = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/cdk-cli-repo@{push(embedded_aws, pushed_image)}"
    outputs = project.folder / "outputs.json"
    project.cdk("deploy", service, *yes, "--parameters", f"ImageUri={image}", "--outputs-file", str(outputs))
    endpoint = json.loads(outputs.read_text())[service]["Endpoint"]
    assert aws.get(endpoint, "/")["message"] == "hello"

    assert "no changes" in project.cdk("deploy", service, *yes)
    assert "Number of stacks with differences: 0" in project.cdk("diff", "--fail")
    assert "No drift detected" in project.cdk("drift", "--fail")

    source = tmp_path / "app"
    shutil.copytree(ROOT / "examples" / "hello", source)
    (source / "expressway.yaml").write_text(DEFINITION % "ours", encoding="utf-8")
    project.define(DEFINITION % "ours")
    environ = {"EXPRESSWAY_HOME": str(tmp_path / "home"), "DOCKER_HOST": base_images}
    with Toolkit(sandbox_url=embedded_aws.endpoint_url, environ=environ) as toolkit:
        assert toolkit.deploy(app_source(source)).status == "deployed"
    origin = aws.parameters(service)["Origin"]
    assert '"Hint":"app"' in origin
    assert "Number of stacks with differences: 0" in project.cdk("diff", "--fail")

    project.define(DEFINITION % "changed")
    difference = project.cdk("diff", "--fail", fails=True)
    assert "AWS::ECS::ExpressGatewayService" in difference
    assert "requires replacement" not in difference
    project.cdk("deploy", service, *yes, "--outputs-file", str(outputs))
    assert json.loads(outputs.read_text())[service]["Endpoint"] == endpoint
    assert aws.get(endpoint, "/")["message"] == "changed"
    assert aws.parameters(service)["Origin"] == origin

    aws.client("iam").update_role(RoleName="cdk-cli-express-execution", Description="changed by hand")
    assert "Modified Resources" in project.cdk("drift", service, "--fail", fails=True)

    project.cdk("destroy", "--all", "--force")
    assert aws.stacks() == set()
    repositories = aws.client("ecr").describe_repositories()["repositories"]
    assert "cdk-cli-repo" not in {each["repositoryName"] for each in repositories}
