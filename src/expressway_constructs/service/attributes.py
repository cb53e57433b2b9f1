"""Where the attributes of an Express service come from: its CloudFormation resource, or what is known of an import."""

import re
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from expressway_constructs import setting_types as types
from expressway_constructs.cdk_types import TokenList, as_principal, ids_of
from expressway_constructs.service.base import ExpressGatewayServiceBase

if TYPE_CHECKING:
    from expressway_constructs.cdk_types import AnyRole


class ManagedService(ExpressGatewayServiceBase):
    """A service whose CloudFormation resource is in this app.

    Lists are known only at deploy time, also in their length: pass them as a whole, or ask for entries by index.
    """

    @property
    @abstractmethod
    def resource(self) -> cdk.CfnResource:
        """The CloudFormation resource, for what this construct does not offer."""

    @property
    def service_arn(self) -> str:
        return self.resource.ref

    @property
    def endpoint(self) -> str:
        return self._attribute("Endpoint")

    @property
    def load_balancer_arn(self) -> str:
        return self._attribute("ECSManagedResourceArns.IngressPath.LoadBalancerArn")

    @property
    def listener_arn(self) -> str:
        return self._attribute("ECSManagedResourceArns.IngressPath.ListenerArn")

    @property
    def listener_rule_arn(self) -> str:
        return self._attribute("ECSManagedResourceArns.IngressPath.ListenerRuleArn")

    @property
    def certificate_arn(self) -> str:
        """ARN of the certificate of the endpoint."""
        return self._attribute("ECSManagedResourceArns.IngressPath.CertificateArn")

    @property
    def target_group_arns(self) -> list[str]:
        return self.list_attribute("ECSManagedResourceArns.IngressPath.TargetGroupArns")

    @property
    def metric_alarm_arns(self) -> list[str]:
        """ARNs of the alarms that roll a deployment back."""
        return self.list_attribute("ECSManagedResourceArns.MetricAlarms")

    @property
    def metric_alarm_arn(self) -> str:
        """ARN of the first of the alarms that roll a deployment back."""
        return self.metric_alarm_arns[0]

    @property
    def managed_log_group_arns(self) -> list[str]:
        """ARNs of the log groups that the service writes to."""
        return self.list_attribute("ECSManagedResourceArns.LogGroups")

    @property
    def scaling_policy_arns(self) -> list[str]:
        """ARNs of the policies of Application Auto Scaling."""
        return self.list_attribute("ECSManagedResourceArns.AutoScaling.ApplicationAutoScalingPolicies")

    @property
    def load_balancer_security_group(self) -> str:
        return id_of_group(self.list_attribute("ECSManagedResourceArns.IngressPath.LoadBalancerSecurityGroups")[0])

    @property
    def scalable_target(self) -> str:
        """The scalable target of Application Auto Scaling."""
        return self._attribute("ECSManagedResourceArns.AutoScaling.ScalableTarget")

    def _attribute(self, name: str) -> str:
        return cdk.Token.as_string(self.resource.get_att(name))

    def list_attribute(self, name: str) -> list[str]:
        """A list among the type's attributes."""
        return TokenList(cdk.Token.as_list(self.resource.get_att(name)))


def id_of_group(arn: str) -> str:
    """The id in the ARN of a security group."""
    return cdk.Fn.select(1, cdk.Fn.split("security-group/", arn))


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAttributes:
    """What is known of a service: see ``ExpressGatewayService.from_service_attributes``."""

    service_arn: str
    endpoint: str | None = None
    load_balancer_arn: str | None = None
    listener_arn: str | None = None
    listener_rule_arn: str | None = None
    target_group_arns: Sequence[str] = ()
    load_balancer_security_group: str | None = None
    security_group_ids: Sequence[str] = ()
    container_port: int | None = None
    task_role: "AnyRole | None" = None
    role_arns: Sequence[str] = ()


_SERVICE_ARN = re.compile(r"arn:[^:/]+:ecs:[^:/]+:[^:/]+:service/[^/]+/[^/]+")
"""With the cluster's name: Express services have no ARN of the older form."""

_TEXT_LISTS = ("target_group_arns", "security_group_ids", "role_arns")
_TYPES = {
    "service_arn": types.one(
        "the ARN of a service (arn:…:ecs:…:service/cluster/name)",
        lambda value: types.is_text(value) and (types.is_token(value) or bool(_SERVICE_ARN.fullmatch(value))),
        optional=False,
    ),
    **dict.fromkeys(("endpoint", "load_balancer_arn", "listener_arn", "listener_rule_arn"), types.TEXT),
    "load_balancer_security_group": types.TEXT,
    **dict.fromkeys(_TEXT_LISTS, types.TEXTS),
    "container_port": types.NUMBER,
    "task_role": types.ROLE,
}


class ImportedExpressGatewayService(ExpressGatewayServiceBase):
    """A service by its attributes; one that was not given raises ValueError when it is asked for."""

    def __init__(self, scope: Construct, construct_id: str, attributes: ServiceAttributes) -> None:
        place = f"{scope.node.path}/{construct_id}".lstrip("/")
        values = {name: getattr(attributes, name) for name in _TYPES}
        types.refuse_wrong_types("invalid_service", values, _TYPES, place=place)
        super().__init__(scope, construct_id)
        self._attributes = attributes
        # Its policy cannot be found from here, so the CDK warns of each grant, naming the statement that is missing.
        role = attributes.task_role or iam.UnknownPrincipal(resource=self)
        self._principal = as_principal(role)

    @property
    def service_arn(self) -> str:
        return self._attributes.service_arn

    @property
    def endpoint(self) -> str:
        return _known(self._attributes.endpoint, "endpoint")

    @property
    def load_balancer_arn(self) -> str:
        return _known(self._attributes.load_balancer_arn, "load_balancer_arn")

    @property
    def listener_arn(self) -> str:
        return _known(self._attributes.listener_arn, "listener_arn")

    @property
    def listener_rule_arn(self) -> str:
        return _known(self._attributes.listener_rule_arn, "listener_rule_arn")

    @property
    def target_group_arns(self) -> list[str]:
        arns = self._attributes.target_group_arns
        return _known(ids_of(arns) or None, "target_group_arn")

    @property
    def load_balancer_security_group(self) -> str:
        return _known(self._attributes.load_balancer_security_group, "load_balancer_security_group")

    @property
    def security_group_ids(self) -> list[str]:
        return ids_of(self._attributes.security_group_ids)

    @property
    def passed_role_arns(self) -> list[str]:
        return list(self._attributes.role_arns)

    @property
    def grant_principal(self) -> iam.IPrincipal:
        return self._principal

    @property
    def _default_port(self) -> float | None:
        return self._attributes.container_port


def _known(value: _T | None, what: str) -> _T:
    """An attribute of an imported service.

    Raises:
        ValueError: when the import did not name it.
    """
    if value is None:
        raise ValueError(f"{what} is not known of this imported service: pass it to from_service_attributes.")
    return value
