"""The ends of the logs of a service's tasks, read before the task definition that names their place where possible."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta

from expressway.aws.values.service import (
    DeploymentState,
    ExpressService,
    LogConfiguration,
    LogEvent,
    LogSearch,
    TaskState,
)
from expressway.aws.values.task_definition import MAIN_CONTAINER, TaskDefinition
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.facts import ExpiredTaskLog, exited_container
from expressway.diagnose.ports import LogSearches
from expressway.diagnose.service_cache import LogKey

_LOOKED_BACK = timedelta(minutes=15)
"""From the end of a deployment: its last tasks wrote then."""
_WRITTEN_AFTER = timedelta(minutes=1)
_LINES = 300

_EMPTY = LogSearch(group_exists=False)


class ExpiredTaskLogs:
    """The search for the log of the main container of the last task that a deployment started."""

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

    def take(self) -> ExpiredTaskLog | None:
        """The end of the newest stream; None where nothing was asked for or found."""
        events = self._reads.take(self._asked, _EMPTY).events if self._asked is not None else ()
        if not events:
            return None
        newest = max(events, key=lambda event: event.timestamp).stream
        lines = tuple(event.message for event in events if event.stream == newest)
        return ExpiredTaskLog(self._container, lines, self._is_only)


_LOGS_READ = 3
_LOGS_GUESSED = 4
_LOG_LINES = 100

LogTail = tuple[LogEvent, ...]
_REFUSED: LogTail = (LogEvent(datetime.min, ""),)


class ServiceLogs:
    """Tails of logs. `known` are those that are complete; they are not read again."""

    def __init__(self, reads: ConcurrentReads, logs: LogSearches) -> None:
        self._reads = reads
        self._logs = logs
        self._known: Mapping[LogKey, LogTail] = {}
        self._asked: dict[LogKey, Future[LogTail | None]] = {}
        self._keys: dict[str, LogKey] = {}
        self._unread: dict[str, str] = {}

    def know(self, known: Mapping[LogKey, LogTail]) -> None:
        self._known = known

    def guess(self, place: LogConfiguration, *, stopped: Sequence[str], running: Sequence[str]) -> None:
        """Begin to read where a service's container most likely logs: of the tasks that stopped, else of one that runs.
        Of more tasks than a few, which to read is only known once they are described.
        """
        tasks = stopped or running
        if len(tasks) > _LOGS_GUESSED:
            return
        for arn in tasks:
            self._ask((place.log_group, place.stream(arn.rsplit("/", 1)[-1])))

    def guess_again(self, keys: Iterable[LogKey]) -> None:
        """Begin to read logs that were read the last time."""
        for key in keys:
            self._ask(key)

    @property
    def keys(self) -> tuple[LogKey, ...]:
        """Where the logs are that were asked for."""
        return tuple(self._keys.values())

    def ask(self, definitions: Mapping[str, TaskDefinition | None], tasks: tuple[TaskState, ...]) -> None:
        """Begin to read the most relevant logs: of the container that ended a task, or of the main one."""
        for task in _worth_reading(tasks):
            definition = definitions.get(task.task_definition_arn)
            key = container_log(definition, task)
            if isinstance(key, str):
                self._unread[task.task_id] = key
            else:
                self._keys[task.task_id] = key
                self._ask(key)

    @property
    def unread(self) -> Mapping[str, str]:
        """Of tasks whose log could not be asked for: why, behind "its log …"."""
        return self._unread

    def take(self) -> dict[str, LogTail]:
        """The tails that were asked for, by task id."""
        found: dict[str, LogTail] = {}
        for task_id, key in self._keys.items():
            tail = self._known[key] if key in self._known else self._reads.take(self._asked[key], _REFUSED)
            if tail is None or tail is _REFUSED:
                self._unread[task_id] = "is gone" if tail is None else "could not be read"
            found[task_id] = tail or ()
        return found

    def complete(self, over: frozenset[str]) -> dict[LogKey, LogTail]:
        """The tails of tasks that are `over` (by id), for the next time; an empty one may only be late."""
        return {self._keys[task_id]: tail for task_id, tail in self.take().items() if tail and task_id in over}

    def _ask(self, key: LogKey) -> None:
        if key not in self._known and key not in self._asked:
            group, stream = key
            read = self._logs.tail_events
            self._asked[key] = self._reads.ask("logs", lambda: read(group, stream, limit=_LOG_LINES))


def express_log_place(express: ExpressService | None, newest: DeploymentState | None) -> LogConfiguration | None:
    """Where an Express service says that its container logs."""
    configurations = express.configurations if express else ()
    target = newest.target_revision_arn if newest else ""
    told = next((one for one in configurations if one.revision_arn == target), next(iter(configurations), None))
    if told is None or not told.log_group or not told.log_stream_prefix:
        return None
    return LogConfiguration(MAIN_CONTAINER, told.log_group, told.log_stream_prefix)


def log_place(definition: TaskDefinition | None) -> LogConfiguration | None:
    """Where the container that answers for the service logs."""
    return definition.log_of(definition.main_container) if definition else None


def container_log(definition: TaskDefinition | None, task: TaskState) -> LogKey | str:
    """The log of the container that ended the task, else of the main one; or why it is not known."""
    if definition is None:
        return "could not be looked for, since its task definition was not read"
    first_failed = exited_container(definition.marked(task))
    name = first_failed.name if first_failed else definition.main_container
    place = definition.log_of(name)
    if place is None:
        return f"is not kept in CloudWatch Logs (log driver: {definition.log_driver_of(name) or 'none'})"
    return place.log_group, place.stream(task.task_id)


def _worth_reading(tasks: tuple[TaskState, ...]) -> tuple[TaskState, ...]:
    """The first task that failed and the newest ones; a running one where none did."""
    failed = [task for task in tasks if task.failed]
    running = [task for task in tasks if task.running]
    chosen = [failed[-1], *failed[: _LOGS_READ - 1]] if failed else running[:1]
    return tuple({task.arn: task for task in chosen}.values())
