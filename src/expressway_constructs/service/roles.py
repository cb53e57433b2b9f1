"""The roles that ECS assumes for an Express service, with what they may do."""

from collections.abc import Iterable
from functools import cache

from aws_cdk import aws_iam as iam
from constructs import Construct

from expressway_constructs.cdk_types import account_id, as_principal
from expressway_constructs.secret_permissions import secret_policies


def infrastructure_role(scope: Construct, construct_id: str, *, role_name: str | None = None) -> iam.Role:
    """The role by which ECS makes and keeps the load balancer, certificate, scaling and security groups.

    The trust follows "Amazon ECS infrastructure IAM role", which knows no condition on the source account.
    The managed policy (version 6) lacks two reads without which services of some accounts never become ready.
    """
    return iam.Role(
        scope,
        construct_id,
        role_name=role_name,
        description="Lets Amazon ECS provide the infrastructure of an Express service",
        assumed_by=_ecs(),
        managed_policies=[_managed("service-role/AmazonECSInfrastructureRoleforExpressGatewayServices")],
        inline_policies={"MissingReads": _missing_reads()},
    )


def execution_role(
    scope: Construct, construct_id: str, *, role_name: str | None = None, secret_arns: Iterable[str] = ()
) -> iam.Role:
    """The role that pulls the image, writes the logs and reads exactly the secrets named.

    Secrets that do not fit in the role are in managed policies: those come before the role, and so before the service.
    """
    policies = [iam.PolicyDocument(statements=statements) for statements in secret_policies(secret_arns)]
    separate = [
        iam.ManagedPolicy(scope, f"ReadSecrets{number}", document=policy, description="Reads secrets of one service")
        for number, policy in enumerate(policies if len(policies) > 1 else (), 1)
    ]
    return iam.Role(
        scope,
        construct_id,
        role_name=role_name,
        description="Lets Amazon ECS pull the image, write the logs and read the secrets of an Express service",
        assumed_by=_tasks_of_this_account(),
        managed_policies=[_managed("service-role/AmazonECSTaskExecutionRolePolicy"), *separate],
        inline_policies={"ReadSecrets": policies[0]} if len(policies) == 1 else None,
    )


def task_role(scope: Construct, construct_id: str) -> iam.Role:
    """The role of the application itself, which may do only what is granted to it."""
    return iam.Role(
        scope,
        construct_id,
        description="What the application of an Express service may do",
        assumed_by=_tasks_of_this_account(),
    )


# What never changes is made in Node once, not for each app.


@cache
def _ecs() -> iam.IPrincipal:
    return as_principal(iam.ServicePrincipal("ecs.amazonaws.com"))


@cache
def _tasks_of_this_account() -> iam.IPrincipal:
    conditions = {"StringEquals": {"aws:SourceAccount": account_id()}}
    return as_principal(iam.ServicePrincipal("ecs-tasks.amazonaws.com", conditions=conditions))


@cache
def _missing_reads() -> iam.PolicyDocument:
    statement = iam.PolicyStatement(
        sid="ReadAccountAndGateways",
        actions=["ec2:DescribeAccountAttributes", "ec2:DescribeInternetGateways"],
        resources=["*"],
    )
    return iam.PolicyDocument(statements=[statement])


@cache
def _managed(name: str) -> iam.IManagedPolicy:
    return iam.ManagedPolicy.from_aws_managed_policy_name(name)
