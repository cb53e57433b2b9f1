"""A domain of one's own: certificate, listener, the rule that ECS keeps, and the record."""

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_route53 as route53

from expressway_constructs.errors import ConstructError
from expressway_constructs.service.domain import RESOURCE_TYPE, function_text
from expressway_constructs.service.gateway_service import ExpressGatewayService
from tests.expressway_constructs.conftest import Synth, only, resources
from tests.expressway_constructs.template_graph import before, circle

pytestmark = pytest.mark.process

ARN = "arn:aws:elasticloadbalancing:eu-west-1:111122223333"


@pytest.fixture
def web(stack: cdk.Stack) -> ExpressGatewayService:
    return ExpressGatewayService(stack, "Web", image="nginx:1")


@pytest.fixture
def zone(stack: cdk.Stack) -> Any:
    return route53.HostedZone.from_hosted_zone_attributes(
        stack, "Zone", hosted_zone_id="Z1", zone_name="shop.example.test"
    )


def test_a_domain_takes_a_certificate_the_rule_and_a_record(
    stack: cdk.Stack, synth: Synth, web: ExpressGatewayService, zone: Any
) -> None:
    domain = web.add_domain(zone=zone, name="api")
    template = synth(stack)
    certificate = only(template, "AWS::CertificateManager::Certificate")["Properties"]
    assert (certificate["DomainName"], certificate["ValidationMethod"]) == ("api.shop.example.test", "DNS")
    at_listener = only(template, "AWS::ElasticLoadBalancingV2::ListenerCertificate")["Properties"]
    assert at_listener["ListenerArn"] == stack.resolve(web.listener_arn)
    assert at_listener["Certificates"] == [{"CertificateArn": stack.resolve(domain.certificate.certificate_arn)}]
    in_rule = only(template, RESOURCE_TYPE)["Properties"]
    assert in_rule["RuleArn"] == stack.resolve(web.listener_rule_arn)
    assert in_rule["DomainName"] == "api.shop.example.test"
    record = only(template, "AWS::Route53::RecordSet")["Properties"]
    assert (record["Name"], record["Type"], record["HostedZoneId"]) == ("api.shop.example.test.", "A", "Z1")
    assert record["AliasTarget"]["DNSName"]["Fn::GetAtt"][1] == "DnsName"
    assert domain.url == "https://api.shop.example.test"
    assert circle(template) == []


def test_the_function_may_change_the_rules_of_its_domains_alone(
    stack: cdk.Stack, synth: Synth, web: ExpressGatewayService, zone: Any
) -> None:
    web.add_domain(zone=zone, name="api")
    template = synth(stack)
    policies = resources(template, "AWS::IAM::Policy")
    statements = [each for one in policies.values() for each in one["Properties"]["PolicyDocument"]["Statement"]]
    granted = {json.dumps(each["Action"]): each["Resource"] for each in statements}
    assert granted == {
        '"elasticloadbalancing:ModifyRule"': stack.resolve(web.listener_rule_arn),
        '["elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeLoadBalancers"]': "*",
    }
    (name,) = resources(template, RESOURCE_TYPE)
    assert set(policies) <= before(template, name)


def test_domains_of_a_service_share_a_function_and_change_the_rule_one_after_the_other(
    stack: cdk.Stack, synth: Synth, web: ExpressGatewayService, zone: Any
) -> None:
    for name in ("api", "shop.example.test", "www.shop.example.test"):
        web.add_domain(zone=zone, name=name)
    template = synth(stack)
    assert only(template, "AWS::Lambda::Function")["Properties"]["Code"]["ZipFile"] == function_text()
    changes = {each["Properties"]["DomainName"]: name for name, each in resources(template, RESOURCE_TYPE).items()}
    assert changes["api.shop.example.test"] in before(template, changes["shop.example.test"])
    assert changes["shop.example.test"] in before(template, changes["www.shop.example.test"])


def test_certificate_and_record_may_be_ones_own(
    stack: cdk.Stack, synth: Synth, web: ExpressGatewayService, zone: Any
) -> None:
    own = acm.Certificate.from_certificate_arn(stack, "Own", "arn:aws:acm:eu-west-1:111122223333:certificate/1")
    web.add_domain(zone=zone, name="api", certificate=own, record=False)
    template = synth(stack)
    assert resources(template, "AWS::CertificateManager::Certificate") == {}
    assert resources(template, "AWS::Route53::RecordSet") == {}
    at_listener = only(template, "AWS::ElasticLoadBalancingV2::ListenerCertificate")["Properties"]
    assert at_listener["Certificates"] == [{"CertificateArn": own.certificate_arn}]


def test_an_imported_service_takes_a_domain_too(stack: cdk.Stack, synth: Synth, zone: Any) -> None:
    known = ExpressGatewayService.from_service_attributes(
        stack,
        "Known",
        service_arn="arn:aws:ecs:eu-west-1:111122223333:service/web/shop",
        listener_arn=f"{ARN}:listener/app/alb/1/2",
        listener_rule_arn=f"{ARN}:listener-rule/app/alb/1/2/3",
        load_balancer_arn=f"{ARN}:loadbalancer/app/alb/1",
    )
    known.add_domain(zone=zone, name="api")
    assert only(synth(stack), RESOURCE_TYPE)["Properties"]["RuleArn"] == f"{ARN}:listener-rule/app/alb/1/2/3"


@pytest.mark.parametrize(
    "settings",
    [
        {"zone": "shop.example.test"},
        {"name": 3},
        {"name": ""},
        {"name": "*"},
        {"name": "a b"},
        {"name": "-a"},
        {"name": "a" * 64},
        {"name": ".".join(["a" * 30] * 5)},
        {"certificate": "arn"},
        {"record": "yes"},
    ],
)
def test_what_is_wrong_is_told(web: ExpressGatewayService, zone: Any, settings: dict[str, Any]) -> None:
    (setting,) = settings
    with pytest.raises(ConstructError, match=f"{setting}: expected .*, got ") as caught:
        web.add_domain(**{"zone": zone, "name": "api", **settings})
    assert caught.value.code == "invalid_domain"


def test_a_host_name_is_added_once(web: ExpressGatewayService, zone: Any) -> None:
    web.add_domain(zone=zone, name="api")
    with pytest.raises(ConstructError, match="does not have yet, got 'api") as caught:
        web.add_domain(zone=zone, name=f"API.{zone.zone_name}.")
    assert caught.value.code == "invalid_domain"


def test_the_function_fits_into_a_template() -> None:
    assert len(function_text()) <= 4096
