"""Whether network ACLs let requests of a load balancer through to its tasks, and the answers back."""

from collections.abc import Iterator

from expressway.aws.values.load_balancing import LoadBalancer
from expressway.aws.values.placement import ServicePlacement
from expressway.aws.values.vpc import Subnet
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.diagnose.network.facts import NetworkFacts
from expressway.diagnose.network.parts import subnets_named
from expressway.diagnose.network.reachability import BALANCER_PORTS, Peer, denied_ports, through_acl


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
        return (
            entering.network_acl_id,
            f"denies the answers, outbound to TCP {ports[0]}-{ports[1]} of {near.cidr_block}",
        )
    if leaving and (ports := denied_ports(leaving, is_egress=False, ports=BALANCER_PORTS, peer=there)):
        return leaving.network_acl_id, f"denies the answers, inbound to TCP {ports[0]}-{ports[1]} from {far.cidr_block}"
    return None
