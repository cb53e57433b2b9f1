"""What the lines of a log tell that belong to no task that failed: that they name errors, and which come most."""

from collections.abc import Sequence

from expressway.aws.values.log_event import LogEvent
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.diagnose.logs.severity import patterns_of, severity_of

_SHOWN = 3


def errors_in_log(group: str, events: Sequence[LogEvent]) -> Finding | None:
    """Lines of a log group that name errors, or none: a clue, since what wrote them did not end of it."""
    errors = [event.message for event in events if severity_of(event.message) == "ERROR"]
    if not errors:
        return None
    patterns = patterns_of(errors)
    number, most = len(errors), patterns[0][1]
    lines = (
        f"{number} line{'' if number == 1 else 's'} of the log group {group} name{'s' if number == 1 else ''} errors"
    )
    alike = f", {most} of them the same but for numbers and ids" if most > 1 else ""
    return make_finding(
        code="errors_in_log",
        cause=f"{lines}{alike}; no task of the cluster that ECS remembers as failed wrote them.",
        evidence=tuple(text for text, _ in patterns[:_SHOWN]),
        resource=group,
        confidence="medium",
    )
