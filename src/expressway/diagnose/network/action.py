"""The network of a cluster: findings, and a short list of its resources in EC2's terms."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from expressway.aws.values.network import RouteTable, SecurityRule
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.diagnose.network.collect import gather_network
from expressway.diagnose.network.reachability import NetworkFacts, port_range
from expressway.diagnose.network.rules import network_findings
from expressway.diagnose.ports import NetworkPorts

Shape = dict[str, Any]
Member = str | Callable[[Any], Any]
"""An attribute, or what is made of the value."""

_NAMED = 5
_GUIDE: Mapping[str, Any] = {
    "common_issues": [
        "Findings name what is wrong and the path that fails; read these first.",
        "No findings and no gaps: nothing in the network keeps the services from starting or from being reached.",
        "A gap is something that could not be read; nothing was concluded from it.",
    ],
    "resource_relationships": [
        "clients → load balancer (its security groups, its subnets' routes) → listener rule → target group",
        "load balancer → network ACLs → security groups of the tasks → container port",
        "tasks → security groups → VPC endpoint, or route table → NAT or internet gateway → registry, logs, secrets",
    ],
}


def fetch_network_configuration(
    ecs_cluster_name: str, vpc_id: str | None = None, *, ports: NetworkPorts, now: datetime
) -> Mapping[str, Any]:
    """The network of a cluster (or of one VPC for it) as findings, with a short list of its resources.

    Returns:
        status: ``success``, or ``warning`` when the cluster has nothing in any VPC; then message and timestamp.
        data: timestamp, vpc_ids, clusters, raw_resources (one list for each kind), analysis_guide.
        findings, gaps: see `expressway.diagnose.finding`; one of code ``nothing_wrong`` when all is well,
            ``vpc_not_found`` when there is no such VPC; gaps only where there are any.
    """
    facts = gather_network(ecs_cluster_name, ports=ports, vpc_id=vpc_id)
    missing = _vpc_missing(facts, vpc_id)
    findings = (missing,) if missing else network_findings(facts) or _nothing_wrong(facts, ecs_cluster_name)
    answer: Shape = {"findings": [finding.to_dict() for finding in findings]}
    if facts.gaps:
        answer["gaps"] = list(facts.gaps)
    vpc_ids = _vpc_ids(facts)
    if not vpc_ids:
        what = (
            f"No VPC {vpc_id}" if vpc_id else f"No VPC that a service or task of the cluster {ecs_cluster_name} is in"
        )
        message = f"{what} could be found in {facts.region}; check the name, the region and the gaps, if there are any."
        return {"status": "warning", "message": message, "timestamp": now.isoformat(), **answer}
    data: Shape = {
        "timestamp": now.isoformat(),
        "vpc_ids": list(vpc_ids),
        "clusters": [ecs_cluster_name],
        "services": [
            {"name": one.service_name, "subnets": list(one.subnet_ids), "security_groups": list(one.security_group_ids)}
            for one in facts.services
        ],
        "raw_resources": _resources(facts),
        "analysis_guide": _GUIDE,
    }
    return {"status": "success", "data": data, **answer}


def _vpc_ids(facts: NetworkFacts) -> tuple[str, ...]:
    found = [
        *(one.vpc_id for one in facts.vpcs or ()),
        *(one.vpc_id for one in facts.subnets or ()),
        *(one.vpc_id for one in facts.network_interfaces or ()),
    ]
    return tuple(dict.fromkeys(filter(None, found)))


def _resources(facts: NetworkFacts) -> dict[str, Shape]:
    """One entry for each kind, None where it could not be read."""
    found: dict[str, Shape] = {
        kind: {name: _shapes(getattr(facts, read), members)} for kind, (read, name, members) in _KINDS.items()
    }
    found["target_groups"]["TargetHealth"] = _target_health(facts)
    return found


def _shapes(values: Sequence[Any] | None, members: Mapping[str, Member]) -> list[Shape] | None:
    return None if values is None else [{name: _shape(value, of) for name, of in members.items()} for value in values]


def _shape(value: Any, of: Member) -> Any:
    member = getattr(value, of) if isinstance(of, str) else of(value)
    return list(cast("tuple[Any, ...]", member)) if isinstance(member, tuple) else member


def _routes(table: RouteTable) -> list[str]:
    return [f"{one.destination} → {one.target}{' (blackhole)' if one.is_blackhole else ''}" for one in table.routes]


def _rules(rules: Sequence[SecurityRule]) -> list[str]:
    return [
        f"{port_range(one)}: {', '.join((*one.cidr_blocks, *one.group_ids, *one.prefix_list_ids))}" for one in rules
    ]


_KINDS: Mapping[str, tuple[str, str, Mapping[str, Member]]] = {
    "vpcs": (
        "vpcs",
        "Vpcs",
        {
            "VpcId": "vpc_id",
            "CidrBlocks": "cidr_blocks",
            "IsDefault": "is_default",
            "EnableDnsSupport": "dns_support",
            "EnableDnsHostnames": "dns_hostnames",
        },
    ),
    "subnets": (
        "subnets",
        "Subnets",
        {
            "SubnetId": "subnet_id",
            "VpcId": "vpc_id",
            "AvailabilityZone": "zone",
            "CidrBlock": "cidr_block",
            "AvailableIpAddressCount": "free_address_count",
        },
    ),
    "security_groups": (
        "security_groups",
        "SecurityGroups",
        {
            "GroupId": "group_id",
            "GroupName": "name",
            "Inbound": lambda group: _rules(group.ingress),
            "Outbound": lambda group: _rules(group.egress),
        },
    ),
    "route_tables": (
        "route_tables",
        "RouteTables",
        {"RouteTableId": "route_table_id", "Subnets": "subnet_ids", "Main": "is_main", "Routes": _routes},
    ),
    "network_acls": ("network_acls", "NetworkAcls", {"NetworkAclId": "network_acl_id", "Subnets": "subnet_ids"}),
    "vpc_endpoints": (
        "endpoints",
        "VpcEndpoints",
        {"VpcEndpointId": "endpoint_id", "ServiceName": "service_name", "VpcEndpointType": "kind", "State": "state"},
    ),
    "network_interfaces": (
        "network_interfaces",
        "NetworkInterfaces",
        {
            "NetworkInterfaceId": "network_interface_id",
            "SubnetId": "subnet_id",
            "PrivateIpAddress": "private_ip",
            "PublicIp": "public_ip",
            "Groups": "security_group_ids",
        },
    ),
    "nat_gateways": (
        "nat_gateways",
        "NatGateways",
        {"NatGatewayId": "nat_gateway_id", "SubnetId": "subnet_id", "State": "state"},
    ),
    "internet_gateways": (
        "internet_gateways",
        "InternetGateways",
        {"InternetGatewayId": "internet_gateway_id", "Vpcs": "vpc_ids"},
    ),
    "load_balancers": (
        "load_balancers",
        "LoadBalancers",
        {
            "LoadBalancerArn": "arn",
            "Type": "kind",
            "Scheme": "scheme",
            "State": "state",
            "Subnets": "subnet_ids",
            "SecurityGroups": "security_group_ids",
        },
    ),
    "target_groups": (
        "target_groups",
        "TargetGroups",
        {
            "TargetGroupArn": "arn",
            "Port": "port",
            "HealthCheckPort": lambda group: group.health_check_port or "traffic-port",
            "TargetType": "target_type",
            "LoadBalancerArns": "load_balancer_arns",
        },
    ),
}
"""By the name in the answer: what of the facts, how its list is called, and EC2's names of its members."""


