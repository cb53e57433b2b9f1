"""A domain of the user's own for an Express service.

Express has no setting for it. AWS's guide ("Adding a custom domain to your service", Amazon ECS Developer Guide) adds
the name to the listener rule that ECS keeps, and the certificate to its listener; so does this, by a custom resource.
A separate rule does not work: each deployment moves the requests from one target group to the other by the weights
of the rule that ECS keeps, and a load balancer does not fail over from a target group that has become empty.
"""

import re
from abc import abstractmethod
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from expressway_constructs import setting_types as types
from expressway_constructs.errors import ConstructError

if TYPE_CHECKING:
    from aws_cdk import aws_certificatemanager as acm
    from aws_cdk import aws_route53 as route53

RESOURCE_TYPE = "Custom::ExpressGatewayServiceDomain"
FUNCTION = Path(__file__).with_name("domain_function.py")
_FUNCTION_ID = "ExpressGatewayServiceDomains"

_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_HOST = re.compile(rf"({_LABEL}\.)+{_LABEL}", re.IGNORECASE)
_LONGEST_HOST = 128
"""Source: Elastic Load Balancing, "Condition types for listener rules", host conditions."""

_TYPES = {
    "zone": types.one("a route53.IHostedZone", types.offers("hosted_zone_id", "zone_name"), optional=False),
    "name": types.one("a domain name", types.is_text, optional=False),
    "certificate": types.one("an acm.ICertificate", types.offers("certificate_arn")),
    "record": types.one("True or False", types.is_flag, optional=False),
}


class RoutedService(Construct):
    """A service by the resources that route requests to it, which is what a domain changes."""

    @abstractmethod
    def _text(self, name: str) -> str:
        """The attribute that the property `name` stands for."""

    @property
    def load_balancer_arn(self) -> str:
        """ARN of the load balancer, which other Express services of the VPC may share."""
        return self._text("load_balancer_arn")

    @property
    def listener_arn(self) -> str:
        """ARN of the HTTPS listener, which other Express services may share."""
        return self._text("listener_arn")

    @property
    def listener_rule_arn(self) -> str:
        """ARN of the rule that sends the service's host name to its target groups."""
        return self._text("listener_rule_arn")


class ServiceDomain(Construct):
    """One host name of a service: certificate, listener, rule and record; see ``add_domain`` of the service."""

    def __init__(
        self,
        service: RoutedService,
        construct_id: str,
        *,
        zone: "route53.IHostedZone",
        name: str,
        certificate: "acm.ICertificate | None" = None,
        record: bool = True,
    ) -> None:
        arguments = {"zone": zone, "name": name, "certificate": certificate, "record": record}
        types.refuse_wrong_types("invalid_domain", arguments, _TYPES, place=service.node.path)
        host = _full_name(zone, name)
        super().__init__(service, construct_id)
        self.domain_name = host
        self.certificate = certificate or self._validated_by_dns(zone, host)
        self._resource = self._in_rule(service, host)
        self._at_listener(service)
        if record:
            self._record(zone, host)

    @property
    def url(self) -> str:
        """``https://`` and the host name."""
        return f"https://{self.domain_name}"

    def wait_for(self, other: "ServiceDomain") -> None:
        """Change the rule after `other` has: both read it and write it whole."""
        self._resource.node.add_dependency(other._resource)

    def _validated_by_dns(self, zone: Any, host: str) -> Any:
        from aws_cdk import aws_certificatemanager as acm  # only those who add a domain pay for loading it

        validation = acm.CertificateValidation.from_dns(zone)
        return acm.Certificate(self, "Certificate", domain_name=host, validation=validation)

    def _in_rule(self, service: RoutedService, host: str) -> cdk.CustomResource:
        function = _function(cdk.Stack.of(self))
        rule = service.listener_rule_arn
        changes = iam.PolicyStatement(actions=["elasticloadbalancing:ModifyRule"], resources=[rule])
        permission = iam.Policy(self, "ChangeRule", statements=[changes], roles=[function.role])
        resource = cdk.CustomResource(
            self,
            "Rule",
            service_token=function.function_arn,
            resource_type=RESOURCE_TYPE,
            properties={"RuleArn": rule, "LoadBalancerArn": service.load_balancer_arn, "DomainName": host},
        )
        resource.node.add_dependency(permission)
        return resource

    def _at_listener(self, service: RoutedService) -> None:
        from aws_cdk import aws_elasticloadbalancingv2 as elbv2  # as above

        chosen = elbv2.CfnListenerCertificate.CertificateProperty(certificate_arn=self.certificate.certificate_arn)
        elbv2.CfnListenerCertificate(
            self, "ListenerCertificate", listener_arn=service.listener_arn, certificates=[chosen]
        )

    def _record(self, zone: "route53.IHostedZone", host: str) -> None:
        from aws_cdk import aws_route53 as route53  # as above

        route53.CfnRecordSet(
            self,
            "Record",
            hosted_zone_id=zone.hosted_zone_id,
            name=f"{host}.",
            type="A",
            alias_target=route53.CfnRecordSet.AliasTargetProperty(
                dns_name=self._resource.get_att_string("DnsName"),
                hosted_zone_id=self._resource.get_att_string("HostedZoneId"),
            ),
        )


def _full_name(zone: "route53.IHostedZone", name: str) -> str:
    """`name` with the zone's name behind it, unless it ends so already.

    Raises:
        ConstructError: ``invalid_domain``.
    """
    parent = zone.zone_name.rstrip(".")
    given = name.rstrip(".")
    inside = types.is_token(parent) or given == parent or given.endswith(f".{parent}")
    host = given if inside else f"{given}.{parent}"
    if types.is_token(host) or (_HOST.fullmatch(host) and len(host) <= _LONGEST_HOST):
        return host if types.is_token(host) else host.lower()
    raise ConstructError(
        "invalid_domain",
        f"name: expected a host name of at most {_LONGEST_HOST} letters, digits, hyphens and dots in {parent}, "
        f"got {types.describe(name)}.",
        "Name one host of the zone, such as shop or shop.example.com; a wildcard has no address of its own.",
    )


def _function(stack: cdk.Stack) -> Any:
    """The function that changes rules, once in each stack; it may describe, and change the rules of domains."""
    found = stack.node.try_find_child(_FUNCTION_ID)
    if found is not None:
        return found
    from aws_cdk import aws_lambda as lambda_  # as above

    describe = ["elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeLoadBalancers"]
    return lambda_.Function(
        stack,
        _FUNCTION_ID,
        description="Adds domains to the listener rules of Amazon ECS Express services",
        runtime=lambda_.Runtime.PYTHON_3_13,  # pyright: ignore[reportArgumentType]
        handler="index.handler",
        code=lambda_.Code.from_inline(function_text()),
        timeout=cdk.Duration.minutes(2),
        # Elastic Load Balancing knows no permission to describe single rules.
        initial_policy=[iam.PolicyStatement(actions=describe, resources=["*"])],
    )


@cache
def function_text() -> str:
    return FUNCTION.read_text(encoding="utf-8")
