"""Findings about how containers ended: exit codes, memory limits, crash loops."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from expressway.aws.values.service import ContainerState, TaskState
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.exits.rules import (
    CORRECT_IT,
    exit_meaning,
    format_is_open,
    never_started,
    runtime_limit,
    with_missing_files,
)
from expressway.diagnose.facts import (
    SIGKILL_EXIT_CODE,
    ServiceFacts,
    exited_container,
    first_failed_container,
    killed_for_memory,
    other_candidates,
)
from expressway.diagnose.finding import Finding
from expressway.diagnose.log_lines import excerpt, telling_line
from expressway.privacy.untrusted import quoted

_DEFAULT_STOP_SECONDS = 30


def killed_at_stop(facts: ServiceFacts) -> Finding | None:
    """ECS stopped tasks in the normal course of things, and had to kill them because they did not end by themselves."""
    killed = [task for task in facts.tasks if _was_killed_at_stop(task)]
    if not killed:
        return None
    container = next(one for one in killed[0].containers if one.exit_code == SIGKILL_EXIT_CODE)
    told = facts.container_definition(container.name).stop_timeout_seconds
    given = f"stopTimeout: {told} s" if told else f"{_DEFAULT_STOP_SECONDS} s, since no stopTimeout is set"
    return make_finding(
        code="killed_at_stop",
        cause=f"The container {container.name} was killed (exit code 137) because it did not end on SIGTERM within "
        f"the time it has ({given}); it was not short of memory.",
        evidence=tuple(dict.fromkeys(task.stopped_reason for task in killed if task.stopped_reason))[:3],
        resource=facts.resource,
        confidence="high",
    )


def side_container_ended(facts: ServiceFacts) -> Finding | None:
    """A container that is not essential ended with an error in a task that runs on: by design no fault, but notable."""
    ended = [
        (task, one)
        for task in facts.deployment.tasks
        for one in task.containers
        if task.running and not one.essential and one.exit_code and one.status == "STOPPED"
    ]
    if not ended:
        return None
    task, container = ended[0]
    name, code = container.name, container.exit_code
    return make_finding(
        code="side_container_ended",
        cause=f"The container {name} ended with code {code} beside the application, which runs on: {name} is not "
        "essential.",
        evidence=(container.reason,) if container.reason else (),
        remedy=f"Read its log if {name} is to keep running, or make it essential (the task then ends with it).",
        resource=task.arn,
    )


def spot_interrupted(facts: ServiceFacts) -> Finding | None:
    """AWS took back the Spot capacity that tasks ran on (ECS developer guide, "SpotInterruption errors")."""
    taken = [task for task in facts.tasks if task.stop_code == "SpotInterruption"]
    if not taken:
        return None
    number = len(taken)
    return make_finding(
        code="spot_interrupted",
        severity="info" if facts.has_enough_tasks else "warning" if facts.running_count else "critical",
        cause=f"AWS took back the Spot capacity of {number} task{'' if number == 1 else 's'} and stopped "
        f"{'it' if number == 1 else 'them'}; the application is not at fault.",
        evidence=tuple(dict.fromkeys(task.stopped_reason for task in taken if task.stopped_reason))[:1],
        resource=facts.resource,
    )


def _was_killed_at_stop(task: TaskState) -> bool:
    told_to_stop = task.status == "STOPPED" and not task.failed and task.stop_code not in {"", "SpotInterruption"}
    return told_to_stop and any(
        one.exit_code == SIGKILL_EXIT_CODE and not killed_for_memory(one.reason) for one in task.containers
    )


_WITHOUT_LOG = (
    "Read its log where it is kept, or let it log to CloudWatch Logs (logConfiguration with the awslogs driver); run "
    "the image locally with the same command and environment to see what ends it."
)
_KILLED_IN_LOG = re.compile(
    r"was sent SIGKILL! Perhaps out of memory|^Out of memory: Killed process|^OOM[ -]?kill", re.IGNORECASE
)


def memory_finding(facts: ServiceFacts) -> Finding | None:
    """A container was killed for its memory: by its own limit, or by the task's."""
    for task in facts.deployment.failed_tasks:
        container = first_failed_container(task)
        if container is not None and _lacked_memory(facts, task, container):
            return _memory_finding(facts, task, container)
    return None


