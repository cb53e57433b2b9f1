"""What the exit of a container means, by its code."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from expressway.aws.values.dependencies import DependencyFacts
from expressway.aws.values.service import TaskState
from expressway.diagnose.catalog import entry_of
from expressway.diagnose.finding import Finding, ranked
from expressway.diagnose.logs.excerpt import NOT_STARTED
from expressway.diagnose.messages.rules import finding_of_message
from expressway.diagnose.service.facts import Statement
from expressway.diagnose.tasks.first_exit import culprit_of
from expressway.image.context.excluded import ExcludedFiles
from expressway.privacy.untrusted import named

CORRECT_IT = "Correct what the log names; run the image locally with the same command and environment to see it."

EXIT_CODES: Mapping[int, tuple[str, str, str]] = {
    0: (
        "container_finished",
        "ended by itself; a service has to keep running",
        "Let the command stay in the foreground (no daemon mode, no one-off script).",
    ),
    126: (
        "command_not_executable",
        "exited with code 126: its command cannot be executed",
        "Make the file executable in the Dockerfile (RUN chmod +x …), and check that its interpreter is there.",
    ),
    127: (
        "command_not_found",
        "exited with code 127: its command was not found",
        "Correct the command in the definition or the Dockerfile's ENTRYPOINT and CMD.",
    ),
    134: ("container_crashed", "exited with code 134: it aborted itself (SIGABRT)", CORRECT_IT),
    137: (
        "container_killed",
        "exited with code 137: it was killed (SIGKILL), most often for using too much memory",
        "Raise memory_mib in the definition, and let the application end within 30 s of SIGTERM.",
    ),
    139: (
        "container_crashed",
        "exited with code 139: it accessed invalid memory (SIGSEGV)",
        "Check native libraries and the image's architecture; build for linux/amd64.",
    ),
    143: (
        "container_terminated",
        "exited with code 143: something asked it to stop (SIGTERM)",
        "Look for what stopped it: a health check, a scale-in, or the application's own supervisor.",
    ),
    255: ("container_exited", "exited with code 255: its command could not run or failed at once", CORRECT_IT),
}
_NOT_STARTED_CODES = frozenset({1, 126, 127, 255})


def exit_meaning(code: int) -> tuple[str, str, str]:
    """The code of the finding, how the container ended, and what to do about it."""
    word, ended, remedy = EXIT_CODES.get(code, ("container_exited", f"exited with code {code}", CORRECT_IT))
    return word, ended, remedy


def never_started(exit_code: int | None, log: Sequence[str], resource: str) -> Finding | None:
    """The container's program could not be executed: the log ends with that, and so did the container.

    A line about something else that has the wrong format (a plugin, an optional library) is no such end.
    """
    told = [line.strip() for line in log if line.strip()]
    if exit_code not in _NOT_STARTED_CODES or not told or not NOT_STARTED.search(told[-1]):
        return None
    return finding_of_message(Statement(told[-1], resource))


def with_missing_files(finding: Finding, excluded_files: ExcludedFiles | None) -> Finding:
    """The finding as ``excluded_file_missing`` where its evidence names what was kept out; else as it is."""
    missed = excluded_files.missed_by(finding.evidence) if excluded_files else ()
    if excluded_files is None or not missed or "not_missing_file" in entry_of(finding.code).marks:
        return finding
    names = ", ".join(map(named, missed))
    told = f"The app misses {names}, which Expressway kept out of its image since it may hold secrets."
    return replace(
        finding,
        code="excluded_file_missing",
        cause=f"{told} {finding.cause}",
        quoting=f"{told} {finding.sentence}",
        remedy=excluded_files.remedy(missed),
    )


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
