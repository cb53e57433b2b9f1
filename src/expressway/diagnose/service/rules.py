"""Findings about one service: an ordered table of small rules over everything that is known of it.

`first_finding` is what deploy, wait and status tell; `service_findings` adds what stands beside the first cause.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace

from expressway.diagnose.catalog import ANY_CAUSE, entry_of, make_finding
from expressway.diagnose.finding import Finding, ranked
from expressway.diagnose.health.rules import health_finding
from expressway.diagnose.service.deployment_rules import (
    IN_AWS_WORDS,
    deployment_failed,
    infrastructure_is_stuck,
    other_resource_failed,
    rolled_back,
    rolled_back_by_alarm,
    scheduler_says,
    service_resource_failed,
    stopped_task_says,
    stuck,
    task_stopped_for_unknown_reason,
    under_way,
)
from expressway.diagnose.service.facts import ServiceFacts
from expressway.diagnose.tasks.exit_findings import (
    crash_loop,
    exit_finding,
    killed_at_stop,
    memory_finding,
    side_container_ended,
    spot_interrupted,
)
from expressway.diagnose.tasks.expired import forgotten_error, forgotten_exit, look_elsewhere
from expressway.hints import action

Rule = Callable[[ServiceFacts], Finding | None]


def service_findings(facts: ServiceFacts) -> tuple[Finding, ...]:
    """What is wrong with the service, the gravest and surest first; nothing for one that is well."""
    gone = service_state(facts)
    if gone is not None:
        return (gone,)
    found = [finding for rule in RULES if (finding := rule(facts)) is not None]
    told = {one.code for one in found}
    if any(one.severity == "critical" and not entry_of(one.code).is_consequence for one in found):
        told.add(ANY_CAUSE)
        found = [_as_consequence(one, told) for one in found]
    else:
        found = [_without_cause(facts, one) for one in found]
    found = [one for one in found if not entry_of(one.code).omitted_beside & told]
    return ranked(_softened(facts, one) for one in found)


def service_state(facts: ServiceFacts) -> Finding | None:
    """The service is being deleted, or is gone already."""
    service = facts.service
    if service is None or service.status not in {"DRAINING", "INACTIVE"}:
        return None
    draining = service.status == "DRAINING"
    tasks = f"{service.running_count} tasks still run" if service.running_count else "no tasks run"
    return make_finding(
        code="service_draining" if draining else "service_inactive",
        cause=f"The service {service.name} is being deleted (DRAINING); {tasks}."
        if draining
        else f"The service {service.name} has been deleted (INACTIVE); ECS only remembers it.",
        evidence=(f"status: {service.status}",),
        remedy="Wait until it is INACTIVE before a service of that name is made again."
        if draining
        else "Deploy it again if it should be there; an INACTIVE service cannot be started.",
        resource=service.arn,
    ).in_own_words()


def first_cause(facts: ServiceFacts) -> Finding | None:
    """The first real cause of the story; only what tasks did counts while the service serves."""
    rules = _TASK_RULES if facts.serves else _STORY_RULES
    return next((finding for rule in rules if (finding := rule(facts)) is not None), None)


def cause_of_tasks(facts: ServiceFacts) -> Finding | None:
    """What the story's tasks themselves tell of their end."""
    return next((finding for rule in _TASK_RULES if (finding := rule(facts)) is not None), None)


def first_finding(facts: ServiceFacts) -> Finding | None:
    """The first cause of a deployment that failed or makes no progress, or of its stack; None where nothing failed."""
    found = next((finding for rule in _FIRST_RULES if (finding := rule(facts)) is not None), None)
    return replace(found, gaps=facts.gaps) if found is not None else None


def scaled_to_zero(facts: ServiceFacts) -> Finding | None:
    """Nobody asked for any task."""
    service = facts.service
    if service is None or service.desired_count or facts.running_count or not facts.deployment_is_well:
        return None
    return make_finding(
        code="scaled_to_zero",
        cause=f"The desired count of {service.name} is 0, so that no task runs.",
        evidence=("desiredCount: 0",),
        resource=service.arn,
    ).in_own_words()


def tasks_missing(facts: ServiceFacts) -> Finding | None:
    """Fewer tasks run than are wanted, and no deployment explains it."""
    service, deployment = facts.service, facts.story.deployment
    if service is None or facts.has_enough_tasks or (deployment is not None and deployment.running):
        return None
    unread = " Some facts could not be read (see gaps)." if facts.gaps else ""
    return make_finding(
        code="tasks_missing",
        severity="warning" if facts.running_count else "critical",
        cause=f"{facts.running_count} of {service.desired_count} tasks run, {service.pending_count} are starting, "
        f"and nothing that could be read says why.{unread}",
        evidence=tuple(event.message for event in facts.story.events[:2]),
        remedy=f"Ask again in a minute; then read {action('events')} and {action('failures')}.",
        resource=service.arn,
        confidence="low",
    )


_TASK_RULES: tuple[Rule, ...] = (memory_finding, stopped_task_says, exit_finding, task_stopped_for_unknown_reason)
_STORY_RULES: tuple[Rule, ...] = (
    memory_finding,
    stopped_task_says,
    exit_finding,
    forgotten_exit,
    infrastructure_is_stuck,
    health_finding,
    scheduler_says,
    forgotten_error,
    task_stopped_for_unknown_reason,
)
_FIRST_RULES: tuple[Rule, ...] = (
    other_resource_failed,
    *_STORY_RULES[: _STORY_RULES.index(scheduler_says)],
    rolled_back_by_alarm,
    *_STORY_RULES[_STORY_RULES.index(scheduler_says) :],
    service_resource_failed,
    deployment_failed,
)
RULES: tuple[Rule, ...] = (
    first_cause,
    crash_loop,
    rolled_back,
    stuck,
    deployment_failed,
    scaled_to_zero,
    tasks_missing,
    killed_at_stop,
    spot_interrupted,
    under_way,
    side_container_ended,
)


def _without_cause(facts: ServiceFacts, finding: Finding) -> Finding:
    """The same where no other finding tells the cause, so that it does not point to others."""
    if finding.code != "circuit_breaker_rollback":
        return finding
    return replace(finding, remedy=IN_AWS_WORDS if facts.story.failed_tasks else look_elsewhere(facts))


def _as_consequence(finding: Finding, told: AbstractSet[str]) -> Finding:
    return replace(finding, severity="warning") if entry_of(finding.code).follows_from & told else finding


def _softened(facts: ServiceFacts, finding: Finding) -> Finding:
    """Warnings where the service serves all the same: what is over, and failures that nobody has followed up."""
    old = facts.restored and not facts.is_recent
    if finding.severity == "critical" and (old or facts.serves) and finding.code != "scaled_to_zero":
        return replace(finding, severity="warning")
    return finding
