"""Custom domains of Express services: the constructs' custom resource, and requests for such a host name.

The custom resource is a function of AWS Lambda, which the sandbox does not run. Its text is known, so the sandbox
does here what it does there, with the same code, and takes no other function for it. A request whose Host is a
service's own domain goes to that service, as one for its endpoint does.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from expressway_constructs.service import domain_function
from expressway_sandbox import emulator
from expressway_sandbox.services.model import STORE

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]

RESOURCE_TYPE = "Custom::ExpressGatewayServiceDomain"
_LAMBDA = "AWS::Lambda::Function"
_FUNCTION_NAME = "expressway-service-domains"
_ZONE_OF_BALANCERS = "Z35SXDOTRQ7X7K"
"""As ministack has it in every Region, and AWS in us-east-1."""
_DOMAIN = re.compile(r"(?=.{1,128}$)([a-z0-9-]{1,63}\.)+[a-z][a-z0-9-]{0,62}")


def hook() -> None:
    """Put the custom resource and its function into ministack's table, after services were switched off."""
    handlers: dict[str, dict[str, Any]] = emulator.module("services.cloudformation.provisioners")._RESOURCE_HANDLERS
    handlers[RESOURCE_TYPE] = {"create": _create, "update": _update, "delete": _delete}
    handlers[_LAMBDA] = dict(handlers[_LAMBDA])
    emulator.wrap_entries(handlers[_LAMBDA], create=_create_function, update=_update_function, delete=_delete_function)


def endpoint_of(host: str) -> str | None:
    """The endpoint of a service whose listener has a rule for this host name, or None.

    The rule may be ECS's, with a domain added to it, or one of an app's own; the load balancer decides by it.
    """
    name = host.partition(":")[0].lower()
    if _DOMAIN.fullmatch(name) is None:
        return None
    for service in STORE.everywhere():
        if service.status == "INACTIVE":
            continue
        with emulator.scope(service.account, service.region):
            if name in _hosts(service.resources.listener.arn):
                return service.endpoint
    return None


def _hosts(listener_arn: str) -> set[str]:
    rules = [
        each for each in emulator.module("services.alb")._rules.values() if each.get("ListenerArn") == listener_arn
    ]
    conditions = [each for rule in rules for each in rule.get("Conditions", ()) if each.get("Field") == "host-header"]
    return {str(host).lower() for each in conditions for host in each.get("Values", ())}


class _RuleNotFoundError(Exception):
    """No such rule."""


class _Exceptions:
    RuleNotFoundException = _RuleNotFoundError


class _Balancers:
    """What the function asks of boto3's client, from the emulator's own tables: it runs on the event loop here."""

    exceptions = _Exceptions

    def describe_rules(self, *, RuleArns: list[str]) -> Properties:  # noqa: N803 - boto3's names
        rule = emulator.module("services.alb")._rules.get(RuleArns[0])
        if rule is None:
            raise _RuleNotFoundError(RuleArns[0])
        return {"Rules": [rule]}

    def modify_rule(self, *, RuleArn: str, Conditions: list[Properties]) -> None:  # noqa: N803 - as above
        flat = [{"Field": each["Field"], "Values": each.get("HostHeaderConfig", each)["Values"]} for each in Conditions]
        emulator.module("services.alb")._rules[RuleArn]["Conditions"] = flat

    def describe_load_balancers(self, *, LoadBalancerArns: list[str]) -> Properties:  # noqa: N803 - as above
        balancer = emulator.module("services.alb")._lbs[LoadBalancerArns[0]]
        return {"LoadBalancers": [{"CanonicalHostedZoneId": _ZONE_OF_BALANCERS, **balancer}]}


def _run(request_type: str, properties: Properties, physical_id: str = "") -> Created:
    if not str(properties.get("ServiceToken", "")).endswith(f":function:{_FUNCTION_NAME}"):
        raise ValueError(f"{RESOURCE_TYPE} is made by the function of Expressway's constructs alone.")
    event = {"RequestType": request_type, "ResourceProperties": properties, "PhysicalResourceId": physical_id}
    try:
        answer = domain_function.apply(event, _Balancers())
    except LookupError as error:
        raise ValueError(str(error)) from error
    return str(answer["PhysicalResourceId"]), dict(answer.get("Data", {}))


def _create(_logical_id: str, properties: Properties, _stack_name: str) -> Created:
    return _run("Create", properties)


def _update(physical_id: str, old: Properties, new: Properties, _stack_name: str) -> Created:
    created = _run("Update", new, physical_id)
    if created[0] != physical_id:
        _run("Delete", old, physical_id)
    return created


def _delete(physical_id: str, properties: Properties) -> None:
    _run("Delete", properties, physical_id)


# The known function exists nowhere; ministack handles every other one.


def _create_function(original: Callable[..., Created], logical_id: str, properties: Properties, stack: str) -> Created:
    return _known_function() if _is_known(properties) else original(logical_id, properties, stack)


def _update_function(
    original: Callable[..., Created], physical_id: str, old: Properties, new: Properties, *rest: Any, **options: Any
) -> Created:
    return _known_function() if _is_known(new) else original(physical_id, old, new, *rest, **options)


def _delete_function(original: Callable[..., None], physical_id: str, properties: Properties) -> None:
    if physical_id != _FUNCTION_NAME:
        original(physical_id, properties)


def _known_function() -> Created:
    arn = f"arn:aws:lambda:{emulator.region()}:{emulator.account_id()}:function:{_FUNCTION_NAME}"
    return _FUNCTION_NAME, {"Arn": arn}


def _is_known(properties: Properties) -> bool:
    return (properties.get("Code") or {}).get("ZipFile") == Path(domain_function.__file__).read_text(encoding="utf-8")
