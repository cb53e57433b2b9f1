"""Where packets to the internet go from a subnet, hop by hop."""

from dataclasses import dataclass
from typing import Literal

from expressway.aws.values.vpc import NatGateway, Route, RouteTable, Subnet
from expressway.diagnose.network.facts import NetworkFacts
from expressway.diagnose.network.reachability import INTERNET, network_of, overlaps

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
        return InternetPath("blackhole", table.route_table_id, (f"{shown} is a blackhole: its target is gone",))
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
    """Longer prefixes of public addresses, and routes to other networks, may lead on; nobody knows from here."""
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
        return InternetPath("nat_broken", name, (shown, where, f"{second} is a blackhole: its target is gone"))
    if route.kind == "nat_gateway":
        return InternetPath("nat_broken", name, (shown, where, f"{second}, which is no internet gateway"))
    return InternetPath("nat", name, (shown, where, second))
