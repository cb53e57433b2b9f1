"""Roles as IAM tells them, and what it simulates."""

import json
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from expressway.aws.iam import Iam, decode_document
from expressway.errors import TargetError
from tests.aws.fakes import AnsweringSession

ACCOUNT = "111122223333"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def test_a_role_is_read_with_every_page_of_its_policies() -> None:
    own = {"PolicyName": "own", "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/own"}
    aws = {"PolicyName": "Managed", "PolicyArn": "arn:aws:iam::aws:policy/Managed"}
    role = {
        "Path": "/team/",
        "RoleName": "runner",
        "RoleId": "AROATESTTESTTEST1",
        "Arn": f"arn:aws:iam::{ACCOUNT}:role/team/runner",
        "CreateDate": NOW,
        "AssumeRolePolicyDocument": quote(json.dumps(TRUST)),
        "PermissionsBoundary": {"PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/fence"},
    }
    answers = {
        "iam.get_role": {"Role": role},
        "iam.list_attached_role_policies": lambda asked: (
            {"AttachedPolicies": [aws], "IsTruncated": False}
            if asked.get("Marker") == "m"
            else {"AttachedPolicies": [own], "IsTruncated": True, "Marker": "m"}
        ),
        "iam.get_policy": lambda asked: (
            {"Policy": {"DefaultVersionId": "v3"}}
            if asked["PolicyArn"] == own["PolicyArn"]
            else ("AccessDenied", "not authorized to perform: iam:GetPolicy")
        ),
        "iam.get_policy_version": {"PolicyVersion": {"Document": quote(json.dumps({"Statement": []}))}},
        "iam.list_role_policies": {"PolicyNames": ["inline"], "IsTruncated": False},
        "iam.get_role_policy": {
            "RoleName": "runner",
            "PolicyName": "inline",
            "PolicyDocument": quote(json.dumps({"Statement": {}})),
        },
    }

    found = Iam(AnsweringSession(answers)).role("runner")

    assert found is not None
    assert found.trust == TRUST
    assert [(one.name, one.document) for one in found.policies] == [
        ("own", {"Statement": []}),
        ("Managed", None),
        ("inline", {"Statement": {}}),
    ]
    assert found.policies[1].is_aws_managed
    assert found.permissions_boundary_arn.endswith("policy/fence")


def test_a_user_is_known_by_its_arn_and_a_missing_one_is_none() -> None:
    user = {
        "Path": "/team/",
        "UserName": "builder",
        "UserId": "AIDATESTTESTTEST1",
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/team/builder",
        "CreateDate": NOW,
    }
    missing = ("NoSuchEntity", "The user with name builder cannot be found.")

    assert Iam(AnsweringSession({"iam.get_user": {"User": user}})).user_arn("builder") == user["Arn"]
    assert Iam(AnsweringSession({"iam.get_user": missing})).user_arn("builder") is None


def test_a_role_that_does_not_exist_is_none() -> None:
    missing = ("NoSuchEntity", "The role with name nobody cannot be found.")
    names = ("get_role", "list_role_policies", "list_attached_role_policies")

    assert Iam(AnsweringSession({f"iam.{name}": missing for name in names})).role("nobody") is None


def test_a_role_that_does_not_exist_is_none_also_where_its_policies_may_not_be_listed() -> None:
    answers = {
        "iam.get_role": ("NoSuchEntity", "The role with name nobody cannot be found."),
        "iam.list_role_policies": ("AccessDenied", "not authorized to perform: iam:ListRolePolicies"),
        "iam.list_attached_role_policies": ("AccessDenied", "not authorized to perform: iam:ListAttachedRolePolicies"),
    }

    assert Iam(AnsweringSession(answers)).role("nobody") is None


@pytest.mark.parametrize(
    ("decision", "missing_context", "expected"),
    [
        ("allowed", [], "allowed"),
        ("explicitDeny", ["aws:SourceVpce"], "denied"),
        ("implicitDeny", [], "denied"),
        ("implicitDeny", ["kms:ViaService"], "unsure"),
    ],
)
def test_what_iam_simulates_is_unsure_only_where_it_hangs_on_a_request(
    decision: str, missing_context: list[str], expected: str
) -> None:
    result = {"EvalActionName": "kms:Decrypt", "EvalDecision": decision, "MissingContextValues": missing_context}
    iam = Iam(AnsweringSession({"iam.simulate_principal_policy": {"EvaluationResults": [result]}}))

    found = iam.simulate(f"arn:aws:iam::{ACCOUNT}:role/runner", ["kms:Decrypt"], "arn:key")

    assert found == {("kms:Decrypt", "arn:key"): expected}


def test_a_role_that_may_not_be_read_is_an_error() -> None:
    answers = {"iam.get_role": ("AccessDenied", "not authorized to perform: iam:GetRole")}

    with pytest.raises(TargetError) as caught:
        Iam(AnsweringSession(answers)).role("runner")

    assert caught.value.code == "access_denied"


@pytest.mark.parametrize("document", ["", "not json", quote("[1]"), None, 3])
def test_what_is_no_policy_document_is_none(document: object) -> None:
    assert decode_document(document) is None
