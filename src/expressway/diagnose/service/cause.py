"""What AWS's own words tell of a service: of its tasks, its infrastructure, its events and its stack."""

from collections.abc import Iterable
from dataclasses import replace

from expressway.cloudformation.stack import StackEvent, first_failure
from expressway.diagnose.catalog import entry_of, make_finding
from expressway.diagnose.finding import Finding
from expressway.diagnose.messages.rules import evidence_line, finding_of_message
from expressway.diagnose.service.facts import SERVICE_RESOURCE_TYPE, DeploymentFacts, Statement
from expressway.diagnose.service.service_facts import ServiceFacts
from expressway.diagnose.tasks.failure_kind import what_failed
from expressway.diagnose.tasks.first_exit import telling_reasons
from expressway.hints import action
from expressway.privacy.untrusted import quoted

IN_AWS_WORDS = f"Act on AWS's own words in the evidence; {action('failures')} tells more of the tasks."


def other_resource_failed(facts: ServiceFacts) -> Finding | None:
    """A resource of the stack other than the service failed first, so that the service is not to blame."""
    event = first_failure(facts.story.stack_events)
    if event is None or event.is_consequence or event.resource_type == SERVICE_RESOURCE_TYPE:
        return None
    return _stack_finding(event)


def stopped_task_says(facts: ServiceFacts) -> Finding | None:
    """What ECS says about tasks that stopped, or that cannot start."""
    return _first_known(facts.story.task_statements())


def infrastructure_is_stuck(facts: ServiceFacts) -> Finding | None:
    """A managed resource of the revision has failed, or waits with a reason (an AccessDenied, most often)."""
    known = _first_known(facts.story.infrastructure_statements())
    resources = facts.story.revision.managed_resources if facts.story.revision else ()
    failed = next((one for one in resources if one.status == "FAILED"), None)
    if known is not None or failed is None:
        return known
    text = evidence_line(failed.status_reason)
    return make_finding(
        "infrastructure_failed",
        sentence=f"ECS could not make the {failed.kind} of the service: {quoted(text) or 'no reason given'}",
        evidence=(text,) if text else (),
        resource=failed.arn or failed.kind,
    )


def scheduler_says(facts: ServiceFacts) -> Finding | None:
    """What the service's events and the deployment's own reason say, where the table knows the words."""
    return _first_known(facts.story.service_statements())


def task_stopped_for_unknown_reason(facts: ServiceFacts) -> Finding | None:
    """A task failed in words that the table does not know: told as they are."""
    for task in facts.story.failed_tasks:
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
    event = first_failure(facts.story.stack_events)
    return None if event is None or event.is_consequence else _stack_finding(event)


def deployment_failed(facts: ServiceFacts) -> Finding | None:
    """The deployment has failed and nothing says why."""
    deployment, gaps = facts.story.deployment, facts.story.gaps
    if deployment is None or not deployment.failed:
        return None
    reasons = reasons_of(facts.story)
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


def reasons_of(story: DeploymentFacts) -> tuple[str, ...]:
    """What the deployment says of its rollback and of its status."""
    texts = (story.deployment.rollback_reason, story.deployment.status_reason) if story.deployment else ()
    return tuple(dict.fromkeys(evidence_line(text) for text in texts if text))


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
    return make_finding(
        "resource_failed",
        sentence=f"{event.logical_id} ({event.resource_type}) could not be made: {quoted(text) or 'no reason given'}",
        evidence=(f"{event.status} {event.logical_id}: {text}",),
        remedy="Correct what CloudFormation names, and repeat the command.",
        resource=event.logical_id,
    )
