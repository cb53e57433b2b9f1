"""Wait until a service serves: its newest deployment is done, its tasks are healthy, its URL answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from expressway.aws.values.service import (
    DEFAULT_HEALTH_PATH,
    ROLLOUT_PREFIX,
    ExpressService,
    RevisionState,
    ServiceState,
    TargetHealth,
    TaskState,
)
from expressway.cloudformation.stack import StackEvent
from expressway.core.clock import Clock, polling_delays
from expressway.core.progress import Cancellation, NeverCancelled, Progress, ProgressSink, ignore_progress
from expressway.deploy.ports import Services
from expressway.deploy.read_gaps import ReadGaps
from expressway.deploy.shapes import ReadinessJson, ReadinessStatus
from expressway.deploy.status.endpoint import UrlProbe, access_hint_of
from expressway.deploy.status.readiness import ServiceSnapshot, Verdict, infrastructure_complaint, judge
from expressway.deploy.status.service_argument import missing_service_error
from expressway.diagnose.explain import explain_failure
from expressway.diagnose.finding import Finding
from expressway.diagnose.ports import LoadBalancerReads, LogSearches
from expressway.diagnose.service.deployment import rollout_deployment, rollout_revisions
from expressway.error_codes import has_trait
from expressway.errors import TargetError
from expressway.image.context.excluded import ExcludedFrom, nothing_excluded

_LONGEST_DELAY_SECONDS = 1.0
_PROBE_SECONDS = 5.0
_STUCK_SECONDS = 60.0
_FAILURES_IN_A_ROW = 5


@dataclass(frozen=True, slots=True)
class Readiness:
    """The outcome of a wait.

    Attributes:
        status: ``success`` (it serves), ``failed`` (the newest deployment cannot become ready),
            ``timeout`` (it may still), ``unverified`` (the deciding facts may not be read).
        url: where the service answers, or will answer; empty while it has no endpoint.
        gaps: what may not be read, and which permission that takes.
    """

    status: ReadinessStatus
    message: str
    cause: Finding | None = None
    url: str = ""
    elapsed_seconds: float = 0.0
    gaps: tuple[str, ...] = ()

    def to_dict(self) -> ReadinessJson:
        parts = {
            "cause": self.cause.to_dict() if self.cause else None,
            "url": self.url,
            "access_hint": access_hint_of(self.url),
            "gaps": list(self.gaps),
        }
        present = {name: part for name, part in parts.items() if part}
        shape = {"status": self.status, "message": self.message, **present}
        return cast("ReadinessJson", shape | {"elapsed_seconds": round(self.elapsed_seconds, 1)})


@dataclass(frozen=True, slots=True)
class ServicePorts:
    """The outside things that waiting and status need. Without `targets`, target health is not looked at.

    `excluded_from` is what this machine kept out of an image.
    """

    ecs: Services
    logs: LogSearches
    probe: UrlProbe
    targets: LoadBalancerReads | None = None
    excluded_from: ExcludedFrom = nothing_excluded

    def snapshot(
        self,
        service: ServiceState,
        gaps: ReadGaps,
        *,
        tasks: Callable[[], tuple[TaskState, ...]],
        express: Callable[[], ExpressService | None],
    ) -> ServiceSnapshot:
        """The service with its newest deployment; where ECS lists none, with the newest of the service's rollouts."""
        ecs = self.ecs
        deployments = gaps.take(
            "deployments", lambda: ecs.newest_deployments(service.cluster, service.arn, limit=1), ()
        )
        deployment = next(iter(deployments), None) or rollout_deployment(service)
        revision = self.revision(service, deployment.target_revision_arn if deployment else "", gaps)
        running, targets = gaps.take("tasks", tasks, ()), self.target_health(revision, gaps)
        return ServiceSnapshot(
            service, deployment, revision, running, targets, gaps.take("express", express, None), gaps.parts
        )

    def revision(self, service: ServiceState, revision_arn: str, gaps: ReadGaps) -> RevisionState | None:
        """What the revision runs. ECS refuses the id of a rollout: DescribeServices has already said what that runs."""
        if revision_arn.startswith(ROLLOUT_PREFIX):
            return rollout_revisions(service).get(revision_arn)
        arns = [revision_arn] if revision_arn else []
        revisions = gaps.take("revisions", lambda: self.ecs.revisions(arns), ()) if arns else ()
        return next(iter(revisions), None)

    def target_health(self, revision: RevisionState | None, gaps: ReadGaps) -> tuple[TargetHealth, ...] | None:
        targets = self.targets
        if targets is None or revision is None:
            return None
        return gaps.take("targets", lambda: targets.health(revision.target_group_arns), None)

    def explain(self, cluster: str, service_name: str, stack_events: Sequence[StackEvent] = ()) -> Finding | None:
        """The first finding about the newest failed or struggling deployment; None where none failed."""
        return explain_failure(
            cluster=cluster,
            service_name=service_name,
            ecs=self.ecs,
            logs=self.logs,
            stack_events=stack_events,
            targets=self.targets,
            excluded_from=self.excluded_from,
        )


