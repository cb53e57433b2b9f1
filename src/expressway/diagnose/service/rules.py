"""Findings about one service: an ordered table of small rules over everything that is known of it.

`first_finding` is what deploy, wait and status report; `service_findings` adds further findings to the first cause.
"""

import re
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import timedelta

from expressway.cloudformation.stack import StackEvent, first_failure
from expressway.diagnose.catalog import entry_of, make_finding
from expressway.diagnose.exits.expired import expired_task_error, expired_task_exit, look_elsewhere
from expressway.diagnose.exits.findings import (
    crash_loop,
    exit_finding,
    killed_at_stop,
    memory_finding,
    side_container_ended,
    spot_interrupted,
)
from expressway.diagnose.exits.rules import what_failed
from expressway.diagnose.facts import SERVICE_RESOURCE_TYPE, DeploymentFacts, ServiceFacts, telling_reasons
from expressway.diagnose.finding import ANY_CAUSE, Finding, ranked
from expressway.diagnose.health.rules import health_finding
from expressway.diagnose.messages import Statement, evidence_line, finding_of_message
from expressway.hints import action, on_faces
from expressway.privacy.untrusted import quoted

IN_AWS_WORDS = f"Act on AWS's own words in the evidence; {action('failures')} shows more about the tasks."


def other_resource_failed(facts: ServiceFacts) -> Finding | None:
    """A resource of the stack other than the service failed first, so that the service is not to blame."""
    event = first_failure(facts.deployment.stack_events)
    if event is None or event.is_consequence or event.resource_type == SERVICE_RESOURCE_TYPE:
        return None
    return _stack_finding(event)


def stopped_task_says(facts: ServiceFacts) -> Finding | None:
    """What ECS says about tasks that stopped, or that cannot start."""
    return _first_known(facts.deployment.task_statements())


def infrastructure_is_stuck(facts: ServiceFacts) -> Finding | None:
    """A managed resource of the revision has failed, or waits with a reason (an AccessDenied, most often)."""
    known = _first_known(facts.deployment.infrastructure_statements())
    resources = facts.deployment.revision.managed_resources if facts.deployment.revision else ()
    failed = next((one for one in resources if one.status == "FAILED"), None)
    if known is not None or failed is None:
        return known
    text = evidence_line(failed.status_reason)
    return make_finding(
        "infrastructure_failed",
        sentence=f"ECS could not create the {failed.kind} of the service: {quoted(text) or 'no reason given'}",
        evidence=(text,) if text else (),
        resource=failed.arn or failed.kind,
    )


def scheduler_says(facts: ServiceFacts) -> Finding | None:
    """What the service's events and the deployment's own reason say, where the table knows the words."""
    return _first_known(facts.deployment.service_statements())


def task_stopped_for_unknown_reason(facts: ServiceFacts) -> Finding | None:
    """A task failed with a message that the table does not know: it is quoted."""
    for task in facts.deployment.failed_tasks:
        reasons = [*telling_reasons(task), task.stopped_reason]
        text = evidence_line(next((reason for reason in reasons if reason), ""))
        if text:
            told = f"{what_failed(task, text)}: {quoted(text)}"
            return make_finding(
                "task_failed",
                sentence=told,
                evidence=(text,),
                remedy=IN_AWS_WORDS,
                resource=task.arn,
                confidence="medium",
            )
    return None


def service_resource_failed(facts: ServiceFacts) -> Finding | None:
    """CloudFormation's own words about the service, where nothing better is known."""
    event = first_failure(facts.deployment.stack_events)
    return None if event is None or event.is_consequence else _stack_finding(event)


def deployment_failed(facts: ServiceFacts) -> Finding | None:
    """The deployment has failed and nothing says why."""
    deployment, gaps = facts.deployment.state, facts.deployment.gaps
    if deployment is None or not deployment.failed:
        return None
    reasons = reasons_of(facts.deployment)
    told = f": {quoted(reasons[0])}" if reasons else ", and ECS gives no reason."
    missing = " (some facts could not be read)" if gaps else ""
    return make_finding(
        "deployment_failed",
        sentence=f"The deployment failed ({deployment.status}){missing}{told}",
        evidence=reasons,
        remedy="Grant the permissions named under gaps and ask again." if gaps else "Read the service's log.",
        resource=deployment.arn,
        confidence="medium",
    )


