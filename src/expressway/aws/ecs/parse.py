"""ECS answers become our values here: no dictionary of AWS's leaves the adapter."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar, cast

from expressway.aws.errors import Raw
from expressway.aws.values.service import (
    ClusterState,
    ContainerState,
    DeploymentState,
    Endpoint,
    ExpressService,
    LogConfiguration,
    ManagedResource,
    RevisionState,
    Rollout,
    ServiceConfiguration,
    ServiceEvent,
    ServiceState,
    TaskState,
)
from expressway.aws.values.task_definition import ContainerDefinition, PortMapping, SecretReference, TaskDefinition

_EVENTS_KEPT = 20
_TASK_SET_STATES = {"STEADY_STATE": "COMPLETED"}
"""A task set that is not steady may be on its way in as well as out of order: then its counts tell."""
_T = TypeVar("_T")


def cluster_state(raw: Raw) -> ClusterState:
    """One element of DescribeClusters.clusters."""
    return ClusterState(
        name=raw.get("clusterName", ""),
        arn=raw.get("clusterArn", ""),
        status=raw.get("status", ""),
        running_tasks=raw.get("runningTasksCount", 0),
        pending_tasks=raw.get("pendingTasksCount", 0),
        active_services=raw.get("activeServicesCount", 0),
        container_instances=raw.get("registeredContainerInstancesCount", 0),
    )


def service_state(raw: Raw, *, events_kept: int = _EVENTS_KEPT) -> ServiceState:
    """One element of DescribeServices.services."""
    primary: Raw = next((rollout for rollout in raw.get("deployments", []) if rollout.get("status") == "PRIMARY"), {})
    return ServiceState(
        name=raw.get("serviceName", ""),
        arn=raw.get("serviceArn", ""),
        cluster=short_name(raw.get("clusterArn", "")),
        status=raw.get("status", ""),
        desired_count=raw.get("desiredCount", 0),
        running_count=raw.get("runningCount", 0),
        pending_count=raw.get("pendingCount", 0),
        task_definition_arn=raw.get("taskDefinition", ""),
        primary_deployment_id=primary.get("id", ""),
        is_express=raw.get("resourceManagementType") == "ECS",
        created_at=raw.get("createdAt"),
        events=tuple(
            ServiceEvent(event.get("createdAt"), event.get("message", ""), event.get("id", ""))
            for event in raw.get("events", [])[:events_kept]
        ),
        rollouts=tuple(map(_rollout, raw.get("deployments") or raw.get("taskSets", []))),
        target_group_arns=tuple(
            balancer["targetGroupArn"] for balancer in raw.get("loadBalancers", []) if balancer.get("targetGroupArn")
        ),
        grace_period_seconds=raw.get("healthCheckGracePeriodSeconds") or 0,
        launch_type=raw.get("launchType", ""),
    )


def _rollout(raw: Raw) -> Rollout:
    return Rollout(
        deployment_id=raw.get("id", ""),
        status=raw.get("status", ""),
        state=raw.get("rolloutState", "") or _TASK_SET_STATES.get(raw.get("stabilityStatus", ""), ""),
        state_reason=raw.get("rolloutStateReason", ""),
        desired_count=raw.get("desiredCount", raw.get("computedDesiredCount", 0)),
        running_count=raw.get("runningCount", 0),
        pending_count=raw.get("pendingCount", 0),
        failed_count=raw.get("failedTasks", 0),
        task_definition_arn=raw.get("taskDefinition", ""),
        created_at=raw.get("createdAt"),
        updated_at=raw.get("updatedAt"),
    )


def express_service(raw: Raw) -> ExpressService:
    """The service of DescribeExpressGatewayService and DeleteExpressGatewayService."""
    status: Raw = raw.get("status") or {}
    configurations = [_configuration(active) for active in raw.get("activeConfigurations", [])]
    return ExpressService(
        arn=raw.get("serviceArn", ""),
        name=raw.get("serviceName", ""),
        cluster=short_name(raw.get("cluster", "")),
        status=status.get("statusCode", ""),
        status_reason=status.get("statusReason", ""),
        current_deployment_arn=raw.get("currentDeployment", ""),
        infrastructure_role_arn=raw.get("infrastructureRoleArn", ""),
        configurations=tuple(sorted(configurations, key=created, reverse=True)),
    )


def _configuration(raw: Raw) -> ServiceConfiguration:
    container: Raw = raw.get("primaryContainer") or {}
    logs: Raw = container.get("awsLogsConfiguration") or {}
    scaling: Raw = raw.get("scalingTarget") or {}
    return ServiceConfiguration(
        revision_arn=raw.get("serviceRevisionArn", ""),
        image=container.get("image", ""),
        container_port=container.get("containerPort", 0),
        health_check_path=raw.get("healthCheckPath", ""),
        log_group=logs.get("logGroup", ""),
        log_stream_prefix=logs.get("logStreamPrefix", ""),
        execution_role_arn=raw.get("executionRoleArn", ""),
        task_role_arn=raw.get("taskRoleArn", ""),
        task_definition_arn=raw.get("taskDefinitionArn", ""),
        min_task_count=scaling.get("minTaskCount", 1),
        max_task_count=scaling.get("maxTaskCount", 1),
        endpoints=tuple(
            Endpoint(path.get("endpoint", ""), path.get("accessType", "PUBLIC")) for path in raw.get("ingressPaths", [])
        ),
        created_at=raw.get("createdAt"),
    )


def deployment_state(raw: Raw) -> DeploymentState:
    """One element of DescribeServiceDeployments.serviceDeployments, or of ListServiceDeployments', which says less."""
    target: Raw = raw.get("targetServiceRevision") or {}
    alarms: Raw = raw.get("alarms") or {}
    rollback: Raw = raw.get("rollback") or {}
    return DeploymentState(
        arn=raw.get("serviceDeploymentArn", ""),
        status=raw.get("status", ""),
        status_reason=raw.get("statusReason", ""),
        target_revision_arn=target.get("arn", "") or raw.get("targetServiceRevisionArn", ""),
        requested_count=target.get("requestedTaskCount", 0),
        running_count=target.get("runningTaskCount", 0),
        pending_count=target.get("pendingTaskCount", 0),
        lifecycle_stage=raw.get("lifecycleStage", ""),
        rollback_reason=rollback.get("reason", ""),
        rollback_revision_arn=rollback.get("serviceRevisionArn", ""),
        circuit_breaker=(raw.get("deploymentCircuitBreaker") or {}).get("status", ""),
        triggered_alarms=tuple(alarms.get("triggeredAlarmNames", ())),
        created_at=raw.get("createdAt") or raw.get("startedAt"),
        finished_at=raw.get("finishedAt") or raw.get("stoppedAt"),
    )


