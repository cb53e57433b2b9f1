"""What keeps requests from a service's tasks: load balancers, listener rules, target groups, security groups, ACLs."""

from collections.abc import Iterator, Sequence

from expressway.aws.values.network import (
    LoadBalancer,
    SecurityGroup,
    ServicePlacement,
    Subnet,
    TargetBinding,
    TargetGroup,
)
from expressway.aws.values.service import TargetHealth
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.diagnose.network.reachability import (
    BALANCER_PORTS,
    NetworkFacts,
    Peer,
    blocks_of,
    contains,
    denied_ports,
    groups_named,
    internet_path,
    names,
    network_of,
    port_range,
    subnets_named,
    through_acl,
    through_groups,
)


def ingress_findings(facts: NetworkFacts, service: ServicePlacement) -> tuple[Finding, ...]:
    """What keeps requests from the service's tasks, one finding for each place where the path is cut."""
    found = [*_routing_findings(facts, service)]
    named = [(binding, facts.target_group(binding.target_group_arn)) for binding in service.bindings]
    bound = [(binding, group) for binding, group in named if group is not None]
    for binding, group in bound:
        found.extend(_target_findings(facts, service, binding, group))
        for balancer in _balancers(facts, service, [group]):
            found.extend(_way_findings(facts, service, binding, group, balancer))
    for balancer in _balancers(facts, service, [group for _, group in bound]):
        found.extend(balancer_findings(facts, service, balancer))
    return tuple(found)


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
    if existing and _is_provisioned(service) and not any(group.load_balancer_arns for group in existing):
        yield _no_rule(service, existing[0].arn, f"no listener forwards to {existing[0].name}")


def _is_provisioned(service: ServicePlacement) -> bool:
    """False until ECS has made the rule of an Express service (its last step): groups and rules may be missing."""
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
    """Ports that do not match. The group's own port is irrelevant: ECS registers tasks with the container's port."""
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
    registered = [one for one in facts.targets or () if one.target_group_arn == group.arn and one.state != "draining"]
    return [one for one in registered if any(contains(block, network_of(one.target_id)) for block in blocks)]


def _balancers(facts: NetworkFacts, service: ServicePlacement, groups: Sequence[TargetGroup]) -> list[LoadBalancer]:
    """The load balancers of the target groups, and those that the service names itself."""
    arns = dict.fromkeys((*(arn for group in groups for arn in group.load_balancer_arns), *service.load_balancer_arns))
    return [balancer for balancer in map(facts.load_balancer, arns) if balancer is not None]


def _way_findings(
    facts: NetworkFacts, service: ServicePlacement, binding: TargetBinding, group: TargetGroup, balancer: LoadBalancer
) -> Iterator[Finding]:
    """Only for tasks with a network interface of their own; others are reached through their instances."""
    if group.target_type != "ip" or not service.subnet_ids or not _is_provisioned(service):
        return
    balancer_subnets = subnets_named(facts, balancer.subnet_ids)
    service_subnets = subnets_named(facts, service.subnet_ids)
    if not balancer_subnets or not service_subnets:
        return
    ports = dict.fromkeys(port for port in (binding.container_port, group.health_check_port) if port)
    for port in ports:
        yield from _group_findings(facts, service, balancer, port=port, is_ipv6=group.ip_address_type == "ipv6")
        yield from acl_findings(facts, service, balancer, port=port)
    yield from _zone_findings(service, balancer, balancer_subnets, service_subnets)


