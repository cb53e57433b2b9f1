"""The first real cause of a failed deployment, in one sentence: an ordered table of small rules.

A rule takes the facts and returns a cause or None; the first that knows one wins. To widen the diagnosis, add
a row to MESSAGE_RULES (a text of AWS's), to EXIT_CODES, or a rule to RULES at the place of its certainty.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from expressway.diagnosis.culprit import telling_reasons
from expressway.diagnosis.exit_rules import exited_container
from expressway.diagnosis.facts import SERVICE_RESOURCE_TYPE, DeploymentFacts, Statement
from expressway.diagnosis.health_rules import failing_health_check
from expressway.diagnosis.message_rules import cause_of_message, evidence_line
from expressway.diagnosis.task_failure import what_failed
from expressway.model.cause import Cause
from expressway.model.quotation import quoted
from expressway.model.stack import StackEvent, first_failure

__all__ = ["RULES", "Cause", "DeploymentFacts", "find_cause"]

Rule = Callable[[DeploymentFacts], Cause | None]


def find_cause(facts: DeploymentFacts) -> Cause | None:
    """The first real cause, or None when nothing in the facts has failed. Gaps are named in the cause."""
    for rule in RULES:
        cause = rule(facts)
        if cause is not None:
            return replace(cause, gaps=facts.gaps)
    return None


def other_resource_failed(facts: DeploymentFacts) -> Cause | None:
    """A resource of the stack other than the service failed first, so that the service is not to blame."""
    event = first_failure(facts.stack_events)
    if event is None or event.is_consequence or event.resource_type == SERVICE_RESOURCE_TYPE:
        return None
    return _stack_cause(event)


def stopped_task_says(facts: DeploymentFacts) -> Cause | None:
    """What ECS says about tasks that stopped, or that cannot start."""
    return _first_known(facts.task_statements())


def infrastructure_is_stuck(facts: DeploymentFacts) -> Cause | None:
    """A managed resource of the revision has failed, or waits with a reason (an AccessDenied, most often)."""
    known = _first_known(facts.infrastructure_statements())
    resources = facts.revision.managed_resources if facts.revision else ()
    failed = next((one for one in resources if one.status == "FAILED"), None)
    if known is not None or failed is None:
        return known
    text = evidence_line(failed.status_reason)
    return Cause(
        "infrastructure_failed",
        f"ECS could not make the {failed.kind} of the service: {quoted(text) or 'no reason given'}",
        (text,) if text else (),
        "Correct what AWS names there, and check the infrastructure role's permissions.",
        failed.arn or failed.kind,
    )


def scheduler_says(facts: DeploymentFacts) -> Cause | None:
    """What the service's events and the deployment's own reason say, where the table knows the words."""
    return _first_known(facts.service_statements())


def alarm_triggered(facts: DeploymentFacts) -> Cause | None:
    """The deployment was rolled back by an alarm: the new version answered too many requests with errors."""
    if facts.deployment is None or not facts.deployment.triggered_alarms:
        return None
    names = ", ".join(facts.deployment.triggered_alarms)
    return Cause(
        "error_rate_alarm",
        "The new version answered too many requests with errors (4xx or 5xx), so its alarm rolled it back.",
        (f"alarm: {names}", *_reasons(facts)),
        "Read the application's log for the failing requests; correct them and deploy again.",
        facts.deployment.arn,
    )


def task_stopped_for_unknown_reason(facts: DeploymentFacts) -> Cause | None:
    """A task failed in words that the table does not know: told as they are."""
    for task in facts.failed_tasks:
        reasons = [*telling_reasons(task), task.stopped_reason]
        text = evidence_line(next((reason for reason in reasons if reason), ""))
        if text:
            told = f"{what_failed(task, text)}: {quoted(text)}"
            return Cause("task_failed", told, (text,), "", task.arn, permanent=False)
    return None


def service_resource_failed(facts: DeploymentFacts) -> Cause | None:
    """CloudFormation's own words about the service, where nothing better is known."""
    event = first_failure(facts.stack_events)
    return None if event is None or event.is_consequence else _stack_cause(event)


def deployment_failed(facts: DeploymentFacts) -> Cause | None:
    """The deployment has failed and nothing says why."""
    deployment = facts.deployment
    if deployment is None or not deployment.failed:
        return None
    reasons = _reasons(facts)
    told = f": {quoted(reasons[0])}" if reasons else ", and ECS gives no reason."
    missing = " (some facts could not be read)" if facts.gaps else ""
    return Cause(
        "deployment_failed",
        f"The deployment failed ({deployment.status}){missing}{told}",
        reasons,
        "Grant the permissions named under gaps and ask again." if facts.gaps else "Read the service's log.",
        deployment.arn,
        permanent=False,
    )


RULES: tuple[Rule, ...] = (
    other_resource_failed,
    stopped_task_says,
    exited_container,
    infrastructure_is_stuck,
    failing_health_check,
    alarm_triggered,
    scheduler_says,
    task_stopped_for_unknown_reason,
    service_resource_failed,
    deployment_failed,
)


def _first_known(statements: Iterable[Statement]) -> Cause | None:
    return next((cause for cause in map(cause_of_message, statements) if cause is not None), None)


def _stack_cause(event: StackEvent) -> Cause:
    text = evidence_line(event.reason)
    known = cause_of_message(Statement(event.reason, event.logical_id))
    if known is not None:
        return replace(known, sentence=f"{event.logical_id}: {known.sentence}")
    return Cause(
        "resource_failed",
        f"{event.logical_id} ({event.resource_type}) could not be made: {quoted(text) or 'no reason given'}",
        (f"{event.status} {event.logical_id}: {text}",),
        "Correct what CloudFormation names, and repeat the command.",
        event.logical_id,
    )


def _reasons(facts: DeploymentFacts) -> tuple[str, ...]:
    if facts.deployment is None:
        return ()
    texts = (facts.deployment.rollback_reason, facts.deployment.status_reason)
    return tuple(dict.fromkeys(evidence_line(text) for text in texts if text))
