"""Custom resource: a domain's host name in the listener rule of an ECS Express service, as AWS's guide adds it."""

import http.client
import json
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit


def handler(event: dict[str, Any], _context: object) -> None:
    """Do what CloudFormation asks for, and answer it."""
    import boto3

    respond(event, boto3.client("elbv2"), _put)


def respond(event: dict[str, Any], elbv2: Any, put: Callable[[str, bytes], None]) -> None:
    """Answer CloudFormation, whatever happens: it would wait for an hour."""
    answer: dict[str, Any] = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": "FAILED", "PhysicalResourceId": event.get("PhysicalResourceId", "none")}
    try:
        answer |= {"Status": "SUCCESS", **apply(event, elbv2)}
    finally:
        error = sys.exc_info()[1]
        if error:
            answer |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}"[:1000]}
        put(event["ResponseURL"], json.dumps(answer).encode())


def _put(address: str, body: bytes) -> None:
    url = urlsplit(address)
    connection = http.client.HTTPSConnection(url.netloc, timeout=30)
    connection.request("PUT", f"{url.path}?{url.query}", body)
    connection.getresponse().read()


def apply(event: dict[str, Any], elbv2: Any) -> dict[str, Any]:
    """Add the host name to the rule, or remove it; other hosts and conditions of the rule stay."""
    properties = event["ResourceProperties"]
    rule, host = properties["RuleArn"], properties["DomainName"]
    if event["RequestType"] == "Delete":
        _change(elbv2, rule, lambda hosts: [each for each in hosts if each != host])
        return {"PhysicalResourceId": event["PhysicalResourceId"]}
    if not _change(elbv2, rule, lambda hosts: hosts if host in hosts else [*hosts, host]):
        raise LookupError(f"There is no rule {rule}")
    found = elbv2.describe_load_balancers(LoadBalancerArns=[properties["LoadBalancerArn"]])
    balancer = found["LoadBalancers"][0]
    data = {"DnsName": balancer["DNSName"], "HostedZoneId": balancer["CanonicalHostedZoneId"]}
    return {"PhysicalResourceId": f"{rule}|{host}", "Data": data}


def _change(elbv2: Any, rule: str, change: Callable[[list[str]], list[str]]) -> bool:
    """Give the rule other hosts; False when there is no such rule."""
    try:
        conditions = elbv2.describe_rules(RuleArns=[rule])["Rules"][0]["Conditions"]
    except elbv2.exceptions.RuleNotFoundException:
        return False
    others = [each for each in conditions if each["Field"] != "host-header"]
    # Described conditions say the same twice, and only one of both may be sent.
    others = [{key: each[key] for key in each if key != "Values" or len(each) == 2} for each in others]
    named = [each.get("HostHeaderConfig", each) for each in conditions if each["Field"] == "host-header"]
    hosts = [host for each in named for host in each["Values"]]
    wanted = change(hosts)
    if wanted != hosts:
        by_host = [{"Field": "host-header", "HostHeaderConfig": {"Values": wanted}}] if wanted else []
        elbv2.modify_rule(RuleArn=rule, Conditions=[*others, *by_host])
    return True
