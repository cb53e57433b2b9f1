"""Whether a role can do what Express Mode needs of it: trust and policies read as IAM reads them.

Sources: the managed policies AmazonECSTaskExecutionRolePolicy and
AmazonECSInfrastructureRoleforExpressGatewayServices (AWS Managed Policy Reference, version 6), and the ECS
developer guide on both roles. The evaluation is a sound reading of Allow and Deny by action; it does not judge
resources and conditions, so an Allow with a narrow resource counts as given.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expressway.aws.values.iam import RolePolicy, RoleState
from expressway.iam.statements import covers_action, statements, strings

PULL_ACTIONS = (
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer",
    "ecr:BatchGetImage",
)
LOG_ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")
INFRASTRUCTURE_ACTIONS = (
    "elasticloadbalancing:CreateLoadBalancer",
    "elasticloadbalancing:CreateListener",
    "elasticloadbalancing:CreateRule",
    "elasticloadbalancing:CreateTargetGroup",
    "elasticloadbalancing:ModifyListener",
    "elasticloadbalancing:ModifyRule",
    "elasticloadbalancing:AddListenerCertificates",
    "elasticloadbalancing:RegisterTargets",
    "elasticloadbalancing:DeregisterTargets",
    "ec2:CreateSecurityGroup",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "acm:RequestCertificate",
    "acm:DescribeCertificate",
    "application-autoscaling:RegisterScalableTarget",
    "application-autoscaling:PutScalingPolicy",
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
    names = {principal, f"{principal}.cn"}
    for statement in statements(document):
        services = strings(_principal(statement).get("Service"))
        allows = statement.get("Effect") == "Allow" and covers_action(statement, "sts:AssumeRole")
        if allows and (names & set(services) or "*" in services):
            return True
    return False


def missing_actions(policies: Sequence[RolePolicy], actions: Iterable[str], *, granted_by: str = "") -> tuple[str, ...]:
    """The actions that no policy allows, or that one denies outright.

    `granted_by` names the managed policy that gives them all, so that its document need not be readable.
    """
    granted = any(policy.name == granted_by and policy.is_aws_managed for policy in policies) if granted_by else False
    every = [statement for policy in policies for statement in statements(policy.document or {})]
    denied = [one for one in every if one.get("Effect") == "Deny" and not one.get("Condition")]
    allowed = [one for one in every if one.get("Effect") == "Allow"]
    return tuple(
        action
        for action in actions
        if any(covers_action(one, action) and _is_everything(one) for one in denied)
        or not (granted or any(covers_action(one, action) for one in allowed))
    )


def _grants(policy: RolePolicy, needs: RoleNeeds) -> bool:
    return policy.is_aws_managed and policy.name == needs.managed_policy


def _is_everything(statement: Mapping[str, Any]) -> bool:
    return "*" in strings(statement.get("Resource"))


def _principal(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    principal = statement.get("Principal", {})
    return principal if isinstance(principal, Mapping) else {"Service": principal}


def _listed(actions: Sequence[str], limit: int = 5) -> str:
    more = f" and {len(actions) - limit} more" if len(actions) > limit else ""
    return f"{', '.join(actions[:limit])}{more}"
