"""A service that cannot scale any further, that fails to scale, or that runs into a quota.

Source: Application Auto Scaling API reference, ScalingActivity and NotScaledReason.
"""

from collections.abc import Callable, Iterator

from expressway.aws.values.dependencies import AlarmFact, DependencyFacts, ScalingActivity, ScalingFact
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding

_AT_MAXIMUM = "AlreadyAtMaxCapacity"


def scaling_findings(facts: DependencyFacts) -> tuple[Finding, ...]:
    """What keeps the service from growing where its load asks for it. Running at the maximum alone is no finding."""
    return tuple(finding for rule in _RULES for finding in rule(facts))


def _at_maximum(facts: DependencyFacts) -> Iterator[Finding]:
    scaling = facts.scaling
    if scaling is None or facts.subject.running_count < scaling.maximum:
        return
    evidence = (*_high_alarms(facts, scaling), *_refusals(scaling))
    if evidence:
        yield make_finding(
            code="scaling_at_maximum",
            cause=f"The service runs {facts.subject.running_count} tasks, the most that its autoscaling allows "
            f"({scaling.maximum}), and its load asks for more.",
            evidence=evidence,
            resource=facts.subject.resource,
        )


def _suspended(facts: DependencyFacts) -> Iterator[Finding]:
    scaling = facts.scaling
    if scaling is not None and scaling.scaling_out_suspended and _high_alarms(facts, scaling):
        yield make_finding(
            code="scaling_suspended",
            cause="Scaling out is suspended, and the service's load asks for more tasks.",
            evidence=_high_alarms(facts, scaling),
            resource=facts.subject.resource,
        )


def _failed(facts: DependencyFacts) -> Iterator[Finding]:
    newest = next(iter(facts.scaling.activities), None) if facts.scaling else None
    if newest is not None and newest.status == "Failed":
        yield make_finding(
            code="scaling_failed",
            cause="The newest scaling of the service failed.",
            evidence=_told(newest),
            resource=facts.subject.resource,
        )


def _quota_used_up(facts: DependencyFacts) -> Iterator[Finding]:
    """What ECS said of a quota, with its numbers; the requirement is one task's."""
    needed = facts.requirements.cpu_units / 1024 if facts.requirements else 0.0
    for quota in facts.quotas:
        if quota.used is not None and quota.used + needed > quota.value:
            yield make_finding(
                code="quota_exceeded",
                cause=f"The account may run {quota.value:g} vCPUs ({quota.name}), and {quota.used:g} are in use.",
                evidence=(f"quota {quota.code}: {quota.value:g}; in use: {quota.used:g}; a task needs {needed:g}",),
                remedy=f"Ask for more of the quota {quota.code} in the Service Quotas console, or stop other tasks.",
                resource=quota.code,
            ).in_own_words()


_RULES: tuple[Callable[[DependencyFacts], Iterator[Finding]], ...] = (_at_maximum, _suspended, _failed, _quota_used_up)


def _high_alarms(facts: DependencyFacts, scaling: ScalingFact) -> tuple[str, ...]:
    """The alarms that scale out and are in ALARM: those of a target tracking policy that watch for too much."""
    names = {name for policy in scaling.policies for name in policy.alarm_names}
    return tuple(
        _alarm_line(one) for one in facts.alarms if one.name in names and one.state == "ALARM" and _is_high(one)
    )


def _is_high(alarm: AlarmFact) -> bool:
    return alarm.comparison.startswith("GreaterThan")


def _alarm_line(alarm: AlarmFact) -> str:
    return f"alarm {alarm.name} is in ALARM: {alarm.state_reason or alarm.metric}"


def _refusals(scaling: ScalingFact) -> tuple[str, ...]:
    newest = next(iter(scaling.activities), None)
    return _told(newest) if newest is not None and _AT_MAXIMUM in newest.not_scaled_reasons else ()


def _told(activity: ScalingActivity) -> tuple[str, ...]:
    texts = (activity.status_message, activity.cause, activity.description, ", ".join(activity.not_scaled_reasons))
    return tuple(dict.fromkeys(text for text in texts if text))
