"""Sets up and removes what ECS manages around a service: log group, security group, scaling, alarm, ingress.

An Application Load Balancer is shared by up to 25 Express Mode services of a VPC and goes with the last of them. Each
service has a certificate for its endpoint, a rule on its host name, and two target groups between which deployments
alternate. Express Mode documentation, "Resources created by Express Mode services".
"""

import hashlib
import threading
from collections.abc import Callable

from expressway_sandbox import emulator
from expressway_sandbox.emulator import AwsFault
from expressway_sandbox.express import network
from expressway_sandbox.services.model import STORE, ManagedResource, Revision, Service

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
    steps: list[tuple[ManagedResource, Callable[[Service, Revision], None]]] = [
        (resources.log_group, _log_group),
        (resources.certificate, _certificate),
        (resources.listener, _load_balancer),
        (resources.service_security_group, _service_security_group),
        (resources.target_groups[0], _target_groups),
        (resources.rule, _rule),
        (resources.scalable_target, _scaling),
        (resources.metric_alarm, _rollback_alarm),
    ]
    for resource, step in steps:
        if resource.status == "ACTIVE" and step in _MADE_ONCE:
            continue
        try:
            step(service, revision)
        except AwsFault as fault:
            resource.mark("FAILED", fault.message)
            raise


def remove(service: Service) -> None:
    """Remove every managed resource but the log group, which stays, as on AWS."""
    _remove_ingress(service)
    resources = service.resources
    _delete_security_group(resources.service_security_group)
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
        resource.arn = _security_group_arn(service, group)
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


def _rollback_alarm(service: Service, _revision: Revision) -> None:
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


SERVICES_PER_LOAD_BALANCER = 25
_SHARED = threading.RLock()


def _load_balancer(service: Service, _revision: Revision) -> None:
    """Join a load balancer of the VPC that has room, or create one with its HTTPS listener."""
    resources = service.resources
    with _SHARED:
        neighbour = _neighbour_with_room(service)
        if neighbour is not None:
            for name in ("load_balancer", "load_balancer_security_group", "listener"):
                getattr(resources, name).mark("ACTIVE", arn=getattr(neighbour.resources, name).arn)
            return
        _create_load_balancer(service)


def _neighbour_with_room(service: Service) -> Service | None:
    tenants: dict[str, list[Service]] = {}
    for other in STORE.here():
        same_place = other.vpc_id == service.vpc_id and other.access_type == service.access_type
        if other is not service and same_place and other.resources.listener.status == "ACTIVE":
            tenants.setdefault(other.resources.load_balancer.arn, []).append(other)
    roomy = [group for group in tenants.values() if len(group) < SERVICES_PER_LOAD_BALANCER]
    return roomy[0][0] if roomy else None


def _create_load_balancer(service: Service) -> None:
    resources = service.resources
    suffix = hashlib.sha256(service.arn.encode() + str(service.created_at).encode()).hexdigest()[:8]
    name = f"ecs-express-gateway-alb-{suffix}"
    group = network.create_security_group(f"{name}-sg", "Express Mode load balancer", service.vpc_id)
    network.allow_ingress(group, 443)
    resources.load_balancer_security_group.mark("ACTIVE", arn=_security_group_arn(service, group))
    request = {
        "Name": name,
        "Scheme": "internet-facing" if service.access_type == "PUBLIC" else "internal",
        "Type": "application",
        "VpcId": service.vpc_id,
        "SecurityGroups.member.1": group,
    }
    request.update({f"Subnets.member.{i}": subnet for i, subnet in enumerate(service.subnets, 1)})
    answer = emulator.call_query("elasticloadbalancing", "CreateLoadBalancer", request)
    arn = answer.findtext(".//LoadBalancerArn") or ""
    # The application has to see the host and port that its client used, or its links would lose the port.
    emulator.call_query(
        "elasticloadbalancing",
        "ModifyLoadBalancerAttributes",
        {
            "LoadBalancerArn": arn,
            "Attributes.member.1.Key": "routing.http.preserve_host_header.enabled",
            "Attributes.member.1.Value": "true",
        },
    )
    resources.load_balancer.mark("ACTIVE", arn=arn)
    _create_listener(service)


def _create_listener(service: Service) -> None:
    request = {
        "LoadBalancerArn": service.resources.load_balancer.arn,
        "Protocol": "HTTPS",
        "Port": "443",
        "Certificates.member.1.CertificateArn": service.resources.certificate.arn,
        "DefaultActions.member.1.Type": "fixed-response",
        "DefaultActions.member.1.FixedResponseConfig.StatusCode": "404",
        "DefaultActions.member.1.FixedResponseConfig.ContentType": "text/plain",
    }
    answer = emulator.call_query("elasticloadbalancing", "CreateListener", request)
    service.resources.listener.mark("ACTIVE", arn=answer.findtext(".//ListenerArn") or "")


