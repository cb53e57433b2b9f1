"""Why a stack failed: the first real cause, in whichever nested stack it lies, and what state that leaves.

Sources: CloudFormation user guide, "Troubleshooting CloudFormation", "Stack failure options" and "Hooks";
API reference of DescribeEvents. A failure that only follows another ("Resource creation cancelled", "The following
resource(s) failed") is never the cause.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from expressway.cloudformation.history import StackHistory, is_aws_message, quoted_reason
from expressway.cloudformation.stack import STACK_TYPE, StackEvent, parse_service_arn
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding, Severity, ranked
from expressway.diagnose.messages import Statement, evidence_line, finding_of_message
from expressway.diagnose.not_found import near_names
from expressway.privacy.untrusted import QuotingText, TrustedText

SERVICE_TYPES = frozenset({"AWS::ECS::Service", "AWS::ECS::ExpressGatewayService"})
_BREAKER = re.compile(r"Deployment Circuit Breaker was triggered", re.IGNORECASE)
_NOT_STABLE = re.compile(r"Exceeded attempts to wait|did not stabilize|HandlerErrorCode: NotStabilized", re.IGNORECASE)
_TASKS_ENDED: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"Task failed ELB health checks", re.IGNORECASE), "they failed the load balancer's health checks"),
    (
        re.compile(r"Task failed container health checks", re.IGNORECASE),
        "they failed their containers' own health checks",
    ),
    (re.compile(r"Essential container in task exited", re.IGNORECASE), "their containers exited"),
    (re.compile(r"tasks? failed to start", re.IGNORECASE), "they could not start"),
)

_SEE_ITS_SERVICE = "See in that resource's own service what keeps it waiting; correct it and repeat the operation."


def instability(event: StackEvent, physical_id: str) -> Finding | None:
    """Why a resource did not become stable, or was not gone in time; None where its event says nothing of that kind.

    `physical_id` is a service's ARN; empty where it is not known.
    """
    is_service = event.resource_type in SERVICE_TYPES
    remedy = service_remedy(physical_id) if is_service else _SEE_ITS_SERVICE
    if is_service and _BREAKER.search(event.reason):
        ended = next((f": {said}" for pattern, said in _TASKS_ENDED if pattern.search(event.reason)), "")
        sentence = f"ECS's circuit breaker ended its deployment because its tasks failed repeatedly{ended}."
        return make_finding("circuit_breaker_rollback", cause=sentence, remedy=remedy, resource=physical_id)
    if not _NOT_STABLE.search(event.reason):
        return None
    awaited = "its deployment did not come to an end" if is_service else "it did not become stable"
    awaited = "it was not gone" if event.status.startswith("DELETE") else awaited
    sentence = f"{awaited} in the time that CloudFormation waits for it."
    return make_finding("resource_not_stabilized", cause=sentence, remedy=remedy, resource=physical_id)


def service_remedy(service_arn: str) -> str:
    """Where to read on about a service that CloudFormation could not create or change."""
    arn = parse_service_arn(service_arn)
    which = f"the service {arn.name} in the cluster {arn.cluster}" if arn else "this service"
    return f"Ask for the guidance of {which}: its tasks show why."


_OTHERS_TOLD = 3
_NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure and the stack that it lies in; `path` are the logical ids of the nested stacks down to it."""

    event: StackEvent
    stack: StackHistory
    path: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        return "/".join((*self.path, self.event.logical_id))

    @property
    def physical_id(self) -> str:
        """What the failed event names, or else the stack itself for that resource; empty for one that never was."""
        return self.event.physical_id or self.stack.physical_id_of(self.event.logical_id)


def stack_findings(history: StackHistory) -> tuple[Finding, ...]:
    """What went wrong with a stack, the first cause first; nothing for a stack whose last operation succeeded."""
    return ranked(finding for rule in _RULES for finding in rule(history))


