"""The health check of a target, made the way an Application Load Balancer makes it, and where its result shows.

"Health checks for Application Load Balancer target groups": a GET of the path with the user agent
``ELB-HealthChecker/2.0``; Express Mode sets the success code 200. States and reasons: API reference of
TargetHealth.
"""

import http.client
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from expressway_sandbox import emulator
from expressway_sandbox.emulator import Answer

_TIMEOUT_SECONDS = 2.0
_NS = "{http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/}"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the sandbox reaches a task."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """One result; `answered` is False when no answer came at all."""

    state: str
    reason: str = ""
    description: str = ""
    answered: bool = False

    @property
    def is_healthy(self) -> bool:
        return self.state == "healthy"


INITIAL = TargetHealth("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
NO_ANSWER = TargetHealth("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
TIMEOUT = TargetHealth("unhealthy", "Target.Timeout", "Request timed out")


def check(address: Address, path: str) -> TargetHealth:
    """Ask a target once."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path, headers={"User-Agent": "ELB-HealthChecker/2.0", "Connection": "close"})
        code = connection.getresponse().status
    except TimeoutError:
        return TIMEOUT
    except (OSError, http.client.HTTPException):
        return NO_ANSWER
    finally:
        connection.close()
    if code == 200:
        return TargetHealth("healthy", answered=True)
    text = f"Health checks failed with these codes: [{code}]"
    return TargetHealth("unhealthy", "Target.ResponseCodeMismatch", text, answered=True)


BOARD: dict[Address, TargetHealth] = {}
"""The last result of every registered target, which DescribeTargetHealth shows."""


def hook() -> None:
    """Correct what ministack answers about targets and target groups."""
    emulator.wrap_entries(
        emulator.module("services.alb")._ACTION_MAP,
        DescribeTargetHealth=_describe_target_health,
        DescribeTargetGroups=_describe_target_groups,
    )
    emulator.wrap("services.alb", _tg_xml=_with_escaped_path)


def _describe_target_health(original: Callable[[Any], Answer], parameters: Any) -> Answer:
    status, headers, body = original(parameters)
    if status >= 400:
        return status, headers, body
    ElementTree.register_namespace("", _NS.strip("{}"))
    root = ElementTree.fromstring(body)  # noqa: S314 - ministack's own answer
    for description in root.iter(f"{_NS}TargetHealthDescriptions"):
        for member in description:
            _fill(member)
    return status, headers, ElementTree.tostring(root)


def _with_escaped_path(original: Callable[[dict[str, Any]], str], group: dict[str, Any]) -> str:
    """A target group in an answer: its path is text to be escaped, as it may have ``&`` in its query."""
    return original({**group, "HealthCheckPath": escape(str(group.get("HealthCheckPath", "/")))})


def _fill(member: ElementTree.Element) -> None:
    host, port = member.findtext(f"{_NS}Target/{_NS}Id") or "", member.findtext(f"{_NS}Target/{_NS}Port") or 0
    known = BOARD.get(Address(host, int(port)))
    health = member.find(f"{_NS}TargetHealth")
    extra = member.find(f"{_NS}HealthStatus")
    if extra is not None:
        member.remove(extra)
    if known is None or health is None:
        return
    for child in list(health):
        health.remove(child)
    for name, value in (("State", known.state), ("Reason", known.reason), ("Description", known.description)):
        if value:
            ElementTree.SubElement(health, _NS + name).text = value


def _describe_target_groups(original: Callable[[Any], Answer], parameters: Any) -> Answer:
    """`original`, with every load balancer that forwards to a group; ministack names those of its listeners alone."""
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
