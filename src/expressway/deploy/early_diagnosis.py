"""Name the first real cause of a failing deployment minutes before CloudFormation gives it up."""

from collections.abc import Callable
from dataclasses import dataclass

from expressway.cloudformation.stack import StackEvent
from expressway.core.clock import Clock
from expressway.core.progress import Progress, ProgressSink
from expressway.diagnose.catalog import entry_of
from expressway.diagnose.finding import Finding
from expressway.errors import ExpresswayError, StackError

_PAUSE_SECONDS = 1.0
_PAUSE_FACTOR = 2.0


@dataclass(slots=True)
class EarlyDiagnosis:
    """Diagnoses while a stack is changing, and reports a permanent cause once.

    It never ends the deployment: that is CloudFormation's decision. The events of the running operation go along with
    every diagnosis, since they say when the operation began, and earlier deployments and tasks are unrelated to it. A
    diagnosis may take a third of the time, so that the stack's events are not reported late.
    """

    explain: Callable[[tuple[StackEvent, ...]], Finding | None]
    clock: Clock
    progress: ProgressSink
    cause: Finding | None = None
    next_question: float = 0.0
    events: tuple[StackEvent, ...] = ()

    def while_waiting(self, events: tuple[StackEvent, ...]) -> None:
        """Ask if it is time to: at most once a second, no more once a cause is known."""
        self.events = events
        if self.cause is not None or not events or self.clock.monotonic() < self.next_question:
            return
        asked = self.clock.monotonic()
        cause = self._ask(events)
        answered = self.clock.monotonic()
        self.next_question = answered + max(_PAUSE_SECONDS, _PAUSE_FACTOR * (answered - asked))
        if cause is not None and _is_lasting(cause):
            self._keep(cause)

    def on_failing(self, events: tuple[StackEvent, ...]) -> None:
        """Diagnose while the failing tasks can still be read, and report the cause before the rollback has ended.

        What CloudFormation's failure shows replaces what was known before only if it is as certain.
        """
        self.events = events
        cause = self._ask(events)
        if cause is not None and (self.cause is None or _is_lasting(cause)):
            self._keep(cause)

    def conclude(self) -> Finding | None:
        """The cause to report for a stack that has failed; asked for a last time when none is known yet."""
        if self.cause is None and self.events:
            self.cause = self._ask(self.events)
        return self.cause

    def _ask(self, events: tuple[StackEvent, ...]) -> Finding | None:
        try:
            return self.explain(events)
        except ExpresswayError:
            return None  # a diagnosis that fails must not fail the deployment

    def _keep(self, cause: Finding) -> None:
        is_reported = self.cause is not None and self.cause.sentence == cause.sentence
        self.cause = cause
        if not is_reported:
            self.progress(Progress("service", cause.sentence, level="error"))


def _is_lasting(cause: Finding) -> bool:
    """What can pass by itself, and what has no evidence yet (a log line may be on its way), is not reported early."""
    return bool(cause.evidence) and not entry_of(cause.code).waiting_helps


def deployment_failed(failure: StackError, cause: Finding) -> StackError:
    """The error of a stack that failed (``stack_failed``), with the first real cause in its place."""
    return StackError(
        "deployment_failed",
        f"{cause.sentence} ({failure.details['stack']} ended in {failure.details['status']}.)",
        cause.remedy or failure.hint,
        failure.details | {"cause": cause.code, "evidence": list(cause.evidence), "stack_message": failure.message},
    )
