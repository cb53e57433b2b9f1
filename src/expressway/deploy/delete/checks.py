"""Everything that is checked before a deletion changes anything: whose the stacks and the service are."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from expressway.app.names import app_names, check_app_name
from expressway.aws.values.service import ExpressService, ServiceState
from expressway.aws.values.target import Target, parse_arn
from expressway.cloudformation.stack import (
    ServiceLocation,
    StackState,
    parse_service_arn,
    repository_stack_name,
    service_arn_of,
    service_location,
    service_stack_name,
)
from expressway.deploy.delete.retained import Kept, retains_service
from expressway.deploy.ports import DeletableStacks, Services
from expressway.deploy.stack.request import is_reviewed_by_us, refuse_protected
from expressway.ecs_api.ports import Stacks
from expressway.errors import DefinitionError, RefusedError, TargetError
from expressway.hints import command
from expressway.plan.ports import StackReader
from expressway.privacy.untrusted import echoed


@dataclass(frozen=True, slots=True)
class Holder:
    """The stack that holds a resource.

    Attributes:
        stack_name: its name; empty where it may not be read.
        app_name: the app that the stack belongs to; None where it is no app's, or may not be read.
        is_ours: it is one of the stacks that may hold the resource.
        unknown: AWS's answer where the holder may not be read.
    """

    stack_name: str = ""
    app_name: str | None = None
    is_ours: bool = False
    unknown: str = ""

    def __str__(self) -> str:
        return f"the stack {self.stack_name}" + (f" of the app {self.app_name!r}" if self.app_name else "")

    @property
    def is_other(self) -> bool:
        return not (self.is_ours or self.unknown)


def holder_of(
    physical_id: str, *, owners: Stacks, stacks: StackReader, ours: Collection[StackState | None] = ()
) -> Holder | None:
    """The stack that holds the resource; None where none does.

    Raises:
        TargetError: anything but ``access_denied``.
    """
    try:
        stack_id = owners.stack_of(physical_id)
    except TargetError as error:
        if error.code != "access_denied":
            raise
        return Holder(unknown=error.message)
    if stack_id is None:
        return None
    if any(stack is not None and stack.stack_id == stack_id for stack in ours):
        return Holder(is_ours=True)
    stack = None
    with suppress(TargetError):  # the stack may not be read: its name is enough
        stack = stacks.describe(stack_id)
    name = stack_id.split("/")[1] if stack_id.count("/") else stack_id
    return Holder(name, stack.owner_app if stack is not None else None)


def why_kept(holder: Holder | None, otherwise: str) -> str:
    """Why something that no stack of the app holds is kept: another stack's, or `otherwise`, where no other has it."""
    if holder is None or holder.is_ours:
        return otherwise
    unread = f"which stack holds it may not be looked up ({holder.unknown})"
    return unread if holder.unknown else f"it belongs to {holder}"


def refuse_other_holder(what: str, physical_id: str, holder: Holder | None) -> None:
    """Refuse to delete `what` (a phrase such as ``the service …``) where another stack holds it, or may.

    Raises:
        RefusedError: ``owned_by_stack``, ``owner_unknown``.
    """
    if holder is None or holder.is_ours:
        return
    if holder.unknown:
        raise RefusedError(
            "owner_unknown",
            f"Which stack holds {what} may not be looked up, so it was not deleted. {holder.unknown}",
            "Ask for the permission cloudformation:DescribeStackResources, then repeat the deletion.",
            {"resource": physical_id, "missing_permission": "cloudformation:DescribeStackResources"},
        )
    app_name = holder.app_name
    raise RefusedError(
        "owned_by_stack",
        f"{what[:1].upper()}{what[1:]} belongs to {holder}; it was not deleted.",
        f"Delete it with its stack: {command('delete', app_name, mcp=f'with app_name {app_name}')}."
        if app_name
        else f"If it is to go, delete the stack {holder.stack_name} with the tool that made it.",
        {"resource": physical_id, "stack_name": holder.stack_name},
    )


@dataclass(frozen=True, slots=True)
class DeletionPlan:
    """What exists and may be deleted. `service` is None where ECS knows none, or it is not the app's.

    `left_alone`: what has a name of the app's and belongs to somebody else.
    """

    app_name: str
    location: ServiceLocation
    service_stack: StackState | None
    repository_stack: StackState | None
    service: ServiceState | None
    express: ExpressService | None
    left_alone: tuple[Kept, ...] = ()

    @property
    def service_is_there(self) -> bool:
        return self.service is not None and self.service.status != "INACTIVE"

    @property
    def service_is_retained(self) -> bool:
        return retains_service(self.service_stack)


def check_deletion(
    app_name: str, service_arn: str | None, *, target: Target, stacks: DeletableStacks, owners: Stacks, ecs: Services
) -> DeletionPlan:
    """What a deletion of `app_name` would delete. Reads only.

    Raises:
        DefinitionError: ``invalid_app_name``, ``invalid_service_arn``.
        RefusedError: ``stack_foreign``, ``stack_protected``, ``service_not_of_app``, ``service_not_express``;
            ``owned_by_stack`` where another stack holds the service, ``owner_unknown`` where that may not be read.
    """
    check_app_name(app_name)
    named = _parse(service_arn, target) if service_arn else None
    service_stack = _own_stack(service_stack_name(app_name), app_name, stacks)
    repository_stack = _own_stack(repository_stack_name(app_name), app_name, stacks)
    location = _location(app_name, named, service_stack)
    service = ecs.service(location.cluster, location.name)
    if named is not None and service is not None and service.arn.split(":")[:5] != named.arn.split(":")[:5]:
        raise _not_of_app(named.arn, app_name, f"ECS knows that service as {service.arn}")
    alive = service is not None and service.status != "INACTIVE"
    express = _express_side(service, service_stack, ecs) if service and alive else None
    if service is not None:
        location = ServiceLocation(location.cluster, location.name, service.arn)
    left_alone: tuple[Kept, ...] = ()
    if service is not None and alive and not _names_service(service_stack, service.arn):
        claim = _Claim(app_name, service, express, service_stack, was_named=named is not None)
        left_alone = claim.check(owners=owners, stacks=stacks)
    if left_alone:
        service = express = None
    return DeletionPlan(app_name, location, service_stack, repository_stack, service, express, left_alone)


