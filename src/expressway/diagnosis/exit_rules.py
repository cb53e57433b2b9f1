"""What the exit of a container means, told with the line of its log that says why."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from expressway.diagnosis.culprit import culprit_of
from expressway.diagnosis.facts import DeploymentFacts, Statement
from expressway.diagnosis.log_excerpt import NOT_STARTED, excerpt
from expressway.diagnosis.message_rules import cause_of_message
from expressway.model.cause import Cause
from expressway.model.missing_files import with_missing_files
from expressway.model.quotation import quoted
from expressway.model.service import ContainerState, TaskState

_CORRECT_IT = "Correct what the log names; run the image locally with the same command and environment to see it."

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
    134: ("container_crashed", "exited with code 134: it aborted itself (SIGABRT)", _CORRECT_IT),
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
        "exited with code 143: something told it to stop (SIGTERM)",
        "Look for what stopped it: a health check, a scale-in, or the application's own supervisor.",
    ),
    255: ("container_exited", "exited with code 255: its command could not run or failed at once", _CORRECT_IT),
}
_NOT_STARTED_CODES = frozenset({1, 126, 127, 255})
_ANY_CODE = ("container_exited", "exited with code {code}", _CORRECT_IT)


def exited_container(facts: DeploymentFacts) -> Cause | None:
    """The first task whose essential container exited by itself (a failed health check is another rule's)."""
    for task in facts.failed_tasks:
        container = culprit_of(task)
        if container is not None and not task.failed_health_check:
            silence = facts.unread_logs.get(task.task_id, "is empty")
            cause = _cause(task, container, facts.logs.get(task.task_id, ()), silence=silence)
            return with_missing_files(cause, facts.excluded.get(container.name))
    return None


def never_started(exit_code: int | None, log: Sequence[str], resource: str) -> Cause | None:
    """The container's program could not be executed: the log ends with that, and so did the container.

    A line about something else that has the wrong format (a plugin, an optional library) is no such end.
    """
    told = [line.strip() for line in log if line.strip()]
    if exit_code not in _NOT_STARTED_CODES or not told or not NOT_STARTED.search(told[-1]):
        return None
    return cause_of_message(Statement(told[-1], resource))


def _cause(task: TaskState, container: ContainerState, log: tuple[str, ...], *, silence: str) -> Cause:
    code = container.exit_code or 0
    line, *others = excerpt(log) or ("",)
    said = never_started(container.exit_code, log, task.arn)
    word, sentence, remedy = EXIT_CODES.get(code, _ANY_CODE)
    happened = f"The container {container.name} {sentence.format(code=code)}"
    first = f"{container.name}: exit code {code}"
    evidence = (line, first, *others) if line else (first,)
    if said is not None:
        return replace(said, evidence=evidence, resource=task.arn)
    return Cause(
        code=word,
        sentence=f"{happened}: {quoted(line)}" if line else f"{happened}; its log {silence}.",
        evidence=evidence,
        remedy=remedy,
        resource=task.arn,
        permanent=bool(line),  # a log line may still be on its way
    )
