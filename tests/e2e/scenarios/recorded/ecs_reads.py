"""ECS: clusters, services, deployments, tasks and task definitions, by name and by ARN."""

from collections.abc import Mapping
from typing import Any

from tests.e2e.scenarios.recorded.lookups import RefusedCallError
from tests.e2e.scenarios.recorded.world import ACCOUNT, REGION, Record, World

Asked = Mapping[str, Any]


def _short(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _cluster(world: World, asked: Asked) -> Record:
    wanted = _short(asked.get("cluster") or "default")
    for cluster in world.all("ecs.clusters"):
        if cluster["clusterName"] == wanted:
            return cluster
    raise RefusedCallError("ClusterNotFoundException", "Cluster not found.")


def _in_cluster(world: World, kind: str, asked: Asked) -> list[Record]:
    arn = _cluster(world, asked)["clusterArn"]
    return [one for one in world.all(kind) if one["clusterArn"] == arn]


def _failures(wanted: list[str], known: set[str], kind: str) -> list[Record]:
    return [
        {"arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:{kind}/{_short(one)}", "reason": "MISSING"}
        for one in wanted
        if _short(one) not in known
    ]


def describe_clusters(world: World, asked: Asked) -> Record:
    wanted = asked.get("clusters") or ["default"]
    names = {_short(one) for one in wanted}
    found = [one for one in world.all("ecs.clusters") if one["clusterName"] in names]
    return {"clusters": found, "failures": _failures(wanted, {one["clusterName"] for one in found}, "cluster")}


def describe_services(world: World, asked: Asked) -> Record:
    wanted = asked["services"]
    if len(wanted) > 10:
        raise RefusedCallError("InvalidParameterException", "Services cannot be more than 10.")
    names = {_short(one) for one in wanted}
    found = [one for one in _in_cluster(world, "ecs.services", asked) if one["serviceName"] in names]
    return {"services": found, "failures": _failures(wanted, {one["serviceName"] for one in found}, "service")}


def list_services(world: World, asked: Asked) -> Record:
    services = [one for one in _in_cluster(world, "ecs.services", asked) if one["status"] != "INACTIVE"]
    managed = asked.get("resourceManagementType")
    found = [one for one in services if managed in (None, one.get("resourceManagementType", "CUSTOMER"))]
    size, start = asked.get("maxResults", 10), int(asked.get("nextToken") or 0)
    page = {"serviceArns": [one["serviceArn"] for one in found[start : start + size]]}
    return page | ({"nextToken": str(start + size)} if start + size < len(found) else {})


def list_service_deployments(world: World, asked: Asked) -> Record:
    _cluster(world, asked)
    found = [
        one
        for one in world.all("ecs.deployments")
        if _short(one["serviceArn"]) == _short(asked["service"])
        and one["status"] in (asked.get("status") or [one["status"]])
    ]
    kept = {
        "serviceDeploymentArn",
        "serviceArn",
        "clusterArn",
        "startedAt",
        "createdAt",
        "finishedAt",
        "status",
        "statusReason",
    }
    brief = [
        {key: value for key, value in one.items() if key in kept}
        | {"targetServiceRevisionArn": one["targetServiceRevision"]["arn"]}
        for one in found
    ]
    return {"serviceDeployments": brief}


def describe_express_gateway_service(world: World, asked: Asked) -> Record:
    for one in world.all("ecs.express_services"):
        if one["serviceArn"] == asked["serviceArn"]:
            return {"service": one}
    raise RefusedCallError("InvalidParameterException", "The service is not an Express Gateway service.")


def list_tasks(world: World, asked: Asked) -> Record:
    tasks = _in_cluster(world, "ecs.tasks", asked)
    state = asked.get("desiredStatus", "RUNNING")
    group = f"service:{_short(asked['serviceName'])}" if "serviceName" in asked else None
    found = [one for one in tasks if one["desiredStatus"] == state and group in (None, one["group"])]
    return {"taskArns": [one["taskArn"] for one in found]}


def describe_tasks(world: World, asked: Asked) -> Record:
    names = {_short(one) for one in asked["tasks"]}
    found = [one for one in _in_cluster(world, "ecs.tasks", asked) if _short(one["taskArn"]) in names]
    return {"tasks": found, "failures": _failures(asked["tasks"], {_short(one["taskArn"]) for one in found}, "task")}


def describe_task_definition(world: World, asked: Asked) -> Record:
    wanted = _short(asked["taskDefinition"])
    for one in world.all("ecs.task_definitions"):
        if wanted in {_short(one["taskDefinitionArn"]), one["family"]}:
            return {"taskDefinition": one}
    raise RefusedCallError("ClientException", "Unable to describe task definition.")


def list_task_definitions(world: World, asked: Asked) -> Record:
    family = asked.get("familyPrefix")
    found = [one for one in world.all("ecs.task_definitions") if family in (None, one["family"])]
    return {"taskDefinitionArns": [one["taskDefinitionArn"] for one in found]}


def _tags(_world: World, _asked: Asked) -> Record:
    return {"tags": []}


HANDLERS = {
    "ecs:DescribeClusters": describe_clusters,
    "ecs:ListClusters": lambda world, _: {"clusterArns": [one["clusterArn"] for one in world.all("ecs.clusters")]},
    "ecs:DescribeServices": describe_services,
    "ecs:ListServices": list_services,
    "ecs:ListServiceDeployments": list_service_deployments,
    "ecs:DescribeExpressGatewayService": describe_express_gateway_service,
    "ecs:ListTasks": list_tasks,
    "ecs:DescribeTasks": describe_tasks,
    "ecs:DescribeTaskDefinition": describe_task_definition,
    "ecs:ListTaskDefinitions": list_task_definitions,
    "ecs:ListTagsForResource": _tags,
}
