"""The parts of an app's definition: constrained values and sections, each with the text its errors show."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict
from pydantic_core import PydanticCustomError

from expressway.app.names import LONGEST_NAME, NAME_PATTERN, NAME_RULE
from expressway.aws.values import limits as aws_limits
from expressway.aws.values.image import parse_image_reference
from expressway.aws.values.limits import Limit
from expressway.errors import DefinitionError
from expressway.hints import on_faces

DYNAMIC_REFERENCE = r"\{\{resolve:"
"""What CloudFormation replaces, wherever it stands: ``{{resolve:service-name:reference-key}}``.
Source: CloudFormation User Guide, "Get values stored in other services using dynamic references"."""

_KEY = r"Token\[[a-zA-Z0-9:._-]+\]\}"
CDK_TOKEN = rf"\$\{{{_KEY}|#\{{{_KEY}|-1\.[0-9]{{10,16}}e\+289"
"""What the CDK replaces: its own marks for texts, lists and numbers that it only knows later.
Source: aws-cdk-lib/core/lib/private/encoding.ts."""

_EXPECTED = {
    DYNAMIC_REFERENCE: "text without {{resolve:…}}, which CloudFormation would replace (a variable gets a secret or an "
    "SSM parameter by its ARN, under secrets)",
    CDK_TOKEN: "text without ${Token[…]}, #{Token[…]} and -1.…e+289, which the CDK would take for its own tokens",
}

_PSEUDO_PARAMETER = re.compile(
    r"\$\{AWS::(?:AccountId|NotificationARNs|NoValue|Partition|Region|StackId|StackName|URLSuffix)\}"
)


def expected_instead(text: str) -> str | None:
    """What is expected in the place of a text that would be replaced, in whole or in part; None for plain text."""
    return next((expected for pattern, expected in _EXPECTED.items() if re.search(pattern, text)), None)


def pseudo_parameters(text: str) -> tuple[str, ...]:
    """The pseudo parameters of CloudFormation that a text names as ``Fn::Sub`` would replace them, each once.

    Nothing replaces them in a definition, and whoever writes one most likely expects it.
    """
    return tuple(dict.fromkeys(_PSEUDO_PARAMETER.findall(text)))


_SECRET_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")
"""What AWS adds to a secret's name, which may end so itself: less a length than a name can be is never refused."""

SCHEMA = on_faces(command_line="`expressway schema`", mcp="the resource expressway://schema/definition")
_PARTITION = r"arn:aws(?:-[a-z]+)*"
_ACCOUNT = r"[0-9]{12}"
_REGION = r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}"

REGION_PATTERN = rf"^{_REGION}$"
VARIABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_.-]*$"
HEALTH_PATH_PATTERN = r"^/[!-~]*$"
FILE_PATH_PATTERN = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
TOKEN_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"  # noqa: S105 - a build stage's name, not a secret
CLUSTER_PATTERN = rf"^(?:{_PARTITION}:ecs:{_REGION}:{_ACCOUNT}:cluster/)?[A-Za-z0-9_-]{{1,255}}$"
SUBNET_PATTERN = r"^subnet-[0-9a-f]{8,17}$"
SECURITY_GROUP_PATTERN = r"^sg-[0-9a-f]{8,17}$"
ROLE_PATTERN = rf"^{_PARTITION}:iam::{_ACCOUNT}:role/[A-Za-z0-9+=,.@_/-]+$"
PRINCIPAL_PATTERN = rf"^{_PARTITION}:iam::{_ACCOUNT}:(?:role|user)/[A-Za-z0-9+=,.@_/-]+$"
KEY_PATTERN = rf"^{_PARTITION}:kms:{_REGION}:{_ACCOUNT}:(?:key/[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+)$"
TASK_DEFINITION_PATTERN = rf"^{_PARTITION}:ecs:{_REGION}:{_ACCOUNT}:task-definition/[A-Za-z0-9_-]{{1,255}}:[0-9]+$"
SECRET_PATTERN = (
    rf"^{_PARTITION}:(?:secretsmanager:{_REGION}:{_ACCOUNT}:secret:[A-Za-z0-9/_+=.@!-]+(?::[^:\s]*:[^:\s]*:[^:\s]*)?"
    rf"|ssm:{_REGION}:{_ACCOUNT}:parameter/[A-Za-z0-9_./-]+)$"
)

