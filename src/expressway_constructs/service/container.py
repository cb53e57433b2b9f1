"""The properties of an Express service that CDK values become: container, secrets, network, references."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from expressway_constructs.image import BoundImage, ExpressImage
from expressway_constructs.secret_permissions import secret_policies
from expressway_constructs.service.start_order import StartGrantee, start_policy
from expressway_constructs.setting_types import is_token

if TYPE_CHECKING:
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk import aws_ecs as ecs

    from expressway_constructs.cdk_types import (
        AnyCluster,
        AnyLogGroup,
        AnySubnet,
        AnyTaskDefinition,
        AnyVpc,
        ServiceSecret,
    )


def without_empties(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that say something: ECS takes an empty list for a change against no list."""
    return {name: value for name, value in properties.items() if value not in (None, [], {})}


def primary_container(
    image: BoundImage,
    *,
    container_port: int,
    environment: Mapping[str, str],
    secrets: "Mapping[str, ServiceSecret]",
    command: Sequence[str],
    log_group: "AnyLogGroup",
    log_stream_prefix: str,
) -> dict[str, Any]:
    """Property ``PrimaryContainer``: names sorted, empties left out."""
    return without_empties(
        {
            "Image": image.uri,
            "ContainerPort": container_port,
            "Environment": [{"Name": name, "Value": value_text(environment[name])} for name in sorted(environment)],
            "Secrets": [{"Name": name, "ValueFrom": secret_reference(secrets[name])} for name in sorted(secrets)],
            "Command": list(command),
            "RepositoryCredentials": image.credentials and {"CredentialsParameter": image.credentials},
            "AwsLogsConfiguration": {"LogGroup": log_group.log_group_name, "LogStreamPrefix": log_stream_prefix},
        }
    )


def secret_reference(secret: "ServiceSecret") -> str:
    """What ECS takes as ``ValueFrom``: an ARN, for a Secrets Manager secret perhaps with a JSON key."""
    if isinstance(secret, str):
        return str(secret)
    arns = (getattr(secret, name, None) for name in ("secret_arn", "parameter_arn", "arn"))
    return next(arn for arn in arns if isinstance(arn, str))


def secret_arns(secrets: "Iterable[ServiceSecret]") -> list[str]:
    """The secrets that are given by ARN alone, and so cannot grant their own reading."""
    return [secret for secret in secrets if isinstance(secret, str)]


def grant_start(
    scope: Construct,
    role: iam.IRole,
    image: "ExpressImage | ecs.ContainerImage",
    *,
    secrets: "Iterable[ServiceSecret]",
    arns: Iterable[str],
) -> iam.Policy | None:
    """Let an execution role pull the image and read the secrets; `arns` are those it may not read yet.

    Gives the policy for which the service has to wait, if there is one.
    """
    readable = [secret for secret in secrets if not isinstance(secret, str)]
    if isinstance(image, ExpressImage):
        readable += [image.credentials] if image.credentials else []
    repository = image.repository if isinstance(image, ExpressImage) else None
    by_arn = secret_policies(arns)
    if not (readable or by_arn or repository):
        return None
    policy = start_policy(scope, "StartPolicy", role)
    grantee: Any = role if policy is None else StartGrantee(role, policy)
    for secret in readable:
        secret.grant_read(grantee)
    if repository is not None:
        repository.grant_pull(grantee)
    if policy is not None:
        policy.add_statements(*(by_arn[0] if by_arn else ()))
        for number, statements in enumerate(by_arn[1:], 2):
            more = iam.ManagedPolicy(scope, f"StartPolicy{number}", statements=statements, roles=[role])
            policy.node.add_dependency(more)
    return policy


def cluster_reference(cluster: "AnyCluster | str | None") -> str:
    """The cluster's ARN or name; the name ``default`` stands for the one that ECS makes when it is missing."""
    if cluster is None or isinstance(cluster, str):
        return cluster or "default"
    return cluster.cluster_arn


def task_definition_reference(task_definition: "AnyTaskDefinition | str | None") -> str | None:
    """The ARN of a custom task definition."""
    if task_definition is None or isinstance(task_definition, str):
        return task_definition
    return task_definition.task_definition_arn


def subnet_ids(
    vpc: "AnyVpc | None",
    vpc_subnets: "ec2.SubnetSelection | Mapping[str, Any] | None",
    subnets: "Sequence[AnySubnet | str]",
) -> list[str]:
    """Ids of the chosen subnets; empty for the default VPC."""
    if vpc is None:
        return [subnet if isinstance(subnet, str) else subnet.subnet_id for subnet in subnets]
    from aws_cdk import aws_ec2 as ec2  # whoever gives a vpc has loaded it

    chosen = ec2.SubnetSelection(**vpc_subnets) if isinstance(vpc_subnets, Mapping) else vpc_subnets
    selection = chosen or ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)
    return vpc.select_subnets(
        availability_zones=selection.availability_zones,
        one_per_az=selection.one_per_az,
        subnet_filters=selection.subnet_filters,
        subnet_group_name=selection.subnet_group_name,
        subnets=selection.subnets,
        subnet_type=selection.subnet_type,
    ).subnet_ids


def number_text(value: "int | str") -> str:
    """CPU and memory are texts in CloudFormation; a number that is only known at deploy time stays a reference."""
    return value_text(value) if is_token(value) else str(value)


def value_text(value: "float | str") -> str:
    """A text, or a number that is known only at deploy time as one."""
    return str(value) if isinstance(value, str) else cdk.Tokenization.stringify_number(value)