def reasons_of(deployment: DeploymentFacts) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(evidence_line, deployment.reasons)))


def _first_known(statements: Iterable[Statement]) -> Finding | None:
    found = next((one for one in map(finding_of_message, statements) if one is not None), None)
    return replace(found, confidence="medium") if found and entry_of(found.code).waiting_helps else found


def _stack_finding(event: StackEvent) -> Finding:
    known = finding_of_message(Statement(event.reason, event.logical_id))
    if known is not None:
        return replace(
            known, cause=f"{event.logical_id}: {known.cause}", quoting=f"{event.logical_id}: {known.sentence}"
        )
    text = evidence_line(event.reason)
    reason = quoted(text) or "no reason given"
    return make_finding(
        "resource_failed",
        sentence=f"{event.logical_id} ({event.resource_type}) could not be created: {reason}",
        evidence=(f"{event.status} {event.logical_id}: {text}",),
        remedy="Correct what CloudFormation names, and repeat the command.",
        resource=event.logical_id,
    )


STUCK_AFTER = timedelta(minutes=30)
"""An Express deployment takes about ten minutes when all is well: start, 5 % for 3 minutes, 100 % for 3 minutes."""
_BREAKER = re.compile(r"circuit breaker", re.IGNORECASE)


def rolled_back_by_alarm(facts: ServiceFacts) -> Finding | None:
    """An alarm on 4xx/5xx answers ended the deployment."""
    deployment = facts.deployment.state
    if deployment is None or not deployment.failed or not deployment.triggered_alarms:
        return None
    names = ", ".join(deployment.triggered_alarms)
    return make_finding(
        "error_rate_alarm",
        cause="The new version answered too many requests with errors (4xx or 5xx), so the deployment's alarm rolled "
        f"it back: {names}.",
        evidence=(f"alarm: {names}", *reasons_of(facts.deployment)),
        resource=facts.resource,
    )


def rolled_back(facts: ServiceFacts) -> Finding | None:
    """The deployment was rolled back by an alarm on 4xx/5xx answers, or by the circuit breaker."""
    deployment = facts.deployment.state
    if deployment is None or not deployment.failed:
        return None
    if deployment.triggered_alarms:
        return rolled_back_by_alarm(facts)
    reasons = reasons_of(facts.deployment)
    if deployment.circuit_breaker == "TRIGGERED" or any(_BREAKER.search(text) for text in reasons):
        went_back = ", and the service went back to what it ran before" if facts.restored else ""
        return make_finding(
            code="circuit_breaker_rollback",
            cause=f"The circuit breaker ended the deployment because its tasks failed repeatedly{went_back}.",
            evidence=reasons,
            resource=facts.resource,
        )
    return None


def stuck(facts: ServiceFacts) -> Finding | None:
    """A deployment that has been in progress for much longer than one takes."""
    deployment = facts.deployment.state
    if deployment is None or not deployment.running or deployment.created_at is None:
        return None
    age = facts.now - deployment.created_at
    if age < STUCK_AFTER:
        return None
    revision = facts.deployment.revision
    waiting = [one for one in (revision.managed_resources if revision else ()) if one.status == "PROVISIONING"]
    stage = f" in stage {deployment.lifecycle_stage}" if deployment.lifecycle_stage else ""
    return make_finding(
        code="deployment_stuck",
        cause=f"The deployment has been {deployment.status} for {age.total_seconds() / 60:.0f} minutes{stage}, "
        f"with {deployment.running_count} of {deployment.requested_count} tasks running.",
        evidence=tuple(f"{one.kind} is PROVISIONING: {one.status_reason or 'no reason given'}" for one in waiting[:4]),
        remedy="Correct what the other findings name; or deploy the version that worked."
        if deployment.is_rollout
        else "Correct what the other findings name; or stop the deployment (StopServiceDeployment), which rolls it "
        "back.",
        resource=facts.resource,
        confidence="high" if waiting else "medium",
    )


