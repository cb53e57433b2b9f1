"""The facts about a network, and whether its routes, security groups and ACLs let TCP through."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from itertools import pairwise
from typing import Literal

from expressway.aws.values.network import (
    AclEntry,
    Endpoint,
    InternetGateway,
    LoadBalancer,
    NatGateway,
    NetworkAcl,
    NetworkInterface,
    PrefixList,
    Route,
    RouteTable,
    SecurityGroup,
    SecurityRule,
    ServicePlacement,
    Subnet,
    TargetGroup,
    Vpc,
)
from expressway.aws.values.service import TargetHealth


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """Everything a network rule may look at.

    A part that could not be read is None (and named in `gaps`), so that nothing is concluded from its absence;
    an empty one was read, and there is nothing. Subnets, groups and target groups that a service names and that
    are not in here do not exist.

    Attributes:
        region: where all this is.
        missing_rule_arns: listener rules that ECS manages and that no longer exist.
        gaps: what could not be read and why, one phrase each.
    """

    region: str = ""
    services: tuple[ServicePlacement, ...] = ()
    vpcs: tuple[Vpc, ...] | None = ()
    subnets: tuple[Subnet, ...] | None = ()
    route_tables: tuple[RouteTable, ...] | None = ()
    security_groups: tuple[SecurityGroup, ...] | None = ()
    network_acls: tuple[NetworkAcl, ...] | None = ()
    endpoints: tuple[Endpoint, ...] | None = ()
    nat_gateways: tuple[NatGateway, ...] | None = ()
    internet_gateways: tuple[InternetGateway, ...] | None = ()
    prefix_lists: tuple[PrefixList, ...] | None = ()
    network_interfaces: tuple[NetworkInterface, ...] | None = ()
    load_balancers: tuple[LoadBalancer, ...] | None = ()
    target_groups: tuple[TargetGroup, ...] | None = ()
    targets: tuple[TargetHealth, ...] | None = ()
    missing_rule_arns: tuple[str, ...] | None = ()
    gaps: tuple[str, ...] = ()

    # -- looking things up ----------------------------------------------------------------------------------
    def subnet(self, subnet_id: str) -> Subnet | None:
        return next((one for one in self.subnets or () if one.subnet_id == subnet_id), None)

    def security_group(self, group_id: str) -> SecurityGroup | None:
        return next((one for one in self.security_groups or () if one.group_id == group_id), None)

    def vpc(self, vpc_id: str) -> Vpc | None:
        return next((one for one in self.vpcs or () if one.vpc_id == vpc_id), None)

    def target_group(self, arn: str) -> TargetGroup | None:
        return next((one for one in self.target_groups or () if one.arn == arn), None)

    def load_balancer(self, arn: str) -> LoadBalancer | None:
        return next((one for one in self.load_balancers or () if one.arn == arn), None)

    def nat_gateway(self, nat_gateway_id: str) -> NatGateway | None:
        return next((one for one in self.nat_gateways or () if one.nat_gateway_id == nat_gateway_id), None)

    def prefix_list(self, prefix_list_id: str) -> PrefixList | None:
        return next((one for one in self.prefix_lists or () if one.prefix_list_id == prefix_list_id), None)

    def route_table_of(self, subnet: Subnet) -> RouteTable | None:
        """The subnet's own route table, or the main one of its VPC; None when unread."""
        tables = self.route_tables or ()
        own = next((one for one in tables if subnet.subnet_id in one.subnet_ids), None)
        return own or next((one for one in tables if one.is_main and one.vpc_id == subnet.vpc_id), None)

    def network_acl_of(self, subnet: Subnet) -> NetworkAcl | None:
        """The network ACL that the subnet is associated with; None when unread."""
        return next((one for one in self.network_acls or () if subnet.subnet_id in one.subnet_ids), None)


def subnets_named(facts: NetworkFacts, subnet_ids: Sequence[str]) -> list[Subnet]:
    return [one for one in map(facts.subnet, subnet_ids) if one is not None]


