"""What is remembered of a service between two questions.

Immutable data (stopped tasks and their logs, finished deployments, task definitions) is cached. Everything else is
always refetched, in one round: the ids of last time are guesses that the service's own answers confirm or drop.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from expressway.aws.values.service import DeploymentState, LogEvent, TaskState
from expressway.aws.values.task_definition import TaskDefinition

ENDED_DEPLOYMENT_STATUSES = frozenset({"SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"})
_SETTLES_AFTER = timedelta(seconds=30)
"""Until then a log may still be on its way to CloudWatch Logs, and ECS may add why a task stopped."""
_SERVICES_KEPT = 64

LogKey = tuple[str, str]
"""Log group and stream."""


@dataclass(frozen=True, slots=True)
class CachedService:
    """One service as it was read last; another service of the same name has another `created_at`.

    Attributes:
        was_steady_state: it served and nothing asked for a closer look, so that none is prepared.
        stopped_tasks, deployments, definitions, logs: what is over or cannot change, by ARN or log stream.
        task_arns, log_keys, revision_arns, target_group_arns: what else was read of it; guesses for the next time.
    """

    created_at: datetime | None = None
    was_steady_state: bool = False
    stopped_tasks: Mapping[str, TaskState] = field(default_factory=dict[str, TaskState])
    deployments: Mapping[str, DeploymentState] = field(default_factory=dict[str, DeploymentState])
    definitions: Mapping[str, TaskDefinition] = field(default_factory=dict[str, TaskDefinition])
    logs: Mapping[LogKey, tuple[LogEvent, ...]] = field(default_factory=dict[LogKey, tuple[LogEvent, ...]])
    task_arns: tuple[str, ...] = ()
    log_keys: tuple[LogKey, ...] = ()
    revision_arns: tuple[str, ...] = ()
    target_group_arns: tuple[str, ...] = ()

    def deployment(self, brief: DeploymentState) -> DeploymentState | None:
        """The deployment as it was described, if it had ended with the status that the list shows now."""
        known = self.deployments.get(brief.arn)
        return known if known is not None and known.status == brief.status else None


NOT_CACHED = CachedService()


class ServiceCache:
    """The services that were asked about last, by cluster and name; threads may share it."""

    def __init__(self, *, limit: int = _SERVICES_KEPT) -> None:
        self._limit = limit
        self._seen: OrderedDict[tuple[str, str], CachedService] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, cluster: str, service_name: str) -> CachedService:
        with self._lock:
            return self._seen.get((cluster, service_name), NOT_CACHED)

    def keep(self, cluster: str, service_name: str, seen: CachedService) -> None:
        """Remember it in place of what was seen before; the service that was asked about longest ago is forgotten."""
        with self._lock:
            self._seen[cluster, service_name] = seen
            self._seen.move_to_end((cluster, service_name))
            while len(self._seen) > self._limit:
                self._seen.popitem(last=False)


def is_over(task: TaskState, now: datetime) -> bool:
    """Whether nothing about the task or its log will change any more."""
    return task.status == "STOPPED" and task.stopped_at is not None and now - task.stopped_at >= _SETTLES_AFTER
