"""Which of a task's containers ended it, and which of them only ended with it.

When an essential container ends, ECS stops the others: SIGTERM, and SIGKILL when their stopTimeout (30 s) is over
(ECS developer guide, "Task lifecycle"). DescribeTasks tells of each container how it ended, not when.
"""

import re
from datetime import timedelta

from expressway.aws.values.service import ContainerState, TaskState
from expressway.aws.values.task_definition import MAIN_CONTAINER
from expressway.diagnose.messages.name_masking import names_hidden

SIGKILL_EXIT_CODE = 137
_SIGNALLED = frozenset({130, 143})
"""SIGINT and SIGTERM: how a container ends that ECS stops and that does not handle the signal."""
_SENT_BY_A_STOP = _SIGNALLED | {SIGKILL_EXIT_CODE}
_AT_ONCE = timedelta(seconds=1)
"""Within it no stop kills a container: the shortest stopTimeout that makes sense is longer."""
_OUT_OF_MEMORY = re.compile(r"OutOfMemory|killed due to memory usage|out of memory|oom.?kill", re.IGNORECASE)

_OF_MEMORY, _BY_ITSELF, _FINISHED, _KILLED, _TOLD_TO_STOP, _KILLED_LATE = range(6)


def killed_for_memory(text: str) -> bool:
    """Whether ECS's or a container runtime's words say that a container was killed for its memory."""
    return bool(_OUT_OF_MEMORY.search(names_hidden(text)))


def culprit_of(task: TaskState) -> ContainerState | None:
    """The container whose end was the task's; None while it runs, and where nothing tells.

    One that was killed for its memory or exited with an error of its own comes before one that finished, and that
    before those that end as ECS's stop ends them. A container that is not essential ends no task, unless one that
    waits for it (dependsOn) could not start.
    """
    if task.status != "STOPPED":
        return None
    ended = [one for one in task.containers if one.exit_code is not None]
    essential = [one for one in ended if one.essential]
    could_not_start = any(one.exit_code is None and one.reason for one in task.containers)
    if could_not_start or not essential:
        essential = [one for one in essential or ended if _kind(task, one) <= _BY_ITSELF]
    return min(essential, key=lambda one: (_kind(task, one), one.name != MAIN_CONTAINER), default=None)


def rivals_of(culprit: ContainerState, task: TaskState) -> tuple[ContainerState, ...]:
    """Further essential containers that may have been the first to end: nothing that ECS tells decides it."""
    alike = {_OF_MEMORY, _BY_ITSELF, _KILLED if _kind(task, culprit) == _FINISHED else _BY_ITSELF}
    ended = (one for one in task.containers if one.essential and one.exit_code is not None)
    return tuple(one for one in ended if one.name != culprit.name and _kind(task, one) in alike)


def telling_reasons(task: TaskState) -> tuple[str, ...]:
    """What ECS says of the containers that matter to what became of the task, the culprit first.

    What it says of a container that ended beside the culprit, or that is not essential, is no reason of the task's.
    """
    culprit = None if task.failed_health_check else culprit_of(task)
    if culprit is None:
        told = [one for one in task.containers if one.essential or one.exit_code is None]
    else:
        told = [culprit, *(one for one in task.containers if one.exit_code is None)]
    return tuple(one.reason for one in told if one.reason)


def _kind(task: TaskState, container: ContainerState) -> int:
    code = container.exit_code
    if killed_for_memory(container.reason):
        return _OF_MEMORY
    if code == 0:
        return _FINISHED
    if code not in _SENT_BY_A_STOP:
        return _BY_ITSELF
    if code in _SIGNALLED:
        return _TOLD_TO_STOP
    if task.stopping_at is None or task.execution_stopped_at is None:
        return _KILLED
    return _BY_ITSELF if task.execution_stopped_at - task.stopping_at < _AT_ONCE else _KILLED_LATE
