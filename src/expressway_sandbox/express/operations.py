"""The four operations of Express Mode (create, update, describe, delete) and what they refuse.

They answer at once, as on AWS; the work goes on in a deployment or a removal. Errors: API reference of each operation.
Limits: "Task size" of Amazon ECS on Fargate, in CPU units and MiB.
"""

import json
import logging
import re
import secrets
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from expressway_sandbox import emulator
from expressway_sandbox.ecs import runtime, tasks
from expressway_sandbox.elb import ingress
from expressway_sandbox.emulator import AwsFault
from expressway_sandbox.express import answers, network, resources
from expressway_sandbox.express import deployment as express_deployment
from expressway_sandbox.services.configuration import EXCLUDED_BY_TASK_DEFINITION, Configuration, Container, Scaling
from expressway_sandbox.services.model import STORE, Revision, Service
from expressway_sandbox.settings import read_settings

_LOG = logging.getLogger("expressway_sandbox")
Request = Mapping[str, Any]


def create(request: Request) -> dict[str, Any]:
    """CreateExpressGatewayService."""
    _check_request(request)
    _check_role(request.get("infrastructureRoleArn"), "infrastructureRoleArn", "ecs.amazonaws.com")
    configuration = Configuration.read(request)
    _check_configuration(configuration)
    name = str(request.get("serviceName") or f"express-{secrets.token_hex(4)}")
    _check_name(name)
    _require_engine()
    cluster = _cluster(request)
    placement = network.place(configuration.subnets)
    network.check_security_groups(configuration.security_groups)
    now = emulator.now()
    service = Service(
        account=emulator.account_id(),
        region=emulator.region(),
        cluster=cluster,
        name=name,
        infrastructure_role_arn=str(request["infrastructureRoleArn"]),
        endpoint=ingress.new_endpoint(emulator.region()),
        access_type=placement.access_type,
        vpc_id=placement.vpc_id,
        created_at=now,
        updated_at=now,
        tags=[{"key": str(t["key"]), "value": str(t.get("value", ""))} for t in request.get("tags") or ()],
        own_log_group=f"/aws/ecs/{cluster}/{name}-{secrets.token_hex(2)}",
        subnets=placement.subnets,
        security_groups=configuration.security_groups,
        desired_count=configuration.scaling.min_task_count,
    )
    revision = _new_revision(service, configuration)
    if not STORE.add(service):
        raise AwsFault("InvalidParameterException", "Creation of service was not idempotent.")
    express_deployment.start(service, service.new_deployment(revision))
    return {"service": answers.express_service(service, with_tags=True)}


def update(request: Request) -> dict[str, Any]:
    """UpdateExpressGatewayService: a new revision and a deployment of it."""
    service = require(str(request.get("serviceArn", "")))
    if service.status != "ACTIVE":
        raise AwsFault("ServiceNotActiveException", "Service was not ACTIVE.")
    _check_request(request)
    with service.lock:
        latest = service.revisions[-1] if service.active is None else service.active
        configuration = latest.configuration.updated(request)
        _check_configuration(configuration)
        _require_engine()
        placement = network.place(configuration.subnets or service.subnets)
        if placement.vpc_id != service.vpc_id:
            raise AwsFault("InvalidParameterException", "The VPC of an Express service cannot be changed.")
        network.check_security_groups(configuration.security_groups)
        revision = _new_revision(service, configuration)
        service.subnets = placement.subnets
        service.security_groups = configuration.security_groups
        service.status_reason = ""
        for running in service.deployments:
            running.cancelled.set()
        deployment = service.new_deployment(revision)
        service.updated_at = emulator.now()
    express_deployment.start(service, deployment)
    return {"service": answers.updated_express_service(service, revision)}


def describe(request: Request) -> dict[str, Any]:
    """DescribeExpressGatewayService; INACTIVE services are still described."""
    service = STORE.by_arn(str(request.get("serviceArn", "")))
    if service is None:
        raise AwsFault("ResourceNotFoundException", "The specified service was not found.")
    with_tags = "TAGS" in (request.get("include") or ())
    return {"service": answers.express_service(service, with_tags=with_tags)}


def delete(request: Request) -> dict[str, Any]:
    """DeleteExpressGatewayService: DRAINING now, INACTIVE when everything is gone."""
    service = require(str(request.get("serviceArn", "")))
    with service.lock:
        if service.status == "INACTIVE":
            raise AwsFault("ServiceNotActiveException", "Service was not ACTIVE.")
        draining = service.status == "DRAINING"
        service.status = "DRAINING"
        service.updated_at = emulator.now()
        for deployment in service.deployments:
            deployment.cancelled.set()
    if not draining:
        threading.Thread(target=_remove, args=(service,), daemon=True, name=f"expressway-delete-{service.name}").start()
    return {"service": answers.express_service(service, with_tags=True)}


