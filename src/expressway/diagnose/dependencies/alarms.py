"""Which alarm rolled a deployment back, and what it watches."""

import re

from expressway.aws.values.dependencies import AlarmFact, DependencyFacts
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding

_ERRORS = re.compile(r"HTTPCode_(?:Target|ELB)_(?P<kind>[45])XX")


def alarm_findings(facts: DependencyFacts) -> tuple[Finding, ...]:
    """One finding for each alarm that rolled the deployment back, with its metric and threshold."""
    return tuple(_finding(one) for one in facts.alarms if one.name in facts.subject.triggered_alarms)


def _finding(alarm: AlarmFact) -> Finding:
    kinds = sorted({match["kind"] for match in _ERRORS.finditer(alarm.metric)})
    watched = alarm.metric or "other alarms"
    limit = f" against {alarm.threshold:g}" if alarm.threshold is not None else ""
    about = f" ({', '.join(f'{name}={value}' for name, value in alarm.dimensions.items())})" if alarm.dimensions else ""
    met = f"it answered too many requests with {' and '.join(f'{kind}xx' for kind in kinds)} errors"
    return make_finding(
        code="error_rate_alarm" if kinds else "deployment_alarm",
        cause=f"The alarm {alarm.name} rolled the new version back: "
        + (f"{met}." if kinds else f"it watches {watched}{limit}, which the new version did not keep."),
        evidence=tuple(text for text in (f"{watched}{limit}{about}", alarm.state_reason) if text),
        remedy="Read the application's log for the failing requests; correct them and deploy again."
        if kinds
        else "Find what the new version does to that metric; correct it, or the alarm's threshold, and deploy again.",
        resource=alarm.arn or alarm.name,
    )
