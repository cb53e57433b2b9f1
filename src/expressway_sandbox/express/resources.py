"""Sets up and takes away what ECS manages around a service: log group, security group, scaling, alarm, ingress."""

from collections.abc import Callable

from expressway_sandbox import emulator
from expressway_sandbox.emulator import AwsFault
from expressway_sandbox.express import ingress_resources, network
from expressway_sandbox.services.model import ManagedResource, Revision, Service

_METRICS = {
    "AVERAGE_CPU": "ECSServiceAverageCPUUtilization",
    "AVERAGE_MEMORY": "ECSServiceAverageMemoryUtilization",
    "REQUEST_COUNT_PER_TARGET": "ALBRequestCountPerTarget",
}


def provision(service: Service, revision: Revision) -> None:
    """Bring every managed resource to ACTIVE for `revision`; what exists already is kept or brought up to date.

    Raises:
        AwsFault: when a service of the emulator refuses; the resource is FAILED with the reason.
    """
    resources = service.resources
    steps: list[tuple[ManagedResource, Callable[[], None]]] = [
        (resources.log_group, lambda: _log_group(service, revision)),
        (resources.certificate, lambda: _once(resources.certificate, ingress_resources.provision_certificate, service)),
        (resources.listener, lambda: _once(resources.listener, ingress_resources.provision_load_balancer, service)),
        (resources.service_security_group, lambda: _service_security_group(service, revision)),
        (resources.target_groups[0], lambda: ingress_resources.provision_target_groups(service, revision)),
        (resources.rule, lambda: ingress_resources.provision_rule(service, revision)),
        (resources.scalable_target, lambda: _scaling(service, revision)),
        (resources.metric_alarm, lambda: _once(resources.metric_alarm, _rollback_alarm, service)),
    ]
    for resource, step in steps:
        try:
            step()
        except AwsFault as fault:
            resource.mark("FAILED", fault.message)
            raise


def remove(service: Service) -> None:
    """Take every managed resource away; only the log group stays, as on AWS, unless nobody ever logged to it."""
    ingress_resources.remove_ingress(service)
    resources = service.resources
    group = resources.service_security_group
    ingress_resources.delete_security_group(group)
    if resources.scalable_target.arn:
        policy = {**_target(service), "PolicyName": _policy(service)}
        for operation, request in (("DeleteScalingPolicy", policy), ("DeregisterScalableTarget", _target(service))):
            with emulator.tolerating("ObjectNotFoundException"):
                emulator.call_json("application-autoscaling", operation, request)
        resources.scaling_policy.mark("DELETED")
        resources.scalable_target.mark("DELETED")
    if resources.metric_alarm.arn:
        emulator.call_query("monitoring", "DeleteAlarms", {"AlarmNames.member.1": _alarm(service)})
        resources.metric_alarm.mark("DELETED")


def _once(resource: ManagedResource, step: Callable[[Service], None], service: Service) -> None:
    if resource.status != "ACTIVE":
        step(service)


def _log_group(service: Service, revision: Revision) -> None:
    container = revision.configuration.container
    if container is None:
        return
    name = container.log_group or service.own_log_group
    if container.log_group is None:
        with emulator.tolerating("ResourceAlreadyExistsException"):
            emulator.call_json("logs", "CreateLogGroup", {"logGroupName": name})
    arn = f"arn:aws:logs:{service.region}:{service.account}:log-group:{name}"
    service.resources.log_group.mark("ACTIVE", arn=arn)


def _service_security_group(service: Service, revision: Revision) -> None:
    resource = service.resources.service_security_group
    if resource.status != "ACTIVE":
        name = f"ecs-express-gateway-service-{service.endpoint.split('.', 1)[0][3:19]}"
        group = network.create_security_group(name, "Express Mode service", service.vpc_id)
        resource.arn = ingress_resources.security_group_arn(service, group)
    balancer = service.resources.load_balancer_security_group.name
    network.allow_ingress(resource.name, revision.container_port, from_group=balancer)
    resource.mark("ACTIVE")


def _target(service: Service) -> dict[str, str]:
    return {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/{service.cluster}/{service.name}",
        "ScalableDimension": "ecs:service:DesiredCount",
    }


def _policy(service: Service) -> str:
    return f"ecs-express-gateway-{service.name}-scaling"


def _scaling(service: Service, revision: Revision) -> None:
    scaling = revision.configuration.scaling
    resources = service.resources
    request = {**_target(service), "MinCapacity": scaling.min_task_count, "MaxCapacity": scaling.max_task_count}
    answer = emulator.call_json("application-autoscaling", "RegisterScalableTarget", request)
    resources.scalable_target.mark("ACTIVE", arn=str(answer["ScalableTargetARN"]))
    metric: dict[str, str] = {"PredefinedMetricType": _METRICS[scaling.metric]}
    if scaling.metric == "REQUEST_COUNT_PER_TARGET":
        balancer = resources.load_balancer.arn.split(":loadbalancer/", 1)[-1]
        group = resources.target_groups[revision.target_group_index].arn.rsplit(":", 1)[-1]
        metric["ResourceLabel"] = f"{balancer}/{group}"
    answer = emulator.call_json(
        "application-autoscaling",
        "PutScalingPolicy",
        {
            **_target(service),
            "PolicyName": _policy(service),
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": float(scaling.target_value),
                "PredefinedMetricSpecification": metric,
            },
        },
    )
    resources.scaling_policy.mark("ACTIVE", arn=str(answer["PolicyARN"]))


def _alarm(service: Service) -> str:
    return f"ecs-express-gateway-{service.cluster}-{service.name}-rollback"


def _rollback_alarm(service: Service) -> None:
    """The alarm on faulty answers that rolls a canary back; its threshold is 1 % of requests."""
    request = {
        "AlarmName": _alarm(service),
        "Namespace": "AWS/ApplicationELB",
        "MetricName": "HTTPCode_Target_5XX_Count",
        "Statistic": "Sum",
        "Period": "60",
        "EvaluationPeriods": "1",
        "Threshold": "1",
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    emulator.call_query("monitoring", "PutMetricAlarm", request)
    arn = f"arn:aws:cloudwatch:{service.region}:{service.account}:alarm:{_alarm(service)}"
    service.resources.metric_alarm.mark("ACTIVE", arn=arn)