def groups_named(facts: NetworkFacts, group_ids: Sequence[str]) -> list[SecurityGroup]:
    """The groups; empty where one of them is unknown, since the rules of groups add up."""
    found = [one for one in map(facts.security_group, group_ids) if one is not None]
    return found if len(found) == len(group_ids) else []


def blocks_of(subnets: Sequence[Subnet], is_ipv6: bool) -> tuple[str, ...]:
    ipv6 = [block for one in subnets for block in one.ipv6_cidr_blocks]
    return tuple(ipv6) if is_ipv6 else tuple(one.cidr_block for one in subnets if one.cidr_block)


def port_range(rule: SecurityRule) -> str:
    return "all" if rule.protocol == "-1" else f"{rule.protocol} {rule.from_port}-{rule.to_port}"


def names(subnets: Sequence[Subnet]) -> str:
    return ", ".join(one.subnet_id for one in subnets) or "its subnets"


Way = Literal["gateway", "nat", "none", "blackhole", "nat_broken", "blocked", "elsewhere", "unknown"]
"""`gateway`: an internet gateway (needs a public address). `blocked`: VPC Block Public Access forbids it.
`elsewhere`: to a transit gateway, a firewall, an instance, … where this cannot look. `unknown`: could not be read."""

NO_WAY: frozenset[Way] = frozenset({"none", "blackhole", "nat_broken", "blocked"})
_DEFAULT = "0.0.0.0/0"
_LEAVES_THE_VPC = frozenset({"transit_gateway", "virtual_private_gateway", "other", "network_interface"})
_BROKEN_NAT = frozenset({"failed", "deleting", "deleted"})


@dataclass(frozen=True, slots=True)
class InternetPath:
    """The way from a subnet to the internet; `resource` is where it ends or leaves, `steps` say how it goes."""

    way: Way
    resource: str = ""
    steps: tuple[str, ...] = ()

    @property
    def is_cut(self) -> bool:
        """True when surely nothing of the internet can be reached."""
        return self.way in NO_WAY


def internet_path(facts: NetworkFacts, subnet: Subnet) -> InternetPath:
    """Follow the subnet's default route for IPv4."""
    table = facts.route_table_of(subnet)
    if facts.route_tables is None or table is None:
        return InternetPath("unknown")
    route = _default_route(table)
    if route is None:
        return _without_default(table)
    shown = f"{table.route_table_id}: {route.destination} → {route.target}"
    if route.is_blackhole:
        return InternetPath("blackhole", table.route_table_id, (f"{shown} is a blackhole: its target is deleted",))
    if route.kind == "internet_gateway":
        if subnet.internet_block_mode == "block-bidirectional":
            return InternetPath("blocked", subnet.subnet_id, (shown, "VPC Block Public Access: block-bidirectional"))
        return InternetPath("gateway", route.target, (shown,))
    if route.kind == "nat_gateway":
        return _through_nat(facts, facts.nat_gateway(route.target), shown)
    return InternetPath("elsewhere", route.target, (shown,))


def _default_route(table: RouteTable) -> Route | None:
    return next((route for route in table.routes if route.destination == _DEFAULT), None)


def _without_default(table: RouteTable) -> InternetPath:
    """Routes to parts of the public space or to other networks may lead on: that is ``elsewhere``."""
    for route in table.routes:
        if route.kind in {"local", "endpoint"} or route.is_blackhole:
            continue
        if route.kind in _LEAVES_THE_VPC or _is_public(route.destination):
            shown = f"{table.route_table_id}: {route.destination} → {route.target}"
            return InternetPath("elsewhere", route.target, (shown,))
    return InternetPath("none", table.route_table_id, (f"{table.route_table_id} has no route to {_DEFAULT}",))


