"""A program of the wrong format: the platform of its image tells a script without an interpreter from another cause."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from expressway.aws.values.dependencies import DependencyFacts
from expressway.aws.values.service import TaskState
from expressway.diagnose.finding import Finding, ranked
from expressway.diagnose.tasks.exit_rules import never_started
from expressway.diagnose.tasks.first_exit import culprit_of

_FITS = "its image is built for the platform that the tasks run on"
_SCRIPT = "script_without_interpreter"
_REMEDY = (
    "Let the script that the container starts with begin with #!/bin/sh (or its own interpreter), with nothing before, "
    "and with Unix line ends; if it starts with a program, build that for the tasks' platform too."
)


def format_is_open(tasks: Iterable[TaskState], logs: Mapping[str, Sequence[str]]) -> bool:
    """Whether a task could not execute its program for a reason that only the image's platform decides."""
    for task in tasks:
        culprit = culprit_of(task) if task.failed else None
        cause = never_started(culprit.exit_code, logs.get(task.task_id, ()), task.arn) if culprit else None
        if cause is not None and cause.confidence != "high":
            return True
    return False


def images_fit(facts: DependencyFacts) -> bool:
    """Whether all images are known to be built for what the tasks run on."""
    return bool(facts.images) and all(image.presence == "present" and image.runs_on_tasks for image in facts.images)


def with_platform(findings: Iterable[Finding], *, images_fit: bool) -> tuple[Finding, ...]:
    """The findings, ranked; those that leave open what platform the image is built for are made more exact."""
    return ranked(_decided(one) if images_fit and _is_open(one) else one for one in findings)


def _is_open(finding: Finding) -> bool:
    return finding.code in {"wrong_architecture", _SCRIPT} and finding.confidence != "high"


def _decided(finding: Finding) -> Finding:
    if finding.code == _SCRIPT:
        cause = f"The container's start script cannot be executed: its first line names no interpreter (#!); {_FITS}."
        return replace(finding, cause=cause, remedy=_REMEDY, confidence="high")
    cause = (
        f"The container's program cannot be executed, although {_FITS}: it is a script whose first line names no "
        "interpreter (#!), or a program for another platform that was copied into the image."
    )
    return replace(finding, code=_SCRIPT, cause=cause, remedy=_REMEDY)
