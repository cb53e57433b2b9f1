"""Whole ranges of addresses and ports are judged as each of their packets would be."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.aws.values.network import AclEntry, NetworkAcl, SecurityRule
from expressway.aws.values.task_definition import TaskDefinition
from expressway.diagnose.network.egress import Need, needs_of
from expressway.diagnose.network.reachability import (
    INTERNET,
    NetworkFacts,
    Peer,
    Reach,
    denied_ports,
    through_acl,
    through_groups,
)
from tests.diagnose.network.topologies import ECR_IMAGE, REGION, SECRET, task_needs

# A world small enough to try every packet in: 16 addresses, 16 ports.
WORLD = ip_network("10.0.0.0/28")
ADDRESSES = tuple(WORLD)
PORTS = range(16)
BLOCKS = st.sampled_from([str(one) for size in range(28, 33) for one in WORLD.subnets(new_prefix=size)])
RANGES = st.tuples(st.integers(0, 15), st.integers(0, 15)).map(lambda ports: (min(ports), max(ports)))


def expected(verdicts: set[bool]) -> Reach:
    if len(verdicts) > 1:
        return "partly"
    return "open" if verdicts == {True} else "closed"


@st.composite
def security_rules(draw: st.DrawFn) -> SecurityRule:
    low, high = draw(RANGES)
    return SecurityRule(draw(st.sampled_from(["tcp", "udp"])), low, high, tuple(draw(st.lists(BLOCKS, max_size=3))))


@st.composite
def acl_entries(draw: st.DrawFn) -> AclEntry:
    low, high = draw(RANGES)
    protocol = draw(st.sampled_from(["6", "17", "-1"]))
    ports = (0, 65535) if protocol == "-1" else (low, high)
    return AclEntry(draw(st.integers(1, 9)), True, draw(st.booleans()), protocol, draw(BLOCKS), *ports)


@given(st.lists(security_rules(), max_size=4), BLOCKS, st.sampled_from(PORTS))
def test_groups_let_a_block_through_as_they_do_its_addresses(rules: list[SecurityRule], block: str, port: int) -> None:
    def lets_in(address: object) -> bool:
        fitting = [rule for rule in rules if rule.protocol == "tcp" and rule.from_port <= port <= rule.to_port]
        return any(address in ip_network(one) for rule in fitting for one in rule.cidr_blocks)

    verdicts = {lets_in(address) for address in ip_network(block)}

    assert through_groups(NetworkFacts(), rules, port=port, peer=Peer((block,))) == expected(verdicts)


def packet(entries: list[AclEntry], address: object, port: int) -> bool:
    """The first entry by number that fits decides; none is a denial."""
    for entry in sorted(entries, key=lambda one: one.number):
        fits = entry.protocol in {"6", "-1"} and entry.from_port <= port <= entry.to_port
        if fits and address in ip_network(entry.cidr_block):
            return entry.is_allowed
    return False


@given(st.lists(acl_entries(), max_size=5, unique_by=lambda one: one.number), BLOCKS, RANGES)
def test_an_acl_that_surely_lets_through_or_denies_does_so_with_every_packet(
    entries: list[AclEntry], block: str, ports: tuple[int, int]
) -> None:
    every = {packet(entries, address, port) for address in ip_network(block) for port in range(ports[0], ports[1] + 1)}

    told = through_acl(NetworkAcl("acl", entries=tuple(entries)), is_egress=True, ports=ports, peer=Peer((block,)))

    # Entries that add up to the whole range may be told as "partly": nothing is concluded from that.
    assert told in {expected(every), "partly"}


@given(st.lists(acl_entries(), max_size=5, unique_by=lambda one: one.number), BLOCKS)
def test_denied_ports_are_denied_to_every_address(entries: list[AclEntry], block: str) -> None:
    acl = NetworkAcl("acl", entries=tuple(entries))

    denied = denied_ports(acl, is_egress=True, ports=(0, 15), peer=Peer((block,)))

    if denied is not None:
        assert not any(
            packet(entries, address, port) for address in ip_network(block) for port in range(denied[0], denied[1] + 1)
        )


def test_the_internet_is_everything_but_private_ranges() -> None:
    space = [ip_network(block) for block in INTERNET.cidr_blocks]

    for private in ("10.1.2.3/32", "172.16.0.1/32", "172.31.255.255/32", "192.168.0.1/32", "100.64.0.1/32"):
        assert not any(ip_network(private).subnet_of(one) for one in space), private
    for public in ("1.1.1.1/32", "52.95.0.1/32", "172.32.0.1/32", "100.128.0.1/32", "223.0.0.1/32"):
        assert any(ip_network(public).subnet_of(one) for one in space), public


ECR_NEEDS = {"ecr.api", "ecr.dkr", "s3"}


@pytest.mark.parametrize(
    ("needs", "endpoints", "labels"),
    [
        (task_needs((ECR_IMAGE,)), ECR_NEEDS, set[str]()),
        (task_needs((f"123456789012.dkr.ecr-fips.{REGION}.amazonaws.com/a/b:1",)), ECR_NEEDS, set[str]()),
        (task_needs((ECR_IMAGE.replace(REGION, "us-west-2"),)), set[str](), {"the ECR registry in us-west-2"}),
        (task_needs(("nginx",)), set[str](), {"the registry docker.io"}),
        (task_needs(("library/nginx:1.29",)), set[str](), {"the registry docker.io"}),
        (task_needs(("public.ecr.aws/docker/library/python:3.13-slim",)), set[str](), {"the registry public.ecr.aws"}),
        (task_needs(("ghcr.io/owner/app@sha256:0",)), set[str](), {"the registry ghcr.io"}),
        (task_needs(("registry.corp.example/app:1",)), set[str](), set[str]()),
        (task_needs(("registry:5000/app:1",)), set[str](), set[str]()),
        (task_needs(("localhost/app:1",)), set[str](), set[str]()),
        (task_needs((), (SECRET,)), {"secretsmanager"}, set[str]()),
        (task_needs((), (SECRET + ":password::",)), {"secretsmanager"}, set[str]()),
        (task_needs((), ("/web/password",)), {"ssm"}, set[str]()),
        (task_needs((), (f"arn:aws:ssm:{REGION}:123456789012:parameter/web/password",)), {"ssm"}, set[str]()),
        (
            task_needs((), (SECRET.replace(REGION, "us-east-1"),)),
            set[str](),
            {"AWS Secrets Manager in us-east-1"},
        ),
        (task_needs(log_regions=(REGION,)), {"logs"}, set[str]()),
        (task_needs(log_regions=("us-east-1",)), set[str](), {"CloudWatch Logs in us-east-1"}),
        (task_needs(), set[str](), set[str]()),
    ],
)
def test_a_task_needs_what_its_definition_names(needs: TaskDefinition, endpoints: set[str], labels: set[str]) -> None:
    found = needs_of(needs, REGION)

    assert {one.endpoint for one in found if one.endpoint} == endpoints
    assert {one.label for one in found if not one.endpoint} == labels


def test_what_several_containers_need_is_named_once() -> None:
    assert len(needs_of(task_needs((ECR_IMAGE, ECR_IMAGE.replace("web", "side"))), REGION)) == 3
    assert needs_of(task_needs(("nginx", "redis")), REGION) == (Need("the registry docker.io"),)