def _is_public(destination: str) -> bool:
    if destination.startswith("pl-") or ":" in destination:
        return False
    return any(overlaps(network_of(destination), network_of(block)) for block in INTERNET.cidr_blocks)


def _through_nat(facts: NetworkFacts, nat: NatGateway | None, shown: str) -> InternetPath:
    if nat is None:
        return InternetPath("nat", steps=(shown,))
    name = nat.nat_gateway_id
    if nat.state in _BROKEN_NAT:
        return InternetPath("nat_broken", name, (shown, f"{name} is {nat.state}"))
    if not nat.is_public or nat.state == "pending":
        return InternetPath("elsewhere", name, (shown,))
    table = facts.route_table_of(Subnet(nat.subnet_id, nat.vpc_id)) if nat.subnet_id else None
    if table is None:
        return InternetPath("nat", name, (shown,))
    return _beyond_nat(nat, table, shown)


def _beyond_nat(nat: NatGateway, table: RouteTable, shown: str) -> InternetPath:
    """A public NAT gateway works only in a subnet whose own default route leads on."""
    name, where = nat.nat_gateway_id, f"{nat.nat_gateway_id} lies in {nat.subnet_id}"
    route = _default_route(table)
    if route is None:
        cut = _without_default(table)
        return InternetPath("nat_broken", name, (shown, where, *cut.steps)) if cut.is_cut else InternetPath("nat", name)
    second = f"{table.route_table_id}: {route.destination} → {route.target}"
    if route.is_blackhole:
        return InternetPath("nat_broken", name, (shown, where, f"{second} is a blackhole: its target is deleted"))
    if route.kind == "nat_gateway":
        return InternetPath("nat_broken", name, (shown, where, f"{second}, which is no internet gateway"))
    return InternetPath("nat", name, (shown, where, second))


Reach = Literal["open", "partly", "closed", "unknown"]
"""`partly`: for some of the addresses or ports. `unknown`: something that decides could not be read."""
Network = IPv4Network | IPv6Network

TASK_PORTS = (32768, 60999)
"""The ports that Linux gives to a task's outgoing connections, so where answers to them arrive."""
BALANCER_PORTS = (1024, 65535)
"""The ports from which a load balancer asks its targets. Elastic Load Balancing guide, "Network ACLs"."""

