"""Which members of AWS's shapes hold what an operator or an application wrote, or what opens a door.

Tables over the service models of ECS and ECR (botocore 1.43). A member that is in none of them is an identifier, a
setting or a word of AWS's; `SUSPECT_ENDINGS` judges members that a newer model adds by their names.
"""

from collections.abc import Mapping
from enum import Enum


class Kind(Enum):
    """What a value is, in the words that say what was withheld."""

    ENVIRONMENT = "environment value"
    COMMAND = "command"
    LABEL = "label or tag value"
    SECRET_REFERENCE = "secret reference"  # noqa: S105 - the name of a kind
    OPTION = "driver option"
    TOKEN = "token"  # noqa: S105 - the name of a kind
    MESSAGE = "message"
    MANIFEST = "image manifest"
    ADVISORY = "advisory"
    NAME = "unusual name"
    UNKNOWN = "value that the service model does not know"


UNTRUSTED_KINDS = frozenset(
    {Kind.ENVIRONMENT, Kind.COMMAND, Kind.OPTION, Kind.LABEL, Kind.MESSAGE, Kind.MANIFEST, Kind.ADVISORY}
)
"""Free text that somebody else wrote: shown as a quotation."""

PUBLIC_KINDS = frozenset({Kind.ADVISORY})
"""What anybody may read, such as the description of a vulnerability, or how a scan of the image ended."""

_NAMES_ARE_CHOSEN = (
    *(("Tag", "key"), ("Attribute", "name"), ("Secret", "name"), ("Task", "group"), ("RunTaskRequest", "group")),
    *(("ContainerDefinition", name) for name in ("hostname", "workingDirectory", "user", "links", "dnsServers")),
    *(("DaemonContainerDefinition", name) for name in ("workingDirectory", "user")),
    *(("ContainerDefinition", "dnsSearchDomains"), ("HostEntry", "hostname"), ("HostVolumeProperties", "sourcePath")),
    *(("MountPoint", "containerPath"), ("Tmpfs", "containerPath"), ("Tmpfs", "mountOptions")),
    *(("Device", "hostPath"), ("Device", "containerPath"), ("SystemControl", "namespace"), ("SystemControl", "value")),
    *(("EFSVolumeConfiguration", "rootDirectory"), ("FSxWindowsFileServerVolumeConfiguration", "rootDirectory")),
)
"""What names something and is checked by nobody, so that it may be any text: see `redaction.is_plain_name`."""

ECS_MEMBERS: Mapping[tuple[str, str], Kind] = {
    **dict.fromkeys(_NAMES_ARE_CHOSEN, Kind.NAME),
    ("ProxyConfiguration", "properties"): Kind.OPTION,
    ("ContainerDefinition", "dockerSecurityOptions"): Kind.OPTION,
    ("ContainerDefinition", "environment"): Kind.ENVIRONMENT,
    ("ContainerOverride", "environment"): Kind.ENVIRONMENT,
    ("DaemonContainerDefinition", "environment"): Kind.ENVIRONMENT,
    ("ExpressGatewayContainer", "environment"): Kind.ENVIRONMENT,
    ("ContainerDefinition", "command"): Kind.COMMAND,
    ("ContainerOverride", "command"): Kind.COMMAND,
    ("DaemonContainerDefinition", "command"): Kind.COMMAND,
    ("ExpressGatewayContainer", "command"): Kind.COMMAND,
    ("ContainerDefinition", "entryPoint"): Kind.COMMAND,
    ("DaemonContainerDefinition", "entryPoint"): Kind.COMMAND,
    ("ContainerDefinition", "dockerLabels"): Kind.LABEL,
    ("ContainerDefinition", "credentialSpecs"): Kind.SECRET_REFERENCE,
    ("HealthCheck", "command"): Kind.COMMAND,
    ("ExecuteCommandRequest", "command"): Kind.COMMAND,
    ("DockerVolumeConfiguration", "labels"): Kind.LABEL,
    ("DockerVolumeConfiguration", "driverOpts"): Kind.OPTION,
    ("LogConfiguration", "options"): Kind.OPTION,
    ("FirelensConfiguration", "options"): Kind.OPTION,
    ("ServiceConnectTestTrafficHeaderMatchRules", "exact"): Kind.OPTION,
    ("Tag", "value"): Kind.LABEL,
    ("Attribute", "value"): Kind.LABEL,
    ("Secret", "valueFrom"): Kind.SECRET_REFERENCE,
    ("RepositoryCredentials", "credentialsParameter"): Kind.SECRET_REFERENCE,
    ("ExpressGatewayRepositoryCredentials", "credentialsParameter"): Kind.SECRET_REFERENCE,
    ("FSxWindowsFileServerAuthorizationConfig", "credentialsParameter"): Kind.SECRET_REFERENCE,
    ("Session", "tokenValue"): Kind.TOKEN,
    ("Session", "streamUrl"): Kind.TOKEN,
    ("DiscoverPollEndpointResponse", "endpoint"): Kind.TOKEN,
    ("DiscoverPollEndpointResponse", "telemetryEndpoint"): Kind.TOKEN,
    ("DiscoverPollEndpointResponse", "serviceConnectEndpoint"): Kind.TOKEN,
    ("RegisterContainerInstanceRequest", "instanceIdentityDocument"): Kind.TOKEN,
    ("RegisterContainerInstanceRequest", "instanceIdentityDocumentSignature"): Kind.TOKEN,
    ("ServiceEvent", "message"): Kind.MESSAGE,
    ("Failure", "detail"): Kind.MESSAGE,
    ("DeploymentLifecycleHook", "hookDetails"): Kind.MESSAGE,
}

