"""CloudFormation's memory of a stack: its resources, events, hooks and validations, also after it is gone."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import islice
from typing import Any

from expressway.aws.session import AwsSession
from expressway.cloudformation.client import answer_or_none
from expressway.cloudformation.history import StackHistory, StackResource
from expressway.cloudformation.parse import stack_event
from expressway.cloudformation.stack import StackEvent
from expressway.core.pages import pages
from expressway.core.progress import ReadPool
from expressway.errors import TargetError

Raw = Mapping[str, Any]
_EVENTS_READ = 500
_CHECKS_READ = 200
_NAMES_READ = 500
_CHECK_KINDS = {"VALIDATION_ERROR", "HOOK_INVOCATION_ERROR"}
_LIVING = (
    *("CREATE_IN_PROGRESS", "CREATE_FAILED", "CREATE_COMPLETE"),
    *("ROLLBACK_IN_PROGRESS", "ROLLBACK_FAILED", "ROLLBACK_COMPLETE"),
    *("DELETE_IN_PROGRESS", "DELETE_FAILED", "REVIEW_IN_PROGRESS"),
    *("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_FAILED"),
    *("UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_COMPLETE"),
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    *("IMPORT_IN_PROGRESS", "IMPORT_COMPLETE"),
    *("IMPORT_ROLLBACK_IN_PROGRESS", "IMPORT_ROLLBACK_FAILED", "IMPORT_ROLLBACK_COMPLETE"),
)
"""Every status of a stack but DELETE_COMPLETE."""


class StackHistories:
    """The stacks of one account and region. Safe to share between threads.

    Every method raises TargetError where it is refused; a stack that does not exist is an answer.
    """

    def __init__(self, session: AwsSession) -> None:
        self._client = session.client("cloudformation")

    def history(self, stack_name_or_id: str) -> StackHistory | None:
        """The stack with its resources and its newest events; None when there is none of that name.

        A deleted stack is described by its id for 90 days. Resources, events and checks are read at the same
        time; one of them that is refused is named in ``unread``.

        Raises:
            TargetError: ``access_denied`` without cloudformation:DescribeStacks, and the like.
        """
        with ReadPool(4, thread_name_prefix="stack") as pool:
            asked = pool.submit(self._describe, stack_name_or_id)
            resources = pool.submit(lambda: tuple(self._resources(stack_name_or_id)))
            events = pool.submit(lambda: tuple(self._events(stack_name_or_id)))
            checks = pool.submit(lambda: tuple(self._checks(stack_name_or_id)))
            stack = asked.result()
            if stack is None:
                return None
            unread: list[str] = []
            happened = _taken(events, "events", unread)
            return StackHistory(
                name=stack["StackName"],
                stack_id=stack["StackId"],
                status=stack["StackStatus"],
                status_reason=stack.get("StackStatusReason", ""),
                parent_id=stack.get("ParentId", ""),
                changed_at=stack.get("DeletionTime") or stack.get("LastUpdatedTime") or stack.get("CreationTime"),
                resources=_taken(resources, "resources", unread),
                events=_in_order_of_time(happened, _taken(checks, "hooks and validations", unread)),
                unread=tuple(unread),
            )

    def names(self) -> tuple[str, ...]:
        """The names of the stacks that are there, nested ones left out."""
        summaries = self._pages("list the stacks", "list_stacks", "StackSummaries", StackStatusFilter=list(_LIVING))
        return tuple(one["StackName"] for one in islice(summaries, _NAMES_READ) if not one.get("ParentId"))

    def deleted_id(self, stack_name: str) -> str:
        """The id of the newest stack of that name that was deleted within 90 days, or nothing."""
        doing, status = "list the deleted stacks", ["DELETE_COMPLETE"]
        summaries = self._pages(doing, "list_stacks", "StackSummaries", StackStatusFilter=status)
        of_name = [summary for summary in summaries if summary["StackName"] == stack_name]
        newest = max(of_name, key=lambda summary: summary["CreationTime"].timestamp(), default=None)
        return newest["StackId"] if newest else ""

    def resource_ids(self, stack_name: str, resource_types: Sequence[str]) -> tuple[str, ...] | None:
        """The physical ids of a stack's resources of these types; None when there is no such stack."""
        if self._describe(stack_name) is None:
            return None
        found = self._resources(stack_name)
        return tuple(one.physical_id for one in found if one.resource_type in resource_types and one.physical_id)

    def _describe(self, stack_name_or_id: str) -> Raw | None:
        doing = f"describe the stack {stack_name_or_id}"
        answer = answer_or_none(self._client.describe_stacks, doing, StackName=stack_name_or_id)
        return answer["Stacks"][0] if answer else None

    def _resources(self, stack: str) -> Iterator[StackResource]:
        doing = "list the stack's resources"
        for raw in self._pages(doing, "list_stack_resources", "StackResourceSummaries", StackName=stack):
            yield StackResource(
                logical_id=raw["LogicalResourceId"],
                physical_id=raw.get("PhysicalResourceId", ""),
                resource_type=raw["ResourceType"],
                status=raw["ResourceStatus"],
                reason=raw.get("ResourceStatusReason", ""),
                updated_at=raw.get("LastUpdatedTimestamp"),
            )

    def _events(self, stack: str) -> Iterator[StackEvent]:
        events = self._pages("read the stack's events", "describe_stack_events", "StackEvents", StackName=stack)
        return map(stack_event, islice(events, _EVENTS_READ))

    def _checks(self, stack: str) -> Iterator[StackEvent]:
        """The failed hooks and early validations of every operation, which only the newer call returns."""
        doing, failed = "read what checked the stack", {"FailedEvents": True}
        events = self._pages(doing, "describe_events", "OperationEvents", StackName=stack, Filters=failed)
        return (stack_event(raw) for raw in islice(events, _CHECKS_READ) if raw.get("EventType") in _CHECK_KINDS)

    def _pages(self, doing: str, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
        ask = partial(answer_or_none, getattr(self._client, operation), doing, **arguments)
        for page in pages(ask, doing=doing, by="NextToken"):
            yield from page.get(key, [])


def _taken(future: "Future[tuple[Any, ...]]", name: str, unread: list[str]) -> tuple[Any, ...]:
    try:
        return future.result()
    except TargetError as error:
        unread.append(f"{name}: {error.message}")
        return ()


def _in_order_of_time(events: Sequence[StackEvent], checks: Sequence[StackEvent]) -> tuple[StackEvent, ...]:
    """Both lists as one, each hook once. AWS gives the newest first."""

    def identity(event: StackEvent) -> tuple[str, str, str, str]:
        return event.kind, event.logical_id, event.check, event.reason

    known = {identity(event) for event in events if event.kind != "resource"}
    others = [check for check in checks if identity(check) not in known]
    return tuple(sorted((*reversed(events), *reversed(others)), key=lambda event: event.timestamp))
