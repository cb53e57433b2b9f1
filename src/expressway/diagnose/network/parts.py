"""Picking parts out of the facts, in the ways that several rules need."""

from collections.abc import Sequence

from expressway.aws.values.vpc import SecurityGroup, Subnet
from expressway.diagnose.network.facts import NetworkFacts


def subnets_named(facts: NetworkFacts, subnet_ids: Sequence[str]) -> list[Subnet]:
    return [one for one in map(facts.subnet, subnet_ids) if one is not None]


def groups_named(facts: NetworkFacts, group_ids: Sequence[str]) -> list[SecurityGroup]:
    """The groups; none at all where one of them is not known, since groups add up."""
    found = [one for one in map(facts.security_group, group_ids) if one is not None]
    return found if len(found) == len(group_ids) else []


def blocks_of(subnets: Sequence[Subnet], is_ipv6: bool) -> tuple[str, ...]:
    ipv6 = [block for one in subnets for block in one.ipv6_cidr_blocks]
    return tuple(ipv6) if is_ipv6 else tuple(one.cidr_block for one in subnets if one.cidr_block)


def names(subnets: Sequence[Subnet]) -> str:
    return ", ".join(one.subnet_id for one in subnets) or "its subnets"