EXPECTED_BY_PATTERN: dict[str, str] = {
    NAME_PATTERN: NAME_RULE,
    REGION_PATTERN: "the name of an AWS region, such as eu-west-1",
    VARIABLE_PATTERN: "a variable name: letters, digits, _, . and -, not starting with a digit",
    HEALTH_PATH_PATTERN: (
        "a path that starts with / and has only printable ASCII characters, no whitespace, such as /health "
        "(others are percent-encoded: é as %C3%A9)"
    ),
    FILE_PATH_PATTERN: "a path that is not blank and has no control characters",
    TOKEN_PATTERN: "letters, digits, _, . and -",
    CLUSTER_PATTERN: "a cluster's name or ARN",
    SUBNET_PATTERN: "a subnet id, such as subnet-0123456789abcdef0",
    SECURITY_GROUP_PATTERN: "a security group id, such as sg-0123456789abcdef0",
    ROLE_PATTERN: "the ARN of an IAM role",
    PRINCIPAL_PATTERN: "the ARN of an IAM role or user; never an account's root",
    KEY_PATTERN: "the ARN of a KMS key or alias",
    TASK_DEFINITION_PATTERN: "the ARN of a task definition with its revision, such as …:task-definition/web:3",
    SECRET_PATTERN: (
        "the ARN of a Secrets Manager secret, with :json-key:version-stage:version-id after it if wanted (leave the "
        "parts that you do not need empty, but keep the colons), or the ARN of an SSM parameter"
    ),
}
"""What a value must be, for each pattern: the text of an error, since nobody should have to read a pattern."""

LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400),
    *(545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""The retentions that CloudWatch Logs takes. Source: PutRetentionPolicy, parameter retentionInDays."""


def _one_of_the_retentions(days: int) -> int:
    if days not in LOG_RETENTION_DAYS:
        allowed = ", ".join(str(each) for each in LOG_RETENTION_DAYS)
        raise PydanticCustomError("log_retention", "{expected}", {"expected": f"one of {allowed} days"})
    return days


def _an_image_reference(text: str) -> str:
    try:
        reference = parse_image_reference(text)
    except DefinitionError as exc:
        expected = "an image reference: registry/repository:tag or registry/repository@sha256:…"
        raise PydanticCustomError("image_reference", "{expected}", {"expected": expected}) from exc
    _check((aws_limits.IMAGE, len(text.partition("@")[0])))
    if reference.is_private_ecr:
        _check((aws_limits.REPOSITORY_NAME, len(reference.repository)))
    return text


def _check(*lengths: tuple[Limit, int]) -> None:
    for limit, actual in lengths:
        if actual > limit.maximum:
            expected = f"at most {limit.maximum:,} {limit.unit} ({limit.what})"
            raise PydanticCustomError("aws_limit", "{expected}", {"expected": expected})


def _of_a_role_or_user(arn: str) -> str:
    path, _, name = arn.split(":", 5)[5].partition("/")[2].rpartition("/")
    _check((aws_limits.ROLE_NAME, len(name)), (aws_limits.ROLE_PATH, len(f"/{path}/") if path else 1))
    return arn


def _of_a_secret(arn: str) -> str:
    service, resource = arn.split(":", 6)[2], arn.split(":")[6:7]
    if service == "ssm":
        _check((aws_limits.PARAMETER_ARN, len(arn)))
    else:
        _check((aws_limits.SECRET_NAME, len(_SECRET_SUFFIX.sub("", resource[0]))))
    return arn


def _of_a_key(arn: str) -> str:
    resource = arn.split(":", 5)[5]
    _check((aws_limits.KEY_ALIAS, len(resource) if resource.startswith("alias/") else 0))
    return arn


def _plain(text: str) -> str:
    if (expected := expected_instead(text)) is not None:
        raise PydanticCustomError("plain_text", "{expected}", {"expected": expected})
    return text


def _folder_as_settings(value: Any) -> Any:
    return {"context": value} if isinstance(value, str) else value


Integer = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]
Text = Annotated[str, Strict()]
_AsItStands = (
    AfterValidator(_plain),
    Field(json_schema_extra={"not": {"pattern": f"{DYNAMIC_REFERENCE}|{CDK_TOKEN}"}}),
)
PlainText = Annotated[Text, *_AsItStands]
AppName = Annotated[Text, Field(pattern=NAME_PATTERN, max_length=LONGEST_NAME)]
Region = Annotated[Text, Field(pattern=REGION_PATTERN)]
VariableName = Annotated[Text, Field(pattern=VARIABLE_PATTERN, max_length=255)]
HealthPath = Annotated[PlainText, Field(pattern=HEALTH_PATH_PATTERN, max_length=aws_limits.HEALTH_CHECK_PATH.maximum)]
FilePath = Annotated[Text, Field(pattern=FILE_PATH_PATTERN, max_length=4096)]
StageName = Annotated[Text, Field(pattern=TOKEN_PATTERN, max_length=128)]
Cluster = Annotated[Text, Field(pattern=CLUSTER_PATTERN)]
SubnetId = Annotated[Text, Field(pattern=SUBNET_PATTERN)]
SecurityGroupId = Annotated[Text, Field(pattern=SECURITY_GROUP_PATTERN)]
RoleArn = Annotated[Text, Field(pattern=ROLE_PATTERN), AfterValidator(_of_a_role_or_user)]
PrincipalArn = Annotated[Text, Field(pattern=PRINCIPAL_PATTERN), AfterValidator(_of_a_role_or_user)]
KeyArn = Annotated[Text, Field(pattern=KEY_PATTERN), AfterValidator(_of_a_key)]
TaskDefinitionArn = Annotated[Text, Field(pattern=TASK_DEFINITION_PATTERN)]
SecretArn = Annotated[PlainText, Field(pattern=SECRET_PATTERN), AfterValidator(_of_a_secret)]
ImageUri = Annotated[Text, Field(min_length=1, max_length=1024), AfterValidator(_an_image_reference)]
Argument = Annotated[PlainText, Field(min_length=1)]
RetentionDays = Annotated[Integer, AfterValidator(_one_of_the_retentions), Field(json_schema_extra={})]


class Section(BaseModel):
    """The settings that all sections share: frozen, and unknown keys are errors.

    Validators are built at the first use, not at import: a server starts without them. The texts under the fields
    are their descriptions in the JSON Schema.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class BuildSettings(Section):
    """How the image is built from a folder."""

    context: FilePath = "."
    """Folder that is sent to the container engine, relative to the definition."""
    dockerfile: FilePath = "Dockerfile"
    """Path of the Dockerfile, relative to the context."""
    target: StageName | None = None
    """Stage to build; the last one when absent."""
    args: dict[VariableName, Text] = Field(default_factory=dict)
    """Build arguments. They are kept in the image's history: never put secrets here."""
    platform: Literal["linux/amd64"] = "linux/amd64"
    """Platform to build for. CloudFormation runs Express services on x86-64 alone (it has no CpuArchitecture)."""


class ScalingSettings(Section):
    """How many tasks run, and what makes them more or fewer."""

    min: Annotated[Integer, Field(ge=1, le=1000)] = 1
    """Fewest tasks."""
    max: Annotated[Integer, Field(ge=1, le=1000)] = 3
    """Most tasks."""
    metric: Literal["AVERAGE_CPU", "AVERAGE_MEMORY", "REQUEST_COUNT_PER_TARGET"] = "AVERAGE_CPU"
    """What is measured: percent of CPU, percent of memory, or requests per task and minute."""
    target: Annotated[Integer, Field(ge=1, le=aws_limits.SCALING_TARGET.maximum)] = 60
    """The value of the metric to hold: 1 to 100 for percentages, 1 or more for requests."""


class NetworkSettings(Section):
    """Where the tasks run; the default VPC when nothing is given."""

    subnets: Annotated[tuple[SubnetId, ...], Field(max_length=aws_limits.SUBNETS.maximum)] = ()
    """At least two subnets in two zones, or none. Public subnets make the endpoint public, private ones internal."""
    security_groups: Annotated[tuple[SecurityGroupId, ...], Field(max_length=aws_limits.SECURITY_GROUPS.maximum)] = ()
    """Security groups of the tasks; ECS adds its own to them."""


class RoleSettings(Section):
    """Your own IAM roles; those left out are made (except the task role: none then)."""

    execution: RoleArn | None = None
    """Pulls the image, writes the logs and reads the secrets. Made when absent."""
    infrastructure: RoleArn | None = None
    """Makes the load balancer, certificate, scaling and the rest. A change of it replaces the service."""
    task: RoleArn | None = None
    """What the application itself may do in AWS. None when absent."""


class LogSettings(Section):
    """The log group of the service."""

    retention_days: RetentionDays = Field(default=30, json_schema_extra={"enum": list(LOG_RETENTION_DAYS)})
    """Days that log events are kept."""


class RepositorySettings(Section):
    """The ECR repository of an app that is built from a folder."""

    immutable_tags: Flag = True
    """Refuse to move a tag to another image."""
    encryption: Literal["AES256", "KMS"] = "AES256"
    """Encryption at rest. A change of it replaces the repository."""
    kms_key_arn: KeyArn | None = None
    """Key for KMS encryption; the account's aws/ecr key when absent."""
    scan_on_push: Flag = True
    """Scan each pushed image for known vulnerabilities."""
    keep_tagged: Annotated[Integer, Field(ge=1, le=1000)] = 20
    """Tagged images to keep, beside those that run, ran before or are being deployed, which stay in any case."""
    expire_untagged_days: Annotated[Integer, Field(ge=1, le=3650)] = 7
    """Days after which untagged images expire."""
    push_principals: tuple[PrincipalArn, ...] = ()
    """IAM roles and users that may assume the push/pull role, beside the deploying identity."""
    push_through_role: Flag = False
    """Push as the push/pull role, which the deploying identity assumes, instead of as that identity itself."""


OptionalBuild = Annotated[BuildSettings | None, BeforeValidator(_folder_as_settings)]
