"""Healthy networks as facts, and small changes to them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from expressway.aws.values.network import (
    AclEntry,
    Endpoint,
    InternetGateway,
    LoadBalancer,
    NatGateway,
    NetworkAcl,
    Route,
    RouteTable,
    SecurityGroup,
    SecurityRule,
    ServicePlacement,
    Subnet,
    TargetBinding,
    TargetGroup,
    Vpc,
)
from expressway.aws.values.service import LogConfiguration, TargetHealth
from expressway.aws.values.task_definition import ContainerDefinition, SecretReference, TaskDefinition
from expressway.diagnose.network.reachability import NetworkFacts

REGION = "eu-west-1"
SERVICE_ARN = f"arn:aws:ecs:{REGION}:123456789012:service/default/web"
LB = f"arn:aws:elasticloadbalancing:{REGION}:123456789012:loadbalancer/app/lb/1"
TG = f"arn:aws:elasticloadbalancing:{REGION}:123456789012:targetgroup/tg/1"
ECR_IMAGE = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/team/web@sha256:{'0' * 64}"
SECRET = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:db-AbCdEf"
PORT = 8080

EVERYWHERE = SecurityRule("-1", cidr_blocks=("0.0.0.0/0",))
LOCAL = Route("10.0.0.0/16", "local", "local")
TO_IGW = Route("0.0.0.0/0", "igw-1", "internet_gateway")
TO_NAT = Route("0.0.0.0/0", "nat-1", "nat_gateway")
TO_S3 = Route("pl-s3", "vpce-s3", "endpoint")
OPEN_ACL = tuple(
    entry
    for is_egress in (False, True)
    for entry in (
        AclEntry(100, is_egress, True, "-1", "0.0.0.0/0"),
        AclEntry(32767, is_egress, False, "-1", "0.0.0.0/0"),
    )
)

PUBLIC = (
    Subnet("subnet-a", "vpc-1", f"{REGION}a", "10.0.0.0/24", free_address_count=200),
    Subnet("subnet-b", "vpc-1", f"{REGION}b", "10.0.1.0/24", free_address_count=200),
)
PRIVATE = (
    Subnet("subnet-pa", "vpc-1", f"{REGION}a", "10.0.10.0/24", free_address_count=200),
    Subnet("subnet-pb", "vpc-1", f"{REGION}b", "10.0.11.0/24", free_address_count=200),
)


def task_needs(
    images: Sequence[str] = (), secrets: Sequence[str] = (), log_regions: Sequence[str] = ()
) -> TaskDefinition:
    """A task definition by what its tasks must reach before they start."""
    return TaskDefinition(
        "td:1",
        containers=tuple(ContainerDefinition(f"c{number}", image=image) for number, image in enumerate(images)),
        secrets=tuple(SecretReference("c0", "SECRET", reference) for reference in secrets),
        log_configurations=tuple(LogConfiguration("c0", "/web", region=region) for region in log_regions),
    )


def tcp(port: int, *peers: str, to_port: int | None = None) -> SecurityRule:
    """A rule for TCP; peers are CIDRs, groups and prefix lists as their ids say."""
    return SecurityRule(
        "tcp",
        port,
        to_port or port,
        cidr_blocks=tuple(one for one in peers if "/" in one),
        group_ids=tuple(one for one in peers if one.startswith("sg-")),
        prefix_list_ids=tuple(one for one in peers if one.startswith("pl-")),
    )


def default_vpc() -> NetworkFacts:
    """Public subnets, an internet-facing load balancer, tasks with public addresses."""
    service = ServicePlacement(
        SERVICE_ARN,
        "web",
        is_express=True,
        subnet_ids=tuple(one.subnet_id for one in PUBLIC),
        security_group_ids=("sg-task",),
        assign_public_ip=True,
        bindings=(TargetBinding(TG, PORT),),
        load_balancer_arns=(LB,),
        rule_arns=("rule-1",),
        access_type="PUBLIC",
        needs=task_needs((ECR_IMAGE,), log_regions=(REGION,)),
    )
    return NetworkFacts(
        region=REGION,
        services=(service,),
        vpcs=(Vpc("vpc-1", ("10.0.0.0/16",), is_default=True, dns_support=True, dns_hostnames=True),),
        subnets=PUBLIC,
        route_tables=(RouteTable("rtb-main", "vpc-1", (), is_main=True, routes=(LOCAL, TO_IGW)),),
        security_groups=(
            SecurityGroup("sg-task", "task", "vpc-1", (tcp(PORT, "sg-lb"),), (EVERYWHERE,)),
            SecurityGroup("sg-lb", "lb", "vpc-1", (tcp(443, "0.0.0.0/0"),), (EVERYWHERE,)),
        ),
        network_acls=(NetworkAcl("acl-1", "vpc-1", ("subnet-a", "subnet-b"), OPEN_ACL),),
        internet_gateways=(InternetGateway("igw-1", ("vpc-1",)),),
        load_balancers=(
            LoadBalancer(
                LB,
                "lb",
                vpc_id="vpc-1",
                subnet_ids=tuple(one.subnet_id for one in PUBLIC),
                security_group_ids=("sg-lb",),
            ),
        ),
        target_groups=(TargetGroup(TG, "tg", 80, vpc_id="vpc-1", load_balancer_arns=(LB,)),),
        targets=(TargetHealth("10.0.0.5", PORT, "healthy", target_group_arn=TG),),
    )


def private_with_nat() -> NetworkFacts:
    """Tasks in private subnets behind a NAT gateway, the load balancer in public ones."""
    public = default_vpc()
    return replace(
        public,
        services=(
            replace(
                public.services[0],
                is_express=False,
                rule_arns=(),
                subnet_ids=tuple(one.subnet_id for one in PRIVATE),
                assign_public_ip=False,
            ),
        ),
        subnets=(*PUBLIC, *PRIVATE),
        route_tables=(
            RouteTable("rtb-main", "vpc-1", (), is_main=True, routes=(LOCAL, TO_IGW)),
            RouteTable("rtb-private", "vpc-1", ("subnet-pa", "subnet-pb"), routes=(LOCAL, TO_NAT)),
        ),
        network_acls=(NetworkAcl("acl-1", "vpc-1", ("subnet-a", "subnet-b", "subnet-pa", "subnet-pb"), OPEN_ACL),),
        nat_gateways=(NatGateway("nat-1", "vpc-1", "subnet-a"),),
    )


def endpoint(name: str, /, **changes: Any) -> Endpoint:
    """An interface endpoint in the private subnets."""
    usual = Endpoint(
        f"vpce-{name}",
        f"com.amazonaws.{REGION}.{name}",
        "vpc-1",
        subnet_ids=("subnet-pa", "subnet-pb"),
        security_group_ids=("sg-vpce",),
    )
    return replace(usual, **changes)


def private_with_endpoints() -> NetworkFacts:
    """No way to the internet at all; endpoints for everything, and an internal load balancer."""
    nat = private_with_nat()
    balancer = (nat.load_balancers or ())[0]
    tight = SecurityGroup("sg-task", "task", "vpc-1", (tcp(PORT, "sg-lb"),), (tcp(443, "10.0.0.0/16", "pl-s3"),))
    return replace(
        nat,
        services=(replace(nat.services[0], needs=task_needs((ECR_IMAGE,), (SECRET,), (REGION,))),),
        subnets=PRIVATE,
        route_tables=(
            RouteTable("rtb-main", "vpc-1", (), is_main=True, routes=(LOCAL,)),
            RouteTable("rtb-private", "vpc-1", ("subnet-pa", "subnet-pb"), routes=(LOCAL, TO_S3)),
        ),
        security_groups=(
            tight,
            *(nat.security_groups or ())[1:],
            SecurityGroup("sg-vpce", "vpce", "vpc-1", (tcp(443, "10.0.0.0/16"),), ()),
        ),
        endpoints=(
            *(endpoint(name) for name in ("ecr.api", "ecr.dkr", "logs", "secretsmanager")),
            endpoint("s3", kind="Gateway", security_group_ids=(), subnet_ids=(), route_table_ids=("rtb-private",)),
        ),
        nat_gateways=(),
        internet_gateways=(),
        load_balancers=(replace(balancer, scheme="internal", subnet_ids=tuple(one.subnet_id for one in PRIVATE)),),
    )


# -- changes ------------------------------------------------------------------------------------------------
Change = Callable[[NetworkFacts], NetworkFacts]


def service(**changes: Any) -> Change:
    """Another placement of the service."""
    return lambda facts: replace(facts, services=(replace(facts.services[0], **changes),))


def each(kind: str, key: str, named: str, /, **changes: Any) -> Change:
    """One thing of a kind with other attributes; ``""`` means every thing of the kind."""

    def change(facts: NetworkFacts) -> NetworkFacts:
        parts = getattr(facts, kind)
        assert not named or any(getattr(one, key) == named for one in parts), f"{named} is not among {kind}"
        changed = tuple(replace(one, **changes) if getattr(one, key) == named or not named else one for one in parts)
        return replace(facts, **{kind: changed})

    return change


def group(name: str, /, **changes: Any) -> Change:
    return each("security_groups", "group_id", name, **changes)


def table(name: str, *routes: Route) -> Change:
    return each("route_tables", "route_table_id", name, routes=routes)


def subnet(name: str, /, **changes: Any) -> Change:
    return each("subnets", "subnet_id", name, **changes)


def vpce(name: str, /, **changes: Any) -> Change:
    return each("endpoints", "endpoint_id", name, **changes)


def acl(*entries: AclEntry) -> Change:
    """Entries before the usual ones."""
    return each("network_acls", "network_acl_id", "acl-1", entries=(*entries, *OPEN_ACL))


def without(kind: str, key: str, named: str) -> Change:
    return lambda facts: replace(
        facts, **{kind: tuple(one for one in getattr(facts, kind) if getattr(one, key) != named)}
    )


def with_more(kind: str, *things: Any) -> Change:
    return lambda facts: replace(facts, **{kind: (*getattr(facts, kind), *things)})


def changed(facts: NetworkFacts, *changes: Change) -> NetworkFacts:
    for change in changes:
        facts = change(facts)
    return facts
