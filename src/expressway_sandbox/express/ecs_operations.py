"""ECS operations that know about Express Mode services: the added ones, and ministack's with Express services in them.

ministack keeps its own services and a scheduler for them. Express services are stored elsewhere, so the operations that
list, describe, tag or delete services are wrapped.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from expressway_sandbox import emulator
from expressway_sandbox.ecs import endings, tasks
from expressway_sandbox.emulator import Answer, AwsFault
from expressway_sandbox.express import answers
from expressway_sandbox.express import operations as express_operations
from expressway_sandbox.services.model import STORE, Service

Request = Mapping[str, Any]
Handler = Callable[[Request], Answer]


def hook() -> None:
    """Put the operations into ministack's table."""
    table: dict[str, Handler] = emulator.module("services.ecs")._ACTION_MAP
    list_tasks = table["ListTasks"]
    added: dict[str, Callable[[Request], dict[str, Any]]] = {
        "CreateExpressGatewayService": express_operations.create,
        "UpdateExpressGatewayService": express_operations.update,
        "DescribeExpressGatewayService": express_operations.describe,
        "DeleteExpressGatewayService": express_operations.delete,
        "ListServiceDeployments": _list_deployments,
        "DescribeServiceDeployments": _describe_deployments,
        "DescribeServiceRevisions": _describe_revisions,
        "StopServiceDeployment": _stop_deployment,
    }
    table.update({name: emulator.answering(operation) for name, operation in added.items()})
    emulator.wrap_entries(
        table,
        ListServices=_list_services,
        DescribeServices=_describe_services,
        DeleteService=_delete_service,
        UpdateService=_update_service,
        DescribeClusters=_describe_clusters,
        DescribeTasks=_describe_tasks,
        TagResource=_of_our_service(_tag),
        UntagResource=_of_our_service(_untag),
        ListTagsForResource=_of_our_service(lambda service, _: {"tags": service.tags}),
    )
    emulator.wrap_entries(table, DeleteCluster=_delete_cluster(table["DescribeClusters"], list_tasks))


def _cluster(request: Request) -> str:
    return str(request.get("cluster") or "default").rsplit("/", 1)[-1]


@emulator.amending
def _list_services(payload: dict[str, Any], request: Request) -> dict[str, Any]:
    """Services of both kinds; `resourceManagementType` ECS selects those of Express Mode, CUSTOMER the others."""
    kind, cluster = request.get("resourceManagementType"), _cluster(request)
    arns: list[str] = [] if kind == "ECS" else payload["serviceArns"]
    if kind != "CUSTOMER" and request.get("launchType") in (None, "FARGATE"):
        arns += [s.arn for s in STORE.here() if s.cluster == cluster and s.status != "INACTIVE"]
    return emulator.page(arns, request, member="serviceArns", size=10)


def _express(cluster: str, reference: str) -> Service | None:
    if reference.startswith("arn:"):
        found = STORE.by_arn(reference)
        return found if found is not None and found.cluster == cluster else None
    return STORE.find(cluster, reference)


def _describe_services(original: Handler, request: Request) -> Answer:
    cluster, with_tags = _cluster(request), "TAGS" in (request.get("include") or ())
    asked = [str(reference) for reference in request.get("services") or ()]
    express = {reference: service for reference in asked if (service := _express(cluster, reference))}

    @emulator.amending
    def describe(payload: dict[str, Any], _request: Request) -> dict[str, Any]:
        payload["services"] += [answers.service(service, with_tags=with_tags) for service in express.values()]
        return payload

    return describe(original, {**request, "services": [each for each in asked if each not in express]})


@emulator.answering
def _delete_service(original: Handler, request: Request) -> Answer:
    service = _express(_cluster(request), str(request.get("service", "")))
    if service is not None and service.status != "INACTIVE":
        raise AwsFault(
            "InvalidParameterException",
            "The DeleteService API is not supported for Express services. Use DeleteExpressGatewayService.",
        )
    return original(request)


@emulator.answering
def _update_service(original: Handler, request: Request) -> Answer:
    service = _express(_cluster(request), str(request.get("service", "")))
    if service is None or service.status == "INACTIVE":
        return original(request)
    if set(request) - {"cluster", "service"} == {"forceNewDeployment"} and request["forceNewDeployment"]:
        express_operations.update({"serviceArn": service.arn})  # the same configuration, in new tasks
        return emulator.answer_json({"service": answers.service(service, with_tags=False)})
    raise AwsFault(
        "UnsupportedFeatureException",
        "The sandbox updates Express services only through UpdateExpressGatewayService, and restarts them.",
    )


