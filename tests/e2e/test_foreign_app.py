"""Somebody's CDK app beside whose resources our constructs stand: deployed, compared, changed, destroyed by npm cdk."""

import json
import os
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from expressway_sandbox.lifecycle import SandboxInfo, environment
from tests import node_tools
from tests.e2e.test_cdk_cli import Aws, Project
from tests.sandbox_clients import registry_login

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "foreign-app"
STACK = "ForeignApp"
DOMAIN = "api.shop.example.test"

pytestmark = [pytest.mark.cdk_cli, pytest.mark.engine, pytest.mark.sandbox, pytest.mark.timeout(600)]


@pytest.fixture
def digest(base_images: str, embedded_aws: SandboxInfo) -> Iterator[str]:
    """The digest of the example's image in a repository of the sandbox."""
    Aws(embedded_aws).client("ecr").create_repository(repositoryName=REPOSITORY)
    engine = docker.DockerClient(base_url=base_images)
    name = f"127.0.0.1:{embedded_aws.port}/{REPOSITORY}"
    engine.images.build(path=str(ROOT / "examples" / "hello"), tag=f"{name}:v1", rm=True)
    pushed = engine.api.push(name, tag="v1", stream=True, decode=True, auth_config=registry_login(embedded_aws))
    yield next(line["aux"]["Digest"] for line in pushed if "Digest" in line.get("aux", {}))
    engine.images.remove(f"{name}:v1", force=True)
    engine.close()


@pytest.fixture
def project(embedded_aws: SandboxInfo, tmp_path: Path, digest: str) -> Project:
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "tests" / "e2e" / "foreign_app", folder)
    settings = {"app": f"{sys.executable} app.py", "versionReporting": False}
    (folder / "cdk.json").write_text(json.dumps(settings), encoding="utf-8")
    kept = {name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME") if name in os.environ}
    quiet = {"CDK_DISABLE_CLI_TELEMETRY": "true", "CDK_VALIDATION": "false", "CI": "true"}
    images = {"IMAGE_REPOSITORY": REPOSITORY, "IMAGE_DIGEST": digest, "GREETING": "hello"}
    variables = node_tools.with_node({**kept, "PATH": os.environ["PATH"], **quiet, **images})
    return Project(folder, node_tools.cdk_command(), {**variables, **environment(embedded_aws)})


def answer(aws: Aws, host: str) -> dict[str, Any]:
    request = urllib.request.Request(aws.info.endpoint_url, headers={"Host": host})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.loads(response.read())


def described(aws: Aws) -> dict[str, str]:
    stack = aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def test_a_foreign_app_is_deployed_compared_changed_and_destroyed(project: Project, embedded_aws: SandboxInfo) -> None:
    aws = Aws(embedded_aws)
    project.cdk("deploy", "--require-approval", "never")
    outputs = described(aws)
    assert answer(aws, outputs["Endpoint"])["message"] == "hello"
    assert answer(aws, DOMAIN)["message"] == "hello"
    assert "Number of stacks with differences: 0" in project.cdk("diff", "--fail")

    listeners = aws.client("elbv2").describe_listeners(ListenerArns=[outputs["ListenerArn"]])["Listeners"]
    balancer = aws.client("elbv2").describe_load_balancers(LoadBalancerArns=[listeners[0]["LoadBalancerArn"]])
    records = aws.client("route53").list_resource_record_sets(HostedZoneId=outputs["ZoneId"])["ResourceRecordSets"]
    (alias,) = [each["AliasTarget"]["DNSName"] for each in records if each["Name"] == f"{DOMAIN}."]
    assert alias.rstrip(".") == balancer["LoadBalancers"][0]["DNSName"]
    secret = aws.client("secretsmanager").describe_secret(SecretId=outputs["SecretArn"])
    assert secret["ARN"] == outputs["SecretArn"]

    changed = Project(project.folder, project.command, {**project.variables, "GREETING": "changed"})
    difference = changed.cdk("diff", "--fail", fails=True)
    assert "changed" in difference
    assert "requires replacement" not in difference
    changed.cdk("deploy", "--require-approval", "never")
    # The deployment has moved the requests to the other target group; the domain went with it.
    assert answer(aws, DOMAIN)["message"] == "changed"
    assert described(aws)["Endpoint"] == outputs["Endpoint"]

    changed.cdk("destroy", "--force")
    stacks = aws.client("cloudformation").list_stacks()["StackSummaries"]
    assert [each["StackStatus"] for each in stacks if each["StackName"] == STACK] == ["DELETE_COMPLETE"]
    assert aws.client("ec2").describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.0.0.0/16"]}])["Vpcs"] == []
