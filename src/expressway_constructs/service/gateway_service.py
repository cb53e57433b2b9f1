"""An Amazon ECS Express Mode service as a construct that knows the traps of its CloudFormation type."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from expressway_constructs.cdk_types import as_principal, as_role, ids_of, late
from expressway_constructs.image import ExpressImage, bind
from expressway_constructs.service import roles
from expressway_constructs.service.attributes import (
    ImportedExpressGatewayService,
    ManagedService,
    id_of_group,
)
from expressway_constructs.service.base import ExpressGatewayServiceBase, grant_pass_roles
from expressway_constructs.service.checks import DEFAULTS, refuse_wrong_settings
from expressway_constructs.service.container import (
    cluster_reference,
    grant_start,
    number_text,
    primary_container,
    secret_arns,
    subnet_ids,
    task_definition_reference,
    without_empties,
)
from expressway_constructs.service.start_order import LateSettings

if TYPE_CHECKING:
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk import aws_ecs as ecs

    from expressway_constructs.cdk_types import (
        AnyCluster,
        AnyGrantee,
        AnyLogGroup,
        AnyRole,
        AnySecurityGroup,
        AnySubnet,
        AnyTaskDefinition,
        AnyVpc,
        ServiceSecret,
    )

ScalingMetric = Literal["AVERAGE_CPU", "AVERAGE_MEMORY", "REQUEST_COUNT_PER_TARGET"]

RESOURCE_TYPE = "AWS::ECS::ExpressGatewayService"

CREATE_ONLY = ("Cluster", "InfrastructureRoleArn", "ServiceName", "Tags")
"""Properties of AWS::ECS::ExpressGatewayService whose change replaces the service and its URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    """The arguments of `ExpressGatewayService`, checked."""

    image: "ExpressImage | ecs.ContainerImage | str | None"
    task_definition: "AnyTaskDefinition | str | None"
    service_name: str | None
    cluster: "AnyCluster | str | None"
    infrastructure_role: "AnyRole | None"
    infrastructure_role_name: str | None
    execution_role: "AnyRole | None"
    execution_role_name: str | None
    task_role: "AnyRole | None"
    container_port: int | None
    health_check_path: str
    cpu: int | None
    memory_limit_mib: int | None
    min_task_count: int
    max_task_count: int
    scaling_metric: ScalingMetric
    scaling_target: int
    environment: Mapping[str, str] | None
    secrets: "Mapping[str, ServiceSecret] | None"
    command: Sequence[str]
    vpc: "AnyVpc | None"
    vpc_subnets: "ec2.SubnetSelection | Mapping[str, Any] | None"
    subnets: "Sequence[AnySubnet | str]"
    security_groups: "Sequence[AnySecurityGroup | str]"
    log_group: "AnyLogGroup | None"
    log_group_name: str | None
    log_retention: logs.RetentionDays | None
    log_stream_prefix: str | None
    removal_policy: cdk.RemovalPolicy | None
    drop_stack_tags: bool


