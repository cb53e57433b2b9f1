"""The log that is left of a failed deployment's tasks when ECS has forgotten the tasks themselves (after an hour)."""

from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta

from expressway.aws.values.log_event import LogSearch
from expressway.aws.values.service import DeploymentState, TaskState
from expressway.aws.values.task_definition import TaskDefinition
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.ports import LogSearches
from expressway.diagnose.service.service_facts import LeftLog

_LOOKED_BACK = timedelta(minutes=15)
"""From the end of a deployment: its last tasks wrote then."""
_WRITTEN_AFTER = timedelta(minutes=1)
_LINES = 300

_EMPTY = LogSearch(group_exists=False)


def forgot_tasks(deployment: DeploymentState | None, tasks: Sequence[TaskState]) -> bool:
    """Whether a failed deployment had tasks of which ECS tells nothing any more."""
    if deployment is None or not deployment.failed:
        return False
    return not any(task.failed or task.running or task.pending for task in tasks)


class LeftLogs:
    """The search for the log of the last task that a deployment started: of the container that answers."""

    def __init__(self, reads: ConcurrentReads, logs: LogSearches) -> None:
        self._reads = reads
        self._logs = logs
        self._asked: Future[LogSearch] | None = None
        self._container = ""
        self._is_only = False

    def ask(self, deployment: DeploymentState, definition: TaskDefinition | None, now: datetime) -> None:
        """Begin to search where the task definition says that the container logged."""
        place = definition.log_of(definition.main_container) if definition else None
        if definition is None or place is None or deployment.created_at is None:
            return
        self._container = definition.main_container
        self._is_only = len(definition.containers) == 1
        end = deployment.finished_at + _WRITTEN_AFTER if deployment.finished_at else now
        start = max(deployment.created_at, end - _LOOKED_BACK)
        prefix = place.stream("")
        search = self._logs.search
        self._asked = self._reads.ask(
            "logs", lambda: search(place.log_group, start=start, end=end, stream_prefix=prefix, limit=_LINES)
        )

    def take(self) -> LeftLog | None:
        """The end of the newest stream; None where nothing was asked for or found."""
        events = self._reads.take(self._asked, _EMPTY).events if self._asked is not None else ()
        if not events:
            return None
        newest = max(events, key=lambda event: event.timestamp).stream
        lines = tuple(event.message for event in events if event.stream == newest)
        return LeftLog(self._container, lines, self._is_only)
