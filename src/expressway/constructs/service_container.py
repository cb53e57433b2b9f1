"""The properties of an Express service that CDK values become: container, secrets, network, references."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from constructs import Construct
from expressway.constructs.express_image import ExpressImage
from expressway.constructs.secret_permissions import secret_policies
from expressway.constructs.service_checks import is_token
from expressway.constructs.start_order import StartGrantee, start_policy

if TYPE_CHECKING:
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk import aws_ecs as ecs
    from aws_cdk import aws_secretsmanager as secretsmanager
    from aws_cdk import aws_ssm as ssm

    ServiceSecret = ecs.Secret | secretsmanager.ISecret | ssm.IParameter | str


def without_empties(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that say something: ECS takes an empty list for a change against no list."""
    return {name: value for name, value in properties.items() if value not in (None, [], {})}


def primary_container(
    image: ExpressImage,
    *,
    container_port: int,
    environment: Mapping[str, str],
    secrets: "Mapping[str, ServiceSecret]",
    command: Sequence[str],
    log_group: logs.ILogGroup,
    log_stream_prefix: str,
) -> dict[str, Any]:
    """Property ``PrimaryContainer``: names sorted, empties left out."""
    return without_empties(
        {
            "Image": image.uri,
            "ContainerPort": container_port,
            "Environment": [{"Name": name, "Value": environment[name]} for name in sorted(environment)],
            "Secrets": [{"Name": name, "ValueFrom": secret_reference(secrets[name])} for name in sorted(secrets)],
            "Command": list(command),
            "RepositoryCredentials": _credentials(image),
            "AwsLogsConfiguration": {"LogGroup": log_group.log_group_name, "LogStreamPrefix": log_stream_prefix},
        }
    )


def _credentials(image: ExpressImage) -> dict[str, str] | None:
    return {"CredentialsParameter": image.credentials.secret_arn} if image.credentials is not None else None


def secret_reference(secret: "ServiceSecret") -> str:
    """What ECS takes as ``ValueFrom``: an ARN, for a Secrets Manager secret perhaps with a JSON key.

    Raises:
        TypeError: for anything that is no secret.
    """
    if isinstance(secret, str):
        return str(secret)
    for name in ("secret_arn", "parameter_arn", "arn"):
        arn = getattr(secret, name, None)
        if isinstance(arn, str):
            return arn
    raise TypeError(f"Expected an ecs.Secret, an ISecret, an IParameter or an ARN, got a {type(secret).__name__}.")


def secret_arns(secrets: "Iterable[ServiceSecret]") -> list[str]:
    """The secrets that are given by ARN alone, and so cannot grant their own reading."""
    return [secret for secret in secrets if isinstance(secret, str)]


def grant_start(
    scope: Construct, role: iam.IRole, image: ExpressImage, *, secrets: "Iterable[ServiceSecret]", arns: Iterable[str]
) -> iam.Policy | None:
    """Let an execution role pull the image and read the secrets; `arns` are those it may not read yet.

    Gives the policy for which the service has to wait, if there is one.
    """
    readable = [secret for secret in secrets if not isinstance(secret, str)]
    by_arn = secret_policies(arns)
    if not (readable or by_arn or image.repository or image.credentials):
        return None
    policy = start_policy(scope, "StartPolicy", role)
    grantee: Any = role if policy is None else StartGrantee(role, policy)
    for secret in readable:
        secret.grant_read(grantee)
    if image.repository is not None:
        image.repository.grant_pull(grantee)
    if image.credentials is not None:
        image.credentials.grant_read(grantee)
    if policy is not None:
        policy.add_statements(*(by_arn[0] if by_arn else ()))
        for number, statements in enumerate(by_arn[1:], 2):
            more = iam.ManagedPolicy(scope, f"StartPolicy{number}", statements=statements, roles=[role])
            policy.node.add_dependency(more)
    return policy


def cluster_reference(cluster: "ecs.ICluster | str | None") -> str:
    """The cluster's ARN or name; the name ``default`` stands for the one that ECS makes when it is missing."""
    if cluster is None or isinstance(cluster, str):
        return cluster or "default"
    return cluster.cluster_arn


def task_definition_reference(task_definition: "ecs.ITaskDefinition | str | None") -> str | None:
    """The ARN of a custom task definition."""
    if task_definition is None or isinstance(task_definition, str):
        return task_definition
    return task_definition.task_definition_arn


def subnet_ids(
    vpc: "ec2.IVpc | None", vpc_subnets: "ec2.SubnetSelection | None", subnets: "Sequence[ec2.ISubnet | str]"
) -> list[str]:
    """Ids of the chosen subnets; empty for the default VPC."""
    if vpc is None:
        return [subnet if isinstance(subnet, str) else subnet.subnet_id for subnet in subnets]
    from aws_cdk import aws_ec2 as ec2  # whoever gives a vpc has loaded it

    selection = vpc_subnets or ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)
    return vpc.select_subnets(
        availability_zones=selection.availability_zones,
        one_per_az=selection.one_per_az,
        subnet_filters=selection.subnet_filters,
        subnet_group_name=selection.subnet_group_name,
        subnets=selection.subnets,
        subnet_type=selection.subnet_type,
    ).subnet_ids


def number_text(value: int) -> str:
    """CPU and memory are texts in CloudFormation; a number that is only known at deploy time stays a reference."""
    return cdk.Tokenization.stringify_number(value) if is_token(value) else str(value)
