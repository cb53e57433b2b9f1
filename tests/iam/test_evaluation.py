"""What a role may do to a resource, by its own policies and the resource's: only what follows surely."""

from typing import Any

import pytest

from expressway.aws.values.dependencies import RoleFact, RolePolicy
from expressway.iam.evaluation import ResourceSide, access_decision, needs_simulation, role_decision
from tests.diagnose.dependencies.samples import (
    ACCOUNT,
    EXECUTION_ROLE_ARN,
    KEY_ARN,
    MANAGED_EXECUTION,
    SECRET_ARN,
    allow,
    deny,
    document,
    execution_role,
    inline,
)

READ = "secretsmanager:GetSecretValue"
ELSEWHERE = "210987654321"
CONDITION = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}
UNREAD = RolePolicy("unread", f"arn:aws:iam::{ACCOUNT}:policy/unread")


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ((inline(allow(READ, SECRET_ARN)),), "allowed"),
        ((inline(allow("secretsmanager:Get*", "arn:aws:secretsmanager:*:*:secret:web/*")),), "allowed"),
        ((inline(allow("SecretsManager:getsecretvalue", "*")),), "allowed"),
        ((inline(allow(READ, f"{SECRET_ARN[:-6]}??????")),), "allowed"),
        ((inline({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),), "allowed"),
        ((inline({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::*"}),), "allowed"),
        ((inline(allow(READ, SECRET_ARN.replace("web/", "other/"))),), "denied"),
        ((inline(allow("secretsmanager:DescribeSecret", SECRET_ARN)),), "denied"),
        ((), "denied"),
        ((inline(allow(READ)), inline(deny(READ, SECRET_ARN))), "denied"),
        ((inline(allow(READ)), inline(deny("secretsmanager:*", "*"))), "denied"),
        ((inline(allow(READ)), inline(deny(READ, SECRET_ARN.replace("web/", "other/")))), "allowed"),
        ((inline(allow(READ, Condition=CONDITION)),), "unsure"),
        ((inline(allow(READ)), inline(deny(READ, Condition=CONDITION))), "unsure"),
        ((inline(allow(READ, "arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/app}-*")),), "unsure"),
        ((UNREAD,), "unsure"),
        ((UNREAD, inline(allow(READ))), "allowed"),
        ((UNREAD, inline(deny(READ))), "denied"),
    ],
)
def test_what_the_policies_of_a_role_say(policies: tuple[RolePolicy, ...], expected: str) -> None:
    assert role_decision(execution_role(*policies), READ, SECRET_ARN) == expected


def test_the_managed_policy_need_not_be_readable_to_count() -> None:
    role = execution_role(MANAGED_EXECUTION)

    assert role_decision(role, "ecr:BatchGetImage", "arn:any") == "allowed"
    assert role_decision(role, "logs:CreateLogGroup", "arn:any") == "denied"


def test_a_policy_of_the_accounts_own_with_the_managed_ones_name_does_not_count() -> None:
    namesake = RolePolicy("AmazonECSTaskExecutionRolePolicy", f"arn:aws:iam::{ACCOUNT}:policy/x", document())

    assert role_decision(execution_role(namesake), "ecr:BatchGetImage", "arn:any") == "denied"


def test_a_boundary_leaves_what_is_allowed_unsure_and_what_is_denied_denied() -> None:
    fence = f"arn:aws:iam::{ACCOUNT}:policy/fence"

    assert role_decision(execution_role(inline(allow(READ)), boundary=fence), READ, SECRET_ARN) == "unsure"
    assert role_decision(execution_role(boundary=fence), READ, SECRET_ARN) == "denied"


def test_what_iam_simulated_decides() -> None:
    role = execution_role(inline(allow(READ)), boundary="arn:fence")
    simulated = RoleFact(role.arn, "present", role.role, {(READ, SECRET_ARN): "denied"})

    assert role_decision(simulated, READ, SECRET_ARN) == "denied"


@pytest.mark.parametrize("fact", [None, RoleFact("arn", "missing"), RoleFact("arn", "unread")])
def test_a_role_that_is_not_known_decides_nothing(fact: RoleFact | None) -> None:
    assert role_decision(fact, READ, SECRET_ARN) == "unsure"
    assert access_decision(fact, READ, SECRET_ARN, ResourceSide(ACCOUNT)) == "unsure"


def _by(principal: Any, **others: Any) -> dict[str, Any]:
    return document(allow(READ, Principal=principal, **others))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (None, "denied"),
        (_by({"AWS": EXECUTION_ROLE_ARN}), "allowed"),
        (_by("*"), "allowed"),
        (_by({"AWS": "*"}, Condition=CONDITION), "unsure"),
        (_by({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}), "denied"),  # only lets IAM policies decide
        (_by({"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}), "denied"),
        (_by({"Service": "ecs.amazonaws.com"}), "denied"),
    ],
)
def test_a_resources_own_policy_may_allow_what_the_roles_do_not(policy: Any, expected: str) -> None:
    assert access_decision(execution_role(), READ, SECRET_ARN, ResourceSide(ACCOUNT, policy)) == expected


def test_a_deny_on_either_side_decides() -> None:
    allowed = inline(allow(READ))
    denying = document(deny(READ, Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))

    assert access_decision(execution_role(allowed), READ, SECRET_ARN, ResourceSide(ACCOUNT, denying)) == "denied"
    granting = ResourceSide(ACCOUNT, _by({"AWS": EXECUTION_ROLE_ARN}))
    assert access_decision(execution_role(inline(deny(READ))), READ, SECRET_ARN, granting) == "denied"


OTHER_SECRET = SECRET_ARN.replace("web/", "other/")


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (deny(READ), "denied"),
        (deny("secretsmanager:*", SECRET_ARN), "denied"),
        (deny("*", f"{SECRET_ARN[:-6]}*"), "denied"),
        ({"Effect": "Deny", "Action": READ, "NotResource": OTHER_SECRET}, "denied"),
        ({"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"}, "denied"),
        (deny(READ, OTHER_SECRET), "allowed"),
        (deny("secretsmanager:DescribeSecret", SECRET_ARN), "allowed"),
        (deny("secretsmanager:PutSecretValue"), "allowed"),
        ({"Effect": "Deny", "Action": READ, "NotResource": SECRET_ARN}, "allowed"),
        ({"Effect": "Deny", "NotAction": "secretsmanager:*", "Resource": "*"}, "allowed"),
        (allow("secretsmanager:DescribeSecret", SECRET_ARN), "allowed"),
        (deny(READ, Condition=CONDITION), "unsure"),
        (deny(READ, OTHER_SECRET, Condition=CONDITION), "allowed"),
        (deny(READ, "arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/app}-*"), "unsure"),
    ],
)
def test_what_a_resource_grants_is_taken_away_only_by_a_deny_of_the_roles_own_that_is_about_it(
    own: dict[str, Any], expected: str
) -> None:
    granting = ResourceSide(ACCOUNT, _by({"AWS": EXECUTION_ROLE_ARN}))

    assert access_decision(execution_role(inline(own)), READ, SECRET_ARN, granting) == expected


def test_a_resources_deny_under_a_condition_leaves_it_unsure() -> None:
    side = ResourceSide(ACCOUNT, document(deny(READ, Principal="*", Condition=CONDITION)))

    assert access_decision(execution_role(inline(allow(READ))), READ, SECRET_ARN, side) == "unsure"


def test_a_resources_policy_that_was_not_read_may_allow_it() -> None:
    side = ResourceSide(ACCOUNT, None, policy_read=False)

    assert access_decision(execution_role(), READ, SECRET_ARN, side) == "unsure"


@pytest.mark.parametrize(
    ("role_allows", "policy", "expected"),
    [
        (True, _by({"AWS": EXECUTION_ROLE_ARN}), "allowed"),
        (True, _by({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}), "allowed"),
        (True, _by({"AWS": ACCOUNT}), "allowed"),
        (False, _by({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}), "denied"),
        (True, None, "denied"),
        (True, _by({"AWS": f"arn:aws:iam::{ELSEWHERE}:root"}), "denied"),
    ],
)
def test_across_accounts_both_sides_have_to_allow_it(role_allows: bool, policy: Any, expected: str) -> None:
    role = execution_role(*([inline(allow(READ))] if role_allows else []))

    assert access_decision(role, READ, SECRET_ARN, ResourceSide(ELSEWHERE, policy)) == expected


@pytest.mark.parametrize(
    ("role_allows", "policy", "policy_read", "expected"),
    [
        (True, document(allow("kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})), True, "allowed"),
        (False, document(allow("kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})), True, "denied"),
        (True, document(allow("kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/admin"})), True, "denied"),
        (False, document(allow("kms:Decrypt", Principal={"AWS": EXECUTION_ROLE_ARN})), True, "allowed"),
        (True, None, False, "unsure"),
        (False, None, False, "unsure"),
    ],
)
def test_a_keys_policy_decides_whether_iam_policies_count(
    role_allows: bool, policy: Any, policy_read: bool, expected: str
) -> None:
    role = execution_role(*([inline(allow("kms:Decrypt", KEY_ARN))] if role_allows else []))
    side = ResourceSide(ACCOUNT, policy, policy_read, must_delegate=True)

    assert access_decision(role, "kms:Decrypt", KEY_ARN, side) == expected


def test_iam_is_asked_only_where_the_policies_do_not_tell() -> None:
    wanted = [(READ, SECRET_ARN), (READ, SECRET_ARN)]
    plain, unread = execution_role(inline(allow(READ))), execution_role(UNREAD)
    conditional = execution_role(inline(allow(READ, Condition=CONDITION)))
    assert plain.role
    assert unread.role
    assert conditional.role

    assert needs_simulation(plain.role, wanted) == ()
    assert needs_simulation(conditional.role, wanted) == ()
    assert needs_simulation(unread.role, wanted) == ((READ, SECRET_ARN),)
