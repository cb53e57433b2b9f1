"""The network around a cluster's services: everything the rules need, read in few round trips.

What may not be read (``ec2:Describe…`` is missing) becomes a named gap and None among the facts, so that nothing
is concluded from it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from expressway.diagnosis.network_rules import network_findings
from expressway.model.network_facts import NetworkFacts
from expressway.operations.concurrent_reads import ConcurrentReads
from expressway.operations.troubleshoot.network_gathering import NetworkGathering
from expressway.operations.troubleshoot.network_ports import NetworkPorts
from expressway.operations.troubleshoot.network_view import network_view

_THREADS = 16


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
        findings, gaps: see `expressway.model.finding`; gaps only where there are any.
    """
    facts = gather_network(ecs_cluster_name, ports=ports, vpc_id=vpc_id)
    return network_view(facts, network_findings(facts), cluster=ecs_cluster_name, vpc_id=vpc_id, now=now)
