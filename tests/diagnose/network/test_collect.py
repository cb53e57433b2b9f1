"""The facts of a network are gathered whole, in few rounds, and a refused read is a gap and nothing else."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from expressway.aws.values.network import NetworkInterface, PrefixList, SecurityGroup, ServicePlacement, Subnet
from expressway.diagnose.network.action import fetch_network_configuration
from expressway.diagnose.network.collect import gather_network
from expressway.diagnose.network.reachability import NetworkFacts
from expressway.diagnose.network.rules import network_findings
from tests.diagnose.network.fakes import InMemoryNetwork
from tests.diagnose.network.topologies import (
    LOCAL,
    SERVICE_ARN,
    changed,
    default_vpc,
    group,
    private_with_endpoints,
    private_with_nat,
    service,
    table,
    tcp,
    with_more,
)

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DEFINITION = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:1"
PEER_RESOURCES = {
    "vpcs",
    "subnets",
    "security_groups",
    "route_tables",
    "network_interfaces",
    "nat_gateways",
    "internet_gateways",
    "load_balancers",
    "target_groups",
}


def deployed(topology: Callable[[], NetworkFacts]) -> NetworkFacts:
    return changed(topology(), service(task_definition_arn=DEFINITION))


def known(facts: NetworkFacts) -> NetworkFacts:
    """The facts without what depends on the order of reading."""
    by_text: dict[str, Any] = {}
    for kind in ("subnets", "security_groups", "endpoints"):
        values = getattr(facts, kind)
        by_text[kind] = None if values is None else tuple(sorted(values, key=repr))
    services = tuple(replace(one, revision_arns=()) for one in facts.services)
    return replace(facts, services=services, **by_text)


@pytest.mark.parametrize("topology", [default_vpc, private_with_nat, private_with_endpoints])
def test_everything_that_the_rules_need_is_read(topology: Callable[[], NetworkFacts]) -> None:
    facts = deployed(topology)

    gathered = gather_network("default", ports=InMemoryNetwork(facts).ports)

    assert known(gathered) == known(facts)


def test_only_the_named_services_are_read() -> None:
    facts = deployed(default_vpc)
    neighbour = replace(facts.services[0], service_arn=f"{SERVICE_ARN}-2", service_name="other")
    network = InMemoryNetwork(replace(facts, services=(*facts.services, neighbour)))

    gathered = gather_network("default", ports=network.ports, service_names=["web"])

    assert [one.service_name for one in gathered.services] == ["web"]
    assert "service_names" not in {name for name, _ in network.asked}


def test_services_are_described_ten_at_a_time() -> None:
    facts = deployed(default_vpc)
    (one,) = facts.services
    many = tuple(replace(one, service_arn=f"{SERVICE_ARN}-{n}", service_name=f"web-{n}") for n in range(25))
    network = InMemoryNetwork(replace(facts, services=many))

    gathered = gather_network("default", ports=network.ports)

    sizes = sorted(len(asked[1]) for name, asked in network.asked if name == "placements")
    assert sizes == [5, 10, 10]
    assert len(gathered.services) == 25


def test_what_is_known_is_asked_for_once() -> None:
    facts = deployed(private_with_endpoints)
    network = InMemoryNetwork(facts)

    gather_network("default", ports=network.ports)

    for kind in ("subnets", "security_groups", "load_balancers", "target_groups"):
        ids = [one for name, asked in network.asked if name == kind for one in asked[0]]
        assert len(ids) == len(set(ids)), kind


REFUSED = {
    "placements": ("services", "services"),
    "revision_placements": ("revisions", None),
    "task_definition": ("task definitions", None),
    "interface_ids": ("tasks", None),
    "vpcs": ("vpcs", "vpcs"),
    "dns_attribute": ("vpc dns", None),
    "subnets": ("subnets", "subnets"),
    "security_groups": ("security groups", "security_groups"),
    "route_tables": ("route tables", "route_tables"),
    "network_acls": ("network acls", "network_acls"),
    "endpoints": ("vpc endpoints", "endpoints"),
    "nat_gateways": ("nat gateways", "nat_gateways"),
    "internet_gateways": ("internet gateways", "internet_gateways"),
    "load_balancers": ("load balancers", "load_balancers"),
    "target_groups": ("target groups", "target_groups"),
    "health": ("target health", "targets"),
    "missing_rules": ("listener rules", "missing_rule_arns"),
}


@pytest.mark.parametrize("topology", [default_vpc, private_with_nat, private_with_endpoints])
@pytest.mark.parametrize("refused", sorted(REFUSED))
def test_a_missing_permission_is_a_named_gap_and_no_conclusion(
    refused: str, topology: Callable[[], NetworkFacts]
) -> None:
    network = InMemoryNetwork(deployed(topology), refused=[refused])
    gap, part = REFUSED[refused]

    gathered = gather_network("default", ports=network.ports)

    if refused in {name for name, _ in network.asked}:
        assert any(one.startswith(f"{gap}: ") for one in gathered.gaps), gathered.gaps
    assert [one for one in network_findings(gathered) if one.severity != "info"] == []
    if part and part != "services" and refused in {name for name, _ in network.asked}:
        assert getattr(gathered, part) is None


def test_a_refused_prefix_list_is_a_gap_too() -> None:
    facts = changed(
        deployed(default_vpc),
        group("sg-task", ingress=(tcp(8080, "pl-1"),)),
        with_more("prefix_lists", PrefixList("pl-1", "corp", ("10.0.0.0/16",))),
    )

    readable = gather_network("default", ports=InMemoryNetwork(facts).ports)
    refused = gather_network("default", ports=InMemoryNetwork(facts, refused=["prefix_lists"]).ports)

    assert readable.prefix_lists == facts.prefix_lists
    assert refused.prefix_lists is None
    assert [one for one in network_findings(refused) if one.severity != "info"] == []


def test_a_first_deployment_that_fails_is_in_no_list_of_current_ones_and_still_found() -> None:
    class NotYetCurrent(InMemoryNetwork):
        def placements(self, cluster: str, names: Sequence[str]) -> tuple[ServicePlacement, ...]:
            return tuple(replace(one, revision_arns=()) for one in super().placements(cluster, names))

    network = NotYetCurrent(deployed(default_vpc))

    gathered = gather_network("default", ports=network.ports, service_names=["web"])

    assert gathered.services[0].rule_arns == ("rule-1",)


def test_groups_of_an_older_revision_do_not_hide_what_the_service_has_now() -> None:
    now = ServicePlacement(SERVICE_ARN, "web", security_group_ids=("sg-new",), subnet_ids=("subnet-a",))
    older = ServicePlacement(
        SERVICE_ARN,
        "web",
        security_group_ids=("sg-old", "sg-managed"),
        managed_group_ids=("sg-managed",),
        subnet_ids=("subnet-b",),
    )

    assert now.completed_by(older).security_group_ids == ("sg-new", "sg-managed")
    assert now.completed_by(older).subnet_ids == ("subnet-a",)
    assert ServicePlacement(SERVICE_ARN, "web").completed_by(older).security_group_ids == ("sg-old", "sg-managed")


def test_a_service_without_groups_has_the_default_one_of_its_vpc() -> None:
    facts = changed(
        deployed(private_with_nat),
        service(security_group_ids=()),
        with_more("security_groups", SecurityGroup("sg-default", "default", "vpc-1", (), (tcp(443, "0.0.0.0/0"),))),
    )

    gathered = gather_network("default", ports=InMemoryNetwork(facts).ports)

    assert gathered.services[0].security_group_ids == ("sg-default",)
    assert [one.code for one in network_findings(gathered)] == ["load_balancer_blocked"]


def test_a_vpc_can_be_asked_for_alone() -> None:
    facts = deployed(private_with_nat)
    elsewhere = replace(
        facts.services[0], service_arn=f"{SERVICE_ARN}-2", service_name="far", subnet_ids=("subnet-far",), bindings=()
    )
    both = replace(
        facts,
        services=(*facts.services, elsewhere),
        subnets=(*(facts.subnets or ()), Subnet("subnet-far", "vpc-2", "eu-west-1a", "10.9.0.0/24")),
    )

    gathered = gather_network("default", ports=InMemoryNetwork(both).ports, vpc_id="vpc-1")

    assert [one.service_name for one in gathered.services] == ["web"]
    assert {one.vpc_id for one in gathered.vpcs or ()} == {"vpc-1"}


# -- the action ---------------------------------------------------------------------------------------------
def test_the_action_answers_with_every_key_that_callers_know() -> None:
    interface = NetworkInterface("eni-1", "vpc-1", "subnet-a", ("sg-task",), "10.0.0.5", "203.0.113.9")
    facts = replace(deployed(default_vpc), network_interfaces=(interface,))
    network = InMemoryNetwork(facts, interface_ids=["eni-1"])

    answer = fetch_network_configuration("default", ports=network.ports, now=NOW)

    assert answer["status"] == "success"
    data = answer["data"]
    assert {"timestamp", "vpc_ids", "clusters", "raw_resources", "analysis_guide"} <= data.keys()
    assert data["timestamp"] == "2026-11-01T12:00:00+00:00"
    assert (data["vpc_ids"], data["clusters"]) == (["vpc-1"], ["default"])
    assert data["raw_resources"].keys() >= PEER_RESOURCES
    assert data["analysis_guide"].keys() == {"common_issues", "resource_relationships"}
    assert [one["PublicIp"] for one in data["raw_resources"]["network_interfaces"]["NetworkInterfaces"]] == [
        "203.0.113.9"
    ]
    assert [(one["code"], one["severity"]) for one in answer["findings"]] == [("nothing_wrong", "info")]
    assert "gaps" not in answer
    json.dumps(answer)


def test_the_action_tells_findings_and_gaps() -> None:
    facts = changed(deployed(private_with_nat), table("rtb-private", LOCAL))
    network = InMemoryNetwork(facts, refused=["network_acls"])

    answer = fetch_network_configuration("default", ports=network.ports, now=NOW)

    assert [one["code"] for one in answer["findings"]] == ["no_internet_route"]
    assert answer["gaps"] == ["network acls: AWS did not answer network_acls"]
    assert answer["data"]["raw_resources"]["network_acls"] == {"NetworkAcls": None}


def test_a_cluster_with_nothing_in_any_vpc_is_a_warning() -> None:
    network = InMemoryNetwork(replace(default_vpc(), services=()))

    answer = fetch_network_configuration("empty", ports=network.ports, now=NOW)

    assert answer["status"] == "warning"
    assert "empty" in answer["message"]
    assert answer["timestamp"]
    assert answer["findings"] == []


def test_a_vpc_that_does_not_exist_is_a_warning_with_its_name() -> None:
    network = InMemoryNetwork(replace(default_vpc(), services=(), vpcs=()))

    answer = fetch_network_configuration("default", "vpc-typo", ports=network.ports, now=NOW)

    assert answer["status"] == "warning"
    assert "vpc-typo" in answer["message"]


def test_a_vpc_that_does_not_exist_is_a_finding_beside_services_that_are_elsewhere() -> None:
    network = InMemoryNetwork(deployed(default_vpc))

    answer = fetch_network_configuration("default", "vpc-typo", ports=network.ports, now=NOW)

    (finding,) = answer["findings"]
    assert (finding["code"], finding["severity"], finding["resource"]) == ("vpc_not_found", "critical", "vpc-typo")
    assert "gaps" not in answer


def test_nothing_is_said_of_a_vpc_where_vpcs_may_not_be_read() -> None:
    network = InMemoryNetwork(deployed(default_vpc), refused=["vpcs"])

    answer = fetch_network_configuration("default", "vpc-1", ports=network.ports, now=NOW)

    assert answer["findings"] == []
    assert answer["gaps"]


def test_the_action_reads_a_vpc_whole() -> None:
    facts = deployed(private_with_endpoints)
    spare = Subnet("subnet-spare", "vpc-1", "eu-west-1c", "10.0.20.0/24")
    network = InMemoryNetwork(replace(facts, subnets=(*(facts.subnets or ()), spare)))

    answer = fetch_network_configuration("default", "vpc-1", ports=network.ports, now=NOW)

    named = {one["SubnetId"] for one in answer["data"]["raw_resources"]["subnets"]["Subnets"]}
    assert "subnet-spare" in named


def test_a_subnet_of_the_service_that_is_gone_is_found() -> None:
    facts = changed(deployed(default_vpc), service(subnet_ids=("subnet-a", "subnet-b", "subnet-gone")))

    answer = fetch_network_configuration("default", ports=InMemoryNetwork(facts).ports, now=NOW)

    assert [(one["code"], one["resource"]) for one in answer["findings"]] == [("subnet_missing", "subnet-gone")]