class ExpressGatewayService(ManagedService):
    """A container behind HTTPS, scaled and monitored, in one resource.

    Every value is always emitted, since the documented defaults of the type contradict its schema. The
    environment is sorted and empties are left out, since ECS answers with a deployment of its own otherwise.
    Tags of the app never reach the service itself, since a change of them replaces it and its URL. Tags of the
    *stack* do reach it, through CloudFormation: the construct warns of them (``expressway:stackTags``). Keep them
    off with ``Tags.of(app).add(key, value, exclude_resource_types=["aws:cdk:stack"])``, with the feature flag
    ``@aws-cdk/core:explicitStackTags``, or with `drop_stack_tags`; and deploy without ``cdk deploy --tags``.

    Args:
        image: image URI, or an `ExpressImage` or ``ecs.ContainerImage``, which also grant what pulling needs.
            Exactly one of image and task_definition.
        task_definition: your own, for Fargate, with a container named Main that maps one named TCP port; it
            decides the container, size, execution and task role and logs, so none of their settings may be given.
        service_name: create-only: a change replaces the service and its URL. At most 255 letters, digits, hyphens
            and underscores. Default: CloudFormation makes one.
        cluster: create-only. Default: the cluster named default, which ECS makes when it is missing.
        infrastructure_role: create-only. Default: a role with AWS's managed policy and two reads that it lacks.
        execution_role: Default: a role that pulls, logs and reads exactly the secrets named.
        task_role: what the application itself may do in AWS. Default: none, and one that is made when something
            is granted to the service.
        container_port: TCP port on which the container answers HTTP. Default: 8080.
        health_check_path: Default: ``/``.
        cpu, memory_limit_mib: a pair that Fargate offers. Default: 256 units (a quarter of a vCPU), 512 MiB.
        min_task_count, max_task_count: Default: 1 and 3.
        scaling_metric, scaling_target: Default: AVERAGE_CPU at 60 percent.
        environment: Default: none.
        secrets: ECS secrets, Secrets Manager secrets, SSM parameters, or ARNs of them, also such as are known
            only at deploy time. Reading is granted.
        command: Default: the image's own.
        vpc, vpc_subnets: Default: the default VPC; with a vpc, its public subnets (its endpoint is public then).
        subnets: subnets or their ids, instead of `vpc`.
        security_groups: security groups or their ids, beside the one that ECS makes. Default: none.
        log_group: Default: a group of its own, kept for `log_retention` and removed by `removal_policy`.
        log_stream_prefix: Default: ``express``.
        removal_policy: of the log group. Default: DESTROY.
        drop_stack_tags: leave out the tags of the stack that the service is in, for all of it; its resources
            keep their own. Default: False, and a warning when there are any.

    Raises:
        ConstructError: ``invalid_service``, with every problem in one message; ``invalid_secret``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        image: "ExpressImage | ecs.ContainerImage | str | None" = None,
        task_definition: "AnyTaskDefinition | str | None" = None,
        service_name: str | None = None,
        cluster: "AnyCluster | str | None" = None,
        infrastructure_role: "AnyRole | None" = None,
        infrastructure_role_name: str | None = None,
        execution_role: "AnyRole | None" = None,
        execution_role_name: str | None = None,
        task_role: "AnyRole | None" = None,
        container_port: int | None = None,
        health_check_path: str = "/",
        cpu: int | None = None,
        memory_limit_mib: int | None = None,
        min_task_count: int = 1,
        max_task_count: int = 3,
        scaling_metric: ScalingMetric = "AVERAGE_CPU",
        scaling_target: int = 60,
        environment: Mapping[str, str] | None = None,
        secrets: "Mapping[str, ServiceSecret] | None" = None,
        command: Sequence[str] = (),
        vpc: "AnyVpc | None" = None,
        vpc_subnets: "ec2.SubnetSelection | Mapping[str, Any] | None" = None,
        subnets: "Sequence[AnySubnet | str]" = (),
        security_groups: "Sequence[AnySecurityGroup | str]" = (),
        log_group: "AnyLogGroup | None" = None,
        log_group_name: str | None = None,
        log_retention: logs.RetentionDays | None = None,
        log_stream_prefix: str | None = None,
        removal_policy: cdk.RemovalPolicy | None = None,
        drop_stack_tags: bool = False,
    ) -> None:
        arguments = locals()
        settings = {name: value for name, value in arguments.items() if name not in _NO_SETTINGS}
        refuse_wrong_settings(scope, construct_id, settings)
        super().__init__(scope, construct_id)
        self._task_definition = task_definition
        self._given_groups = list(security_groups)
        self._updaters: list[AnyGrantee] = []
        chosen = _Settings(**settings)
        self._provide_roles(chosen)
        container = self._container(chosen)
        self._port = None if container is None else container["ContainerPort"]
        self._service = self._make_resource(chosen, container)

    @staticmethod
    def from_service_arn(scope: Construct, construct_id: str, service_arn: str) -> ExpressGatewayServiceBase:
        """A service by its ARN: its names, permissions and task metrics are known, its endpoint is not."""
        return ImportedExpressGatewayService(scope, construct_id, {"service_arn": service_arn})

    @staticmethod
    def from_service_attributes(
        scope: Construct,
        construct_id: str,
        *,
        service_arn: str,
        endpoint: str | None = None,
        load_balancer_arn: str | None = None,
        listener_arn: str | None = None,
        listener_rule_arn: str | None = None,
        target_group_arn: str | None = None,
        target_group_arns: Sequence[str] = (),
        load_balancer_security_group: str | None = None,
        security_group_ids: Sequence[str] = (),
        container_port: int | None = None,
        task_role: "AnyRole | None" = None,
        role_arns: Sequence[str] = (),
    ) -> ExpressGatewayServiceBase:
        """A service by what is known of it; asking for an attribute that was not given raises ValueError.

        What is granted to a service without `task_role` is warned of, since nothing can be changed then.
        """
        arguments = locals()
        given = {name: value for name, value in arguments.items() if name not in _NO_SETTINGS}
        if target_group_arn is not None:
            given["target_group_arns"] = [target_group_arn]
        return ImportedExpressGatewayService(scope, construct_id, given)

    @property
    def resource(self) -> cdk.CfnResource:
        return self._service

    @property
    def security_group_ids(self) -> list[str]:
        """Ids of the security groups given, or of the one that ECS makes."""
        if self._given_groups:
            return ids_of([_group_id(group) for group in self._given_groups])
        return [id_of_group(self.list_attribute("ECSManagedResourceArns.ServiceSecurityGroups")[0])]

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The task role: the one given, that of the task definition, or one that is made when it is first needed."""
        if self.task_role is not None:
            return as_principal(self.task_role)
        if self._task_definition is not None:
            role = None if isinstance(self._task_definition, str) else getattr(self._task_definition, "task_role", None)
            return as_principal(role or iam.UnknownPrincipal(resource=self))
        self.task_role = as_role(roles.task_role(self, "TaskRole"))
        self._service.add_property_override("TaskRoleArn", self.task_role.role_arn)
        for grantee in self._updaters:
            grant_pass_roles(grantee, [self.task_role.role_arn])
        return as_principal(self.task_role)

    def grant_update(self, grantee: "AnyGrantee") -> iam.Grant:
        grant = super().grant_update(grantee)
        self._updaters.append(grantee)
        return grant

    @property
    def passed_role_arns(self) -> list[str]:
        passed = (self.infrastructure_role, self.execution_role, self.task_role)
        return [role.role_arn for role in passed if role is not None]

    def _provide_roles(self, chosen: _Settings) -> None:
        self.infrastructure_role = as_role(
            chosen.infrastructure_role
            or roles.infrastructure_role(self, "InfrastructureRole", role_name=chosen.infrastructure_role_name)
        )
        self.task_role = None if chosen.task_role is None else as_role(chosen.task_role)
        self.execution_role: iam.IRole | None = None
        self._start_policy: iam.Policy | None = None

    def _container(self, chosen: _Settings) -> dict[str, Any] | None:
        """Property ``PrimaryContainer``, with the log group and the execution role; None with a task definition."""
        self.log_group: AnyLogGroup | None = None
        if chosen.image is None:
            return None
        image = ExpressImage(chosen.image) if isinstance(chosen.image, str) else chosen.image
        secrets = chosen.secrets or {}
        log_group: AnyLogGroup = chosen.log_group or logs.LogGroup(
            self,
            "LogGroup",
            log_group_name=chosen.log_group_name,
            retention=chosen.log_retention or logs.RetentionDays.ONE_MONTH,
            removal_policy=chosen.removal_policy or cdk.RemovalPolicy.DESTROY,
        )
        self.log_group = log_group
        role = self._execution_role(chosen, image, secrets)
        return primary_container(
            bind(image, self, role),
            container_port=chosen.container_port or DEFAULTS["container_port"],
            environment=chosen.environment or {},
            secrets=secrets,
            command=chosen.command,
            log_group=log_group,
            log_stream_prefix=chosen.log_stream_prefix or DEFAULTS["log_stream_prefix"],
        )

    def _execution_role(
        self,
        chosen: _Settings,
        image: "ExpressImage | ecs.ContainerImage",
        secrets: "Mapping[str, ServiceSecret]",
    ) -> iam.IRole:
        given, arns = chosen.execution_role, secret_arns(secrets.values())
        role = self.execution_role = as_role(
            given or roles.execution_role(self, "ExecutionRole", role_name=chosen.execution_role_name, secret_arns=arns)
        )
        self._start_policy = grant_start(self, role, image, secrets=secrets.values(), arns=arns if given else ())
        return role

    def _make_resource(self, chosen: _Settings, container: dict[str, Any] | None) -> cdk.CfnResource:
        # The typed CfnExpressGatewayService has the same properties, but loading aws_ecs (and with it aws_ec2 and
        # nine more modules) costs 30 MB and a quarter of a second in every app. A generic resource also has no tag
        # manager: tags are create-only, so one that an app adds later would replace the service and its URL.
        resource = cdk.CfnResource(
            self, "Resource", type=RESOURCE_TYPE, properties=without_empties(self._properties(chosen, container))
        )
        if self._start_policy is not None:
            resource.node.add_dependency(self._start_policy)
        starting = [role for role in (self.infrastructure_role, self.execution_role) if role is not None]
        late(LateSettings(resource, starting, drop_stack_tags=chosen.drop_stack_tags), resource)
        return resource

    def _properties(self, chosen: _Settings, container: dict[str, Any] | None) -> dict[str, Any]:
        network = {
            "Subnets": subnet_ids(chosen.vpc, chosen.vpc_subnets, chosen.subnets),
            "SecurityGroups": [_group_id(group) for group in self._given_groups],
        }
        return {
            "ServiceName": chosen.service_name,
            "Cluster": cluster_reference(chosen.cluster),
            "InfrastructureRoleArn": self.infrastructure_role.role_arn,
            "ExecutionRoleArn": self.execution_role.role_arn if self.execution_role else None,
            "TaskRoleArn": self.task_role.role_arn if self.task_role else None,
            "TaskDefinitionArn": task_definition_reference(chosen.task_definition),
            "Cpu": number_text(chosen.cpu or DEFAULTS["cpu"]) if container else None,
            "Memory": number_text(chosen.memory_limit_mib or DEFAULTS["memory_limit_mib"]) if container else None,
            "HealthCheckPath": chosen.health_check_path,
            "PrimaryContainer": container,
            "NetworkConfiguration": without_empties(network),
            "ScalingTarget": {
                "MinTaskCount": chosen.min_task_count,
                "MaxTaskCount": chosen.max_task_count,
                "AutoScalingMetric": chosen.scaling_metric,
                "AutoScalingTargetValue": chosen.scaling_target,
            },
        }

    def _security_groups(self) -> "list[ec2.ISecurityGroup]":
        return [
            self._imported_group(index, self.security_group_ids[index]) if isinstance(group, str) else group
            for index, group in enumerate(self._given_groups or self.security_group_ids)
        ]

    @property
    def _default_port(self) -> float | None:
        # A port may be a text that is known only at deploy time; the CDK takes a number.
        return cdk.Token.as_number(self._port) if isinstance(self._port, str) else self._port


def _group_id(group: "AnySecurityGroup | str") -> str:
    return group if isinstance(group, str) else group.security_group_id


_NO_SETTINGS = {"self", "scope", "construct_id", "__class__"}