def exit_finding(facts: ServiceFacts) -> Finding | None:
    """The first task whose container exited by itself, one with a log before one without.

    A failed health check is another rule's.
    """
    task = _first_with_log(facts)
    container = exited_container(task) if task else None
    if task is None or container is None:
        return None
    return with_missing_files(_exit_finding(facts, task, container), facts.deployment.excluded.get(container.name))


def crash_loop(facts: ServiceFacts) -> Finding | None:
    """One revision's tasks end by themselves repeatedly, without one that stays up in between.

    It quotes the log only where the newest task ended with another line than the finding about the exit quotes.
    """
    crashed = _crashed_in_a_row(facts)
    wanted = facts.service.desired_count if facts.service else 1
    if len(crashed) <= max(1, wanted):
        return None
    newest = crashed[0]
    lives = [life for life in (task.lifetime_seconds for task in crashed) if life is not None]
    containers = map(exited_container, crashed)
    codes = sorted({one.exit_code for one in containers if one is not None and one.exit_code is not None})
    lived = f", each within {max(1, math.ceil(max(lives)))} s of its start" if lives else ""
    told, ended = _line_of(facts, _first_with_log(facts)), _line_of(facts, newest)
    return make_finding(
        code="crash_loop",
        severity="warning" if facts.restored else "critical",
        cause=f"{len(crashed)} tasks of the same revision ended one after another{lived}, "
        f"with exit code {' and '.join(str(code) for code in codes)}{_end_of_loop(facts)}.",
        evidence=(ended,) if ended and ended != told else (),
        remedy="Correct what ends them, or deploy a version that worked."
        if _goes_on(facts)
        else "Correct what ends them, and deploy again.",
        resource=facts.resource,
        confidence="high" if (told or ended) and not format_is_open(crashed, facts.deployment.logs) else "medium",
    )


def _exit_finding(facts: ServiceFacts, task: TaskState, container: ContainerState) -> Finding:
    code = container.exit_code or 0
    log = facts.deployment.log_of(task)
    line = telling_line(log)
    known = never_started(code, log, task.arn)
    evidence = excerpt(log)
    if known is not None:
        return replace(known, evidence=evidence)
    if code == SIGKILL_EXIT_CODE:
        return _with_line(_killed(facts, task, container, evidence), line)
    limit = runtime_limit(line) if code else None
    if limit is not None:
        cause = (
            f"The container {container.name} ended by itself (exit code {code}): {limit.happened}; ECS did not kill it."
        )
        gave_up = make_finding("out_of_memory", cause=cause, evidence=evidence, remedy=limit.remedy, resource=task.arn)
        return _with_line(gave_up, line)
    word, ended, remedy = exit_meaning(code)
    candidates = other_candidates(container, task)
    unread = facts.deployment.unread_logs.get(task.task_id, "")
    finding = make_finding(
        code=word,
        cause=f"The container {container.name} {ended}{_beside(candidates)}{_about_log(facts, task)}.",
        evidence=evidence,
        remedy=_WITHOUT_LOG if remedy == CORRECT_IT and unread else remedy,
        resource=task.arn,
        confidence="high" if line and not candidates else "medium",
    )
    return _with_line(finding, line)


def _with_line(finding: Finding, line: str) -> Finding:
    """The finding with the line of the log that says why, in the sentence for views without evidence."""
    return replace(finding, quoting=f"{finding.cause.removesuffix('.')}: {quoted(line)}") if line else finding


def _beside(candidates: Sequence[ContainerState]) -> str:
    named = " and ".join(f"{one.name} with code {one.exit_code}" for one in candidates)
    return f" (in the same task ended {named})" if named else ""


def _killed(facts: ServiceFacts, task: TaskState, container: ContainerState, evidence: tuple[str, ...]) -> Finding:
    """An unexplained SIGKILL: ECS did not stop the task, and reports no lack of memory."""
    whole = facts.definition.memory_mib if facts.definition else 0
    limit = facts.container_definition(container.name).memory_mib or whole
    has = f" It has {limit} MiB." if limit else ""
    return make_finding(
        code="container_killed",
        cause=f"The container {container.name} was killed (SIGKILL, exit code 137); ECS neither stopped it nor says "
        f"that it lacked memory, which is still the most frequent reason.{has}",
        evidence=evidence,
        resource=task.arn,
        confidence="medium",
    )


