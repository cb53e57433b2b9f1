"""AWS's messages with their places for names, and names that read like other messages.

Texts: ECS developer guide ("Stopped tasks error messages", "CannotPullContainer task errors", "Service event
messages"), runc, Docker and containerd, CloudFormation and its resource handlers.
"""

from dataclasses import dataclass, field

ACCOUNT = "123456789012"
REGISTRY = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/{{name}}"
_USER = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{{name}}/{{name}} is not authorized to perform"
_NO_POLICY = "because no identity-based policy allows the action"
_PULL = "CannotPullContainerError: pull image manifest has been retried 7 time(s)"
_SECRETS = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed"
_RUNC = (
    "CannotStartContainerError: Error response from daemon: failed to create task for container: failed to create shim "
    "task: OCI runtime create failed: runc create failed: unable to start container process"
)
_REQUEST = "(Service: Iam, Status Code: 409, Request ID: 0f1e2d3c-0000-4000-8000-000000000000)"
_HANDLED = "(RequestToken: 0f1e2d3c-0000-4000-8000-000000000001, HandlerErrorCode: {error})"
_GROUP = f"arn:aws:elasticloadbalancing:eu-west-1:{ACCOUNT}:targetgroup/{{name}}/0123456789abcdef"

WORDS = (
    *("image", "pull", "denied", "manifest", "resolve", "registry", "repository", "ref", "tag", "unauthorized"),
    *("memory", "limit", "oom", "OutOfMemory", "OutOfMemoryError", "killed", "quota", "capacity", "RESOURCE", "vCPU"),
    *("timeout", "timed", "out", "test", "unhealthy", "health", "check", "refused", "circuit", "breaker", "failed"),
    *("exec", "stat", "executable", "file", "not", "found", "exists", "already", "unknown", "name", "no", "such"),
    *("secret", "secrets", "parameter", "ssm", "asm", "secretsmanager", "kms", "json", "key", "log", "group", "stream"),
    *("network", "interface", "ENI", "subnet", "default", "VPC", "role", "cluster", "service", "user", "x", "arn"),
    *("AccessDenied", "AccessDeniedException", "LimitExceeded", "ParameterNotFound", "toomanyrequests", "TooManyRules"),
    *("CannotPullContainerError", "CannotStartContainerError", "RepositoryNotFoundException", "UnauthorizedOperation"),
    *(
        "ResourceNotFoundException",
        "403",
        "404",
        "Forbidden",
        "mount",
        "nfs4",
        "InvalidGroup",
        "NotFound",
        "DockerTimeoutError",
    ),
)
"""What names are made of: each is a part of a phrase that some rule looks for."""

SPOKEN = (
    "pull image: not found",
    "exec format error",
    "CannotPullContainerError: access denied",
    "no space left on device",
    "can't find the specified secret",
    'sh -c "killed due to memory usage"',
    "is not authorized to perform: ecr:BatchGetImage",
    "bad interpreter",
    "unable to place a task",
)
"""What a command line may say, which is not made of single words."""


@dataclass(frozen=True, slots=True)
class Message:
    """A text, the code it has (empty where no rule knows it), and whether its name may be a whole command line.

    In the text, ``{name}`` is where a user's name stands, and ``{path}`` where one of several parts does.
    """

    text: str
    code: str
    category: str = ""
    is_spoken: bool = field(default=False, kw_only=True)

    def naming(self, name: str, path: str = "team/web") -> str:
        return self.text.replace("{name}", name).replace("{path}", path).replace("{error}", "GeneralServiceException")


