"""The four operations of Express Mode: create, update, describe, delete.

They answer at once, as on AWS; the work goes on in a deployment (`express_deployment`) or a removal. Errors:
API reference of each operation.
"""

import logging
import secrets
import threading
from collections.abc import Mapping
from typing import Any

from expressway_sandbox import emulator, urls
from expressway_sandbox.ecs import images, tasks
from expressway_sandbox.emulator import AwsFault
from expressway_sandbox.express import answers, network, resources, validation
from expressway_sandbox.express import deployment as express_deployment
from expressway_sandbox.services.configuration import Configuration
from expressway_sandbox.services.model import Revision, Service
from expressway_sandbox.services.store import STORE
from expressway_sandbox.settings import read_settings

_LOG = logging.getLogger("expressway_sandbox")
Request = Mapping[str, Any]


def create(request: Request) -> dict[str, Any]:
    """CreateExpressGatewayService."""
    validation.check_request(request)
    validation.check_role(request.get("infrastructureRoleArn"), "infrastructureRoleArn", "ecs.amazonaws.com")
    configuration = Configuration.read(request)
    validation.check_configuration(configuration)
    name = str(request.get("serviceName") or f"express-{secrets.token_hex(4)}")
    validation.check_name(name)
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
        endpoint=urls.new_endpoint(emulator.region()),
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
    validation.check_request(request)
    with service.lock:
        latest = service.revisions[-1] if service.active is None else service.active
        configuration = latest.configuration.updated(request)
        validation.check_configuration(configuration)
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
        validation.read_own_task_definition(revision)
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
            images.release(emulator.module("services.ecs")._get_docker(), service.pulled_images)
        except Exception as exc:  # noqa: BLE001 - the last frame of a thread: a DRAINING service would never end
            _LOG.exception("removing %s broke", service.arn)
            service.removal_error = service.status_reason = str(exc)
        finally:
            service.active = None
            service.desired_count = 0
            service.updated_at = emulator.now()
            service.status = "INACTIVE"
