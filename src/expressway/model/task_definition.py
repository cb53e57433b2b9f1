"""A task definition that somebody else wrote, and whether an Express service can run it."""

from dataclasses import dataclass, replace

from expressway.model.service import LogConfiguration, TaskState

MAIN_CONTAINER = "Main"


@dataclass(frozen=True, slots=True)
class PortMapping:
    """One mapped port; `name` is empty where it has none."""

    name: str
    container_port: int
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True)
class ContainerDefinition:
    """One container of a task definition; a limit that it does not set is 0, a log driver empty."""

    name: str
    ports: tuple[PortMapping, ...] = ()
    image: str = ""
    memory_mib: int = 0
    stop_timeout_seconds: int = 0
    essential: bool = True
    log_driver: str = ""


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """What DescribeTaskDefinition says; `launch_types` are those that it was made for or that ECS found it fit for.

    `content` is alike for two definitions that run the same in the same way; empty where it is not known.
    """

    arn: str
    status: str
    launch_types: frozenset[str]
    containers: tuple[ContainerDefinition, ...]
    memory_mib: int = 0
    cpu_architecture: str = ""
    log_configurations: tuple[LogConfiguration, ...] = ()
    content: str = ""

    @property
    def main_container(self) -> str:
        """The container that answers for the service: Main, else the first with a port, else the first essential."""
        named = [one.name for one in self.containers if one.name == MAIN_CONTAINER]
        with_port = [one.name for one in self.containers if one.ports and one.essential]
        essential = [one.name for one in self.containers if one.essential]
        return next(iter((*named, *with_port, *essential)), "")

    def log_of(self, container: str) -> LogConfiguration | None:
        """Where the container logs in CloudWatch Logs; None for one that logs elsewhere or nowhere."""
        return next((one for one in self.log_configurations if one.container == container), None)

    def log_driver_of(self, container: str) -> str:
        return next((one.log_driver for one in self.containers if one.name == container), "")

    def marked(self, task: TaskState) -> TaskState:
        """The task with what this definition says of its containers: which of them are essential."""
        inessential = {one.name for one in self.containers if not one.essential}
        if not inessential:
            return task
        marked = (replace(one, essential=one.name not in inessential) for one in task.containers)
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
        main = next((one for one in self.containers if one.name == MAIN_CONTAINER), None)
        if main is None:
            named = ", ".join(one.name for one in self.containers) or "none"
            return (f"it has no container named {MAIN_CONTAINER} (its containers: {named})",)
        ports = [port for port in main.ports if port.protocol == "tcp" and port.name]
        if len(ports) == 1:
            return ()
        came = ", ".join(f"{port.name or 'unnamed'} {port.container_port}/{port.protocol}" for port in main.ports)
        return (f"its container {MAIN_CONTAINER} must map exactly one named TCP port (it maps: {came or 'none'})",)
