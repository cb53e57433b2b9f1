"""Express Mode services, deployments and revisions in the shapes of the ECS API, those of Express and the general ones.

Shapes: botocore's model of ECS, members ECSExpressGatewayService, ServiceDeployment and ServiceRevision; a test
holds every answer against it.
"""

from typing import Any

from expressway_sandbox.ecs import tasks
from expressway_sandbox.services.model import ManagedResource, Revision, Service, ServiceDeployment

Shape = dict[str, Any]


def express_service(service: Service, *, with_tags: bool = False) -> Shape:
    """ECSExpressGatewayService."""
    current = service.current if service.current and not service.current.has_ended else None
    live = service.active or (current.target if current else None)
    return _present(
        {
            **_identity(service),
            "infrastructureRoleArn": service.infrastructure_role_arn,
            "activeConfigurations": [configuration(service, live)] if live else [],
            "currentDeployment": current.arn if current else None,
            "tags": service.tags if with_tags else None,
        }
    )


def updated_express_service(service: Service, target: Revision) -> Shape:
    """UpdatedExpressGatewayService: what an update answers."""
    return {**_identity(service), "targetConfiguration": configuration(service, target)}


def _identity(service: Service) -> Shape:
    return {
        "serviceArn": service.arn,
        "cluster": service.cluster,
        "serviceName": service.name,
        "status": status(service),
        "createdAt": service.created_at,
        "updatedAt": service.updated_at,
    }


def status(service: Service) -> Shape:
    """ExpressGatewayServiceStatus."""
    return _present({"statusCode": service.status, "statusReason": service.status_reason or None})


def configuration(service: Service, revision: Revision) -> Shape:
    """ExpressGatewayServiceConfiguration."""
    shape: Shape = {
        "serviceRevisionArn": revision.arn,
        "networkConfiguration": {"securityGroups": service.all_security_groups, "subnets": list(service.subnets)},
        "ingressPaths": [{"accessType": service.access_type, "endpoint": service.endpoint}],
        "createdAt": revision.created_at,
        **revision.configuration.answer(),
        **({"taskDefinitionArn": revision.task_definition_arn} if revision.task_definition_arn else {}),
    }
    container: Shape | None = shape.get("primaryContainer")
    if container is not None and "awsLogsConfiguration" not in container:
        container["awsLogsConfiguration"] = {"logGroup": service.own_log_group, "logStreamPrefix": "ecs"}
    return shape


def deployment_brief(service: Service, deployment: ServiceDeployment) -> Shape:
    """ServiceDeploymentBrief: what ListServiceDeployments shows."""
    return _present(
        {
            "serviceDeploymentArn": deployment.arn,
            "serviceArn": service.arn,
            "clusterArn": service.cluster_arn,
            "startedAt": deployment.started_at,
            "createdAt": deployment.created_at,
            "finishedAt": deployment.finished_at,
            "targetServiceRevisionArn": deployment.target.arn,
            "status": deployment.status,
            "statusReason": deployment.status_reason or None,
        }
    )


def deployment(service: Service, deployment: ServiceDeployment) -> Shape:
    """ServiceDeployment."""
    rollback: Shape = {
        "reason": deployment.rollback_reason,
        "startedAt": deployment.rollback_started_at,
        "serviceRevisionArn": deployment.source.arn if deployment.source else None,
    }
    live = service.active.arn if service.active else None
    monitoring = "MONITORING_COMPLETE" if deployment.has_ended else "MONITORING"
    brief = deployment_brief(service, deployment)
    del brief["targetServiceRevisionArn"]
    return _present(
        {
            **brief,
            "stoppedAt": deployment.stopped_at,
            "updatedAt": deployment.updated_at,
            "sourceServiceRevisions": [_summary(service, deployment.source, live)] if deployment.source else [],
            "targetServiceRevision": _summary(service, deployment.target, live),
            "lifecycleStage": deployment.lifecycle_stage,
            "deploymentConfiguration": deployment_configuration(service),
            "rollback": None if deployment.rollback_started_at is None else _present(rollback),
            "deploymentCircuitBreaker": {
                "status": "TRIGGERED" if deployment.breaker_triggered else monitoring,
                "failureCount": deployment.failed_tasks,
                "threshold": deployment.breaker_threshold,
            },
            "alarms": {
                "status": monitoring,
                "alarmNames": _alarm_names(service),
                "triggeredAlarmNames": [],
            },
        }
    )


def deployment_configuration(service: Service) -> Shape:
    """DeploymentConfiguration of an Express Mode service: a canary with automatic rollback."""
    return {
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
        "alarms": {"alarmNames": _alarm_names(service), "rollback": True, "enable": True},
        "strategy": "CANARY",
        "bakeTimeInMinutes": 3,
        "canaryConfiguration": {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 3},
    }


def _alarm_names(service: Service) -> list[str]:
    arn = service.resources.metric_alarm.arn
    return [arn.rsplit(":", 1)[-1]] if arn else []


def _summary(service: Service, revision: Revision, live: str | None) -> Shape:
    weights = {"requestedTestTrafficWeight": 0.0, "requestedProductionTrafficWeight": 100.0 * (revision.arn == live)}
    return {**_task_counts(service, revision), **weights}


