"""Whoever first deploys may push: a role or user by its ARN, a person of IAM Identity Center by permission set."""

import pytest

from expressway.aws.values.target import Target
from expressway.plan.planner import deploying_identity, deploying_permission_set, push_principal_parameters

SESSION = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Deployer_0123456789abcdef/someone"


def target(caller: str | None) -> Target:
    return Target("111122223333", "eu-west-1", caller_arn=caller)


def test_somebody_signed_in_through_identity_center_is_known_by_permission_set() -> None:
    assert push_principal_parameters({}, target(SESSION)) == {"PusherArn": "", "PusherPermissionSet": "Deployer"}


def test_a_permission_set_with_underscores_keeps_them() -> None:
    session = SESSION.replace("Deployer", "Team_A_deploys")
    assert deploying_permission_set(target(session)) == "Team_A_deploys"


@pytest.mark.parametrize(
    "caller",
    [
        None,
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:user/builder",
        "arn:aws:sts::111122223333:assumed-role/deployer/session",
        "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_unfinished/session",
        "arn:aws:sts::111122223333:assumed-role/Fake_AWSReservedSSO_Deployer_0123456789abcdef/session",
        "arn:aws:sts::111122223333:federated-user/someone",
    ],
)
def test_anybody_else_has_no_permission_set(caller: str | None) -> None:
    assert deploying_permission_set(target(caller)) == ""


def test_an_ordinary_role_is_named_by_its_arn_alone() -> None:
    session = target("arn:aws:sts::111122223333:assumed-role/deployer/session")
    expected = {"PusherArn": "arn:aws:iam::111122223333:role/deployer", "PusherPermissionSet": ""}
    assert push_principal_parameters({}, session) == expected


@pytest.mark.parametrize(
    "first",
    [
        {"PusherArn": "arn:aws:iam::111122223333:user/first", "PusherPermissionSet": ""},
        {"PusherArn": "", "PusherPermissionSet": "First"},
    ],
)
def test_the_first_deployer_is_kept_whoever_deploys_next(first: dict[str, str]) -> None:
    assert push_principal_parameters(first, target(SESSION)) == first


def test_a_stack_that_never_named_anybody_gets_the_one_who_deploys_now() -> None:
    nobody = {"PusherArn": "", "PusherPermissionSet": ""}
    assert push_principal_parameters(nobody, target(SESSION))["PusherPermissionSet"] == "Deployer"
    assert deploying_identity(target(SESSION)) == ""
