"""What every Express service offers, whether made here or imported: names, permissions, metrics, connections."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import aws_cdk as cdk
import jsii
from aws_cdk import aws_iam as iam
from constructs import Construct

from expressway_constructs import setting_types as types
from expressway_constructs.cdk_types import Connectable, as_grantee
from expressway_constructs.errors import ConstructError
from expressway_constructs.service.domain import RoutedService, ServiceDomain

if TYPE_CHECKING:
    from aws_cdk import aws_certificatemanager as acm
    from aws_cdk import aws_cloudwatch as cloudwatch
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk import aws_route53 as route53

    from expressway_constructs.cdk_types import AnyGrantee

DESCRIBE_ACTIONS = (
    "ecs:DescribeExpressGatewayService",
    "ecs:DescribeServiceDeployments",
    "ecs:DescribeServiceRevisions",
    "ecs:ListServiceDeployments",
)

_GRANT_TYPES = {
    "grantee": types.one(
        "an iam.IGrantable, such as a role (iam.Role.from_role_arn makes one of an ARN) or a function",
        types.offers("grant_principal"),
        optional=False,
    )
}


@jsii.implements(Connectable, iam.IGrantable)
class ExpressGatewayServiceBase(RoutedService):
    """An Express service that can be referred to, granted on, measured and connected to.

    It is an ``aws_ec2.IConnectable`` (``database.connections.allow_default_port_from(service)``) and an
    ``aws_iam.IGrantable`` (``bucket.grant_read(service)``), whose grants go to the task role.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self._connections: ec2.Connections | None = None
        self._domains: list[ServiceDomain] = []

    @property
    @abstractmethod
    def service_arn(self) -> str:
        """ARN of the service."""

    @property
    def endpoint(self) -> str:
        """Host name of the service's HTTPS endpoint. AWS chooses it: it cannot be derived from the name."""
        return self._text("endpoint")

    @property
    @abstractmethod
    def target_group_arns(self) -> list[str]:
        """ARNs of the target groups. Which of them serves changes with deployments."""

    @property
    @abstractmethod
    def load_balancer_security_group(self) -> str:
        """Id of the load balancer's security group, from which requests reach the tasks."""

    @property
    @abstractmethod
    def security_group_ids(self) -> list[str]:
        """Ids of the tasks' security groups."""

    @property
    @abstractmethod
    def grant_principal(self) -> iam.IPrincipal:
        """The task role, to which what is granted to the service goes."""

    @property
    @abstractmethod
    def passed_role_arns(self) -> list[str]:
        """ARNs of the roles that an update of the service passes to ECS."""

    @property
    def url(self) -> str:
        """``https://`` and the endpoint."""
        return cdk.Fn.join("", ["https://", self.endpoint])

    @property
    def cluster_name(self) -> str:
        """Name of the cluster, read from the service's ARN."""
        return cdk.Fn.select(1, cdk.Fn.split("/", self.service_arn))

    @property
    def service_name(self) -> str:
        """Name of the service, read from its ARN."""
        return cdk.Fn.select(2, cdk.Fn.split("/", self.service_arn))

    @property
    def target_group_arn(self) -> str:
        """ARN of the first target group."""
        return self.target_group_arns[0]

    @property
    def load_balancer_full_name(self) -> str:
        """Name of the load balancer as CloudWatch's dimension ``LoadBalancer`` has it."""
        return cdk.Fn.select(1, cdk.Fn.split("loadbalancer/", self.load_balancer_arn))

    @property
    def target_group_full_name(self) -> str:
        """Name of the first target group as CloudWatch's dimension ``TargetGroup`` has it."""
        return cdk.Fn.select(5, cdk.Fn.split(":", self.target_group_arn))

    @property
    def connections(self) -> "ec2.Connections":
        """Network connections of the tasks: their security groups and port, for ``allow_from`` and ``allow_to``.

        The group that ECS makes exists only with the service. Give `security_groups` to a service whose
        application cannot start without a connection that such a rule opens.
        """
        if self._connections is None:
            from aws_cdk import aws_ec2 as ec2  # only those who connect pay for loading it

            port = self._default_port
            self._connections = ec2.Connections(
                security_groups=self._security_groups(), default_port=None if port is None else ec2.Port.tcp(port)
            )
        return self._connections

    def _security_groups(self) -> "list[ec2.ISecurityGroup]":
        ids = self.security_group_ids
        return [self._imported_group(index, ids[index]) for index in range(len(ids))]  # a token's entries have indices

    def _imported_group(self, index: int, group_id: str) -> "ec2.ISecurityGroup":
        from aws_cdk import aws_ec2 as ec2  # as above

        return ec2.SecurityGroup.from_security_group_id(self, f"SecurityGroup{index}", group_id)

    @property
    def _default_port(self) -> float | None:
        """The tasks' port, where it is known."""
        return None

    def add_domain(
        self,
        *,
        zone: "route53.IHostedZone | route53.HostedZone",
        name: str,
        certificate: "acm.ICertificate | acm.Certificate | None" = None,
        record: bool = True,
    ) -> ServiceDomain:
        """Let the service answer at a host name of `zone` too.

        The name is added to the listener rule that ECS keeps, as AWS's guide does, by a custom resource with a
        function of its own; so it follows the weights of every deployment. AWS says that Express keeps such changes
        unless an update asks for others. If ECS creates the rule again under the same ARN, the name is lost.
        A rule takes five values, a listener 25 certificates beside its own.

        Args:
            zone: the public hosted zone of the name.
            name: the host name, or its part in front of the zone's name.
            certificate: in the service's Region, for this name. Default: one that is validated by DNS in `zone`.
            record: make an alias record for the load balancer. Default: True.

        Raises:
            ConstructError: ``invalid_domain``.
        """
        number = len(self._domains)
        domain = ServiceDomain(
            self,
            f"Domain{number or ''}",
            zone=cast("route53.IHostedZone", zone),
            name=name,
            certificate=cast("acm.ICertificate | None", certificate),
            record=record,
        )
        if any(earlier.domain_name == domain.domain_name for earlier in self._domains):
            raise ConstructError(
                "invalid_domain",
                f"{self.node.path}: name: expected a host name that the service does not have yet, "
                f"got {types.describe(domain.domain_name)}.",
                "Add each host name once.",
            )
        for earlier in self._domains[-1:]:
            domain.wait_for(earlier)
        self._domains.append(domain)
        return domain

    def grant(self, grantee: "AnyGrantee", *actions: str) -> iam.Grant:
        """Let `grantee` do `actions` on this service.

        Raises:
            ConstructError: ``invalid_grant`` where `grantee` is nothing that permissions can be granted to.
        """
        types.refuse_wrong_types("invalid_grant", {"grantee": grantee}, _GRANT_TYPES, place=self.node.path)
        return iam.Grant.add_to_principal(
            grantee=as_grantee(grantee), actions=list(actions), resource_arns=[self.service_arn]
        )

    def grant_describe(self, grantee: "AnyGrantee") -> iam.Grant:
        """Let `grantee` see the service, its deployments and revisions."""
        return self.grant(grantee, *DESCRIBE_ACTIONS)

    def grant_update(self, grantee: "AnyGrantee") -> iam.Grant:
        """Let `grantee` deploy new versions, and pass exactly the roles that the service has to ECS alone."""
        grant = self.grant(grantee, *DESCRIBE_ACTIONS, "ecs:UpdateExpressGatewayService")
        roles = self.passed_role_arns
        return grant.combine(grant_pass_roles(grantee, roles)) if roles else grant

    def metric(self, metric_name: str, **options: Any) -> "cloudwatch.Metric":
        """A metric of namespace AWS/ECS; `options` are those of ``aws_cloudwatch.Metric``. Default: Average."""
        dimensions = {"ClusterName": self.cluster_name, "ServiceName": self.service_name}
        return _metric("AWS/ECS", metric_name, dimensions, options)

    def metric_cpu_utilization(self, **options: Any) -> "cloudwatch.Metric":
        """Percent of the tasks' CPU in use. Default: Average."""
        return self.metric("CPUUtilization", **options)

    def metric_memory_utilization(self, **options: Any) -> "cloudwatch.Metric":
        """Percent of the tasks' memory in use. Default: Average."""
        return self.metric("MemoryUtilization", **options)

    def metric_load_balancer(self, metric_name: str, **options: Any) -> "cloudwatch.Metric":
        """A metric of namespace AWS/ApplicationELB for this service's own target group. Default: Average."""
        dimensions = {"LoadBalancer": self.load_balancer_full_name, "TargetGroup": self.target_group_full_name}
        return _metric("AWS/ApplicationELB", metric_name, dimensions, options)

    def metric_request_count(self, **options: Any) -> "cloudwatch.Metric":
        """Requests that the service answered. Default: Sum."""
        return self.metric_load_balancer("RequestCount", **{"statistic": "Sum", **options})

    def metric_request_count_per_target(self, **options: Any) -> "cloudwatch.Metric":
        """Requests for each task, as the scaling metric REQUEST_COUNT_PER_TARGET counts them. Default: Sum."""
        return self.metric_load_balancer("RequestCountPerTarget", **{"statistic": "Sum", **options})

    def metric_target_response_time(self, **options: Any) -> "cloudwatch.Metric":
        """Seconds until the tasks answer. Default: Average."""
        return self.metric_load_balancer("TargetResponseTime", **options)

    def metric_server_errors(self, **options: Any) -> "cloudwatch.Metric":
        """Answers of the tasks with status 5xx. Default: Sum."""
        return self.metric_load_balancer("HTTPCode_Target_5XX_Count", **{"statistic": "Sum", **options})


def grant_pass_roles(grantee: "AnyGrantee", role_arns: Sequence[str]) -> iam.Grant:
    """Let `grantee` pass roles to ECS and its tasks alone."""
    services = ["ecs.amazonaws.com", "ecs-tasks.amazonaws.com"]
    return iam.Grant.add_to_principal(
        grantee=as_grantee(grantee),
        actions=["iam:PassRole"],
        resource_arns=list(role_arns),
        conditions={"StringEquals": {"iam:PassedToService": services}},
    )


def _metric(namespace: str, name: str, dimensions: dict[str, str], options: dict[str, Any]) -> "cloudwatch.Metric":
    from aws_cdk import aws_cloudwatch as cloudwatch  # only those who measure pay for loading it

    return cloudwatch.Metric(namespace=namespace, metric_name=name, dimensions_map=dimensions, **options)
