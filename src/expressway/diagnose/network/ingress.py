"""Whether requests come through: clients → load balancer → listener rule → target group → task."""

from collections.abc import Iterator, Sequence

from expressway.aws.values.load_balancing import LoadBalancer, TargetGroup
from expressway.aws.values.placement import ServicePlacement, TargetBinding
from expressway.aws.values.service import TargetHealth
from expressway.aws.values.vpc import SecurityGroup, Subnet
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.diagnose.network.acl import acl_findings
from expressway.diagnose.network.facts import NetworkFacts
from expressway.diagnose.network.load_balancer import balancer_findings
from expressway.diagnose.network.parts import blocks_of, groups_named, names, subnets_named
from expressway.diagnose.network.reachability import (
    Peer,
    contains,
    network_of,
    through_groups,
)


def ingress_findings(facts: NetworkFacts, service: ServicePlacement) -> tuple[Finding, ...]:
    """What keeps requests from the service's tasks, one finding for each place where the path is cut."""
    found: list[Finding] = [*_routing_findings(facts, service)]
    for binding in service.bindings:
        group = facts.target_group(binding.target_group_arn)
        if group is None:
            continue
        found.extend(_target_findings(facts, service, binding, group))
        for balancer in _balancers(facts, service, group):
            found.extend(_way_findings(facts, service, binding, group, balancer))
    for balancer in _all_balancers(facts, service):
        found.extend(balancer_findings(facts, service, balancer))
    return tuple(found)


# -- listener rules and target groups -----------------------------------------------------------------------
def _routing_findings(facts: NetworkFacts, service: ServicePlacement) -> Iterator[Finding]:
    groups = [facts.target_group(one.target_group_arn) for one in service.bindings]
    for binding, group in zip(service.bindings, groups, strict=True):
        if group is None and facts.target_groups is not None:
            yield make_finding(
                code="target_group_missing",
                cause=f"{service.service_name} registers its tasks in a target group that does not exist.",
                evidence=(f"{binding.target_group_arn} is not found",),
                resource=binding.target_group_arn,
            )
    for arn in facts.missing_rule_arns or ():
        if arn in service.rule_arns:
            yield _no_rule(service, arn, f"{arn}, which ECS manages, does not exist")
    existing = [group for group in groups if group is not None]
    if existing and _is_settled(service) and not any(group.load_balancer_arns for group in existing):
        yield _no_rule(service, existing[0].arn, f"no listener forwards to {existing[0].name}")


def _is_settled(service: ServicePlacement) -> bool:
    """While ECS still makes an Express service's rule (its last step), groups and rules may rightly be missing."""
    return bool(service.rule_arns) or not service.is_express


def _no_rule(service: ServicePlacement, resource: str, evidence: str) -> Finding:
    return make_finding(
        code="listener_rule_missing",
        cause=f"No listener rule sends requests to {service.service_name}.",
        evidence=(evidence,),
        remedy="Add a listener rule that forwards to the target group"
        + ("; a new deployment of an Express service makes ECS create its rule again." if service.is_express else "."),
        resource=resource,
    )


def _target_findings(
    facts: NetworkFacts, service: ServicePlacement, binding: TargetBinding, group: TargetGroup
) -> Iterator[Finding]:
    """Ports that do not fit. The group's own port never counts: ECS registers every task with the container's port."""
    here = _own_targets(facts, service, group) if group.target_type == "ip" else []
    port = binding.container_port
    if not port or not here or any(one.state != "unhealthy" for one in here):
        return
    others = sorted({one.port for one in here})
    if port not in others:
        yield make_finding(
            code="target_port_mismatch",
            cause=f"The targets of {service.service_name} have port {others[0]}, its container has {port}.",
            evidence=tuple(f"{group.name}: target {one.target_id}:{one.port} is {one.state}" for one in here[:3]),
            resource=group.arn,
            confidence="medium",
        )
    checked = group.health_check_port
    if checked and checked != port:
        yield make_finding(
            code="health_check_port_mismatch",
            cause=f"The health check asks port {checked}, and the container of {service.service_name} has port {port}.",
            evidence=(f"{group.name}: health check port {checked}; all of {len(here)} targets are unhealthy",),
            remedy=f"Set the health check's port to traffic-port, or let the task answer on {checked}.",
            resource=group.arn,
            confidence="medium",
        )


def _own_targets(facts: NetworkFacts, service: ServicePlacement, group: TargetGroup) -> list[TargetHealth]:
    """The targets in the service's subnets that are not on their way out."""
    blocks = [network_of(one.cidr_block) for one in subnets_named(facts, service.subnet_ids) if one.cidr_block]
    mine = [one for one in facts.targets or () if one.target_group_arn == group.arn and one.state != "draining"]
    return [one for one in mine if any(contains(block, network_of(one.target_id)) for block in blocks)]


# -- load balancer to task ----------------------------------------------------------------------------------
def _balancers(facts: NetworkFacts, service: ServicePlacement, group: TargetGroup) -> list[LoadBalancer]:
    arns = dict.fromkeys((*group.load_balancer_arns, *service.load_balancer_arns))
    return [one for one in map(facts.load_balancer, arns) if one is not None]


