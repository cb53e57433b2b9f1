"""Amazon ECS behind narrow ports: what a service, its deployments, revisions and tasks are right now."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.adapters.aws_errors import aws_error_code, aws_error_message, map_aws_error
from expressway.adapters.ecs_answers import (
    deployment_state,
    express_service,
    log_configurations,
    revision_state,
    service_state,
    short_name,
    task_definition,
    task_state,
)
from expressway.adapters.ecs_calls import NO_CLUSTER, NO_SERVICE, EcsCalls
from expressway.adapters.ecs_calls import chunks as _chunks
from expressway.adapters.ecs_calls import listed as _list
from expressway.adapters.session import AwsSession
from expressway.errors import ServiceError
from expressway.faces import command
from expressway.model.service import (
    DeploymentState,
    ExpressService,
    LogConfiguration,
    RevisionState,
    ServiceState,
    TaskState,
)
from expressway.model.task_definition import TaskDefinition

_STOPPED_TASKS_KEPT = 50
_REVISIONS_A_CALL = 20
_TASKS_A_CALL = 100


class Ecs:
    """The clusters and services of one account and region. Safe to share between threads.

    Every method raises TargetError for what stands between us and ECS (``access_denied``, ``throttled``,
    ``connection_failed``, …); a missing thing is an answer (None, empty), not an error.
    """

    def __init__(self, session: AwsSession) -> None:
        self._client = session.client("ecs")
        self._calls = EcsCalls(self._client)

    # -- clusters and services ------------------------------------------------------------------------------
    def cluster_exists(self, cluster: str) -> bool:
        answer = self._ask(f"describe the cluster {cluster}", "describe_clusters", clusters=[cluster])
        return any(one.get("status") == "ACTIVE" for one in (answer or {}).get("clusters", []))

    def cluster_names(self) -> tuple[str, ...]:
        return tuple(short_name(arn) for arn in self._pages("list the clusters", "list_clusters", "clusterArns"))

    def service_names(self, cluster: str) -> tuple[str, ...]:
        """Names of all services of a cluster, Express ones included; empty for a cluster that does not exist."""
        pages = self._pages(f"list the services of {cluster}", "list_services", "serviceArns", cluster=cluster)
        return tuple(short_name(arn) for arn in pages)

    def service(self, cluster: str, service_name: str) -> ServiceState | None:
        """The service, also for a while after its deletion (status INACTIVE); None when ECS knows none."""
        answer = self._ask(
            f"describe the service {service_name}", "describe_services", cluster=cluster, services=[service_name]
        )
        return next((service_state(one) for one in (answer or {}).get("services", [])), None)

    def express_service(self, service_arn: str) -> ExpressService | None:
        """The Express side of a service; None when there is none, or it is a plain ECS service."""
        try:
            answer = self._client.describe_express_gateway_service(serviceArn=service_arn)
        except ClientError as exc:
            code = aws_error_code(exc)
            plain = code == "InvalidParameterException" and "express" in aws_error_message(exc).lower()
            if plain or code in NO_CLUSTER | NO_SERVICE | {"UnsupportedFeatureException"}:
                return None
            raise map_aws_error(exc, f"describe the Express service {service_arn}") from exc
        except BotoCoreError as exc:
            raise map_aws_error(exc, f"describe the Express service {service_arn}") from exc
        return express_service(answer["service"])

    def delete_express_service(self, service_arn: str) -> None:
        """Start deleting an Express service; one that is gone or going already is fine.

        ECS then drains it; it is gone when its status is INACTIVE. (DeleteService refuses Express services.)

        Raises:
            ServiceError: ``service_delete_refused`` when ECS will not delete it.
        """
        try:
            self._client.delete_express_gateway_service(serviceArn=service_arn)
        except ClientError as exc:
            code = aws_error_code(exc)
            if code in NO_CLUSTER | NO_SERVICE:
                return
            if code in {"InvalidParameterException", "ClientException", "UnsupportedFeatureException"}:
                raise ServiceError(
                    "service_delete_refused",
                    f"ECS refuses to delete {service_arn}: {aws_error_message(exc)}",
                    "See the reason above; a service of another kind is deleted with the ECS console or API.",
                ) from exc
            raise map_aws_error(exc, f"delete the service {service_arn}") from exc
        except BotoCoreError as exc:
            raise map_aws_error(exc, f"delete the service {service_arn}") from exc

    def restart(self, cluster: str, service_arn: str) -> None:
        """Start a deployment of the version that runs.

        Raises:
            ServiceError: ``restart_refused`` when ECS will not.
        """
        try:
            self._client.update_service(cluster=cluster, service=service_arn, forceNewDeployment=True)
        except ClientError as exc:
            refused = {"InvalidParameterException", "ClientException", "UnsupportedFeatureException"}
            if aws_error_code(exc) in refused | NO_CLUSTER | NO_SERVICE:
                raise ServiceError(
                    "restart_refused",
                    f"ECS does not restart {service_arn}: {aws_error_message(exc)}",
                    "See the reason above. A changed environment value in the definition starts new tasks as well: "
                    f"{command('deploy')}.",
                ) from exc
            raise map_aws_error(exc, f"restart the service {service_arn}") from exc
        except BotoCoreError as exc:
            raise map_aws_error(exc, f"restart the service {service_arn}") from exc

    # -- deployments and revisions --------------------------------------------------------------------------
    def deployments(self, cluster: str, service: str, *, limit: int = 5) -> tuple[DeploymentState, ...]:
        """The newest service deployments, newest first. `service` is a name or an ARN."""
        listed = self._pages(
            f"list the deployments of {service}",
            "list_service_deployments",
            "serviceDeployments",
            cluster=cluster,
            service=service,
        )
        newest = sorted(listed, key=_created, reverse=True)[:limit]
        arns = [one["serviceDeploymentArn"] for one in newest]
        if not arns:
            return ()
        answer = self._ask(
            f"describe the deployments of {service}", "describe_service_deployments", serviceDeploymentArns=arns
        )
        states = {one["serviceDeploymentArn"]: deployment_state(one) for one in _list(answer, "serviceDeployments")}
        return tuple(states[arn] for arn in arns if arn in states)

    def revisions(self, revision_arns: Sequence[str]) -> tuple[RevisionState, ...]:
        found: list[RevisionState] = []
        for some in _chunks(revision_arns, _REVISIONS_A_CALL):
            answer = self._ask("describe the revisions", "describe_service_revisions", serviceRevisionArns=some)
            found.extend(revision_state(one) for one in _list(answer, "serviceRevisions"))
        return tuple(found)

    # -- tasks ----------------------------------------------------------------------------------------------
    def tasks(self, cluster: str, service_name: str) -> tuple[TaskState, ...]:
        """Running and recently stopped tasks of a service, also of one that was just deleted; newest first."""
        arns = [*self._task_arns(cluster, service_name, "RUNNING"), *self._stopped(cluster, service_name)]
        found: list[TaskState] = []
        for some in _chunks(list(dict.fromkeys(arns)), _TASKS_A_CALL):
            answer = self._ask("describe the tasks", "describe_tasks", cluster=cluster, tasks=some)
            found.extend(task_state(one) for one in _list(answer, "tasks"))
        group = f"service:{service_name}"
        mine = [task for task in found if task.group in {group, ""}]
        return tuple(sorted(mine, key=lambda one: one.created_at.timestamp() if one.created_at else 0.0, reverse=True))

    def _stopped(self, cluster: str, service_name: str) -> list[str]:
        """Stopped tasks; of the whole cluster where the service is gone, since ECS then knows no filter for it."""
        mine = self._task_arns(cluster, service_name, "STOPPED")
        if mine:
            return mine
        pages = self._pages("list the tasks", "list_tasks", "taskArns", cluster=cluster, desiredStatus="STOPPED")
        return list(islice(pages, _STOPPED_TASKS_KEPT))

    def _task_arns(self, cluster: str, service_name: str, desired_status: str) -> list[str]:
        pages = self._pages(
            f"list the tasks of {service_name}",
            "list_tasks",
            "taskArns",
            cluster=cluster,
            serviceName=service_name,
            desiredStatus=desired_status,
        )
        return list(islice(pages, _STOPPED_TASKS_KEPT if desired_status == "STOPPED" else None))

    def log_configurations(self, task_definition_arn: str) -> tuple[LogConfiguration, ...]:
        """Where the containers of a task definition log to (awslogs only)."""
        answer = self._ask(
            "describe the task definition", "describe_task_definition", taskDefinition=task_definition_arn
        )
        return log_configurations(answer["taskDefinition"]) if answer else ()

    def task_definition(self, task_definition_arn: str) -> TaskDefinition | None:
        """The task definition as an Express service would see it; None when ECS knows none of that ARN."""
        doing = f"describe the task definition {task_definition_arn}"
        try:
            answer = self._client.describe_task_definition(taskDefinition=task_definition_arn)
        except ClientError as exc:
            if aws_error_code(exc) == "ClientException":  # "Unable to describe task definition."
                return None
            raise map_aws_error(exc, doing) from exc
        except BotoCoreError as exc:
            raise map_aws_error(exc, doing) from exc
        return task_definition(answer["taskDefinition"])

    # -- asking ---------------------------------------------------------------------------------------------
    def _ask(self, doing: str, operation: str, **arguments: Any) -> Mapping[str, Any] | None:
        return self._calls.ask(doing, operation, **arguments)

    def _pages(self, doing: str, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
        return self._calls.pages(doing, operation, key, **arguments)


def _created(raw: Mapping[str, Any]) -> float:
    moment = raw.get("createdAt") or raw.get("startedAt")
    return moment.timestamp() if moment else 0.0
