"""Which kind of failure ended a task: one word for counting, or a few in a sentence."""

import re
from collections.abc import Mapping

from expressway.aws.values.service import TaskState
from expressway.diagnose.messages.name_masking import names_hidden
from expressway.diagnose.tasks.first_exit import culprit_of, telling_reasons

_BY_TEXT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), category)
    for pattern, category in (
        (r"unable to find (?:user|group)|no command specified|chdir to cwd|executable file", "container_start_failure"),
        (r"CannotPull|\bpull image\b|\bmanifest\b|\becr registry auth\b|\bregistry auth from\b", "image_pull_failure"),
        (r"OutOfMemory|killed due to memory usage", "out_of_memory"),
        (r"unable to pull secrets|\bsecretsmanager\b|\bssm parameter|\basm\b", "secret_failure"),
        (r"health check", "health_check_failure"),
        (r"log ?group|log stream|logger args", "logging_failure"),
        (r"network interface|\bENI\b|i/o timeout|connection issue", "network_failure"),
        (r"\bcapacity\b|(?-i:\bRESOURCE:[A-Z])|vCPU|\bresource [^.:]*\b(?:constraint|exceed)", "resource_constraint"),
        (r"CannotStartContainer|failed to create (?:task|shim)", "container_start_failure"),
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


_BY_ERROR_NAME: Mapping[str, str] = {
    "CannotCreateContainerError": "A task's container could not be made",
    "CannotCreateVolumeError": "A task's volume could not be made",
    "CannotInspectContainerError": "ECS lost sight of a task's container",
    "CannotPullContainerError": "A task's image could not be pulled",
    "CannotStartContainerError": "A task's container could not be started",
    "CannotStopContainerError": "A task's container could not be stopped",
    "ContainerRuntimeError": "The container runtime failed a task",
    "InternalError": "An error within AWS ended a task",
    "ResourceInitializationError": "What a task needs to start (image, secrets, log or volumes) could not be prepared",
}
"""AWS's own names of errors (ECS developer guide, "Stopped tasks error messages"), which texts begin with."""
_ERROR_NAME = re.compile(r"\b(?P<name>[A-Z]\w+Error)\b")
_BY_STOP_CODE: Mapping[str, str] = {
    "TaskFailedToStart": "A task could not start",
    "EssentialContainerExited": "A container ended, and its task with it",
}


def what_failed(task: TaskState, text: str) -> str:
    """What became of a task, by the name of AWS's error in the text or by how the task stopped: half a sentence."""
    name = _ERROR_NAME.search(names_hidden(text))
    told = _BY_ERROR_NAME.get(name["name"]) if name else None
    if name is None or told is None:
        return _BY_STOP_CODE.get(task.stop_code, "A task stopped")
    return f"{told} ({name['name']})"


def category_of(task: TaskState) -> str:
    """The category of a task that failed; ``other`` where nothing tells."""
    texts = [names_hidden(text) for text in (*telling_reasons(task), task.stopped_reason)]
    for pattern, category in _BY_TEXT:
        if any(pattern.search(text) for text in texts):
            return category
    culprit = culprit_of(task)
    code = culprit.exit_code if culprit else None
    if code is None:
        return "other"
    return _BY_EXIT_CODE.get(code, "application_error")
