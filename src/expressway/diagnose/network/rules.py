"""The network's rule set: facts in, findings out, each with the path that fails."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from expressway.aws.values.network import ServicePlacement, Subnet
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding, ranked
from expressway.diagnose.network.egress import egress_findings
from expressway.diagnose.network.ingress import ingress_findings
from expressway.diagnose.network.reachability import NetworkFacts, internet_path


def network_findings(facts: NetworkFacts) -> tuple[Finding, ...]:
    """Everything that is wrong with the network around all services, ranked; what they share is reported once.

    The evidence is paths of ids, names and ports: nothing in it was written by an application.
    """
    shared: dict[tuple[str, str], list[tuple[str, Finding]]] = {}
    for service in facts.services:
        for finding in service_network_findings(facts, service):
            shared.setdefault((finding.code, finding.resource), []).append((service.service_name, finding))
    return ranked(_reported_once(found).in_own_words() for found in shared.values())


def service_network_findings(facts: NetworkFacts, service: ServicePlacement) -> tuple[Finding, ...]:
    """What is wrong with the network around one service, ranked."""
    return ranked(
        (*placement_findings(facts, service), *ingress_findings(facts, service), *egress_findings(facts, service))
    )


def _reported_once(found: Sequence[tuple[str, Finding]]) -> Finding:
    first = ranked(finding for _, finding in found)[0]
    others = dict.fromkeys(name for name, finding in found if finding is not first)
    if not others:
        return first
    return replace(first, evidence=(*first.evidence, f"the same holds for {', '.join(others)}"))


def placement_findings(facts: NetworkFacts, service: ServicePlacement) -> tuple[Finding, ...]:
    """What is wrong with where the service's tasks are put."""
    subnets = [one for one in map(facts.subnet, service.subnet_ids) if one is not None]
    return (
        *_missing(facts, service),
        *_mixed_vpcs(facts, service, subnets),
        *_zones(service, subnets),
        *_addresses(service, subnets),
        *_kinds(facts, service, subnets),
    )


def _missing(facts: NetworkFacts, service: ServicePlacement) -> Iterator[Finding]:
    absent = [("subnet", one) for one in service.subnet_ids if facts.subnets is not None and not facts.subnet(one)]
    if facts.security_groups is not None:
        absent += [("security group", one) for one in service.security_group_ids if not facts.security_group(one)]
    for noun, name in absent:
        yield make_finding(
            f"{noun.replace(' ', '_')}_missing",
            cause=f"{service.service_name} is to run with the {noun} {name}, which does not exist.",
            evidence=(f"network configuration of {service.service_name} → ✗ {name} is not found",),
            remedy="Update the service's network configuration to ones that exist.",
            resource=name,
        )


def _mixed_vpcs(facts: NetworkFacts, service: ServicePlacement, subnets: Sequence[Subnet]) -> Iterator[Finding]:
    """Subnets, security groups and target groups must be of one VPC."""
    vpc_ids = list(dict.fromkeys(one.vpc_id for one in subnets))
    if not vpc_ids:
        return
    home = vpc_ids[0]
    groups = [one for one in map(facts.security_group, service.security_group_ids) if one is not None]
    targets = [facts.target_group(one.target_group_arn) for one in service.bindings]
    strangers = [
        *(f"{one.subnet_id} is in {one.vpc_id}" for one in subnets if one.vpc_id != home),
        *(f"{one.group_id} is in {one.vpc_id}" for one in groups if one.vpc_id and one.vpc_id != home),
        *(f"{one.name} is in {one.vpc_id}" for one in targets if one and one.vpc_id and one.vpc_id != home),
    ]
    if strangers:
        yield make_finding(
            code="vpc_mismatch",
            cause=f"{service.service_name} mixes resources of several VPCs, which cannot work together.",
            evidence=(f"{subnets[0].subnet_id} is in {home}", *strangers[:4]),
            remedy=f"Use subnets, security groups and target groups of {home} only.",
            resource=service.service_arn,
        )


def _zones(service: ServicePlacement, subnets: Sequence[Subnet]) -> Iterator[Finding]:
    zones = {one.zone for one in subnets if one.zone}
    if len(zones) != 1 or len(subnets) != len(service.subnet_ids):
        return
    zone = next(iter(zones))
    yield make_finding(
        code="subnets_one_zone",
        severity="critical" if service.is_express else "warning",
        cause=f"All subnets of {service.service_name} are in {zone}"
        + (", and its load balancer needs two zones." if service.is_express else ": if that zone fails, so does it."),
        evidence=tuple(f"{one.subnet_id} is in {one.zone}" for one in subnets[:4]),
        resource=service.service_arn,
    )


def _addresses(service: ServicePlacement, subnets: Sequence[Subnet]) -> Iterator[Finding]:
    full = [one for one in subnets if one.cidr_block and one.free_address_count == 0]
    for subnet in full:
        everywhere = len(full) == len(subnets)
        yield make_finding(
            code="subnet_full",
            severity="critical" if everywhere else "warning",
            cause=f"No further task of {service.service_name} can start in {subnet.subnet_id}: it has no free address.",
            evidence=(f"{subnet.subnet_id} ({subnet.cidr_block}) has 0 free addresses",),
            remedy="Free addresses in the subnet, or add a larger one to the service.",
            resource=subnet.subnet_id,
        )


def _kinds(facts: NetworkFacts, service: ServicePlacement, subnets: Sequence[Subnet]) -> Iterator[Finding]:
    """Express Mode makes one load balancer in the service's subnets: all should face the internet, or none.

    Source: Express Mode documentation, "Networking defaults": public subnets give an internet-facing load balancer,
    subnets without an internet route an internal one.
    """
    if not service.is_express:
        return
    ways = {one.subnet_id: internet_path(facts, one).way for one in subnets}
    public = [name for name, way in ways.items() if way == "gateway"]
    private = [name for name, way in ways.items() if way in {"nat", "none"}]
    if public and private:
        yield make_finding(
            code="subnets_mixed",
            cause=f"{service.service_name} has public and private subnets; its shared load balancer needs one kind.",
            evidence=(f"route to an internet gateway: {', '.join(public)}", f"none: {', '.join(private)}"),
            resource=service.service_arn,
            confidence="medium",
        )


# -- listener rules and target groups -----------------------------------------------------------------------


# -- load balancer to task ----------------------------------------------------------------------------------
