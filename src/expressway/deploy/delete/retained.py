"""What a deletion keeps, and why."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from expressway.app.names import app_names
from expressway.aws.values.service import ExpressService, ServiceState
from expressway.cloudformation.resource_kinds import kind_of
from expressway.cloudformation.stack import EXPRESS_TYPE, StackState, template_resources
from expressway.cloudformation.template import RETAINING
from expressway.core.progress import Progress, ProgressSink, ReadPool
from expressway.deploy.ports import Services
from expressway.errors import TargetError
from expressway.plan.ports import AccountReads, StackReader

_ROLES = ("InfrastructureRoleArn", "ExecutionRoleArn", "TaskRoleArn")


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing that stays."""

    resource: str
    reason: str


def kept_by_stacks(*stacks: StackState | None, service: ServiceState | None) -> tuple[Kept, ...]:
    """What deleting these stacks leaves: retained resources, roles of others, a cluster that others use."""
    kept: list[Kept] = []
    for stack in stacks:
        resources = template_resources(stack)
        for logical_id, resource in resources.items():
            if _is_retained(resource):
                what = f"{resource.get('Type')} {_name(logical_id, resource)}"
                kept.append(Kept(what, "its removal policy is retain"))
        for express in (each for each in resources.values() if each.get("Type") == EXPRESS_TYPE):
            roles = (express.get("Properties", {}).get(name) for name in _ROLES)
            reason = "it is named by the definition and was not made by Expressway"
            kept += [Kept(f"role {role}", reason) for role in roles if isinstance(role, str)]
    if service is not None:
        kept.append(Kept(f"cluster {service.cluster}", "clusters are shared between apps"))
    return tuple(dict.fromkeys(kept))


def retained_names(stack: StackState | None) -> frozenset[str]:
    """Physical names (or logical ids) of the resources that the stack's template retains."""
    resources = template_resources(stack).items()
    return frozenset(_name(logical_id, resource) for logical_id, resource in resources if _is_retained(resource))


def retains_service(stack: StackState | None) -> bool:
    """Whether the template keeps the service itself."""
    resources = template_resources(stack).values()
    return any(_is_retained(resource) for resource in resources if resource.get("Type") == EXPRESS_TYPE)


def _is_retained(resource: Mapping[str, Any]) -> bool:
    return resource.get("DeletionPolicy") in RETAINING


def _name(logical_id: str, resource: Mapping[str, Any]) -> str:
    return kind_of(resource.get("Type")).name_of(resource.get("Properties", {})) or logical_id


def find_leftovers(app_name: str, *, cluster: str, stacks: StackReader, account: AccountReads) -> tuple[str, ...]:
    """Everything of the app that AWS still has, each as one phrase; empty when nothing is left."""
    names = app_names(app_name)
    checks: Sequence[tuple[str, Callable[[], object | None]]] = (
        *((f"stack {stack}", lambda stack=stack: stacks.describe(stack)) for stack in names.stacks),
        (f"service {app_name}", lambda: account.living_service(cluster, app_name)),
        (f"repository {names.repository}", lambda: account.repositories().describe_repository(names.repository)),
        *((f"role {role}", lambda role=role: account.roles().role(role)) for role in names.roles),
        (f"log group {names.log_group}", lambda: account.log_groups().group(names.log_group)),
    )
    with ReadPool(len(checks), thread_name_prefix="leftovers") as pool:
        found = pool.map(_is_there, (look for _, look in checks))
        return tuple(name for (name, _), is_there in zip(checks, found, strict=True) if is_there)


def _is_there(look: Callable[[], object | None]) -> bool:
    return look() is not None


_LOG_GROUPS = "logGroups"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class UsedByService:
    """Names of log groups and ARNs of roles, each once."""

    log_groups: tuple[str, ...] = ()
    role_arns: tuple[str, ...] = ()


def used_by_service(express: ExpressService | None, *, ecs: Services, progress: ProgressSink) -> UsedByService:
    """What the service uses, from its configurations, revisions and task definitions; read it before it is deleted.

    What may not be read is left out with a warning.

    Raises:
        TargetError: anything but ``access_denied``.
    """
    if express is None:
        return UsedByService()
    groups = dict.fromkeys(configuration.log_group for configuration in express.configurations)
    groups |= dict.fromkeys(_managed_groups(express, ecs, progress))
    groups |= dict.fromkeys(_task_definition_groups(express, ecs, progress))
    roles = [express.infrastructure_role_arn]
    for configuration in express.configurations:
        roles += [configuration.execution_role_arn, configuration.task_role_arn]
    return UsedByService(tuple(name for name in groups if name), tuple(dict.fromkeys(arn for arn in roles if arn)))


def _managed_groups(express: ExpressService, ecs: Services, progress: ProgressSink) -> Iterator[str]:
    """Log groups that ECS made for the service, by its revisions."""
    arns = [configuration.revision_arn for configuration in express.configurations if configuration.revision_arn]
    if not arns:
        return
    for revision in _if_allowed(lambda: ecs.revisions(arns), "the service's revisions", progress):
        for resource in revision.managed_resources:
            if resource.kind == _LOG_GROUPS:
                yield resource.arn.partition(":log-group:")[2].removesuffix(":*")


def _task_definition_groups(express: ExpressService, ecs: Services, progress: ProgressSink) -> Iterator[str]:
    """Log groups of the containers, sidecars included, of task definitions that a person gave the service."""
    arns = (configuration.task_definition_arn for configuration in express.configurations)
    for arn in dict.fromkeys(arn for arn in arns if arn):

        def log_groups(arn: str = arn) -> tuple[str, ...]:
            definition = ecs.task_definition(arn)
            return tuple(log.log_group for log in definition.log_configurations) if definition else ()

        yield from _if_allowed(log_groups, f"the task definition {arn}", progress)


def _if_allowed(read: Callable[[], tuple[_T, ...]], what: str, progress: ProgressSink) -> tuple[_T, ...]:
    try:
        return read()
    except TargetError as error:
        if error.code != "access_denied":
            raise
        message = f"which log groups stay could not be determined from {what}: {error.message}"
        progress(Progress("delete", message, level="warning"))
        return ()