def revision_state(raw: Raw) -> RevisionState:
    """One element of DescribeServiceRevisions.serviceRevisions."""
    managed: Raw = raw.get("ecsManagedResources") or {}
    groups = [group for path in managed.get("ingressPaths", []) for group in path.get("targetGroups", [])]
    balancers: list[Raw] = raw.get("loadBalancers", [])
    arns = dict.fromkeys(
        [*(group.get("arn", "") for group in groups), *(balancer.get("targetGroupArn", "") for balancer in balancers)]
    )
    return RevisionState(
        arn=raw.get("serviceRevisionArn", ""),
        task_definition_arn=raw.get("taskDefinition", ""),
        images=tuple(image.get("image", "") for image in raw.get("containerImages", [])),
        target_group_arns=tuple(arn for arn in arns if arn),
        managed_resources=tuple(_managed_resources(managed)),
        created_at=raw.get("createdAt"),
        settings=revision_settings(raw),
        container_port=_the_only((balancer.get("containerPort", 0) for balancer in balancers), 0),
        health_check_path=_the_only((group.get("healthCheckPath", "") for group in groups), ""),
    )


def _the_only(values: Iterable[_T], unknown: _T) -> _T:
    """What all of them are that are known; `unknown` where they differ, or where there are none."""
    found = {value for value in values if value}
    return found.pop() if len(found) == 1 else unknown


