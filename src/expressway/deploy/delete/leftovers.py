"""Prove that an app is gone: ask AWS for everything that it had, and name what is still there."""

from collections.abc import Callable, Sequence

from expressway.app.names import app_names
from expressway.core.cancellation import ReadPool
from expressway.plan.ports import StackReader
from expressway.plan.preflight.account import AccountReads


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
        return tuple(name for name in pool.map(_name_if_found, checks) if name is not None)


def _name_if_found(check: tuple[str, Callable[[], object | None]]) -> str | None:
    name, look = check
    return name if look() is not None else None
