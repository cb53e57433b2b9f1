"""A whole cluster behind a narrow port: services in batches, tasks of all services, one call a method.

Each method is one round trip (or one a page), so that an operation can ask for many things at the same time.
"""

from collections.abc import Sequence
from itertools import islice

from expressway.adapters.ecs_answers import (
    deployment_brief,
    deployment_state,
    service_state,
    short_name,
    task_definition,
    task_state,
)
from expressway.adapters.ecs_calls import EcsCalls, listed
from expressway.adapters.session import AwsSession
from expressway.model.cluster import ClusterState
from expressway.model.service import DeploymentState, ServiceState, TaskState
from expressway.model.task_definition import TaskDefinition

SERVICES_A_CALL = 10
TASKS_A_CALL = 100
"""Limits of DescribeServices and DescribeTasks (API reference)."""
_EVENTS_KEPT = 100
_TASKS_LISTED = 500


class EcsCluster:
    """The clusters of one account and region, seen as wholes. Safe to share between threads.

    Every method raises TargetError for what stands between us and ECS; a missing thing is an answer.
    """

    def __init__(self, session: AwsSession) -> None:
        self._calls = EcsCalls(session.client("ecs"))

    def cluster(self, name: str) -> ClusterState | None:
        """The cluster, also an INACTIVE one; None when ECS knows none."""
        answer = self._calls.ask(f"describe the cluster {name}", "describe_clusters", clusters=[name])
        raw = next(iter(listed(answer, "clusters")), None)
        if raw is None:
            return None
        return ClusterState(
            name=raw.get("clusterName", ""),
            arn=raw.get("clusterArn", ""),
            status=raw.get("status", ""),
            running_tasks=raw.get("runningTasksCount", 0),
            pending_tasks=raw.get("pendingTasksCount", 0),
            active_services=raw.get("activeServicesCount", 0),
            container_instances=raw.get("registeredContainerInstancesCount", 0),
        )

    def cluster_names(self) -> tuple[str, ...]:
        return tuple(short_name(arn) for arn in self._calls.pages("list the clusters", "list_clusters", "clusterArns"))

    def service_names(self, cluster: str) -> tuple[str, ...]:
        """Names of all services of a cluster, Express ones included."""
        pages = self._calls.pages(
            f"list the services of {cluster}", "list_services", "serviceArns", cluster=cluster, maxResults=100
        )
        return tuple(dict.fromkeys(short_name(arn) for arn in pages))

    def services(self, cluster: str, names: Sequence[str]) -> tuple[ServiceState, ...]:
        """At most ten services, with all the events that ECS keeps of each."""
        answer = self._calls.ask(
            f"describe the services of {cluster}", "describe_services", cluster=cluster, services=list(names)
        )
        return tuple(service_state(one, events_kept=_EVENTS_KEPT) for one in listed(answer, "services"))

    def task_arns(self, cluster: str, desired_status: str, *, service_name: str = "") -> tuple[str, ...]:
        """Tasks that shall run, or that have stopped within the last hour; of one service, or of all."""
        narrowed = {"serviceName": service_name} if service_name else {}
        whose = service_name or cluster
        pages = self._calls.pages(
            f"list the tasks of {whose}",
            "list_tasks",
            "taskArns",
            cluster=cluster,
            desiredStatus=desired_status,
            **narrowed,
        )
        return tuple(islice(pages, _TASKS_LISTED))

    def tasks(self, cluster: str, arns: Sequence[str]) -> tuple[TaskState, ...]:
        """At most a hundred tasks, by ARN or id; those that ECS has forgotten are left out."""
        answer = self._calls.ask(f"describe tasks of {cluster}", "describe_tasks", cluster=cluster, tasks=list(arns))
        return tuple(task_state(one) for one in listed(answer, "tasks"))

    def deployment_briefs(self, cluster: str, service: str, *, limit: int = 5) -> tuple[DeploymentState, ...]:
        """The newest deployments as the list tells them, newest first."""
        pages = self._calls.pages(
            f"list the deployments of {service}",
            "list_service_deployments",
            "serviceDeployments",
            cluster=cluster,
            service=service,
        )
        briefs = sorted((deployment_brief(one) for one in pages), key=_created, reverse=True)
        return tuple(briefs[:limit])

    def deployments(self, arns: Sequence[str]) -> tuple[DeploymentState, ...]:
        """The deployments of these ARNs, in their order."""
        answer = self._calls.ask(
            "describe the deployments", "describe_service_deployments", serviceDeploymentArns=list(arns)
        )
        found = {one["serviceDeploymentArn"]: deployment_state(one) for one in listed(answer, "serviceDeployments")}
        return tuple(found[arn] for arn in arns if arn in found)

    def task_definition(self, arn_or_family: str) -> TaskDefinition | None:
        """What the tasks run, with limits and log configurations; of a family the newest that is ACTIVE."""
        doing = "describe the task definition"
        answer = self._calls.ask(doing, "describe_task_definition", taskDefinition=arn_or_family)
        return task_definition(answer["taskDefinition"]) if answer else None


def _created(deployment: DeploymentState) -> float:
    return deployment.created_at.timestamp() if deployment.created_at else 0.0
