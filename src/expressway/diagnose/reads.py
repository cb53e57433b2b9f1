"""Reads that several actions share: in batches of what a call takes, and with refusals as gaps."""

from collections.abc import Sequence
from concurrent.futures import Future
from typing import TypeVar

from expressway.aws.values.service import ServiceState, TaskState
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.ports import SERVICES_A_CALL, TASKS_A_CALL, TroubleshootPorts
from expressway.errors import TargetError

T = TypeVar("T")


_MAY_BE_REFUSED = frozenset({"access_denied", "throttled", "service_unavailable", "aws_error"})


def take_or_stop(reads: ConcurrentReads, future: "Future[T]", default: T) -> T:
    """What was read, or `default` and a gap where a permission is missing.

    Raises:
        TargetError: no read is possible: no credentials, no connection, no such Region.
    """
    error = future.exception()
    stops = isinstance(error, TargetError) and error.code not in _MAY_BE_REFUSED
    if error is not None and stops and not reads.beside_a_failure:
        raise error
    return reads.take(future, default)


def was_read(reads: ConcurrentReads, name: str) -> bool:
    """Whether the read of that name was not refused."""
    return not any(gap.startswith(f"{name}:") for gap in reads.gaps)


def batches(items: Sequence[str], size: int) -> list[list[str]]:
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def cluster_tasks(cluster: str, desired_status: str, ports: TroubleshootPorts) -> tuple[TaskState, ...]:
    """Every task of the cluster that ECS remembers in that status, the newest stop first."""
    arns = ports.ecs.task_arns(cluster, desired_status)
    found = [task for some in batches(arns, TASKS_A_CALL) for task in ports.ecs.tasks(cluster, some)]
    return tuple(sorted(found, key=lambda task: task.stopped_at.timestamp() if task.stopped_at else 0.0, reverse=True))


def described_services(
    cluster: str, names: Sequence[str], ports: TroubleshootPorts, reads: ConcurrentReads
) -> tuple[ServiceState, ...]:
    """The services of these names, described in parallel; what is refused is a gap."""
    asked = [
        reads.ask("services", lambda some=some: ports.ecs.services(cluster, some))
        for some in batches(names, SERVICES_A_CALL)
    ]
    return tuple(service for future in asked for service in reads.take(future, ()))
