"""Whether tasks on Fargate reach what they need to start: the registry, logs, secrets; and where the path is cut."""

from collections.abc import Sequence
from dataclasses import replace

from expressway.aws.values.placement import ServicePlacement
from expressway.aws.values.vpc import Endpoint, Subnet
from expressway.diagnose.finding import Finding
from expressway.diagnose.network.blocked import Cut, cut_by_acl, cut_by_groups
from expressway.diagnose.network.endpoints import (
    answers,
    cut_at_endpoint,
    cut_of_endpoint,
    endpoints_for,
    gateway_peer,
    guesses_dns,
    serves,
)
from expressway.diagnose.network.facts import NetworkFacts
from expressway.diagnose.network.needs import Need, needs_of
from expressway.diagnose.network.reachability import INTERNET
from expressway.diagnose.network.routes import InternetPath, internet_path


def egress_findings(facts: NetworkFacts, service: ServicePlacement) -> tuple[Finding, ...]:
    """What keeps the service's tasks from starting, one finding for each place where paths are cut.

    Only Fargate: on instances the agent pulls images, through the instance's own network.
    """
    if service.needs is None or service.launch_type != "FARGATE":
        return ()
    needs = needs_of(service.needs, facts.region)
    subnets = [one for one in map(facts.subnet, service.subnet_ids) if one is not None and one.cidr_block]
    cuts: dict[tuple[str, str], list[tuple[Cut, Need, Subnet]]] = {}
    for subnet in subnets:
        for need in needs:
            cut = _cut(facts, service, subnet, need)
            if cut is not None:
                cuts.setdefault((cut.code, cut.resource), []).append((cut, need, subnet))
    return tuple(_finding(service, subnets, found) for found in cuts.values())


def _finding(
    service: ServicePlacement, subnets: Sequence[Subnet], found: Sequence[tuple[Cut, Need, Subnet]]
) -> Finding:
    cut = found[0][0]
    labels = list(dict.fromkeys(need.label for _, need, _ in found))
    hit = list(dict.fromkeys(subnet.subnet_id for _, _, subnet in found))
    everywhere = len(hit) == len(subnets)
    where = "" if everywhere else f" in {', '.join(hit)}"
    paths = dict.fromkeys(
        " → ".join((f"tasks of {service.service_name} in {subnet.subnet_id}", *one.steps, f"✗ {need.label}"))
        for one, need, subnet in found
    )
    return Finding(
        code=cut.code,
        severity="critical" if everywhere else "warning",
        cause=f"Tasks of {service.service_name}{where} cannot reach {_listed(labels)}: {cut.why}.",
        evidence=tuple(paths)[:3],
        remedy=" ".join(dict.fromkeys(one.remedy for one, _, _ in found)),
        resource=cut.resource,
        confidence=cut.confidence,
    )


def _listed(labels: Sequence[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"


def _cut(facts: NetworkFacts, service: ServicePlacement, subnet: Subnet, need: Need) -> Cut | None:
    """Where the path from a subnet to a need is cut; None when it is not, or nobody can tell."""
    mine = endpoints_for(facts, subnet, need)
    gateway = next((one for one in mine if one.kind == "Gateway" and serves(facts, one, subnet)), None)
    if gateway is not None:
        return cut_by_groups(facts, service, gateway_peer(facts, gateway), gateway.endpoint_id) or cut_by_acl(
            facts, subnet, INTERNET
        )
    answering = next((one for one in mine if one.kind == "Interface" and answers(facts, one)), None)
    if answering is not None:  # private DNS leads everybody in the VPC to it, whatever other ways there are
        cut = cut_at_endpoint(facts, service, subnet, answering)
        return replace(cut, confidence="medium") if cut and guesses_dns(facts, answering) else cut
    return _cut_on_the_way_out(facts, service, subnet, need, mine)


# -- on the way out -----------------------------------------------------------------------------------------
def _cut_on_the_way_out(
    facts: NetworkFacts, service: ServicePlacement, subnet: Subnet, need: Need, mine: Sequence[Endpoint]
) -> Cut | None:
    path = internet_path(facts, subnet)
    # Endpoints that may not be seen may be there, and one's own DNS may lead to those that do not answer by name.
    may_be_private = bool(need.endpoint) and (facts.endpoints is None or bool(mine))
    if path.way in {"unknown", "elsewhere"} or (may_be_private and not path.is_cut):
        return cut_by_groups(facts, service, None)
    if path.is_cut:
        unseen = need.endpoint and facts.endpoints is None
        return cut_by_groups(facts, service, None) if unseen else _cut_of_path(facts, subnet, need, mine, path)
    if path.way == "gateway" and service.assign_public_ip is False:
        steps = (*path.steps, "no public IP address")
        why = f"they have no public IP address, which {path.resource} needs"
        remedy = (
            "Set assignPublicIp to ENABLED, or put the tasks into subnets whose default route leads to a NAT gateway"
            + (", or add the VPC endpoints that they need." if need.endpoint else ".")
        )
        return Cut("no_public_ip", service.service_arn, why, steps, remedy)
    return cut_by_groups(facts, service, INTERNET) or cut_by_acl(facts, subnet, INTERNET)


def _cut_of_path(
    facts: NetworkFacts, subnet: Subnet, need: Need, mine: Sequence[Endpoint], path: InternetPath
) -> Cut | None:
    """The internet is out of reach: the endpoint that would do instead is what is wrong, where there is one."""
    if mine:
        return cut_of_endpoint(facts, subnet, mine[0], path)
    if path.way == "blackhole":
        why = f"the default route in {path.resource} is a blackhole"
        return Cut(
            "blackhole_route",
            path.resource,
            why,
            path.steps,
            f"Point 0.0.0.0/0 in {path.resource} to a gateway that exists.",
        )
    if path.way == "nat_broken":
        why = f"{path.resource} leads nowhere"
        remedy = (
            f"Put the NAT gateway into a subnet whose default route is an internet gateway, or replace {path.resource}."
        )
        return Cut("nat_gateway_unusable", path.resource, why, path.steps, remedy)
    if path.way == "blocked":
        remedy = f"Exclude {subnet.subnet_id} from VPC Block Public Access, or use VPC endpoints."
        return Cut("public_access_blocked", path.resource, "VPC Block Public Access forbids it", path.steps, remedy)
    others = [one for one in facts.endpoints or () if one.vpc_id == subnet.vpc_id]
    if need.endpoint and others:
        why = f"{subnet.subnet_id} has no route to the internet, and {subnet.vpc_id} has no VPC endpoint for that"
        remedy = f"Add the VPC endpoint com.amazonaws.{facts.region}.{need.endpoint}."
        return Cut("endpoint_missing", subnet.vpc_id, why, path.steps, remedy)
    why = f"{path.resource} has no route to the internet, and no VPC endpoint takes its place"
    remedy = (
        f"Route 0.0.0.0/0 in {path.resource} to a NAT gateway (or to an internet gateway, with public IP addresses)"
    )
    remedy += (
        ", or add VPC endpoints for all that the tasks need (ecr.api, ecr.dkr, s3, logs, …)." if need.endpoint else "."
    )
    return Cut("no_internet_route", path.resource, why, path.steps, remedy)
