"""Whether tasks on Fargate reach what they need to start: the registry, logs, secrets; and where the path is cut."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from expressway.diagnosis.network_needs import Need, needs_of
from expressway.diagnosis.network_parts import groups_named
from expressway.diagnosis.network_reach import INTERNET, TASK_PORTS, Peer, denied_ports, through_acl, through_groups
from expressway.diagnosis.network_routes import InternetPath, internet_path
from expressway.model.finding import Confidence, Finding
from expressway.model.network import Endpoint, Subnet
from expressway.model.network_facts import NetworkFacts, ServicePlacement

_HTTPS = 443


@dataclass(frozen=True, slots=True)
class Cut:
    """A path that fails between a subnet and a need: `steps` lead to the place, `why` completes "tasks … because"."""

    code: str
    resource: str
    why: str
    steps: tuple[str, ...]
    remedy: str
    confidence: Confidence = "high"


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
    labels = list(dict.fromkeys(need.label.rstrip(",") for _, need, _ in found))
    hit = list(dict.fromkeys(subnet.subnet_id for _, _, subnet in found))
    everywhere = len(hit) == len(subnets)
    where = "" if everywhere else f" in {', '.join(hit)}"
    paths = dict.fromkeys(
        " → ".join(
            (f"tasks of {service.service_name} in {subnet.subnet_id}", *one.steps, f"✗ {need.label.rstrip(',')}")
        )
        for one, need, subnet in found
    )
    return Finding(
        code=cut.code,
        severity="critical" if everywhere else "warning",
        cause=f"Tasks of {service.service_name}{where} cannot reach {_listed(labels)}: {cut.why}.",
        evidence=tuple(paths)[:3],
        remedy=cut.remedy,
        resource=cut.resource,
        confidence=cut.confidence,
    )


def _listed(labels: Sequence[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"


def _cut(facts: NetworkFacts, service: ServicePlacement, subnet: Subnet, need: Need) -> Cut | None:
    """Where the path from a subnet to a need is cut; None when it is not, or nobody can tell."""
    mine = _endpoints(facts, subnet, need)
    gateway = next((one for one in mine if one.kind == "Gateway" and _serves(facts, one, subnet)), None)
    if gateway is not None:
        return _cut_by_groups(facts, service, _gateway_peer(facts, gateway)) or _cut_by_acl(facts, subnet, INTERNET)
    answering = next((one for one in mine if one.kind == "Interface" and _answers(facts, one)), None)
    if answering is not None:  # private DNS leads everybody in the VPC to it, whatever other ways there are
        cut = _cut_at_endpoint(facts, service, subnet, answering)
        return replace(cut, confidence="medium") if cut and _guesses_dns(facts, answering) else cut
    return _cut_on_the_way_out(facts, service, subnet, need, mine)


# -- through an endpoint ------------------------------------------------------------------------------------
def _endpoints(facts: NetworkFacts, subnet: Subnet, need: Need) -> list[Endpoint]:
    if not need.endpoint:
        return []
    ending = f".{facts.region}.{need.endpoint}"
    here = [one for one in facts.endpoints or () if one.vpc_id == subnet.vpc_id]
    return [one for one in here if one.service_name.endswith(ending)]


def _answers(facts: NetworkFacts, endpoint: Endpoint) -> bool:
    """Whether the service's own host name leads to the endpoint; unread DNS settings count as on, EC2's default."""
    vpc = facts.vpc(endpoint.vpc_id)
    has_dns = vpc is None or (vpc.dns_support is not False and vpc.dns_hostnames is not False)
    return endpoint.state == "available" and endpoint.has_private_dns and has_dns


def _guesses_dns(facts: NetworkFacts, endpoint: Endpoint) -> bool:
    vpc = facts.vpc(endpoint.vpc_id)
    return vpc is None or vpc.dns_support is None or vpc.dns_hostnames is None


def _serves(facts: NetworkFacts, endpoint: Endpoint, subnet: Subnet) -> bool:
    table = facts.route_table_of(subnet)
    is_routed = table is None or table.route_table_id in endpoint.route_table_ids
    return endpoint.state == "available" and is_routed


def _cut_at_endpoint(facts: NetworkFacts, service: ServicePlacement, subnet: Subnet, endpoint: Endpoint) -> Cut | None:
    places = [one for one in map(facts.subnet, endpoint.subnet_ids) if one is not None and one.cidr_block]
    peer = Peer(tuple(one.cidr_block for one in places), endpoint.security_group_ids)
    outward = _cut_by_groups(facts, service, peer, endpoint.endpoint_id)
    if outward is not None:
        return outward
    groups = groups_named(facts, endpoint.security_group_ids)
    mine = Peer((subnet.cidr_block,), service.security_group_ids)
    rules = [rule for group in groups for rule in group.ingress]
    if not groups or through_groups(facts, rules, port=_HTTPS, peer=mine) != "closed":
        # Inside one subnet no network ACL is asked.
        return None if subnet.subnet_id in endpoint.subnet_ids else _cut_by_acl(facts, subnet, peer)
    named = ", ".join(endpoint.security_group_ids)
    return Cut(
        "endpoint_blocked",
        endpoint.endpoint_id,
        f"the VPC endpoint {endpoint.endpoint_id} lets nobody of them in on port {_HTTPS} ({named})",
        (endpoint.endpoint_id, f"{named} has no rule that lets in TCP {_HTTPS} from {_groups_of(service)}"),
        f"Let TCP {_HTTPS} from {_groups_of(service)} into {named}.",
    )


def _gateway_peer(facts: NetworkFacts, endpoint: Endpoint) -> Peer:
    """The addresses behind a gateway endpoint; rules may name them by the prefix list that its routes have."""
    tables = facts.route_tables or ()
    routes = [route for table in tables for route in table.routes if route.target == endpoint.endpoint_id]
    return Peer(INTERNET.cidr_blocks, prefix_list_ids=tuple(dict.fromkeys(route.destination for route in routes)))


# -- on the way out -----------------------------------------------------------------------------------------
def _cut_on_the_way_out(
    facts: NetworkFacts, service: ServicePlacement, subnet: Subnet, need: Need, mine: Sequence[Endpoint]
) -> Cut | None:
    path = internet_path(facts, subnet)
    # Endpoints that may not be seen may be there, and one's own DNS may lead to those that do not answer by name.
    may_be_private = bool(need.endpoint) and (facts.endpoints is None or bool(mine))
    if path.way in {"unknown", "elsewhere"} or (may_be_private and not path.is_cut):
        return _cut_by_groups(facts, service, None)
    if path.is_cut:
        unseen = need.endpoint and facts.endpoints is None
        return _cut_by_groups(facts, service, None) if unseen else _cut_of_path(facts, subnet, need, mine, path)
    if path.way == "gateway" and service.assign_public_ip is False:
        steps = (*path.steps, "no public IP address")
        why = f"they have no public IP address, which {path.resource} needs"
        remedy = (
            "Set assignPublicIp to ENABLED, or put the tasks into subnets whose default route leads to a NAT gateway"
            + (", or add the VPC endpoints that they need." if need.endpoint else ".")
        )
        return Cut("no_public_ip", service.service_arn, why, steps, remedy)
    return _cut_by_groups(facts, service, INTERNET) or _cut_by_acl(facts, subnet, INTERNET)


def _cut_of_path(
    facts: NetworkFacts, subnet: Subnet, need: Need, mine: Sequence[Endpoint], path: InternetPath
) -> Cut | None:
    """The internet is out of reach: the endpoint that would do instead is what is wrong, where there is one."""
    if mine:
        return _cut_of_endpoint(facts, subnet, mine[0], path)
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
        why = f"{subnet.subnet_id} has no route to the internet, and {subnet.vpc_id} has no VPC endpoint for it"
        remedy = f"Add the VPC endpoint com.amazonaws.{facts.region}.{need.endpoint}, or a route to a NAT gateway."
        return Cut("endpoint_missing", f"{subnet.vpc_id}/{need.endpoint}", why, path.steps, remedy)
    why = f"{path.resource} has no route to the internet, and no VPC endpoint takes its place"
    remedy = (
        f"Route 0.0.0.0/0 in {path.resource} to a NAT gateway (or to an internet gateway, with public IP addresses)"
    )
    remedy += ", or add VPC endpoints for ecr.api, ecr.dkr, logs and s3." if need.endpoint else "."
    return Cut("no_internet_route", path.resource, why, path.steps, remedy)


def _cut_of_endpoint(facts: NetworkFacts, subnet: Subnet, endpoint: Endpoint, path: InternetPath) -> Cut | None:
    name, vpc = endpoint.endpoint_id, facts.vpc(endpoint.vpc_id)
    if endpoint.state != "available":
        why = f"the VPC endpoint {name} is {endpoint.state}"
        return Cut("endpoint_unavailable", name, why, (*path.steps, why), "Accept, repair or replace the VPC endpoint.")
    if endpoint.kind == "Gateway":
        table = facts.route_table_of(subnet)
        where = table.route_table_id if table else subnet.subnet_id
        why = f"the gateway endpoint {name} is not associated with {where}"
        return Cut("endpoint_not_routed", name, why, (*path.steps, why), f"Associate {name} with {where}.")
    if not endpoint.has_private_dns:
        why = f"private DNS is off at the VPC endpoint {name}, so the service's name leads past it"
        remedy = f"Turn on private DNS names for {name}, or resolve the name to it in a private hosted zone."
        return Cut("endpoint_private_dns_off", name, why, (*path.steps, why), remedy, "medium")
    off = "DNS support" if vpc is not None and vpc.dns_support is False else "DNS hostnames"
    why = f"{off} is off in {endpoint.vpc_id}, which the private name of {name} needs"
    remedy = f"Turn on enableDnsSupport and enableDnsHostnames of {endpoint.vpc_id}."
    return Cut("vpc_dns_disabled", endpoint.vpc_id, why, (*path.steps, why), remedy)


def _cut_by_groups(
    facts: NetworkFacts, service: ServicePlacement, peer: Peer | None, towards: str = "the internet"
) -> Cut | None:
    """`peer` is None where nobody knows what the other end is: then only rules that let nothing out at all count."""
    groups = groups_named(facts, service.security_group_ids)
    rules = [rule for group in groups for rule in group.egress]
    if not groups or (peer is None and any(rule.covers_tcp(_HTTPS) for rule in rules)):
        return None
    if peer is not None and through_groups(facts, rules, port=_HTTPS, peer=peer) != "closed":
        return None
    named = _groups_of(service)
    return Cut(
        "egress_blocked",
        named,
        f"{named} lets no TCP {_HTTPS} out towards {towards}",
        (f"{named} has no egress rule for TCP {_HTTPS} towards {towards}",),
        f"Add an egress rule for TCP {_HTTPS} to {named}: to 0.0.0.0/0, or to the endpoints and prefix lists in use.",
    )


def _cut_by_acl(facts: NetworkFacts, subnet: Subnet, peer: Peer) -> Cut | None:
    """Requests leave to port 443; answers come back to the ports that the task's system gave out."""
    acl = facts.network_acl_of(subnet)
    if acl is None:
        return None
    name = acl.network_acl_id
    if through_acl(acl, is_egress=True, ports=(_HTTPS, _HTTPS), peer=peer) == "closed":
        why = f"the network ACL {name} denies TCP {_HTTPS} outbound"
        return Cut("network_acl_denies", name, why, (why,), f"Allow TCP {_HTTPS} outbound in {name}.")
    denied = denied_ports(acl, is_egress=False, ports=TASK_PORTS, peer=peer)
    if denied is None:
        return None
    why = f"the network ACL {name} denies the answers, inbound to TCP {denied[0]}-{denied[1]}"
    remedy = f"Allow TCP {TASK_PORTS[0]}-{TASK_PORTS[1]} inbound in {name}; network ACLs keep no state."
    return Cut("network_acl_denies", name, why, (why,), remedy, "high" if denied == TASK_PORTS else "medium")


def _groups_of(service: ServicePlacement) -> str:
    return ", ".join(service.security_group_ids)
