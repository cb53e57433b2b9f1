"""Wait for AWS no longer than requested: CloudFormation then goes on, and the same command continues the work."""

from dataclasses import dataclass

from expressway.core.clock import Clock
from expressway.core.progress import Cancellation, Progress, ProgressSink
from expressway.deploy.operation import OperationRecord
from expressway.errors import StillRunning
from expressway.hints import command

_STACK_PHASES = {"repository", "service"}
_WAITING_PHASES = {"wait", "delete"}


@dataclass(slots=True)
class WaitBudget:
    """A cancellation that ends the wait once AWS has been at work for `seconds`; None waits without a limit.

    The time runs from the first sign that AWS is at work (an event of a stack, waiting for the service, a deletion),
    and only waiting is ended: a build or a push is finished first, since nobody else would go on with it. The first
    check after that sign passes, so that each repetition makes progress, however short the wait: 0 begins the next
    step and returns.
    """

    operation: OperationRecord
    seconds: float | None
    clock: Clock
    cancellation: Cancellation
    _began: float | None = None
    _asked_since: bool = False
    _latest: Progress | None = None

    def watching(self, progress: ProgressSink) -> ProgressSink:
        """`progress`, with the phase of each event noted."""

        def sink(event: Progress) -> None:
            self._latest = event
            at_work = event.phase in _WAITING_PHASES or (event.phase in _STACK_PHASES and event.resource is not None)
            if at_work and self._began is None:
                self._began = self.clock.monotonic()
            progress(event)

        return sink

    def raise_if_cancelled(self) -> None:
        """Raises: StillRunning ``still_running``; ``details`` have operation_id and phase."""
        self.cancellation.raise_if_cancelled()
        latest = self._latest
        if self.seconds is None or self._began is None or latest is None:
            return
        asked_before, self._asked_since = self._asked_since, True
        if not asked_before or latest.phase not in _STACK_PHASES | _WAITING_PHASES:
            return
        if self.clock.monotonic() - self._began < self.seconds:
            return
        kind, app_name, operation_id = self.operation.kind, self.operation.app_name, self.operation.operation_id
        raise StillRunning(
            "still_running",
            f"The {kind} of {app_name} is not done after waiting {self.seconds:g} s for AWS "
            f"(operation {operation_id}, phase {latest.phase}: {latest.message}).",
            f"AWS continues the work: see {command('status', app_name)}. Repeat the same command to "
            "wait on and to do what is left.",
            {"operation_id": operation_id, "phase": latest.phase},
        )
