"""A healthy service with everything around it, of which every test spoils one thing."""

from dataclasses import replace
from typing import Any

from expressway.aws.values.dependencies import (
    DependencyFacts,
    DependencySubject,
    ImageFact,
    KeyFact,
    LogGroupFact,
    RoleFact,
    RolePolicy,
    RoleState,
    ScalingFact,
    SecretFact,
)
from expressway.aws.values.service import LogConfiguration
from expressway.aws.values.task_definition import (
    ContainerDefinition,
    SecretReference,
    TaskDefinition,
)

ACCOUNT = "123456789012"
REGION = "eu-west-1"
SECRET_ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:web/database-AbCdEf"
PARAMETER_ARN = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/web/token"
KEY_ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-1111-2222-3333-444444444444"
EXECUTION_ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/web-execution"
INFRASTRUCTURE_ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/web-infrastructure"
REPOSITORY_ARN = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/team/web"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/web:v1"
DEFINITION_ARN = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/default-web:3"
MANAGED_EXECUTION = RolePolicy(
    "AmazonECSTaskExecutionRolePolicy",
    "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
)
MANAGED_INFRASTRUCTURE = RolePolicy(
    "AmazonECSInfrastructureRoleforExpressGatewayServices",
    "arn:aws:iam::aws:policy/service-role/AmazonECSInfrastructureRoleforExpressGatewayServices",
)

SECRET = SecretReference("Main", "DATABASE", SECRET_ARN)
PARAMETER = SecretReference("Main", "TOKEN", PARAMETER_ARN)


def document(*found: dict[str, Any]) -> dict[str, Any]:
    """A policy document of these statements."""
    return {"Version": "2012-10-17", "Statement": list(found)}


def allow(actions: str | list[str], resources: str | list[str] = "*", **others: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **others}


def deny(actions: str | list[str], resources: str | list[str] = "*", **others: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": actions, "Resource": resources, **others}


def trust(service: str) -> dict[str, Any]:
    return document({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})


def execution_role(*policies: RolePolicy, trusted: str = "ecs-tasks.amazonaws.com", boundary: str = "") -> RoleFact:
    role = RoleState("web-execution", EXECUTION_ROLE_ARN, trust(trusted), policies, boundary)
    return RoleFact(EXECUTION_ROLE_ARN, "present", role)


def inline(*found: dict[str, Any], name: str = "own") -> RolePolicy:
    return RolePolicy(name, "", document(*found))


READS_ITS_SECRETS = inline(
    allow("secretsmanager:GetSecretValue", SECRET_ARN),
    allow("ssm:GetParameters", PARAMETER_ARN),
    allow("kms:Decrypt", KEY_ARN),
    name="secrets",
)

REQUIREMENTS = TaskDefinition(
    arn=DEFINITION_ARN,
    family="default-web",
    execution_role_arn=EXECUTION_ROLE_ARN,
    launch_types=frozenset({"FARGATE"}),
    cpu_units=1024,
    containers=(ContainerDefinition("Main", image=IMAGE),),
    secrets=(SECRET, PARAMETER),
    log_configurations=(LogConfiguration("Main", "/expressway/web", region=REGION),),
)

SUBJECT = DependencySubject(
    cluster="default",
    service_name="web",
    service_arn=f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/default/web",
    task_definition_arn=DEFINITION_ARN,
    infrastructure_role_arn=INFRASTRUCTURE_ROLE_ARN,
    desired_count=2,
    running_count=2,
)
FAILING = replace(SUBJECT, running_count=0, has_failed=True)

HEALTHY = DependencyFacts(
    subject=SUBJECT,
    account_id=ACCOUNT,
    region=REGION,
    requirements=REQUIREMENTS,
    images=(
        ImageFact(
            REQUIREMENTS.images[0],
            DEFINITION_ARN,
            "present",
            digest="sha256:" + "0" * 64,
            platforms=("linux/amd64", "linux/arm64"),
            repository_arn=REPOSITORY_ARN,
            account_id=ACCOUNT,
            region=REGION,
        ),
    ),
    secrets=(
        SecretFact(SECRET, "present", SECRET_ARN, KEY_ARN, stages=("AWSCURRENT", "AWSPREVIOUS")),
        SecretFact(PARAMETER, "present", PARAMETER_ARN, "alias/aws/ssm"),
    ),
    keys=(
        KeyFact(
            KEY_ARN,
            "present",
            KEY_ARN,
            "Enabled",
            is_customer_managed=True,
            policy=document(allow("kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})),
            policy_read=True,
        ),
        KeyFact("alias/aws/ssm", "present", f"{KEY_ARN}-aws", "Enabled"),
    ),
    execution_role=execution_role(MANAGED_EXECUTION, READS_ITS_SECRETS),
    infrastructure_role=RoleFact(
        INFRASTRUCTURE_ROLE_ARN,
        "present",
        RoleState(
            "web-infrastructure",
            INFRASTRUCTURE_ROLE_ARN,
            trust("ecs.amazonaws.com"),
            (
                MANAGED_INFRASTRUCTURE,
                inline(allow(["ec2:DescribeAccountAttributes", "ec2:DescribeInternetGateways"])),
            ),
        ),
    ),
    log_groups=(LogGroupFact(REQUIREMENTS.log_configurations[0], "present"),),
    scaling=ScalingFact(1, 4),
)
