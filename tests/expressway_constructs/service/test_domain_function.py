"""The function that changes an Express service's rule, over answers in the shape of Elastic Load Balancing."""

import json
from typing import Any

import pytest

from expressway_constructs.service.domain_function import apply, respond

pytestmark = pytest.mark.process

RULE = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener-rule/app/alb/1/2/3"
ENDPOINT = "ex-1.ecs.eu-west-1.on.aws"


class RuleNotFoundException(Exception):
    """boto3's name."""


class Elbv2:
    """One rule of one load balancer."""

    class exceptions:
        RuleNotFoundException = RuleNotFoundException

    def __init__(self, *conditions: dict[str, Any]) -> None:
        self.conditions = list(conditions)
        self.changes: list[list[dict[str, Any]]] = []

    def describe_rules(self, *, RuleArns: list[str]) -> dict[str, Any]:
        if RuleArns != [RULE]:
            raise RuleNotFoundException
        return {"Rules": [{"RuleArn": RULE, "Conditions": self.conditions}]}

    def modify_rule(self, *, RuleArn: str, Conditions: list[dict[str, Any]]) -> None:
        assert RuleArn == RULE
        self.changes.append(Conditions)
        self.conditions = [{**each, "Values": next(iter(each.values()))} for each in Conditions]

    def describe_load_balancers(self, *, LoadBalancerArns: list[str]) -> dict[str, Any]:
        return {"LoadBalancers": [{"DNSName": f"{LoadBalancerArns[0]}.elb.test", "CanonicalHostedZoneId": "Z9"}]}


def by_host(*hosts: str) -> dict[str, Any]:
    return {"Field": "host-header", "Values": list(hosts), "HostHeaderConfig": {"Values": list(hosts)}}


def event(request_type: str, rule: str = RULE) -> dict[str, Any]:
    properties = {"RuleArn": rule, "LoadBalancerArn": "alb", "DomainName": "shop.test"}
    return {"RequestType": request_type, "PhysicalResourceId": f"{rule}|shop.test", "ResourceProperties": properties}


def test_a_name_is_added_beside_the_endpoint_and_the_load_balancer_is_told() -> None:
    elbv2 = Elbv2(by_host(ENDPOINT))
    answer = apply(event("Create"), elbv2)
    assert elbv2.changes == [[{"Field": "host-header", "HostHeaderConfig": {"Values": [ENDPOINT, "shop.test"]}}]]
    assert answer["PhysicalResourceId"] == f"{RULE}|shop.test"
    assert answer["Data"] == {"DnsName": "alb.elb.test", "HostedZoneId": "Z9"}


def test_other_conditions_stay_and_are_sent_once() -> None:
    paths = {"Field": "path-pattern", "Values": ["/a"], "PathPatternConfig": {"Values": ["/a"]}}
    elbv2 = Elbv2(paths, {"Field": "host-header", "Values": [ENDPOINT]})
    apply(event("Create"), elbv2)
    assert elbv2.changes[0][0] == {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a"]}}


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_a_name_that_is_there_changes_nothing(request_type: str) -> None:
    elbv2 = Elbv2(by_host(ENDPOINT, "shop.test"))
    apply(event(request_type), elbv2)
    assert elbv2.changes == []


def test_deleting_takes_the_name_away_and_leaves_the_others() -> None:
    elbv2 = Elbv2(by_host(ENDPOINT, "shop.test", "other.test"))
    apply(event("Delete"), elbv2)
    assert elbv2.changes[0][0]["HostHeaderConfig"]["Values"] == [ENDPOINT, "other.test"]


def test_deleting_from_a_rule_that_is_gone_succeeds() -> None:
    assert apply(event("Delete", "gone"), Elbv2()) == {"PhysicalResourceId": "gone|shop.test"}


def test_a_rule_that_is_gone_cannot_be_given_a_name() -> None:
    with pytest.raises(LookupError, match="There is no rule gone"):
        apply(event("Create", "gone"), Elbv2())


def asked(request_type: str, rule: str = RULE) -> dict[str, Any]:
    names = {
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Domain",
        "ResponseURL": "https://answer.test/?a=b",
    }
    return {**event(request_type, rule), **names}


def test_cloudformation_gets_an_answer_to_each_request() -> None:
    answers: list[tuple[str, dict[str, Any]]] = []
    respond(asked("Create"), Elbv2(by_host(ENDPOINT)), lambda url, body: answers.append((url, json.loads(body))))
    [(url, answer)] = answers
    assert url == "https://answer.test/?a=b"
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"]["DnsName"] == "alb.elb.test"
    assert (answer["StackId"], answer["RequestId"], answer["LogicalResourceId"]) == ("stack", "request", "Domain")


def test_a_failure_is_answered_with_its_reason_before_it_is_raised() -> None:
    answers: list[dict[str, Any]] = []
    with pytest.raises(LookupError, match="There is no rule other"):
        respond(asked("Create", "other"), Elbv2(), lambda _, body: answers.append(json.loads(body)))
    [answer] = answers
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == "LookupError: There is no rule other"
    assert answer["PhysicalResourceId"] == "other|shop.test"
