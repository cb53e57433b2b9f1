"""What happened to a stack and the stacks nested in it: resources, events, hooks and validations as plain values."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from expressway.cloudformation.stack import STACK_TYPE, STARTS, StackEvent
from expressway.privacy.untrusted import QuotingText, quoted, without_marks

_WELL = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}


@dataclass(frozen=True, slots=True)
class StackResource:
    """One resource of a stack as ListStackResources returns it."""

    logical_id: str
    physical_id: str
    resource_type: str
    status: str
    reason: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StackHistory:
    """A stack, and everything that CloudFormation remembers of it; `events` in order of time.

    Attributes:
        status: DELETE_COMPLETE for a stack that is gone; CloudFormation remembers it for 90 days.
        nested: the stacks nested in this one that were followed.
        unread: what could not be read, such as ``resources``; nothing is concluded from its absence.
    """

    name: str
    stack_id: str
    status: str
    status_reason: str = ""
    parent_id: str = ""
    changed_at: datetime | None = None
    resources: tuple[StackResource, ...] = ()
    events: tuple[StackEvent, ...] = ()
    nested: tuple["StackHistory", ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        """The last operation has succeeded."""
        return self.status in _WELL

    @property
    def is_deleted(self) -> bool:
        return self.status == "DELETE_COMPLETE"

    @property
    def in_progress(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    @property
    def failures(self) -> tuple[StackEvent, ...]:
        """What failed in the newest operation that has failed, in order of time, the stack's own verdict left out.

        A stack whose last operation has succeeded has none; of one that is at work only that operation counts.
        """
        if self.is_well:
            return ()
        operations = list(self._operations())
        is_forward = self.in_progress and "ROLLBACK" not in self.status
        for operation in reversed(operations[-1:] if is_forward else operations):
            failed = tuple(one for one in operation if one.failed and not self._is_own(one))
            if failed:
                return failed
        return ()

    @property
    def nested_ids(self) -> tuple[str, ...]:
        """The ids of stacks nested in this one: those in which something failed before the others."""
        events = [one for one in self.events if one.resource_type == STACK_TYPE and not self._is_own(one)]
        failed = {one.physical_id for one in events if one.failed}
        ids = dict.fromkeys(
            [one.physical_id for one in events]
            + [one.physical_id for one in self.resources if one.resource_type == STACK_TYPE]
        )
        return tuple(sorted((one for one in ids if one.startswith("arn:")), key=lambda one: one not in failed))

    def physical_id_of(self, logical_id: str) -> str:
        """What the stack made of a resource, by its list of resources or else by the newest event that has it."""
        listed = (one.physical_id for one in self.resources if one.logical_id == logical_id)
        of_events = (event.physical_id for event in reversed(self.events) if event.logical_id == logical_id)
        return next((one for one in (*listed, *of_events) if one), "")

    def with_nested(self, nested: tuple["StackHistory", ...]) -> "StackHistory":
        return replace(self, nested=nested)

    def _is_own(self, event: StackEvent) -> bool:
        return event.kind == "resource" and event.physical_id == self.stack_id

    def _operations(self) -> Iterator[list[StackEvent]]:
        """The events by operation; a rollback belongs to the operation that it undoes."""
        current: list[StackEvent] = []
        for event in self.events:
            if self._is_own(event) and event.status in STARTS and current:
                yield current
                current = []
            current.append(event)
        if current:
            yield current


_WRITTEN_BY_USERS = frozenset(
    {"AWS::CloudFormation::CustomResource", "AWS::CloudFormation::WaitCondition", "AWS::CloudFormation::Macro"}
)
_HANDLER = 'Resource handler returned message: "'
_FORMS = re.compile(
    r'Resource handler returned message: ".*" \((?:RequestToken: [\w-]+, )?HandlerErrorCode: \w+\)\.?'
    r"|.* \(Service: [\w ]+[;,] Status Code: \d{3}[;,] .*\)"
    r"|Resource (?:creation|update|deletion) cancelled\.?"
    r"|The following resource\(s\) failed to \w+: \[[\w, ]*\]\. ?(?:Rollback requested by user\.)?",
    re.DOTALL,
)
_QUOTED = re.compile(r"(?<!\w)'[^']*'(?!\w)|(?<!\w)\"[^\"]*\"(?!\w)|`[^`]*`")
_PLAIN_NAME = re.compile(r"[!-~]*")


def is_aws_message(reason: str, resource_type: str) -> bool:
    """Whether AWS wrote the reason."""
    return (
        resource_type.startswith("AWS::")
        and resource_type not in _WRITTEN_BY_USERS
        and _FORMS.fullmatch(reason.strip()) is not None
    )


def quoted_reason(reason: str, resource_type: str, shown: str | None = None) -> str:
    """The reason as a quotation that everybody may read where AWS wrote it, else as one for operators.

    In AWS's message, what stands in quotation marks and is more than a name is for operators too. `shown` is the
    text to show of the reason, where that is less.
    """
    text = reason if shown is None else shown
    if not text or not is_aws_message(reason, resource_type):
        return quoted(without_marks(text))
    text = without_marks(text)
    head, body = ("", text) if not text.startswith(_HANDLER) else (_HANDLER, text.removeprefix(_HANDLER))
    parts: list[str] = []
    public, at = head, 0
    for found in _QUOTED.finditer(body):
        if not _PLAIN_NAME.fullmatch(found[0][1:-1]):
            parts += [quoted(public + body[at : found.start() + 1], public=True), quoted(found[0][1:-1])]
            public, at = "", found.end() - 1
    return QuotingText("".join([*parts, quoted(public + body[at:], public=True)]))
