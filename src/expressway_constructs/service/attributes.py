"""Where the attributes of an Express service come from: its CloudFormation resource, or what is known of an import."""

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from expressway_constructs import setting_types as types
from expressway_constructs.cdk_types import TokenList, as_principal, ids_of
from expressway_constructs.service.base import ExpressGatewayServiceBase

_PATHS = {
    "endpoint": "Endpoint",
    "load_balancer_arn": "ECSManagedResourceArns.IngressPath.LoadBalancerArn",
    "listener_arn": "ECSManagedResourceArns.IngressPath.ListenerArn",
    "listener_rule_arn": "ECSManagedResourceArns.IngressPath.ListenerRuleArn",
    "certificate_arn": "ECSManagedResourceArns.IngressPath.CertificateArn",
    "scalable_target": "ECSManagedResourceArns.AutoScaling.ScalableTarget",
}
"""Attributes of AWS::ECS::ExpressGatewayService by the property that gives them."""


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
    def certificate_arn(self) -> str:
        """ARN of the certificate of the endpoint."""
        return self._text("certificate_arn")

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
        return self._text("scalable_target")

    def _text(self, name: str) -> str:
        return cdk.Token.as_string(self.resource.get_att(_PATHS[name]))

    def list_attribute(self, name: str) -> list[str]:
        """A list among the type's attributes."""
        return TokenList(cdk.Token.as_list(self.resource.get_att(name)))


def id_of_group(arn: str) -> str:
    """The id in the ARN of a security group."""
    return cdk.Fn.select(1, cdk.Fn.split("security-group/", arn))


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
    """A service by the arguments of ``from_service_attributes``; asking for one not given raises ValueError."""

    def __init__(self, scope: Construct, construct_id: str, given: Mapping[str, Any]) -> None:
        place = f"{scope.node.path}/{construct_id}".lstrip("/")
        types.refuse_wrong_types("invalid_service", given, _TYPES, place=place)
        super().__init__(scope, construct_id)
        self._given = given
        # Its policy cannot be found from here, so the CDK warns of each grant, naming the statement that is missing.
        self._principal = as_principal(given.get("task_role") or iam.UnknownPrincipal(resource=self))

    def _text(self, name: str) -> str:
        return self._known(name, self._given.get(name))

    def _known(self, name: str, value: Any) -> Any:
        if value is None:
            raise ValueError(f"{name} is not known of this imported service: pass it to from_service_attributes.")
        return value

    @property
    def service_arn(self) -> str:
        return self._text("service_arn")

    @property
    def target_group_arns(self) -> list[str]:
        return self._known("target_group_arn", ids_of(self._given.get("target_group_arns", ())) or None)

    @property
    def load_balancer_security_group(self) -> str:
        return self._text("load_balancer_security_group")

    @property
    def security_group_ids(self) -> list[str]:
        return ids_of(self._given.get("security_group_ids", ()))

    @property
    def passed_role_arns(self) -> list[str]:
        return list(self._given.get("role_arns", ()))

    @property
    def grant_principal(self) -> iam.IPrincipal:
        return self._principal

    @property
    def _default_port(self) -> float | None:
        return self._given.get("container_port")
