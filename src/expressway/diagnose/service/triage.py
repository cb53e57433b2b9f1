"""Whether what ECS itself tells of a service leaves a question that only its surroundings can answer.

A service that serves, or whose containers start and end by themselves, had its image, its secrets, its log group and
its way to the registry. To read all these costs four times as many calls and three more round trips, so they are left
until somebody asks for them.
"""

from collections.abc import Sequence

from expressway.aws.values.service import DeploymentState, ServiceState, TargetHealth, TaskState
from expressway.diagnose.tasks.first_exit import culprit_of

AROUND = "network, images, secrets, roles and scaling"
"""What is left out then."""


def is_settled(
    service: ServiceState,
    deployment: DeploymentState | None,
    tasks: Sequence[TaskState],
    targets: Sequence[TargetHealth],
) -> bool:
    """True where the surroundings have nothing to tell: it serves, or every task that failed had been running."""
    if service.status != "ACTIVE" or any(target.state == "unhealthy" for target in targets):
        return False
    failed = [task for task in tasks if task.failed]
    if failed:
        return all(_ended_by_itself(task) for task in failed) and not (deployment and deployment.triggered_alarms)
    serves = 0 < service.desired_count <= service.running_count
    return serves and (deployment is None or deployment.successful)


def _ended_by_itself(task: TaskState) -> bool:
    """A container of the task ran and exited, and neither a health check nor anything else ended it."""
    return (
        culprit_of(task) is not None and task.stop_code == "EssentialContainerExited" and not task.failed_health_check
    )
