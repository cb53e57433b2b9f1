"""What a deployment's own course tells: rolled back, and by what; stuck; or under way as it should be."""

import re
from datetime import timedelta

from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.diagnose.service.cause import reasons_of
from expressway.diagnose.service.service_facts import ServiceFacts
from expressway.hints import on_faces

STUCK_AFTER = timedelta(minutes=30)
"""An Express deployment takes about ten minutes when all is well: start, 5 % for 3 minutes, 100 % for 3 minutes."""
_BREAKER = re.compile(r"circuit breaker", re.IGNORECASE)


def rolled_back_by_alarm(facts: ServiceFacts) -> Finding | None:
    """An alarm on 4xx/5xx answers ended the deployment."""
    deployment = facts.story.deployment
    if deployment is None or not deployment.failed or not deployment.triggered_alarms:
        return None
    names = ", ".join(deployment.triggered_alarms)
    return make_finding(
        "error_rate_alarm",
        cause="The new version answered too many requests with errors (4xx or 5xx), so the deployment's alarm rolled "
        f"it back: {names}.",
        evidence=(f"alarm: {names}", *reasons_of(facts.story)),
        resource=facts.resource,
    )


def rolled_back(facts: ServiceFacts) -> Finding | None:
    """The deployment was rolled back by an alarm on 4xx/5xx answers, or by the circuit breaker."""
    deployment = facts.story.deployment
    if deployment is None or not deployment.failed:
        return None
    if deployment.triggered_alarms:
        return rolled_back_by_alarm(facts)
    reasons = reasons_of(facts.story)
    if deployment.circuit_breaker == "TRIGGERED" or any(_BREAKER.search(text) for text in reasons):
        went_back = ", and the service went back to what it ran before" if facts.restored else ""
        return make_finding(
            code="circuit_breaker_rollback",
            cause=f"The circuit breaker ended the deployment because its tasks failed again and again{went_back}.",
            evidence=reasons,
            resource=facts.resource,
        )
    return None


def stuck(facts: ServiceFacts) -> Finding | None:
    """A deployment that has been under way for much longer than one takes."""
    deployment = facts.story.deployment
    if deployment is None or not deployment.running or deployment.created_at is None:
        return None
    age = facts.now - deployment.created_at
    if age < STUCK_AFTER:
        return None
    revision = facts.story.revision
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
    deployment = facts.story.deployment
    if deployment is None or not deployment.running:
        return None
    if deployment.created_at is not None and facts.now - deployment.created_at >= STUCK_AFTER:
        return None
    stage = f" ({deployment.lifecycle_stage})" if deployment.lifecycle_stage else ""
    return make_finding(
        code="deployment_in_progress",
        cause=f"A deployment is under way{stage}: {deployment.running_count} of {deployment.requested_count} "
        "tasks run.",
        remedy=f"Wait for it: {on_faces(command_line='expressway status', mcp='wait_for_service_ready')} tells when it "
        "is done.",
        resource=facts.resource,
    )