def _memory_finding(facts: ServiceFacts, task: TaskState, container: ContainerState) -> Finding:
    own = facts.container_definition(container.name).memory_mib
    whole = facts.definition.memory_mib if facts.definition else 0
    log = facts.deployment.log_of(task)
    told = tuple(text for text in (container.reason, task.stopped_reason) if killed_for_memory(text))
    line = _memory_line(log)
    evidence = (*told, f"{container.name}: exit code {container.exit_code}", *((line,) if line else ()))
    if own and (not whole or own < whole):
        of_task = f" of the task's {whole} MiB" if whole else ""
        code, remedy = "container_memory_limit", ""
        cause = f"The container {container.name} was killed at its own memory limit: {own} MiB{of_task}."
    else:
        has = f" of {whole} MiB" if whole else ""
        code = "out_of_memory"
        cause = f"The container {container.name} used up the task's memory{has} and was killed."
        remedy = "Raise memory_mib in the definition, or make the application use less (fewer workers, smaller heap)."
    sure = "high" if told else "medium"
    return make_finding(code, cause=cause, evidence=evidence, remedy=remedy, resource=task.arn, confidence=sure)


def _lacked_memory(facts: ServiceFacts, task: TaskState, container: ContainerState) -> bool:
    """ECS says so; or the container was killed (SIGKILL), and its log ends with a lack of memory."""
    if killed_for_memory(container.reason) or killed_for_memory(task.stopped_reason):
        return True
    return container.exit_code == SIGKILL_EXIT_CODE and bool(_memory_line(facts.deployment.log_of(task)))


def _memory_line(log: tuple[str, ...]) -> str:
    line = telling_line(log)
    return line if runtime_limit(line) or _KILLED_IN_LOG.search(line) else ""


def _crashed_in_a_row(facts: ServiceFacts) -> list[TaskState]:
    """The newest tasks of the deployment that all ended by themselves, newest first."""
    found: list[TaskState] = []
    for task in facts.deployment.tasks:
        if task.failed and exited_container(task):
            found.append(task)
        elif task.running:
            break
    return found


def _about_log(facts: ServiceFacts, task: TaskState) -> str:
    if any(line.strip() for line in facts.deployment.log_of(task)):
        return ""
    if task.task_id in facts.deployment.unread_logs:
        return f"; its log {facts.deployment.unread_logs[task.task_id]}"
    if facts.lacks("logs"):
        return "; its log could not be read"
    return "; its log is empty"


def _first_with_log(facts: ServiceFacts) -> TaskState | None:
    """The first task whose container exited by itself, one with a log before one without."""
    ended = [task for task in facts.deployment.failed_tasks if exited_container(task)]
    return min(ended, key=lambda one: not facts.deployment.log_of(one), default=None)


def _line_of(facts: ServiceFacts, task: TaskState | None) -> str:
    return telling_line(facts.deployment.log_of(task)) if task is not None else ""


def _goes_on(facts: ServiceFacts) -> bool | None:
    """Whether ECS still starts tasks of the revision; None where no task is wanted, or that is unknown."""
    deployment, service = facts.deployment.state, facts.service
    unread = deployment is None and facts.lacks("deployments")
    if unread or (service is not None and not service.desired_count and facts.deployment_is_well):
        return None
    return not (facts.restored or (deployment is not None and deployment.failed))


def _end_of_loop(facts: ServiceFacts) -> str:
    goes_on = _goes_on(facts)
    if goes_on is not False:
        return "; ECS keeps starting new ones" if goes_on else ""
    status = facts.deployment.state.status if facts.deployment.state else ""
    if facts.restored or status == "ROLLBACK_SUCCESSFUL":
        return ", until the deployment was rolled back"
    if status in {"ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"}:
        return "; the deployment is being rolled back"
    return ", until the deployment was stopped" if status.startswith("STOP") else ", until the deployment failed"
