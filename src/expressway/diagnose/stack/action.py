"""What became of a stack and the stacks nested in it, and the first real cause where it failed."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from datetime import datetime
from typing import Any

from expressway.aws.values.target import Target
from expressway.cloudformation.history import StackHistory, StackResource, is_aws_message, quoted_reason
from expressway.cloudformation.stack import StackEvent
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.finding import Finding
from expressway.diagnose.messages import evidence_line
from expressway.diagnose.ports import StackHistoryReads
from expressway.diagnose.stack.rules import Failure, first_failures, missing_stack_finding, stack_findings

_THREADS = 6
_DEPTH = 5
_NESTED_READ = 20
_EVENTS_SHOWN = 100


def fetch_cloudformation_status(cfn_stack_name: str, *, stacks: StackHistoryReads, target: Target) -> Mapping[str, Any]:
    """The state of a stack, by name or id, what failed, and why first. Nested stacks are followed where they failed.

    Returns:
        status: ``success``; message: one sentence; stack_exists: None where that could not be read;
        stack_status: None for a stack that never was, DELETE_COMPLETE for one that is gone.
        resources, raw_events: as CloudFormation names their members; events newest first, at most a hundred.
        failure_reasons: the real failures in order of time, with stack_name for those of nested stacks.
        findings, gaps: see `expressway.diagnose.finding`; gaps only where there are any.

    Raises:
        TargetError: no read is possible (``credentials_expired``, ``connection_failed``, …).
    """
    with ConcurrentReads(_THREADS, name="stacks") as reads:
        asked = reads.ask("stack", lambda: stacks.history(cfn_stack_name))
        history = reads.take_or_stop(asked, None)
        if history is None and reads.gaps:
            return _answer(None, (), tuple(reads.gaps), message=f"The stack {cfn_stack_name} could not be read.")
        if history is None:
            asked_names = reads.ask("stacks", stacks.names)
            history = _deleted(cfn_stack_name, stacks, reads)
            names = reads.take(asked_names, ())
            if history is None:
                finding = missing_stack_finding(cfn_stack_name, place=target.describe(), names=names)
                return _answer(None, (finding,), tuple(reads.gaps), message=finding.cause)
        history = _followed(history, stacks, reads)
        gaps = (*_unread(history), *reads.gaps)
    findings = stack_findings(history)
    return _answer(history, findings, tuple(dict.fromkeys(gaps)), message=_message(history, findings))


def _deleted(stack_name: str, stacks: StackHistoryReads, reads: ConcurrentReads) -> StackHistory | None:
    stack_id = reads.take(reads.ask("deleted stacks", lambda: stacks.deleted_id(stack_name)), "")
    return stacks.history(stack_id) if stack_id else None


def _followed(root: StackHistory, stacks: StackHistoryReads, reads: ConcurrentReads) -> StackHistory:
    """The stack with those nested in it, level by level, each level at the same time; bounded in depth and number."""
    if root.is_well:
        return root
    left = _NESTED_READ

    def follow(history: StackHistory, depth: int) -> StackHistory:
        nonlocal left
        ids = history.nested_ids[:left] if depth else ()
        left -= len(ids)
        asked = [_ask(stack_id, stacks, reads) for stack_id in ids]
        found = [one for future in asked if (one := reads.take(future, None)) is not None]
        return history.with_nested(tuple(follow(one, depth - 1) for one in found))

    return follow(root, _DEPTH)


def _ask(stack_id: str, stacks: StackHistoryReads, reads: ConcurrentReads) -> "Future[StackHistory | None]":
    return reads.ask(
        f"nested stack {stack_id.split('/')[-2] if '/' in stack_id else stack_id}", lambda: stacks.history(stack_id)
    )


def _unread(history: StackHistory) -> Iterator[str]:
    yield from history.unread
    for nested in history.nested:
        yield from _unread(nested)


def _answer(
    history: StackHistory | None, findings: tuple[Finding, ...], gaps: tuple[str, ...], *, message: str
) -> Mapping[str, Any]:
    answer: dict[str, Any] = {
        "status": "success",
        "stack_exists": _exists(history, gaps),
        "stack_status": history.status if history else None,
        "message": message,
        "findings": [one.to_dict() for one in findings],
        "failure_reasons": [_reason(one) for one in (first_failures(history) if history else ())],
        "resources": [_resource(one) for one in (history.resources if history else ())],
        "raw_events": [_event(one) for one in list(reversed(history.events if history else ()))[:_EVENTS_SHOWN]],
    }
    return answer | {"gaps": list(gaps)} if gaps else answer


def _exists(history: StackHistory | None, gaps: tuple[str, ...]) -> bool | None:
    if history is None:
        return None if any(gap.startswith("stack:") for gap in gaps) else False
    return not history.is_deleted


def _message(history: StackHistory, findings: tuple[Finding, ...]) -> str:
    if findings:
        return findings[0].cause
    if history.unread:
        return f"The stack {history.name} is {history.status}; not everything could be read (see gaps)."
    return f"The stack {history.name} is {history.status}: nothing is wrong with it."


def _reason(failure: Failure) -> Mapping[str, Any]:
    event = failure.event
    return {
        "logical_id": event.logical_id,
        "physical_id": failure.physical_id or "N/A",
        "resource_type": event.resource_type,
        "status": event.status,
        "reason": _shown(event, evidence_line(event.reason)) or "No reason provided",
        "timestamp": event.timestamp.isoformat(),
    } | ({"stack_name": failure.stack.name} if failure.path else {})


def _resource(resource: StackResource) -> Mapping[str, Any]:
    return _filled(
        LogicalResourceId=resource.logical_id,
        PhysicalResourceId=resource.physical_id,
        ResourceType=resource.resource_type,
        ResourceStatus=resource.status,
        ResourceStatusReason=_shown(resource, resource.reason),
        LastUpdatedTimestamp=_iso(resource.updated_at),
    )


def _event(event: StackEvent) -> Mapping[str, Any]:
    prefix = {"hook": "Hook", "validation": "Validation"}.get(event.kind, "Resource")
    return _filled(
        Timestamp=_iso(event.timestamp),
        LogicalResourceId=event.logical_id,
        PhysicalResourceId=event.physical_id,
        ResourceType=event.resource_type,
        HookType=event.check if event.kind == "hook" else "",
        ValidationName=event.check if event.kind == "validation" else "",
        ValidationPath=event.path,
        **{f"{prefix}Status": event.status, f"{prefix}StatusReason": _shown(event, event.reason)},
    )


def _shown(shown: StackEvent | StackResource, text: str) -> str:
    """A reason, or `text` of it; one that AWS wrote is marked as a quotation that is not redacted."""
    is_resource = isinstance(shown, StackResource) or shown.kind == "resource"
    is_aws = is_resource and is_aws_message(shown.reason, shown.resource_type)
    return quoted_reason(shown.reason, shown.resource_type, text) if is_aws else text


def _filled(**members: str) -> Mapping[str, str]:
    return {name: value for name, value in members.items() if value}


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
