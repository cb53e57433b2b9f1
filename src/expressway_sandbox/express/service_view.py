"""Express Mode services as the general ECS operations show them: services, deployments, revisions."""

from collections.abc import Mapping, Sequence
from typing import Any

from expressway_sandbox import emulator
from expressway_sandbox.ecs import tasks
from expressway_sandbox.emulator import AwsFault
from expressway_sandbox.express import answers
from expressway_sandbox.services.model import Service, ServiceDeployment
from expressway_sandbox.services.store import STORE

Request = Mapping[str, Any]
Shape = dict[str, Any]


def service(service: Service, *, with_tags: bool = False) -> Shape:
    """Service, as DescribeServices shows it."""
    live = service.active or (service.revisions[-1] if service.revisions else None)
    states = [] if service.status == "INACTIVE" else tasks.service_tasks(service)
    running = sum(state.is_running for state in states)
    pending = sum(state.status in tasks.PENDING for state in states)
    current = service.current
    shape: Shape = {
        "serviceArn": service.arn,
        "serviceName": service.name,
        "clusterArn": service.cluster_arn,
        "loadBalancers": _load_balancers(service),
        "serviceRegistries": [],
        "status": service.status,
        "desiredCount": service.desired_count,
        "runningCount": running,
        "pendingCount": pending,
        "launchType": "FARGATE",
        "platformVersion": "LATEST",
        "platformFamily": "Linux",
        "taskDefinition": live.task_definition_arn if live else "",
        "deploymentConfiguration": answers.deployment_configuration(service),
        "deployments": [_deployment(service, d) for d in _shown_deployments(service)],
        "events": [{"id": e.event_id, "createdAt": e.created_at, "message": e.message} for e in service.events],
        "createdAt": service.created_at,
        "placementConstraints": [],
        "placementStrategy": [],
        "networkConfiguration": {"awsvpcConfiguration": service.vpc_configuration},
        "healthCheckGracePeriodSeconds": 0,
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"},
        "enableECSManagedTags": True,
        "propagateTags": "SERVICE",
        "enableExecuteCommand": False,
        "availabilityZoneRebalancing": "ENABLED",
        "resourceManagementType": "ECS",
        "currentServiceRevisions": _current_revisions(service),
    }
    if current is not None and not current.has_ended:
        shape["currentServiceDeployment"] = current.arn
    if with_tags:
        shape["tags"] = service.tags
    return shape


def _current_revisions(service: Service) -> list[Shape]:
    shapes: list[Shape] = []
    for revision in service.revisions:
        running, pending = tasks.counts(service, revision)
        if running or pending or revision is service.active:
            wanted = revision.configuration.scaling.min_task_count
            counts = {"requestedTaskCount": wanted, "runningTaskCount": running, "pendingTaskCount": pending}
            shapes.append({"arn": revision.arn, **counts})
    return shapes


def _load_balancers(service: Service) -> list[Shape]:
    live = service.active
    if live is None:
        return []
    group = service.resources.target_groups[live.target_group_index].arn
    container = {"containerName": live.container_name, "containerPort": live.container_port}
    return [{"targetGroupArn": group, **container}] if group else []


def _shown_deployments(service: Service) -> list[ServiceDeployment]:
    """The newest deployment first, then the one that is live if that is another."""
    if service.status == "INACTIVE":
        return []
    newest = service.current
    live = [d for d in service.deployments if d.target is service.active]
    shown = [newest] if newest is not None and (not newest.has_ended or newest in live or not live) else []
    return shown + [d for d in live[-1:] if d not in shown]


def _deployment(service: Service, deployment: ServiceDeployment) -> Shape:
    running, pending = tasks.counts(service, deployment.target)
    states = {"SUCCESSFUL": "COMPLETED", "PENDING": "IN_PROGRESS", "IN_PROGRESS": "IN_PROGRESS"}
    primary = deployment is service.current or service.current is None or service.current.has_ended
    return {
        "id": deployment.ecs_id,
        "status": "PRIMARY" if primary else "ACTIVE",
        "taskDefinition": deployment.target.task_definition_arn,
        "desiredCount": deployment.target.configuration.scaling.min_task_count,
        "pendingCount": pending,
        "runningCount": running,
        "failedTasks": deployment.failed_tasks,
        "createdAt": deployment.created_at,
        "updatedAt": deployment.updated_at,
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "networkConfiguration": {"awsvpcConfiguration": service.vpc_configuration},
        "rolloutState": states.get(deployment.status, "FAILED"),
        "rolloutStateReason": deployment.status_reason or f"ECS deployment {deployment.ecs_id} in progress.",
    }


def list_deployments(request: Request) -> Shape:
    """ListServiceDeployments, newest first, filtered by status and creation time."""
    reference = str(request.get("service", ""))
    cluster = str(request.get("cluster") or "default").rsplit("/", 1)[-1]
    found = STORE.by_arn(reference) if reference.startswith("arn:") else STORE.find(cluster, reference)
    if found is None:
        if _is_plain_service(reference, cluster):
            return {"serviceDeployments": []}
        raise AwsFault("ServiceNotFoundException", "Service not found.")
    wanted = {str(status) for status in request.get("status") or ()}
    window: Request = request.get("createdAt") or {}
    shown = [
        answers.deployment_brief(found, deployment)
        for deployment in reversed(found.deployments)
        if (not wanted or deployment.status in wanted) and _within(deployment.created_at, window)
    ]
    return emulator.page(shown, request, member="serviceDeployments", size=20)


def _within(created_at: float, window: Request) -> bool:
    after, before = window.get("after"), window.get("before")
    return (after is None or created_at >= float(after)) and (before is None or created_at <= float(before))


def _is_plain_service(reference: str, cluster: str) -> bool:
    services: Any = emulator.module("services.ecs")._services
    return f"{cluster}/{reference.rsplit('/', 1)[-1]}" in services


def describe_deployments(request: Request) -> Shape:
    """DescribeServiceDeployments."""
    found = [(arn, STORE.deployment(str(arn))) for arn in request.get("serviceDeploymentArns") or ()]
    return {"serviceDeployments": [answers.deployment(*pair) for _, pair in found if pair], **_failures(found)}


def _failures(found: Sequence[tuple[object, object]]) -> Shape:
    return {"failures": [{"arn": arn, "reason": "MISSING"} for arn, pair in found if pair is None]}


def stop_deployment(request: Request) -> Shape:
    """StopServiceDeployment: a running deployment ends, and what ran before keeps running."""
    arn = str(request.get("serviceDeploymentArn", ""))
    found = STORE.deployment(arn)
    if found is None:
        raise AwsFault("ServiceDeploymentNotFoundException", "Service deployment not found.")
    deployment = found[1]
    if deployment.has_ended:
        raise AwsFault("ConflictException", f"The service deployment is in the {deployment.status} state.")
    deployment.stop_type = str(request.get("stopType") or "ROLLBACK")
    requested = "ROLLBACK_REQUESTED" if deployment.stop_type == "ROLLBACK" else "STOP_REQUESTED"
    deployment.move(requested, "The service deployment was stopped by its user.")
    deployment.cancelled.set()
    return {"serviceDeploymentArn": arn}


def describe_revisions(request: Request) -> Shape:
    """DescribeServiceRevisions."""
    found = [(arn, STORE.revision(str(arn))) for arn in request.get("serviceRevisionArns") or ()]
    return {"serviceRevisions": [answers.revision(*pair) for _, pair in found if pair], **_failures(found)}
