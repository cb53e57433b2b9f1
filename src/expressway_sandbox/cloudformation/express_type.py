"""The CloudFormation type AWS::ECS::ExpressGatewayService.

Schema: the AWS::ECS::ExpressGatewayService page of the CloudFormation template reference. Create-only members,
whose change replaces the service: ServiceName, Cluster, InfrastructureRoleArn, Tags. The handlers wait for the
deployment, as the real one does for up to three hours; so CloudFormation runs them on worker threads. A rollback
deletes the service whose creation failed.
"""

import json
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from expressway_sandbox import emulator
from expressway_sandbox.emulator import AwsFault
from expressway_sandbox.express import answers, operations
from expressway_sandbox.services.model import STORE, Service

TYPE = "AWS::ECS::ExpressGatewayService"
CREATE_ONLY = ("ServiceName", "Cluster", "InfrastructureRoleArn", "Tags")
_WAIT_SECONDS = 1800.0
_NUMBERS = frozenset({"ContainerPort", "MinTaskCount", "MaxTaskCount", "AutoScalingTargetValue"})

_SLOW_TYPES = frozenset({TYPE, "AWS::ECS::Service", "AWS::ECS::Cluster"})

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]


_CREATING: dict[tuple[str, str], str] = {}
"""ARNs of services whose creation by a stack is in progress or has failed, by stack and logical id: the stack deletes
them if it rolls back."""


def hook() -> None:
    """Put the type into ministack's tables, and its needs into the engine for stacks."""
    provisioners = emulator.module("services.cloudformation.provisioners")
    handlers = {"create": create, "update": update, "update_with_logical_id": True, "delete": delete}
    provisioners._RESOURCE_HANDLERS[TYPE] = handlers
    provisioners._REPLACING_PROPERTIES[TYPE] = CREATE_ONLY
    provisioners._STACK_TAG_PROPERTY[TYPE] = ("Tags", "list")
    stacks = emulator.module("services.cloudformation.stacks")
    emulator.wrap(
        "services.cloudformation.stacks",
        _runs_on_worker_thread=_on_worker_thread,
        _add_event=_with_physical_id,
        _roll_back_operation=_deleting_failed_services,
    )
    stack_handlers = emulator.module("services.cloudformation.handlers")
    stack_handlers._roll_back_operation = stacks._roll_back_operation
    # Capabilities are enforced like on AWS; ministack does so only when it checks credentials.
    stack_handlers._capabilities_enforced = lambda: True


def create(logical_id: str, properties: Properties, stack_name: str) -> Created:
    """Create the service and wait until it serves.

    Raises:
        ValueError: ministack's way for a handler to fail; the text becomes the event's reason.
    """
    request = _to_request(properties)
    request.setdefault("serviceName", f"{stack_name[:60]}-{logical_id[:60]}-{uuid4().hex[:12]}")
    arn = str(_call(operations.create, request)["service"]["serviceArn"])
    _CREATING[stack_name, logical_id] = arn
    _announce(stack_name, logical_id, arn, properties)
    service = operations.require(arn)
    _wait_for_deployment(service)
    _CREATING.pop((stack_name, logical_id), None)
    return arn, attributes(service)


def update(
    physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str | None = None
) -> Created:
    """Deploy the new configuration and wait; a failed deployment has rolled back by itself by then."""
    del old, stack_name, logical_id
    request = _to_request(new)
    for member in ("serviceName", "cluster", "infrastructureRoleArn", "tags"):
        request.pop(member, None)
    _call(operations.update, {"serviceArn": physical_id, **request})
    service = operations.require(physical_id)
    _wait_for_deployment(service)
    return physical_id, attributes(service)


