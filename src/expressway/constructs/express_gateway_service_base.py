"""What every Express service offers, whether made here or imported: names, permissions, metrics, connections."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from constructs import Construct

if TYPE_CHECKING:
    from aws_cdk import aws_cloudwatch as cloudwatch
    from aws_cdk import aws_ec2 as ec2

DESCRIBE_ACTIONS = (
    "ecs:DescribeExpressGatewayService",
    "ecs:DescribeServiceDeployments",
    "ecs:DescribeServiceRevisions",
    "ecs:ListServiceDeployments",
)


class ExpressGatewayServiceBase(Construct):
    """An Express service that can be referred to, granted on, measured and connected to."""

    @property
    @abstractmethod
    def service_arn(self) -> str:
        """ARN of the service."""

    @property
    @abstractmethod
    def endpoint(self) -> str:
        """Host name of the service's HTTPS endpoint. AWS chooses it: it cannot be derived from the name."""

    @property
    @abstractmethod
    def load_balancer_arn(self) -> str:
        """ARN of the load balancer, which other Express services of the VPC may share."""

    @property
    @abstractmethod
    def target_group_arns(self) -> list[str]:
        """ARNs of the target groups; the first is the one that serves."""

    @property
    @abstractmethod
    def security_group_ids(self) -> list[str]:
        """Ids of the tasks' security groups."""

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
    def connections(self) -> "ec2.Connections":
        """Network connections of the tasks: their security groups, for ``allow_from`` and ``allow_to``."""
        from aws_cdk import aws_ec2 as ec2  # only those who connect pay for loading it

        groups = [
            ec2.SecurityGroup.from_security_group_id(self, f"SecurityGroup{index}", group_id)
            if self.node.try_find_child(f"SecurityGroup{index}") is None
            else self.node.find_child(f"SecurityGroup{index}")
            for index, group_id in enumerate(self.security_group_ids)
        ]
        return ec2.Connections(security_groups=groups)  # pyright: ignore[reportArgumentType]

    def grant(self, grantee: iam.IGrantable, *actions: str) -> iam.Grant:
        """Let `grantee` do `actions` on this service."""
        return iam.Grant.add_to_principal(grantee=grantee, actions=list(actions), resource_arns=[self.service_arn])

    def grant_describe(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` see the service, its deployments and revisions."""
        return self.grant(grantee, *DESCRIBE_ACTIONS)

    def grant_update(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` deploy new versions, and pass exactly the roles that the service has to ECS alone."""
        grant = self.grant(grantee, *DESCRIBE_ACTIONS, "ecs:UpdateExpressGatewayService")
        roles = self.passed_role_arns
        if not roles:
            return grant
        services = ["ecs.amazonaws.com", "ecs-tasks.amazonaws.com"]
        pass_roles = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["iam:PassRole"],
            resource_arns=roles,
            conditions={"StringEquals": {"iam:PassedToService": services}},
        )
        return grant.combine(pass_roles)

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
        load_balancer = cdk.Fn.select(1, cdk.Fn.split("loadbalancer/", self.load_balancer_arn))
        target_group = cdk.Fn.select(5, cdk.Fn.split(":", cdk.Fn.select(0, self.target_group_arns)))
        dimensions = {"LoadBalancer": load_balancer, "TargetGroup": target_group}
        return _metric("AWS/ApplicationELB", metric_name, dimensions, options)

    def metric_request_count(self, **options: Any) -> "cloudwatch.Metric":
        """Requests that the service answered. Default: Sum."""
        return self.metric_load_balancer("RequestCount", **{"statistic": "Sum", **options})

    def metric_request_count_per_target(self, **options: Any) -> "cloudwatch.Metric":
        """Requests for each task, as the scaling metric REQUEST_COUNT_PER_TARGET sees them. Default: Sum."""
        return self.metric_load_balancer("RequestCountPerTarget", **{"statistic": "Sum", **options})

    def metric_target_response_time(self, **options: Any) -> "cloudwatch.Metric":
        """Seconds until the tasks answer. Default: Average."""
        return self.metric_load_balancer("TargetResponseTime", **options)

    def metric_server_errors(self, **options: Any) -> "cloudwatch.Metric":
        """Answers of the tasks with status 5xx. Default: Sum."""
        return self.metric_load_balancer("HTTPCode_Target_5XX_Count", **{"statistic": "Sum", **options})


def _metric(namespace: str, name: str, dimensions: dict[str, str], options: dict[str, Any]) -> "cloudwatch.Metric":
    from aws_cdk import aws_cloudwatch as cloudwatch  # only those who measure pay for loading it

    return cloudwatch.Metric(namespace=namespace, metric_name=name, dimensions_map=dimensions, **options)


def known(value: str | None, what: str) -> str:
    """The value of an imported service's attribute.

    Raises:
        ValueError: when the import did not name it.
    """
    if value is None:
        raise ValueError(f"{what} is not known of this imported service: pass it to from_service_attributes.")
    return value


class ImportedExpressGatewayService(ExpressGatewayServiceBase):
    """A service that this app did not make: see ``ExpressGatewayService.from_service_attributes``."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service_arn: str,
        endpoint: str | None = None,
        load_balancer_arn: str | None = None,
        target_group_arn: str | None = None,
        security_group_ids: Sequence[str] = (),
        role_arns: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        self._service_arn = service_arn
        self._endpoint = endpoint
        self._load_balancer_arn = load_balancer_arn
        self._target_group_arn = target_group_arn
        self._security_group_ids = list(security_group_ids)
        self._role_arns = list(role_arns)

    @property
    def service_arn(self) -> str:
        return self._service_arn

    @property
    def endpoint(self) -> str:
        return known(self._endpoint, "endpoint")

    @property
    def load_balancer_arn(self) -> str:
        return known(self._load_balancer_arn, "load_balancer_arn")

    @property
    def target_group_arns(self) -> list[str]:
        return [known(self._target_group_arn, "target_group_arn")]

    @property
    def security_group_ids(self) -> list[str]:
        return self._security_group_ids

    @property
    def passed_role_arns(self) -> list[str]:
        return self._role_arns
