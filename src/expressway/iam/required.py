"""Whether a role can do what Express Mode needs of it: trust and policies read as IAM reads them.

Sources: the managed policies AmazonECSTaskExecutionRolePolicy and
AmazonECSInfrastructureRoleforExpressGatewayServices (AWS Managed Policy Reference, version 6), and the ECS
developer guide on both roles. The evaluation is a sound reading of Allow and Deny by action; it does not judge
resources and conditions, so an Allow with a narrow resource counts as given.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from expressway.aws.values.dependencies import RolePolicy, RoleState

Statement = Mapping[str, Any]


def statements(document: Mapping[str, Any]) -> Iterator[Statement]:
    """The statements of a document: a list of them, or a single one."""
    found = document.get("Statement", [])
    for statement in found if isinstance(found, list) else [found]:
        if isinstance(statement, Mapping):
            yield statement


def covers_action(statement: Statement, action: str) -> bool:
    """Whether the statement is about the action (Action or NotAction, wildcards, case ignored as IAM does)."""
    if "NotAction" in statement:
        return not any(_matches(pattern.lower(), action.lower()) for pattern in strings(statement["NotAction"]))
    return any(_matches(pattern.lower(), action.lower()) for pattern in strings(statement.get("Action")))


def covers_resource(statement: Statement, resource: str) -> bool:
    """Whether the statement is about the resource (Resource or NotResource, wildcards); the case counts."""
    if "NotResource" in statement:
        return not any(_matches(pattern, resource) for pattern in strings(statement["NotResource"]))
    return any(_matches(pattern, resource) for pattern in strings(statement.get("Resource")))


def is_variable(statement: Statement) -> bool:
    """Whether its resources hang on policy variables (``${aws:…}``), which only a real request fills."""
    return any("${" in pattern for key in ("Resource", "NotResource") for pattern in strings(statement.get(key)))


def strings(value: object) -> tuple[str, ...]:
    """An element that may be one string or a list of them."""
    if isinstance(value, str):
        return (value,)
    return tuple(str(one) for one in value) if isinstance(value, list | tuple) else ()


def _matches(pattern: str, text: str) -> bool:
    return fnmatchcase(text, re.sub(r"\[", "[[]", pattern))


PULL_ACTIONS = (
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer",
    "ecr:BatchGetImage",
)
LOG_ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")
_LOAD_BALANCER_ACTIONS = (
    *("CreateLoadBalancer", "CreateListener", "CreateRule", "CreateTargetGroup", "ModifyListener", "ModifyRule"),
    *("AddListenerCertificates", "RegisterTargets", "DeregisterTargets"),
)
INFRASTRUCTURE_ACTIONS = (
    *(f"elasticloadbalancing:{action}" for action in _LOAD_BALANCER_ACTIONS),
    *("ec2:CreateSecurityGroup", "ec2:AuthorizeSecurityGroupIngress", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
    *("acm:RequestCertificate", "acm:DescribeCertificate"),
    *("application-autoscaling:RegisterScalableTarget", "application-autoscaling:PutScalingPolicy"),
    "cloudwatch:PutMetricAlarm",
)
OFTEN_MISSING_ACTIONS = ("ec2:DescribeAccountAttributes", "ec2:DescribeInternetGateways")
"""Reads that the managed policy (v6) lacks and without which accounts get stuck while provisioning."""


@dataclass(frozen=True, slots=True)
class RoleNeeds:
    """What one of the two roles must trust and be allowed."""

    purpose: str
    principal: str
    managed_policy: str
    actions: tuple[str, ...]
    advisable: tuple[str, ...] = ()


EXECUTION_ROLE = RoleNeeds(
    "execution role", "ecs-tasks.amazonaws.com", "AmazonECSTaskExecutionRolePolicy", (*PULL_ACTIONS, *LOG_ACTIONS)
)
INFRASTRUCTURE_ROLE = RoleNeeds(
    "infrastructure role",
    "ecs.amazonaws.com",
    "AmazonECSInfrastructureRoleforExpressGatewayServices",
    INFRASTRUCTURE_ACTIONS,
    OFTEN_MISSING_ACTIONS,
)


@dataclass(frozen=True, slots=True)
class RoleFindings:
    """What is wrong with a role, and what could not be made sure of."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def check_role(role: RoleState, needs: RoleNeeds) -> RoleFindings:
    """Judge a role that exists."""
    errors: list[str] = []
    warnings: list[str] = []
    if not trusts(role.trust, needs.principal):
        errors.append(
            f"The {needs.purpose} {role.name} does not trust {needs.principal}: "
            f"allow that service sts:AssumeRole in its trust policy."
        )
    missing = missing_actions(role.policies, needs.actions, granted_by=needs.managed_policy)
    unreadable = [policy.name for policy in role.policies if policy.document is None and not _grants(policy, needs)]
    if missing and unreadable:
        warnings.append(
            f"The {needs.purpose} {role.name} could not be verified: the policies {', '.join(unreadable)} may not "
            f"be read, and the others lack {_listed(missing)}."
        )
    elif missing:
        errors.append(
            f"The {needs.purpose} {role.name} lacks {_listed(missing)}: "
            f"attach the managed policy service-role/{needs.managed_policy}."
        )
    advisable = missing_actions(role.policies, needs.advisable)
    if advisable and not unreadable:
        warnings.append(
            f"The {needs.purpose} {role.name} lacks {_listed(advisable)}, which the managed policy does not give; "
            f"without them some accounts stay in PROVISIONING. Add them as an inline statement."
        )
    if role.permissions_boundary_arn:
        warnings.append(
            f"The {needs.purpose} {role.name} has the permissions boundary {role.permissions_boundary_arn}, "
            f"which may take away what its policies give."
        )
    return RoleFindings(tuple(errors), tuple(warnings))


def trusts(document: Mapping[str, Any], principal: str) -> bool:
    """Whether a trust policy lets the service assume the role."""
    names = {principal, f"{principal}.cn", "*"}
    return any(
        statement.get("Effect") == "Allow"
        and covers_action(statement, "sts:AssumeRole")
        and names & set(strings(_principal(statement).get("Service")))
        for statement in statements(document)
    )


def missing_actions(policies: Sequence[RolePolicy], actions: Iterable[str], *, granted_by: str = "") -> tuple[str, ...]:
    """The actions that no policy allows, or that one denies outright.

    `granted_by` names the managed policy that gives them all, so that its document need not be readable.
    """
    granted = any(policy.name == granted_by and policy.is_aws_managed for policy in policies)
    every = [statement for policy in policies for statement in statements(policy.document or {})]
    allowing = [statement for statement in every if statement.get("Effect") == "Allow"]
    denying = [
        statement
        for statement in every
        if statement.get("Effect") == "Deny"
        and not statement.get("Condition")
        and "*" in strings(statement.get("Resource"))
    ]
    return tuple(
        action
        for action in actions
        if any(covers_action(statement, action) for statement in denying)
        or not (granted or any(covers_action(statement, action) for statement in allowing))
    )


def _grants(policy: RolePolicy, needs: RoleNeeds) -> bool:
    return policy.is_aws_managed and policy.name == needs.managed_policy


def _principal(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    principal = statement.get("Principal", {})
    return principal if isinstance(principal, Mapping) else {"Service": principal}


def _listed(actions: Sequence[str], limit: int = 5) -> str:
    more = f" and {len(actions) - limit} more" if len(actions) > limit else ""
    return f"{', '.join(actions[:limit])}{more}"