def _group_findings(
    facts: NetworkFacts, service: ServicePlacement, balancer: LoadBalancer, *, port: int, is_ipv6: bool
) -> Iterator[Finding]:
    service_groups = groups_named(facts, service.security_group_ids)
    balancer_groups = groups_named(facts, balancer.security_group_ids)
    if service_groups and balancer.security_group_ids:
        peer = Peer(blocks_of(subnets_named(facts, balancer.subnet_ids), is_ipv6), balancer.security_group_ids)
        rules = [rule for group in service_groups for rule in group.ingress]
        reach = through_groups(facts, rules, port=port, peer=peer)
        # A network load balancer may hand on its clients' addresses; then rules for those would do.
        is_sure = balancer.kind == "application" or not any(rule.covers_tcp(port) for rule in rules)
        if reach in {"closed", "partly"} and is_sure:
            yield _blocked(service, balancer, service_groups, port=port, is_partly=reach == "partly")
    if service_groups and balancer_groups:
        peer = Peer(blocks_of(subnets_named(facts, service.subnet_ids), is_ipv6), service.security_group_ids)
        reach = through_groups(facts, [rule for one in balancer_groups for rule in one.egress], port=port, peer=peer)
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
    balancer_groups, service_groups = ", ".join(balancer.security_group_ids), ", ".join(service.security_group_ids)
    return make_finding(
        code="load_balancer_blocked",
        cause=f"The security groups of {balancer.name} ({balancer_groups}) let nothing out on port {port}.",
        evidence=(
            f"{balancer.name} → ✗ {balancer_groups} has no outbound rule for TCP {port} → tasks ({service_groups})",
        ),
        remedy=f"In {balancer.security_group_ids[0]}, let TCP {port} out to {service_groups}.",
        resource=balancer.security_group_ids[0],
    )


def _shown(group: SecurityGroup) -> str:
    rules: list[str] = []
    for rule in group.ingress[:4]:
        peers = ", ".join((*rule.group_ids, *rule.cidr_blocks, *rule.prefix_list_ids)[:3])
        rules.append(f"{port_range(rule)} from {peers or 'nobody'}")
    return f"{group.group_id}: {', '.join(rules) or 'none'}"


def _zone_findings(
    service: ServicePlacement,
    balancer: LoadBalancer,
    balancer_subnets: Sequence[Subnet],
    service_subnets: Sequence[Subnet],
) -> Iterator[Finding]:
    enabled = list(dict.fromkeys(one.zone for one in balancer_subnets))
    outside = [one for one in service_subnets if one.zone not in enabled]
    if outside and len(balancer_subnets) == len(balancer.subnet_ids):
        yield make_finding(
            code="zone_not_enabled",
            severity="critical" if len(outside) == len(service_subnets) else "warning",
            cause=f"{balancer.name} sends no requests to tasks of {service.service_name} in {names(outside)}: "
            "it is not enabled in their zone.",
            evidence=(
                *(f"{one.subnet_id} is in {one.zone}" for one in outside[:2]),
                f"{balancer.name} is in {', '.join(enabled)}",
            ),
            remedy=f"Add a subnet of that zone to {balancer.name}, or keep the tasks to its zones.",
            resource=balancer.arn,
        )


def acl_findings(
    facts: NetworkFacts, service: ServicePlacement, balancer: LoadBalancer, *, port: int
) -> Iterator[Finding]:
    """Network ACLs hold at the borders of subnets, in both directions, for requests and for answers."""
    for near in subnets_named(facts, balancer.subnet_ids):
        for far in subnets_named(facts, service.subnet_ids):
            if near.subnet_id == far.subnet_id or not near.cidr_block or not far.cidr_block:
                continue
            denial = _denial(facts, near, far, port)
            if denial is not None:
                acl, words = denial
                yield make_finding(
                    code="network_acl_denies",
                    severity="warning",
                    cause=f"The network ACL {acl} cuts the load balancer off from {service.service_name}.",
                    evidence=(f"{balancer.name} in {near.subnet_id} → TCP {port} → {far.subnet_id}: ✗ {acl} {words}",),
                    remedy=f"Allow TCP {port} to the tasks, and TCP {BALANCER_PORTS[0]}-{BALANCER_PORTS[1]} back.",
                    resource=acl,
                )


