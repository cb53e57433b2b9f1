"""Whether a load balancer itself can serve: who may come in, which way it faces, and room to grow."""

from collections.abc import Iterator, Sequence

from expressway.aws.values.load_balancing import LoadBalancer
from expressway.aws.values.placement import ServicePlacement
from expressway.aws.values.vpc import Subnet
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.diagnose.network.facts import NetworkFacts
from expressway.diagnose.network.parts import groups_named, names, subnets_named
from expressway.diagnose.network.routes import internet_path

_FREE_ADDRESSES_NEEDED = 8
"""Elastic Load Balancing guide, "Subnets for your load balancer": at least eight free addresses a subnet."""


def balancer_findings(facts: NetworkFacts, service: ServicePlacement, balancer: LoadBalancer) -> Iterator[Finding]:
    groups = groups_named(facts, balancer.security_group_ids)
    if groups and not any(group.ingress for group in groups):
        yield make_finding(
            code="load_balancer_closed",
            cause=f"Nobody can reach {balancer.name}: its security groups have no inbound rule at all.",
            evidence=(f"clients → ✗ {', '.join(balancer.security_group_ids)} → {balancer.name}",),
            remedy=f"Let the listener's port in, from where clients are, into {balancer.security_group_ids[0]}.",
            resource=balancer.security_group_ids[0],
        )
    if balancer.state in {"active_impaired", "failed"}:
        yield make_finding(
            code="load_balancer_impaired",
            severity="critical" if balancer.state == "failed" else "warning",
            cause=f"{balancer.name} is {balancer.state}: it could not get all that it needs to serve or grow.",
            evidence=(f"{balancer.name}: state {balancer.state}",),
            resource=balancer.arn,
        )
    subnets = subnets_named(facts, balancer.subnet_ids)
    yield from _facing_findings(facts, service, balancer, subnets)
    tight = [one for one in subnets if one.cidr_block and one.free_address_count < _FREE_ADDRESSES_NEEDED]
    for subnet in tight:
        yield make_finding(
            code="subnet_full",
            severity="warning",
            cause=f"{balancer.name} lacks free addresses in {subnet.subnet_id} to grow.",
            evidence=(f"{subnet.subnet_id} ({subnet.cidr_block}) has {subnet.free_address_count} free addresses",),
            remedy="Free addresses in the subnet, or move the load balancer to a larger one.",
            resource=subnet.subnet_id,
        )


def _facing_findings(
    facts: NetworkFacts, service: ServicePlacement, balancer: LoadBalancer, subnets: Sequence[Subnet]
) -> Iterator[Finding]:
    if balancer.scheme == "internal":
        yield make_finding(
            code="load_balancer_internal",
            cause=f"{service.service_name} can be reached from inside its network only: {balancer.name} is internal.",
            evidence=(f"{balancer.name}: scheme internal, in {names(subnets)}",),
            remedy="If it should be public, place it in subnets with a route to an internet gateway. "
            + (
                "ECS then makes an internet-facing load balancer."
                if service.is_express
                else "The scheme cannot change."
            ),
            resource=balancer.arn,
        )
        return
    paths = [(one, internet_path(facts, one)) for one in subnets]
    if balancer.scheme != "internet-facing":
        return
    cut = [(one, path) for one, path in paths if path.is_cut or path.way == "nat"]
    if cut:
        everywhere = len(cut) == len(paths)
        yield make_finding(
            code="load_balancer_no_internet_route",
            severity="critical" if everywhere else "warning",
            cause=f"{balancer.name} faces the internet, but {names([one for one, _ in cut])} "
            f"{'has' if len(cut) == 1 else 'have'} no route to an internet gateway.",
            evidence=tuple(
                f"clients ✗ {balancer.name} in {one.subnet_id}: {'; '.join(path.steps)}" for one, path in cut[:3]
            ),
            resource=balancer.arn,
        )
