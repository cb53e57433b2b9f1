"""What is known about the network around the services of a cluster: gathered elsewhere, judged in diagnosis."""

from dataclasses import dataclass, replace

from expressway.model.load_balancing import LoadBalancer, RegisteredTarget, TargetGroup
from expressway.model.network import (
    Endpoint,
    InternetGateway,
    NatGateway,
    NetworkAcl,
    NetworkInterface,
    PrefixList,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
)
from expressway.model.task_definition import TaskDefinition


@dataclass(frozen=True, slots=True)
class TargetBinding:
    """A service registers `container_port` of its tasks in a target group."""

    target_group_arn: str
    container_port: int


@dataclass(frozen=True, slots=True)
class ServicePlacement:
    """Where a service's tasks are put, and how traffic is to reach them.

    Attributes:
        launch_type: FARGATE, EC2, EXTERNAL or MANAGED_INSTANCES; empty when unknown.
        subnet_ids, security_group_ids: as the newest revision has them, groups that ECS manages included.
        managed_group_ids: of these, the ones that ECS made for an Express service.
        assign_public_ip: None when nothing tells.
        bindings: the target groups of the newest revision.
        load_balancer_arns, rule_arns: those that ECS manages for an Express service.
        access_type: of an Express service's ingress: PUBLIC or PRIVATE; empty when unknown.
        task_definition_arn, revision_arns: what it runs; the revisions that are on their way or in service.
        needs: what its tasks need to start: the task definition; None when that could not be read.
    """

    service_arn: str
    service_name: str
    is_express: bool = False
    launch_type: str = "FARGATE"
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    managed_group_ids: tuple[str, ...] = ()
    assign_public_ip: bool | None = None
    bindings: tuple[TargetBinding, ...] = ()
    load_balancer_arns: tuple[str, ...] = ()
    rule_arns: tuple[str, ...] = ()
    access_type: str = ""
    task_definition_arn: str = ""
    revision_arns: tuple[str, ...] = ()
    needs: TaskDefinition | None = None

    def completed_by(self, revision: "ServicePlacement") -> "ServicePlacement":
        """This placement with what a revision tells besides: what ECS manages, above all.

        What the service itself says stands: an older revision that still serves may have other groups.
        """
        own_groups = self.security_group_ids or revision.security_group_ids
        return replace(
            self,
            launch_type=self.launch_type or revision.launch_type,
            subnet_ids=self.subnet_ids or revision.subnet_ids,
            security_group_ids=tuple(dict.fromkeys((*own_groups, *revision.managed_group_ids))),
            managed_group_ids=tuple(dict.fromkeys((*self.managed_group_ids, *revision.managed_group_ids))),
            assign_public_ip=revision.assign_public_ip if self.assign_public_ip is None else self.assign_public_ip,
            bindings=tuple(dict.fromkeys((*revision.bindings, *self.bindings))),
            load_balancer_arns=tuple(dict.fromkeys((*self.load_balancer_arns, *revision.load_balancer_arns))),
            rule_arns=tuple(dict.fromkeys((*self.rule_arns, *revision.rule_arns))),
            access_type=self.access_type or revision.access_type,
            task_definition_arn=self.task_definition_arn or revision.task_definition_arn,
        )


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """Everything a network rule may look at.

    A part that could not be read is None (and named in `gaps`), so that nothing is concluded from its absence;
    an empty one was read, and there is nothing. Subnets, groups and target groups that a service names and that
    are not in here do not exist.

    Attributes:
        region: where all this is.
        missing_rule_arns: listener rules that ECS manages and that no longer exist.
        gaps: what could not be read and why, one phrase each.
    """

    region: str = ""
    services: tuple[ServicePlacement, ...] = ()
    vpcs: tuple[Vpc, ...] | None = ()
    subnets: tuple[Subnet, ...] | None = ()
    route_tables: tuple[RouteTable, ...] | None = ()
    security_groups: tuple[SecurityGroup, ...] | None = ()
    network_acls: tuple[NetworkAcl, ...] | None = ()
    endpoints: tuple[Endpoint, ...] | None = ()
    nat_gateways: tuple[NatGateway, ...] | None = ()
    internet_gateways: tuple[InternetGateway, ...] | None = ()
    prefix_lists: tuple[PrefixList, ...] | None = ()
    network_interfaces: tuple[NetworkInterface, ...] | None = ()
    load_balancers: tuple[LoadBalancer, ...] | None = ()
    target_groups: tuple[TargetGroup, ...] | None = ()
    targets: tuple[RegisteredTarget, ...] | None = ()
    missing_rule_arns: tuple[str, ...] | None = ()
    gaps: tuple[str, ...] = ()

    # -- looking things up ----------------------------------------------------------------------------------
    def subnet(self, subnet_id: str) -> Subnet | None:
        return next((one for one in self.subnets or () if one.subnet_id == subnet_id), None)

    def security_group(self, group_id: str) -> SecurityGroup | None:
        return next((one for one in self.security_groups or () if one.group_id == group_id), None)

    def vpc(self, vpc_id: str) -> Vpc | None:
        return next((one for one in self.vpcs or () if one.vpc_id == vpc_id), None)

    def target_group(self, arn: str) -> TargetGroup | None:
        return next((one for one in self.target_groups or () if one.arn == arn), None)

    def load_balancer(self, arn: str) -> LoadBalancer | None:
        return next((one for one in self.load_balancers or () if one.arn == arn), None)

    def nat_gateway(self, nat_gateway_id: str) -> NatGateway | None:
        return next((one for one in self.nat_gateways or () if one.nat_gateway_id == nat_gateway_id), None)

    def prefix_list(self, prefix_list_id: str) -> PrefixList | None:
        return next((one for one in self.prefix_lists or () if one.prefix_list_id == prefix_list_id), None)

    def route_table_of(self, subnet: Subnet) -> RouteTable | None:
        """The subnet's own route table, or the main one of its VPC; None when unread."""
        tables = self.route_tables or ()
        own = next((one for one in tables if subnet.subnet_id in one.subnet_ids), None)
        return own or next((one for one in tables if one.is_main and one.vpc_id == subnet.vpc_id), None)

    def network_acl_of(self, subnet: Subnet) -> NetworkAcl | None:
        """The network ACL that the subnet is associated with; None when unread."""
        return next((one for one in self.network_acls or () if subnet.subnet_id in one.subnet_ids), None)
