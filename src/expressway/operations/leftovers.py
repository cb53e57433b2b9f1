"""Prove that an app is gone: ask AWS for everything that it had, and name what is still there."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from expressway.model.names import app_names
from expressway.model.service import ServiceState
from expressway.model.stack import StackState


class _Stacks(Protocol):
    def describe(self, stack_name: str) -> StackState | None: ...


class _Services(Protocol):
    def cluster_exists(self, cluster: str) -> bool: ...
    def service(self, cluster: str, service_name: str) -> ServiceState | None: ...


class _Roles(Protocol):
    def role(self, role_name: str) -> object | None: ...


class _LogGroups(Protocol):
    def group(self, log_group: str) -> object | None: ...


class _Repositories(Protocol):
    def describe_repository(self, name: str) -> object | None: ...


@dataclass(frozen=True, slots=True)
class LeftoverPorts:
    """The reads that tell whether something is still there."""

    stacks: _Stacks
    services: _Services
    roles: _Roles
    log_groups: _LogGroups
    repositories: _Repositories


def find_leftovers(app_name: str, *, cluster: str, ports: LeftoverPorts) -> tuple[str, ...]:
    """Everything of the app that AWS still has, each as one phrase; empty when nothing is left.

    A service that is INACTIVE only lives on in ECS's memory and counts as gone.
    """
    names = app_names(app_name)
    checks: Sequence[tuple[str, Callable[[], object | None]]] = (
        *((f"stack {stack}", lambda stack=stack: ports.stacks.describe(stack)) for stack in names.stacks),
        (f"service {app_name}", lambda: _living_service(ports.services, cluster, app_name)),
        (f"repository {names.repository}", lambda: ports.repositories.describe_repository(names.repository)),
        *((f"role {role}", lambda role=role: ports.roles.role(role)) for role in names.roles),
        (f"log group {names.log_group}", lambda: ports.log_groups.group(names.log_group)),
    )
    with ThreadPoolExecutor(max_workers=len(checks)) as pool:
        return tuple(name for name in pool.map(_name_if_found, checks) if name is not None)


def _name_if_found(check: tuple[str, Callable[[], object | None]]) -> str | None:
    name, look = check
    return name if look() is not None else None


def _living_service(services: _Services, cluster: str, service_name: str) -> ServiceState | None:
    if not services.cluster_exists(cluster):
        return None
    service = services.service(cluster, service_name)
    return service if service is not None and service.status != "INACTIVE" else None