@emulator.amending
def _describe_clusters(payload: dict[str, Any], _request: Request) -> dict[str, Any]:
    for cluster in payload["clusters"]:
        active = [s for s in STORE.here() if s.cluster_arn == cluster["clusterArn"] and s.status == "ACTIVE"]
        cluster["activeServicesCount"] += len(active)
    return payload


def _delete_cluster(describe: Handler, list_tasks: Handler) -> Callable[[Handler, Request], Answer]:
    """Refused while there is a service that is not being deleted, or a task that has not stopped."""

    @emulator.answering
    def delete(original: Handler, request: Request) -> Answer:
        cluster = _cluster(request)
        for found in emulator.read_json(describe({"clusters": [cluster]}))["clusters"]:
            if found["activeServicesCount"]:
                raise _in_use("Services")
            # Tasks that wait for their containers are in no count.
            if found["runningTasksCount"] or emulator.read_json(list_tasks({"cluster": cluster}))["taskArns"]:
                raise _in_use("Tasks")
        return original(request)

    return delete


def _in_use(what: str) -> AwsFault:
    return AwsFault(f"ClusterContains{what}Exception", f"The Cluster cannot be deleted while {what} are active.")


@emulator.amending
def _describe_tasks(payload: dict[str, Any], _request: Request) -> dict[str, Any]:
    """Tasks, with the reasons that AWS gives."""
    for task in payload["tasks"]:
        _as_fargate_shows(task)
        if task.get("lastStatus") == endings.STOPPING:
            task["desiredStatus"] = "STOPPED"
        if task.get("stoppedReason") == "Essential container exited":
            task["stoppedReason"] = tasks.ESSENTIAL_EXITED
        if str(task.get("stoppedReason", "")).startswith(endings.OF_A_CONTAINER):
            for container in task.get("containers", []):
                container.setdefault("reason", task["stoppedReason"])
    return payload


def _as_fargate_shows(task: dict[str, Any]) -> None:
    """Leave out what a task does not have: reasons while it runs, an instance when it is on Fargate."""
    for member in ("stopCode", "stoppedReason"):
        if not task.get(member):
            task.pop(member, None)
    if task.get("launchType") == "FARGATE":
        task.pop("containerInstanceArn", None)


def _of_our_service(operation: Callable[[Service, Request], dict[str, Any]]) -> Callable[[Handler, Request], Answer]:
    """The operation for an Express service, and ministack's for any other resource."""

    def handle(original: Handler, request: Request) -> Answer:
        service = STORE.by_arn(str(request.get("resourceArn", "")))
        return original(request) if service is None else emulator.answer_json(operation(service, request))

    return handle


def _tag(service: Service, request: Request) -> dict[str, Any]:
    new = {str(tag["key"]): str(tag.get("value", "")) for tag in request.get("tags") or ()}
    others = [tag for tag in service.tags if tag["key"] not in new]
    service.tags = others + [{"key": key, "value": value} for key, value in new.items()]
    return {}


def _untag(service: Service, request: Request) -> dict[str, Any]:
    gone = {str(key) for key in request.get("tagKeys") or ()}
    service.tags = [tag for tag in service.tags if tag["key"] not in gone]
    return {}


def _list_deployments(request: Request) -> dict[str, Any]:
    """ListServiceDeployments, newest first, filtered by status and creation time."""
    reference, cluster = str(request.get("service", "")), _cluster(request)
    found = STORE.by_arn(reference) if reference.startswith("arn:") else STORE.find(cluster, reference)
    if found is None:
        if f"{cluster}/{reference.rsplit('/', 1)[-1]}" in emulator.module("services.ecs")._services:
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


def _describe_deployments(request: Request) -> dict[str, Any]:
    found = [(arn, STORE.deployment(str(arn))) for arn in request.get("serviceDeploymentArns") or ()]
    return {"serviceDeployments": [answers.deployment(*pair) for _, pair in found if pair], **_failures(found)}


def _failures(found: Sequence[tuple[object, object]]) -> dict[str, Any]:
    return {"failures": [{"arn": arn, "reason": "MISSING"} for arn, pair in found if pair is None]}


def _stop_deployment(request: Request) -> dict[str, Any]:
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


def _describe_revisions(request: Request) -> dict[str, Any]:
    found = [(arn, STORE.revision(str(arn))) for arn in request.get("serviceRevisionArns") or ()]
    return {"serviceRevisions": [answers.revision(*pair) for _, pair in found if pair], **_failures(found)}
