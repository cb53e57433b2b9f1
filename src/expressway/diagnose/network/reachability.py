"""Whether security groups and network ACLs let TCP through: for every address, some, none, or nobody can tell."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from itertools import pairwise
from typing import Literal

from expressway.aws.values.vpc import AclEntry, NetworkAcl, SecurityRule
from expressway.diagnose.network.facts import NetworkFacts

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
