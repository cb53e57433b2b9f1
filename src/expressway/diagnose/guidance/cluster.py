"""Every service of a cluster: those that are well cost a tenth of a call, the others are looked into together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from expressway.aws.values.dependencies import DependencySubject
from expressway.aws.values.service import ClusterState, DeploymentState, ServiceState, TaskState
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.catalog import deduplicate
from expressway.diagnose.dependency_checks import DependencyChecks, check_dependencies, check_network, softened
from expressway.diagnose.exits.rules import with_platform
from expressway.diagnose.facts import AskedPlace, ServiceFacts
from expressway.diagnose.finding import Finding, ranked
from expressway.diagnose.guidance.symptoms import checks_everything
from expressway.diagnose.messages import mask_user_identifiers
from expressway.diagnose.not_found import nothing_there
from expressway.diagnose.ports import REVISIONS_A_CALL, TroubleshootPorts, batches
from expressway.diagnose.request import TroubleshootRequest
from expressway.diagnose.service.collect import ServiceCollector
from expressway.diagnose.service.health_status import DOWN, ServiceHealth, health_by_counts, service_health
from expressway.diagnose.service.reads import KnownService
from expressway.diagnose.service.rules import service_findings

_LOOKED_INTO = 25
_AT_A_TIME = 6
_READS_EACH = 6
_READS_TOGETHER = 12
_EVENTS_COUNT_FOR = timedelta(hours=24)
_TROUBLE = re.compile(
    r"unhealthy|unable to|failed|rolling back|rolled back|circuit breaker|was unable|insufficient|not authorized",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ClusterScan:
    """What was found in a cluster, or of one of its services, and the health of its services, the worst first.

    `named` are the services that the symptoms name, `of_named` the findings about them; `around_unread` those of
    which network, images, … were not examined; `missing`: there is no such cluster.
    """

    cluster: ClusterState | None = None
    services: tuple[ServiceState, ...] = ()
    looked_into: tuple[ServiceFacts, ...] = ()
    findings: tuple[Finding, ...] = ()
    named: tuple[str, ...] = ()
    of_named: frozenset[Finding] = frozenset()
    overview: Mapping[str, Any] = field(default_factory=dict[str, Any])
    healths: tuple[ServiceHealth, ...] = ()
    target_states: tuple[str, ...] = ()
    around_unread: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    missing: AskedPlace | None = None


def scan_cluster(request: TroubleshootRequest, ports: TroubleshootPorts) -> ClusterScan:
    """Look at all services of the cluster and their targets, and examine those with signs of trouble.

    Where symptoms or ``detail: full`` ask for it, the others are examined too, within the bound of 25 services.

    Raises:
        TargetError: no read is possible (``credentials_expired``, ``connection_failed``, …).
    """
    with ConcurrentReads(_READS_TOGETHER, name="scan") as reads:
        asked_cluster = reads.ask("cluster", lambda: ports.ecs.cluster(request.cluster))
        asked_stopped = reads.ask("stopped tasks", lambda: ports.cluster_tasks(request.cluster, "STOPPED"))
        asked_names = reads.ask("services", lambda: ports.ecs.service_names(request.cluster))
        services = ports.described_services(request.cluster, reads.take_or_stop(asked_names, ()), reads)
        cluster = reads.take_or_stop(asked_cluster, None)
        if reads.was_read("cluster") and (cluster is None or cluster.status == "INACTIVE"):
            place = nothing_there(request, ports, reads, cluster=cluster)
            return ClusterScan(gaps=tuple(reads.gaps), missing=place)
        stopped = reads.take(asked_stopped, ())
        stopped_read = reads.was_read("stopped tasks")
        troubled = [one for one in services if _is_troubled(one, stopped, request.symptoms, ports.now())]
        states = target_states(request.cluster, [one for one in services if one not in troubled], ports, reads)
        troubled = [one for one in services if one in troubled or "unhealthy" in states.get(one.name, ())]
        gaps = tuple(reads.gaps)
    named = tuple(service.name for service in services if _is_named(service, request.symptoms))
    # Symptoms that name services are about these alone.
    all_wanted = checks_everything(request) and (request.detail == "full" or not named)
    others = [service for service in services if service not in troubled] if all_wanted else []
    chosen = sorted([*troubled, *others], key=lambda service: service.name not in named)[:_LOOKED_INTO]
    examination = _examine(request, chosen, stopped if stopped_read else None, ports)
    examined = examination.services
    facts = tuple(one.facts for one in examined)
    return ClusterScan(
        cluster=cluster,
        services=tuple(sorted(services, key=lambda service: service not in troubled)),
        looked_into=facts,
        findings=(
            *(finding for one in examined for finding in one.findings),
            *softened(examination.network.findings, facts),
        ),
        named=named,
        of_named=frozenset(finding for one in examined if one.name in named for finding in one.findings),
        overview=_overview(services, troubled, chosen, examined),
        healths=_healths(services, examined),
        target_states=tuple(state for some in states.values() for state in some),
        around_unread=tuple(service.name for service in services if service.name not in examination.around),
        gaps=tuple(dict.fromkeys((*gaps, *examination.gaps))),
    )


def _is_named(service: ServiceState, symptoms: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(service.name)}(?![\w-])", symptoms, re.IGNORECASE) is not None


def _is_troubled(service: ServiceState, stopped: Sequence[TaskState], symptoms: str, now: datetime) -> bool:
    """Whether anything about the service asks for a closer look."""
    if service.status != "ACTIVE" or service.running_count < service.desired_count or not service.desired_count:
        return True
    if any(one.state in {"FAILED", "IN_PROGRESS"} or one.failed_count for one in service.rollouts):
        return True
    if any(task.failed and task.service_name == service.name for task in stopped):
        return True
    if _is_named(service, symptoms):
        return True
    return any(
        _TROUBLE.search(mask_user_identifiers(event.message))
        for event in service.events
        if event.created_at is None or now - event.created_at <= _EVENTS_COUNT_FOR
    )


@dataclass(frozen=True, slots=True)
class _Examined:
    """A service that was examined; `needs_checks` where its dependencies and network may show more."""

    facts: ServiceFacts
    findings: tuple[Finding, ...]
    health: ServiceHealth | None
    gaps: tuple[str, ...]
    needs_checks: bool

    @property
    def name(self) -> str:
        return self.facts.service_name


def _examined(facts: ServiceFacts, dependencies: Sequence[DependencyChecks], *, needs_checks: bool) -> _Examined:
    fits = any(part.images_fit for part in dependencies)
    own = (replace(one, resource=facts.resource) for one in with_platform(service_findings(facts), images_fit=fits))
    findings = ranked(deduplicate((*own, *(finding for part in dependencies for finding in part.findings))))
    gaps = (*facts.gaps, *(gap for part in dependencies for gap in part.gaps))
    return _Examined(facts, findings, service_health(facts, findings), gaps, needs_checks)


@dataclass(frozen=True, slots=True)
class _Examination:
    """The examined services, the worst first, and their network; `around` are those whose network was read."""

    services: tuple[_Examined, ...] = ()
    network: DependencyChecks = field(default_factory=DependencyChecks)
    around: frozenset[str] = frozenset()
    gaps: tuple[str, ...] = ()


def _healths(services: Sequence[ServiceState], examined: Sequence[_Examined]) -> tuple[ServiceHealth, ...]:
    known = {one.name: one.health for one in examined}
    active = (service for service in services if service.status == "ACTIVE")
    found = [known.get(service.name) or health_by_counts(service) for service in active]
    return tuple(sorted(found, key=lambda health: health.rank))


def _examine(
    request: TroubleshootRequest,
    services: Sequence[ServiceState],
    stopped: tuple[TaskState, ...] | None,
    ports: TroubleshootPorts,
) -> _Examination:
    if not services:
        return _Examination()
    with ConcurrentReads(_AT_A_TIME, name="examine") as reads:
        asked = [reads.ask(one.name, lambda one=one: _examine_one(request, one, stopped, ports)) for one in services]
        found = [one for one in (reads.take(future, None) for future in asked) if one is not None]
        names = [one.name for one in found if checks_everything(request) or one.needs_checks]
        asked_network = reads.ask(
            "network", lambda: check_network(request.cluster, names, ports) if names else DependencyChecks()
        )
        network = reads.take(asked_network, DependencyChecks())
    gaps = dict.fromkeys((*reads.gaps, *(gap for one in found for gap in one.gaps), *network.gaps))
    worst_first = sorted(found, key=lambda one: one.health.rank if one.health else DOWN)
    return _Examination(tuple(worst_first), network, frozenset(names), tuple(gaps))


def _examine_one(
    request: TroubleshootRequest, service: ServiceState, stopped: tuple[TaskState, ...] | None, ports: TroubleshootPorts
) -> _Examined | None:
    """`stopped` are the cluster's tasks that have stopped; None where they could not be read."""
    own = None if stopped is None else tuple(task for task in stopped if task.service_name == service.name)
    known = KnownService(service, own)
    asked: list[Future[DependencyChecks]] = []
    needs: list[bool] = []
    with ConcurrentReads(_READS_EACH, name=service.name) as reads:

        def begin(subject: DependencySubject, needs_checks: bool) -> None:
            needs.append(needs_checks)
            if checks_everything(request) or needs_checks:
                asked.append(reads.ask("dependencies", lambda: check_dependencies(subject, ports)))

        facts = ServiceCollector(request.cluster, service.name, ports, reads, known=known, begin=begin).collect()
        dependencies = [reads.take(one, DependencyChecks()) for one in asked]
    return _examined(replace(facts, gaps=tuple(reads.gaps)), dependencies, needs_checks=any(needs))


