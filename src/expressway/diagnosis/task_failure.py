"""Which kind of failure ended a task: one word, for counting."""

import re
from collections.abc import Mapping

from expressway.diagnosis.culprit import culprit_of, telling_reasons
from expressway.model.service import TaskState

_BY_TEXT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), category)
    for pattern, category in (
        (r"CannotPull|pull image|ImagePull|manifest|ecr registry auth", "image_pull_failure"),
        (r"OutOfMemory|killed due to memory usage", "out_of_memory"),
        (r"unable to pull secrets|secretsmanager|ssm parameter|asm", "secret_failure"),
        (r"health check", "health_check_failure"),
        (r"log ?group|log stream|logger args", "logging_failure"),
        (r"network interface|\bENI\b|i/o timeout|connection issue", "network_failure"),
        (r"capacity|RESOURCE:|vCPU|resource.*(?:constraint|exceed)", "resource_constraint"),
        (r"CannotStartContainer|failed to create (?:task|shim)|executable file", "container_start_failure"),
    )
)
_BY_EXIT_CODE: Mapping[int, str] = {
    0: "container_finished",
    126: "command_failure",
    127: "command_failure",
    137: "killed",
    139: "segmentation_fault",
    143: "terminated",
}


def category_of(task: TaskState) -> str:
    """The category of a task that failed; ``other`` where nothing tells."""
    texts = [*telling_reasons(task), task.stopped_reason]
    for pattern, category in _BY_TEXT:
        if any(pattern.search(text) for text in texts):
            return category
    culprit = culprit_of(task)
    code = culprit.exit_code if culprit else None
    if code is None:
        return "other"
    return _BY_EXIT_CODE.get(code, "application_error")
