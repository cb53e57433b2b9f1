"""What a call to the ECS API will touch, read from its parameters alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expressway.aws.values.target import Target
from expressway.ecs_api.operations import ApiOperation

DEFAULT_CLUSTER = "default"
TASK_DEFINITION = "task definition"
CLUSTER = "cluster"
_DEPLOYMENT = "service deployment"

NAMED_BY: Mapping[str, str] = {
    **dict.fromkeys(("service", "serviceName", "serviceArn"), "service"),
    "serviceDeploymentArn": _DEPLOYMENT,
    **dict.fromkeys(("taskSet", "primaryTaskSet"), "task set"),
    **dict.fromkeys(("task", "tasks"), "task"),
    **dict.fromkeys(("container", "containerName"), "container"),
    **dict.fromkeys(("taskDefinition", "taskDefinitions"), TASK_DEFINITION),
    "family": "task definition family",
    **dict.fromkeys(("containerInstance", "containerInstances", "containerInstanceArn"), "container instance"),
    "capacityProvider": "capacity provider",
    "clusterName": CLUSTER,
    **dict.fromkeys(("daemonName", "daemonArn"), "daemon"),
    **dict.fromkeys(("daemonTaskDefinition", "daemonTaskDefinitionArn"), "daemon task definition"),
    "resourceArn": "resource",
    "attributes": "attribute",
    "attachments": "attachment",
    "principalArn": "principal",
}
"""Members of requests that name something, and what they name."""

_NAME_MEANS = {"CapacityProvider": "capacity provider", "AccountSetting": "account setting"}
"""What plain ``name`` names, by a part of the operation's name."""

_INNER_NAMES: Mapping[str, Sequence[str]] = {"attributes": ("targetId", "name"), "attachments": ("attachmentArn",)}


@dataclass(frozen=True, slots=True)
class AffectedResource:
    """One thing: `kind` in words, its name or ARN, and the cluster it is in where it is in one."""

    kind: str
    name: str
    cluster: str = ""

    def __str__(self) -> str:
        where = f" in cluster {self.cluster}" if self.cluster and not self.name.startswith("arn:") else ""
        return f"{self.kind} {self.name}{where}"


def affected_resources(operation: ApiOperation, parameters: Mapping[str, Any]) -> tuple[AffectedResource, ...]:
    """Everything that the `parameters` (in the API's own spelling) name; the cluster where they name nothing in it."""
    cluster = _short(str(parameters.get("cluster") or parameters.get("clusterArn") or DEFAULT_CLUSTER))
    found = [
        AffectedResource(kind, name, cluster if kind in _IN_CLUSTERS else "")
        for member, value in parameters.items()
        if (kind := _kind(operation, member))
        for name in _names(member, value)
    ]
    if not found and operation.service == "ecs":
        found = [AffectedResource(CLUSTER, cluster)]
    return tuple(dict.fromkeys(found))


def physical_ids(thing: AffectedResource, target: Target) -> tuple[str, ...]:
    """The names by which a CloudFormation stack would know it: what Ref gives of services and clusters.

    Of a service deployment, its service's. Empty for what no stack holds: tasks, and the task definitions that ECS
    registers for an Express service.
    """
    name = thing.name
    if thing.kind == CLUSTER or (thing.kind == "resource" and ":cluster/" in name):
        return (_short(name),)
    if thing.kind == _DEPLOYMENT:
        service_arn, _, deployment_id = name.replace(":service-deployment/", ":service/", 1).rpartition("/")
        return (service_arn,) if service_arn and deployment_id else ()
    if thing.kind in {"service", "resource"}:
        return (_long_service_arn(name) if name.startswith("arn:") else _service_arn(target, thing.cluster, name),)
    return ()


def same_definition(named: str, arn: str) -> bool:
    """Whether `named` (``family:3``, an ARN, or a family for every revision of it) means the task definition `arn`."""
    name, revision = _short(named), _short(arn)
    return name in {revision, revision.partition(":")[0]}


_IN_CLUSTERS = frozenset(
    {"service", "task", "task set", "container", "container instance", "daemon", "attribute", "attachment"}
)


def _kind(operation: ApiOperation, member: str) -> str:
    if member == "name":
        return next((kind for part, kind in _NAME_MEANS.items() if part in operation.name), "resource")
    return NAMED_BY.get(member, "")


def _names(member: str, value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Sequence):
        return []
    inner = _INNER_NAMES.get(member, ())
    names: list[str] = []
    for item in value:
        if isinstance(item, str):
            names.append(item)
        elif isinstance(item, Mapping):
            names.append("/".join(str(item[key]) for key in inner if item.get(key)))
    return [name for name in names if name]


def _short(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _service_arn(target: Target, cluster: str, name: str) -> str:
    return f"arn:{target.partition}:ecs:{target.region}:{target.account_id}:service/{cluster}/{name}"


def _long_service_arn(arn: str) -> str:
    """The ARN with its cluster; the old short form names none and means ``default``."""
    head, mark, rest = arn.partition(":service/")
    return f"{head}{mark}{DEFAULT_CLUSTER}/{rest}" if mark and "/" not in rest else arn