def wait_for_service(
    cluster: str,
    service_name: str,
    *,
    ports: ServicePorts,
    clock: Clock,
    timeout_seconds: float = 300.0,
    progress: ProgressSink = ignore_progress,
    cancellation: Cancellation | None = None,
) -> Readiness:
    """Wait until the service's newest deployment serves, or cannot, or `timeout_seconds` have passed.

    Raises:
        ServiceError: ``cluster_not_found``, ``service_not_found``, with near misses.
        TargetError: ``access_denied`` where not even the service may be read (ecs:DescribeServices), and the like.
            Anything else that may not be read is a gap.
    """
    return _Wait(cluster, service_name, ports, clock, timeout_seconds, progress, cancellation or NeverCancelled()).run()


@dataclass(slots=True)
class _Wait:
    cluster: str
    service_name: str
    ports: ServicePorts
    clock: Clock
    timeout_seconds: float
    progress: ProgressSink
    cancellation: Cancellation
    started: float = 0.0
    reported: str = ""
    express: ExpressService | None = None
    failures_in_a_row: int = 0
    complaint_since: float | None = None
    gaps: ReadGaps = field(default_factory=ReadGaps)

    def run(self) -> Readiness:
        self.started = self.clock.monotonic()
        self.gaps = ReadGaps(self._warn)
        verdict = Verdict("waiting", "nothing could be read yet")
        for delay in polling_delays(longest_seconds=_LONGEST_DELAY_SECONDS):
            self.cancellation.raise_if_cancelled()
            verdict = self._poll() or verdict
            if verdict.state == "failed":
                return self._failed(verdict)
            if verdict.state in {"serving", "unknown"}:
                return self._ended("success" if verdict.state == "serving" else "unverified", verdict.message)
            self._tell(verdict.message)
            remaining = self.timeout_seconds - self._elapsed()
            if remaining <= 0:
                return self._timed_out(verdict)
            self.clock.sleep(min(delay, remaining))
        raise AssertionError("polling never ends by itself")

    def _poll(self) -> Verdict | None:
        """One look; None when AWS did not answer this time (a wait outlives a dropped connection)."""
        try:
            snapshot = self._snapshot()
        except TargetError as error:
            self.failures_in_a_row += 1
            if not has_trait(error.code, "passes") or self.failures_in_a_row >= _FAILURES_IN_A_ROW:
                raise
            return None
        self.failures_in_a_row = 0
        verdict = judge(snapshot)
        if verdict.state in {"serving", "unknown"}:
            return self._check_url(snapshot, verdict)
        if verdict.state == "waiting" and self._is_stuck(snapshot):
            return Verdict("failed", f"The infrastructure of {self.service_name} cannot be made.")
        return verdict

    # -- looking --------------------------------------------------------------------------------------------
    def _snapshot(self) -> ServiceSnapshot:
        ecs = self.ports.ecs
        service = ecs.service(self.cluster, self.service_name)
        if service is None:
            raise missing_service_error(ecs, self.cluster, self.service_name)
        if service.status != "ACTIVE":
            return ServiceSnapshot(service)
        return self.ports.snapshot(
            service,
            self.gaps,
            tasks=lambda: ecs.service_tasks(self.cluster, self.service_name),
            express=lambda: self._express(service),
        )

    def _express(self, service: ServiceState) -> ExpressService | None:
        """The Express side, read until it has an endpoint: that never changes afterwards."""
        if service.is_express and (self.express is None or self.express.endpoint is None):
            self.express = self.ports.ecs.express_service(service.arn)
        return self.express

    def _is_stuck(self, snapshot: ServiceSnapshot) -> bool:
        """Infrastructure that complains for a minute; a role made a moment ago may need that long to work."""
        if not infrastructure_complaint(snapshot):
            self.complaint_since = None
            return False
        now = self.clock.monotonic()
        self.complaint_since = now if self.complaint_since is None else self.complaint_since
        return now - self.complaint_since >= _STUCK_SECONDS

    # -- the URL --------------------------------------------------------------------------------------------
    def _check_url(self, snapshot: ServiceSnapshot, verdict: Verdict) -> Verdict:
        state = verdict.state
        word = "ready" if state == "serving" else "ACTIVE"
        name = f"The service {self.service_name} is {word}: {verdict.message}"
        if not snapshot.service.is_express:
            return Verdict(state, f"{name} (no Express endpoint to fetch).")
        if "express" in snapshot.unread:
            return Verdict(state, f"{name}; its URL may not be read, so it was not fetched.")
        endpoint = self.express.endpoint if self.express else None
        if endpoint is None:
            return Verdict("waiting", f"{verdict.message}, no endpoint yet")
        if endpoint.access_type != "PUBLIC":
            return Verdict(state, f"{name}; its address is private and is not fetched from here.")
        newest = self.express.newest if self.express else None
        asked = snapshot.revision.health_check_path if snapshot.revision else ""
        path = asked or (newest.health_check_path if newest else "") or DEFAULT_HEALTH_PATH
        left = max(1.0, min(_PROBE_SECONDS, self.timeout_seconds - self._elapsed()))
        answer = self.ports.probe.fetch(endpoint.address, path=path, timeout_seconds=left)
        if answer.answers:
            return Verdict(state, f"{name} and {answer.url} answers {answer.status}.")
        came = f"answers {answer.status}" if answer.status else f"does not answer ({answer.error})"
        return Verdict("waiting", f"{verdict.message}, but {answer.url} {came}")

    # -- the end --------------------------------------------------------------------------------------------
    def _failed(self, verdict: Verdict) -> Readiness:
        cause = self.ports.explain(self.cluster, self.service_name)
        message = f"{verdict.message} {cause.sentence}" if cause else verdict.message
        return self._ended("failed", message, cause)

    def _timed_out(self, verdict: Verdict) -> Readiness:
        cause = self.ports.explain(self.cluster, self.service_name)
        because = f" {cause.sentence}" if cause else ""
        waited = f"Not ready after {self.timeout_seconds:.0f} s: {verdict.message}."
        return self._ended("timeout", f"{waited}{because} It may still become ready.", cause)

    def _ended(self, status: ReadinessStatus, message: str, cause: Finding | None = None) -> Readiness:
        endpoint = self.express.endpoint if self.express else None
        url = self.ports.probe.url(endpoint.address) if endpoint else ""
        return Readiness(status, message, cause, url, self._elapsed(), self.gaps.messages)

    def _tell(self, message: str) -> None:
        if message != self.reported:
            self.reported = message
            self.progress(Progress("wait", message, self._elapsed()))

    def _warn(self, gap: str) -> None:
        self.progress(Progress("wait", f"{gap} What else can be read decides.", self._elapsed(), level="warning"))

    def _elapsed(self) -> float:
        return self.clock.monotonic() - self.started
