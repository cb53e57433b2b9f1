"""Watch a service while CloudFormation works on it, so that a cause is known before the rollback hides it.

A stack that rolls back its first creation deletes the service and its log group; what the tasks said has to be
read before that. On AWS the cause is also known minutes to hours before CloudFormation gives up.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from expressway.errors import TargetError
from expressway.model.cause import Cause
from expressway.model.clock import Clock
from expressway.model.stack import StackEvent
from expressway.operations.explain import explain_failure, not_before, start_of
from expressway.operations.service_ports import LogReads, ServiceReads, TargetReads

_TASKS_EVERY_SECONDS = 1.0
_EVERYTHING_EVERY_SECONDS = 15.0
_TRIES_FOR_A_LOG_LINE = 4


@dataclass(slots=True)
class FailureWatch:
    """Looks at the service's tasks about once a second, at everything every 15 seconds.

    Hand `look` to `apply_stack` as `while_waiting` and as `on_failing`. It never raises for what cannot be
    read: the stack operation goes on regardless. `tell` is called once for each new cause.
    """

    cluster: str
    service_name: str
    ecs: ServiceReads
    logs: LogReads
    clock: Clock
    targets: TargetReads | None = None
    tell: Callable[[Cause], None] | None = None
    cause: Cause | None = None
    _failed_before: frozenset[str] | None = None
    _looked_at: float = float("-inf")
    _explained_at: float | None = None
    _tries: int = field(default=0)

    def look(self, events: tuple[StackEvent, ...]) -> None:
        """One look; `events` are those of the stack operation so far, in order of time."""
        now = self.clock.monotonic()
        if now - self._looked_at < _TASKS_EVERY_SECONDS or (self.cause is not None and not self._wants_a_log_line):
            return
        self._looked_at = now
        if self._explained_at is None:
            self._explained_at = now  # the first moments of a deployment are always unfinished
        try:
            if self._new_failure(events) or now - self._explained_at >= _EVERYTHING_EVERY_SECONDS:
                self._explain(events, now)
        except TargetError:
            return

    def explain(self, events: tuple[StackEvent, ...]) -> Cause | None:
        """The cause at the end: what was seen on the way, else what can still be read."""
        if self.cause is None:
            try:
                self._explain(events, self.clock.monotonic())
            except TargetError:
                return None
        return self.cause

    def _new_failure(self, events: tuple[StackEvent, ...]) -> bool:
        """Whether a task has failed since the operation began and was not looked at yet.

        Where the events do not tell the beginning, whatever has failed before the first look is old.
        """
        start = start_of(events)
        tasks = [task for task in self.ecs.tasks(self.cluster, self.service_name) if task.failed]
        failed = frozenset(task.arn for task in tasks if not_before(task.created_at, start))
        before = self._failed_before if self._failed_before is not None else (frozenset[str]() if start else failed)
        self._failed_before = before | failed
        return bool(failed - before) or self._wants_a_log_line

    def _explain(self, events: tuple[StackEvent, ...], now: float) -> None:
        self._explained_at = now
        found = explain_failure(
            cluster=self.cluster,
            service_name=self.service_name,
            ecs=self.ecs,
            logs=self.logs,
            targets=self.targets,
            stack_events=events,
        )
        if found is None:
            return
        self._tries += 1
        is_new = self.cause is None or found.sentence != self.cause.sentence
        self.cause = found
        if is_new and self.tell is not None:
            self.tell(found)

    @property
    def _wants_a_log_line(self) -> bool:
        """A log line arrives a moment after its task has stopped."""
        empty = self.cause is not None and self.cause.sentence.endswith("its log is empty.")
        return empty and self._tries < _TRIES_FOR_A_LOG_LINE
