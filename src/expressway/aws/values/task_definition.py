"""A task definition: its containers, what it needs around them, and whether an Express service can run it."""

import re
from dataclasses import dataclass, replace

from expressway.aws.values.service import LogConfiguration, TaskState
from expressway.privacy.untrusted import quoted

MAIN_CONTAINER = "Main"
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
class PortMapping:
    """One mapped port; `name` is empty where it has none."""

    name: str
    container_port: int
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True)
class ContainerDefinition:
    """One container of a task definition; a limit that it does not set is 0, a log driver empty.

    `credentials` are those for its registry: the ARN or name of a secret.
    """

    name: str
    ports: tuple[PortMapping, ...] = ()
    image: str = ""
    memory_mib: int = 0
    stop_timeout_seconds: int = 0
    essential: bool = True
    log_driver: str = ""
    credentials: str = ""


@dataclass(frozen=True, slots=True)
class ContainerImage:
    """The image of one container, as it is written; `credentials` tells that it has repositoryCredentials."""

    container: str
    image: str
    credentials: str = ""


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """What DescribeTaskDefinition says.

    Attributes:
        launch_types: those that it was made for, or that ECS found it fit for.
        cpu_units: 1024 for one vCPU; 0 where the definition sets none.
        cpu_architecture: X86_64 or ARM64; X86_64 where the definition is silent, as on AWS.
        operating_system: LINUX or one of the WINDOWS_… families.
        secrets: those of every container, registry credentials included.
        log_configurations: of the containers that log to CloudWatch Logs.
        content: alike for two definitions that run the same in the same way; empty where it is not known.
    """

    arn: str
    status: str = "ACTIVE"
    launch_types: frozenset[str] = frozenset()
    containers: tuple[ContainerDefinition, ...] = ()
    memory_mib: int = 0
    cpu_architecture: str = "X86_64"
    log_configurations: tuple[LogConfiguration, ...] = ()
    content: str = ""
    family: str = ""
    execution_role_arn: str = ""
    task_role_arn: str = ""
    operating_system: str = "LINUX"
    cpu_units: int = 0
    secrets: tuple[SecretReference, ...] = ()

    @property
    def images(self) -> tuple[ContainerImage, ...]:
        return tuple(
            ContainerImage(container.name, container.image, container.credentials) for container in self.containers
        )

    @property
    def platform(self) -> str:
        """What its images must be built for: ``linux/amd64``, ``linux/arm64`` or ``windows/amd64``."""
        system = "windows" if self.operating_system.startswith("WINDOWS") else "linux"
        return f"{system}/{'arm64' if self.cpu_architecture == 'ARM64' else 'amd64'}"

    @property
    def runs_on_fargate(self) -> bool:
        return "FARGATE" in self.launch_types

    @property
    def main_container(self) -> str:
        """The container that answers for the service: Main, else the first with a port, else the first essential."""
        named = [container.name for container in self.containers if container.name == MAIN_CONTAINER]
        with_port = [container.name for container in self.containers if container.ports and container.essential]
        essential = [container.name for container in self.containers if container.essential]
        return next(iter((*named, *with_port, *essential)), "")

    def log_of(self, container: str) -> LogConfiguration | None:
        """Where the container logs in CloudWatch Logs; None for one that logs elsewhere or nowhere."""
        return next((logs for logs in self.log_configurations if logs.container == container), None)

    def log_driver_of(self, container: str) -> str:
        return next((definition.log_driver for definition in self.containers if definition.name == container), "")

    def marked(self, task: TaskState) -> TaskState:
        """The task with what this definition says of its containers: which of them are essential."""
        inessential = {container.name for container in self.containers if not container.essential}
        if not inessential:
            return task
        marked = (replace(container, essential=container.name not in inessential) for container in task.containers)
        return replace(task, containers=tuple(marked))

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that keeps an Express service from running it; empty when nothing does.

        Source: API reference of CreateExpressGatewayService, ``taskDefinitionArn``.
        """
        found: list[str] = []
        if self.status != "ACTIVE":
            found.append(f"it is {self.status}; expected an ACTIVE one")
        if "FARGATE" not in self.launch_types:
            named = ", ".join(sorted(self.launch_types)) or "none"
            found.append(f"it is not for FARGATE (its compatibilities: {named})")
        return (*found, *self._container_problems)

    @property
    def _container_problems(self) -> tuple[str, ...]:
        main = next((container for container in self.containers if container.name == MAIN_CONTAINER), None)
        if main is None:
            named = ", ".join(container.name for container in self.containers) or "none"
            return (f"it has no container named {MAIN_CONTAINER} (its containers: {named})",)
        ports = [port for port in main.ports if port.protocol == "tcp" and port.name]
        if len(ports) == 1:
            return ()
        came = ", ".join(f"{port.name or 'unnamed'} {port.container_port}/{port.protocol}" for port in main.ports)
        return (f"its container {MAIN_CONTAINER} must map exactly one named TCP port (it maps: {came or 'none'})",)