def _overview(
    services: Sequence[ServiceState],
    troubled: Sequence[ServiceState],
    chosen: Sequence[ServiceState],
    examined: Sequence[_Examined],
) -> dict[str, Any]:
    rest = len(troubled) - _LOOKED_INTO
    return {
        "total": len(services),
        "well": len(services) - len(troubled),
        "looked_into": len(chosen),
        **({"not_looked_into": rest} if rest > 0 else {}),
        "off": [f"{one.name}: {one.findings[0].code}" for one in examined if one.findings],
    }


def target_states(
    cluster: str, services: Sequence[ServiceState], ports: TroubleshootPorts, reads: ConcurrentReads
) -> dict[str, tuple[str, ...]]:
    """The states of the targets of each service, by its name; what may not be read becomes a gap.

    A plain service names its target groups itself. An Express one's are those of its revision, so that its newest
    deployments and, twenty at a time, their revisions are read before.
    """
    groups = {one.name: one.target_group_arns for one in services if one.target_group_arns}
    groups |= _groups_of_revisions(cluster, [one.name for one in services if one.name not in groups], ports, reads)
    asked = {
        name: reads.ask("target health", lambda arns=arns: ports.targets.health(arns)) for name, arns in groups.items()
    }
    return {name: tuple(one.state for one in reads.take(future, ())) for name, future in asked.items()}


def _groups_of_revisions(
    cluster: str, names: Sequence[str], ports: TroubleshootPorts, reads: ConcurrentReads
) -> dict[str, tuple[str, ...]]:
    briefs = ports.ecs.deployment_briefs
    asked = {name: reads.ask("deployments", lambda name=name: briefs(cluster, name)) for name in names}
    serving = {name: _serving_revision(reads.take(future, ())) for name, future in asked.items()}
    arns = list(dict.fromkeys(arn for arn in serving.values() if arn))
    asked_revisions = [
        reads.ask("revisions", lambda some=some: ports.ecs.revisions(some)) for some in batches(arns, REVISIONS_A_CALL)
    ]
    revisions = {one.arn: one for future in asked_revisions for one in reads.take(future, ())}
    return {name: revisions[arn].target_group_arns for name, arn in serving.items() if arn in revisions}


def _serving_revision(newest_first: Sequence[DeploymentState]) -> str:
    """The revision of the newest deployment that succeeded; of the newest one where none is remembered."""
    succeeded = (one for one in newest_first if one.successful)
    chosen = next(succeeded, next(iter(newest_first), None))
    return chosen.target_revision_arn if chosen else ""
