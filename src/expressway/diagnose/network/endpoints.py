"""VPC endpoints on a task's way: which one it meets, and what is wrong with that."""

from expressway.aws.values.placement import ServicePlacement
from expressway.aws.values.vpc import Endpoint, Subnet
from expressway.diagnose.network.blocked import HTTPS, Cut, cut_by_acl, cut_by_groups, groups_of
from expressway.diagnose.network.facts import NetworkFacts
from expressway.diagnose.network.needs import Need
from expressway.diagnose.network.parts import groups_named
from expressway.diagnose.network.reachability import INTERNET, Peer, through_groups
from expressway.diagnose.network.routes import InternetPath


def endpoints_for(facts: NetworkFacts, subnet: Subnet, need: Need) -> list[Endpoint]:
    if not need.endpoint:
        return []
    ending = f".{facts.region}.{need.endpoint}"
    here = [one for one in facts.endpoints or () if one.vpc_id == subnet.vpc_id]
    return [one for one in here if one.service_name.endswith(ending)]


def answers(facts: NetworkFacts, endpoint: Endpoint) -> bool:
    """Whether the service's own host name leads to the endpoint; unread DNS settings count as on, EC2's default."""
    vpc = facts.vpc(endpoint.vpc_id)
    has_dns = vpc is None or (vpc.dns_support is not False and vpc.dns_hostnames is not False)
    return endpoint.state == "available" and endpoint.has_private_dns and has_dns


def guesses_dns(facts: NetworkFacts, endpoint: Endpoint) -> bool:
    vpc = facts.vpc(endpoint.vpc_id)
    return vpc is None or vpc.dns_support is None or vpc.dns_hostnames is None


def serves(facts: NetworkFacts, endpoint: Endpoint, subnet: Subnet) -> bool:
    table = facts.route_table_of(subnet)
    is_routed = table is None or table.route_table_id in endpoint.route_table_ids
    return endpoint.state == "available" and is_routed


def cut_at_endpoint(facts: NetworkFacts, service: ServicePlacement, subnet: Subnet, endpoint: Endpoint) -> Cut | None:
    places = [one for one in map(facts.subnet, endpoint.subnet_ids) if one is not None and one.cidr_block]
    peer = Peer(tuple(one.cidr_block for one in places), endpoint.security_group_ids)
    outward = cut_by_groups(facts, service, peer, endpoint.endpoint_id)
    if outward is not None:
        return outward
    groups = groups_named(facts, endpoint.security_group_ids)
    mine = Peer((subnet.cidr_block,), service.security_group_ids)
    rules = [rule for group in groups for rule in group.ingress]
    if not groups or through_groups(facts, rules, port=HTTPS, peer=mine) != "closed":
        # Inside one subnet no network ACL is asked.
        return None if subnet.subnet_id in endpoint.subnet_ids else cut_by_acl(facts, subnet, peer)
    named = ", ".join(endpoint.security_group_ids)
    return Cut(
        "endpoint_blocked",
        named,
        f"{named}, which guards the VPC endpoint {endpoint.endpoint_id}, does not let them in on port {HTTPS}",
        (endpoint.endpoint_id, f"{named} has no rule that lets in TCP {HTTPS} from {groups_of(service)}"),
        f"Let TCP {HTTPS} from {groups_of(service)} into {named}.",
    )


def gateway_peer(facts: NetworkFacts, endpoint: Endpoint) -> Peer:
    """The addresses behind a gateway endpoint; rules may name them by the prefix list that its routes have."""
    tables = facts.route_tables or ()
    routes = [route for table in tables for route in table.routes if route.target == endpoint.endpoint_id]
    return Peer(INTERNET.cidr_blocks, prefix_list_ids=tuple(dict.fromkeys(route.destination for route in routes)))


def cut_of_endpoint(facts: NetworkFacts, subnet: Subnet, endpoint: Endpoint, path: InternetPath) -> Cut | None:
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
