"""What is read of failed tasks that the course of no service explains: their definitions and the ends of their logs."""

from collections.abc import Mapping, Sequence
from functools import partial

from expressway.aws.values.service import ServiceState, TaskState
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.finding import Finding
from expressway.diagnose.logs.tail import container_log
from expressway.diagnose.ports import TroubleshootPorts
from expressway.diagnose.service.collect import marked
from expressway.diagnose.tasks.failed import FailedTasks, alike, failed_tasks_finding
from expressway.image.context.excluded import excluded_by_container

_GROUPS_TOLD = 10
_LOGS_READ = 2
_LOG_LINES = 100


def unexplained_failures(
    cluster: str,
    failed: Sequence[TaskState],
    services: Mapping[str, ServiceState],
    ports: TroubleshootPorts,
    reads: ConcurrentReads,
) -> tuple[Finding, ...]:
    """What ended the tasks, newest first; of tasks that are alike once, of many kinds only the newest."""
    groups = alike(failed)[:_GROUPS_TOLD]
    definition_of = ports.cluster.task_definition
    asked_definitions = {
        arn: reads.ask("task definition", partial(definition_of, arn))
        for arn in dict.fromkeys(group[0].task_definition_arn for group in groups)
    }
    definitions = {arn: reads.take(future, None) for arn, future in asked_definitions.items()}
    marked_groups = [tuple(marked(task, definitions) for task in group) for group in groups]
    places = {
        task.task_id: container_log(definitions[task.task_definition_arn], task)
        for group in marked_groups
        for task in group[:_LOGS_READ]
    }
    asked_logs = {
        task_id: reads.ask("logs", partial(ports.logs.tail_events, *place, limit=_LOG_LINES))
        for task_id, place in places.items()
        if not isinstance(place, str)
    }
    logs = {
        task_id: tuple(one.message for one in reads.take(future, ()) or ()) for task_id, future in asked_logs.items()
    }
    now = ports.now()
    found = (
        failed_tasks_finding(
            FailedTasks(
                group,
                services.get(group[0].service_name),
                definitions[group[0].task_definition_arn],
                logs=logs,
                unread_logs={task_id: place for task_id, place in places.items() if isinstance(place, str)},
                gaps=tuple(reads.gaps),
                excluded=excluded_by_container(definitions[group[0].task_definition_arn], ports.excluded_from),
            ),
            cluster=cluster,
            now=now,
        )
        for group in marked_groups
    )
    return tuple(one for one in found if one is not None)
