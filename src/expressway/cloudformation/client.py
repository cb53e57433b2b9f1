"""CloudFormation behind a narrow port: stacks, change sets and events as plain values, every failure mapped."""

import hashlib
import json
import uuid
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from itertools import takewhile
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from expressway.aws.errors import ask_items, aws_error_code, aws_error_message, aws_errors, map_aws_error
from expressway.aws.session import AwsSession
from expressway.cloudformation.change_set import ChangeSet, ChangeSetRequest
from expressway.cloudformation.parse import (
    change,
    change_set,
    json_of_yaml,
    problem_of,
    stack_event,
    stack_state,
    stack_version,
)
from expressway.cloudformation.stack import StackEvent, StackState, StackVersion, refuse_oversized
from expressway.core.pages import pages
from expressway.errors import StackError, TargetError

_Answer = TypeVar("_Answer")
_CAPABILITIES = ["CAPABILITY_NAMED_IAM"]
_NO_CHANGE_SET = {"ChangeSetNotFound", "ChangeSetNotFoundException"}
_CHANGED_MEANWHILE = {"OperationInProgressException", "InvalidChangeSetStatus", *_NO_CHANGE_SET}
"""A change set is obsolete, then gone, when somebody changes its stack by other means."""


class CloudFormation:
    """The stacks of one account and region."""

    def __init__(self, session: AwsSession) -> None:
        self._client = session.client("cloudformation")
        self._templates: dict[str, tuple[str, str]] = {}

    # -- stacks ---------------------------------------------------------------------------------------------
    def describe(self, stack_name: str) -> StackState | None:
        """The stack, or None when there is none (or it is deleted).

        `stack_name` may be a stack id; a deleted stack is then described with status DELETE_COMPLETE.
        """
        stack = self._described(stack_name)
        if stack is None:
            return None
        status = str(stack["StackStatus"])
        template = "" if status in {"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"} else self._template(stack)
        return stack_state(stack, template)

    def version(self, stack_name: str) -> StackVersion | None:
        """What differs once the stack has been changed, in one call; None without a stack."""
        stack = self._described(stack_name)
        return None if stack is None else stack_version(stack)

    def _described(self, stack_name: str) -> Mapping[str, Any] | None:
        doing = f"describe the stack {stack_name}"
        answer = answer_or_none(self._client.describe_stacks, doing, StackName=stack_name)
        if answer is None:
            return None
        stack: Mapping[str, Any] = answer["Stacks"][0]
        is_gone = stack["StackStatus"] == "DELETE_COMPLETE" and not stack_name.startswith("arn:")
        return None if is_gone else stack

    def names(self) -> tuple[str, ...]:
        """The names of all stacks that are not deleted.

        Raises:
            TargetError: ``access_denied`` without cloudformation:DescribeStacks, and the like.
        """
        stacks = ask_items(self._client.describe_stacks, "Stacks", "list the stacks")
        return tuple(str(stack["StackName"]) for stack in stacks)

    def stack_of(self, physical_id: str) -> str | None:
        """The id of the stack that holds the resource whose physical id that is, or None when none does.

        Raises:
            TargetError: ``access_denied`` without cloudformation:DescribeStackResources, and the like.
        """
        doing = f"find out which stack holds {physical_id}"
        answer = answer_or_none(self._client.describe_stack_resources, doing, PhysicalResourceId=physical_id)
        resources = answer["StackResources"] if answer else ()
        return next((resource["StackId"] for resource in resources if _is_held(resource, physical_id)), None)

    def _template(self, stack: Mapping[str, Any]) -> str:
        """The deployed template. While an operation runs it is read once, not at every poll."""
        stack_id, status = stack["StackId"], str(stack["StackStatus"])
        state = f"{status} {stack.get('LastUpdatedTime')}"
        known, body = self._templates.get(stack_id, ("", ""))
        if known == state:
            return body
        body = self._read_template(stack_id, leaving=status == "DELETE_IN_PROGRESS")
        self._templates.pop(stack_id, None)
        if status.endswith("_IN_PROGRESS"):
            self._templates[stack_id] = (state, body)
        return body

    def _read_template(self, stack_id: str, *, leaving: bool) -> str:
        named = {"StackName": stack_id, "TemplateStage": "Original"}
        missing = {"ValidationError"} if leaving else ()
        answer = answer_or_none(self._client.get_template, "read the stack's template", missing=missing, **named)
        if answer is None:
            return ""  # deleted since it was described, or a shell that never had one
        body: Any = answer["TemplateBody"]
        return json_of_yaml(body) if isinstance(body, str) else json.dumps(body)  # botocore parses what is JSON

    def events(self, stack_id: str, *, after_event_id: str | None = None) -> tuple[StackEvent, ...]:
        """The stack's events in order of time, only those later than `after_event_id` when that is given."""
        ask = self._client.describe_stack_events
        newest_first = ask_items(ask, "StackEvents", "read the stack's events", StackName=stack_id)
        later = takewhile(lambda raw: raw["EventId"] != after_event_id, newest_first)
        return tuple(reversed([stack_event(raw) for raw in later]))

    def delete_stack(self, stack_id: str, *, client_token: str) -> None:
        """Start deleting a stack."""
        with aws_errors(f"delete the stack {stack_id}"):
            self._client.delete_stack(StackName=stack_id, ClientRequestToken=client_token)

    def continue_rollback(self, stack_id: str, *, client_token: str) -> None:
        """Ask CloudFormation to go on with an update rollback that failed."""
        with aws_errors(f"continue the rollback of {stack_id}"):
            self._client.continue_update_rollback(StackName=stack_id, ClientRequestToken=client_token)

    def protect(self, stack_name: str, *, enabled: bool) -> None:
        """Switch termination protection on or off."""
        with aws_errors(f"set the termination protection of {stack_name}"):
            self._client.update_termination_protection(StackName=stack_name, EnableTerminationProtection=enabled)

    # -- change sets ----------------------------------------------------------------------------------------
    def create_change_set(self, request: ChangeSetRequest) -> bool:
        """Start creating a change set; False when one of that name exists already.

        Raises:
            StackError: ``template_too_large``, ``stack_busy``, ``stack_exists``, ``template_rejected``.
        """
        refuse_oversized(request.stack_name, request.template_body)
        arguments: dict[str, Any] = {
            "StackName": request.stack_name,
            "ChangeSetName": request.change_set_name,
            "ChangeSetType": "CREATE" if request.creates_stack else "UPDATE",
            "TemplateBody": request.template_body,
            "Capabilities": _CAPABILITIES,
            "ClientToken": str(uuid.uuid4()),  # makes botocore's own retries harmless; the name makes ours so
            "Parameters": [
                {"ParameterKey": name, "ParameterValue": value} for name, value in sorted(request.parameters.items())
            ],
        }
        if request.imports_existing:
            arguments["ImportExistingResources"] = True
        if request.reverts_drift:
            arguments["DeploymentMode"] = "REVERT_DRIFT"
        with aws_errors("create the change set"):
            try:
                self._client.create_change_set(**arguments)
            except ClientError as exc:
                if aws_error_code(exc) == "AlreadyExistsException":
                    return False
                raise _change_set_error(exc, request.stack_name) from exc
        return True

    def describe_change_set(self, stack_name: str, change_set_name: str) -> ChangeSet | None:
        """The change set with all its changes (paged), or None when it does not exist, or no longer after a page."""
        named = {"StackName": stack_name, "ChangeSetName": change_set_name, "IncludePropertyValues": True}
        doing = "describe the change set"
        ask = partial(self._client.describe_change_set, **named)
        found = answer_or_none(lambda: list(pages(ask, doing=doing, by="NextToken")), doing)
        if found is None:
            return None
        raws = (raw for page in found for raw in page.get("Changes", []))
        return change_set(found[-1], tuple(change(raw["ResourceChange"]) for raw in raws if "ResourceChange" in raw))

    def change_set_names(self, stack_name: str) -> tuple[str, ...]:
        """The names of every change set that the stack has."""
        doing = f"list the change sets of {stack_name}"
        summaries = ask_items(self._client.list_change_sets, "Summaries", doing, StackName=stack_name)
        return tuple(summary["ChangeSetName"] for summary in summaries)

    def execute_change_set(self, change_set: ChangeSet) -> None:
        """Carry out a change set; the token makes a repeated call harmless.

        What a failed operation has made goes with its rollback, also where a deletion policy retains it: it would
        only be in the way of the next try. What was taken over stays.
        """
        with aws_errors("execute the change set"):
            try:
                self._client.execute_change_set(
                    ChangeSetName=change_set.change_set_id,
                    ClientRequestToken=_token(change_set.change_set_id),
                    RetainExceptOnCreate=not change_set.imports,
                )
            except ClientError as exc:
                raise _change_set_error(exc, change_set.stack_name) from exc

    def has_begun(self, change_set: ChangeSet) -> bool:
        """Whether this very change set was executed, by whatever process: its own status, or events with its token."""
        now = self.describe_change_set(change_set.stack_id, change_set.change_set_id)
        if now is not None and now.has_begun:
            return True
        token = _token(change_set.change_set_id)
        with aws_errors("read the stack's events"):
            newest = self._client.describe_stack_events(StackName=change_set.stack_id)["StackEvents"]
        return any(event.get("ClientRequestToken") == token for event in newest)

    def delete_change_set(self, stack_name: str, change_set_name: str) -> None:
        """Remove a change set that was not executed; one that is not there is no error."""
        with aws_errors("delete the change set"):
            try:
                self._client.delete_change_set(StackName=stack_name, ChangeSetName=change_set_name)
            except ClientError as exc:
                if not _is_missing(exc):
                    raise _change_set_error(exc, stack_name) from exc

    def validation_errors(self, stack_name: str, change_set_name: str) -> tuple[str, ...]:
        """What CloudFormation's early validation found wrong with a change set, in its own words."""
        problems: list[str] = []
        ask = partial(self._client.describe_events, StackName=stack_name, ChangeSetName=change_set_name)
        doing = "read the events of the change set"
        # What fails is a missing permission, most often: the change set's own reason has to do.
        with suppress(TargetError):
            for event in ask_items(ask, "OperationEvents", doing, Filters={"FailedEvents": True}):
                problems += filter(None, [problem_of(event)])
        return tuple(problems)