def require(arn: str) -> Service:
    """The service with `arn`.

    Raises:
        AwsFault: ServiceNotFoundException.
    """
    service = STORE.by_arn(arn)
    if service is None:
        raise AwsFault("ServiceNotFoundException", "Service not found.")
    return service


def _new_revision(service: Service, configuration: Configuration) -> Revision:
    revision = service.new_revision(configuration)
    container = configuration.container
    if container is not None:
        revision.container_port = container.container_port
        revision.image = container.image
    try:
        _read_own_task_definition(revision)
    except AwsFault:
        service.revisions.remove(revision)
        raise
    return revision


def _cluster(request: Request) -> str:
    """The cluster's name; the default cluster is made when it is missing, any other must exist."""
    asked = str(request.get("cluster") or "default")
    name = asked.rsplit("/", 1)[-1]
    clusters: Any = emulator.module("services.ecs")._clusters
    if name not in clusters:
        if name != "default":
            raise AwsFault("ClusterNotFoundException", "Cluster not found.")
        emulator.call_json(
            "ecs", "CreateCluster", {"clusterName": "default", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}
        )
    return name


def _require_engine() -> None:
    if not tasks.has_engine():
        raise AwsFault(
            "ClientException",
            "The sandbox runs without a container engine, so it cannot run tasks. Start Docker, Podman or Finch, "
            "then start the sandbox again.",
        )


def _remove(service: Service) -> None:
    """Take a service down: tasks first, then everything around it; INACTIVE even if something is left."""
    settings = read_settings()
    with emulator.scope(service.account, service.region):
        for deployment in service.deployments:
            deployment.done.wait()
        try:
            arns = [task.arn for task in tasks.service_tasks(service) if not task.is_stopped]
            if arns:
                service.say(f"has stopped {len(arns)} running tasks.")
            tasks.stop(service, arns, "Task stopped: service is being deleted")
            tasks.remove_containers(service, settings)
            resources.remove(service)
            tasks.deregister_task_definitions(service)
            runtime.release(emulator.module("services.ecs")._get_docker(), service.pulled_images)
        except Exception as exc:  # noqa: BLE001 - the last frame of a thread: a DRAINING service would never end
            _LOG.exception("removing %s broke", service.arn)
            service.removal_error = service.status_reason = str(exc)
        finally:
            service.active = None
            service.desired_count = 0
            service.updated_at = emulator.now()
            service.status = "INACTIVE"


_NAME = re.compile(r"^[A-Za-z0-9_-]{1,255}$")
_ROLE_ARN = re.compile(r"^arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/(?:.*/)?(?P<name>[^/]+)$")
_MEMORY_BY_CPU: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4097, 1024)),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16385, 1024)),
    4096: tuple(range(8192, 30721, 1024)),
    8192: tuple(range(16384, 61441, 4096)),
    16384: tuple(range(32768, 122881, 8192)),
}
_METRICS = ("AVERAGE_CPU", "AVERAGE_MEMORY", "REQUEST_COUNT_PER_TARGET")


def _check_name(name: str) -> None:
    """Refuse a service name that ECS does not take."""
    if not _NAME.match(name):
        raise _invalid(
            "The service name must contain only up to 255 letters (uppercase and lowercase), numbers, "
            "underscores, and hyphens."
        )


def _check_request(request: Request) -> None:
    """Refuse members that exclude each other, and a service without any container."""
    given = [member for member in EXCLUDED_BY_TASK_DEFINITION if request.get(member)]
    if request.get("taskDefinitionArn") and given:
        raise _invalid(f"You cannot specify {', '.join(given)} when taskDefinitionArn is specified.")


def _check_configuration(configuration: Configuration) -> None:
    """Refuse a configuration that cannot run."""
    for problem in _problems(configuration):
        raise _invalid(problem)
    if configuration.own_task_definition:
        return
    _check_role(configuration.execution_role_arn, "executionRoleArn", "ecs-tasks.amazonaws.com")
    if configuration.task_role_arn:
        _check_role(configuration.task_role_arn, "taskRoleArn", "ecs-tasks.amazonaws.com")