def first_failures(history: StackHistory) -> tuple[Failure, ...]:
    """The real failures of the stack and those nested in it, in order of time; consequences only where no cause is."""
    found = sorted(_failures(history, ()), key=lambda one: one.event.timestamp)
    hooked = {one.place for one in found if one.event.kind == "hook" and not one.event.only_warns}
    causes = [
        one
        for one in found
        if not one.event.is_consequence
        and not one.event.only_warns
        and not (one.event.kind == "resource" and one.place in hooked)
    ]
    return tuple(causes or [one for one in found if not one.event.only_warns])


def missing_stack_finding(stack_name: str, *, place: str, names: tuple[str, ...]) -> Finding:
    """There is no stack of that name, nor was there within 90 days; `place` is the account and region asked."""
    near = near_names(stack_name, names)
    shown = near or sorted(names)[:_NAMES_SHOWN]
    there = f"Did you mean {' or '.join(near)}?" if near else "Check the account, the region and the name."
    return make_finding(
        code="stack_not_found",
        cause=f"There is no CloudFormation stack {stack_name} in {place}, and none was deleted within 90 days.",
        evidence=(f"stacks there: {', '.join(shown)}",) if shown else (f"there are no stacks in {place}",),
        remedy=there,
        resource=stack_name,
    ).in_own_words()


def _cause(history: StackHistory) -> Iterator[Finding]:
    """The first failure is the cause; later ones may follow from it, so their confidence is lower."""
    failures = first_failures(history)
    severity: Severity = "warning" if history.is_deleted else "critical"
    for failure in failures[:1]:
        yield _finding_of(failure, severity)
    first = failures[0].event.reason if failures else ""
    others = [one for one in failures[1:] if one.event.reason != first and not one.event.is_consequence]
    for failure in others[:_OTHERS_TOLD]:
        yield replace(_finding_of(failure, "warning"), confidence="medium")


def _warned(history: StackHistory) -> Iterator[Finding]:
    """Hooks and validations that failed and only warn."""
    for failure in _failures(history, ()):
        if failure.event.only_warns:
            yield _check_failed(failure, "info")


def _state(history: StackHistory) -> Iterator[Finding]:
    """What the state of the stack requires before any other operation."""
    known = _STATES.get(history.status)
    if known is not None:
        code, severity, sentence, remedy = known
        reason = [_evidence("", history.status_reason, STACK_TYPE)] if history.status_reason else []
        yield Finding(
            code=code,
            severity=severity,
            cause=f"The stack {history.name} {sentence}.",
            evidence=(TrustedText(f"status {history.status}"), *reason),
            remedy=remedy,
            resource=history.stack_id,
        )


def _still_at_work(history: StackHistory) -> Iterator[Finding]:
    waiting = [one.logical_id for one in history.resources if one.status.endswith("_IN_PROGRESS")]
    if history.in_progress:
        on = f"; it works on {', '.join(waiting[:_NAMES_SHOWN])}" if waiting else ""
        yield make_finding(
            code="stack_in_progress",
            cause=f"The stack {history.name} is in the middle of an operation{on}.",
            evidence=(f"status {history.status}",),
            resource=history.stack_id,
        ).in_own_words()


_RULES: tuple[Callable[[StackHistory], Iterator[Finding]], ...] = (_cause, _warned, _state, _still_at_work)

_STATES: dict[str, tuple[str, Severity, str, str]] = {
    "ROLLBACK_COMPLETE": (
        "stack_must_be_deleted",
        "warning",
        "was rolled back after its first creation failed, and can only be deleted",
        "Correct the cause, delete the stack, and create it again.",
    ),
    "ROLLBACK_FAILED": (
        "stack_rollback_failed",
        "warning",
        "could not be rolled back completely, and can only be deleted",
        "Delete the stack, retaining the resources that cannot be deleted; then create it again.",
    ),
    "UPDATE_ROLLBACK_FAILED": (
        "stack_rollback_failed",
        "critical",
        "could not be rolled back to its last version, and cannot be updated until it is",
        "Correct what kept it from rolling back and continue the rollback (ContinueUpdateRollback), skipping "
        "resources only as a last resort.",
    ),
    "DELETE_FAILED": (
        "stack_delete_failed",
        "critical",
        "could not be deleted completely",
        "Remove what keeps the resource in use, and delete the stack again (or retain that resource).",
    ),
    "DELETE_COMPLETE": ("stack_deleted", "info", "has been deleted", "Create it again if you still need it."),
    "REVIEW_IN_PROGRESS": (
        "stack_never_executed",
        "info",
        "only has change sets that were never executed",
        "Execute a change set, or delete the stack.",
    ),
}


