"""Refuses what AWS refuses before anything is created: roles, sizes, ports, names, task definitions.

Limits: API reference of CreateExpressGatewayService; "Task size" of Amazon ECS on Fargate; cpu and memory in
CPU units and MiB.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from expressway_sandbox import emulator
from expressway_sandbox.emulator import AwsFault
from expressway_sandbox.services.configuration import Configuration, Container, Scaling
from expressway_sandbox.services.model import Revision

Request = Mapping[str, Any]

_NAME = re.compile(r"^[A-Za-z0-9_-]{1,255}$")
_ROLE_ARN = re.compile(r"^arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/(?:.*/)?(?P<name>[^/]+)$")
_MEMORY_BY_CPU: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4097, 1024)),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16385, 1024)),
    4096: tuple(range(8192, 30721, 1024)),
    8192: tuple(range(16384, 61441, 4096)),
    16384: tuple(range(32768, 122881, 8192)),
}
_METRICS = ("AVERAGE_CPU", "AVERAGE_MEMORY", "REQUEST_COUNT_PER_TARGET")
_EXCLUDED = ("primaryContainer", "executionRoleArn", "taskRoleArn", "cpu", "memory", "cpuArchitecture")


def check_name(name: str) -> None:
    """Refuse a service name that ECS does not take."""
    if not _NAME.match(name):
        raise _invalid(
            "The service name must contain only up to 255 letters (uppercase and lowercase), numbers, "
            "underscores, and hyphens."
        )


def check_request(request: Request) -> None:
    """Refuse members that exclude each other, and a service without any container."""
    given = [member for member in _EXCLUDED if request.get(member)]
    if request.get("taskDefinitionArn") and given:
        raise _invalid(f"You cannot specify {', '.join(given)} when taskDefinitionArn is specified.")


def check_configuration(configuration: Configuration) -> None:
    """Refuse a configuration that cannot run."""
    for problem in _problems(configuration):
        raise _invalid(problem)
    if configuration.own_task_definition:
        return
    check_role(configuration.execution_role_arn, "executionRoleArn", "ecs-tasks.amazonaws.com")
    if configuration.task_role_arn:
        check_role(configuration.task_role_arn, "taskRoleArn", "ecs-tasks.amazonaws.com")


def _problems(configuration: Configuration) -> Iterator[str]:
    if not configuration.health_check_path.startswith("/"):
        yield f"healthCheckPath must start with a forward slash: {configuration.health_check_path}"
    yield from _scaling_problems(configuration.scaling)
    if configuration.own_task_definition:
        return
    if configuration.container is None or not configuration.container.image:
        yield "primaryContainer with an image, or taskDefinitionArn, must be specified."
        return
    yield from _container_problems(configuration.container)
    yield from _size_problems(configuration.cpu or "", configuration.memory or "")
    if configuration.cpu_architecture not in ("X86_64", "ARM64"):
        yield f"cpuArchitecture must be X86_64 or ARM64: {configuration.cpu_architecture}"


def _scaling_problems(scaling: Scaling) -> Iterator[str]:
    if scaling.min_task_count < 1 or scaling.max_task_count < 1:
        yield "minTaskCount and maxTaskCount must be at least 1."
    if scaling.min_task_count > scaling.max_task_count:
        yield f"minTaskCount {scaling.min_task_count} must not be greater than maxTaskCount {scaling.max_task_count}."
    if scaling.metric not in _METRICS:
        yield f"autoScalingMetric must be one of {', '.join(_METRICS)}: {scaling.metric}"
    if scaling.target_value < 1:
        yield "autoScalingTargetValue must be at least 1."
    if scaling.metric != "REQUEST_COUNT_PER_TARGET" and scaling.target_value > 100:
        yield "autoScalingTargetValue must be between 1 and 100 for a utilization metric."


def _container_problems(container: Container) -> Iterator[str]:
    if not 1 <= container.container_port <= 65535:
        yield f"containerPort must be between 1 and 65535: {container.container_port}"
    if container.log_group and not container.log_stream_prefix:
        yield "awsLogsConfiguration requires logStreamPrefix."
    groups: Any = emulator.module("services.cloudwatch_logs")._log_groups
    if container.log_group and container.log_group not in groups:
        yield f"The specified log group does not exist: {container.log_group}"


def _size_problems(cpu: str, memory: str) -> Iterator[str]:
    pairs = _MEMORY_BY_CPU.get(int(cpu), ()) if cpu.isdigit() else ()
    if not memory.isdigit() or int(memory) not in pairs:
        yield f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory."


def check_role(arn: str | None, member: str, service: str) -> None:
    """Refuse a role that is missing, or that does not trust `service`."""
    if not arn:
        raise _invalid(f"{member} must be specified.")
    match = _ROLE_ARN.match(arn)
    if match is None:
        raise _invalid(f"{member} is not the ARN of a role: {arn}")
    role: Any = emulator.module("services.iam")._roles.get(match["name"])
    if role is None:
        raise _invalid(f"{member}: the role {arn} does not exist or cannot be assumed.")
    if not _trusts(role.get("AssumeRolePolicyDocument"), service):
        raise _invalid(
            f"{member}: ECS was unable to assume the role '{arn}'. Please verify that the role being passed has "
            f"the proper trust relationship for {service}."
        )


def _trusts(document: Any, service: str) -> bool:
    policy = json.loads(document) if isinstance(document, str) else document
    statements: Any = (policy or {}).get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal")
        services: Any = principal.get("Service", []) if isinstance(principal, dict) else principal
        named = [services] if isinstance(services, str) else services or []
        if statement.get("Effect") == "Allow" and (service in named or "*" in named):
            return True
    return False


def read_own_task_definition(revision: Revision) -> None:
    """Take container and port from the task definition that the caller made.

    Raises:
        AwsFault: when it is missing, not for Fargate, or has no container named Main with one named TCP port.
    """
    arn = revision.configuration.own_task_definition
    if arn is None:
        return
    try:
        answer = emulator.call_json("ecs", "DescribeTaskDefinition", {"taskDefinition": arn})
    except AwsFault as fault:
        raise _invalid(f"The task definition {arn} does not exist.") from fault
    definition: dict[str, Any] = answer["taskDefinition"]
    if "FARGATE" not in (definition.get("requiresCompatibilities") or definition.get("compatibilities") or []):
        raise _invalid("The task definition must be compatible with FARGATE.")
    mains = [c for c in definition["containerDefinitions"] if c["name"] == "Main"]
    if not mains:
        raise _invalid("The task definition must have a container named Main.")
    ports = [p for p in mains[0].get("portMappings", []) if p.get("protocol", "tcp") == "tcp"]
    if len(ports) != 1 or not ports[0].get("name"):
        raise _invalid("The container named Main must have a single TCP port mapping with a port name.")
    revision.task_definition_arn = str(definition["taskDefinitionArn"])
    revision.owns_task_definition = False
    revision.container_port = int(ports[0]["containerPort"])
    revision.image = str(mains[0]["image"])


def _invalid(message: str) -> AwsFault:
    return AwsFault("InvalidParameterException", message)