def _problems(configuration: Configuration) -> Iterator[str]:
    if not configuration.health_check_path.startswith("/"):
        yield f"healthCheckPath must start with a forward slash: {configuration.health_check_path}"
    yield from _scaling_problems(configuration.scaling)
    if configuration.own_task_definition:
        return
    if configuration.container is None or not configuration.container.image:
        yield "primaryContainer with an image, or taskDefinitionArn, must be specified."
        return
    yield from _container_problems(configuration.container)
    yield from _size_problems(configuration.cpu or "", configuration.memory or "")
    if configuration.cpu_architecture not in ("X86_64", "ARM64"):
        yield f"cpuArchitecture must be X86_64 or ARM64: {configuration.cpu_architecture}"


def _scaling_problems(scaling: Scaling) -> Iterator[str]:
    if scaling.min_task_count < 1 or scaling.max_task_count < 1:
        yield "minTaskCount and maxTaskCount must be at least 1."
    if scaling.min_task_count > scaling.max_task_count:
        yield f"minTaskCount {scaling.min_task_count} must not be greater than maxTaskCount {scaling.max_task_count}."
    if scaling.metric not in _METRICS:
        yield f"autoScalingMetric must be one of {', '.join(_METRICS)}: {scaling.metric}"
    if scaling.target_value < 1:
        yield "autoScalingTargetValue must be at least 1."
    if scaling.metric != "REQUEST_COUNT_PER_TARGET" and scaling.target_value > 100:
        yield "autoScalingTargetValue must be between 1 and 100 for a utilization metric."


def _container_problems(container: Container) -> Iterator[str]:
    if not 1 <= container.container_port <= 65535:
        yield f"containerPort must be between 1 and 65535: {container.container_port}"
    if container.log_group and not container.log_stream_prefix:
        yield "awsLogsConfiguration requires logStreamPrefix."
    groups: Any = emulator.module("services.cloudwatch_logs")._log_groups
    if container.log_group and container.log_group not in groups:
        yield f"The specified log group does not exist: {container.log_group}"


def _size_problems(cpu: str, memory: str) -> Iterator[str]:
    pairs = _MEMORY_BY_CPU.get(int(cpu), ()) if cpu.isdigit() else ()
    if not memory.isdigit() or int(memory) not in pairs:
        yield f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory."


def _check_role(arn: str | None, member: str, service: str) -> None:
    """Refuse a role that is missing, or that does not trust `service`."""
    if not arn:
        raise _invalid(f"{member} must be specified.")
    match = _ROLE_ARN.match(arn)
    if match is None:
        raise _invalid(f"{member} is not the ARN of a role: {arn}")
    role: Any = emulator.module("services.iam")._roles.get(match["name"])
    if role is None:
        raise _invalid(f"{member}: the role {arn} does not exist or cannot be assumed.")
    if not _trusts(role.get("AssumeRolePolicyDocument"), service):
        raise _invalid(
            f"{member}: ECS was unable to assume the role '{arn}'. Please verify that the role being passed has "
            f"the proper trust relationship for {service}."
        )


def _trusts(document: Any, service: str) -> bool:
    policy = json.loads(document) if isinstance(document, str) else document
    statements: Any = (policy or {}).get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal")
        services: Any = principal.get("Service", []) if isinstance(principal, dict) else principal
        named = [services] if isinstance(services, str) else services or []
        if statement.get("Effect") == "Allow" and (service in named or "*" in named):
            return True
    return False


def _read_own_task_definition(revision: Revision) -> None:
    """Take container and port from the task definition that the caller made.

    Raises:
        AwsFault: when it is missing, not for Fargate, or has no container named Main with one named TCP port.
    """
    arn = revision.configuration.own_task_definition
    if arn is None:
        return
    try:
        answer = emulator.call_json("ecs", "DescribeTaskDefinition", {"taskDefinition": arn})
    except AwsFault as fault:
        raise _invalid(f"The task definition {arn} does not exist.") from fault
    definition: dict[str, Any] = answer["taskDefinition"]
    if "FARGATE" not in (definition.get("requiresCompatibilities") or definition.get("compatibilities") or []):
        raise _invalid("The task definition must be compatible with FARGATE.")
    mains = [c for c in definition["containerDefinitions"] if c["name"] == "Main"]
    if not mains:
        raise _invalid("The task definition must have a container named Main.")
    ports = [p for p in mains[0].get("portMappings", []) if p.get("protocol", "tcp") == "tcp"]
    if len(ports) != 1 or not ports[0].get("name"):
        raise _invalid("The container named Main must have a single TCP port mapping with a port name.")
    revision.task_definition_arn = str(definition["taskDefinitionArn"])
    revision.owns_task_definition = False
    revision.container_port = int(ports[0]["containerPort"])
    revision.image = str(mains[0]["image"])


def _invalid(message: str) -> AwsFault:
    return AwsFault("InvalidParameterException", message)
