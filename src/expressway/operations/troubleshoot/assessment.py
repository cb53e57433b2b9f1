"""What the answer to "what is wrong?" says in words, and the shapes of its parts."""

from collections.abc import Mapping, Sequence
from typing import Any

from expressway.diagnosis.symptoms import Symptoms
from expressway.model.cluster import ClusterState
from expressway.model.finding import Finding
from expressway.model.service import ServiceState
from expressway.model.task_definition import TaskDefinition

NOTHING_WRONG = "nothing_wrong"
NOT_LOOKED_INTO = (
    "network, images, secrets, roles and scaling: nothing points there; name symptoms_description or detail: full"
)


def assessment(what: str, findings: Sequence[Finding], gaps: Sequence[str]) -> str:
    """Two or three sentences: what was looked at, how it stands, and what to look at first."""
    grave = [one for one in findings if one.severity == "critical"]
    warnings = [one for one in findings if one.severity == "warning"]
    unread = f" {len(gaps)} reads were refused (see gaps), so that this may not be all." if gaps else ""
    if not grave and not warnings:
        told = next((f" {one.cause}" for one in findings if one.code != NOTHING_WRONG), "")
        found = "Nothing wrong was found in what could be read" if gaps else "Nothing is wrong"
        return f"{found} with {what}.{told}{unread}"
    counted = " and ".join(
        part for part in (_count(len(grave), "critical finding"), _count(len(warnings), "warning")) if part
    )
    return f"{what[0].upper()}{what[1:]}: {counted}. {(grave or warnings)[0].cause}{unread}"


def nothing_wrong(what: str, evidence: Sequence[str], resource: str) -> Finding:
    """The finding that there is nothing to find."""
    return Finding(
        code=NOTHING_WRONG,
        severity="info",
        cause=f"Nothing is wrong with {what}.",
        evidence=tuple(evidence),
        resource=resource,
    )


def shown_symptoms(symptoms: Symptoms) -> Mapping[str, Any] | None:
    """How a description was understood, and that it ordered the findings."""
    if not symptoms.description:
        return None
    if not symptoms.topics:
        return {"understood_as": [], "note": "The words point to nothing in particular; everything was looked at."}
    return {"understood_as": list(symptoms.names), "note": "Findings about these are told first."}


def shown_cluster(cluster: ClusterState | None) -> list[Mapping[str, Any]]:
    if cluster is None:
        return []
    return [
        {
            "name": cluster.name,
            "arn": cluster.arn,
            "status": cluster.status,
            "runningTasksCount": cluster.running_tasks,
            "pendingTasksCount": cluster.pending_tasks,
            "activeServicesCount": cluster.active_services,
            "registeredContainerInstancesCount": cluster.container_instances,
        }
    ]


def shown_service(service: ServiceState) -> Mapping[str, Any]:
    shape = {
        "name": service.name,
        "arn": service.arn,
        "status": service.status,
        "taskDefinition": service.task_definition_arn,
        "desiredCount": service.desired_count,
        "runningCount": service.running_count,
        "pendingCount": service.pending_count,
        "launchType": service.launch_type,
        "express": service.is_express,
    }
    return {key: value for key, value in shape.items() if value not in ("", False)}


def shown_definition(definition: TaskDefinition) -> Mapping[str, Any]:
    return {
        "taskDefinitionArn": definition.arn,
        "memory": definition.memory_mib or None,
        "containerDefinitions": [
            {"name": one.name, "image": one.image, "ports": [port.container_port for port in one.ports]}
            for one in definition.containers
        ],
    }


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""
