"""cdk-nag's AwsSolutions pack: nothing is left but what is accepted here, each with its reason."""

import contextlib
import json
import re
from pathlib import Path

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks

from expressway.app.parse import parse_definition_text
from expressway.synth.stacks import add_app_stacks
from tests.golden.regenerate import NAMES, definition_text

pytestmark = pytest.mark.process

_POLICY = r"AwsSolutions-IAM4\[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role"

ACCEPTED = (
    (
        "PushPullRole",
        r"AwsSolutions-IAM5\[Resource::\*\]",
        "ecr:GetAuthorizationToken is for the whole registry; ECR has no resource to narrow it to",
    ),
    (
        "InfrastructureRole",
        r"AwsSolutions-IAM5\[Resource::\*\]",
        "the two ec2:Describe reads know no resource",
    ),
    (
        "InfrastructureRole",
        rf"{_POLICY}/AmazonECSInfrastructureRoleforExpressGatewayServices\]",
        "ECS grows Express Mode under this policy; a copy of it would fall behind and leave services stuck",
    ),
    (
        "ExecutionRole",
        rf"{_POLICY}/AmazonECSTaskExecutionRolePolicy\]",
        "AWS's own policy for starting tasks; what a service needs beyond it is granted by exact ARN",
    ),
    (
        "ExecutionRole",
        r"AwsSolutions-IAM5\[Resource::arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/\*\]",
        "the key of a secret is not known from its ARN; the encryption context narrows it to that secret alone",
    ),
)
"""Construct, finding, and the reason for which the finding stands."""


def found_in(folder: Path, name: str) -> set[tuple[str, str]]:
    """Construct id and rule of every violation in the stacks of a golden definition."""
    app = cdk.App(outdir=str(folder), analytics_reporting=False, builtin_cloud_formation_validation=False)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    add_app_stacks(app, parse_definition_text(definition_text(name)))
    with contextlib.suppress(RuntimeError):  # raised where there are violations; the report holds them
        app.synth()
    report = json.loads((folder / "validation-report.json").read_text(encoding="utf-8"))
    return {
        (place["constructPath"].split("/")[-2], violation["ruleName"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for place in violation["violatingConstructs"]
    }


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found_but_what_is_accepted_for_a_reason(name: str, tmp_path: Path) -> None:
    left = {
        (construct, rule)
        for construct, rule in found_in(tmp_path, name)
        if not any(construct == place and re.fullmatch(pattern, rule) for place, pattern, _ in ACCEPTED)
    }
    assert left == set()


def test_everything_that_is_accepted_is_still_found(tmp_path: Path) -> None:
    found = found_in(tmp_path, "full")
    for place, pattern, reason in ACCEPTED:
        assert any(construct == place and re.fullmatch(pattern, rule) for construct, rule in found), reason
