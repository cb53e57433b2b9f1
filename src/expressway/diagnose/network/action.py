"""A cluster's network in short: what is there, in the words of EC2, beside the findings."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from expressway.aws.values.network import (
    LoadBalancer,
    RouteTable,
    SecurityGroup,
    SecurityRule,
    Subnet,
    TargetGroup,
    Vpc,
)
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.diagnose.network.collect import gather_network
from expressway.diagnose.network.facts import NetworkFacts
from expressway.diagnose.network.rules import network_findings
from expressway.diagnose.ports import NetworkPorts

T = TypeVar("T")
Shape = dict[str, Any]

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


def network_view(
    facts: NetworkFacts, findings: Sequence[Finding], *, cluster: str, vpc_id: str | None = None, now: datetime
) -> Mapping[str, Any]:
    """The answer of `fetch_network_configuration`."""
    told: Shape = {"findings": [one.to_dict() for one in findings]}
    if facts.gaps:
        told["gaps"] = list(facts.gaps)
    vpc_ids = _vpc_ids(facts)
    if not vpc_ids:
        what = f"No VPC {vpc_id}" if vpc_id else f"No VPC that a service or task of the cluster {cluster} is in"
        message = f"{what} could be found in {facts.region}; check the name, the region and the gaps, if there are any."
        return {"status": "warning", "message": message, "timestamp": now.isoformat(), **told}
    data: Shape = {
        "timestamp": now.isoformat(),
        "vpc_ids": list(vpc_ids),
        "clusters": [cluster],
        "services": [_service(one.service_name, one.subnet_ids, one.security_group_ids) for one in facts.services],
        "raw_resources": _resources(facts),
        "analysis_guide": _GUIDE,
    }
    return {"status": "success", "data": data, **told}


def _vpc_ids(facts: NetworkFacts) -> tuple[str, ...]:
    found = [
        *(one.vpc_id for one in facts.vpcs or ()),
        *(one.vpc_id for one in facts.subnets or ()),
        *(one.vpc_id for one in facts.network_interfaces or ()),
    ]
    return tuple(dict.fromkeys(filter(None, found)))


def _service(name: str, subnet_ids: Sequence[str], group_ids: Sequence[str]) -> Shape:
    return {"name": name, "subnets": list(subnet_ids), "security_groups": list(group_ids)}


def _resources(facts: NetworkFacts) -> Shape:
    """One entry for each kind, None where it could not be read."""
    return {
        "vpcs": {"Vpcs": _each(facts.vpcs, _vpc)},
        "subnets": {"Subnets": _each(facts.subnets, _subnet)},
        "security_groups": {"SecurityGroups": _each(facts.security_groups, _security_group)},
        "route_tables": {"RouteTables": _each(facts.route_tables, _route_table)},
        "network_acls": {
            "NetworkAcls": _each(
                facts.network_acls, lambda one: {"NetworkAclId": one.network_acl_id, "Subnets": list(one.subnet_ids)}
            )
        },
        "vpc_endpoints": {
            "VpcEndpoints": _each(
                facts.endpoints,
                lambda one: {
                    "VpcEndpointId": one.endpoint_id,
                    "ServiceName": one.service_name,
                    "VpcEndpointType": one.kind,
                    "State": one.state,
                },
            )
        },
        "network_interfaces": {
            "NetworkInterfaces": _each(
                facts.network_interfaces,
                lambda one: {
                    "NetworkInterfaceId": one.network_interface_id,
                    "SubnetId": one.subnet_id,
                    "PrivateIpAddress": one.private_ip,
                    "PublicIp": one.public_ip,
                    "Groups": list(one.security_group_ids),
                },
            )
        },
        "nat_gateways": {
            "NatGateways": _each(
                facts.nat_gateways,
                lambda one: {"NatGatewayId": one.nat_gateway_id, "SubnetId": one.subnet_id, "State": one.state},
            )
        },
        "internet_gateways": {
            "InternetGateways": _each(
                facts.internet_gateways,
                lambda one: {"InternetGatewayId": one.internet_gateway_id, "Vpcs": list(one.vpc_ids)},
            )
        },
        "load_balancers": {"LoadBalancers": _each(facts.load_balancers, _load_balancer)},
        "target_groups": {
            "TargetGroups": _each(facts.target_groups, _target_group),
            "TargetHealth": _target_health(facts),
        },
    }


def _each(values: Sequence[T] | None, shape_of: Callable[[T], Shape]) -> list[Shape] | None:
    return None if values is None else [shape_of(one) for one in values]


def _vpc(vpc: Vpc) -> Shape:
    return {
        "VpcId": vpc.vpc_id,
        "CidrBlocks": list(vpc.cidr_blocks),
        "IsDefault": vpc.is_default,
        "EnableDnsSupport": vpc.dns_support,
        "EnableDnsHostnames": vpc.dns_hostnames,
    }


def _subnet(subnet: Subnet) -> Shape:
    return {
        "SubnetId": subnet.subnet_id,
        "VpcId": subnet.vpc_id,
        "AvailabilityZone": subnet.zone,
        "CidrBlock": subnet.cidr_block,
        "AvailableIpAddressCount": subnet.free_address_count,
    }


def _route_table(table: RouteTable) -> Shape:
    return {
        "RouteTableId": table.route_table_id,
        "Subnets": list(table.subnet_ids),
        "Main": table.is_main,
        "Routes": [
            f"{one.destination} → {one.target}{' (blackhole)' if one.is_blackhole else ''}" for one in table.routes
        ],
    }


def _security_group(group: SecurityGroup) -> Shape:
    return {
        "GroupId": group.group_id,
        "GroupName": group.name,
        "Inbound": [_rule(one) for one in group.ingress],
        "Outbound": [_rule(one) for one in group.egress],
    }


def _rule(rule: SecurityRule) -> str:
    ports = "all" if rule.protocol == "-1" else f"{rule.protocol} {rule.from_port}-{rule.to_port}"
    return f"{ports}: {', '.join((*rule.cidr_blocks, *rule.group_ids, *rule.prefix_list_ids))}"


def _load_balancer(balancer: LoadBalancer) -> Shape:
    return {
        "LoadBalancerArn": balancer.arn,
        "Type": balancer.kind,
        "Scheme": balancer.scheme,
        "State": balancer.state,
        "Subnets": list(balancer.subnet_ids),
        "SecurityGroups": list(balancer.security_group_ids),
    }


def _target_group(group: TargetGroup) -> Shape:
    return {
        "TargetGroupArn": group.arn,
        "Port": group.port,
        "HealthCheckPort": group.health_check_port or "traffic-port",
        "TargetType": group.target_type,
        "LoadBalancerArns": list(group.load_balancer_arns),
    }


def _target_health(facts: NetworkFacts) -> Mapping[str, list[str]] | None:
    """Target group's ARN → its targets in short."""
    if facts.targets is None:
        return None
    told: dict[str, list[str]] = {}
    for one in facts.targets:
        words = f"{one.target_id}:{one.port} {one.state} {one.reason}".strip()
        told.setdefault(one.target_group_arn, []).append(words)
    return told


def fetch_network_configuration(
    ecs_cluster_name: str, vpc_id: str | None = None, *, ports: NetworkPorts, now: datetime
) -> Mapping[str, Any]:
    """The network of a cluster (or of one VPC for it), told as findings, and what they rest on in short.

    Returns:
        status: ``success``, or ``warning`` when the cluster has nothing in any VPC; then message and timestamp.
        data: timestamp, vpc_ids, clusters, raw_resources (one list for each kind), analysis_guide.
        findings, gaps: see `expressway.diagnose.finding`; one of code ``nothing_wrong`` when all is well,
            ``vpc_not_found`` when there is no such VPC; gaps only where there are any.
    """
    facts = gather_network(ecs_cluster_name, ports=ports, vpc_id=vpc_id)
    missing = _vpc_missing(facts, vpc_id)
    findings = (missing,) if missing else network_findings(facts) or _nothing_wrong(facts, ecs_cluster_name)
    return network_view(facts, findings, cluster=ecs_cluster_name, vpc_id=vpc_id, now=now)


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
    """That all is well is said only where something was there to look at, and all of it could be read."""
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


_NAMED = 5
