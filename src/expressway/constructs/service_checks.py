"""What is wrong with the settings of an Express service, found before CloudFormation is asked."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from expressway.errors import DefinitionError
from expressway.model.fargate import MEMORY_MIB_BY_CPU, describe_memory

if TYPE_CHECKING:
    from constructs import IConstruct

DEFAULTS: dict[str, Any] = {
    "container_port": 8080,
    "cpu": 256,
    "memory_limit_mib": 512,
    "log_stream_prefix": "express",
}
"""Settings that a task definition excludes, and so are None when not given, with what they are without one."""

METRICS = ("AVERAGE_CPU", "AVERAGE_MEMORY", "REQUEST_COUNT_PER_TARGET")


def refuse_wrong_settings(scope: "IConstruct", construct_id: str, settings: Mapping[str, Any]) -> None:
    """Raise one error with every problem of `settings`, the keyword arguments of a construct.

    Values that are only known at deploy time (CDK tokens) are taken as they are.

    Raises:
        DefinitionError: ``invalid_service``.
    """
    chosen = {name: DEFAULTS.get(name) if value is None else value for name, value in settings.items()}
    known = {name: value for name, value in chosen.items() if not is_token(value)}
    problems = [*_task_definition(settings), *(problem for check in _CHECKS for problem in check(known))]
    if problems:
        raise DefinitionError(
            "invalid_service",
            f"{scope.node.path}/{construct_id}".lstrip("/") + f": {' '.join(problems)}",
            "Correct the arguments named above.",
            {"problems": problems},
        )


def is_token(value: object) -> bool:
    """True for a text or number that the CDK only knows at deploy time.

    Read from the CDK's own encoding, since ``Token.is_unresolved`` costs a round trip to Node for each value.
    """
    if isinstance(value, str):
        return "${Token[" in value
    return isinstance(value, int | float) and value < _LOWEST_NUMBER


_LOWEST_NUMBER = -1e280
"""Encoded numbers are about -1.9e289. Source: aws-cdk-lib/core/lib/private/encoding.ts."""


def _source(settings: Mapping[str, Any]) -> Iterator[str]:
    given = [name for name in ("image", "task_definition") if settings.get(name, "") is not None]
    if len(given) != 1:
        yield f"Expected exactly one of image and task_definition, got {' and '.join(given) or 'neither'}."


_EXCLUDED_BY_TASK_DEFINITION = (
    *("container_port", "cpu", "memory_limit_mib", "environment", "secrets", "command"),
    *("execution_role", "execution_role_name", "task_role"),
    *("log_group", "log_group_name", "log_retention", "log_stream_prefix", "removal_policy"),
)


def _task_definition(settings: Mapping[str, Any]) -> Iterator[str]:
    if settings.get("task_definition") is None:
        return
    for name in _EXCLUDED_BY_TASK_DEFINITION:
        if settings.get(name) not in (None, (), [], {}):
            yield f"{name}: expected nothing beside task_definition, which decides it."


def _name(settings: Mapping[str, Any]) -> Iterator[str]:
    name = settings.get("service_name")
    if name is not None and not _SERVICE_NAME.fullmatch(name):
        yield f"service_name: expected 1 to 255 letters, digits, hyphens and underscores, got {name!r}."


_SERVICE_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
"""Source: ECS API, CreateExpressGatewayService, serviceName."""


def _size(settings: Mapping[str, Any]) -> Iterator[str]:
    cpu, memory_mib = settings.get("cpu"), settings.get("memory_limit_mib")
    if cpu is None or settings.get("task_definition") is not None:
        return
    if cpu not in MEMORY_MIB_BY_CPU:
        yield f"cpu: expected one of {', '.join(str(size) for size in MEMORY_MIB_BY_CPU)}, got {cpu}."
    elif memory_mib is not None and memory_mib not in MEMORY_MIB_BY_CPU[cpu]:
        yield f"memory_limit_mib: expected {describe_memory(cpu)} for {cpu} CPU units, got {memory_mib}."


def _endpoint(settings: Mapping[str, Any]) -> Iterator[str]:
    port, path = settings.get("container_port"), settings.get("health_check_path")
    if port is not None and not 1 <= port <= 65535:
        yield f"container_port: expected 1 to 65535, got {port}."
    if path is not None and not _HEALTH_PATH.fullmatch(path):
        yield (
            "health_check_path: expected a path that starts with / and has only printable ASCII characters, "
            f"no whitespace, got {path!r}."
        )


_HEALTH_PATH = re.compile(r"/[!-~]*")
"""Source: Elastic Load Balancing, which refuses the path of a health check with any other character."""


def _scaling(settings: Mapping[str, Any]) -> Iterator[str]:
    low, high = settings.get("min_task_count"), settings.get("max_task_count")
    metric, target = settings.get("scaling_metric"), settings.get("scaling_target")
    if low is not None and low < 1:
        yield f"min_task_count: expected 1 or more, got {low}."
    if low is not None and high is not None and low > high:
        yield f"min_task_count: expected at most max_task_count, which is {high}, got {low}."
    if metric is not None and metric not in METRICS:
        yield f"scaling_metric: expected one of {', '.join(METRICS)}, got {metric!r}."
    elif target is not None and (target < 1 or (target > 100 and metric in METRICS[:2])):
        yield f"scaling_target: expected 1 to 100 percent, or 1 and more requests per target, got {target}."


def _variables(settings: Mapping[str, Any]) -> Iterator[str]:
    both = set(settings.get("environment") or ()) & set(settings.get("secrets") or ())
    for name in sorted(both):
        yield f"secrets: expected names that environment does not use, got {name} in both."
    for name, secret in sorted((settings.get("secrets") or {}).items()):
        if isinstance(secret, str) and not is_token(secret) and not _SECRET_ARN.match(secret):
            yield f"secrets.{name}: expected the ARN of a Secrets Manager secret or an SSM parameter, got {secret!r}."


_SECRET_ARN = re.compile(r"arn:[^:\s]+:(secretsmanager:[^:\s]+:[^:\s]+:secret:|ssm:[^:\s]+:[^:\s]+:parameter/)\S+$")


def _network(settings: Mapping[str, Any]) -> Iterator[str]:
    subnets = settings.get("subnets")
    if subnets and settings.get("vpc") is not None:
        yield "subnets: expected either vpc or subnets, got both."
    if subnets and len(set(subnets)) < 2:
        yield "subnets: expected two or more in two zones, or none for the default VPC, got one."


_CHECKS = (_source, _name, _size, _endpoint, _scaling, _variables, _network)
