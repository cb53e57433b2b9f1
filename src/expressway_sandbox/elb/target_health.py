"""Target health as the prober found it, where ministack says healthy, and health-check paths as XML has them."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from expressway_sandbox.elb.health import BOARD
from expressway_sandbox.emulator import Answer

_NS = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"


def describe(original: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    """`original`, with the states of targets that the prober knows."""

    def handle(parameters: Any) -> Answer:
        status, headers, body = original(parameters)
        if status >= 400:
            return status, headers, body
        ElementTree.register_namespace("", _NS)
        root = ElementTree.fromstring(body)  # noqa: S314 - ministack's own answer
        for description in root.iter(f"{{{_NS}}}TargetHealthDescriptions"):
            for member in description:
                _fill(member)
        return status, headers, ElementTree.tostring(root)

    return handle


def escaping_paths(original: Callable[[dict[str, Any]], str]) -> Callable[[dict[str, Any]], str]:
    """`alb._tg_xml`, a target group in an answer, whose path is text to be escaped: it may have ``&`` in its query."""

    def element(group: dict[str, Any]) -> str:
        return original({**group, "HealthCheckPath": escape(str(group.get("HealthCheckPath", "/")))})

    return element


def _fill(member: ElementTree.Element) -> None:
    host = member.findtext(f"{{{_NS}}}Target/{{{_NS}}}Id") or ""
    port = int(member.findtext(f"{{{_NS}}}Target/{{{_NS}}}Port") or 0)
    known = BOARD.read(host, port)
    health = member.find(f"{{{_NS}}}TargetHealth")
    extra = member.find(f"{{{_NS}}}HealthStatus")
    if extra is not None:
        member.remove(extra)
    if known is None or health is None:
        return
    for child in list(health):
        health.remove(child)
    for name, value in (("State", known.state), ("Reason", known.reason), ("Description", known.description)):
        if value:
            ElementTree.SubElement(health, f"{{{_NS}}}{name}").text = value
