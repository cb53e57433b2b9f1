"""What a task definition needs around it before its containers run: images, secrets, log groups and roles."""

import re
from dataclasses import dataclass

from expressway.model.quotation import quoted

_SECRETS_MANAGER = "secretsmanager"
_PARAMETER_STORE = "ssm"
_SECRET_ARN = re.compile(
    r"^arn:(?P<partition>aws[\w-]*):secretsmanager:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):"
    r"secret:(?P<name>[^:]+)(?::(?P<key>[^:]*))?(?::(?P<stage>[^:]*))?(?::(?P<version>[^:]*))?$"
)
_PARAMETER_ARN = re.compile(
    r"^arn:(?P<partition>aws[\w-]*):ssm:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):parameter(?P<name>/.+)$"
)


@dataclass(frozen=True, slots=True)
class SecretReference:
    """A secret that a container takes, or the credentials for its registry. Only ever its name, never its value.

    Attributes:
        container: the container that takes it.
        variable: the environment variable that it fills; empty for registry credentials.
        value_from: the reference as it is written in the task definition.
    """

    container: str
    variable: str
    value_from: str

    @property
    def service(self) -> str:
        """``secretsmanager`` or ``ssm``: a reference that is no ARN names a parameter of the same region.

        Source: ECS API reference, Secret, ``valueFrom``.
        """
        if not self.variable and not self.value_from.startswith("arn:"):
            return _SECRETS_MANAGER  # credentialsParameter: the ARN or the name of a secret
        return _SECRETS_MANAGER if ":secretsmanager:" in self.value_from else _PARAMETER_STORE

    @property
    def is_parameter(self) -> bool:
        return self.service == _PARAMETER_STORE

    @property
    def secret_id(self) -> str:
        """The ARN or name without JSON key, version stage and version; for a parameter its name."""
        secret = _SECRET_ARN.match(self.value_from)
        if secret:
            return (
                f"arn:{secret['partition']}:secretsmanager:{secret['region']}:{secret['account']}"
                f":secret:{secret['name']}"
            )
        return self._parameter_name or self.value_from

    @property
    def shown(self) -> str:
        """The name for sentences. What is no ARN may be anything, also a value put there by mistake: quoted."""
        return self.secret_id if self.value_from.startswith("arn:") else quoted(self.secret_id)

    @property
    def _parameter_name(self) -> str:
        """`parameter/name` in an ARN may stand for `name` or `/name`: a name of several levels begins with a slash."""
        match = _PARAMETER_ARN.match(self.value_from)
        if match is None:
            return ""
        name = match["name"].removeprefix("/")
        return f"/{name}" if "/" in name else name

    @property
    def json_key(self) -> str:
        match = _SECRET_ARN.match(self.value_from)
        return (match["key"] or "") if match else ""

    @property
    def version_stage(self) -> str:
        match = _SECRET_ARN.match(self.value_from)
        return (match["stage"] or "") if match else ""

    @property
    def region(self) -> str:
        """The region that the reference names; empty for a plain name, which means the task's own."""
        match = _SECRET_ARN.match(self.value_from) or _PARAMETER_ARN.match(self.value_from)
        return match["region"] if match else ""

    @property
    def account_id(self) -> str:
        """The account that the reference names; empty for a plain name, which means the task's own."""
        match = _SECRET_ARN.match(self.value_from) or _PARAMETER_ARN.match(self.value_from)
        return match["account"] if match else ""

    @property
    def read_action(self) -> str:
        """What the execution role must be allowed: ECS reads secrets one by one and parameters by the batch."""
        return "ssm:GetParameters" if self.is_parameter else "secretsmanager:GetSecretValue"


@dataclass(frozen=True, slots=True)
class LogGroupReference:
    """Where a container's awslogs driver writes; `creates_group` is ``awslogs-create-group``."""

    container: str
    name: str
    region: str = ""
    creates_group: bool = False


@dataclass(frozen=True, slots=True)
class ContainerImage:
    """The image of one container, as it is written; `credentials` tells that it has repositoryCredentials."""

    container: str
    image: str
    credentials: str = ""


@dataclass(frozen=True, slots=True)
class TaskRequirements:
    """What DescribeTaskDefinition says about the surroundings.

    Attributes:
        cpu_architecture: X86_64 or ARM64; X86_64 where the definition is silent, as on AWS.
        operating_system: LINUX or one of the WINDOWS_… families.
        launch_types: those that it was made for, or that ECS found it fit for.
        cpu_units: 1024 for one vCPU; 0 where the definition sets none.
        secrets: those of every container, registry credentials included.
    """

    arn: str
    family: str = ""
    execution_role_arn: str = ""
    task_role_arn: str = ""
    cpu_architecture: str = "X86_64"
    operating_system: str = "LINUX"
    launch_types: frozenset[str] = frozenset()
    cpu_units: int = 0
    images: tuple[ContainerImage, ...] = ()
    secrets: tuple[SecretReference, ...] = ()
    log_groups: tuple[LogGroupReference, ...] = ()

    @property
    def platform(self) -> str:
        """What its images must be built for: ``linux/amd64``, ``linux/arm64`` or ``windows/amd64``."""
        system = "windows" if self.operating_system.startswith("WINDOWS") else "linux"
        return f"{system}/{'arm64' if self.cpu_architecture == 'ARM64' else 'amd64'}"

    @property
    def runs_on_fargate(self) -> bool:
        return "FARGATE" in self.launch_types
