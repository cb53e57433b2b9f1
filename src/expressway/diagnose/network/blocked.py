"""Where a path of the network is cut: by security groups, or by a network ACL."""

from dataclasses import dataclass

from expressway.aws.values.placement import ServicePlacement
from expressway.aws.values.vpc import Subnet
from expressway.diagnose.finding import Confidence
from expressway.diagnose.network.facts import NetworkFacts
from expressway.diagnose.network.parts import groups_named
from expressway.diagnose.network.reachability import TASK_PORTS, Peer, denied_ports, through_acl, through_groups

HTTPS = 443


@dataclass(frozen=True, slots=True)
class Cut:
    """A path that fails between a subnet and a need: `steps` lead to the place, `why` completes "tasks … because"."""

    code: str
    resource: str
    why: str
    steps: tuple[str, ...]
    remedy: str
    confidence: Confidence = "high"


def cut_by_groups(
    facts: NetworkFacts, service: ServicePlacement, peer: Peer | None, towards: str = "the internet"
) -> Cut | None:
    """`peer` is None where nobody knows what the other end is: then only rules that let nothing out at all count."""
    groups = groups_named(facts, service.security_group_ids)
    rules = [rule for group in groups for rule in group.egress]
    if not groups or (peer is None and any(rule.covers_tcp(HTTPS) for rule in rules)):
        return None
    if peer is not None and through_groups(facts, rules, port=HTTPS, peer=peer) != "closed":
        return None
    named = groups_of(service)
    return Cut(
        "egress_blocked",
        named,
        f"{named} lets no TCP {HTTPS} out towards {towards}",
        (f"{named} has no egress rule for TCP {HTTPS} towards {towards}",),
        f"Add an egress rule for TCP {HTTPS} to {named}: to 0.0.0.0/0, or to the endpoints and prefix lists in use.",
    )


def cut_by_acl(facts: NetworkFacts, subnet: Subnet, peer: Peer) -> Cut | None:
    """Requests leave to port 443; answers come back to the ports that the task's system gave out."""
    acl = facts.network_acl_of(subnet)
    if acl is None:
        return None
    name = acl.network_acl_id
    if through_acl(acl, is_egress=True, ports=(HTTPS, HTTPS), peer=peer) == "closed":
        why = f"the network ACL {name} denies TCP {HTTPS} outbound"
        return Cut("network_acl_denies", name, why, (why,), f"Allow TCP {HTTPS} outbound in {name}.")
    denied = denied_ports(acl, is_egress=False, ports=TASK_PORTS, peer=peer)
    if denied is None:
        return None
    why = f"the network ACL {name} denies the answers, inbound to TCP {denied[0]}-{denied[1]}"
    remedy = f"Allow TCP {TASK_PORTS[0]}-{TASK_PORTS[1]} inbound in {name}; network ACLs keep no state."
    return Cut("network_acl_denies", name, why, (why,), remedy, "high" if denied == TASK_PORTS else "medium")


def groups_of(service: ServicePlacement) -> str:
    return ", ".join(service.security_group_ids)
