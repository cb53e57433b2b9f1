"""What the exit of a container means, by its code."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from expressway.aws.values.dependencies import DependencyFacts
from expressway.aws.values.service import TaskState
from expressway.diagnose.catalog import entry_of
from expressway.diagnose.facts import first_failed_container, telling_reasons
from expressway.diagnose.finding import Finding, ranked
from expressway.diagnose.log_lines import NOT_STARTED
from expressway.diagnose.messages import Statement, finding_of_message, mask_user_identifiers
from expressway.image.context.excluded import ExcludedFiles
from expressway.privacy.untrusted import named

_TASK = "give the task more memory (memory_mib) if the limit is near its size"


@dataclass(frozen=True, slots=True)
class RuntimeLimit:
    """What a runtime says when it gives up, in the line that ends the application.

    Attributes:
        happened: what it ran into, behind "The container … ended by itself (exit code …): ".
        remedy: how the limit is raised.
    """

    pattern: re.Pattern[str]
    happened: str
    remedy: str


def _limit(pattern: str, happened: str, remedy: str) -> RuntimeLimit:
    return RuntimeLimit(re.compile(pattern), happened, remedy)


_LIMITS = (
    _limit(
        r"(?:^|[\s.])OutOfMemoryError: (?:Metaspace|Compressed class space)",
        "Java reached its own limit for classes (Metaspace)",
        f"Raise -XX:MaxMetaspaceSize or look for what keeps loading classes; {_TASK}.",
    ),
    _limit(
        r"(?:^|[\s.])OutOfMemoryError: unable to create (?:new )?native thread",
        "Java could start no more threads",
        "Use fewer threads (pools with a bound), or smaller stacks (-Xss).",
    ),
    _limit(
        r"(?:^|[\s.])OutOfMemoryError\b",
        "Java reached its own heap limit",
        f"Raise the heap (-XX:MaxRAMPercentage or -Xmx; without them it is a quarter of the memory); {_TASK}.",
    ),
    _limit(
        r"JavaScript heap out of memory|heap limit Allocation failed",
        "Node.js reached its own heap limit",
        f"Raise it (NODE_OPTIONS=--max-old-space-size=<MiB>) or hold less in memory; {_TASK}.",
    ),
    _limit(
        r"Allowed memory size of \d+ bytes exhausted",
        "PHP reached its own memory_limit",
        f"Raise memory_limit in php.ini or hold less in memory; {_TASK}.",
    ),
    _limit(
        r"(?:^|[\s.])(?:System\.)?OutOfMemoryException\b",
        ".NET reached its own heap limit",
        f"Raise DOTNET_GCHeapHardLimitPercent (75 % of the memory by default) or hold less in memory; {_TASK}.",
    ),
    _limit(
        r"^(?:(?:numpy\.\S+|\S+\.)?_?(?:Array)?MemoryError\b|fatal error: runtime: (?:out of memory|cannot allocate)|"
        r"NoMemoryError\b|memory allocation of \d+ bytes failed|.*: Cannot allocate memory(?: \(os error 12\))?$)",
        "it asked for memory that it was not given",
        "Make it use less at a time, or raise memory_mib in the definition.",
    ),
)
_QUOTED_LEVEL = re.compile(r"^(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?)\b", re.IGNORECASE)


def runtime_limit(line: str) -> RuntimeLimit | None:
    """The limit that the last exception of a log names; None for any other line, and for one of no weight (INFO)."""
    if _QUOTED_LEVEL.match(line):
        return None
    return next((one for one in _LIMITS if one.pattern.search(line)), None)


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
    lines = [line.strip() for line in log if line.strip()]
    if exit_code not in _NOT_STARTED_CODES or not lines or not NOT_STARTED.search(lines[-1]):
        return None
    return finding_of_message(Statement(lines[-1], resource))


def with_missing_files(finding: Finding, excluded_files: ExcludedFiles | None) -> Finding:
    """The finding as ``excluded_file_missing`` where its evidence names what was kept out; else as it is."""
    files = excluded_files.missed_by(finding.evidence) if excluded_files else ()
    if excluded_files is None or not files or "not_missing_file" in entry_of(finding.code).marks:
        return finding
    names = ", ".join(map(named, files))
    missing = f"The app misses {names}, which Expressway kept out of its image since it may hold secrets."
    return replace(
        finding,
        code="excluded_file_missing",
        cause=f"{missing} {finding.cause}",
        quoting=f"{missing} {finding.sentence}",
        remedy=excluded_files.remedy(files),
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
        first_failed = first_failed_container(task) if task.failed else None
        cause = never_started(first_failed.exit_code, logs.get(task.task_id, ()), task.arn) if first_failed else None
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
    "CannotCreateContainerError": "A task's container could not be created",
    "CannotCreateVolumeError": "A task's volume could not be created",
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
    name = _ERROR_NAME.search(mask_user_identifiers(text))
    told = _BY_ERROR_NAME.get(name["name"]) if name else None
    if name is None or told is None:
        return _BY_STOP_CODE.get(task.stop_code, "A task stopped")
    return f"{told} ({name['name']})"


def category_of(task: TaskState) -> str:
    """The category of a task that failed; ``other`` where it is unknown."""
    texts = [mask_user_identifiers(text) for text in (*telling_reasons(task), task.stopped_reason)]
    for pattern, category in _BY_TEXT:
        if any(pattern.search(text) for text in texts):
            return category
    first_failed = first_failed_container(task)
    code = first_failed.exit_code if first_failed else None
    if code is None:
        return "other"
    return _BY_EXIT_CODE.get(code, "application_error")