def _express_side(service: ServiceState, stack: StackState | None, ecs: Services) -> ExpressService | None:
    """The Express side of a service; where the app's stack holds the service, it may go unread: the stack decides."""
    try:
        return ecs.express_service(service.arn)
    except TargetError as error:
        if error.code != "access_denied" or not _names_service(stack, service.arn):
            raise
        return None


@dataclass(frozen=True, slots=True)
class _Claim:
    """A living service that has the name of the app's, and that the app's stack does not name in its outputs."""

    app_name: str
    service: ServiceState
    express: ExpressService | None
    service_stack: StackState | None
    was_named: bool

    def check(self, *, owners: Stacks, stacks: DeletableStacks) -> tuple[Kept, ...]:
        """Nothing where the service may be deleted; where the app has a stack without it, why the service stays.

        Raises:
            RefusedError: where the app has no stack, or its ARN was given, and the service may not be deleted.
        """
        arn = self.service.arn
        holder = holder_of(arn, owners=owners, stacks=stacks, ours=(self.service_stack,))
        if holder is not None and holder.is_ours:
            return ()
        apart = self.service_stack is not None and not self.was_named
        if holder is not None and holder.is_other and apart:
            return (Kept(f"service {arn}", f"it belongs to {holder}"),)
        refuse_other_holder(f"the service {arn}", arn, holder)
        if apart and not _is_marked(self.app_name, self.express):
            return (Kept(f"service {arn}", "no stack holds it, and nothing marks it as the app's"),)
        if self.express is None:
            raise RefusedError(
                "service_not_express",
                f"{arn} is not an Express Mode service; it is left alone.",
                "Delete a plain ECS service with the tool that made it.",
            )
        if not (self.was_named or _is_marked(self.app_name, self.express)):
            raise _not_of_app(arn, self.app_name, "no stack of the app holds it, and nothing marks it as the app's")
        return ()


def _parse(service_arn: str, target: Target) -> ServiceLocation:
    parsed, arn = parse_service_arn(service_arn), parse_arn(service_arn)
    if parsed is None or arn is None:
        raise DefinitionError(
            "invalid_service_arn",
            f"Expected the ARN of an ECS service (arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/NAME), "
            f"got {echoed(service_arn)}.",
            "Leave it out, or copy it from the status of the app.",
        )
    if (arn.account_id, arn.region) != (target.account_id, target.region):
        raise RefusedError(
            "service_not_of_app",
            f"The service is in account {arn.account_id}, {arn.region}, "
            f"but this acts on {target.account_id}, {target.region}.",
            "Choose the profile and region of the service.",
        )
    return parsed


def _names_service(stack: StackState | None, service_arn: str) -> bool:
    """Whether the app's own stack names this very service in its outputs."""
    location = service_arn_of(stack)
    return location is not None and location.arn == service_arn


def _own_stack(stack_name: str, app_name: str, stacks: DeletableStacks) -> StackState | None:
    """The stack, if it may be deleted; a shell under review names no owner yet, only the change sets' names do."""
    stack = stacks.describe(stack_name)
    if stack is None:
        return None
    under_review = stack.status == "REVIEW_IN_PROGRESS"
    ours = is_reviewed_by_us(stack, stacks.change_set_names) if under_review else stack.owner_app == app_name
    if not ours:
        whose = f"belongs to the app {stack.owner_app!r}" if stack.owner_app else "was not made by Expressway"
        raise RefusedError(
            "stack_foreign",
            f"The stack {stack.name} {whose}; it is left alone, and nothing was deleted.",
            "Delete it with the tool that made it.",
            {"stack": stack.name},
        )
    refuse_protected(stack, consequence="; nothing was deleted")
    return stack


def _location(app_name: str, named: ServiceLocation | None, stack: StackState | None) -> ServiceLocation:
    expected = service_location(app_name, stack)
    if named is None:
        return expected
    if named.name != expected.name or (stack is not None and named.cluster != expected.cluster):
        why = f"its stack holds {expected.arn}" if expected.arn else f"the app's service is named {expected.name}"
        raise _not_of_app(named.arn, app_name, why)
    return named


def _is_marked(app_name: str, express: ExpressService | None) -> bool:
    """Whether the service has the app's infrastructure role or writes to the app's log group."""
    if express is None:
        return False
    newest, names = express.newest, app_names(app_name)
    return express.infrastructure_role_arn.endswith(f"/{names.infrastructure_role}") or (
        newest is not None and newest.log_group == names.log_group
    )


def _not_of_app(service_arn: str, app_name: str, why: str) -> RefusedError:
    return RefusedError(
        "service_not_of_app",
        f"The service {echoed(service_arn, 300)} does not belong to the app {app_name!r}: {why}. Nothing was deleted.",
        "Give the app that it belongs to; a service outside all stacks is deleted when its ARN is given "
        "and it is named like the app.",
        {"service_arn": service_arn, "app_name": app_name},
    )