TASKS = (
    Message(
        f"{_PULL}: failed to resolve ref {REGISTRY}/{{path}}:{{name}}: {REGISTRY}/{{path}}:{{name}}: not found",
        "image_not_found",
        "image_pull_failure",
    ),
    Message(
        f"CannotPullContainerError: API error (404): repository {REGISTRY}/{{path}} not found",
        "image_not_found",
        "image_pull_failure",
    ),
    Message(
        "CannotPullContainerError: Error response from daemon: manifest for {name}:{name} not found: manifest unknown: "
        "manifest unknown",
        "image_not_found",
        "image_pull_failure",
    ),
    Message(
        "CannotPullContainerError: The repository with name '{path}' does not exist in the registry with id "
        f"'{ACCOUNT}'",
        "repository_not_found",
        "image_pull_failure",
    ),
    Message(
        "CannotPullContainerError: Error response from daemon: pull access denied for {path}, repository does not "
        "exist or may require 'docker login'",
        "image_pull_denied",
        "image_pull_failure",
    ),
    Message(
        f'CannotPullContainerError: inspect image has been retried 1 time(s): failed to resolve ref "{REGISTRY}/'
        f'{{path}}:{{name}}": pulling from host {REGISTRY} failed with status code [manifests {{name}}]: 403 Forbidden',
        "image_pull_denied",
        "image_pull_failure",
    ),
    Message(
        f'{_PULL}: failed to do request: Head "https://{REGISTRY}/v2/{{path}}/manifests/{{name}}": dial tcp '
        "10.0.0.1:443: i/o timeout",
        "registry_unreachable",
        "image_pull_failure",
    ),
    Message(
        f"{_PULL}: toomanyrequests: You have reached your pull rate limit. For {{path}}.",
        "registry_rate_limited",
        "image_pull_failure",
    ),
    Message(
        "CannotPullContainerError: write /var/lib/docker/tmp/{name}: no space left on device",
        "image_too_large",
        "image_pull_failure",
    ),
    Message(
        f"{_SECRETS}: unable to retrieve ecr registry auth: AccessDeniedException: {_USER}: "
        f"ecr:GetAuthorizationToken on resource: * {_NO_POLICY}",
        "image_pull_denied",
        "image_pull_failure",
    ),
    Message(
        f"{_SECRETS}: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch "
        f"secret arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:{{path}} from secrets manager: "
        f"AccessDeniedException: {_USER}: secretsmanager:GetSecretValue on resource: "
        f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:{{path}} {_NO_POLICY}",
        "secret_denied",
        "secret_failure",
    ),
    Message(
        f"{_SECRETS}: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch "
        f"secret arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:{{path}} from secrets manager: "
        "ResourceNotFoundException: Secrets Manager can't find the specified secret.",
        "secret_not_found",
        "secret_failure",
    ),
    Message(
        f"{_SECRETS}: unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm "
        "parameters: {name}, /{path}",
        "secret_not_found",
        "secret_failure",
    ),
    Message(
        f"{_SECRETS}: retrieved secret from Secrets Manager did not contain json key {{name}}",
        "secret_key_missing",
        "secret_failure",
    ),
    Message(
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed "
        "to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit "
        "status 1",
        "log_group_missing",
        "logging_failure",
    ),
    Message(
        f"ResourceInitializationError: failed to validate logger args: create stream: AccessDeniedException: {_USER}: "
        f"logs:CreateLogStream on resource: arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/{{path}}:log-stream:{{name}}",
        "log_denied",
        "logging_failure",
    ),
    Message(
        f'{_RUNC}: exec: "{{name}}": executable file not found in $PATH: unknown',
        "command_not_found",
        "container_start_failure",
        is_spoken=True,
    ),
    Message(
        f'{_RUNC}: error during container init: exec: "/{{path}}": stat /{{path}}: no such file or directory',
        "command_not_found",
        "container_start_failure",
    ),
    Message(
        f'{_RUNC}: exec: "{{name}}": permission denied: unknown',
        "command_not_executable",
        "container_start_failure",
        is_spoken=True,
    ),
    Message(
        f"{_RUNC}: unable to find user {{name}}: no matching entries in passwd file",
        "user_not_found",
        "container_start_failure",
    ),
    Message(
        "OutOfMemoryError: Container killed due to memory usage",
        "out_of_memory",
        "out_of_memory",
    ),
    Message(
        "Timeout waiting for network interface provisioning to complete.", "network_interface_failed", "network_failure"
    ),
    Message(f"Task failed ELB health checks in (target-group {_GROUP})", "", "health_check_failure"),
    Message("Scaling activity initiated by (deployment ecs-svc/0123456789)", "", "other"),
)
"""What ECS says of a task, with its category."""

EVENTS = (
    Message("(service {name}) has reached a steady state.", ""),
    Message("service ({name}) has reached a steady state.", ""),
    Message("(service {name}) (deployment ecs-svc/1) deployment completed.", ""),
    Message("(service {name}) has started 1 tasks: (task 0123456789abcdef0123456789abcdef).", ""),
    Message(f"(service {{name}}) registered 1 targets in (target-group {_GROUP})", ""),
    Message(
        f"(service {{name}}) (task 0123456789abcdef) (port 8080) is unhealthy in (target-group {_GROUP}) due to "
        "(reason Health checks failed with these codes: [404]).",
        "",
    ),
    Message(
        "(service {name}) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again "
        "later or in a different availability zone.",
        "capacity_unavailable",
    ),
    Message(
        "(service {name}) was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can "
        "run concurrently.",
        "quota_exceeded",
    ),
    Message(
        "(service {name}) was unable to place a task. Reason: You've reached the limit on the number of tasks you can "
        "run concurrently.",
        "quota_exceeded",
    ),
    Message(
        "(service {name}) was unable to place a task. Reason: The requested CPU configuration is above your limit.",
        "quota_exceeded",
    ),
    Message(
        f"(service {{name}}) failed to launch a task with (error ECS was unable to assume the role '{_ROLE}' that was "
        "provided for this task. Please verify that the role being passed has the proper trust relationship.)",
        "role_not_assumable",
    ),
)
"""What the scheduler says of a service."""

RESOURCES = (
    Message("Resource of type 'AWS::ECS::Cluster' with identifier '{name}' was not found.", ""),
    Message(f"Role {_ROLE} not found", ""),
    Message("Role {name} not found.", ""),
    Message(
        f'Resource handler returned message: "The role with name {{name}} cannot be found. {_REQUEST}" {_HANDLED}', ""
    ),
    Message(
        f'Resource handler returned message: "Role with name {{name}} already exists. {_REQUEST}" {_HANDLED}',
        "resource_exists",
    ),
    Message("{name} already exists", "resource_exists"),
    Message("{name} already exists in stack arn:aws:cloudformation:eu-west-1:1:stack/{name}/9", "resource_exists"),
    Message("Resource of type 'AWS::Logs::LogGroup' with identifier '/{path}' already exists.", "resource_exists"),
    Message(
        f'Resource handler returned message: "{_USER}: iam:CreateRole on resource: {_ROLE} {_NO_POLICY}" {_HANDLED}',
        "permission_denied",
    ),
    Message("User: {name} is not authorized to perform: ec2:DescribeAccountAttributes", "permission_denied"),
    Message("AccessDenied. User doesn't have permission to call iam:GetRole", "permission_denied"),
    Message("The log group {name} does not exist", "log_group_missing"),
    Message("parameter /{path} not found", "secret_not_found"),
    Message("The following resource(s) failed to create: [Service].", ""),
)
"""What CloudFormation and its resource handlers say."""