def _managed_resources(node: object, kind: str = "ecsManagedResources") -> Iterable[ManagedResource]:
    """Every part of ecsManagedResources that has a status of its own, however deep it lies."""
    if isinstance(node, list):
        for item in node:
            yield from _managed_resources(item, kind)
    elif isinstance(node, dict):
        if "status" in node:
            yield ManagedResource(kind, node.get("arn", ""), str(node["status"]), node.get("statusReason", ""))
        for key, value in node.items():
            if isinstance(value, dict | list):
                yield from _managed_resources(value, str(key))


def task_state(raw: Raw) -> TaskState:
    """One element of DescribeTasks.tasks."""
    return TaskState(
        arn=raw.get("taskArn", ""),
        status=raw.get("lastStatus", ""),
        desired_status=raw.get("desiredStatus", ""),
        task_definition_arn=raw.get("taskDefinitionArn", ""),
        started_by=raw.get("startedBy", ""),
        group=raw.get("group", ""),
        health=raw.get("healthStatus", "UNKNOWN"),
        stop_code=raw.get("stopCode", ""),
        stopped_reason=raw.get("stoppedReason", ""),
        containers=tuple(map(_container, raw.get("containers", []))),
        created_at=raw.get("createdAt"),
        stopped_at=raw.get("stoppedAt"),
        started_at=raw.get("startedAt"),
        stopping_at=raw.get("stoppingAt"),
        execution_stopped_at=raw.get("executionStoppedAt"),
    )


def _container(raw: Raw) -> ContainerState:
    interfaces = raw.get("networkInterfaces") or [{}]
    return ContainerState(
        name=raw.get("name", ""),
        status=raw.get("lastStatus", ""),
        image=raw.get("image", ""),
        exit_code=raw.get("exitCode"),
        reason=raw.get("reason", ""),
        health=raw.get("healthStatus", "UNKNOWN"),
        private_ip=interfaces[0].get("privateIpv4Address", ""),
    )


def interface_ids(raw: Raw) -> Iterator[str]:
    """The network interfaces of an element of DescribeTasks.tasks."""
    for attachment in raw.get("attachments", ()):
        if attachment.get("type") == "ElasticNetworkInterface":
            details: Sequence[Raw] = attachment.get("details", ())
            yield from (
                detail["value"]
                for detail in details
                if detail.get("name") == "networkInterfaceId" and detail.get("value")
            )


def task_definition(raw: Raw) -> TaskDefinition:
    """A DescribeTaskDefinition.taskDefinition."""
    platform: Raw = raw.get("runtimePlatform") or {}
    containers: Sequence[Raw] = raw.get("containerDefinitions", [])
    return TaskDefinition(
        arn=raw.get("taskDefinitionArn", ""),
        status=raw.get("status", ""),
        launch_types=frozenset([*raw.get("requiresCompatibilities", []), *raw.get("compatibilities", [])]),
        containers=tuple(map(_container_definition, containers)),
        family=raw.get("family", ""),
        execution_role_arn=raw.get("executionRoleArn", ""),
        task_role_arn=raw.get("taskRoleArn", ""),
        cpu_units=_cpu_units(raw.get("cpu")),
        memory_mib=int(raw.get("memory") or 0),
        cpu_architecture=platform.get("cpuArchitecture") or "X86_64",
        operating_system=platform.get("operatingSystemFamily") or "LINUX",
        secrets=tuple(dict.fromkeys(reference for container in containers for reference in _secrets(container))),
        log_configurations=tuple(found for container in containers for found in _log_configuration(container)),
        content=definition_content(raw),
    )


def _cpu_units(text: object) -> int:
    """``256`` or ``.25 vCPU``: ECS stores either form."""
    words = str(text or "").split()
    if not words:
        return 0
    amount = float(words[0])
    return int(amount * 1024) if len(words) > 1 else int(amount)


def _container_definition(raw: Raw) -> ContainerDefinition:
    return ContainerDefinition(
        name=raw.get("name", ""),
        ports=tuple(map(_port, raw.get("portMappings", []))),
        image=raw.get("image", ""),
        memory_mib=raw.get("memory") or 0,
        stop_timeout_seconds=raw.get("stopTimeout") or 0,
        essential=raw.get("essential", True),
        log_driver=(raw.get("logConfiguration") or {}).get("logDriver", ""),
        credentials=_credentials(raw),
    )