def under_way(facts: ServiceFacts) -> Finding | None:
    """A deployment is going on as it should."""
    deployment = facts.deployment.state
    if deployment is None or not deployment.running:
        return None
    if deployment.created_at is not None and facts.now - deployment.created_at >= STUCK_AFTER:
        return None
    stage = f" ({deployment.lifecycle_stage})" if deployment.lifecycle_stage else ""
    return make_finding(
        code="deployment_in_progress",
        cause=f"A deployment is in progress{stage}: {deployment.running_count} of {deployment.requested_count} "
        "tasks run.",
        remedy=f"Wait for it: {on_faces(command_line='expressway status', mcp='wait_for_service_ready')} tells when it "
        "is done.",
        resource=facts.resource,
    )


Rule = Callable[[ServiceFacts], Finding | None]


def service_findings(facts: ServiceFacts) -> tuple[Finding, ...]:
    """What is wrong with the service, ranked; empty for a healthy one."""
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
        remedy="Wait until it is INACTIVE before you create a service of that name again."
        if draining
        else "Deploy it again if it should be there; an INACTIVE service cannot be started.",
        resource=service.arn,
    ).in_own_words()


def first_cause(facts: ServiceFacts) -> Finding | None:
    """The first real cause of the deployment; while the service serves, only its tasks are considered."""
    rules = _TASK_RULES if facts.serves else _DEPLOYMENT_RULES
    return next((finding for rule in rules if (finding := rule(facts)) is not None), None)


def cause_of_tasks(facts: ServiceFacts) -> Finding | None:
    """Why the deployment's tasks ended, by the tasks alone."""
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
    service, deployment = facts.service, facts.deployment.state
    if service is None or facts.has_enough_tasks or (deployment is not None and deployment.running):
        return None
    unread = " Some facts could not be read (see gaps)." if facts.gaps else ""
    return make_finding(
        code="tasks_missing",
        severity="warning" if facts.running_count else "critical",
        cause=f"{facts.running_count} of {service.desired_count} tasks run, {service.pending_count} are starting, "
        f"and nothing that could be read says why.{unread}",
        evidence=tuple(event.message for event in facts.deployment.events[:2]),
        remedy=f"Ask again in a minute; then read {action('events')} and {action('failures')}.",
        resource=service.arn,
        confidence="low",
    )


_TASK_RULES: tuple[Rule, ...] = (memory_finding, stopped_task_says, exit_finding, task_stopped_for_unknown_reason)
_DEPLOYMENT_RULES: tuple[Rule, ...] = (
    memory_finding,
    stopped_task_says,
    exit_finding,
    expired_task_exit,
    infrastructure_is_stuck,
    health_finding,
    scheduler_says,
    expired_task_error,
    task_stopped_for_unknown_reason,
)
_FIRST_RULES: tuple[Rule, ...] = (
    other_resource_failed,
    *_DEPLOYMENT_RULES[: _DEPLOYMENT_RULES.index(scheduler_says)],
    rolled_back_by_alarm,
    *_DEPLOYMENT_RULES[_DEPLOYMENT_RULES.index(scheduler_says) :],
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
    """The finding with a remedy that does not refer to other findings."""
    if finding.code != "circuit_breaker_rollback":
        return finding
    return replace(finding, remedy=IN_AWS_WORDS if facts.deployment.failed_tasks else look_elsewhere(facts))


def _as_consequence(finding: Finding, told: AbstractSet[str]) -> Finding:
    return replace(finding, severity="warning") if entry_of(finding.code).follows_from & told else finding


def _softened(facts: ServiceFacts, finding: Finding) -> Finding:
    """Warnings where the service serves nevertheless: what is over, and old failures."""
    old = facts.restored and not facts.is_recent
    if finding.severity == "critical" and (old or facts.serves) and finding.code != "scaled_to_zero":
        return replace(finding, severity="warning")
    return finding
