"""The configuration of an Express Mode service: read from requests, written into answers.

Members, defaults and limits: API reference of CreateExpressGatewayService (botocore's model carries the same
text); cpu and memory pairs: "Task definition parameters for Amazon ECS on Fargate", Task size.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

Request = Mapping[str, Any]
EXCLUDED_BY_TASK_DEFINITION = (
    "primaryContainer",
    "executionRoleArn",
    "taskRoleArn",
    "cpu",
    "memory",
    "cpuArchitecture",
)


@dataclass(frozen=True, slots=True)
class Container:
    """The primary container of a service; environment and secrets as (name, value) pairs."""

    image: str
    container_port: int = 80
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    secrets: tuple[tuple[str, str], ...] = ()
    log_group: str | None = None
    log_stream_prefix: str | None = None
    credentials_parameter: str | None = None

    @classmethod
    def read(cls, request: Request) -> "Container":
        logs: Request = request.get("awsLogsConfiguration") or {}
        credentials: Request = request.get("repositoryCredentials") or {}
        return cls(
            image=str(request.get("image", "")),
            container_port=int(request.get("containerPort", 80)),
            command=tuple(str(word) for word in request.get("command") or ()),
            environment=tuple(
                sorted((str(e.get("name")), str(e.get("value"))) for e in request.get("environment") or ())
            ),
            secrets=tuple((str(s["name"]), str(s["valueFrom"])) for s in request.get("secrets") or ()),
            log_group=logs.get("logGroup"),
            log_stream_prefix=logs.get("logStreamPrefix"),
            credentials_parameter=credentials.get("credentialsParameter"),
        )

    def answer(self) -> dict[str, Any]:
        """The container as the API shows it."""
        logs = {"logGroup": self.log_group, "logStreamPrefix": self.log_stream_prefix or "ecs"}
        optional: dict[str, Any] = {
            "awsLogsConfiguration": logs if self.log_group else None,
            "repositoryCredentials": self.credentials_parameter
            and {"credentialsParameter": self.credentials_parameter},
            "command": list(self.command),
            "environment": [{"name": name, "value": value} for name, value in self.environment],
            "secrets": [{"name": name, "valueFrom": value} for name, value in self.secrets],
        }
        given = {name: value for name, value in optional.items() if value}
        return {"image": self.image, "containerPort": self.container_port, **given}


def plain_size(value: Any) -> str | None:
    """CPU units or MiB, also where a text names virtual CPUs or gigabytes, such as ``0.25 vCPU`` or ``1GB``.

    Source: ECS API, RegisterTaskDefinition, cpu and memory.
    """
    match = _SIZE.fullmatch(str(value).strip())
    if match is None:
        return None if value is None else str(value)
    amount = float(match["amount"]) * 1024
    return str(int(amount)) if amount.is_integer() else str(value)


_SIZE = re.compile(r"(?P<amount>\d{1,4}(\.\d{1,4})?)\s?(vcpu|gb)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Scaling:
    """How many tasks a service runs and which metric moves the number."""

    min_task_count: int = 1
    max_task_count: int = 20
    metric: str = "AVERAGE_CPU"
    target_value: int = 60

    @classmethod
    def read(cls, request: Request) -> "Scaling":
        minimum = int(request.get("minTaskCount", 1))
        return cls(
            min_task_count=minimum,
            max_task_count=int(request.get("maxTaskCount", max(20, minimum))),
            metric=str(request.get("autoScalingMetric", "AVERAGE_CPU")),
            target_value=int(request.get("autoScalingTargetValue", 60)),
        )

    def answer(self) -> dict[str, Any]:
        return {
            "minTaskCount": self.min_task_count,
            "maxTaskCount": self.max_task_count,
            "autoScalingMetric": self.metric,
            "autoScalingTargetValue": self.target_value,
        }


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that a service revision is made from.

    With `own_task_definition` set, `container`, the roles, cpu, memory and architecture stay unset: they are
    the task definition's.
    """

    container: Container | None
    own_task_definition: str | None
    execution_role_arn: str | None
    task_role_arn: str | None
    cpu: str | None
    memory: str | None
    cpu_architecture: str | None
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    health_check_path: str
    scaling: Scaling

    @classmethod
    def read(cls, request: Request) -> "Configuration":
        """The configuration that a create request asks for, defaults filled in."""
        own = request.get("taskDefinitionArn")
        network: Request = request.get("networkConfiguration") or {}
        container: Request | None = request.get("primaryContainer")
        return cls(
            container=Container.read(container) if container else None,
            own_task_definition=own,
            execution_role_arn=request.get("executionRoleArn"),
            task_role_arn=request.get("taskRoleArn"),
            cpu=None if own else plain_size(request.get("cpu", "256")),
            memory=None if own else plain_size(request.get("memory", "512")),
            cpu_architecture=None if own else str(request.get("cpuArchitecture", "X86_64")),
            subnets=tuple(network.get("subnets") or ()),
            security_groups=tuple(network.get("securityGroups") or ()),
            health_check_path=str(request.get("healthCheckPath", "/ping")),
            scaling=Scaling.read(request.get("scalingTarget") or {}),
        )

    def updated(self, request: Request) -> "Configuration":
        """This configuration with the members that an update request names; the others stay as they are.

        A task definition of the caller's replaces all that describes the container, and the other way round.
        """
        network: Request = request.get("networkConfiguration") or {}
        changed = replace(
            self,
            subnets=tuple(network.get("subnets") or self.subnets),
            security_groups=tuple(network.get("securityGroups") or self.security_groups),
            health_check_path=str(request.get("healthCheckPath", self.health_check_path)),
            scaling=Scaling.read({**self.scaling.answer(), **(request.get("scalingTarget") or {})}),
        )
        if own := request.get("taskDefinitionArn"):
            return replace(
                changed,
                container=None,
                own_task_definition=str(own),
                execution_role_arn=None,
                task_role_arn=None,
                cpu=None,
                memory=None,
                cpu_architecture=None,
            )
        container: Request | None = request.get("primaryContainer")
        usual = Configuration.read({}) if container else self
        return replace(
            changed,
            container=Container.read(container) if container else self.container,
            own_task_definition=None if container else self.own_task_definition,
            execution_role_arn=request.get("executionRoleArn", self.execution_role_arn),
            task_role_arn=request.get("taskRoleArn", self.task_role_arn),
            cpu=plain_size(request.get("cpu", self.cpu or usual.cpu)),
            memory=plain_size(request.get("memory", self.memory or usual.memory)),
            cpu_architecture=request.get("cpuArchitecture", self.cpu_architecture or usual.cpu_architecture),
        )

    def answer(self) -> dict[str, Any]:
        """The members of ExpressGatewayServiceConfiguration that stem from the request."""
        shape: dict[str, Any] = {
            "healthCheckPath": self.health_check_path,
            "scalingTarget": self.scaling.answer(),
            "executionRoleArn": self.execution_role_arn,
            "taskRoleArn": self.task_role_arn,
            "cpu": self.cpu,
            "memory": self.memory,
            "cpuArchitecture": self.cpu_architecture,
            "primaryContainer": self.container.answer() if self.container else None,
        }
        return {name: value for name, value in shape.items() if value is not None}