def _all_balancers(facts: NetworkFacts, service: ServicePlacement) -> list[LoadBalancer]:
    groups = [facts.target_group(one.target_group_arn) for one in service.bindings]
    arns = [arn for group in groups if group is not None for arn in group.load_balancer_arns]
    return [one for one in map(facts.load_balancer, dict.fromkeys((*arns, *service.load_balancer_arns))) if one]


def _way_findings(
    facts: NetworkFacts, service: ServicePlacement, binding: TargetBinding, group: TargetGroup, balancer: LoadBalancer
) -> Iterator[Finding]:
    """Only for tasks with a network interface of their own; others are reached through their instances."""
    if group.target_type != "ip" or not service.subnet_ids or not _is_settled(service):
        return
    theirs = subnets_named(facts, balancer.subnet_ids)
    mine = subnets_named(facts, service.subnet_ids)
    if not theirs or not mine:
        return
    ports = dict.fromkeys(port for port in (binding.container_port, group.health_check_port) if port)
    for port in ports:
        yield from _group_findings(facts, service, balancer, port=port, is_ipv6=group.ip_address_type == "ipv6")
        yield from acl_findings(facts, service, balancer, port=port)
    yield from _zone_findings(service, balancer, theirs, mine)


def _group_findings(
    facts: NetworkFacts, service: ServicePlacement, balancer: LoadBalancer, *, port: int, is_ipv6: bool
) -> Iterator[Finding]:
    mine, theirs = groups_named(facts, service.security_group_ids), groups_named(facts, balancer.security_group_ids)
    if mine and balancer.security_group_ids:
        peer = Peer(blocks_of(subnets_named(facts, balancer.subnet_ids), is_ipv6), balancer.security_group_ids)
        rules = [rule for group in mine for rule in group.ingress]
        reach = through_groups(facts, rules, port=port, peer=peer)
        # A network load balancer may hand on its clients' addresses; then rules for those would do.
        is_sure = balancer.kind == "application" or not any(rule.covers_tcp(port) for rule in rules)
        if reach in {"closed", "partly"} and is_sure:
            yield _blocked(service, balancer, mine, port=port, is_partly=reach == "partly")
    if mine and theirs:
        peer = Peer(blocks_of(subnets_named(facts, service.subnet_ids), is_ipv6), service.security_group_ids)
        reach = through_groups(facts, [rule for one in theirs for rule in one.egress], port=port, peer=peer)
        if reach == "closed":
            yield _kept_in(service, balancer, port=port)


def _blocked(
    service: ServicePlacement, balancer: LoadBalancer, groups: Sequence[SecurityGroup], *, port: int, is_partly: bool
) -> Finding:
    named, source = ", ".join(one.group_id for one in groups), ", ".join(balancer.security_group_ids)
    rules = "; ".join(_shown(group) for group in groups)
    some = "some nodes of the load balancer" if is_partly else "the load balancer"
    return make_finding(
        code="load_balancer_blocked",
        severity="warning" if is_partly else "critical",
        cause=f"The security groups of {service.service_name} ({named}) do not let {some} in on port {port}.",
        evidence=(
            f"{balancer.name} ({source}) → TCP {port} → ✗ {named} → tasks of {service.service_name}",
            f"inbound rules: {rules}",
        ),
        remedy=f"Add an inbound rule for TCP {port} from {source} to {groups[0].group_id}.",
        resource=groups[0].group_id,
    )


def _kept_in(service: ServicePlacement, balancer: LoadBalancer, *, port: int) -> Finding:
    named, mine = ", ".join(balancer.security_group_ids), ", ".join(service.security_group_ids)
    return make_finding(
        code="load_balancer_blocked",
        cause=f"The security groups of {balancer.name} ({named}) let nothing out on port {port}.",
        evidence=(f"{balancer.name} → ✗ {named} has no outbound rule for TCP {port} → tasks ({mine})",),
        remedy=f"In {balancer.security_group_ids[0]}, let TCP {port} out to {mine}.",
        resource=balancer.security_group_ids[0],
    )


def _shown(group: SecurityGroup) -> str:
    """The group's inbound rules in short."""
    rules: list[str] = []
    for rule in group.ingress[:4]:
        peers = ", ".join((*rule.group_ids, *rule.cidr_blocks, *rule.prefix_list_ids)[:3])
        ports = "all" if rule.protocol == "-1" else f"{rule.protocol} {rule.from_port}-{rule.to_port}"
        rules.append(f"{ports} from {peers or 'nobody'}")
    return f"{group.group_id}: {', '.join(rules) or 'none'}"


def _zone_findings(
    service: ServicePlacement, balancer: LoadBalancer, theirs: Sequence[Subnet], mine: Sequence[Subnet]
) -> Iterator[Finding]:
    enabled = list(dict.fromkeys(one.zone for one in theirs))
    outside = [one for one in mine if one.zone not in enabled]
    if outside and len(theirs) == len(balancer.subnet_ids):
        yield make_finding(
            code="zone_not_enabled",
            severity="critical" if len(outside) == len(mine) else "warning",
            cause=f"{balancer.name} sends no requests to tasks of {service.service_name} in {names(outside)}: "
            "it is not enabled in their zone.",
            evidence=(
                *(f"{one.subnet_id} is in {one.zone}" for one in outside[:2]),
                f"{balancer.name} is in {', '.join(enabled)}",
            ),
            remedy=f"Add a subnet of that zone to {balancer.name}, or keep the tasks to its zones.",
            resource=balancer.arn,
        )