def revision(service: Service, revision: Revision) -> Shape:
    """ServiceRevision, with everything that ECS manages for it."""
    resources = service.resources
    group = resources.target_groups[revision.target_group_index].arn
    image: Shape = {"containerName": revision.container_name, "image": revision.image}
    if revision.image_digest:
        image["imageDigest"] = revision.image_digest
    resolved = {"targetGroupArn": group, "productionListenerRule": resources.rule.arn}
    return _present(
        {
            "serviceRevisionArn": revision.arn,
            "serviceArn": service.arn,
            "clusterArn": service.cluster_arn,
            "taskDefinition": revision.task_definition_arn or None,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "loadBalancers": _load_balancers(service, revision),
            "networkConfiguration": {"awsvpcConfiguration": service.vpc_configuration},
            "containerImages": [image],
            "guardDutyEnabled": False,
            "createdAt": revision.created_at,
            "resolvedConfiguration": {"loadBalancers": [resolved] if group else []},
            "ecsManagedResources": managed_resources(service, revision),
        }
    )


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
        "loadBalancers": _load_balancers(service, service.active),
        "serviceRegistries": [],
        "status": service.status,
        "desiredCount": service.desired_count,
        "runningCount": running,
        "pendingCount": pending,
        "launchType": "FARGATE",
        "platformVersion": "LATEST",
        "platformFamily": "Linux",
        "taskDefinition": live.task_definition_arn if live else "",
        "deploymentConfiguration": deployment_configuration(service),
        "deployments": [_rollout(service, d) for d in _shown_deployments(service)],
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
        "currentServiceDeployment": current.arn if current and not current.has_ended else None,
        "tags": service.tags if with_tags else None,
    }
    return _present(shape)


def _current_revisions(service: Service) -> list[Shape]:
    counted = [(revision, _task_counts(service, revision)) for revision in service.revisions]
    return [
        counts
        for revision, counts in counted
        if revision is service.active or counts["runningTaskCount"] or counts["pendingTaskCount"]
    ]


def _task_counts(service: Service, revision: Revision) -> Shape:
    running, pending = tasks.counts(service, revision)
    return {
        "arn": revision.arn,
        "requestedTaskCount": revision.configuration.scaling.min_task_count,
        "runningTaskCount": running,
        "pendingTaskCount": pending,
    }


def _load_balancers(service: Service, revision: Revision | None) -> list[Shape]:
    group = service.resources.target_groups[revision.target_group_index].arn if revision else ""
    if revision is None or not group:
        return []
    return [
        {
            "targetGroupArn": group,
            "containerName": revision.container_name,
            "containerPort": revision.container_port,
        }
    ]


def _shown_deployments(service: Service) -> list[ServiceDeployment]:
    """The newest deployment first, then the one that is live if that is another."""
    if service.status == "INACTIVE":
        return []
    newest = service.current
    live = [d for d in service.deployments if d.target is service.active]
    shown = [newest] if newest is not None and (not newest.has_ended or newest in live or not live) else []
    return shown + [d for d in live[-1:] if d not in shown]


def _rollout(service: Service, deployment: ServiceDeployment) -> Shape:
    """Deployment, which DescribeServices shows beside the service deployments."""
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


def managed_resources(service: Service, revision: Revision) -> Shape:
    """ECSManagedResources: each resource with its status and what is stuck, if anything."""
    resources = service.resources
    scaling = revision.configuration.scaling
    log_group = resources.log_group
    ingress: Shape = {
        "accessType": service.access_type,
        "endpoint": service.endpoint,
        "loadBalancer": _managed(
            resources.load_balancer,
            scheme="internet-facing" if service.access_type == "PUBLIC" else "internal",
            subnetIds=list(service.subnets),
            securityGroupIds=[resources.load_balancer_security_group.name],
        ),
        "loadBalancerSecurityGroups": [_managed(resources.load_balancer_security_group)],
        "certificate": _managed(resources.certificate, domainName=service.endpoint),
        "listener": _managed(resources.listener),
        "rule": _managed(resources.rule),
        "targetGroups": [
            _managed(
                group,
                healthCheckPath=revision.configuration.health_check_path,
                healthCheckPort=revision.container_port,
                port=revision.container_port,
            )
            for group in resources.target_groups
        ],
    }
    return {
        "ingressPaths": [ingress],
        "autoScaling": {
            "scalableTarget": _managed(
                resources.scalable_target, minCapacity=scaling.min_task_count, maxCapacity=scaling.max_task_count
            ),
            "applicationAutoScalingPolicies": [
                _managed(
                    resources.scaling_policy,
                    policyType="TargetTrackingScaling",
                    targetValue=float(scaling.target_value),
                    metric=scaling.metric,
                )
            ],
        },
        "metricAlarms": [_managed(resources.metric_alarm)],
        "serviceSecurityGroups": [_managed(resources.service_security_group)],
        "logGroups": [_managed(log_group, logGroupName=log_group.arn.rsplit("log-group:", 1)[-1])]
        if log_group.arn
        else [],
    }


def _managed(resource: ManagedResource, **members: Any) -> Shape:
    optional = {"arn": resource.arn or None, "statusReason": resource.status_reason or None}
    return _present({"status": resource.status, "updatedAt": resource.updated_at, **members, **optional})


def _present(shape: Shape) -> Shape:
    return {name: value for name, value in shape.items() if value is not None}
