"""What the lines of a cluster's logs tell, beside the tasks that wrote them."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from expressway.aws.values.log_event import LogEvent, LogSearch
from expressway.aws.values.service import TaskState
from expressway.aws.values.task_definition import TaskDefinition
from expressway.diagnose.finding import Finding, ranked
from expressway.diagnose.logs.log_findings import errors_in_log
from expressway.diagnose.logs.places import SeenInCluster
from expressway.diagnose.logs.tail import LogKey, container_log
from expressway.diagnose.request import TroubleshootRequest
from expressway.diagnose.service.collect import marked
from expressway.diagnose.tasks.failed import FailedTasks, alike, failed_tasks_finding
from expressway.image.context.excluded import ExcludedFrom, excluded_by_container


def findings_of_logs(
    request: TroubleshootRequest,
    seen: SeenInCluster,
    definitions: Mapping[str, TaskDefinition],
    searches: Iterable[LogSearch | None],
    now: datetime,
    excluded_from: ExcludedFrom,
) -> tuple[Finding, ...]:
    """What ended the tasks that wrote the lines found, and which further lines name errors."""
    streams = _by_stream(event for one in searches if one is not None for event in one.events)
    failed = [
        marked(task, definitions) for task in seen.stopped if task.failed and request.window.contains(task.stopped_at)
    ]
    keys = {task.task_id: container_log(definitions.get(task.task_definition_arn), task) for task in failed}
    logs = {
        task_id: tuple(event.message for event in streams[key])
        for task_id, key in keys.items()
        if not isinstance(key, str) and key in streams
    }
    services = {one.name: one for one in seen.services}
    told = [group for group in alike(failed) if any(task.task_id in logs for task in group)]
    ended = (
        failed_tasks_finding(
            FailedTasks(
                tuple(sorted(group, key=lambda task: task.task_id not in logs)),
                services.get(group[0].service_name),
                definitions.get(group[0].task_definition_arn),
                logs,
                excluded=excluded_by_container(definitions.get(group[0].task_definition_arn), excluded_from),
            ),
            cluster=request.cluster,
            now=now,
        )
        for group in told
    )
    others = _others(streams, [task for group in told for task in group])
    errors = (errors_in_log(group, events) for group, events in others.items())
    return ranked(one for one in (*ended, *errors) if one is not None)


def _by_stream(events: Iterable[LogEvent]) -> dict[LogKey, list[LogEvent]]:
    found: dict[LogKey, list[LogEvent]] = {}
    for event in events:
        found.setdefault((event.group, event.stream), []).append(event)
    return found


def _others(streams: Mapping[LogKey, list[LogEvent]], told: Iterable[TaskState]) -> dict[str, list[LogEvent]]:
    """By log group, the lines of streams that are not of these tasks (a stream's name ends with its task's id)."""
    ids = {task.task_id for task in told}
    found: dict[str, list[LogEvent]] = {}
    for (group, stream), events in streams.items():
        if stream.rsplit("/", 1)[-1] not in ids:
            found.setdefault(group, []).extend(events)
    return found