ECR_MEMBERS: Mapping[tuple[str, str], Kind] = {
    ("Tag", "Key"): Kind.NAME,
    ("Tag", "Value"): Kind.LABEL,
    ("Resource", "tags"): Kind.LABEL,
    ("ImageReferrer", "annotations"): Kind.LABEL,
    ("AuthorizationData", "authorizationToken"): Kind.TOKEN,
    ("GetDownloadUrlForLayerResponse", "downloadUrl"): Kind.TOKEN,
    ("CreatePullThroughCacheRuleRequest", "credentialArn"): Kind.SECRET_REFERENCE,
    ("CreatePullThroughCacheRuleResponse", "credentialArn"): Kind.SECRET_REFERENCE,
    ("DeletePullThroughCacheRuleResponse", "credentialArn"): Kind.SECRET_REFERENCE,
    ("PullThroughCacheRule", "credentialArn"): Kind.SECRET_REFERENCE,
    ("UpdatePullThroughCacheRuleRequest", "credentialArn"): Kind.SECRET_REFERENCE,
    ("UpdatePullThroughCacheRuleResponse", "credentialArn"): Kind.SECRET_REFERENCE,
    ("ValidatePullThroughCacheRuleResponse", "credentialArn"): Kind.SECRET_REFERENCE,
    ("ValidatePullThroughCacheRuleResponse", "failure"): Kind.MESSAGE,
    ("ImageScanFinding", "description"): Kind.ADVISORY,
    ("EnhancedImageScanFinding", "description"): Kind.ADVISORY,
    ("EnhancedImageScanFinding", "title"): Kind.ADVISORY,
    ("Recommendation", "text"): Kind.ADVISORY,
    ("ImageScanStatus", "description"): Kind.ADVISORY,
    ("RepositoryCreationTemplate", "description"): Kind.LABEL,
    ("Image", "imageManifest"): Kind.MANIFEST,
    ("PutImageRequest", "imageManifest"): Kind.MANIFEST,
}

MEMBERS: Mapping[str, Mapping[tuple[str, str], Kind]] = {"ecs": ECS_MEMBERS, "ecr": ECR_MEMBERS}

SUSPECT_ENDINGS: tuple[tuple[str, Kind], ...] = (
    ("reason", Kind.MESSAGE),
    ("message", Kind.MESSAGE),
    ("token", Kind.TOKEN),
    ("password", Kind.TOKEN),
    ("secret", Kind.TOKEN),
)
"""Endings of string members' names, in lower case."""

HARMLESS_NAMES = frozenset({"nextToken", "clientToken"})
HARMLESS_MEMBERS = frozenset({("Failure", "reason"), ("CvssScoreAdjustment", "reason")})
"""Members with such an ending that hold a cursor, a caller's own idempotency token, or a word of AWS's."""

SHOWN_OPTIONS = frozenset(
    {
        "awslogs-create-group",
        "awslogs-datetime-format",
        "awslogs-group",
        "awslogs-region",
        "awslogs-stream-prefix",
        "config-file-type",
        "config-file-value",
        "enable-ecs-log-metadata",
        "max-buffer-size",
        "mode",
    }
)
"""Options of log drivers that only name things."""

NAMING_MEMBERS = frozenset({"name", "key", "Key", "type"})
"""Members of a pair that say what the other one is about: shown where they are plain names."""