def _certificate(service: Service, _revision: Revision) -> None:
    request = {"DomainName": service.endpoint, "ValidationMethod": "DNS"}
    answer = emulator.call_json("acm", "RequestCertificate", request)
    service.resources.certificate.mark("ACTIVE", arn=str(answer["CertificateArn"]))


def _target_groups(service: Service, revision: Revision) -> None:
    """Create the two target groups, or bring their health check up to date."""
    for index, resource in enumerate(service.resources.target_groups):
        if resource.status == "ACTIVE":
            if index == revision.target_group_index:
                check = {"TargetGroupArn": resource.arn, "HealthCheckPath": revision.configuration.health_check_path}
                emulator.call_query("elasticloadbalancing", "ModifyTargetGroup", check)
                resource.mark("ACTIVE")
            continue
        digest = hashlib.sha256(f"{service.endpoint}{index}".encode()).hexdigest()[:16]
        request = {
            "Name": f"ecs-gateway-tg-{digest}",
            "Protocol": "HTTP",
            "Port": str(revision.container_port),
            "VpcId": service.vpc_id,
            "TargetType": "ip",
            "HealthCheckPath": revision.configuration.health_check_path,
            "Matcher.HttpCode": "200",
        }
        answer = emulator.call_query("elasticloadbalancing", "CreateTargetGroup", request)
        resource.mark("ACTIVE", arn=answer.findtext(".//TargetGroupArn") or "")


def _rule(service: Service, revision: Revision) -> None:
    """Create the rule that sends the endpoint's requests to the revision's target group."""
    with _SHARED:
        listener = service.resources.listener.arn
        answer = emulator.call_query("elasticloadbalancing", "DescribeRules", {"ListenerArn": listener})
        taken = [int(p.text or 0) for p in answer.iter("Priority") if (p.text or "").isdigit()]
        request = {
            "ListenerArn": listener,
            "Priority": str(max(taken, default=0) + 1),
            "Conditions.member.1.Field": "host-header",
            "Conditions.member.1.Values.member.1": service.endpoint,
            **_forward(service, revision),
        }
        answer = emulator.call_query("elasticloadbalancing", "CreateRule", request)
    service.resources.rule.mark("ACTIVE", arn=answer.findtext(".//RuleArn") or "")


def shift_traffic(service: Service, revision: Revision) -> None:
    """Send all requests from now on to the revision's target group."""
    request = {"RuleArn": service.resources.rule.arn, **_forward(service, revision)}
    emulator.call_query("elasticloadbalancing", "ModifyRule", request)


def _forward(service: Service, revision: Revision) -> dict[str, str]:
    arn = service.resources.target_groups[revision.target_group_index].arn
    return {"Actions.member.1.Type": "forward", "Actions.member.1.TargetGroupArn": arn}


def _remove_ingress(service: Service) -> None:
    """Remove the rule, target groups and certificate, and the load balancer when this was its last service."""
    resources = service.resources
    with _SHARED:
        _delete("DeleteRule", "RuleArn", resources.rule)
        for resource in resources.target_groups:
            _delete("DeleteTargetGroup", "TargetGroupArn", resource)
        tenants = [s for s in STORE.here() if s.resources.load_balancer.arn == resources.load_balancer.arn]
        shared = any(s is not service and s.resources.load_balancer.status == "ACTIVE" for s in tenants)
        if shared:
            for resource in (resources.listener, resources.load_balancer, resources.load_balancer_security_group):
                resource.mark("DELETED")
        else:
            _delete("DeleteListener", "ListenerArn", resources.listener)
            _delete("DeleteLoadBalancer", "LoadBalancerArn", resources.load_balancer)
            _delete_security_group(resources.load_balancer_security_group)
        if resources.certificate.arn:
            with emulator.tolerating("ResourceNotFoundException"):
                emulator.call_json("acm", "DeleteCertificate", {"CertificateArn": resources.certificate.arn})
            resources.certificate.mark("DELETED")


def _delete(operation: str, parameter: str, resource: ManagedResource) -> None:
    if resource.arn and resource.status != "DELETED":
        with emulator.tolerating("RuleNotFound", "TargetGroupNotFound", "ListenerNotFound", "LoadBalancerNotFound"):
            emulator.call_query("elasticloadbalancing", operation, {parameter: resource.arn})
        resource.mark("DELETED")


def _delete_security_group(resource: ManagedResource) -> None:
    if resource.arn and resource.status != "DELETED":
        network.delete_security_group(resource.name)
        resource.mark("DELETED")


def _security_group_arn(service: Service, group_id: str) -> str:
    return f"arn:aws:ec2:{service.region}:{service.account}:security-group/{group_id}"


_MADE_ONCE = (_certificate, _load_balancer, _rule, _rollback_alarm)
"""Steps that a later revision does not repeat."""
