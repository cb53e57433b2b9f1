"""What a service used and does not take with it: its log groups, and roles that no stack of ours holds.

ECS removes what it made for an Express service, except log groups. Roles are given to a service, never part of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from expressway.aws.values.service import ExpressService, LogConfiguration
from expressway.core.progress import Progress, ProgressSink
from expressway.deploy.ports import ServiceReads
from expressway.errors import TargetError

_LOG_GROUPS = "logGroups"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class UsedByService:
    """Names of log groups and ARNs of roles, each once."""

    log_groups: tuple[str, ...] = ()
    role_arns: tuple[str, ...] = ()


def used_by_service(express: ExpressService | None, *, ecs: ServiceReads, progress: ProgressSink) -> UsedByService:
    """What the service uses, from its configurations, revisions and task definitions; read it before it is deleted.

    What may not be read is left out with a warning.

    Raises:
        TargetError: anything but ``access_denied``.
    """
    if express is None:
        return UsedByService()
    groups = dict.fromkeys([*_configured_groups(express), *_managed_groups(express, ecs, progress)])
    groups |= dict.fromkeys(_task_definition_groups(express, ecs, progress))
    roles = [express.infrastructure_role_arn]
    for configuration in express.configurations:
        roles += [configuration.execution_role_arn, configuration.task_role_arn]
    return UsedByService(tuple(name for name in groups if name), tuple(dict.fromkeys(arn for arn in roles if arn)))


def _configured_groups(express: ExpressService) -> Iterator[str]:
    return (configuration.log_group for configuration in express.configurations)


def _managed_groups(express: ExpressService, ecs: ServiceReads, progress: ProgressSink) -> Iterator[str]:
    """Log groups that ECS made for the service, by its revisions."""
    arns = [configuration.revision_arn for configuration in express.configurations if configuration.revision_arn]
    if not arns:
        return
    for revision in _if_allowed(lambda: ecs.revisions(arns), "the service's revisions", progress):
        for resource in revision.managed_resources:
            if resource.kind == _LOG_GROUPS:
                yield resource.arn.partition(":log-group:")[2].removesuffix(":*")


def _task_definition_groups(express: ExpressService, ecs: ServiceReads, progress: ProgressSink) -> Iterator[str]:
    """Log groups of the containers, sidecars included, of task definitions that a person gave the service."""
    arns = (configuration.task_definition_arn for configuration in express.configurations)
    for arn in dict.fromkeys(arn for arn in arns if arn):
        for one in _if_allowed(lambda arn=arn: _log_configurations(arn, ecs), f"the task definition {arn}", progress):
            yield one.log_group


def _log_configurations(arn: str, ecs: ServiceReads) -> tuple[LogConfiguration, ...]:
    definition = ecs.task_definition(arn)
    return definition.log_configurations if definition else ()


def _if_allowed(read: Callable[[], tuple[_T, ...]], what: str, progress: ProgressSink) -> tuple[_T, ...]:
    try:
        return read()
    except TargetError as error:
        if error.code != "access_denied":
            raise
        message = f"which log groups stay could not be determined from {what}: {error.message}"
        progress(Progress("delete", message, level="warning"))
        return ()
