"""What is wrong with the settings of an Express service, found before CloudFormation is asked."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
from aws_cdk import aws_logs as logs

from expressway_constructs import setting_types as types
from expressway_constructs.errors import ConstructError
from expressway_constructs.image import ExpressImage
from expressway_constructs.setting_types import describe, is_token, is_token_list, shorten, wrong_types

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


TYPES: Mapping[str, types.Check] = {
    "image": types.one(
        "an image URI, an ExpressImage or an ecs.ContainerImage (ExpressImage.from_ecr_repository takes a repository)",
        lambda value: types.is_text(value) or isinstance(value, ExpressImage) or types.is_container_image(value),
    ),
    "task_definition": types.one(
        "an ecs.ITaskDefinition or an ARN", types.any_of(types.is_text, types.offers("task_definition_arn"))
    ),
    "cluster": types.one("an ecs.ICluster, a name or an ARN", types.any_of(types.is_text, types.offers("cluster_arn"))),
    **dict.fromkeys(("infrastructure_role", "execution_role", "task_role"), types.ROLE),
    **dict.fromkeys(
        (
            *("service_name", "infrastructure_role_name", "execution_role_name"),
            *("log_group_name", "log_stream_prefix"),
        ),
        types.TEXT,
    ),
    **dict.fromkeys(("health_check_path", "scaling_metric"), types.one("a text", types.is_text, optional=False)),
    **dict.fromkeys(("container_port", "cpu", "memory_limit_mib"), types.NUMBER),
    **dict.fromkeys(
        ("min_task_count", "max_task_count", "scaling_target"),
        types.one("a whole number", types.is_number, optional=False),
    ),
    "environment": types.by_name("a text", types.is_value),
    "secrets": types.by_name(
        "an ecs.Secret, a secretsmanager.ISecret, an ssm.IParameter or an ARN",
        types.any_of(
            types.is_text,
            types.SECRET_KIND,
            types.offers("parameter_arn", "grant_read"),
            types.offers("arn", "grant_read"),
        ),
    ),
    "command": types.TEXTS,
    "vpc": types.one("an ec2.IVpc", types.offers("vpc_id", "select_subnets")),
    "vpc_subnets": types.one(
        "an ec2.SubnetSelection", types.any_of(lambda value: isinstance(value, dict), types.offers("subnet_type"))
    ),
    "subnets": types.each("an ec2.ISubnet or the id of one", types.any_of(types.is_text, types.offers("subnet_id"))),
    "security_groups": types.each(
        "an ec2.ISecurityGroup or the id of one",
        types.any_of(types.is_text, types.offers("security_group_id", "add_ingress_rule")),
    ),
    "log_group": types.one("a logs.ILogGroup", types.offers("log_group_name", "grant_write")),
    "log_retention": types.one("a member of logs.RetentionDays", types.is_member(logs.RetentionDays)),
    "removal_policy": types.one("a member of RemovalPolicy", types.is_member(cdk.RemovalPolicy)),
    "drop_stack_tags": types.one("True or False", types.is_flag, optional=False),
}
"""The type of each setting of an Express service."""


def refuse_wrong_settings(scope: "IConstruct", construct_id: str, settings: Mapping[str, Any]) -> None:
    """Raise one error with every problem of `settings`, the keyword arguments of a construct.

    Values that are only known at deploy time (CDK tokens) are taken as they are.

    Raises:
        ConstructError: ``invalid_service``.
    """
    wrong = wrong_types(settings, TYPES)
    right = {name: value for name, value in settings.items() if name not in wrong}
    chosen = {name: DEFAULTS.get(name) if value is None else value for name, value in right.items()}
    known = {name: value for name, value in chosen.items() if not is_token(value)}
    problems = [problem for each in wrong.values() for problem in each]
    problems += [*_source(settings), *_task_definition(right)]
    problems += [problem for check in _CHECKS for problem in check(known)]
    if problems:
        raise ConstructError(
            "invalid_service",
            f"{scope.node.path}/{construct_id}".lstrip("/") + f": {' '.join(problems)}",
            "Correct the arguments named above.",
            {"problems": problems},
        )


def _source(settings: Mapping[str, Any]) -> Iterator[str]:
    given = [name for name in ("image", "task_definition") if settings.get(name) is not None]
    if len(given) != 1:
        yield f"Expected exactly one of image and task_definition, got {' and '.join(given) or 'neither'}."


_EXCLUDED_BY_TASK_DEFINITION = (
    *("container_port", "cpu", "memory_limit_mib", "environment", "secrets", "command"),
    *("execution_role", "execution_role_name", "task_role"),
    *("log_group", "log_group_name", "log_retention", "log_stream_prefix", "removal_policy"),
)


def _task_definition(settings: Mapping[str, Any]) -> Iterator[str]:
    chosen = settings.get("task_definition")
    if chosen is None:
        return
    if not isinstance(chosen, str) and not getattr(chosen, "is_fargate_compatible", True):
        yield "task_definition: expected one for Fargate (ecs.FargateTaskDefinition), got one for other launch types."
    for name in _EXCLUDED_BY_TASK_DEFINITION:
        if settings.get(name) not in (None, (), [], {}):
            yield f"{name}: expected nothing together with task_definition, which determines it."


def _name(settings: Mapping[str, Any]) -> Iterator[str]:
    name = settings.get("service_name")
    if name is not None and not _SERVICE_NAME.fullmatch(name):
        yield f"service_name: expected 1 to 255 letters, digits, hyphens and underscores, got {describe(name)}."
    for setting in ("infrastructure_role_name", "execution_role_name"):
        role = settings.get(setting)
        if role is not None and not _ROLE_NAME.fullmatch(role):
            yield f"{setting}: expected 1 to 64 letters, digits and characters of +=,.@_-, got {describe(role)}."
    group = settings.get("log_group_name")
    if group is not None and not _LOG_GROUP_NAME.fullmatch(group):
        yield f"log_group_name: expected 1 to 512 letters, digits and characters of _-/.#, got {describe(group)}."


_SERVICE_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
"""Source: ECS API, CreateExpressGatewayService, serviceName."""

_ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
"""Source: IAM API, CreateRole, RoleName."""

_LOG_GROUP_NAME = re.compile(r"[\w./#-]{1,512}", re.ASCII)
"""Source: CloudWatch Logs API, CreateLogGroup, logGroupName."""


_GIB = 1024
MEMORY_MIB_BY_CPU: dict[int, tuple[int, ...]] = {
    256: (512, 1 * _GIB, 2 * _GIB),
    512: tuple(range(1 * _GIB, 4 * _GIB + 1, _GIB)),
    1024: tuple(range(2 * _GIB, 8 * _GIB + 1, _GIB)),
    2048: tuple(range(4 * _GIB, 16 * _GIB + 1, _GIB)),
    4096: tuple(range(8 * _GIB, 30 * _GIB + 1, _GIB)),
    8192: tuple(range(16 * _GIB, 60 * _GIB + 1, 4 * _GIB)),
    16384: tuple(range(32 * _GIB, 120 * _GIB + 1, 8 * _GIB)),
}
"""CPU units (1024 = one vCPU) to the memory sizes, in MiB, that a Fargate task of that CPU may have.
Source: "Task definition parameters for Amazon ECS on Fargate", section "Task size"."""


def describe_memory(cpu: int) -> str:
    """The memory sizes of one CPU size as a phrase: ``512, 1024 or 2048 MiB`` or ``1024 to 4096 MiB in steps of 1024``.

    Raises:
        KeyError: when Fargate has no such CPU size.
    """
    sizes = MEMORY_MIB_BY_CPU[cpu]
    if cpu == 256:
        return f"{', '.join(str(size) for size in sizes[:-1])} or {sizes[-1]} MiB"
    return f"{sizes[0]} to {sizes[-1]} MiB in steps of {sizes[1] - sizes[0]}"


def _size(settings: Mapping[str, Any]) -> Iterator[str]:
    cpu, memory_mib = settings.get("cpu"), settings.get("memory_limit_mib")
    if cpu is None or settings.get("task_definition") is not None:
        return
    if cpu not in MEMORY_MIB_BY_CPU:
        yield f"cpu: expected one of {', '.join(str(size) for size in MEMORY_MIB_BY_CPU)}, got {describe(cpu)}."
    elif memory_mib is not None and memory_mib not in MEMORY_MIB_BY_CPU[cpu]:
        yield f"memory_limit_mib: expected {describe_memory(cpu)} for {cpu} CPU units, got {describe(memory_mib)}."


def _endpoint(settings: Mapping[str, Any]) -> Iterator[str]:
    port, path = settings.get("container_port"), settings.get("health_check_path")
    if port is not None and not 1 <= port <= 65535:
        yield f"container_port: expected 1 to 65535, got {describe(port)}."
    if path is not None and not _HEALTH_PATH.fullmatch(path):
        yield (
            "health_check_path: expected a path that starts with / and has only printable ASCII characters, "
            f"no whitespace, got {describe(path)}."
        )


_HEALTH_PATH = re.compile(r"/[!-~]*")
"""Source: Elastic Load Balancing, which refuses the path of a health check with any other character."""


def _scaling(settings: Mapping[str, Any]) -> Iterator[str]:
    low, high = settings.get("min_task_count"), settings.get("max_task_count")
    metric, target = settings.get("scaling_metric"), settings.get("scaling_target")
    if low is not None and low < 1:
        yield f"min_task_count: expected 1 or more, got {describe(low)}."
    if low is not None and high is not None and low > high:
        yield f"min_task_count: expected at most max_task_count, {describe(high)}, got {describe(low)}."
    if metric is not None and metric not in METRICS:
        yield f"scaling_metric: expected one of {', '.join(METRICS)}, got {describe(metric)}."
    elif target is not None and (target < 1 or (target > 100 and metric in METRICS[:2])):
        yield f"scaling_target: expected 1 to 100 percent, or 1 and more requests per target, got {describe(target)}."


def _variables(settings: Mapping[str, Any]) -> Iterator[str]:
    both = set(settings.get("environment") or ()) & set(settings.get("secrets") or ())
    for name in sorted(both):
        yield f"secrets: expected names that environment does not use, got {shorten(name)} in both."
    for name, secret in sorted((settings.get("secrets") or {}).items()):
        if isinstance(secret, str) and not is_token(secret) and not _SECRET_ARN.match(secret):
            expected = "the ARN of a Secrets Manager secret or an SSM parameter"
            yield f"secrets.{shorten(name)}: expected {expected}, got {describe(secret)}."


_SECRET_ARN = re.compile(r"arn:[^:\s]+:(secretsmanager:[^:\s]+:[^:\s]+:secret:|ssm:[^:\s]+:[^:\s]+:parameter/)\S+$")


def _network(settings: Mapping[str, Any]) -> Iterator[str]:
    subnets = settings.get("subnets")
    if subnets and settings.get("vpc") is not None:
        yield "subnets: expected either vpc or subnets, got both."
    if settings.get("vpc_subnets") is not None and settings.get("vpc") is None:
        yield "vpc_subnets: expected a vpc beside it, got none."
    yield from _selection(settings)
    if subnets and len(set(subnets)) < 2 and not is_token_list(subnets):
        yield "subnets: expected two or more in two zones, or none for the default VPC, got one."


def _selection(settings: Mapping[str, Any]) -> Iterator[str]:
    chosen = settings.get("vpc_subnets")
    if isinstance(chosen, dict) and settings.get("vpc") is not None:
        from aws_cdk import aws_ec2 as ec2  # whoever gives a vpc has loaded it

        try:
            ec2.SubnetSelection(**chosen)
        except TypeError as exc:
            yield f"vpc_subnets: expected the settings of an ec2.SubnetSelection, got others: {shorten(str(exc))}."


_CHECKS = (_name, _size, _endpoint, _scaling, _variables, _network)
