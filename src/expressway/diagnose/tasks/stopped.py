"""The tasks of a whole cluster that have stopped within the last hour."""

from expressway.aws.values.service import TaskState
from expressway.diagnose.ports import TASKS_A_CALL, TroubleshootPorts


def stopped_tasks(cluster: str, ports: TroubleshootPorts) -> tuple[TaskState, ...]:
    """All that ECS remembers, the newest stop first."""
    arns = ports.cluster.task_arns(cluster, "STOPPED")
    batches = [arns[start : start + TASKS_A_CALL] for start in range(0, len(arns), TASKS_A_CALL)]
    found = [task for some in batches for task in ports.cluster.tasks(cluster, some)]
    return tuple(sorted(found, key=lambda one: one.stopped_at.timestamp() if one.stopped_at else 0.0, reverse=True))
