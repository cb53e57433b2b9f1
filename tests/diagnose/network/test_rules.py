"""What is wrong in a network is found with the path that fails; what is healthy gives no finding."""

from collections.abc import Callable
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.aws.values.network import (
    AclEntry,
    PrefixList,
    Route,
    RouteTable,
    SecurityGroup,
    SecurityRule,
    Subnet,
    TargetBinding,
)
from expressway.aws.values.service import TargetHealth
from expressway.diagnose.finding import Finding
from expressway.diagnose.network.reachability import NetworkFacts
from expressway.diagnose.network.rules import network_findings, service_network_findings
from tests.diagnose.network.topologies import (
    ECR_IMAGE,
    LB,
    LOCAL,
    PORT,
    REGION,
    SERVICE_ARN,
    TG,
    TO_NAT,
    Change,
    acl,
    changed,
    default_vpc,
    each,
    endpoint,
    group,
    private_with_endpoints,
    private_with_nat,
    service,
    subnet,
    table,
    task_needs,
    tcp,
    vpce,
    with_more,
    without,
)

Topology = Callable[[], NetworkFacts]
HEALTHY: tuple[Topology, ...] = (default_vpc, private_with_nat, private_with_endpoints)


ALL_FROM_LB = tcp(1, "sg-lb", to_port=65535)


def wrong(facts: NetworkFacts) -> list[Finding]:
    """Findings that say that something is wrong; the others are worth knowing."""
    return [one for one in network_findings(facts) if one.severity != "info"]


@pytest.mark.parametrize("topology", HEALTHY)
def test_a_healthy_network_gives_no_finding(topology: Topology) -> None:
    assert wrong(topology()) == []


def test_an_internal_load_balancer_is_worth_knowing_and_not_wrong() -> None:
    (finding,) = network_findings(private_with_endpoints())

    assert (finding.code, finding.severity) == ("load_balancer_internal", "info")
    assert finding.remedy.endswith("The scheme cannot change.")


def test_an_express_service_gets_a_load_balancer_that_faces_the_internet_in_public_subnets() -> None:
    network = private_with_endpoints()
    express = replace(network, services=tuple(replace(each, is_express=True) for each in network.services))
    remedies = {finding.code: finding.remedy for finding in network_findings(express)}
    assert remedies["load_balancer_internal"].endswith("ECS then makes an internet-facing load balancer.")