def _credentials(container: Raw) -> str:
    return str((container.get("repositoryCredentials") or {}).get("credentialsParameter", ""))


def _secrets(container: Raw) -> Iterator[SecretReference]:
    name = container.get("name", "")
    for secret in container.get("secrets", []):
        yield SecretReference(name, secret.get("name", ""), secret.get("valueFrom", ""))
    for option in (container.get("logConfiguration") or {}).get("secretOptions", []):
        yield SecretReference(name, option.get("name", ""), option.get("valueFrom", ""))
    if _credentials(container):
        yield SecretReference(name, "", _credentials(container))


def _log_configuration(container: Raw) -> Iterator[LogConfiguration]:
    """The awslogs configuration of a container, where it has one."""
    logs: Raw = container.get("logConfiguration") or {}
    options: Raw = logs.get("options") or {}
    if logs.get("logDriver") == "awslogs" and options.get("awslogs-group"):
        yield LogConfiguration(
            container=container.get("name", ""),
            log_group=options["awslogs-group"],
            stream_prefix=options.get("awslogs-stream-prefix", ""),
            region=options.get("awslogs-region", ""),
            creates_group=str(options.get("awslogs-create-group", "")).lower() == "true",
        )


def _port(raw: Raw) -> PortMapping:
    return PortMapping(raw.get("name", ""), raw.get("containerPort", 0), raw.get("protocol", "tcp"))


def short_name(arn_or_name: str) -> str:
    """The last part of an ARN; a name stays as it is."""
    return arn_or_name.rsplit("/", 1)[-1]


def created(state: ServiceConfiguration | DeploymentState | TaskState) -> float:
    """When something was created, to sort by; the epoch where that is not known."""
    return state.created_at.timestamp() if state.created_at else 0.0


_NAMES_OF_A_DEFINITION = frozenset(
    {
        *("taskDefinitionArn", "family", "revision", "status", "registeredAt", "registeredBy", "deregisteredAt"),
        *("deleteRequestedAt", "requiresAttributes", "compatibilities"),
    }
)
"""What ECS writes into each; everything else was asked for by whoever registered it."""
_SETTINGS_OF_A_REVISION = (
    *("launchType", "capacityProviderStrategy", "platformVersion", "platformFamily", "networkConfiguration"),
    *("serviceRegistries", "serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"),
)
_WITHOUT_ORDER = frozenset({"environment", "secrets", "securityGroups", "subnets", "environmentFiles"})


def definition_content(raw: Raw) -> str:
    """A digest of a DescribeTaskDefinition.taskDefinition without its name, number, times and state."""
    return _digest({key: value for key, value in raw.items() if key not in _NAMES_OF_A_DEFINITION})


def revision_settings(raw: Raw) -> str:
    """A digest of what a service revision sets besides its task definition: network, launch type, health checks.

    Target groups themselves are left out: an Express service has two of them, and a revision takes either.
    """
    managed: Raw = raw.get("ecsManagedResources") or {}
    checks = {
        (group.get("healthCheckPath", ""), group.get("healthCheckPort", 0), group.get("port", 0))
        for path in managed.get("ingressPaths") or ()
        for group in path.get("targetGroups") or ()
    }
    own = {key: raw[key] for key in _SETTINGS_OF_A_REVISION if raw.get(key)}
    return _digest({**own, "checks": sorted(checks)})


def _digest(content: object) -> str:
    return hashlib.sha256(_text(_ordered(content)).encode()).hexdigest()


def _text(content: object) -> str:
    return json.dumps(content, sort_keys=True, default=str)


def _ordered(node: object, key: str = "") -> object:
    """The same with empty members left out, and with lists in order where their order says nothing."""
    if isinstance(node, Mapping):
        members = {name: _ordered(value, name) for name, value in cast("Raw", node).items()}
        return {name: value for name, value in members.items() if value not in (None, [], {}, "")}
    if isinstance(node, list | tuple):
        some = [_ordered(item) for item in cast("Sequence[object]", node)]
        return sorted(some, key=_text) if key in _WITHOUT_ORDER else some
    return node
