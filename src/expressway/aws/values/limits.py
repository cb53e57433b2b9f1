"""Sizes and counts that AWS allows, each with how it is counted, what of a definition reaches it, and its source.

Quotas of an account (load balancers, rules, roles, vCPUs …) are none of these: what of them is left is known to AWS
alone, and only while it deploys.
"""

from dataclasses import dataclass

_DOCS = "https://docs.aws.amazon.com"
_IAM = f"{_DOCS}/IAM/latest/UserGuide/reference_iam-quotas.html"
_CLOUDFORMATION = f"{_DOCS}/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"
_ECS_API = f"{_DOCS}/AmazonECS/latest/APIReference"
_ECS = f"{_DOCS}/AmazonECS/latest/developerguide/service-quotas.html"
_ECR = f"{_DOCS}/AmazonECR/latest/userguide/service-quotas.html"
_ECR_API = f"{_DOCS}/AmazonECR/latest/APIReference"
_SECRETS = f"{_DOCS}/secretsmanager/latest/userguide/reference_limits.html"
_FEWER_SECRETS = "Name fewer secrets; several variables may take keys of one secret."


@dataclass(frozen=True, slots=True)
class Limit:
    """The most of something that AWS takes.

    Attributes:
        what: what is limited.
        counted: how its size is counted.
        setting: what in a definition can reach it; empty where our own names and templates stay below it.
        source: where AWS says so.
        remedy: what to do about too much of it.
        on_request: the most that AWS grants an account that asks; None where nobody gets more.
    """

    what: str
    maximum: int
    unit: str
    counted: str
    setting: str
    source: str
    remedy: str = ""
    on_request: int | None = None


TEMPLATE_BODY = Limit(
    "template in a call",
    51_200,
    "bytes",
    "UTF-8, without the whitespace between JSON values where the template does not fit with it",
    "environment, command, secrets, repository.push_principals",
    _CLOUDFORMATION,
    "Shorten environment, command or secrets: keep large values in a secret, a parameter or a file of the image. "
    "(Templates in S3, which may be larger, are not used.)",
)
INLINE_POLICIES = Limit(
    "all inline policies of a role",
    10_240,
    "characters",
    "JSON without whitespace; secrets beyond it go into managed policies",
    "secrets",
    _IAM,
    _FEWER_SECRETS,
)
MANAGED_POLICY = Limit(
    "managed policy", 6_144, "characters", "JSON without whitespace", "secrets", _IAM, _FEWER_SECRETS
)
ATTACHED_POLICIES = Limit(
    "managed policies of a role",
    10,
    "policies",
    "AWS's own and those made for secrets",
    "secrets",
    _IAM,
    _FEWER_SECRETS,
    on_request=20,
)
TRUST_POLICY = Limit(
    "trust policy of a role",
    2_048,
    "characters",
    "JSON without whitespace, with the deploying identity",
    "repository.push_principals",
    _IAM,
    "Name fewer principals: let them assume one role, and name that role.",
    on_request=4_096,
)
TASK_DEFINITION = Limit("task definition", 65_536, "bytes", "JSON; the template holds it and has less room", "", _ECS)
PARAMETER_VALUE = Limit("value of a stack parameter", 4_096, "bytes", "UTF-8", "", _CLOUDFORMATION)
RESOURCES = Limit("resources of a stack", 500, "resources", "declared in the template", "", _CLOUDFORMATION)
OUTPUTS = Limit("outputs of a stack", 200, "outputs", "declared in the template", "", _CLOUDFORMATION)
PARAMETERS = Limit("parameters of a stack", 200, "parameters", "declared in the template", "", _CLOUDFORMATION)
TEMPLATE_DESCRIPTION = Limit("description of a template", 1_024, "bytes", "UTF-8", "", _CLOUDFORMATION)
STACK_NAME = Limit("name of a stack", 128, "characters", "app name and suffix", "", _CLOUDFORMATION)
SERVICE_NAME = Limit(
    "name of a service", 255, "characters", "the app name", "", f"{_ECS_API}/API_CreateExpressGatewayService.html"
)
CLUSTER_NAME = Limit(
    "name of a cluster", 255, "characters", "the name in an ARN alone", "cluster", f"{_ECS_API}/API_CreateCluster.html"
)
TASK_FAMILY = Limit(
    "family of a task definition",
    255,
    "characters",
    "the family in the ARN alone",
    "task_definition_arn",
    f"{_ECS_API}/API_RegisterTaskDefinition.html",
)
ROLE_NAME = Limit(
    "name of a role or user", 64, "characters", "the last part of the ARN", "roles, repository.push_principals", _IAM
)
ROLE_PATH = Limit(
    "path of a role or user",
    512,
    "characters",
    "from the first slash of the ARN to the name, both slashes included",
    "roles, repository.push_principals",
    _IAM,
)
ROLE_DESCRIPTION = Limit(
    "description of a role", 1_000, "characters", "", "", f"{_DOCS}/IAM/latest/APIReference/API_CreateRole.html"
)
REPOSITORY_NAME = Limit(
    "name of a repository",
    256,
    "characters",
    "with its namespaces, without the registry",
    "image (in a private ECR registry)",
    f"{_ECR_API}/API_CreateRepository.html",
)
LIFECYCLE_POLICY = Limit("lifecycle policy of a repository", 30_720, "characters", "JSON", "", _ECR)
LIFECYCLE_RULES = Limit("rules of a lifecycle policy", 50, "rules", "", "", _ECR)
IMAGE = Limit(
    "image of a container",
    255,
    "characters",
    "registry, repository and tag, without @ and digest",
    "image",
    f"{_ECS_API}/API_ContainerDefinition.html",
)
LOG_GROUP_NAME = Limit(
    "name of a log group",
    512,
    "characters",
    "prefix and app name",
    "",
    f"{_DOCS}/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html",
)
HEALTH_CHECK_PATH = Limit(
    "path of a health check",
    1_024,
    "characters",
    "",
    "health_check_path",
    f"{_DOCS}/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html",
)
SUBNETS = Limit(
    "subnets of a service", 16, "subnets", "", "network.subnets", f"{_ECS_API}/API_AwsVpcConfiguration.html"
)
SECURITY_GROUPS = Limit(
    "security groups of a service",
    5,
    "groups",
    "those given; ECS adds its own",
    "network.security_groups",
    f"{_ECS_API}/API_AwsVpcConfiguration.html",
)
SECRET_NAME = Limit(
    "name of a secret", 512, "characters", "without the hyphen and six characters that AWS adds", "secrets", _SECRETS
)
PARAMETER_ARN = Limit(
    "ARN of an SSM parameter",
    1_011,
    "characters",
    "the whole ARN, name included",
    "secrets",
    f"{_DOCS}/systems-manager/latest/APIReference/API_PutParameter.html",
)
KEY_ALIAS = Limit(
    "alias of a key",
    256,
    "characters",
    "with alias/",
    "repository.kms_key_arn",
    f"{_DOCS}/kms/latest/APIReference/API_CreateAlias.html",
)
TASKS = Limit("tasks of a service", 5_000, "tasks", "scaling.max is at most 1,000 here", "", _ECS)
SCALING_TARGET = Limit(
    "target value of scaling",
    2_147_483_647,
    "",
    "a 32-bit integer",
    "scaling.target",
    f"{_ECS_API}/API_ExpressGatewayScalingTarget.html",
)

LIMITS: tuple[Limit, ...] = tuple(each for each in tuple(globals().values()) if isinstance(each, Limit))
"""All of them, in the order above."""
