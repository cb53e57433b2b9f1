"""Amazon ECS: one client for clusters, services, deployments, revisions, tasks and task definitions."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.ecs import parse
from expressway.aws.ecs.placements import revision_placement, service_placement
from expressway.aws.errors import ask, ask_items, aws_error_code, aws_error_message, map_aws_error
from expressway.aws.session import AwsSession
from expressway.aws.values.network import ServicePlacement
from expressway.aws.values.service import (
    ClusterState,
    DeploymentState,
    ExpressService,
    RevisionState,
    ServiceState,
    TaskState,
)
from expressway.aws.values.task_definition import TaskDefinition
from expressway.errors import ServiceError
from expressway.hints import command

SERVICES_A_CALL = 10
TASKS_A_CALL = 100
"""Limits of DescribeServices and DescribeTasks (API reference)."""
_REVISIONS_A_CALL = 20
_STOPPED_TASKS_KEPT = 50
_TASKS_LISTED = 500
_EVENTS_KEPT = 100
_NOT_FOUND = frozenset(
    f"{what}Exception" for what in ("ClusterNotFound", "ServiceNotFound", "ServiceNotActive", "ResourceNotFound")
)
_REFUSALS = frozenset({"InvalidParameterException", "ClientException", "UnsupportedFeatureException"})


class Ecs:
    """The clusters and services of one account and region. Safe to share between threads.

    Every method raises TargetError for what stands between us and ECS (``access_denied``, ``throttled``,
    ``connection_failed``, …); a missing thing is an answer (None, empty), not an error.
    """

    def __init__(self, session: AwsSession) -> None:
        self._client = session.client("ecs")

    # -- clusters and services ------------------------------------------------------------------------------
    def cluster(self, name: str) -> ClusterState | None:
        """The cluster, also an INACTIVE one; None when ECS knows none."""
        answer = self._ask(f"describe the cluster {name}", "describe_clusters", clusters=[name])
        return next((parse.cluster_state(raw) for raw in _list(answer, "clusters")), None)

    def cluster_exists(self, cluster: str) -> bool:
        found = self.cluster(cluster)
        return found is not None and found.status == "ACTIVE"

    def cluster_names(self) -> tuple[str, ...]:
        return tuple(parse.short_name(arn) for arn in self._pages("list the clusters", "list_clusters", "clusterArns"))

    def service_names(self, cluster: str) -> tuple[str, ...]:
        """Names of all services of a cluster, Express ones included; empty for a cluster that does not exist."""
        pages = self._pages(
            f"list the services of {cluster}", "list_services", "serviceArns", cluster=cluster, maxResults=100
        )
        return tuple(dict.fromkeys(parse.short_name(arn) for arn in pages))

    def service(self, cluster: str, service_name: str) -> ServiceState | None:
        """The service, also for a while after its deletion (status INACTIVE); None when ECS knows none."""
        found = self._services(f"describe the service {service_name}", cluster, [service_name])
        return next((parse.service_state(raw) for raw in found), None)

    def services(self, cluster: str, names: Sequence[str]) -> tuple[ServiceState, ...]:
        """At most ten services, with all the events that ECS keeps of each."""
        found = self._services(f"describe the services of {cluster}", cluster, names)
        return tuple(parse.service_state(raw, events_kept=_EVENTS_KEPT) for raw in found)

    def placements(self, cluster: str, names: Sequence[str]) -> tuple[ServicePlacement, ...]:
        """The placements of up to ten services that are not INACTIVE, as far as DescribeServices tells."""
        found = self._services(f"describe the services of {cluster}", cluster, names)
        return tuple(service_placement(raw) for raw in found if raw.get("status") != "INACTIVE")

    def _services(self, doing: str, cluster: str, names: Sequence[str]) -> Sequence[Any]:
        return _list(self._ask(doing, "describe_services", cluster=cluster, services=list(names)), "services")

    def express_service(self, service_arn: str) -> ExpressService | None:
        """The Express side of a service; None when there is none, or it is a plain ECS service."""
        try:
            answer = self._client.describe_express_gateway_service(serviceArn=service_arn)
        except (ClientError, BotoCoreError) as exc:
            code = aws_error_code(exc)
            plain = code == "InvalidParameterException" and "express" in aws_error_message(exc).lower()
            if plain or code in _NOT_FOUND | {"UnsupportedFeatureException"}:
                return None
            raise map_aws_error(exc, f"describe the Express service {service_arn}") from exc
        return parse.express_service(answer["service"])

    def delete_express_service(self, service_arn: str) -> None:
        """Start deleting an Express service; one that is gone or going already is fine.

        ECS then drains it; it is gone when its status is INACTIVE. (DeleteService refuses Express services.)

        Raises:
            ServiceError: ``service_delete_refused`` when ECS will not delete it.
        """
        try:
            self._client.delete_express_gateway_service(serviceArn=service_arn)
        except (ClientError, BotoCoreError) as exc:
            code = aws_error_code(exc)
            if code in _NOT_FOUND:
                return
            if code in _REFUSALS:
                raise ServiceError(
                    "service_delete_refused",
                    f"ECS refuses to delete {service_arn}: {aws_error_message(exc)}",
                    "See the reason above; a service of another kind is deleted with the ECS console or API.",
                ) from exc
            raise map_aws_error(exc, f"delete the service {service_arn}") from exc

    def restart(self, cluster: str, service_arn: str) -> None:
        """Start a deployment of the version that runs.

        Raises:
            ServiceError: ``restart_refused`` when ECS will not.
        """
        try:
            self._client.update_service(cluster=cluster, service=service_arn, forceNewDeployment=True)
        except (ClientError, BotoCoreError) as exc:
            if aws_error_code(exc) in _REFUSALS | _NOT_FOUND:
                raise ServiceError(
                    "restart_refused",
                    f"ECS does not restart {service_arn}: {aws_error_message(exc)}",
                    "See the reason above. A changed environment value in the definition starts new tasks as well: "
                    f"{command('deploy')}.",
                ) from exc
            raise map_aws_error(exc, f"restart the service {service_arn}") from exc

    # -- deployments and revisions --------------------------------------------------------------------------
    def deployment_briefs(self, cluster: str, service: str, *, limit: int = 5) -> tuple[DeploymentState, ...]:
        """The newest deployments as the list tells them, newest first. `service` is a name or an ARN."""
        pages = self._pages(
            f"list the deployments of {service}",
            "list_service_deployments",
            "serviceDeployments",
            cluster=cluster,
            service=service,
        )
        briefs = sorted(map(parse.deployment_state, pages), key=parse.created, reverse=True)
        return tuple(briefs[:limit])

    def deployments(self, arns: Sequence[str]) -> tuple[DeploymentState, ...]:
        """The deployments of these ARNs, in their order."""
        if not arns:
            return ()
        answer = self._ask("describe the deployments", "describe_service_deployments", serviceDeploymentArns=list(arns))
        found = {
            deployment.arn: deployment
            for deployment in map(parse.deployment_state, _list(answer, "serviceDeployments"))
        }
        return tuple(found[arn] for arn in arns if arn in found)

    def newest_deployments(self, cluster: str, service: str, *, limit: int = 5) -> tuple[DeploymentState, ...]:
        """The newest service deployments in full, newest first. `service` is a name or an ARN."""
        return self.deployments(
            [deployment.arn for deployment in self.deployment_briefs(cluster, service, limit=limit)]
        )

    def newest_revision_arn(self, cluster: str, service: str) -> str:
        """The revision that the service's newest deployment brings in; empty when there was none."""
        return next(
            (deployment.target_revision_arn for deployment in self.deployment_briefs(cluster, service, limit=1)), ""
        )

    def revisions(self, revision_arns: Sequence[str]) -> tuple[RevisionState, ...]:
        return tuple(map(parse.revision_state, self._revisions(revision_arns)))

    def revision_placements(self, revision_arns: Sequence[str]) -> Mapping[str, ServicePlacement]:
        """Where revisions put their tasks, by ARN, newest first: what ECS manages for them, above all."""
        found = sorted(self._revisions(revision_arns), key=_raw_created, reverse=True)
        return {revision["serviceRevisionArn"]: revision_placement(revision) for revision in found}

    def _revisions(self, arns: Sequence[str]) -> Iterator[Any]:
        for some in _chunks(arns, _REVISIONS_A_CALL):
            answer = self._ask("describe the revisions", "describe_service_revisions", serviceRevisionArns=some)
            yield from _list(answer, "serviceRevisions")

    # -- tasks ----------------------------------------------------------------------------------------------
    def task_arns(self, cluster: str, desired_status: str, *, service_name: str = "") -> tuple[str, ...]:
        """Tasks that shall run, or that have stopped within the last hour; of one service, or of all."""
        return tuple(islice(self._task_pages(cluster, service_name, desiredStatus=desired_status), _TASKS_LISTED))

    def tasks(self, cluster: str, arns: Sequence[str]) -> tuple[TaskState, ...]:
        """At most a hundred tasks, by ARN or id; those that ECS has forgotten are left out."""
        return tuple(map(parse.task_state, self._tasks(cluster, arns)))

    def service_tasks(self, cluster: str, service_name: str) -> tuple[TaskState, ...]:
        """Running and recently stopped tasks of a service, also of one that was just deleted; newest first."""
        arns = [
            *self._task_pages(cluster, service_name, desiredStatus="RUNNING"),
            *self._stopped(cluster, service_name),
        ]
        found = map(parse.task_state, self._tasks(cluster, list(dict.fromkeys(arns))))
        of_service = [task for task in found if task.group in {f"service:{service_name}", ""}]
        return tuple(sorted(of_service, key=parse.created, reverse=True))

    def interface_ids(self, cluster: str) -> tuple[str, ...]:
        """The network interfaces of the cluster's tasks."""
        tasks = self._tasks(cluster, list(self._task_pages(cluster)))
        return tuple(dict.fromkeys(interface for task in tasks for interface in parse.interface_ids(task)))

    def _stopped(self, cluster: str, service_name: str) -> Sequence[str]:
        """Stopped tasks; of the whole cluster where the service is gone, since ECS then knows no filter for it."""
        own = list(islice(self._task_pages(cluster, service_name, desiredStatus="STOPPED"), _STOPPED_TASKS_KEPT))
        return own or list(islice(self._task_pages(cluster, desiredStatus="STOPPED"), _STOPPED_TASKS_KEPT))

    def _task_pages(self, cluster: str, service_name: str = "", **narrowed: str) -> Iterator[str]:
        if service_name:
            narrowed["serviceName"] = service_name
        doing = f"list the tasks of {service_name or cluster}"
        return self._pages(doing, "list_tasks", "taskArns", cluster=cluster, **narrowed)

    def _tasks(self, cluster: str, arns: Sequence[str]) -> Iterator[Any]:
        for some in _chunks(arns, TASKS_A_CALL):
            answer = self._ask(f"describe tasks of {cluster}", "describe_tasks", cluster=cluster, tasks=some)
            yield from _list(answer, "tasks")

    # -- task definitions -----------------------------------------------------------------------------------
    def task_definition(self, task_definition: str) -> TaskDefinition | None:
        """A task definition by ARN, ``family:revision``, or family (its newest active revision).

        None when ECS knows none of that name.
        """
        doing = f"describe the task definition {task_definition}"
        missing = _NOT_FOUND | {"ClientException"}  # "Unable to describe task definition."
        answer = self._ask(doing, "describe_task_definition", missing, taskDefinition=task_definition)
        return parse.task_definition(answer["taskDefinition"]) if answer else None

    def families(self, family_prefix: str, *, limit: int) -> tuple[str, ...]:
        """The families with an active task definition whose names begin with `family_prefix`."""
        pages = self._pages(
            f"list the task definition families of {family_prefix}",
            "list_task_definition_families",
            "families",
            familyPrefix=family_prefix,
            status="ACTIVE",
        )
        return tuple(islice(pages, limit))

    # -- asking ---------------------------------------------------------------------------------------------
    def _ask(
        self, doing: str, operation: str, missing: frozenset[str] = _NOT_FOUND, **arguments: Any
    ) -> Mapping[str, Any] | None:
        """The answer, or None where what was named does not exist."""
        return ask(getattr(self._client, operation), doing, missing=missing, **arguments)

    def _pages(self, doing: str, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
        """Every element of `key` over all pages."""
        call = getattr(self._client, operation)
        return ask_items(call, key, doing, by="nextToken", missing=_NOT_FOUND, **arguments)


def _list(answer: Mapping[str, Any] | None, key: str) -> Sequence[Any]:
    """A list of the answer; empty where there was no answer."""
    return (answer or {}).get(key, [])


def _chunks(items: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def _raw_created(raw: Mapping[str, Any]) -> float:
    moment = raw.get("createdAt")
    return moment.timestamp() if moment else 0.0
