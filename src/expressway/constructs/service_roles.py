"""The roles that ECS assumes for an Express service, with what they may do."""

from collections.abc import Iterable
from functools import cache

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from constructs import Construct
from expressway.constructs.cdk_types import as_principal
from expressway.constructs.secret_permissions import read_secrets


def infrastructure_role(scope: Construct, construct_id: str, *, role_name: str | None = None) -> iam.Role:
    """The role by which ECS makes and keeps the load balancer, certificate, scaling and security groups.

    The trust follows "Amazon ECS infrastructure IAM role", which knows no condition on the source account.
    The managed policy (version 6) lacks two reads without which services of some accounts never become ready.
    """
    missing_reads = iam.PolicyStatement(
        sid="ReadAccountAndGateways",
        actions=["ec2:DescribeAccountAttributes", "ec2:DescribeInternetGateways"],
        resources=["*"],
    )
    return iam.Role(
        scope,
        construct_id,
        role_name=role_name,
        description="Lets Amazon ECS provide the infrastructure of an Express service",
        assumed_by=as_principal(iam.ServicePrincipal("ecs.amazonaws.com")),
        managed_policies=[_managed("service-role/AmazonECSInfrastructureRoleforExpressGatewayServices")],
        inline_policies={"MissingReads": iam.PolicyDocument(statements=[missing_reads])},
    )


def execution_role(
    scope: Construct, construct_id: str, *, role_name: str | None = None, secret_arns: Iterable[str] = ()
) -> iam.Role:
    """The role that pulls the image, writes the logs and reads exactly the secrets named."""
    statements = read_secrets(secret_arns)
    return iam.Role(
        scope,
        construct_id,
        role_name=role_name,
        description="Lets Amazon ECS pull the image, write the logs and read the secrets of an Express service",
        assumed_by=as_principal(
            iam.ServicePrincipal(
                "ecs-tasks.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
            )
        ),
        managed_policies=[_managed("service-role/AmazonECSTaskExecutionRolePolicy")],
        inline_policies={"ReadSecrets": iam.PolicyDocument(statements=statements)} if statements else None,
    )


@cache
def _managed(name: str) -> iam.IManagedPolicy:
    return iam.ManagedPolicy.from_aws_managed_policy_name(name)