def _failures(history: StackHistory, path: tuple[str, ...]) -> Iterator[Failure]:
    """Failures of the stack and of those nested in it; that a nested stack failed follows from what failed there."""
    nested = {one.stack_id: one for one in history.nested}
    failures = history.failures
    explained = {stack_id for stack_id, one in nested.items() if list(_failures(one, ()))}
    for event in failures:
        if event.resource_type != STACK_TYPE or event.physical_id not in explained:
            yield Failure(event, history, path)
    logical_ids = {one.physical_id: one.logical_id for one in history.events if one.resource_type == STACK_TYPE}
    failed = {one.physical_id for one in failures}
    for stack_id, one in nested.items():
        if stack_id in failed or one.failures:
            yield from _failures(one, (*path, logical_ids.get(stack_id, one.name)))


def _finding_of(failure: Failure, severity: Severity) -> Finding:
    event = failure.event
    if event.kind != "resource":
        return _check_failed(failure, severity)
    physical_id = failure.physical_id
    known = finding_of_message(Statement(event.reason, event.logical_id)) or instability(event, physical_id)
    within = f" of the nested stack {failure.stack.name}" if failure.path else ""
    told = f"{event.status} {failure.place} ({event.resource_type}): "
    evidence = (_evidence(told, event.reason, event.resource_type),)
    remedy = "Correct what CloudFormation names in the evidence, and repeat the operation."
    if event.resource_type in SERVICE_TYPES:
        remedy = service_remedy(physical_id)
    return make_finding(
        code=known.code if known else "resource_failed",
        severity=severity,
        cause=f"{failure.place} ({event.resource_type}){within} could not be {_verb(event.status)}"
        + (f": {known.cause}" if known else "."),
        evidence=evidence,
        remedy=known.remedy if known and known.remedy else remedy,
        resource=physical_id or failure.place,
    )


def _evidence(before: str, reason: str, resource_type: str) -> str:
    """A line of evidence; a reason that AWS wrote is not redacted."""
    text = evidence_line(reason)
    if not text:
        return TrustedText(f"{before}no reason given")
    if not is_aws_message(reason, resource_type):
        return f"{before}{text}"
    return QuotingText(f"{before}{quoted_reason(reason, resource_type, text)}")


def _check_failed(failure: Failure, severity: Severity) -> Finding:
    event = failure.event
    is_hook = event.kind == "hook"
    where = f" at {event.path}" if event.path else ""
    subject = failure.place or failure.stack.name
    return make_finding(
        code="hook_failed" if is_hook else "template_validation_failed",
        severity=severity,
        cause=f"The hook {event.check} rejected {subject} before it was provisioned."
        if is_hook
        else f"CloudFormation's validation {event.check} rejected {subject}{where} before anything was created.",
        evidence=(f"{event.check} {event.status}: {evidence_line(event.reason) or 'no reason given'}",),
        remedy="Make the resource meet the rule that the hook names, or ask the owner of the hook."
        if is_hook
        else "Correct the template there, and repeat the operation.",
        resource=failure.place or failure.stack.stack_id,
    )


def _verb(status: str) -> str:
    return {"CREATE": "created", "UPDATE": "updated", "DELETE": "deleted", "IMPORT": "imported"}.get(
        status.partition("_")[0], "rolled back"
    )
