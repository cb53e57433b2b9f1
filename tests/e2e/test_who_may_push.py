"""Whom the push/pull role really trusts, once the embedded AWS has deployed the template that is kept."""

from typing import TYPE_CHECKING, Any

import pytest

from expressway.aws.session import open_session
from tests.golden.regenerate import FOLDER

if TYPE_CHECKING:
    from expressway_sandbox.lifecycle import SandboxInfo

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

TEMPLATE = FOLDER / "templates" / "minimal" / "minimal-ecr-infrastructure.template.json"
DEPLOYER = "arn:aws:iam::000000000000:role/deployer"


def trust(info: "SandboxInfo", **parameters: str) -> dict[str, Any]:
    """The one statement of the role's trust policy."""
    session = open_session(sandbox_url=info.endpoint_url)
    stacks, roles = session.client("cloudformation"), session.client("iam")
    stack = "who-may-push"
    stacks.create_stack(
        StackName=stack,
        TemplateBody=TEMPLATE.read_text(encoding="utf-8"),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    try:
        stacks.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
        role = roles.get_role(RoleName="minimal-ecr-push-pull-role")["Role"]
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        return statement
    finally:
        stacks.delete_stack(StackName=stack)
        stacks.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})


def test_a_deployer_with_an_arn_is_trusted_by_name_and_nobody_else(embedded_aws: "SandboxInfo") -> None:
    statement = trust(embedded_aws, PusherArn=DEPLOYER, PusherPermissionSet="Ignored")
    assert statement["Principal"] == {"AWS": DEPLOYER}
    assert "Condition" not in statement


def test_a_deployer_of_identity_center_is_trusted_by_permission_set(embedded_aws: "SandboxInfo") -> None:
    statement = trust(embedded_aws, PusherPermissionSet="Deployer")
    place = "arn:aws:iam::000000000000:role/aws-reserved/sso.amazonaws.com"
    role = f"AWSReservedSSO_Deployer_{'?' * 16}"
    assert statement["Condition"] == {"ArnLike": {"aws:PrincipalArn": [f"{place}/{role}", f"{place}/*/{role}"]}}


def test_where_nobody_is_named_the_tag_decides(embedded_aws: "SandboxInfo") -> None:
    statement = trust(embedded_aws)
    assert statement["Condition"] == {"StringEquals": {"aws:PrincipalTag/expressway:push": "minimal"}}
