"""What AWS::ECS::ExpressGatewayService gives of the resources that ECS makes for a service."""

from abc import abstractmethod

import aws_cdk as cdk

from expressway_constructs.cdk_types import TokenList
from expressway_constructs.service.base import ExpressGatewayServiceBase


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
