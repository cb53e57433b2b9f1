"""Reads that may be refused: a missing permission is reported once, and is neither a failure nor a conclusion."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from expressway.errors import TargetError

_T = TypeVar("_T")

PARTS: Mapping[str, tuple[str, str]] = {
    "service": ("the service", "ecs:DescribeServices"),
    "express": ("the service's Express configuration and URL", "ecs:DescribeExpressGatewayService"),
    "deployments": ("its deployments", "ecs:ListServiceDeployments, ecs:DescribeServiceDeployments"),
    "revisions": ("its revisions", "ecs:DescribeServiceRevisions"),
    "tasks": ("its tasks", "ecs:ListTasks, ecs:DescribeTasks"),
    "targets": ("target health", "elasticloadbalancing:DescribeTargetHealth"),
    "log group": ("the log group", "logs:DescribeLogGroups"),
    "repository": ("the repository", "ecr:DescribeRepositories"),
}
"""Each part that is read of a service: in words, and the IAM actions that reading it takes."""


@dataclass(slots=True)
class ReadGaps:
    """Reads of which each may be refused; `report` is called once for each gap. Threads may share it."""

    report: Callable[[str], None] | None = None
    _found: dict[str, str] = field(default_factory=dict[str, str])

    def take(self, part: str, read: Callable[[], _T], default: _T) -> _T:
        """What was read, or `default` where the caller has no permission; that is remembered, and not tried again.

        Raises:
            TargetError: anything but ``access_denied``.
        """
        if part in self._found:
            return default
        try:
            return read()
        except TargetError as error:
            if error.code != "access_denied":
                raise
            what, actions = PARTS[part]
            self._found[part] = f"{what} could not be read ({actions}): {error.message}"
            if self.report is not None:
                self.report(self._found[part])
            return default

    @property
    def parts(self) -> frozenset[str]:
        return frozenset(self._found)

    @property
    def messages(self) -> tuple[str, ...]:
        return tuple(self._found.values())
