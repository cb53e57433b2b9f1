"""Where Amazon ECS puts a service's tasks: networks, target groups, and what the tasks need to start."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.adapters.aws_errors import aws_error_code, map_aws_error
from expressway.adapters.ecs_answers import short_name
from expressway.adapters.session import AwsSession
from expressway.model.network_facts import ServicePlacement, TargetBinding, TaskNeeds
from expressway.model.pages import pages

Raw = Mapping[str, Any]

_MISSING = {
    "ClusterNotFoundException",
    "ServiceNotFoundException",
    "ServiceNotActiveException",
    "ResourceNotFoundException",
    "ClientException",  # "Unable to describe task definition."
}
_TASKS_A_CALL = 100


class Placements:
    """The services and tasks of one account and region. Safe to share between threads.

    What does not exist is left out. Every method raises TargetError for what stands between us and ECS.
    """

    def __init__(self, session: AwsSession) -> None:
        self._client = session.client("ecs")

    def service_names(self, cluster: str) -> tuple[str, ...]:
        """Names of all services of a cluster, Express ones included."""
        return tuple(short_name(arn) for arn in self._pages("list_services", "serviceArns", cluster=cluster))

    def services(self, cluster: str, service_names: Sequence[str]) -> tuple[ServicePlacement, ...]:
        """The placements of up to ten services that are not INACTIVE, as far as DescribeServices tells."""
        answer = self._ask("describe_services", cluster=cluster, services=list(service_names))
        found = [one for one in answer.get("services", ()) if one.get("status") != "INACTIVE"]
        return tuple(_service(one) for one in found)

    def newest_revision_arn(self, cluster: str, service_name: str) -> str:
        """The revision that the service's newest deployment brings in; empty when there was none."""
        answer = self._ask("list_service_deployments", cluster=cluster, service=service_name)
        listed: Sequence[Raw] = answer.get("serviceDeployments", ())
        newest = max(listed, key=_created, default={})
        return str(newest.get("targetServiceRevisionArn", ""))

    def revisions(self, revision_arns: Sequence[str]) -> Mapping[str, ServicePlacement]:
        """What up to twenty revisions tell, by ARN, newest first: what ECS manages for them, above all."""
        answer = self._ask("describe_service_revisions", serviceRevisionArns=list(revision_arns))
        found = sorted(answer.get("serviceRevisions", ()), key=_created, reverse=True)
        return {one["serviceRevisionArn"]: _revision(one) for one in found}

    def needs(self, task_definition_arn: str) -> TaskNeeds | None:
        """What tasks of a task definition need to start; None when ECS knows none of that ARN."""
        answer = self._ask("describe_task_definition", taskDefinition=task_definition_arn)
        return _needs(answer["taskDefinition"]) if answer else None

    def interface_ids(self, cluster: str) -> tuple[str, ...]:
        """The network interfaces of the cluster's tasks."""
        arns = list(self._pages("list_tasks", "taskArns", cluster=cluster))
        found: list[str] = []
        for start in range(0, len(arns), _TASKS_A_CALL):
            answer = self._ask("describe_tasks", cluster=cluster, tasks=arns[start : start + _TASKS_A_CALL])
            found.extend(one for task in answer.get("tasks", ()) for one in _interface_ids(task))
        return tuple(dict.fromkeys(found))

    # -- asking ---------------------------------------------------------------------------------------------
    def _ask(self, operation: str, **arguments: Any) -> Raw:
        """The answer, or an empty one where what was named does not exist."""
        call: Callable[..., Raw] = getattr(self._client, operation)
        try:
            return call(**arguments)
        except ClientError as exc:
            if aws_error_code(exc) in _MISSING:
                return {}
            raise map_aws_error(exc, operation.replace("_", " ")) from exc
        except BotoCoreError as exc:
            raise map_aws_error(exc, operation.replace("_", " ")) from exc

    def _pages(self, operation: str, key: str, **arguments: Any) -> Iterator[str]:
        doing = operation.replace("_", " ")
        for page in pages(partial(self._ask, operation, **arguments), doing=doing, by="nextToken"):
            yield from page.get(key, ())


def _service(raw: Raw) -> ServicePlacement:
    """One element of DescribeServices.services; the newest rollout's network counts where the service names none."""
    rollouts: Sequence[Raw] = raw.get("deployments", ())
    primary: Raw = next((one for one in rollouts if one.get("status") == "PRIMARY"), {})
    network = raw.get("networkConfiguration") or primary.get("networkConfiguration") or {}
    is_express = raw.get("resourceManagementType") == "ECS"
    return ServicePlacement(
        service_arn=raw.get("serviceArn", ""),
        service_name=raw.get("serviceName", ""),
        is_express=is_express,
        launch_type=_launch_type(raw) or _launch_type(primary),
        revision_arns=tuple(one["arn"] for one in raw.get("currentServiceRevisions", ()) if one.get("arn")),
        task_definition_arn=raw.get("taskDefinition", ""),
        bindings=_bindings(raw),
        **_vpc_configuration(network, says_default=not is_express),
    )