def _denial(facts: NetworkFacts, near: Subnet, far: Subnet, port: int) -> tuple[str, str] | None:
    there, here = Peer((far.cidr_block,)), Peer((near.cidr_block,))
    leaving, entering = facts.network_acl_of(near), facts.network_acl_of(far)
    exact = (port, port)
    if leaving and through_acl(leaving, is_egress=True, ports=exact, peer=there) == "closed":
        return leaving.network_acl_id, f"denies TCP {port} outbound to {far.cidr_block}"
    if entering and through_acl(entering, is_egress=False, ports=exact, peer=here) == "closed":
        return entering.network_acl_id, f"denies TCP {port} inbound from {near.cidr_block}"
    if entering and (ports := denied_ports(entering, is_egress=True, ports=BALANCER_PORTS, peer=here)):
        words = f"denies the answers, outbound to TCP {ports[0]}-{ports[1]} of {near.cidr_block}"
        return entering.network_acl_id, words
    if leaving and (ports := denied_ports(leaving, is_egress=False, ports=BALANCER_PORTS, peer=there)):
        return leaving.network_acl_id, f"denies the answers, inbound to TCP {ports[0]}-{ports[1]} from {far.cidr_block}"
    return None


_FREE_ADDRESSES_NEEDED = 8
"""Elastic Load Balancing guide, "Subnets for your load balancer": at least eight free addresses a subnet."""


def balancer_findings(facts: NetworkFacts, service: ServicePlacement, balancer: LoadBalancer) -> Iterator[Finding]:
    groups = groups_named(facts, balancer.security_group_ids)
    if groups and not any(group.ingress for group in groups):
        yield make_finding(
            code="load_balancer_closed",
            cause=f"No client can reach {balancer.name}: its security groups have no inbound rule at all.",
            evidence=(f"clients → ✗ {', '.join(balancer.security_group_ids)} → {balancer.name}",),
            remedy=f"Let the listener's port in, from where clients are, into {balancer.security_group_ids[0]}.",
            resource=balancer.security_group_ids[0],
        )
    if balancer.state in {"active_impaired", "failed"}:
        yield make_finding(
            code="load_balancer_impaired",
            severity="critical" if balancer.state == "failed" else "warning",
            cause=f"{balancer.name} is {balancer.state}: it could not get all that it needs to serve or grow.",
            evidence=(f"{balancer.name}: state {balancer.state}",),
            resource=balancer.arn,
        )
    subnets = subnets_named(facts, balancer.subnet_ids)
    yield from _facing_findings(facts, service, balancer, subnets)
    tight = [one for one in subnets if one.cidr_block and one.free_address_count < _FREE_ADDRESSES_NEEDED]
    for subnet in tight:
        yield make_finding(
            code="subnet_full",
            severity="warning",
            cause=f"{balancer.name} lacks free addresses in {subnet.subnet_id} to grow.",
            evidence=(f"{subnet.subnet_id} ({subnet.cidr_block}) has {subnet.free_address_count} free addresses",),
            remedy="Free addresses in the subnet, or move the load balancer to a larger one.",
            resource=subnet.subnet_id,
        )


def _facing_findings(
    facts: NetworkFacts, service: ServicePlacement, balancer: LoadBalancer, subnets: Sequence[Subnet]
) -> Iterator[Finding]:
    if balancer.scheme == "internal":
        express_step = "ECS then makes an internet-facing load balancer."
        next_step = express_step if service.is_express else "The scheme cannot change."
        yield make_finding(
            code="load_balancer_internal",
            cause=f"{service.service_name} can be reached from inside its network only: {balancer.name} is internal.",
            evidence=(f"{balancer.name}: scheme internal, in {names(subnets)}",),
            remedy="If it should be public, place it in subnets with a route to an internet gateway. " + next_step,
            resource=balancer.arn,
        )
        return
    paths = [(one, internet_path(facts, one)) for one in subnets]
    if balancer.scheme != "internet-facing":
        return
    cut = [(one, path) for one, path in paths if path.is_cut or path.way == "nat"]
    if cut:
        everywhere = len(cut) == len(paths)
        yield make_finding(
            code="load_balancer_no_internet_route",
            severity="critical" if everywhere else "warning",
            cause=f"{balancer.name} faces the internet, but {names([one for one, _ in cut])} "
            f"{'has' if len(cut) == 1 else 'have'} no route to an internet gateway.",
            evidence=tuple(
                f"clients ✗ {balancer.name} in {one.subnet_id}: {'; '.join(path.steps)}" for one, path in cut[:3]
            ),
            resource=balancer.arn,
        )