def _target_health(facts: NetworkFacts) -> Mapping[str, list[str]] | None:
    """The targets of each target group, by its ARN."""
    if facts.targets is None:
        return None
    found: dict[str, list[str]] = {}
    for target in facts.targets:
        text = f"{target.target_id}:{target.port} {target.state} {target.reason}".strip()
        found.setdefault(target.target_group_arn, []).append(text)
    return found


def _vpc_missing(facts: NetworkFacts, vpc_id: str | None) -> Finding | None:
    """The VPC that was asked about is not there; nothing follows where VPCs could not be read."""
    if not vpc_id or facts.vpcs is None or any(one.vpc_id == vpc_id for one in facts.vpcs):
        return None
    others = ", ".join(sorted({one.vpc_id for one in (*facts.vpcs, *(facts.subnets or ()))} - {vpc_id, ""}))
    return make_finding(
        code="vpc_not_found",
        cause=f"There is no VPC {vpc_id} in {facts.region}.",
        evidence=(f"VPCs of the cluster's services: {others}",) if others else (),
        resource=vpc_id,
    ).in_own_words()


def _nothing_wrong(facts: NetworkFacts, cluster: str) -> tuple[Finding, ...]:
    """Empty where there was nothing to examine, or not everything could be read."""
    if facts.gaps or not facts.services:
        return ()
    names = ", ".join(one.service_name for one in facts.services[:_NAMED])
    return (
        make_finding(
            code="nothing_wrong",
            cause=f"Nothing is wrong with the network around the services of the cluster {cluster}.",
            evidence=(f"{len(facts.services)} looked at: {names}{', …' if len(facts.services) > _NAMED else ''}",),
            resource=cluster,
        ).in_own_words(),
    )