def _revision(raw: Raw) -> ServicePlacement:
    """One element of DescribeServiceRevisions.serviceRevisions."""
    managed: Raw = raw.get("ecsManagedResources") or {}
    paths: Sequence[Raw] = managed.get("ingressPaths", ())
    network = _vpc_configuration(raw.get("networkConfiguration") or {}, says_default=False)
    group_arns = _managed_arns(iter(managed.get("serviceSecurityGroups", ())))
    managed_groups = tuple(short_name(arn) for arn in group_arns)
    network["security_group_ids"] = tuple(dict.fromkeys([*network["security_group_ids"], *managed_groups]))
    return ServicePlacement(
        service_arn=raw.get("serviceArn", ""),
        service_name=short_name(raw.get("serviceArn", "")),
        launch_type=_launch_type(raw),
        task_definition_arn=raw.get("taskDefinition", ""),
        managed_group_ids=managed_groups,
        bindings=_bindings(raw),
        load_balancer_arns=_managed_arns(path.get("loadBalancer") for path in paths),
        rule_arns=_managed_arns(path.get("rule") for path in paths),
        access_type=next((path.get("accessType", "") for path in paths), ""),
        **network,
    )


def _managed_arns(resources: Iterator[Raw | None]) -> tuple[str, ...]:
    """The ARNs of managed resources that ECS says are there."""
    return tuple(one["arn"] for one in resources if one and one.get("arn") and one.get("status") == "ACTIVE")


def _vpc_configuration(network: Raw, *, says_default: bool) -> dict[str, Any]:
    """`says_default`: without assignPublicIp a service of its own gets none; Express Mode decides by the subnets."""
    configuration: Raw = network.get("awsvpcConfiguration") or {}
    assigned = configuration.get("assignPublicIp")
    if not assigned and says_default and configuration:
        assigned = "DISABLED"
    return {
        "subnet_ids": tuple(configuration.get("subnets", ())),
        "security_group_ids": tuple(configuration.get("securityGroups", ())),
        "assign_public_ip": assigned == "ENABLED" if assigned else None,
    }


def _bindings(raw: Raw) -> tuple[TargetBinding, ...]:
    return tuple(
        TargetBinding(one["targetGroupArn"], one.get("containerPort", 0))
        for one in raw.get("loadBalancers", ())
        if one.get("targetGroupArn")
    )


def _launch_type(raw: Raw) -> str:
    """The launch type, also where capacity providers stand for it; a provider of one's own is EC2."""
    if raw.get("launchType"):
        return str(raw["launchType"])
    providers = {str(one.get("capacityProvider", "")) for one in raw.get("capacityProviderStrategy", ())}
    if not providers:
        return ""
    return "FARGATE" if providers <= {"FARGATE", "FARGATE_SPOT"} else "EC2"


def _needs(raw: Raw) -> TaskNeeds:
    containers: Sequence[Raw] = raw.get("containerDefinitions", ())
    logs = [one.get("logConfiguration") or {} for one in containers]
    options = [one.get("options") or {} for one in logs if one.get("logDriver") == "awslogs"]
    return TaskNeeds(
        images=tuple(dict.fromkeys(one["image"] for one in containers if one.get("image"))),
        secret_references=tuple(dict.fromkeys(_secret_references(containers, logs))),
        log_regions=tuple(dict.fromkeys(one.get("awslogs-region", "") for one in options)),
    )


def _secret_references(containers: Sequence[Raw], logs: Sequence[Raw]) -> Iterator[str]:
    for container in containers:
        yield from (one["valueFrom"] for one in container.get("secrets", ()) if one.get("valueFrom"))
        credentials: Raw = container.get("repositoryCredentials") or {}
        if credentials.get("credentialsParameter"):
            yield credentials["credentialsParameter"]
    for log in logs:
        yield from (one["valueFrom"] for one in log.get("secretOptions", ()) if one.get("valueFrom"))


def _interface_ids(task: Raw) -> Iterator[str]:
    for attachment in task.get("attachments", ()):
        if attachment.get("type") == "ElasticNetworkInterface":
            details: Sequence[Raw] = attachment.get("details", ())
            yield from (one["value"] for one in details if one.get("name") == "networkInterfaceId" and one.get("value"))


def _created(raw: Raw) -> float:
    moment = raw.get("createdAt") or raw.get("startedAt")
    return moment.timestamp() if moment else 0.0
