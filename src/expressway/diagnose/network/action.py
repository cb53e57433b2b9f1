"""The network around a cluster's services: everything the rules need, read in few round trips.

What may not be read (``ec2:Describe…`` is missing) becomes a named gap and None among the facts, so that nothing
is concluded from it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.diagnose.network.collect import NetworkGathering
from expressway.diagnose.network.facts import NetworkFacts
from expressway.diagnose.network.ports import NetworkPorts
from expressway.diagnose.network.rules import network_findings
from expressway.diagnose.network.view import network_view

_THREADS = 16
_NAMED = 5


def gather_network(
    cluster: str,
    *,
    ports: NetworkPorts,
    service_names: Sequence[str] | None = None,
    vpc_id: str | None = None,
) -> NetworkFacts:
    """Where services are and how they can be reached: of the named ones, or of the whole cluster.

    With `vpc_id`, only that VPC counts: services elsewhere are left out, and its subnets and load balancers are
    read whole. Reads only; about five round trips, each in parallel.
    """
    with ConcurrentReads(_THREADS, name="network") as reads:
        return NetworkGathering(reads, ports, cluster).run(service_names, vpc_id)


def fetch_network_configuration(
    ecs_cluster_name: str, vpc_id: str | None = None, *, ports: NetworkPorts, now: datetime
) -> Mapping[str, Any]:
    """The network of a cluster (or of one VPC for it), told as findings, and what they rest on in short.

    Returns:
        status: ``success``, or ``warning`` when the cluster has nothing in any VPC; then message and timestamp.
        data: timestamp, vpc_ids, clusters, raw_resources (one list for each kind), analysis_guide.
        findings, gaps: see `expressway.diagnose.finding`; one of code ``nothing_wrong`` when all is well,
            ``vpc_not_found`` when there is no such VPC; gaps only where there are any.
    """
    facts = gather_network(ecs_cluster_name, ports=ports, vpc_id=vpc_id)
    missing = _vpc_missing(facts, vpc_id)
    findings = (missing,) if missing else network_findings(facts) or _nothing_wrong(facts, ecs_cluster_name)
    return network_view(facts, findings, cluster=ecs_cluster_name, vpc_id=vpc_id, now=now)


def _vpc_missing(facts: NetworkFacts, vpc_id: str | None) -> Finding | None:
    """The VPC that was asked about is not there; nothing follows where VPCs could not be read."""
    if not vpc_id or facts.vpcs is None or any(one.vpc_id == vpc_id for one in facts.vpcs):
        return None
    others = ", ".join(sorted({one.vpc_id for one in (*facts.vpcs, *(facts.subnets or ()))} - {vpc_id, ""}))
    return make_finding(
        code="vpc_not_found",
        cause=f"There is no VPC {vpc_id} in {facts.region}.",
        evidence=(f"VPCs of the cluster's services: {others}",) if others else (),
        resource=vpc_id,
    ).in_own_words()


def _nothing_wrong(facts: NetworkFacts, cluster: str) -> tuple[Finding, ...]:
    """That all is well is said only where something was there to look at, and all of it could be read."""
    if facts.gaps or not facts.services:
        return ()
    names = ", ".join(one.service_name for one in facts.services[:_NAMED])
    return (
        make_finding(
            code="nothing_wrong",
            cause=f"Nothing is wrong with the network around the services of the cluster {cluster}.",
            evidence=(f"{len(facts.services)} looked at: {names}{', …' if len(facts.services) > _NAMED else ''}",),
            resource=cluster,
        ).in_own_words(),
    )
