"""Everything that is checked before a deletion changes anything: whose the stacks and the service are."""

from dataclasses import dataclass

from expressway.errors import DefinitionError, RefusedError
from expressway.model.names import app_names, check_app_name
from expressway.model.service import ExpressService, ServiceState
from expressway.model.service_location import (
    ServiceArn,
    ServiceLocation,
    parse_service_arn,
    service_arn_of,
    service_location,
)
from expressway.model.stack import StackState, repository_stack_name, service_stack_name
from expressway.model.target import Target
from expressway.operations.kept_resources import retains_service
from expressway.operations.service_ports import ServiceReads, StackReads


@dataclass(frozen=True, slots=True)
class DeletionPlan:
    """What stands and may be deleted. `service` is None where ECS knows none."""

    app_name: str
    location: ServiceLocation
    service_stack: StackState | None
    repository_stack: StackState | None
    service: ServiceState | None
    express: ExpressService | None

    @property
    def service_is_there(self) -> bool:
        return self.service is not None and self.service.status != "INACTIVE"

    @property
    def service_is_retained(self) -> bool:
        return retains_service(self.service_stack)


def check_deletion(
    app_name: str, service_arn: str | None, *, target: Target, stacks: StackReads, ecs: ServiceReads
) -> DeletionPlan:
    """What a deletion of `app_name` would delete. Reads only.

    Raises:
        DefinitionError: ``invalid_app_name``, ``invalid_service_arn``.
        RefusedError: ``stack_foreign``, ``stack_protected``, ``service_not_of_app``, ``service_not_express``.
    """
    check_app_name(app_name)
    named = _parse(service_arn, target) if service_arn else None
    service_stack = _own_stack(stacks.describe(service_stack_name(app_name)), app_name)
    repository_stack = _own_stack(stacks.describe(repository_stack_name(app_name)), app_name)
    location = _location(app_name, named, service_stack)
    service = ecs.service(location.cluster, location.name)
    alive = service is not None and service.status != "INACTIVE"
    express = ecs.express_service(service.arn) if service and alive else None
    if service is not None:
        location = ServiceLocation(location.cluster, location.name, service.arn)
    if service is not None and alive and service_stack is None:
        _check_loose_service(app_name, service, express, was_named=named is not None)
    return DeletionPlan(app_name, location, service_stack, repository_stack, service, express)


def _parse(service_arn: str, target: Target) -> ServiceArn:
    parsed = parse_service_arn(service_arn)
    if parsed is None:
        raise DefinitionError(
            "invalid_service_arn",
            f"Expected the ARN of an ECS service (arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/NAME), "
            f"got {service_arn!r}.",
            "Leave it out, or copy it from the status of the app.",
        )
    if (parsed.account_id, parsed.region) != (target.account_id, target.region):
        raise RefusedError(
            "service_not_of_app",
            f"The service is in account {parsed.account_id}, {parsed.region}, "
            f"but this acts on {target.account_id}, {target.region}.",
            "Choose the profile and region of the service.",
        )
    return parsed


def _own_stack(stack: StackState | None, app_name: str) -> StackState | None:
    """The stack, if it may be deleted; a shell that is only under review holds nothing and has no owner yet."""
    if stack is None:
        return None
    if stack.owner_app != app_name and stack.status != "REVIEW_IN_PROGRESS":
        whose = f"belongs to the app {stack.owner_app!r}" if stack.owner_app else "was not made by Expressway"
        raise RefusedError(
            "stack_foreign",
            f"The stack {stack.name} {whose}; it is left alone, and nothing was deleted.",
            "Delete it with the tool that made it.",
            {"stack": stack.name},
        )
    if stack.termination_protection:
        raise RefusedError(
            "stack_protected",
            f"Termination protection is on for the stack {stack.name}; nothing was deleted.",
            "Set termination_protection: false in the definition and deploy, then delete again.",
            {"stack": stack.name},
        )
    return stack


def _location(app_name: str, named: ServiceArn | None, stack: StackState | None) -> ServiceLocation:
    expected = service_location(app_name, stack)
    if named is None:
        return expected
    told = service_arn_of(stack)
    if told is not None and told.arn != named.arn:
        raise _not_of_app(named.arn, app_name, f"its stack holds {told.arn}")
    if named.name != expected.name or (stack is not None and named.cluster != expected.cluster):
        raise _not_of_app(named.arn, app_name, f"the app's service is named {expected.name}")
    return ServiceLocation(named.cluster, named.name, named.arn)


def _check_loose_service(
    app_name: str, service: ServiceState, express: ExpressService | None, *, was_named: bool
) -> None:
    """A service that no stack of ours holds: it must be an Express service, and named or marked as the app's."""
    if express is None:
        raise RefusedError(
            "service_not_express",
            f"{service.arn} is not an Express Mode service; it is left alone.",
            "Delete a plain ECS service with the tool that made it.",
        )
    newest, names = express.newest, app_names(app_name)
    marked = express.infrastructure_role_arn.endswith(f"/{names.infrastructure_role}") or (
        newest is not None and newest.log_group == names.log_group
    )
    if not (was_named or marked):
        raise _not_of_app(service.arn, app_name, "no stack of the app holds it, and nothing marks it as the app's")


def _not_of_app(service_arn: str, app_name: str, why: str) -> RefusedError:
    return RefusedError(
        "service_not_of_app",
        f"The service {service_arn} does not belong to the app {app_name!r}: {why}. Nothing was deleted.",
        "Give the app that it belongs to; a service outside all stacks is deleted when its ARN is given "
        "and it is named like the app.",
        {"service_arn": service_arn, "app_name": app_name},
    )
