"""On the embedded AWS: images that an app needs outlive newer ones, and a secret is read by the ARN that it has."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from expressway.app.source import app_source
from expressway.toolkit import Toolkit
from expressway_sandbox.base_images.seed import BUSYBOX_IMAGE
from expressway_sandbox.lifecycle import SandboxInfo
from tests.e2e.loaded_tools import LoadedTools

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]
APP = "kept"
SERVE = "mkdir /www; cp /version /www/index.html; echo $TOKEN > /www/token; exec httpd -f -p 8080 -h /www"
SECRETS = 65
"""More than fit into a role's inline policies."""


@pytest.fixture
def toolkit(base_images: str, embedded_aws: SandboxInfo, tools: LoadedTools, tmp_path: Path) -> Iterator[Toolkit]:
    toolkit = tools.toolkit(embedded_aws.endpoint_url, base_images, tmp_path / "home")
    yield toolkit
    toolkit.delete(APP)


@pytest.fixture
def secrets(toolkit: Toolkit) -> Iterator[dict[str, str]]:
    """ARNs as people write them, without the suffix, though the names end like one."""
    client = toolkit._wiring.session.client("secretsmanager")
    made = {f"S{number}": f"{APP}/production/{number:02}/api-secret" for number in range(SECRETS)}
    arns = {
        variable: client.create_secret(Name=name, SecretString=f"value of {variable}")["ARN"]
        for variable, name in made.items()
    }
    yield {variable: arn.rpartition("-")[0] for variable, arn in arns.items()}
    for arn in arns.values():
        client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def digests(toolkit: Toolkit) -> dict[str, set[str]]:
    pages = toolkit._wiring.session.client("ecr").describe_images(repositoryName=f"{APP}-repo")["imageDetails"]
    return {page["imageDigest"]: set(page.get("imageTags", [])) for page in pages}


def test_a_b_a_with_one_kept_image_keeps_a_and_its_secrets_can_be_read(
    toolkit: Toolkit, secrets: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM {BUSYBOX_IMAGE}\nCOPY version /\n")
    variables = {"TOKEN": secrets["S0"]} | secrets
    definition: dict[str, Any] = {
        "name": APP,
        "build": ".",
        "command": ["sh", "-c", SERVE],
        "secrets": variables,
        "repository": {"keep_tagged": 1},
    }
    (folder / "expressway.yaml").write_text(json.dumps(definition))
    deployed: list[str] = []
    for version in ("a", "b", "a"):
        (folder / "version").write_text(version)
        plan = toolkit.diff(app_source(folder))
        result = toolkit.deploy(app_source(folder), approved_plan=plan.digest)
        assert result.warnings == ()
        deployed.append(result.image_uri.rpartition("@")[2])
    assert deployed[0] == deployed[2] != deployed[1]
    for version in ("c", "d", "e"):
        (folder / "version").write_text(version)
        toolkit.build(APP, str(folder))
    held = digests(toolkit)
    assert len(held) == 3
    assert held[deployed[0]] >= {"expressway-running", "expressway-next"}
    assert "expressway-previous" in held[deployed[1]]
    _secrets_are_read_by_their_own_arns(toolkit, secrets)


def _secrets_are_read_by_their_own_arns(toolkit: Toolkit, secrets: dict[str, str]) -> None:
    session = toolkit._wiring.session
    iam, manager = session.client("iam"), session.client("secretsmanager")
    role = f"{APP}-express-execution"
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == []
    documents = [_document(iam, each["PolicyArn"]) for each in attached if ":aws:policy" not in each["PolicyArn"]]
    statements = [one for document in documents for one in document["Statement"]]
    readable = {arn for one in statements if one["Action"] != "kms:Decrypt" for arn in one["Resource"]}
    page = manager.list_secrets(MaxResults=100, Filters=[{"Key": "name", "Values": [f"{APP}/"]}])["SecretList"]
    assert readable == {one["ARN"] for one in page}
    assert {arn.rpartition("-")[0] for arn in readable} == set(secrets.values())


def _document(iam: Any, arn: str) -> dict[str, Any]:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