def _call(operation: Callable[[dict[str, Any]], dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    try:
        return operation(request)
    except AwsFault as fault:
        raise ValueError(_handler_message(f"{fault.message} (Service: Ecs)", "InvalidRequest")) from fault


def delete(physical_id: str, properties: Properties) -> None:
    """Delete the service and wait until it is INACTIVE; one that is gone already is fine."""
    del properties
    service = STORE.by_arn(physical_id)
    if service is None or service.status == "INACTIVE":
        return
    operations.delete({"serviceArn": physical_id})
    waiting = threading.Event()
    for _ in range(int(_WAIT_SECONDS / 0.05)):
        if service.status == "INACTIVE":
            if service.removal_error:
                raise ValueError(_handler_message(service.removal_error, "GeneralServiceException"))
            return
        waiting.wait(0.05)
    raise ValueError(_handler_message("Exceeded attempts to wait", "NotStabilized"))


def _wait_for_deployment(service: Service) -> None:
    deployment = service.current
    if deployment is None or not deployment.done.wait(_WAIT_SECONDS):
        raise ValueError(_handler_message("Exceeded attempts to wait", "NotStabilized"))
    if deployment.status != "SUCCESSFUL":
        cause = (deployment.cause or deployment.status_reason).rstrip(".")
        text = f"Error occurred during operation 'ECS Deployment Circuit Breaker was triggered': {cause}."
        raise ValueError(_handler_message(text, "NotStabilized"))


def _handler_message(message: str, code: str) -> str:
    return f'Resource handler returned message: "{message}" (RequestToken: {uuid4()}, HandlerErrorCode: {code})'


def _announce(stack_name: str, logical_id: str, arn: str, properties: Properties) -> None:
    """Record the event "Resource creation Initiated", which tells clients the physical id while they wait."""
    cloudformation: Any = emulator.module("services.cloudformation")
    stack: Any = cloudformation._stacks.get(stack_name)
    if stack is None:
        return
    emulator.module("services.cloudformation.stacks")._add_event(
        stack["StackId"], stack_name, logical_id, TYPE, "CREATE_IN_PROGRESS", "Resource creation Initiated", arn
    )
    record = _resource_record(logical_id, arn, properties, "CREATE_IN_PROGRESS")
    stack.get("_resources", {}).setdefault(logical_id, record)


def _resource_record(logical_id: str, arn: str, properties: Properties, status: str) -> dict[str, Any]:
    return {
        "PhysicalResourceId": arn,
        "ResourceType": TYPE,
        "ResourceStatus": status,
        "LogicalResourceId": logical_id,
        "Properties": properties,
        "Attributes": {},
        "Timestamp": emulator.module("core.responses").now_iso(),
    }


def _to_request(properties: Properties) -> dict[str, Any]:
    """Template properties in the API's casing; numbers may arrive as strings, tags have their own casing."""
    request: dict[str, Any] = _camel(properties)
    for member in ("cpu", "memory"):
        if member in request:
            request[member] = str(request[member])
    return request


def _camel(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _camel(member, key) for key, member in value.items()}
    if isinstance(value, list):
        return [_camel(member) for member in value]
    if name in _NUMBERS and isinstance(value, str):
        return int(value)
    return value


def attributes(service: Service) -> dict[str, Any]:
    """Everything that Fn::GetAtt can read, under its dotted name."""
    resources = service.resources
    prefix = "ECSManagedResourceArns"
    ingress: dict[str, Any] = {
        "LoadBalancerArn": resources.load_balancer.arn,
        "ListenerArn": resources.listener.arn,
        "ListenerRuleArn": resources.rule.arn,
        "CertificateArn": resources.certificate.arn,
        "LoadBalancerSecurityGroups": [resources.load_balancer_security_group.arn],
        "TargetGroupArns": [group.arn for group in resources.target_groups],
    }
    scaling: dict[str, Any] = {
        "ScalableTarget": resources.scalable_target.arn,
        "ApplicationAutoScalingPolicies": [resources.scaling_policy.arn],
    }
    lists: dict[str, Any] = {
        "LogGroups": [resources.log_group.arn] if resources.log_group.arn else [],
        "MetricAlarms": [resources.metric_alarm.arn],
        "ServiceSecurityGroups": [resources.service_security_group.arn],
    }
    active = service.active
    configurations = [answers.configuration(service, active)] if active else []
    return {
        "ServiceArn": service.arn,
        "Endpoint": service.endpoint,
        "Status": {"StatusCode": service.status},
        "CreatedAt": _iso(service.created_at),
        "UpdatedAt": _iso(service.updated_at),
        "ActiveConfigurations": json.loads(json.dumps(configurations)),
        prefix: {"IngressPath": ingress, "AutoScaling": scaling, **lists},
        f"{prefix}.IngressPath": ingress,
        f"{prefix}.AutoScaling": scaling,
        **{f"{prefix}.IngressPath.{name}": value for name, value in ingress.items()},
        **{f"{prefix}.AutoScaling.{name}": value for name, value in scaling.items()},
        **{f"{prefix}.{name}": value for name, value in lists.items()},
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _on_worker_thread(original: Callable[[str], bool], resource_type: str) -> bool:
    """Services wait for containers; on the event loop they would stop every other request."""
    return resource_type in _SLOW_TYPES or original(resource_type)


def _with_physical_id(
    original: Callable[..., None],
    stack_id: str,
    stack_name: str,
    logical_id: str,
    resource_type: str,
    status: str,
    *rest: Any,
    **named: Any,
) -> None:
    """The event of a failed creation names the service that was made before it failed."""
    if resource_type == TYPE and status.endswith("_FAILED") and len(rest) == 1:
        named.setdefault("physical_id", _CREATING.get((stack_name, logical_id), ""))
    original(stack_id, stack_name, logical_id, resource_type, status, *rest, **named)


async def _deleting_failed_services(
    original: Callable[..., Awaitable[None]],
    stack_name: str,
    stack_id: str,
    stack: dict[str, Any],
    operation: dict[str, Any],
    **named: Any,
) -> None:
    """A rollback deletes the service whose creation failed; ministack would leave it."""
    logical_id = operation.get("failed_logical_id") or ""
    arn = _CREATING.pop((stack_name, logical_id), None)
    if arn is not None:
        record = _resource_record(logical_id, arn, {}, "CREATE_FAILED")
        stack.setdefault("_resources", {})[logical_id] = record
        operation["created"] = [*operation["created"], logical_id]
    await original(stack_name, stack_id, stack, operation, **named)