def _is_missing(exc: ClientError) -> bool:
    code = aws_error_code(exc)
    return code in _NO_CHANGE_SET or (code == "ValidationError" and "does not exist" in aws_error_message(exc))


def answer_or_none(
    call: Callable[..., _Answer], doing: str, *, missing: Collection[str] = (), **arguments: Any
) -> _Answer | None:
    """What the call gives, or None where a stack or change set does not exist, or for an error code of `missing`."""
    with aws_errors(doing):
        try:
            return call(**arguments)
        except ClientError as exc:
            if _is_missing(exc) or aws_error_code(exc) in missing:
                return None
            raise


def _token(identity: str) -> str:
    """A request token: the same for the same identity, in the letters that CloudFormation allows."""
    return f"expressway-{hashlib.sha256(identity.encode()).hexdigest()[:40]}"


def _change_set_error(exc: ClientError, stack_name: str) -> Exception:
    code, message = aws_error_code(exc), aws_error_message(exc)
    if code in _CHANGED_MEANWHILE or "_IN_PROGRESS state" in message:
        return StackError(
            "stack_busy",
            f"The stack {stack_name} is being changed by someone else: {message}",
            "Wait until that operation has ended, then repeat the command.",
        )
    if code == "AlreadyExistsException" or (code == "ValidationError" and "already exists" in message):
        return StackError(
            "stack_exists",
            f"Another program made the stack {stack_name} in the meantime: {message}",
            "Repeat the command: it starts from the current state of the stack.",
        )
    if code == "ValidationError":
        return StackError(
            "template_rejected",
            f"CloudFormation rejected the request for {stack_name}: {message}",
            "Correct what CloudFormation names, and repeat the command.",
        )
    return map_aws_error(exc, f"change the stack {stack_name}")


def _is_held(resource: Mapping[str, Any], physical_id: str) -> bool:
    """CloudFormation lists deleted stacks for 90 days; they do not hold what they deleted or retained."""
    gone = {"DELETE_COMPLETE", "DELETE_SKIPPED"}
    return resource.get("PhysicalResourceId") == physical_id and resource.get("ResourceStatus") not in gone
