"""Explain a failed deployment: the first finding about it.

A fact that may not be read (a permission is missing) becomes a named gap; it never becomes a conclusion.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from expressway.cloudformation.stack import StackEvent
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.finding import Finding
from expressway.diagnose.ports import EcsReads, LoadBalancerReads, LogSearches, ServiceFactPorts
from expressway.diagnose.service.collect import ServiceCollector
from expressway.diagnose.service.rules import first_finding
from expressway.image.context.excluded import ExcludedFrom, nothing_excluded

_THREADS = 6


def explain_failure(
    *,
    cluster: str,
    service_name: str,
    ecs: EcsReads,
    logs: LogSearches,
    stack_events: Sequence[StackEvent] = (),
    targets: LoadBalancerReads | None = None,
    excluded_from: ExcludedFrom = nothing_excluded,
) -> Finding | None:
    """The first finding about the service's newest failed or struggling deployment; None when none failed.

    `stack_events` are the events of the stack operation behind it, in order of time and from its beginning, so
    that older deployments of the service are left out.

    Works while a deployment fails, after its rollback, and for a while after the service was deleted (ECS
    remembers stopped tasks for about an hour). Reads only; about three round trips, each in parallel.
    """
    ports = ServiceFactPorts(
        target=None, now=lambda: datetime.now(UTC), ecs=ecs, logs=logs, targets=targets, excluded_from=excluded_from
    )
    with ConcurrentReads(_THREADS, name="explain", beside_a_failure=True) as reads:
        return first_finding(ServiceCollector(cluster, service_name, ports, reads, failure=stack_events).collect())
