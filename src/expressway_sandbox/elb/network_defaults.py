"""What AWS says of networks and ministack leaves out: the default VPC's way out, and who forwards to a target group.

A default VPC has an internet gateway, a default route to it, and DNS host names (Amazon VPC guide, "Default VPCs");
ministack makes the gateway only. `LoadBalancerArns` of a target group names every load balancer with a listener
or a rule that forwards to it; ministack fills it when a listener is made.
"""

from collections.abc import Callable
from typing import Any

from expressway_sandbox import emulator
from expressway_sandbox.emulator import Answer


def hook() -> None:
    """Complete the default VPC of every account and region, and the answers of DescribeTargetGroups."""
    emulator.wrap("services.ec2", _init_defaults=_open_default_vpc)
    _open_default_vpc(lambda: None)  # ministack has made that of its own account while it was imported
    emulator.wrap_entries(emulator.module("services.alb")._ACTION_MAP, DescribeTargetGroups=_describe_target_groups)


def _open_default_vpc(make_defaults: Callable[[], None]) -> None:
    make_defaults()
    ec2 = emulator.module("services.ec2")
    vpc = ec2._vpcs.get(ec2._DEFAULT_VPC_ID)
    table = ec2._route_tables.get(ec2._DEFAULT_RTB_ID)
    if vpc is not None:
        vpc.setdefault("EnableDnsHostnames", True)
    if table is not None and not any(route.get("DestinationCidrBlock") == "0.0.0.0/0" for route in table["Routes"]):
        way_out = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": ec2._DEFAULT_IGW_ID}
        table["Routes"].append({**way_out, "State": "active", "Origin": "CreateRoute"})


def _describe_target_groups(original: Callable[[Any], Answer], parameters: Any) -> Answer:
    alb = emulator.module("services.alb")
    forwarding: dict[str, list[str]] = {}
    for rule in alb._rules.values():
        listener = alb._listeners.get(rule.get("ListenerArn"))
        for action in rule.get("Actions", ()) if listener else ():
            named = forwarding.setdefault(action.get("TargetGroupArn", ""), [])
            if listener["LoadBalancerArn"] not in named:
                named.append(listener["LoadBalancerArn"])
    for arn, group in alb._tgs.items():
        group["LoadBalancerArns"] = forwarding.get(arn, [])
    return original(parameters)