# Each healthy, though one rule or another looks as if it were not.
STILL_HEALTHY: dict[str, tuple[Topology, tuple[Change, ...]]] = {
    "a task's group lets the load balancer's subnets in by one wide CIDR": (
        default_vpc,
        (group("sg-task", ingress=(tcp(PORT, "10.0.0.0/8"),)),),
    ),
    "two CIDRs cover the load balancer's subnets together": (
        default_vpc,
        (group("sg-task", ingress=(tcp(PORT, "10.0.0.0/24", "10.0.1.0/24"),)),),
    ),
    "two halves of the address space cover everything": (
        default_vpc,
        (group("sg-task", egress=(tcp(443, "0.0.0.0/1", "128.0.0.0/1"),)),),
    ),
    "a port range holds the container's port": (
        default_vpc,
        (group("sg-task", ingress=(tcp(8000, "sg-lb", to_port=9000),)),),
    ),
    "load balancer and tasks share a group that lets itself in": (
        default_vpc,
        (
            group("sg-task", ingress=(SecurityRule("-1", group_ids=("sg-task",)), tcp(443, "0.0.0.0/0"))),
            each("load_balancers", "arn", LB, security_group_ids=("sg-task",)),
        ),
    ),
    "the group that ECS manages lets the load balancer in, the user's own nothing": (
        default_vpc,
        (
            service(security_group_ids=("sg-own", "sg-task")),
            with_more("security_groups", SecurityGroup("sg-own", "own", "vpc-1", (), ())),
        ),
    ),
    "a prefix list covers the load balancer": (
        default_vpc,
        (
            group("sg-task", ingress=(tcp(PORT, "pl-1"),)),
            with_more("prefix_lists", PrefixList("pl-1", "corp", ("10.0.0.0/16",))),
        ),
    ),
    "a prefix list whose entries may not be read": (
        default_vpc,
        (group("sg-task", ingress=(tcp(PORT, "pl-1"),)), with_more("prefix_lists", PrefixList("pl-1", "corp", None))),
    ),
    "a network load balancer without groups": (
        default_vpc,
        (
            each("load_balancers", "arn", LB, kind="network", security_group_ids=()),
            group("sg-task", ingress=(tcp(PORT, "203.0.113.0/24"),)),
        ),
    ),
    "a network load balancer that hands on its clients' addresses": (
        default_vpc,
        (
            each("load_balancers", "arn", LB, kind="network"),
            group("sg-task", ingress=(tcp(PORT, "203.0.113.0/24"),)),
        ),
    ),
    "a target group whose own port is not the container's": (
        default_vpc,
        (each("target_groups", "arn", TG, port=9999),),
    ),
    "targets of an older version drain": (
        default_vpc,
        (with_more("targets", TargetHealth("10.0.0.9", 9, "draining", target_group_arn=TG)),),
    ),
    "targets with another port that are healthy": (
        default_vpc,
        (service(bindings=(TargetBinding(TG, 3000),)), group("sg-task", ingress=(ALL_FROM_LB,))),
    ),
    "targets elsewhere that the service does not own": (
        default_vpc,
        (with_more("targets", TargetHealth("127.0.0.1", 9, "unhealthy", target_group_arn=TG)),),
    ),
    "a health check on a sidecar's port answers": (
        default_vpc,
        (
            each("target_groups", "arn", TG, health_check_port=9000),
            group("sg-task", ingress=(ALL_FROM_LB,)),
        ),
    ),
    "ECS still makes the listener rule of an Express service": (
        default_vpc,
        (service(rule_arns=()), each("target_groups", "arn", TG, load_balancer_arns=())),
    ),
    "ECS still makes the groups of an Express service": (
        default_vpc,
        (service(rule_arns=()), group("sg-task", ingress=())),
    ),
    "nothing tells whether tasks get a public address": (default_vpc, (service(assign_public_ip=None),)),
    "a regional NAT gateway lies in no subnet": (
        private_with_nat,
        (each("nat_gateways", "nat_gateway_id", "nat-1", subnet_id=""),),
    ),
    "a NAT gateway behind a firewall": (
        private_with_nat,
        (
            subnet("subnet-a", subnet_id="subnet-nat"),
            lambda facts: replace(facts, load_balancers=(), target_groups=None, network_acls=()),
            service(load_balancer_arns=()),
            each("nat_gateways", "nat_gateway_id", "nat-1", subnet_id="subnet-nat"),
            table("rtb-main", LOCAL, Route("0.0.0.0/0", "vpce-firewall", "endpoint")),
        ),
    ),
    "the default route leads to a transit gateway": (
        private_with_nat,
        (table("rtb-private", LOCAL, Route("0.0.0.0/0", "tgw-1", "transit_gateway")),),
    ),
    "central endpoints behind a transit gateway": (
        private_with_nat,
        (table("rtb-private", LOCAL, Route("10.0.0.0/8", "tgw-1", "transit_gateway")),),
    ),
    "ECR's public ranges are routed one by one": (
        private_with_nat,
        (table("rtb-private", LOCAL, Route("52.0.0.0/8", "nat-1", "nat_gateway")),),
    ),
    "egress is held to some public ranges": (default_vpc, (group("sg-task", egress=(tcp(443, "52.0.0.0/8"),)),)),
    "an ACL keeps one guest out": (
        default_vpc,
        (acl(AclEntry(1, False, False, "-1", "203.0.113.7/32"), AclEntry(1, True, False, "-1", "203.0.113.7/32")),),
    ),
    "an ACL denies UDP": (default_vpc, (acl(AclEntry(1, True, False, "17", "0.0.0.0/0")),)),
    "an ACL denies another port": (default_vpc, (acl(AclEntry(1, True, False, "6", "0.0.0.0/0", 25, 25)),)),
    "the EC2 launch type pulls through the instance": (
        private_with_nat,
        (service(launch_type="EC2"), table("rtb-private", LOCAL)),
    ),
    "an image of a registry in the own network": (
        private_with_nat,
        (service(needs=task_needs(("registry.internal:5000/web:1",))), table("rtb-private", LOCAL)),
    ),
    "the tasks need nothing that could be told": (
        private_with_nat,
        (service(needs=None), table("rtb-private", LOCAL)),
    ),
    "an IPv6 target group and IPv6 rules": (
        default_vpc,
        (
            each("target_groups", "arn", TG, ip_address_type="ipv6"),
            subnet("", ipv6_cidr_blocks=("2001:db8::/64",)),
            group("sg-task", ingress=(tcp(PORT, "2001:db8::/32"),)),
            group("sg-lb", egress=(tcp(PORT, "::/0"),)),
        ),
    ),
    "an endpoint in another VPC": (
        private_with_nat,
        (with_more("endpoints", endpoint("ecr.api", vpc_id="vpc-2", security_group_ids=("sg-none",))),),
    ),
    "endpoints may not be seen, and egress is held to the own network": (
        private_with_nat,
        (
            lambda facts: replace(facts, endpoints=None),
            group("sg-task", egress=(tcp(443, "10.0.0.0/8", "sg-vpce"),)),
        ),
    ),
    "endpoints may not be seen, and tasks have no public address": (
        default_vpc,
        (lambda facts: replace(facts, endpoints=None), service(assign_public_ip=False)),
    ),
    "central endpoints behind a transit gateway, and egress is held to the own network": (
        private_with_nat,
        (
            table("rtb-private", LOCAL, Route("0.0.0.0/0", "tgw-1", "transit_gateway")),
            group("sg-task", egress=(tcp(443, "10.0.0.0/8"),)),
        ),
    ),
    "one's own DNS leads to an endpoint": (
        private_with_nat,
        (
            with_more(
                "endpoints",
                *(endpoint(name, has_private_dns=False) for name in ("ecr.api", "ecr.dkr", "s3", "logs")),
            ),
            group("sg-task", egress=(tcp(443, "10.0.0.0/8"),)),
        ),
    ),
    "S3 has an interface endpoint for others beside the gateway endpoint": (
        private_with_endpoints,
        (
            with_more("endpoints", endpoint("s3", endpoint_id="vpce-s3i", security_group_ids=("sg-shut",))),
            with_more("security_groups", SecurityGroup("sg-shut", "shut", "vpc-1", (), ())),
        ),
    ),
    "an ACL lets nothing out of the own network, and the endpoints are inside": (
        private_with_endpoints,
        (
            service(needs=task_needs(log_regions=(REGION,))),
            each(
                "network_acls",
                "network_acl_id",
                "acl-1",
                entries=(
                    AclEntry(100, True, True, "-1", "10.0.0.0/16"),
                    AclEntry(100, False, True, "-1", "10.0.0.0/16"),
                ),
            ),
        ),
    ),
    "an endpoint of another service that is closed": (
        private_with_nat,
        (
            with_more("endpoints", endpoint("sqs", security_group_ids=("sg-shut",))),
            with_more("security_groups", SecurityGroup("sg-shut", "shut", "vpc-1")),
        ),
    ),
}


