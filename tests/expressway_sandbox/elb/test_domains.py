"""The sandbox runs no function: it knows the one of the constructs, and does what that one does."""

import pytest

from expressway_constructs.service.domain import RESOURCE_TYPE, function_text
from expressway_sandbox.elb import domains
from tests.expressway_sandbox.conftest import Cloud, wait_for_stack, wait_until
from tests.expressway_sandbox.stack_templates import role, service_resources, template

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]
KNOWN = function_text()


def test_the_sandbox_takes_the_type_under_the_same_name() -> None:
    assert domains.RESOURCE_TYPE == RESOURCE_TYPE


@pytest.mark.parametrize(
    ("code", "token", "reason"),
    [
        ("def handler(*_): pass", {"Fn::GetAtt": ["Function", "Arn"]}, "does not run AWS::Lambda::Function"),
        (KNOWN + "#", {"Fn::GetAtt": ["Function", "Arn"]}, "does not run AWS::Lambda::Function"),
        (KNOWN, "arn:aws:lambda:us-east-1:000000000000:function:other", "by the function of Expressway's constructs"),
        (KNOWN, {"Fn::GetAtt": ["Function", "Arn"]}, "There is no rule arn:none"),
    ],
)
def test_no_other_function_is_taken_for_it(cloud: Cloud, code: str, token: object, reason: str) -> None:
    properties = {"Handler": "index.handler", "Runtime": "python3.13", "Role": {"Fn::GetAtt": ["Role", "Arn"]}}
    domain = {"ServiceToken": token, "RuleArn": "arn:none", "LoadBalancerArn": "arn:none", "DomainName": "a.test"}
    resources = {
        "Role": role("lambda.amazonaws.com"),
        "Function": {"Type": "AWS::Lambda::Function", "Properties": {**properties, "Code": {"ZipFile": code}}},
        "Domain": {"Type": "Custom::ExpressGatewayServiceDomain", "Properties": domain, "DependsOn": ["Function"]},
    }
    cloudformation = cloud.client("cloudformation")
    created = cloudformation.create_stack(
        StackName="domain-of-another", TemplateBody=template(resources), Capabilities=["CAPABILITY_IAM"]
    )
    assert wait_for_stack(cloud, created["StackId"]) == "ROLLBACK_COMPLETE"
    events = cloudformation.describe_stack_events(StackName=created["StackId"])["StackEvents"]
    cloudformation.delete_stack(StackName=created["StackId"])
    wait_for_stack(cloud, created["StackId"])
    assert reason in " ".join(each.get("ResourceStatusReason", "") for each in events)


def test_a_rule_of_an_apps_own_serves_its_host_name(cloud: Cloud, images: dict[str, str]) -> None:
    def managed(name: str) -> dict[str, list[str]]:
        return {"Fn::GetAtt": ["Service", f"ECSManagedResourceArns.IngressPath.{name}"]}

    rule = {
        "ListenerArn": managed("ListenerArn"),
        "Priority": 100,
        "Conditions": [{"Field": "host-header", "HostHeaderConfig": {"Values": ["own.example.test"]}}],
        "Actions": [{"Type": "forward", "TargetGroupArn": {"Fn::Select": [0, managed("TargetGroupArns")]}}],
    }
    resources = service_resources("own-rule", cloud.uri("v1"))
    resources["Rule"] = {"Type": "AWS::ElasticLoadBalancingV2::ListenerRule", "Properties": rule}
    cloudformation = cloud.client("cloudformation")
    capabilities = ["CAPABILITY_NAMED_IAM"]
    cloudformation.create_stack(StackName="own-rule", TemplateBody=template(resources), Capabilities=capabilities)
    status = wait_for_stack(cloud, "own-rule")
    served, refused = cloud.get("own.example.test"), cloud.get("other.example.test")
    cloudformation.delete_stack(StackName="own-rule")
    wait_until(lambda: cloud.get("own.example.test")[0] == 403, "the rule is gone")
    assert (status, served) == ("CREATE_COMPLETE", (200, "version 1"))
    assert refused[0] == 403
