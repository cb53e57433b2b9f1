"""Whether a role may do something to a resource, as far as its policies and the resource's own policy tell.

Only what follows surely is concluded: a statement under a condition, a policy that could not be read, and a
permissions boundary make the answer unsure, unless IAM's own simulation has decided.

Source: IAM user guide, "Policy evaluation logic" and "Cross-account policy evaluation logic".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from expressway.aws.values.dependencies import Decision, RoleFact, RolePolicy, RoleState
from expressway.iam.required import (
    EXECUTION_ROLE,
    INFRASTRUCTURE_ROLE,
    RoleNeeds,
    Statement,
    covers_action,
    covers_resource,
    is_variable,
    statements,
    strings,
)

_Answer = Literal["yes", "maybe", "no"]
_AS_DECISION: Mapping[_Answer, Decision] = {"yes": "allowed", "maybe": "unsure", "no": "denied"}
_KNOWN_GRANTS: Mapping[str, RoleNeeds] = {one.managed_policy: one for one in (EXECUTION_ROLE, INFRASTRUCTURE_ROLE)}


@dataclass(frozen=True, slots=True)
class ResourceSide:
    """What the resource itself says.

    Attributes:
        account_id: the account that it is in.
        policy: its own policy; None when it has none, or it was not read.
        policy_read: False where that policy could not be read.
        must_delegate: IAM policies only count where the resource's policy names the account, as with KMS keys.
    """

    account_id: str
    policy: Mapping[str, Any] | None = None
    policy_read: bool = True
    must_delegate: bool = False


def role_decision(fact: RoleFact | None, action: str, resource: str) -> Decision:
    """What the role's own policies say. A role that is missing or was not read decides nothing."""
    if fact is None or fact.role is None:
        return "unsure"
    simulated = fact.simulated.get((action, resource))
    if simulated is not None and simulated != "unsure":
        return simulated
    decision = _by_policies(fact.role, action, resource)
    fenced = bool(fact.role.permissions_boundary_arn) and decision == "allowed"
    return "unsure" if fenced else decision


def access_decision(fact: RoleFact | None, action: str, resource: str, side: ResourceSide) -> Decision:
    """What comes of the role's policies together with the resource's own.

    In one account either of the two suffices; across accounts it takes both. A Deny in either decides.
    """
    if fact is None or fact.role is None:
        return "unsure"
    role_arn, by_role = fact.role.arn, role_decision(fact, action, resource)
    denies = {_effect(side, role_arn, action, "Deny"), _covers(fact.role, action, resource, "Deny")}
    if "yes" in denies:
        return "denied"
    grants = _AS_DECISION[_effect(side, role_arn, action, "Allow")]
    if account_of(role_arn) != side.account_id:
        decision = _both(by_role, grants)
    else:
        decision = _either(by_role if _iam_counts(side, role_arn, action) else "denied", grants)
    return "unsure" if decision == "allowed" and "maybe" in denies else decision


def needs_simulation(role: RoleState, wanted: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Of (action, resource) pairs, those that the policies leave unsure because one is unread or a boundary is set."""
    if not _has_unread(role) and not role.permissions_boundary_arn:
        return ()
    fact = RoleFact(role.arn, "present", role)
    return tuple(pair for pair in dict.fromkeys(wanted) if role_decision(fact, *pair) == "unsure")


def _by_policies(role: RoleState, action: str, resource: str) -> Decision:
    denied = _covers(role, action, resource, "Deny")
    if denied == "yes":
        return "denied"
    allowed = _covers(role, action, resource, "Allow")
    if allowed == "yes" or any(_known_to_grant(policy, action) for policy in role.policies):
        return "unsure" if denied == "maybe" else "allowed"
    return "unsure" if allowed == "maybe" or _has_unread(role) else "denied"


def _covers(role: RoleState, action: str, resource: str, effect: str) -> _Answer:
    """Whether a statement of that effect in the role's own policies is about the action on the resource."""
    about = [
        statement
        for policy in role.policies
        for statement in statements(policy.document or {})
        if statement.get("Effect") == effect and covers_action(statement, action)
    ]
    covering = [statement for statement in about if is_variable(statement) or covers_resource(statement, resource)]
    if any(not statement.get("Condition") and not is_variable(statement) for statement in covering):
        return "yes"
    return "maybe" if covering else "no"


def _has_unread(role: RoleState) -> bool:
    """Whether a policy could not be read; AWS's own policies for the two roles need not be, they are known by name."""
    return any(policy.document is None and not _is_known(policy) for policy in role.policies)


def _effect(side: ResourceSide, role_arn: str, action: str, effect: str) -> _Answer:
    """Whether the resource's own policy allows or denies the role that action."""
    if not side.policy_read:
        return "maybe"
    found = [
        one
        for one in statements(side.policy or {})
        if one.get("Effect") == effect and covers_action(one, action) and _names(one, role_arn, side, effect)
    ]
    if any(not one.get("Condition") for one in found):
        return "yes"
    return "maybe" if found else "no"


def _names(statement: Statement, role_arn: str, side: ResourceSide, effect: str) -> bool:
    """Whether the statement is about the role: by ARN, as everybody, or by its account.

    In the role's own account an Allow for the account only lets its IAM policies decide; it grants nothing itself.
    """
    if "NotPrincipal" in statement:
        return effect == "Deny"
    principals, account = _principals(statement), account_of(role_arn)
    by_account = _is_account(principals, account) and (effect == "Deny" or account != side.account_id)
    return "*" in principals or role_arn in principals or by_account


def _iam_counts(side: ResourceSide, role_arn: str, action: str) -> bool:
    """Whether IAM policies decide: always, but for a key whose policy does not name the account (unread: it does)."""
    if not side.must_delegate or not side.policy_read:
        return True
    about = [one for one in statements(side.policy or {}) if covers_action(one, action)]
    return any(one.get("Effect") == "Allow" and _is_account(_principals(one), account_of(role_arn)) for one in about)


def _both(one: Decision, other: Decision) -> Decision:
    if "denied" in {one, other}:
        return "denied"
    return "unsure" if "unsure" in {one, other} else "allowed"


def _either(one: Decision, other: Decision) -> Decision:
    if "allowed" in {one, other}:
        return "allowed"
    return "unsure" if "unsure" in {one, other} else "denied"


def _is_account(principals: tuple[str, ...], account_id: str) -> bool:
    return any(one == account_id or one.endswith(f":iam::{account_id}:root") for one in principals)


def _principals(statement: Statement) -> tuple[str, ...]:
    principal = statement.get("Principal", {})
    return strings(principal.get("AWS")) if isinstance(principal, Mapping) else strings(principal)


def _is_known(policy: RolePolicy) -> bool:
    return policy.is_aws_managed and policy.name in _KNOWN_GRANTS


def _known_to_grant(policy: RolePolicy, action: str) -> bool:
    return policy.document is None and _is_known(policy) and action in _KNOWN_GRANTS[policy.name].actions


def account_of(role_arn: str) -> str:
    """The account in an ARN, or nothing."""
    parts = role_arn.split(":")
    return parts[4] if len(parts) > 4 else ""