@pytest.mark.parametrize("name", STILL_HEALTHY)
def test_no_finding_where(name: str) -> None:
    topology, changes = STILL_HEALTHY[name]

    assert wrong(changed(topology(), *changes)) == []


WITH_SHUT = with_more("security_groups", SecurityGroup("sg-shut", "shut", "vpc-1", (), ()))
# name: topology, changes, code, severity, confidence, resource, a word of the path
BROKEN: dict[str, tuple[Topology, tuple[Change, ...], tuple[str, str, str, str, str]]] = {
    "no rule lets the load balancer in": (
        default_vpc,
        (group("sg-task", ingress=()),),
        ("load_balancer_blocked", "critical", "high", "sg-task", "✗ sg-task"),
    ),
    "the rule is for another port": (
        default_vpc,
        (group("sg-task", ingress=(tcp(80, "sg-lb"),)),),
        ("load_balancer_blocked", "critical", "high", "sg-task", "TCP 8080"),
    ),
    "the rule is for another group": (
        default_vpc,
        (group("sg-task", ingress=(tcp(PORT, "sg-old-lb"),)),),
        ("load_balancer_blocked", "critical", "high", "sg-task", "sg-old-lb"),
    ),
    "the rule is for UDP": (
        default_vpc,
        (group("sg-task", ingress=(SecurityRule("udp", PORT, PORT, group_ids=("sg-lb",)),)),),
        ("load_balancer_blocked", "critical", "high", "sg-task", "udp"),
    ),
    "the rule is for IPv6 alone": (
        default_vpc,
        (group("sg-task", ingress=(tcp(PORT, "::/0"),)),),
        ("load_balancer_blocked", "critical", "high", "sg-task", "::/0"),
    ),
    "the rule covers one of the load balancer's subnets": (
        default_vpc,
        (group("sg-task", ingress=(tcp(PORT, "10.0.0.0/24"),)),),
        ("load_balancer_blocked", "warning", "high", "sg-task", "10.0.0.0/24"),
    ),
    "a prefix list does not cover the load balancer": (
        default_vpc,
        (
            group("sg-task", ingress=(tcp(PORT, "pl-1"),)),
            with_more("prefix_lists", PrefixList("pl-1", "corp", ("192.168.0.0/16",))),
        ),
        ("load_balancer_blocked", "critical", "high", "sg-task", "pl-1"),
    ),
    "the health check's port is shut": (
        default_vpc,
        (each("target_groups", "arn", TG, health_check_port=9000),),
        ("load_balancer_blocked", "critical", "high", "sg-task", "TCP 9000"),
    ),
    "a network load balancer and no rule for the port": (
        default_vpc,
        (each("load_balancers", "arn", LB, kind="network"), group("sg-task", ingress=())),
        ("load_balancer_blocked", "critical", "high", "sg-task", "sg-lb"),
    ),
    "the load balancer's group lets nothing out": (
        default_vpc,
        (group("sg-lb", egress=(tcp(443, "0.0.0.0/0"),)),),
        ("load_balancer_blocked", "critical", "high", "sg-lb", "✗ sg-lb"),
    ),
    "the load balancer lets nobody in": (
        default_vpc,
        (group("sg-lb", ingress=()),),
        ("load_balancer_closed", "critical", "high", "sg-lb", "clients"),
    ),
    "an ACL denies requests to the tasks": (
        private_with_nat,
        (acl(AclEntry(1, True, False, "6", "10.0.10.0/23", PORT, PORT)),),
        ("network_acl_denies", "warning", "high", "acl-1", "TCP 8080 outbound"),
    ),
    "an ACL denies the tasks' answers": (
        private_with_nat,
        (acl(AclEntry(1, True, False, "6", "10.0.0.0/23", 1024, 65535)),),
        ("network_acl_denies", "warning", "high", "acl-1", "answers"),
    ),
    "the service's zone is not the load balancer's": (
        default_vpc,
        (each("load_balancers", "arn", LB, subnet_ids=("subnet-a",)),),
        ("zone_not_enabled", "warning", "high", LB, "subnet-b"),
    ),
    "none of the service's zones is the load balancer's": (
        default_vpc,
        (
            each("load_balancers", "arn", LB, subnet_ids=("subnet-c",)),
            with_more("subnets", Subnet("subnet-c", "vpc-1", f"{REGION}c", "10.0.2.0/24", free_address_count=9)),
            each("network_acls", "network_acl_id", "acl-1", subnet_ids=("subnet-a", "subnet-b", "subnet-c")),
        ),
        ("zone_not_enabled", "critical", "high", LB, "subnet-a"),
    ),
    "a target group is gone": (
        default_vpc,
        (without("target_groups", "arn", TG),),
        ("target_group_missing", "critical", "high", TG, TG),
    ),
    "no listener forwards": (
        default_vpc,
        (each("target_groups", "arn", TG, load_balancer_arns=()),),
        ("listener_rule_missing", "critical", "high", TG, "tg"),
    ),
    "the managed rule is gone": (
        default_vpc,
        (lambda facts: replace(facts, missing_rule_arns=("rule-1",)),),
        ("listener_rule_missing", "critical", "high", "rule-1", "rule-1"),
    ),
    "targets have another port": (
        default_vpc,
        (
            service(bindings=(TargetBinding(TG, 3000),)),
            each("targets", "target_group_arn", TG, state="unhealthy"),
            group("sg-task", ingress=(ALL_FROM_LB,)),
        ),
        ("target_port_mismatch", "warning", "medium", TG, "10.0.0.5:8080"),
    ),
    "the health check asks another port and finds nobody": (
        default_vpc,
        (
            each("target_groups", "arn", TG, health_check_port=9000),
            each("targets", "target_group_arn", TG, state="unhealthy"),
            group("sg-task", ingress=(ALL_FROM_LB,)),
        ),
        ("health_check_port_mismatch", "warning", "medium", TG, "9000"),
    ),
    "an internet-facing load balancer without an internet route": (
        private_with_nat,
        (table("rtb-main", LOCAL),),
        ("load_balancer_no_internet_route", "critical", "high", LB, "no route to 0.0.0.0/0"),
    ),
    "an internet-facing load balancer behind a NAT gateway": (
        private_with_nat,
        (each("load_balancers", "arn", LB, subnet_ids=("subnet-a", "subnet-pb")),),
        ("load_balancer_no_internet_route", "warning", "high", LB, "nat-1"),
    ),
    "the load balancer has no room to grow": (
        default_vpc,
        (subnet("subnet-b", free_address_count=3),),
        ("subnet_full", "warning", "high", "subnet-b", "3 free"),
    ),
    "the load balancer failed": (
        default_vpc,
        (each("load_balancers", "arn", LB, state="failed"),),
        ("load_balancer_impaired", "critical", "high", LB, "failed"),
    ),
    "a subnet is gone": (
        default_vpc,
        (service(subnet_ids=("subnet-a", "subnet-gone")),),
        ("subnet_missing", "critical", "high", "subnet-gone", "✗ subnet-gone"),
    ),
    "a group is gone": (
        default_vpc,
        (service(security_group_ids=("sg-task", "sg-gone")),),
        ("security_group_missing", "critical", "high", "sg-gone", "✗ sg-gone"),
    ),
    "a group of another VPC": (
        default_vpc,
        (group("sg-task", vpc_id="vpc-2"),),
        ("vpc_mismatch", "critical", "high", SERVICE_ARN, "vpc-2"),
    ),
    "a target group of another VPC": (
        default_vpc,
        (each("target_groups", "arn", TG, vpc_id="vpc-2"),),
        ("vpc_mismatch", "critical", "high", SERVICE_ARN, "vpc-2"),
    ),
    "all subnets in one zone": (
        default_vpc,
        (
            service(subnet_ids=("subnet-a", "subnet-a2")),
            with_more("subnets", Subnet("subnet-a2", "vpc-1", f"{REGION}a", "10.0.2.0/24", free_address_count=9)),
        ),
        ("subnets_one_zone", "critical", "high", SERVICE_ARN, f"{REGION}a"),
    ),
    "no free address anywhere": (
        private_with_nat,
        (subnet("subnet-pa", free_address_count=0), subnet("subnet-pb", free_address_count=0)),
        ("subnet_full", "critical", "high", "subnet-pa", "0 free"),
    ),
    "public and private subnets under one Express service": (
        private_with_nat,
        (service(is_express=True, rule_arns=("rule-1",), assign_public_ip=None, subnet_ids=("subnet-a", "subnet-pb")),),
        ("subnets_mixed", "warning", "medium", SERVICE_ARN, "subnet-pb"),
    ),
    "no egress rule": (
        default_vpc,
        (group("sg-task", egress=()),),
        ("egress_blocked", "critical", "high", "sg-task", "no egress rule for TCP 443"),
    ),
    "egress to the own network only": (
        default_vpc,
        (group("sg-task", egress=(tcp(443, "10.0.0.0/8"),)),),
        ("egress_blocked", "critical", "high", "sg-task", "the internet"),
    ),
    "no public address": (
        default_vpc,
        (service(assign_public_ip=False),),
        ("no_public_ip", "critical", "high", SERVICE_ARN, "igw-1"),
    ),
    "no way out": (
        private_with_nat,
        (table("rtb-private", LOCAL),),
        ("no_internet_route", "critical", "high", "rtb-private", "no route to 0.0.0.0/0"),
    ),
    "a way out of one subnet only": (
        private_with_nat,
        (
            each("route_tables", "route_table_id", "rtb-private", subnet_ids=("subnet-pa",)),
            with_more("route_tables", RouteTable("rtb-bare", "vpc-1", ("subnet-pb",), routes=(LOCAL,))),
        ),
        ("no_internet_route", "warning", "high", "rtb-bare", "subnet-pb"),
    ),
    "a blackhole": (
        private_with_nat,
        (table("rtb-private", LOCAL, replace(TO_NAT, state="blackhole")),),
        ("blackhole_route", "critical", "high", "rtb-private", "blackhole"),
    ),
    "a NAT gateway that failed": (
        private_with_nat,
        (each("nat_gateways", "nat_gateway_id", "nat-1", state="failed"),),
        ("nat_gateway_unusable", "critical", "high", "nat-1", "failed"),
    ),
    "a NAT gateway in a private subnet": (
        private_with_nat,
        (each("nat_gateways", "nat_gateway_id", "nat-1", subnet_id="subnet-pa"),),
        ("nat_gateway_unusable", "critical", "high", "nat-1", "subnet-pa"),
    ),
    "public access is blocked": (
        default_vpc,
        (subnet("subnet-a", internet_block_mode="block-bidirectional"), service(subnet_ids=("subnet-a",))),
        ("public_access_blocked", "critical", "high", "subnet-a", "Block Public Access"),
    ),
    "a public registry and endpoints only": (
        private_with_endpoints,
        (service(needs=task_needs(("nginx:1.29",))),),
        ("no_internet_route", "critical", "high", "rtb-private", "docker.io"),
    ),
    "ECR of another region and endpoints only": (
        private_with_endpoints,
        (service(needs=task_needs((ECR_IMAGE.replace(REGION, "us-east-1"),))),),
        ("no_internet_route", "critical", "high", "rtb-private", "us-east-1"),
    ),
    "no endpoint for ECR's API": (
        private_with_endpoints,
        (without("endpoints", "endpoint_id", "vpce-ecr.api"),),
        ("endpoint_missing", "critical", "high", "vpc-1", "ECR's API"),
    ),
    "no endpoint for layers": (
        private_with_endpoints,
        (without("endpoints", "endpoint_id", "vpce-s3"),),
        ("endpoint_missing", "critical", "high", "vpc-1", "S3"),
    ),
    "no endpoint for logs": (
        private_with_endpoints,
        (without("endpoints", "endpoint_id", "vpce-logs"),),
        ("endpoint_missing", "critical", "high", "vpc-1", "Logs"),
    ),
    "no endpoint for the secret": (
        private_with_endpoints,
        (without("endpoints", "endpoint_id", "vpce-secretsmanager"),),
        ("endpoint_missing", "critical", "high", "vpc-1", "Secrets Manager"),
    ),
    "no endpoint for the parameter": (
        private_with_endpoints,
        (service(needs=task_needs((), ("/web/password",))),),
        ("endpoint_missing", "critical", "high", "vpc-1", "Parameter Store"),
    ),
    "the S3 endpoint is not in the subnet's route table": (
        private_with_endpoints,
        (vpce("vpce-s3", route_table_ids=("rtb-main",)),),
        ("endpoint_not_routed", "critical", "high", "vpce-s3", "rtb-private"),
    ),
    "an endpoint waits for its acceptance": (
        private_with_endpoints,
        (vpce("vpce-ecr.dkr", state="pendingacceptance"),),
        ("endpoint_unavailable", "critical", "high", "vpce-ecr.dkr", "pendingacceptance"),
    ),
    "an endpoint without private DNS": (
        private_with_endpoints,
        (vpce("vpce-ecr.dkr", has_private_dns=False),),
        ("endpoint_private_dns_off", "critical", "medium", "vpce-ecr.dkr", "private DNS"),
    ),
    "an endpoint lets nobody in": (
        private_with_endpoints,
        (group("sg-vpce", ingress=()),),
        ("endpoint_blocked", "critical", "high", "sg-vpce", "✗"),
    ),
    "an endpoint lets others in": (
        private_with_endpoints,
        (group("sg-vpce", ingress=(tcp(443, "sg-other"),)),),
        ("endpoint_blocked", "critical", "high", "sg-vpce", "sg-task"),
    ),
    "a closed endpoint catches even those with a NAT gateway": (
        private_with_nat,
        (
            with_more("endpoints", endpoint("ecr.dkr", security_group_ids=("sg-shut",))),
            WITH_SHUT,
        ),
        ("endpoint_blocked", "critical", "high", "sg-shut", "vpce-ecr.dkr"),
    ),
    "a closed endpoint, and its VPC's DNS settings are unread": (
        private_with_endpoints,
        (each("vpcs", "vpc_id", "vpc-1", dns_support=None, dns_hostnames=None), group("sg-vpce", ingress=())),
        ("endpoint_blocked", "critical", "medium", "sg-vpce", "vpce-ecr.api"),
    ),
    "egress does not reach the endpoint": (
        private_with_endpoints,
        (
            group("sg-task", egress=(tcp(443, "192.168.0.0/16", "pl-s3"),)),
            with_more("prefix_lists", PrefixList("pl-s3", "s3", ("52.218.0.0/17",))),
        ),
        ("egress_blocked", "critical", "high", "sg-task", "vpce-ecr.api"),
    ),
    "egress does not name the S3 prefix list": (
        private_with_endpoints,
        (group("sg-task", egress=(tcp(443, "10.0.0.0/16"),)),),
        ("egress_blocked", "critical", "high", "sg-task", "S3"),
    ),
    "an ACL cuts a subnet off from the endpoints in another": (
        private_with_endpoints,
        (
            lambda facts: replace(
                facts, endpoints=tuple(replace(one, subnet_ids=("subnet-pb",)) for one in facts.endpoints or ())
            ),
            each("network_acls", "network_acl_id", "acl-1", subnet_ids=("subnet-pa",)),
            acl(AclEntry(1, True, False, "6", "10.0.11.0/24", 443, 443)),
        ),
        ("network_acl_denies", "warning", "high", "acl-1", "TCP 443 outbound"),
    ),
    "endpoints may not be seen, and nothing is let out": (
        private_with_nat,
        (lambda facts: replace(facts, endpoints=None), group("sg-task", egress=())),
        ("egress_blocked", "critical", "high", "sg-task", "no egress rule for TCP 443"),
    ),
    "a VPC without DNS support": (
        private_with_endpoints,
        (each("vpcs", "vpc_id", "vpc-1", dns_support=False),),
        ("vpc_dns_disabled", "critical", "high", "vpc-1", "DNS support"),
    ),
    "a VPC without DNS host names": (
        private_with_endpoints,
        (each("vpcs", "vpc_id", "vpc-1", dns_hostnames=False),),
        ("vpc_dns_disabled", "critical", "high", "vpc-1", "DNS hostnames"),
    ),
    "an ACL denies HTTPS outbound": (
        default_vpc,
        (acl(AclEntry(1, True, False, "6", "0.0.0.0/0", 443, 443)),),
        ("network_acl_denies", "critical", "high", "acl-1", "TCP 443 outbound"),
    ),
    "an ACL denies all answers": (
        default_vpc,
        (acl(AclEntry(1, False, False, "6", "0.0.0.0/0", 32768, 65535)),),
        ("network_acl_denies", "critical", "high", "acl-1", "answers"),
    ),
    "an ACL lets in the answers of Windows only": (
        private_with_nat,
        (
            each(
                "network_acls",
                "network_acl_id",
                "acl-1",
                entries=(
                    AclEntry(100, True, True, "-1", "0.0.0.0/0"),
                    AclEntry(90, False, True, "-1", "10.0.0.0/16"),
                    AclEntry(100, False, True, "6", "0.0.0.0/0", 49152, 65535),
                ),
            ),
        ),
        ("network_acl_denies", "critical", "medium", "acl-1", "32768-49151"),
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_path_that_fails_is_found_where(name: str) -> None:
    topology, changes, (code, severity, confidence, resource, word) = BROKEN[name]

    found = wrong(changed(topology(), *changes))

    finding = next((one for one in found if one.code == code and one.resource == resource), None)
    assert finding is not None, [(one.code, one.resource) for one in found]
    assert (finding.severity, finding.confidence) == (severity, confidence)
    assert any(word in line for line in (*finding.evidence, finding.cause)), finding
    assert finding.remedy


# What else must follow from the same change; every other scenario has its one finding alone.
FOLLOWING = {
    "an internet-facing load balancer without an internet route": {"nat_gateway_unusable"},
    "public access is blocked": {"subnets_one_zone", "load_balancer_no_internet_route"},
}


@pytest.mark.parametrize("name", BROKEN)
def test_nothing_else_is_found_where(name: str) -> None:
    topology, changes, (code, *_) = BROKEN[name]

    found = {one.code for one in wrong(changed(topology(), *changes))}

    assert found - {code} <= FOLLOWING.get(name, set())


UNREAD = [one.name for one in fields(NetworkFacts) if one.name not in {"region", "services", "gaps"}]


@pytest.mark.parametrize("topology", HEALTHY)
@given(unread=st.sets(st.sampled_from(UNREAD)))
def test_what_could_not_be_read_is_no_reason_for_a_finding(topology: Topology, unread: set[str]) -> None:
    assert wrong(replace(topology(), **dict.fromkeys(unread))) == []


@given(unread=st.sets(st.sampled_from(UNREAD)), name=st.sampled_from(sorted(BROKEN)))
def test_less_knowledge_never_makes_other_findings(unread: set[str], name: str) -> None:
    topology, changes, _ = BROKEN[name]
    facts = changed(topology(), *changes)
    known = {(one.code, one.resource) for one in wrong(facts)}

    guessed = {(one.code, one.resource) for one in wrong(replace(facts, **dict.fromkeys(unread)))}

    assert guessed <= known


def test_what_services_share_is_told_once_with_their_names() -> None:
    facts = changed(private_with_nat(), table("rtb-private", LOCAL))
    (one,) = facts.services
    names = ("a", "b", "c")
    services = tuple(replace(one, service_arn=f"{SERVICE_ARN}-{name}", service_name=name) for name in names)
    several = replace(facts, services=services)

    (finding,) = [one for one in network_findings(several) if one.code == "no_internet_route"]

    assert "Tasks of a " in finding.cause
    assert finding.evidence[-1] == "the same holds for b, c"


def test_one_service_can_be_judged_alone() -> None:
    facts = changed(private_with_nat(), table("rtb-private", LOCAL))

    assert "no_internet_route" in {one.code for one in service_network_findings(facts, facts.services[0])}


def test_a_path_names_every_hop_up_to_the_cut() -> None:
    facts = changed(private_with_nat(), each("nat_gateways", "nat_gateway_id", "nat-1", subnet_id="subnet-pa"))

    (finding,) = wrong(facts)

    assert finding.evidence[0] == (
        "tasks of web in subnet-pa → rtb-private: 0.0.0.0/0 → nat-1 → nat-1 lies in subnet-pa → "
        "rtb-private: 0.0.0.0/0 → nat-1, which is no internet gateway → ✗ Amazon ECR's API"
    )


def test_missing_endpoints_are_one_finding_that_says_what_to_add() -> None:
    facts = changed(
        private_with_endpoints(),
        without("endpoints", "endpoint_id", "vpce-ecr.api"),
        without("endpoints", "endpoint_id", "vpce-logs"),
    )

    (finding,) = wrong(facts)

    assert finding.code == "endpoint_missing"
    assert "Amazon ECR's API and CloudWatch Logs" in finding.cause
    assert finding.remedy == (
        f"Add the VPC endpoint com.amazonaws.{REGION}.ecr.api. Add the VPC endpoint com.amazonaws.{REGION}.logs."
    )


def test_one_closed_group_before_many_endpoints_is_one_finding() -> None:
    (finding,) = wrong(changed(private_with_endpoints(), group("sg-vpce", ingress=())))

    assert (finding.code, finding.resource) == ("endpoint_blocked", "sg-vpce")
    assert "Secrets Manager" in finding.cause
