"""Whether tasks on Fargate reach what they need to start: the registry, logs, secrets; and where the path is cut."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from expressway.aws.values.network import Endpoint, ServicePlacement, Subnet
from expressway.aws.values.task_definition import TaskDefinition
from expressway.diagnose.finding import Confidence, Finding
from expressway.diagnose.network.reachability import (
    INTERNET,
    TASK_PORTS,
    InternetPath,
    NetworkFacts,
    Peer,
    Way,
    denied_ports,
    groups_named,
    internet_path,
    through_acl,
    through_groups,
)

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
    """`peer` is None where the other end is unknown: then only groups that let nothing out cut the path."""
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


_ECR = re.compile(r"^\d{12}\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/")
_PUBLIC_REGISTRIES = frozenset(
    {"docker.io", "public.ecr.aws", "ghcr.io", "quay.io", "gcr.io", "registry.k8s.io", "mcr.microsoft.com"}
)


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """One thing that must be reachable; `endpoint` is the end of the VPC endpoint service's name, empty for none.

    Sources: ECR guide "Amazon ECR interface VPC endpoints (AWS PrivateLink)"; ECS guide "Fargate task networking".
    """

    label: str
    endpoint: str = ""


def needs_of(definition: TaskDefinition, region: str) -> tuple[Need, ...]:
    """Everything that surely must be reached: registries, log and secret services; private registries are unknown."""
    found = [
        *(need for image in definition.images if image.image for need in _image_needs(image.image, region)),
        *(_secret_need(secret.value_from, region) for secret in definition.secrets if secret.value_from),
        *(_regional("CloudWatch Logs", "logs", logs.region, region) for logs in definition.log_configurations),
    ]
    return tuple(dict.fromkeys(found))


def _image_needs(image: str, region: str) -> Iterator[Need]:
    ecr = _ECR.match(image)
    if ecr and ecr["region"] == region:
        yield Need("Amazon ECR's API", "ecr.api")
        yield Need("the ECR registry", "ecr.dkr")
        yield Need("Amazon S3 (the layers of images)", "s3")
    elif ecr:
        yield Need(f"the ECR registry in {ecr['region']}")
    elif (host := _registry_host(image)) in _PUBLIC_REGISTRIES:
        yield Need(f"the registry {host}")


def _registry_host(image: str) -> str:
    """The first part of a reference if it looks like a host, else Docker Hub."""
    first, slash, _ = image.partition("/")
    is_host = slash and (first == "localhost" or "." in first or ":" in first)
    return first.partition(":")[0] if is_host else "docker.io"


def _secret_need(reference: str, region: str) -> Need:
    parts = reference.split(":")
    where = parts[3] if len(parts) > 5 else region
    if len(parts) > 5 and parts[2] == "secretsmanager":
        return _regional("AWS Secrets Manager", "secretsmanager", where, region)
    return _regional("the SSM Parameter Store", "ssm", where, region)


def _regional(label: str, endpoint: str, where: str, region: str) -> Need:
    """A service in another region has no endpoint here."""
    return Need(label, endpoint) if where in {"", region} else Need(f"{label} in {where}")


def endpoints_for(facts: NetworkFacts, subnet: Subnet, need: Need) -> list[Endpoint]:
    if not need.endpoint:
        return []
    ending = f".{facts.region}.{need.endpoint}"
    here = [one for one in facts.endpoints or () if one.vpc_id == subnet.vpc_id]
    return [one for one in here if one.service_name.endswith(ending)]


def answers(facts: NetworkFacts, endpoint: Endpoint) -> bool:
    """Whether the service's own host name leads to the endpoint; unread DNS settings count as on, EC2's default."""
    vpc = facts.vpc(endpoint.vpc_id)
    has_dns = vpc is None or (vpc.dns_support is not False and vpc.dns_hostnames is not False)
    return endpoint.state == "available" and endpoint.has_private_dns and has_dns


def guesses_dns(facts: NetworkFacts, endpoint: Endpoint) -> bool:
    vpc = facts.vpc(endpoint.vpc_id)
    return vpc is None or vpc.dns_support is None or vpc.dns_hostnames is None


def serves(facts: NetworkFacts, endpoint: Endpoint, subnet: Subnet) -> bool:
    table = facts.route_table_of(subnet)
    is_routed = table is None or table.route_table_id in endpoint.route_table_ids
    return endpoint.state == "available" and is_routed


def cut_at_endpoint(facts: NetworkFacts, service: ServicePlacement, subnet: Subnet, endpoint: Endpoint) -> Cut | None:
    places = [one for one in map(facts.subnet, endpoint.subnet_ids) if one is not None and one.cidr_block]
    peer = Peer(tuple(one.cidr_block for one in places), endpoint.security_group_ids)
    outward = cut_by_groups(facts, service, peer, endpoint.endpoint_id)
    if outward is not None:
        return outward
    groups = groups_named(facts, endpoint.security_group_ids)
    tasks = Peer((subnet.cidr_block,), service.security_group_ids)
    rules = [rule for group in groups for rule in group.ingress]
    if not groups or through_groups(facts, rules, port=HTTPS, peer=tasks) != "closed":
        # Inside one subnet no network ACL is asked.
        return None if subnet.subnet_id in endpoint.subnet_ids else cut_by_acl(facts, subnet, peer)
    named = ", ".join(endpoint.security_group_ids)
    return Cut(
        "endpoint_blocked",
        named,
        f"{named}, which guards the VPC endpoint {endpoint.endpoint_id}, does not let them in on port {HTTPS}",
        (endpoint.endpoint_id, f"{named} has no rule that lets in TCP {HTTPS} from {groups_of(service)}"),
        f"Let TCP {HTTPS} from {groups_of(service)} into {named}.",
    )


def gateway_peer(facts: NetworkFacts, endpoint: Endpoint) -> Peer:
    """The addresses behind a gateway endpoint; rules may name them by the prefix list that its routes have."""
    tables = facts.route_tables or ()
    routes = [route for table in tables for route in table.routes if route.target == endpoint.endpoint_id]
    return Peer(INTERNET.cidr_blocks, prefix_list_ids=tuple(dict.fromkeys(route.destination for route in routes)))


def cut_of_endpoint(facts: NetworkFacts, subnet: Subnet, endpoint: Endpoint, path: InternetPath) -> Cut | None:
    name, vpc = endpoint.endpoint_id, facts.vpc(endpoint.vpc_id)
    if endpoint.state != "available":
        why = f"the VPC endpoint {name} is {endpoint.state}"
        return Cut("endpoint_unavailable", name, why, (*path.steps, why), "Accept, repair or replace the VPC endpoint.")
    if endpoint.kind == "Gateway":
        table = facts.route_table_of(subnet)
        where = table.route_table_id if table else subnet.subnet_id
        why = f"the gateway endpoint {name} is not associated with {where}"
        return Cut("endpoint_not_routed", name, why, (*path.steps, why), f"Associate {name} with {where}.")
    if not endpoint.has_private_dns:
        why = f"private DNS is off at the VPC endpoint {name}, so the service's name leads past it"
        remedy = f"Turn on private DNS names for {name}, or resolve the name to it in a private hosted zone."
        return Cut("endpoint_private_dns_off", name, why, (*path.steps, why), remedy, "medium")
    off = "DNS support" if vpc is not None and vpc.dns_support is False else "DNS hostnames"
    why = f"{off} is off in {endpoint.vpc_id}, which the private name of {name} needs"
    remedy = f"Turn on enableDnsSupport and enableDnsHostnames of {endpoint.vpc_id}."
    return Cut("vpc_dns_disabled", endpoint.vpc_id, why, (*path.steps, why), remedy)


def egress_findings(facts: NetworkFacts, service: ServicePlacement) -> tuple[Finding, ...]:
    """What keeps the service's tasks from starting, one finding for each place where paths are cut.

    Only Fargate: on instances the agent pulls images, through the instance's own network.
    """
    if service.needs is None or service.launch_type != "FARGATE":
        return ()
    needs = needs_of(service.needs, facts.region)
    subnets = [one for one in map(facts.subnet, service.subnet_ids) if one is not None and one.cidr_block]
    cuts: dict[tuple[str, str], list[tuple[Cut, Need, Subnet]]] = {}
    for subnet in subnets:
        for need in needs:
            cut = _cut(facts, service, subnet, need)
            if cut is not None:
                cuts.setdefault((cut.code, cut.resource), []).append((cut, need, subnet))
    return tuple(_finding(service, subnets, found) for found in cuts.values())


def _finding(
    service: ServicePlacement, subnets: Sequence[Subnet], found: Sequence[tuple[Cut, Need, Subnet]]
) -> Finding:
    cut = found[0][0]
    labels = list(dict.fromkeys(need.label for _, need, _ in found))
    hit = list(dict.fromkeys(subnet.subnet_id for _, _, subnet in found))
    everywhere = len(hit) == len(subnets)
    where = "" if everywhere else f" in {', '.join(hit)}"
    paths = dict.fromkeys(
        " → ".join((f"tasks of {service.service_name} in {subnet.subnet_id}", *one.steps, f"✗ {need.label}"))
        for one, need, subnet in found
    )
    return Finding(
        code=cut.code,
        severity="critical" if everywhere else "warning",
        cause=f"Tasks of {service.service_name}{where} cannot reach {_listed(labels)}: {cut.why}.",
        evidence=tuple(paths)[:3],
        remedy=" ".join(dict.fromkeys(one.remedy for one, _, _ in found)),
        resource=cut.resource,
        confidence=cut.confidence,
    )


def _listed(labels: Sequence[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"


def _cut(facts: NetworkFacts, service: ServicePlacement, subnet: Subnet, need: Need) -> Cut | None:
    """Where the path from a subnet to a need is cut; None when it is not, or that is unknown."""
    endpoints = endpoints_for(facts, subnet, need)
    gateway = next((one for one in endpoints if one.kind == "Gateway" and serves(facts, one, subnet)), None)
    if gateway is not None:
        return cut_by_groups(facts, service, gateway_peer(facts, gateway), gateway.endpoint_id) or cut_by_acl(
            facts, subnet, INTERNET
        )
    answering = next((one for one in endpoints if one.kind == "Interface" and answers(facts, one)), None)
    if answering is not None:  # private DNS leads everybody in the VPC to it, whatever other ways there are
        cut = cut_at_endpoint(facts, service, subnet, answering)
        return replace(cut, confidence="medium") if cut and guesses_dns(facts, answering) else cut
    return _cut_on_the_way_out(facts, service, subnet, need, endpoints)


# -- on the way out -----------------------------------------------------------------------------------------
def _cut_on_the_way_out(
    facts: NetworkFacts, service: ServicePlacement, subnet: Subnet, need: Need, endpoints: Sequence[Endpoint]
) -> Cut | None:
    path = internet_path(facts, subnet)
    # Endpoints that may not be seen may be there, and one's own DNS may lead to those that do not answer by name.
    may_be_private = bool(need.endpoint) and (facts.endpoints is None or bool(endpoints))
    if path.way in {"unknown", "elsewhere"} or (may_be_private and not path.is_cut):
        return cut_by_groups(facts, service, None)
    if path.is_cut:
        unseen = need.endpoint and facts.endpoints is None
        return cut_by_groups(facts, service, None) if unseen else _cut_of_path(facts, subnet, need, endpoints, path)
    if path.way == "gateway" and service.assign_public_ip is False:
        steps = (*path.steps, "no public IP address")
        why = f"they have no public IP address, which {path.resource} needs"
        remedy = (
            "Set assignPublicIp to ENABLED, or put the tasks into subnets whose default route leads to a NAT gateway"
            + (", or add the VPC endpoints that they need." if need.endpoint else ".")
        )
        return Cut("no_public_ip", service.service_arn, why, steps, remedy)
    return cut_by_groups(facts, service, INTERNET) or cut_by_acl(facts, subnet, INTERNET)


_CUTS: Mapping[Way, tuple[str, str, str]] = {
    "blackhole": (
        "blackhole_route",
        "the default route in {at} is a blackhole",
        "Point 0.0.0.0/0 in {at} to a gateway that exists.",
    ),
    "nat_broken": (
        "nat_gateway_unusable",
        "{at} leads nowhere",
        "Put the NAT gateway into a subnet whose default route is an internet gateway, or replace {at}.",
    ),
    "blocked": (
        "public_access_blocked",
        "VPC Block Public Access forbids it",
        "Exclude {subnet} from VPC Block Public Access, or use VPC endpoints.",
    ),
}
"""By the way that is cut: code, why, and remedy."""


def _cut_of_path(
    facts: NetworkFacts, subnet: Subnet, need: Need, endpoints: Sequence[Endpoint], path: InternetPath
) -> Cut | None:
    """The internet is unreachable: an endpoint for the need, where there is one, is what is wrong."""
    if endpoints:
        return cut_of_endpoint(facts, subnet, endpoints[0], path)
    if path.way in _CUTS:
        code, why, remedy = (text.format(at=path.resource, subnet=subnet.subnet_id) for text in _CUTS[path.way])
        return Cut(code, path.resource, why, path.steps, remedy)
    others = [one for one in facts.endpoints or () if one.vpc_id == subnet.vpc_id]
    if need.endpoint and others:
        why = f"{subnet.subnet_id} has no route to the internet, and {subnet.vpc_id} has no VPC endpoint for that"
        remedy = f"Add the VPC endpoint com.amazonaws.{facts.region}.{need.endpoint}."
        return Cut("endpoint_missing", subnet.vpc_id, why, path.steps, remedy)
    why = f"{path.resource} has no route to the internet, and no VPC endpoint takes its place"
    remedy = (
        f"Route 0.0.0.0/0 in {path.resource} to a NAT gateway (or to an internet gateway, with public IP addresses)"
    )
    remedy += (
        ", or add VPC endpoints for all that the tasks need (ecr.api, ecr.dkr, s3, logs, …)." if need.endpoint else "."
    )
    return Cut("no_internet_route", path.resource, why, path.steps, remedy)