# Everything outside the ranges that never leave a private network (RFC 1918, RFC 6598, loopback, link-local).
_PRIVATE = ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection: every address that it may have, and what rules may name it by."""

    cidr_blocks: tuple[str, ...]
    group_ids: tuple[str, ...] = ()
    prefix_list_ids: tuple[str, ...] = ()


def _public_space() -> tuple[str, ...]:
    space: list[IPv4Network] = [IPv4Network("0.0.0.0/0")]
    for private in map(IPv4Network, _PRIVATE):
        space = [part for one in space for part in (one.address_exclude(private) if private.subnet_of(one) else [one])]
    return tuple(str(one) for one in collapse_addresses(space))


INTERNET = Peer(_public_space())
"""Any public IPv4 address."""


def through_groups(facts: NetworkFacts, rules: Iterable[SecurityRule], *, port: int, peer: Peer) -> Reach:
    """Whether rules of security groups (they add up) let `peer` through on a TCP port."""
    fitting = [rule for rule in rules if rule.covers_tcp(port)]
    named = set(peer.group_ids) | set(peer.prefix_list_ids)
    if any(named.intersection((*rule.group_ids, *rule.prefix_list_ids)) for rule in fitting):
        return "open"
    lists = {list_id for rule in fitting for list_id in rule.prefix_list_ids}
    listed = {list_id: (facts.prefix_list(list_id)) for list_id in lists}
    entries = [one.cidr_blocks for one in listed.values() if one is not None and one.cidr_blocks is not None]
    blocks = [block for rule in fitting for block in rule.cidr_blocks]
    reach = _coverage([*blocks, *(block for some in entries for block in some)], peer.cidr_blocks)
    unread = len(entries) < len(lists)
    return "unknown" if unread and reach != "open" else reach


def _coverage(blocks: Iterable[str], wanted: Iterable[str]) -> Reach:
    """How much of the wanted addresses the blocks cover together."""
    have = _merged(blocks)
    parts = [_one_coverage(have, network_of(one)) for one in wanted]
    if not parts:
        return "unknown"
    if all(part == "open" for part in parts):
        return "open"
    return "closed" if all(part == "closed" for part in parts) else "partly"


def _one_coverage(have: Iterable[Network], wanted: Network) -> Reach:
    reach: Reach = "closed"
    for one in have:
        if contains(one, wanted):
            return "open"
        if overlaps(one, wanted):
            reach = "partly"
    return reach


def _merged(blocks: Iterable[str]) -> list[Network]:
    networks = [network_of(block) for block in blocks]
    ipv4 = [one for one in networks if isinstance(one, IPv4Network)]
    ipv6 = [one for one in networks if isinstance(one, IPv6Network)]
    return [*collapse_addresses(ipv4), *collapse_addresses(ipv6)]


@lru_cache(maxsize=4096)
def network_of(block: str) -> Network:
    return ip_network(block, strict=False)


def contains(outer: Network, inner: Network) -> bool:
    if isinstance(outer, IPv4Network) and isinstance(inner, IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(outer, IPv6Network) and isinstance(inner, IPv6Network):
        return inner.subnet_of(outer)
    return False


def overlaps(first: Network, second: Network) -> bool:
    return first.version == second.version and (contains(first, second) or contains(second, first))


# -- network ACLs -------------------------------------------------------------------------------------------
def through_acl(acl: NetworkAcl, *, is_egress: bool, ports: tuple[int, int], peer: Peer) -> Reach:
    """Whether a network ACL lets TCP packets to or from `peer` through on a range of destination ports."""
    entries = [one for one in acl.entries if one.is_egress == is_egress and one.protocol in {"-1", "6", "tcp"}]
    parts: list[Reach] = [_first_match(entries, network_of(block), ports) for block in peer.cidr_blocks]
    if not parts:
        return "unknown"
    return parts[0] if len(set(parts)) == 1 else "partly"


def _first_match(entries: Iterable[AclEntry], wanted: Network, ports: tuple[int, int]) -> Reach:
    """The lowest number that fits decides, packet by packet; what no entry fits is denied."""
    seen: set[bool] = set()
    for entry in sorted(entries, key=lambda one: one.number):
        block = network_of(entry.cidr_block)
        if not overlaps(block, wanted) or entry.from_port > ports[1] or entry.to_port < ports[0]:
            continue
        seen.add(entry.is_allowed)
        if contains(block, wanted) and entry.from_port <= ports[0] and entry.to_port >= ports[1]:
            break
    else:
        seen.add(False)
    if len(seen) > 1:
        return "partly"
    return "open" if seen == {True} else "closed"


def denied_ports(acl: NetworkAcl, *, is_egress: bool, ports: tuple[int, int], peer: Peer) -> tuple[int, int] | None:
    """The first part of a range of ports on which the ACL denies every address of `peer`; None where there is none."""
    edges = sorted({ports[0], ports[1] + 1, *_edges(acl, is_egress, ports)})
    closed = [
        (low, high - 1)
        for low, high in pairwise(edges)
        if through_acl(acl, is_egress=is_egress, ports=(low, high - 1), peer=peer) == "closed"
    ]
    if not closed:
        return None
    end = closed[0][1]
    for low, high in closed[1:]:
        end = high if low == end + 1 else end
    return closed[0][0], end


def _edges(acl: NetworkAcl, is_egress: bool, ports: tuple[int, int]) -> Iterator[int]:
    for entry in acl.entries:
        if entry.is_egress == is_egress:
            yield from (edge for edge in (entry.from_port, entry.to_port + 1) if ports[0] < edge <= ports[1])
